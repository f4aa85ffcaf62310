//! Listeners, sessions, shards and adapters of the Salotto chat server.
#![forbid(unsafe_code)]

pub mod config;
pub mod http;
pub mod listen;
pub mod tls;
