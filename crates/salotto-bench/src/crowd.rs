//! Many members in one thread: connecting, registering, joining, and a loop that hands on what they hear.
//!
//! One edge-triggered poll, one read buffer for all, and per member only the start of an unfinished line and what
//! could not be written yet. Nothing is allocated for a message once these have grown to their size.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memchr_iter;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::alarm::Alarm;
use crate::args::Target;
use crate::files::make_room_for;
use crate::histogram::Histogram;
use crate::identity::{Nick, Run};
use crate::line::Line;
use crate::payload::{Codec, Decoded, Payload};

/// What one read takes at most. Larger reads save system calls, smaller ones stay in the core's own cache.
const READ_LEN_MAX: usize = 128 * 1024;

/// The longest line that is put together from several reads: tags (8191 bytes) and message (512 bytes), twice.
const LINE_LEN_MAX: usize = 2 * (8191 + 512);

/// What may wait to be written on one connection before the server counts as not reading.
const UNSENT_LEN_MAX: usize = 4 * 1024 * 1024;

/// Connections handled between two looks at the clock and the senders' windows.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Connections from one source address: below the usual 28,232 ports for outgoing connections.
const CONNECTIONS_PER_SOURCE_MAX: usize = 25_000;

/// Attempts to connect one member. A server whose listen queue is full for long lets the system reset connections
/// that it has never seen.
const CONNECTS_MAX: u8 = 5;

/// Names tried for one member before the server counts as refusing names.
const NAMES_TRIED_MAX: u8 = 10;

/// A registration that takes longer counts as slow, in nanoseconds.
const SLOW_REGISTRATION_NS: u64 = 1_000_000_000;

/// Whether a read that filled less than its buffer has emptied the socket, as epoll(7) and kqueue have it. Elsewhere
/// the loop reads until it would block.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

const ALARM: Token = Token(usize::MAX);

/// What happens to a member apart from messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server has welcomed it, this long after its connection was begun, in nanoseconds.
    Registered(u64),
    /// It is in its room.
    Joined,
    /// Its connection is over.
    Closed,
}

/// Receives what the members hear.
pub trait Listener {
    /// A member heard a message of this run at `now_ns`.
    fn heard(&mut self, member: usize, payload: Payload, now_ns: u64);

    /// A member heard a message of this run at `now_ns`; `line` is the whole of it, without its ending.
    #[inline]
    fn heard_line(&mut self, member: usize, payload: Payload, _line: &[u8], now_ns: u64) {
        self.heard(member, payload, now_ns);
    }

    /// A member heard a message to a room that nobody of this run has sent in this form.
    fn damaged(&mut self, member: usize);

    /// A member heard a message to a room that is none of this run; damaged, unless others are expected to speak.
    fn foreign(&mut self, member: usize, _line: &[u8], _now_ns: u64) {
        self.damaged(member);
    }

    /// Something happened to a member.
    fn event(&mut self, _member: usize, _event: Event) {}

    /// A member heard a line that is neither a message nor part of registering and joining.
    fn line(&mut self, _member: usize, _line: &Line<'_>, _now_ns: u64) {}
}

/// A listener for phases in which nothing is said.
pub struct Deaf;

impl Listener for Deaf {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}
    fn damaged(&mut self, _member: usize) {}
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Absent,
    Registering,
    Joining,
    Ready,
}

#[derive(Default)]
struct Member {
    stream: Option<TcpStream>,
    stage: Stage,
    paused: bool,
    /// When the server's side was first seen closed while the member was paused.
    hung_up_ns: Option<u64>,
    /// The start of a line whose end has not been read.
    carry: Vec<u8>,
    /// What is to be written, from `out_from` on.
    out: Vec<u8>,
    out_from: usize,
    room: Option<usize>,
    /// What it says first, instead of a name that the run chooses.
    introduction: Option<Box<[u8]>>,
    /// The address it connects from, when it is not the crowd's choice.
    source: Option<IpAddr>,
    /// Bytes that the system may hold for it unread, when they are not the system's choice.
    receive_buffer: Option<usize>,
    /// Bytes that the system may hold of it unsent, likewise.
    send_buffer: Option<usize>,
    nick: Nick,
    names_tried: u8,
    connects: u8,
    /// Whether anything was ever read from this connection.
    is_answered: bool,
    opened_ns: u64,
}

