//! History, rooms and accounts in SQLite.
//!
//! One [`Store`] holds a data directory. Its one [`Writer`] belongs to the thread that commits: it takes the
//! records of a batch of commands, with the place of the last command, in one transaction. Any number of
//! [`Reader`]s, each with a connection of its own, answer for history without ever waiting for the writer.
//!
//! What [`Writer::commit`] has returned `Ok` for is there after a crash; what it has returned an error for was not
//! written, and the same batch can be tried again. Which crashes are meant, [`Durability`] says.
//!
//! Every post carries a checksum that is compared when it is read: damage is reported, never served.
#![forbid(unsafe_code)]

mod backup;
mod checkpoint;
mod connection;
mod durable;
mod error;
mod history;
mod mark;
mod migration;
mod post;
mod reader;
mod retention;
mod room;
mod store;
mod timeline;
mod wal;
mod writer;

pub use backup::{Verified, backup, restore, verify};
pub use error::StoreError;
pub use history::{HistoryQuery, Ref};
pub use reader::{AccountVerifier, Reader};
pub use retention::Retained;
pub use store::{Durability, Store};
pub use writer::Writer;
