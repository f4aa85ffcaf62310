//! Gives every command its place in the one order.
//!
//! A node puts its own commands in, and takes everybody's out, in the order that all nodes share. Whoever stands
//! between, the core sees the same thing: commands with a number and a time, and no gap.
//!
//! # Why the trait is as it is
//!
//! [`Sequencer`] has two calls, [`submit`](Sequencer::submit) and [`receive`](Sequencer::receive), because with an
//! engine on other machines what comes out is not what has just gone in: other nodes' commands come between, a
//! submitted batch comes back later, and after a lost connection it may have to be submitted again. The core's
//! thread therefore never waits for the place of one command. It submits what has gathered, receives what is
//! there, applies that, and goes to sleep on its one queue.
//!
//! Both calls return at once. An engine that waits for a network does so on its own thread, and wakes the core's
//! thread through that thread's queue; how is the business of its constructor, so that [`Local`] need not know
//! of it. Batches are vectors which the caller owns and uses again, so a quiet server allocates nothing.
//!
//! An error is the end of the engine, not of a command: it has lost its log, or found it to be another one, and
//! the node must give no more receipts. An engine that only cannot be reached keeps what was submitted, and
//! `submit` takes nothing more when it has kept as much as it can; the commands it did not take stay with the
//! caller.
//!
//! # Time
//!
//! [`Ordered::at`] never goes back, although clocks do: a command gets the time that its node's clock shows, or
//! the time of the command before it when that is later. [`Place`] is this rule. It depends on nothing but the
//! commands before, so every node that reads the same log comes to the same times.
#![forbid(unsafe_code)]

mod local;
mod place;

pub use local::Local;
pub use place::Place;

use salotto_core::{Command, Ordered, Timestamp};

/// Puts commands in order.
///
/// **What comes out has numbers without gaps and times that never fall**, and every command that was taken comes
/// out, in the order in which this node submitted it.
pub trait Sequencer {
    /// Why there will be no more order.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Submits commands of this node, the first first, with the time on its clock. What is taken is removed from
    /// `commands`; what stays, there was no room for: submit it again after the next [`receive`](Self::receive).
    ///
    /// # Errors
    /// The engine has failed for good.
    fn submit(&mut self, now: Timestamp, commands: &mut Vec<Command>) -> Result<(), Self::Error>;

    /// Appends to `ordered` what has its place by now, this node's commands and others', each once.
    ///
    /// # Errors
    /// The engine has failed for good; what was appended before counts.
    fn receive(&mut self, ordered: &mut Vec<Ordered>) -> Result<(), Self::Error>;
}
