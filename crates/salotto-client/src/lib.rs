//! A client's side of IRCv3: connect, sign in, resume, outbox.
//!
//! [`Client`] is the whole logic without a socket, a clock or randomness of its own; [`Driver`] joins
//! it to TCP or TLS with tokio. User interfaces, bots and tests are built on these two.
//!
//! The client works with any IRC server. Where the server offers the capabilities, messages are kept
//! apart by their ids, what was missed is fetched after a reconnection, and what could not be sent is
//! sent again without being seen twice; where it does not, the nearest weaker behaviour takes over.
#![forbid(unsafe_code)]

mod backoff;
mod client;
mod conversation;
mod driver;
mod event;
mod history;
mod liveness;
mod negotiation;
mod outbox;
mod rng;
mod state;
mod time;
mod timeline;
mod timer;

pub use backoff::{DELAYS_MS, RetryPolicy};
pub use client::{Client, Credentials, DeviceToken, Options, TOKEN_TAG, Transmit};
pub use conversation::{Conversation, ConversationKind, Member, Topic};
pub use driver::{Driver, DriverError, Endpoint, Fingerprint, FingerprintError, Trust};
pub use event::{ChatMessage, Device, Event, LeaveKind, MessageKind, NickRefusal, RefusalReason};
pub use outbox::{Entry, EntryState, FailReason, LocalId, Outbox};
pub use state::{ConnectFailure, Loss, State, StopReason};
pub use time::Time;
pub use timeline::{Row, RowKind, Timeline};
