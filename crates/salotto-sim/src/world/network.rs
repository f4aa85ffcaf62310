//! The network: bytes on their way, in order, some time later, or never.

use salotto_core::SessionId;
use salotto_server::listen::ListenerKind;
use salotto_wire::{LINE_LEN_MAX, LineBuffer};

use super::agenda::{ConnectionId, Happening, Moment, Up};
use super::link::End;
use super::{Nature, Pest, World};

/// Both ends of a connection and what is between them.
#[derive(Debug)]
pub(super) struct Connection {
    pub actor: usize,
    /// The server's end.
    pub end: End,
    /// The number of the server, and the session there, if it was taken.
    pub session: Option<(u64, SessionId)>,
    pub client_end: bool,
    /// Nothing gets through this way any more, and nobody is told.
    pub up_lost: bool,
    pub down_lost: bool,
    delay: u64,
    /// How many bytes a slow reader takes at a time.
    pub bite: usize,
    /// How long that takes.
    pub pace: u64,
    up_at: Moment,
    /// The beginning of a line that the client has read.
    lines: LineBuffer,
    /// The network is about to take something from the server's socket.
    is_coming_down: bool,
}

impl World {
    /// A connection is made.
    pub(super) fn connect(&mut self, actor: usize) -> ConnectionId {
        let connection = self.connections.len();
        let slow = self.actors[actor].reads_slowly && self.ends_at.is_none();
        let (bite, pace) = if slow {
            (self.rng.index(2_000) + 20, self.rng.between(1_000, 300_000))
        } else {
            (usize::MAX, 0)
        };
        let room = if self.rng.flip() { 64 * 1024 } else { 100 + self.rng.index(4_000) };
        let piece = if self.rng.chance(1, 4) { 1 + self.rng.index(200) } else { usize::MAX };
        self.connections.push(Connection {
            actor,
            end: End::new(connection, self.touched.clone(), room, piece),
            session: None,
            client_end: true,
            up_lost: false,
            down_lost: false,
            delay: self.rng.between(50, 80_000),
            bite,
            pace,
            up_at: self.now,
            lines: LineBuffer::new(LINE_LEN_MAX),
            is_coming_down: false,
        });
        self.trace.note(self.now, "connects", connection, b"");
        self.actors[actor].connection = Some(connection);
        let kind = match &self.actors[actor].nature {
            Nature::Simple(simple) => simple.kind(),
            Nature::Person(_) | Nature::Pest(_) => ListenerKind::Irc,
        };
        self.accept(connection, kind);
        connection
    }

    /// The client closes its end.
    pub(super) fn hang_up(&mut self, actor: usize) {
        if let Some(connection) = self.actors[actor].connection.take() {
            self.connections[connection].client_end = false;
            self.send_up(connection, Up::Closed);
        }
    }

    /// Something goes to the server.
    pub(super) fn send_up(&mut self, connection: ConnectionId, up: Up) {
        let link = &mut self.connections[connection];
        if link.up_lost {
            return;
        }
        link.up_at = link.up_at.max(self.now + self.rng.below(link.delay * 2 + 1));
        self.agenda.add(link.up_at, Happening::Up(connection, up));
    }

    /// Takes up what the server has written since the last look.
    pub(super) fn look_at_sockets(&mut self) {
        if self.touched.borrow().is_empty() {
            return;
        }
        let touched = self.touched.take();
        for &connection in &touched {
            self.connections[connection].end.untouch();
            self.bring_down(connection);
        }
    }

    /// What is in the server's socket gets to the client some time.
    fn bring_down(&mut self, connection: ConnectionId) {
        let link = &mut self.connections[connection];
        let is_something = link.end.has_leaving() || link.end.is_over();
        if link.down_lost || link.is_coming_down || !is_something {
            return;
        }
        link.is_coming_down = true;
        let takes = self.rng.below(link.delay * 2 + 1) + link.pace;
        self.agenda.add(self.now + takes, Happening::Down(connection));
    }

    /// The network has brought something to the client.
    pub(super) fn comes_down(&mut self, connection: ConnectionId) {
        let link = &mut self.connections[connection];
        link.is_coming_down = false;
        if link.down_lost {
            return;
        }
        let is_deaf = matches!(self.actors[link.actor].nature, Nature::Pest(Pest::Deaf)) && link.client_end;
        if is_deaf && self.ends_at.is_none() && !link.end.is_over() {
            return;
        }
        let mut bytes = Vec::new();
        let has_room = link.end.take(link.bite, &mut bytes);
        let is_over = link.end.is_over();
        let client_end = link.client_end;
        if has_room {
            self.has_room(connection);
        }
        if client_end && !bytes.is_empty() {
            self.trace.note(self.now, "<<", connection, &bytes);
            self.client_reads(connection, &bytes);
        }
        if is_over {
            self.trace.note(self.now, "<< closed", connection, b"");
            self.client_loses(connection);
        } else {
            self.bring_down(connection);
        }
    }

    fn client_reads(&mut self, connection: ConnectionId, mut bytes: &[u8]) {
        let actor = self.connections[connection].actor;
        match &mut self.actors[actor].nature {
            Nature::Person(_) => {
                let lines = LineBuffer::new(LINE_LEN_MAX);
                let mut lines = std::mem::replace(&mut self.connections[connection].lines, lines);
                // It may have closed the connection because of a line.
                while self.connections[connection].client_end
                    && let Some(line) = lines.next(&mut bytes)
                    && let Nature::Person(person) = &mut self.actors[actor].nature
                {
                    person.line(self.now, line.expect("the server keeps to the protocol"), &mut self.history);
                    self.pump(actor);
                }
                self.connections[connection].lines = lines;
            }
            Nature::Simple(simple) => {
                let answers = simple.read(bytes, &mut self.history);
                if !answers.is_empty() {
                    self.send_up(connection, Up::Bytes(answers.into_bytes()));
                }
            }
            Nature::Pest(_) => {}
        }
    }

    /// The client hears that its connection is over.
    pub(super) fn client_loses(&mut self, connection: ConnectionId) {
        let link = &mut self.connections[connection];
        if !std::mem::replace(&mut link.client_end, false) {
            return;
        }
        let actor = link.actor;
        self.actors[actor].connection = None;
        match &mut self.actors[actor].nature {
            Nature::Person(person) => {
                person.disconnected(self.now);
                self.pump(actor);
            }
            Nature::Simple(simple) => simple.disconnected(),
            Nature::Pest(_) => {}
        }
        // Whoever reads an end closes, too.
        self.send_up(connection, Up::Closed);
    }
}
