//! What will happen, and when: the only clock there is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::script::Line;

/// A moment of virtual time, in microseconds since the run began.
pub(super) type Moment = u64;

/// A connection, by its number; the server's session has the same number.
pub(super) type ConnectionId = usize;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A person's attempt to connect succeeds or fails.
    Dialled { actor: usize, attempt: u64 },
    /// Something from a client reaches the server.
    Up(ConnectionId, Up),
    /// Something from the server reaches a client.
    Down(ConnectionId, Down),
    /// A client's timer.
    Timer { actor: usize },
    /// A person does something.
    Act { actor: usize },
    /// The core's thread looks into its queue.
    Hub { process: u64 },
    /// The disk has written a batch, or refuses it.
    Written { process: u64 },
    /// A reading thread has got to a request for history.
    Read { process: u64, connection: ConnectionId, request: HistoryRequest },
    /// The server looks for dead connections.
    Sweep { process: u64 },
    /// Something goes wrong.
    Fault,
    /// The server starts.
    Start,
}

/// From client to server.
#[derive(Clone, Debug)]
pub(super) enum Up {
    /// A line of the protocol.
    Text(String),
    /// A command, as a hostile client's lines would make it.
    Step(Line),
    /// The client's end is closed.
    Closed,
}

/// From server to client.
#[derive(Clone, Debug)]
pub(super) enum Down {
    /// Lines of the protocol.
    Lines(Vec<Rc<str>>),
    /// The server's end is closed.
    Closed,
}

/// A request for a page of history.
#[derive(Clone, Debug)]
pub(super) struct HistoryRequest {
    pub target: String,
    pub conversation: Option<salotto_core::Conversation>,
    pub after: Option<u64>,
    /// In Unix milliseconds.
    pub after_time: Option<u64>,
    pub before: Option<u64>,
    pub limit: usize,
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
