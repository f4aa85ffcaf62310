//! The simulator: a server, its clients, its disk and the network in one thread, from a seed.
#![forbid(unsafe_code)]

mod chat;
pub mod history;
pub mod reference;
mod rng;
mod roster;
pub mod script;
pub mod world;

pub use chat::{Chat, Mutation};
pub use rng::Rng;
pub use roster::Roster;
