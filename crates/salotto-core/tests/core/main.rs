//! The chat, tested as talk between named people, and as a machine that must not depend on chance.

mod account;
mod chat;
mod device;
mod durable;
mod join;
mod looking;
mod message;
mod mode;
mod name;
mod order;
mod replay;
mod resume;
mod room;
mod script;
mod secret;
