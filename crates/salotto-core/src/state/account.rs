//! Accounts: names that stay somebody's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, DeviceId, RoomId, Timestamp};
use crate::name::Nick;
use crate::record::DeviceRecord;

/// How many read markers an account or a guest may have; a further one is not kept.
pub const MARKERS_MAX: usize = 2_000;

/// How many devices an account may have; a further one takes the place of the one unused for longest.
pub const DEVICES_MAX: usize = 32;

/// A registered account. The password's hash is the store's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Which account.
    pub id: AccountId,
    /// Its name.
    pub name: Nick,
    /// When it was made.
    pub created: Timestamp,
    /// Rooms it is brought back into.
    pub rooms: BTreeSet<RoomId>,
    /// How far conversations were read, by the key of the room's or person's name.
    pub markers: BTreeMap<Arc<str>, Timestamp>,
    /// Devices that sign in to it without a password.
    pub devices: BTreeMap<DeviceId, DeviceRecord>,
}

impl Account {
    /// A fresh account.
    pub fn new(id: AccountId, name: Nick, created: Timestamp) -> Account {
        Account {
            id,
            name,
            created,
            rooms: BTreeSet::new(),
            markers: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }
}
