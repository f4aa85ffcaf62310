//! The IRCv3 grammar: messages, tags, capabilities, numerics, case folding.
//!
//! Everything here is a function of its arguments. This crate opens no socket, reads no clock, draws
//! no random number and knows nothing of rooms or people; servers and clients share it and nothing else.
//!
//! The texts it follows are the Modern IRC document and the IRCv3 specifications (`message-tags`,
//! `capability-negotiation`, `server-time`, `sasl-3.1`).
//!
//! ```
//! use salotto_wire::{Line, Message};
//!
//! let message = Message::parse("@msgid=a1 :anna!a@host PRIVMSG #lobby :good evening").unwrap();
//! assert_eq!(message.tag("msgid").as_deref(), Some("a1"));
//! assert_eq!(message.params(), ["#lobby", "good evening"]);
//!
//! let mut out = Vec::new();
//! Line::new(&mut out).source("anna").command("JOIN").param("#lobby").end();
//! assert_eq!(out, b":anna JOIN #lobby\r\n");
//! ```
#![forbid(unsafe_code)]

pub mod capability;
pub mod casemapping;
pub mod ctcp;
pub mod formatting;
pub mod isupport;
pub mod line;
pub mod line_buffer;
pub mod mask;
pub mod message;
pub mod mode;
pub mod numeric;
pub mod sasl;
pub mod server_time;
pub mod split;
pub mod tag;

pub use capability::{Capability, CapabilitySet};
pub use casemapping::CaseMapping;
pub use line::Line;
pub use line_buffer::{LineBuffer, LineError};
pub use message::{Message, ParseError, Source};
pub use numeric::Numeric;
pub use tag::Tags;

/// The most bytes a line may have without its tags, CR LF included (Modern IRC, "Message Format").
pub const BODY_LEN_MAX: usize = 512;
/// The most bytes all tags of one line may have, the `@` and the space after them included (message-tags).
pub const TAGS_LEN_MAX: usize = 8191;
/// The most bytes of tags that a client may send in one line, `@` and space included (message-tags).
pub const CLIENT_TAGS_LEN_MAX: usize = 4096;
/// The most bytes any line of the protocol may have: all tags and a body.
pub const LINE_LEN_MAX: usize = TAGS_LEN_MAX + BODY_LEN_MAX;
/// The most parameters a line may have; the last takes the rest of the line (Modern IRC, "Parameters").
pub const PARAMS_MAX: usize = 15;
