//! The simulator: a server, its clients, its disk and the network in one thread, from a seed.
//!
//! [`world`] runs them on virtual time with crashes, broken connections, clock steps and a disk that refuses.
//! [`mod@reference`] is the chat once more, naively, for comparing with the core on the same scripts. [`history`]
//! says which promises were broken, for these and for any other fault test. [`Mutation`] makes the core wrong in
//! ways that the two must find.
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
