//! The desktop program of Salotto: the web interface in a window of its own, with
//! raw TCP or TLS to any IRC server.
//!
//! Everything that decides something lives in [`controller`], [`connection`] and
//! [`settings`] and is tested without a window. [`commands`] is the door through
//! which the interface calls them; [`program`] is the window itself. What a line
//! of IRC means is the interface's business alone.

#![forbid(unsafe_code)]

pub mod commands;
pub mod connection;
pub mod controller;
pub mod line;
pub mod link;
pub mod notification;
pub mod program;
pub mod settings;
pub mod tls;
