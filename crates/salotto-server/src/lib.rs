//! Listeners, sessions, shards and adapters of the Salotto chat server.
#![forbid(unsafe_code)]

pub mod config;
