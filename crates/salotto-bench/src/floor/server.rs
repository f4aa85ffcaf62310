//! A server with just enough IRC to be loaded: names, one room for each member, messages. It checks nothing, keeps
//! nothing, and trusts its client; it is a measuring device and must never face anyone else.
//!
//! Lines for a room are gathered in one log during a turn of the loop; then each member gets the whole log in one
//! write straight from there. Only who spoke in this turn, joined in it, or could not take everything before, gets
//! its own copy.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::args::Fault;
use crate::line::Line;

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// What one read takes.
const READ_LEN_MAX: usize = 64 * 1024;

/// The longest line.
const LINE_LEN_MAX: usize = 8191 + 512;

/// A room's log is written out at this size even within a turn.
const LOG_LEN_MAX: usize = 1024 * 1024;

/// A member with so much unwritten is cut off.
const UNSENT_LEN_MAX: usize = 256 * 1024 * 1024;

/// A fault is committed on about every so many messages.
const FAULT_EVERY: u64 = 500;

/// Nobody's number: the author of lines that all members get.
const NOBODY: usize = usize::MAX;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// All that a socket is due in one write; with a fault now and then, if so wished.
    Coalesced(Option<Fault>),
    /// Each message in a write of its own.
    Single,
}

/// The bare server.
pub struct FloorServer {
    poll: Poll,
    listener: TcpListener,
    port: u16,
    writing: Writing,
    peers: Vec<Option<Peer>>,
    vacant: Vec<usize>,
    rooms: Vec<Room>,
    room_numbers: HashMap<Vec<u8>, usize>,
    dirty_rooms: Vec<usize>,
    messages: u64,
    stopped: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

/// Ends a server from another thread.
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stopper {
    /// Lets [`FloorServer::run`] return.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // A poll that is gone needs no waking.
        let _ = self.waker.wake();
    }
}

struct Peer {
    stream: TcpStream,
    carry: Vec<u8>,
    out: Vec<u8>,
    out_from: usize,
    nick: Vec<u8>,
    /// `:nick!user@host `
    prefix: Vec<u8>,
    room: Option<usize>,
    /// Where the room's log of this turn begins for this member: it joined there.
    log_from: usize,
    /// Whether some of the log's lines are its own.
    spoke: bool,
}

#[derive(Default)]
struct Room {
    name: Vec<u8>,
    members: Vec<usize>,
    log: Vec<u8>,
    /// End and author of each line of the log.
    lines: Vec<(usize, usize)>,
    is_dirty: bool,
    /// Whether a fault is due for the first member.
    fault_is_due: bool,
}

