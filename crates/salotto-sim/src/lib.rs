//! The simulator: a server, its clients, its disk and the network in one thread, from a seed.
#![forbid(unsafe_code)]

pub mod history;
mod rng;

pub use rng::Rng;
