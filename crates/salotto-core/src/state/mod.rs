//! The state: plain data keyed by ids, changed by `apply` alone.

mod account;
mod members;
mod person;
mod room;
mod set;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use account::{Account, DEVICES_MAX, MARKERS_MAX};
pub use members::{Member, Members};
pub use person::{Person, Session};
pub use room::{BANS_MAX, Ban, INVITED_MAX, Maker, Room};
pub use set::Set;
pub use tokens::{Author, Tokens};

use crate::event::Card;
use crate::id::{AccountId, DeviceId, NodeId, PersonId, RoomId, Seq, SessionId, Timestamp};
use crate::name::{Key, Nick, Skeleton};
use crate::record::DeviceRecord;

/// Everything the chat knows. Maps are ordered so that walking them is part of behaviour, not of chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The last command applied.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// The last command of each node that was applied.
    pub nodes: BTreeMap<NodeId, u64>,
    /// Connections that are signed in.
    pub sessions: BTreeMap<SessionId, Session>,
    /// People who are present. They are boxed because new ones have ever larger numbers, and a tree that grows at its end
    /// is half empty.
    pub people: BTreeMap<PersonId, Box<Person>>,
    /// Rooms, with or without members.
    pub rooms: BTreeMap<RoomId, Room>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Tokens that clients may repeat.
    pub tokens: Tokens,
    /// Present people by name.
    pub people_by_name: BTreeMap<Key, PersonId>,
    /// Present people by what their names look like.
    pub people_by_look: BTreeMap<Skeleton, PersonId>,
    /// Rooms by who made them.
    pub made: BTreeMap<Maker, BTreeSet<RoomId>>,
    /// Rooms by name.
    pub rooms_by_name: BTreeMap<Key, RoomId>,
    /// Accounts by name.
    pub accounts_by_name: BTreeMap<Key, AccountId>,
    /// Accounts by what their names look like.
    pub accounts_by_look: BTreeMap<Skeleton, AccountId>,
    /// Sessions by the token that takes them over.
    pub resumable: BTreeMap<[u8; 32], SessionId>,
    /// Devices by their tokens.
    pub devices: BTreeMap<[u8; 32], (AccountId, DeviceId)>,
}

/// How far to walk before searching.
const WALK_LEN: usize = 8;

impl State {
    /// The person a session speaks for.
    pub fn person_of(&self, session: SessionId) -> Option<&Person> {
        self.people.get(&self.sessions.get(&session)?.person).map(|person| &**person)
    }

    /// The people behind members of a room, in their order. In a room of most people that is a walk along the tree, not a
    /// search for each.
    pub fn people_of<'a>(&'a self, members: &'a Members) -> impl Iterator<Item = (&'a Person, &'a Member)> {
        let mut people = self.people.range(..).peekable();
        members.iter().filter_map(move |member| {
            let mut steps = 0;
            while steps < WALK_LEN && people.next_if(|(id, _)| **id < member.person).is_some() {
                steps += 1;
            }
            if people.peek().is_some_and(|(id, _)| **id < member.person) {
                people = self.people.range(member.person..).peekable();
            }
            people.next_if(|(id, _)| **id == member.person).map(|(_, person)| (&**person, member))
        })
    }

    /// Changes what others see of a present person, and gives it as it is then.
    pub fn recard(&mut self, id: PersonId, change: impl FnOnce(&mut Card)) -> Arc<Card> {
        let person = self.people.get_mut(&id).expect("whoever changes is present");
        let mut card = (*person.card).clone();
        change(&mut card);
        let card = Arc::new(card);
        person.card = card.clone();
        for room in &person.rooms {
            let member = self.rooms.get_mut(room).and_then(|room| room.members.get_mut(id));
            member.expect("each has the other").card = card.clone();
        }
        card
    }

    /// A present person by name, as anybody may write it.
    pub fn person_named(&self, text: &str) -> Option<&Person> {
        self.people.get(self.people_by_name.get(&crate::name::nick_key(text)?)?).map(|person| &**person)
    }

    /// A room by name, as anybody may write it.
    pub fn room_named(&self, text: &str) -> Option<&Room> {
        self.rooms.get(self.rooms_by_name.get(&*crate::name::fold_room(text))?)
    }

    /// Takes an account in.
    pub fn add_account(&mut self, id: AccountId, name: Nick, created: Timestamp) {
        self.accounts_by_name.insert(name.key().clone(), id);
        self.accounts_by_look.insert(name.skeleton(), id);
        self.accounts.insert(id, Account::new(id, name, created));
    }

    /// Takes a device in, or what is new about it; nothing where its account is gone.
    pub fn add_device(&mut self, device: DeviceRecord) {
        if let Some(account) = self.accounts.get_mut(&device.account) {
            self.devices.insert(device.token, (device.account, device.id));
            account.devices.insert(device.id, device);
        }
    }

    /// Forgets a device; whether there was one.
    pub fn remove_device(&mut self, account: AccountId, id: DeviceId) -> bool {
        let gone = self.accounts.get_mut(&account).and_then(|account| account.devices.remove(&id));
        gone.is_some_and(|gone| self.devices.remove(&gone.token).is_some())
    }

    /// Forgets a room.
    pub fn remove_room(&mut self, id: RoomId) {
        let Some(room) = self.rooms.remove(&id) else { return };
        self.rooms_by_name.remove(room.name.key());
        if let Some(maker) = room.maker
            && let Some(made) = self.made.get_mut(&maker)
        {
            made.remove(&id);
            if made.is_empty() {
                self.made.remove(&maker);
            }
        }
    }

    /// Takes a room in.
    pub fn add_room(&mut self, room: Room) {
        if let Some(maker) = &room.maker {
            self.made.entry(maker.clone()).or_default().insert(room.id);
        }
        self.rooms_by_name.insert(room.name.key().clone(), room.id);
        self.rooms.insert(room.id, room);
    }
}