impl FloorServer {
    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub fn listen(address: SocketAddr, writing: Writing) -> Result<Self> {
        let poll = Poll::new().context("cannot create a poll")?;
        let mut listener =
            TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        let port = listener.local_addr().context("cannot find the own port")?.port();
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .context("cannot watch the port")?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP).context("cannot create a waker")?);
        Ok(Self {
            poll,
            listener,
            port,
            writing,
            peers: Vec::new(),
            vacant: Vec::new(),
            rooms: Vec::new(),
            room_numbers: HashMap::new(),
            dirty_rooms: Vec::new(),
            messages: 0,
            stopped: Arc::new(AtomicBool::new(false)),
            waker,
        })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A handle that ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper { stopped: Arc::clone(&self.stopped), waker: Arc::clone(&self.waker) }
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    ///
    /// Only what the poll reports.
    pub fn run(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; LINE_LEN_MAX + READ_LEN_MAX];
        while !self.stopped.load(Ordering::Acquire) {
            match self.poll.poll(&mut events, None) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot wait for events"),
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    STOP => {}
                    Token(at) => {
                        let over = event.is_read_closed() || event.is_error();
                        if event.is_readable() || over {
                            self.read(at, over, &mut buffer);
                        }
                        if event.is_writable() {
                            self.flush(at);
                        }
                    }
                }
            }
            while let Some(room) = self.dirty_rooms.pop() {
                self.deliver(room);
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept a connection"),
            };
            let at = self.vacant.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            let _ = stream.set_nodelay(true);
            self.poll
                .registry()
                .register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)
                .context("cannot watch a connection")?;
            self.peers[at] = Some(Peer {
                stream,
                carry: Vec::new(),
                out: Vec::new(),
                out_from: 0,
                nick: Vec::new(),
                prefix: Vec::new(),
                room: None,
                log_from: 0,
                spoke: false,
            });
        }
    }

    fn read(&mut self, at: usize, over: bool, buffer: &mut [u8]) {
        loop {
            let Some(peer) = self.peers.get_mut(at).and_then(Option::as_mut) else { return };
            let carried = peer.carry.len();
            buffer[..carried].copy_from_slice(&peer.carry);
            match peer.stream.read(&mut buffer[carried..carried + READ_LEN_MAX]) {
                Ok(0) => return self.close(at),
                Ok(len) => {
                    peer.carry.clear();
                    self.scan(at, &buffer[..carried + len]);
                    if cfg!(unix) && len < READ_LEN_MAX && !over {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.close(at),
            }
        }
    }

    fn scan(&mut self, at: usize, data: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', data) {
            let line = &data[start..end];
            start = end + 1;
            self.line(at, line.strip_suffix(b"\r").unwrap_or(line));
        }
        let rest = &data[start..];
        if rest.len() > LINE_LEN_MAX {
            return self.close(at);
        }
        if let Some(peer) = &mut self.peers[at] {
            peer.carry.extend_from_slice(rest);
        }
    }

    fn line(&mut self, at: usize, line: &[u8]) {
        if line.starts_with(b"PRIVMSG ") {
            return self.message(at, line);
        }
        let Some(peer) = &mut self.peers[at] else { return };
        let parsed = Line::parse(line);
        match parsed.command {
            b"NICK" => {
                peer.nick = parsed.param(0).to_vec();
                peer.prefix = [b":", &*peer.nick, b"!bench@127.0.0.1 "].concat();
            }
            b"USER" => {
                let nick = String::from_utf8_lossy(&peer.nick).into_owned();
                self.answer(
                    at,
                    format!(":floor 001 {nick} :Welcome\r\n:floor 422 {nick} :No message\r\n").as_bytes(),
                );
            }
            b"PING" => {
                let answer = [b":floor PONG floor :", parsed.param(0), b"\r\n"].concat();
                self.answer(at, &answer);
            }
            b"JOIN" => self.join(at, parsed.param(0)),
            b"QUIT" => self.close(at),
            _ => {}
        }
    }

    fn message(&mut self, at: usize, line: &[u8]) {
        let Some(peer) = &mut self.peers[at] else { return };
        let Some(number) = peer.room else { return };
        self.messages += 1;
        let room = &mut self.rooms[number];
        let start = room.log.len();
        room.log.extend_from_slice(&peer.prefix);
        room.log.extend_from_slice(line);
        room.log.extend_from_slice(b"\r\n");
        room.lines.push((room.log.len(), at));
        room.fault_is_due |= self.messages.is_multiple_of(FAULT_EVERY);
        peer.spoke = true;
        match self.writing {
            Writing::Single => {
                let line = room.log.split_off(start);
                room.lines.pop();
                peer.spoke = false;
                for place in 0..self.rooms[number].members.len() {
                    let member = self.rooms[number].members[place];
                    if member != at {
                        self.answer(member, &line);
                    }
                }
            }
            Writing::Coalesced(_) => self.note_dirty(number),
        }
    }

    fn join(&mut self, at: usize, name: &[u8]) {
        let next = self.rooms.len();
        let number = *self.room_numbers.entry(name.to_vec()).or_insert(next);
        if number == next {
            self.rooms.push(Room { name: name.to_vec(), ..Room::default() });
        }
        let Some(peer) = &mut self.peers[at] else { return };
        if peer.room.is_some() {
            return;
        }
        let room = &mut self.rooms[number];
        let join = [&*peer.prefix, b"JOIN ", &room.name, b"\r\n"].concat();
        room.log.extend_from_slice(&join);
        room.lines.push((room.log.len(), at));
        room.members.push(at);
        peer.room = Some(number);
        peer.spoke = true;
        peer.log_from = room.log.len();
        let nick = &peer.nick;
        let end = [&join, &b":floor 366 "[..], nick, b" ", &room.name, b" :End of names\r\n"].concat();
        self.answer(at, &end);
        self.note_dirty(number);
    }

    fn note_dirty(&mut self, number: usize) {
        let room = &mut self.rooms[number];
        if room.log.len() > LOG_LEN_MAX {
            return self.deliver(number);
        }
        if !room.is_dirty {
            room.is_dirty = true;
            self.dirty_rooms.push(number);
        }
    }

    /// Writes a room's log to its members and empties it.
    fn deliver(&mut self, number: usize) {
        let mut room = std::mem::take(&mut self.rooms[number]);
        room.is_dirty = false;
        if let (Writing::Coalesced(Some(fault)), true, Some(victim)) =
            (self.writing, room.fault_is_due, room.members.first().copied())
        {
            room.fault_is_due = !self.deliver_with_fault(victim, &room, fault);
        }
        for member in &room.members {
            let Some(peer) = &mut self.peers[*member] else { continue };
            let log_from = std::mem::take(&mut peer.log_from);
            if std::mem::take(&mut peer.spoke) || log_from > 0 {
                let mut start = 0;
                for (end, author) in &room.lines {
                    if *author != *member && start >= log_from {
                        peer.out.extend_from_slice(&room.log[start..*end]);
                    }
                    start = *end;
                }
                self.flush(*member);
            } else {
                self.answer(*member, &room.log);
            }
        }
        room.log.clear();
        room.lines.clear();
        // Members that were closed during the delivery have left, and said so in, the stand-in.
        room.members
            .retain(|member| self.peers[*member].as_ref().is_some_and(|peer| peer.room == Some(number)));
        let stand_in = std::mem::replace(&mut self.rooms[number], room);
        let room = &mut self.rooms[number];
        room.is_dirty = stand_in.is_dirty;
        room.log.extend_from_slice(&stand_in.log);
        room.lines.extend_from_slice(&stand_in.lines);
    }

    /// Gives one member the log with a fault in it; says whether the log offered the occasion.
    fn deliver_with_fault(&mut self, victim: usize, room: &Room, fault: Fault) -> bool {
        let Some(peer) = &mut self.peers[victim] else { return false };
        let mut start = 0;
        let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
        for (end, author) in &room.lines {
            if *author != victim && start >= peer.log_from {
                lines.push((*author, room.log[start..*end].to_vec()));
            }
            start = *end;
        }
        let is_same = |pair: &[(usize, Vec<u8>)]| pair[0].0 == pair[1].0;
        let is_message = |line: &[u8]| line.windows(9).any(|word| word == b" PRIVMSG ");
        if !lines.iter().all(|(_, line)| is_message(line)) {
            return false;
        }
        let pair = match fault {
            Fault::Swap => lines.windows(2).position(is_same),
            Fault::Reorder => lines.windows(2).position(|pair| !is_same(pair)),
            // The last line stays, so that the gap shows before the end of the run.
            Fault::Loss | Fault::Repeat | Fault::Damage => Some(0).filter(|_| lines.len() > 1),
        };
        let Some(at) = pair else { return false };
        match fault {
            Fault::Swap | Fault::Reorder => lines.swap(at, at + 1),
            Fault::Loss => drop(lines.remove(at)),
            Fault::Repeat => lines.insert(at, lines[at].clone()),
            Fault::Damage => {
                let text = &mut lines[at].1;
                let last = text.len() - 4;
                text[last] ^= 1;
            }
        }
        lines.iter().for_each(|(_, line)| peer.out.extend_from_slice(line));
        // Everything is in `out`: the member has no part in the log any more.
        peer.log_from = room.log.len();
        self.flush(victim);
        true
    }

    /// Writes bytes to a peer, straight from where they are if nothing waits before them.
    fn answer(&mut self, at: usize, bytes: &[u8]) {
        let Some(peer) = &mut self.peers[at] else { return };
        let mut written = 0;
        if peer.out.is_empty() {
            match peer.stream.write(bytes) {
                Ok(len) => written = len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return self.close(at),
            }
        }
        if written < bytes.len() {
            peer.out.extend_from_slice(&bytes[written..]);
            if peer.out.len() - peer.out_from > UNSENT_LEN_MAX {
                self.close(at);
            } else {
                self.flush(at);
            }
        }
    }

    fn flush(&mut self, at: usize) {
        let Some(peer) = self.peers.get_mut(at).and_then(Option::as_mut) else { return };
        while peer.out_from < peer.out.len() {
            match peer.stream.write(&peer.out[peer.out_from..]) {
                Ok(len) => peer.out_from += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(at),
            }
        }
        peer.out.clear();
        peer.out_from = 0;
    }

    fn close(&mut self, at: usize) {
        let Some(peer) = self.peers[at].take() else { return };
        self.vacant.push(at);
        let Some(number) = peer.room else { return };
        let room = &mut self.rooms[number];
        room.members.retain(|member| *member != at);
        let quit = [&*peer.prefix, b"QUIT :gone\r\n"].concat();
        room.log.extend_from_slice(&quit);
        room.lines.push((room.log.len(), NOBODY));
        self.note_dirty(number);
    }
}
