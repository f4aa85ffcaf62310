//! The bare terminal: what a person with `nc` or `telnet` reads and types, in English and Italian.
//!
//! Lines come in and lines go out, all ended by CR LF; nothing here moves a cursor or sets a colour. A session asks
//! for a name until the chat accepts one, and from then on everything typed is said in the current room, except what
//! begins with a slash.

pub mod clean;
mod command;
mod earlier;
mod online;
mod render;
mod session;
pub mod telnet;
mod text;

pub(crate) use render::render;
pub(crate) use session::Session;