/// The members and their loop.
pub struct Crowd {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    clock: Instant,
    server: SocketAddr,
    sources: Vec<IpAddr>,
    members: Vec<Member>,
    /// `PRIVMSG #room :` for each room.
    openings: Vec<Vec<u8>>,
    rooms: Vec<String>,
    codec: Codec,
    run: Run,
    buffer: Vec<u8>,
    registrations: Histogram,
    registrations_slow: u64,
    connect_retries: u64,
    last_error: Option<String>,
    under_way: usize,
    ready: usize,
    reads: u64,
}

/// How the gathering went.
#[derive(Clone, Copy, Debug)]
pub struct Gathered {
    /// From the first connection until the last member was in its room, in seconds.
    pub took_s: f64,
}

impl Crowd {
    /// Prepares `members` members, not connected yet; `room_of` gives each the number of its room, if any.
    ///
    /// # Errors
    ///
    /// When the address cannot be found or the system does not allow as many connections.
    pub fn new(
        target: &Target,
        members: usize,
        text_len: usize,
        room_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<Self> {
        make_room_for(members)?;
        let poll = Poll::new().context("cannot create a poll")?;
        let alarm = Alarm::new(poll.registry(), ALARM).context("cannot create a timer")?;
        let server = resolve(&target.host, target.port)?;
        let run = Run::begin();
        let mut rooms_len = 0;
        let members: Vec<Member> = (0..members)
            .map(|member| {
                let room = room_of(member);
                rooms_len = rooms_len.max(room.map_or(0, |room| room + 1));
                Member { room, ..Member::default() }
            })
            .collect();
        let rooms: Vec<String> = (0..rooms_len).map(|room| run.room(room)).collect();
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN_MAX),
            alarm,
            clock: Instant::now(),
            server,
            sources: sources(server, members.len(), target.sources)?,
            members,
            openings: rooms.iter().map(|room| format!("PRIVMSG {room} :").into_bytes()).collect(),
            rooms,
            codec: Codec::new(run.number(), text_len),
            run,
            buffer: vec![0; LINE_LEN_MAX + READ_LEN_MAX],
            registrations: Histogram::default(),
            registrations_slow: 0,
            connect_retries: 0,
            last_error: None,
            under_way: 0,
            ready: 0,
            reads: 0,
        })
    }

    /// Nanoseconds since the crowd was made: the clock of all its figures.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    /// How many times anything was read so far.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// How many members are in their rooms now.
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// Durations from opening a connection to the end of the welcome, in nanoseconds.
    pub fn registrations(&self) -> &Histogram {
        &self.registrations
    }

    /// How many registrations took longer than a second.
    pub fn registrations_slow(&self) -> u64 {
        self.registrations_slow
    }

    /// How many connections were reset before the server said anything, and begun again.
    pub fn connect_retries(&self) -> u64 {
        self.connect_retries
    }

    /// The last complaint of the server or the system, for error messages.
    pub fn complaint(&self) -> &str {
        self.last_error.as_deref().unwrap_or("no reason given")
    }

    /// The number of the run, which [`Crowd::listen_to`] takes.
    pub fn run_number(&self) -> u64 {
        self.run.number()
    }

    /// Lets this crowd go to the rooms of another one and understand what is said there.
    pub fn listen_to(&mut self, run_number: u64, text_len: usize, rooms: &[String]) {
        self.codec = Codec::new(run_number, text_len);
        self.rooms = rooms.to_vec();
        self.openings = rooms.iter().map(|room| format!("PRIVMSG {room} :").into_bytes()).collect();
    }

    /// The names of all rooms.
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// The room a member goes to when it connects the next time.
    pub fn set_room(&mut self, at: usize, room: Option<usize>) {
        self.members[at].room = room;
    }

    /// Takes a name that nobody else of this run has.
    pub fn next_nick(&mut self) -> Nick {
        self.run.next_nick()
    }

    /// Lets a member say these lines when it connects, instead of `NICK` and `USER` with a name of the run. What
    /// the server says to them goes to [`Listener::line`], up to the end of the welcome.
    pub fn introduce(&mut self, at: usize, lines: &str) {
        self.members[at].introduction = Some(lines.as_bytes().into());
    }

    /// The address a member connects from, from its next connection on.
    pub fn set_source(&mut self, at: usize, source: IpAddr) {
        self.members[at].source = Some(source);
    }

    /// Lets the system hold little for a member that does not read, from its next connection on.
    ///
    /// Below two segments (131,072 bytes over loopback) the system waits ever longer between two of them, and the
    /// delays are its own.
    pub fn set_receive_buffer(&mut self, at: usize, bytes: usize) {
        self.members[at].receive_buffer = Some(bytes);
    }

    /// Lets the system hold little of what a member sends, from its next connection on.
    pub fn set_send_buffer(&mut self, at: usize, bytes: usize) {
        self.members[at].send_buffer = Some(bytes);
    }

    /// How many bytes of a member wait here to be taken by the system.
    pub fn unsent(&self, at: usize) -> usize {
        self.members[at].out.len() - self.members[at].out_from
    }

    /// Whether a member is in its room.
    pub fn is_ready(&self, at: usize) -> bool {
        self.members[at].stage == Stage::Ready
    }

    /// How many connections are between their beginning and their room.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// The name of a room.
    pub fn room(&self, room: usize) -> &str {
        &self.rooms[room]
    }

    /// The name of a member.
    pub fn nick(&self, member: usize) -> Nick {
        self.members[member].nick
    }

    /// Whether the member has a connection.
    pub fn is_connected(&self, member: usize) -> bool {
        self.members[member].stream.is_some()
    }

    /// Connects all members, at most `in_flight` at once, and waits until each is in its room.
    ///
    /// # Errors
    ///
    /// When the server refuses or closes a connection, or after `limit`.
    pub fn gather(
        &mut self,
        in_flight: usize,
        limit: Duration,
        listener: &mut impl Listener,
    ) -> Result<Gathered> {
        let start_ns = self.now_ns();
        let end_ns = start_ns + limit.as_nanos() as u64;
        let mut next = 0;
        while self.ready < self.members.len() {
            while next < self.members.len() && self.under_way < in_flight.max(1) {
                self.open(next)?;
                next += 1;
            }
            self.turn(end_ns, listener)?;
            if next > self.ready + self.under_way {
                bail!(
                    "the server closed a connection before it was in its room ({} of {} were): {}",
                    self.ready,
                    self.members.len(),
                    self.complaint()
                );
            }
            if self.now_ns() >= end_ns {
                bail!(
                    "only {} of {} members were in their rooms after {} s: {}",
                    self.ready,
                    self.members.len(),
                    limit.as_secs(),
                    self.complaint()
                );
            }
        }
        Ok(Gathered { took_s: (self.now_ns() - start_ns) as f64 / 1e9 })
    }

    /// Lets pass what is still coming (notices of joins, lists of names) until nothing came for `quiet`.
    ///
    /// Gives up waiting after `limit` and returns whether it became quiet.
    ///
    /// # Errors
    ///
    /// Only what the poll reports.
    pub fn settle(&mut self, quiet: Duration, limit: Duration, listener: &mut impl Listener) -> Result<bool> {
        let end_ns = self.now_ns() + limit.as_nanos() as u64;
        let quiet_ns = quiet.as_nanos() as u64;
        let mut last_ns = self.now_ns();
        loop {
            let reads = self.reads;
            self.turn((last_ns + quiet_ns).min(end_ns), listener)?;
            let now_ns = self.now_ns();
            if self.reads > reads {
                last_ns = now_ns;
            }
            if now_ns >= last_ns + quiet_ns {
                return Ok(true);
            }
            if now_ns >= end_ns {
                return Ok(false);
            }
        }
    }

    /// Begins (again) the connection of one member, under a new name.
    ///
    /// # Errors
    ///
    /// When the system cannot begin it, for example without a free port.
    pub fn open(&mut self, at: usize) -> Result<()> {
        self.members[at].opened_ns = self.now_ns();
        self.members[at].connects = 0;
        self.connect(at)
    }

    fn connect(&mut self, at: usize) -> Result<()> {
        let of_crowd = self.sources.get(at % self.sources.len().max(1)).copied();
        let member = &self.members[at];
        let mut stream =
            connect(self.server, member.source.or(of_crowd), member.receive_buffer, member.send_buffer)
                .with_context(|| format!("cannot connect to {}, connection {}", self.server, at + 1))?;
        self.poll
            .registry()
            .register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)
            .context("cannot watch a connection")?;
        let nick = self.run.next_nick();
        let member = &mut self.members[at];
        member.carry.clear();
        member.out.clear();
        member.out_from = 0;
        // Goes out with the first writable event, when the connection stands.
        match &member.introduction {
            Some(lines) => member.out.extend_from_slice(lines),
            None => {
                let _ = write!(member.out, "NICK {nick}\r\nUSER bench 0 * :bench\r\n");
            }
        }
        member.stream = Some(stream);
        member.stage = Stage::Registering;
        member.nick = nick;
        member.names_tried = 1;
        member.connects += 1;
        member.is_answered = false;
        member.paused = false;
        member.hung_up_ns = None;
        self.under_way += 1;
        Ok(())
    }

    /// Waits for events until `until_ns` at the latest and handles those that are there.
    ///
    /// # Errors
    ///
    /// Only what the poll reports; a connection's own troubles end that connection.
    pub fn turn(&mut self, until_ns: u64, listener: &mut impl Listener) -> Result<()> {
        let wait = Duration::from_nanos(until_ns.saturating_sub(self.now_ns()));
        let wait = self.alarm.set(wait);
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for events"),
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut buffer = std::mem::take(&mut self.buffer);
        for event in &events {
            let at = event.token().0;
            if event.token() == ALARM {
                continue;
            }
            let over = event.is_read_closed() || event.is_error();
            if event.is_readable() || over {
                self.read(at, over, &mut buffer, listener);
            }
            if event.is_writable() {
                self.flush_or_close(at, listener);
            }
        }
        self.buffer = buffer;
        self.events = events;
        Ok(())
    }

    /// Adds a message to what a member has to send to its room; [`Crowd::flush`] sends it.
    ///
    /// # Errors
    ///
    /// When too much waits already, because the server does not read.
    pub fn say(&mut self, at: usize, payload: Payload) -> Result<()> {
        let member = &mut self.members[at];
        let Some(room) = member.room else { bail!("member {at} has no room") };
        if member.out.len() - member.out_from > UNSENT_LEN_MAX {
            bail!("the server no longer reads what member {at} sends: {UNSENT_LEN_MAX} bytes wait");
        }
        member.out.extend_from_slice(&self.openings[room]);
        self.codec.encode(payload, &mut member.out);
        member.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Adds a line to what a member has to send.
    pub fn send(&mut self, at: usize, line: &str) {
        let out = &mut self.members[at].out;
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Sends what a member has to send, as far as the socket takes it; the rest follows by itself.
    pub fn flush(&mut self, at: usize, listener: &mut impl Listener) {
        self.flush_or_close(at, listener);
    }

    /// Lets a member stop reading.
    pub fn pause(&mut self, at: usize) {
        self.members[at].paused = true;
    }

    /// Lets a member read again, beginning with what has gathered.
    pub fn resume(&mut self, at: usize, listener: &mut impl Listener) {
        self.members[at].paused = false;
        let mut buffer = std::mem::take(&mut self.buffer);
        self.read(at, false, &mut buffer, listener);
        self.buffer = buffer;
    }

    /// When the server was first seen to have closed the connection of a paused member.
    pub fn hung_up_ns(&self, at: usize) -> Option<u64> {
        self.members[at].hung_up_ns
    }

    /// Gives a connection up at once, without waiting in the system for what may still arrive.
    ///
    /// Meant for connections that the server has ended: it frees the port.
    pub fn discard(&mut self, at: usize) {
        if let Some(stream) = self.members[at].stream.take() {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            self.note_gone(at);
        }
    }

    /// Lets all members quit and closes their connections.
    pub fn dismiss(&mut self) {
        for at in 0..self.members.len() {
            if self.is_connected(at) {
                self.send(at, "QUIT :done");
                self.flush_or_close(at, &mut Deaf);
                self.members[at].stream = None;
                self.note_gone(at);
            }
        }
    }

    fn read(&mut self, at: usize, over: bool, buffer: &mut [u8], listener: &mut impl Listener) {
        if self.members[at].paused {
            if over && self.members[at].hung_up_ns.is_none() {
                self.members[at].hung_up_ns = Some(self.now_ns());
            }
            return;
        }
        loop {
            let member = &mut self.members[at];
            let Some(stream) = member.stream.as_mut() else { return };
            let carried = member.carry.len();
            buffer[..carried].copy_from_slice(&member.carry);
            let space = READ_LEN_MAX.min(buffer.len() - carried);
            match stream.read(&mut buffer[carried..carried + space]) {
                Ok(0) => return self.close(at, None, listener),
                Ok(len) => {
                    member.carry.clear();
                    member.is_answered = true;
                    self.reads += 1;
                    let now_ns = self.now_ns();
                    self.scan(at, &buffer[..carried + len], now_ns, listener);
                    if SHORT_READ_IS_LAST && len < space && !over {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.fail(at, &error, listener),
            }
        }
    }

    #[inline]
    fn scan(&mut self, at: usize, data: &[u8], now_ns: u64, listener: &mut impl Listener) {
        let mut start = 0;
        for end in memchr_iter(b'\n', data) {
            let line = &data[start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            start = end + 1;
            match self.codec.decode(line) {
                Decoded::Payload(payload) => listener.heard_line(at, payload, line, now_ns),
                Decoded::Damaged => listener.damaged(at),
                Decoded::Other => self.other(at, line, now_ns, listener),
            }
        }
        let rest = &data[start..];
        if rest.len() > LINE_LEN_MAX {
            return self.close(at, Some(format!("a line longer than {LINE_LEN_MAX} bytes")), listener);
        }
        let member = &mut self.members[at];
        if member.stream.is_some() {
            member.carry.extend_from_slice(rest);
        }
    }

    /// Handles a line that is not load: the conversation of registering and joining.
    fn other(&mut self, at: usize, text: &[u8], now_ns: u64, listener: &mut impl Listener) {
        let line = Line::parse(text);
        let stage = self.members[at].stage;
        let is_introduced = self.members[at].introduction.is_some();
        match (line.command, stage) {
            (b"PING", _) => {
                let answer = format!("PONG :{}", String::from_utf8_lossy(line.param(0)));
                self.send(at, &answer);
                self.flush_or_close(at, listener);
            }
            (b"PRIVMSG", _) if line.param(0).starts_with(b"#") => listener.foreign(at, text, now_ns),
            (b"376" | b"422", Stage::Registering) => self.registered(at, now_ns, listener),
            (b"432" | b"433" | b"436" | b"437", Stage::Registering) if !is_introduced => {
                self.rename(at, &line, listener);
            }
            (b"366", Stage::Joining) if self.is_own_room(at, line.param(1)) => {
                self.become_ready(at, listener);
            }
            (
                b"403" | b"405" | b"437" | b"461" | b"470" | b"471" | b"473" | b"474" | b"475" | b"476"
                | b"477" | b"480" | b"489",
                Stage::Joining,
            ) => self.close(at, Some(format!("cannot join: {}", line.text())), listener),
            (b"451" | b"463" | b"464" | b"465" | b"ERROR", _) => self.last_error = Some(line.text()),
            _ => listener.line(at, &line, now_ns),
        }
    }

    fn registered(&mut self, at: usize, now_ns: u64, listener: &mut impl Listener) {
        let took_ns = now_ns.saturating_sub(self.members[at].opened_ns);
        self.registrations.record(took_ns);
        self.registrations_slow += u64::from(took_ns > SLOW_REGISTRATION_NS);
        listener.event(at, Event::Registered(took_ns));
        match self.members[at].room {
            Some(room) => {
                self.members[at].stage = Stage::Joining;
                let join = format!("JOIN {}", self.rooms[room]);
                self.send(at, &join);
                self.flush_or_close(at, listener);
            }
            None => self.become_ready(at, listener),
        }
    }

    fn become_ready(&mut self, at: usize, listener: &mut impl Listener) {
        self.members[at].stage = Stage::Ready;
        self.under_way -= 1;
        self.ready += 1;
        listener.event(at, Event::Joined);
    }

    fn rename(&mut self, at: usize, line: &Line<'_>, listener: &mut impl Listener) {
        if self.members[at].names_tried == NAMES_TRIED_MAX {
            return self.close(at, Some(format!("every name is refused: {}", line.text())), listener);
        }
        let nick = self.run.next_nick();
        let member = &mut self.members[at];
        member.names_tried += 1;
        member.nick = nick;
        self.send(at, &format!("NICK {nick}"));
        self.flush_or_close(at, listener);
    }

    fn is_own_room(&self, at: usize, name: &[u8]) -> bool {
        self.members[at].room.is_some_and(|room| self.rooms[room].as_bytes().eq_ignore_ascii_case(name))
    }

    fn flush_or_close(&mut self, at: usize, listener: &mut impl Listener) {
        let member = &mut self.members[at];
        let Some(stream) = member.stream.as_mut() else { return };
        while member.out_from < member.out.len() {
            match stream.write(&member.out[member.out_from..]) {
                Ok(len) => member.out_from += len,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) =>
                {
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The server may have said why before it closed: what it said is read first.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return,
                Err(error) => return self.fail(at, &error, listener),
            }
        }
        member.out.clear();
        member.out_from = 0;
    }

    /// Ends a connection after an error, or begins it again where that is the system's doing.
    fn fail(&mut self, at: usize, error: &io::Error, listener: &mut impl Listener) {
        let member = &self.members[at];
        let is_unseen = error.kind() == io::ErrorKind::ConnectionReset && !member.is_answered;
        if !is_unseen || member.connects >= CONNECTS_MAX {
            return self.close(at, Some(error.to_string()), listener);
        }
        self.discard(at);
        self.connect_retries += 1;
        if let Err(error) = self.connect(at) {
            self.last_error = Some(format!("{error:#}"));
            listener.event(at, Event::Closed);
        }
    }

    fn close(&mut self, at: usize, reason: Option<String>, listener: &mut impl Listener) {
        if self.members[at].stream.is_none() {
            return;
        }
        if reason.is_some() {
            self.last_error = reason;
        }
        self.discard(at);
        listener.event(at, Event::Closed);
    }

    fn note_gone(&mut self, at: usize) {
        let member = &mut self.members[at];
        match std::mem::take(&mut member.stage) {
            Stage::Absent => {}
            Stage::Registering | Stage::Joining => self.under_way -= 1,
            Stage::Ready => self.ready -= 1,
        }
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (host, port)
        .to_socket_addrs()
        .with_context(|| format!("cannot find {host}"))?
        .next()
        .with_context(|| format!("{host} has no address"))
}

/// The source addresses to connect from: none when one is enough and the system may choose it.
fn sources(server: SocketAddr, connections: usize, wanted: Option<u8>) -> Result<Vec<IpAddr>> {
    let needed = connections.div_ceil(CONNECTIONS_PER_SOURCE_MAX);
    let len = wanted.map_or(needed, usize::from);
    if len <= 1 {
        return Ok(Vec::new());
    }
    if !matches!(server.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        bail!(
            "{connections} connections from {len} source addresses need a server on an IPv4 loopback address"
        );
    }
    // 127.0.0.1 is left to the server.
    (0..len)
        .map(|source| u8::try_from(source + 2).map(|last| Ipv4Addr::new(127, 0, 0, last).into()))
        .collect::<Result<_, _>>()
        .context("too many source addresses")
}

fn connect(
    server: SocketAddr,
    source: Option<IpAddr>,
    receive_buffer: Option<usize>,
    send_buffer: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&server.into()) {
        Ok(()) => {}
        Err(error) if is_in_progress(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_addresses_come_into_play_beyond_the_ports_of_one() {
        let server: SocketAddr = "127.0.0.1:6667".parse().expect("address");
        assert!(sources(server, 25_000, None).expect("few").is_empty());
        let many = sources(server, 60_000, None).expect("many");
        assert_eq!(many, ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| ip.parse::<IpAddr>().expect("ip")));
        let elsewhere: SocketAddr = "[::1]:6667".parse().expect("address");
        assert!(sources(elsewhere, 60_000, None).is_err());
        assert!(sources(elsewhere, 100, None).expect("few").is_empty());
    }

    #[test]
    fn hosts_are_found_with_and_without_brackets() {
        assert_eq!(resolve("[::1]", 1).expect("v6"), "[::1]:1".parse().expect("address"));
        assert_eq!(resolve("127.0.0.1", 2).expect("v4"), "127.0.0.1:2".parse().expect("address"));
    }
}
