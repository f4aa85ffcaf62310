//! What will happen, and when: the only clock there is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use salotto_core::SessionId;

/// A moment of virtual time, in microseconds since the run began.
pub(super) type Moment = u64;

/// A connection, by its number.
pub(super) type ConnectionId = usize;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    /// A person's attempt to connect succeeds or fails.
    Dialled { actor: usize, attempt: u64 },
    /// Something from a client reaches the server's machine.
    Up(ConnectionId, Up),
    /// The network takes what the server has written, and the client gets it.
    Down(ConnectionId),
    /// The client hears that the connection is broken.
    Broken(ConnectionId),
    /// A client's timer.
    Timer { actor: usize },
    /// A person does something.
    Act { actor: usize },
    /// A shard of the server has its turn.
    Shard { process: u64, index: usize },
    /// The core's thread looks into its queue.
    Hub { process: u64 },
    /// The disk has written a transaction, or refuses it.
    Written { process: u64 },
    /// A password is hashed, or history is read.
    Job { process: u64, session: SessionId },
    /// The server looks at the clock.
    Tick { process: u64 },
    /// Something goes wrong.
    Fault,
    /// The server starts.
    Start,
}

/// From client to server.
#[derive(Debug)]
pub(super) enum Up {
    /// Lines of the protocol.
    Bytes(Vec<u8>),
    /// The client's end is closed.
    Closed,
    /// The connection is broken.
    Broken,
}

#[derive(Debug)]
struct Entry {
    at: Moment,
    number: u64,
    happening: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What will happen, in order; of two things at one moment the one that was put in first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    number: u64,
}

impl Agenda {
    pub fn add(&mut self, at: Moment, happening: Happening) {
        self.number += 1;
        self.entries.push(Reverse(Entry { at, number: self.number, happening }));
    }

    pub fn next(&mut self) -> Option<(Moment, Happening)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.happening))
    }
}
