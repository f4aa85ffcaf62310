//! One connection: its socket, its lines, its session, and what it waits for.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use salotto_core::{
    Command, Ending, Event, Leaving, Nick, PostKind, PostRecord, PostTarget, RequestId, RoomId, RoomName,
    Seq, SessionId,
};
use salotto_wire::{LINE_LEN_MAX, LineBuffer, LineError};

use super::CLOSING;
use super::lag::{Lag, PAGE_LEN};
use super::outgoing::{Framing, Outgoing};
use super::roster::Slot;
use super::rounds::{Due, Rounds};
use super::socket::{Socket, Stream};
use crate::SERVER_SESSION;
use crate::adapter::{self, Adapter, Plan, RenderKey};
use crate::hub::{Answer, Ask, Query, Submission, Turn};
use crate::irc::label;
use crate::jobs::{Job, JobResult};
use crate::listen::{ListenerKind, Permit, WebSubprotocol};
use crate::plain::telnet;
use crate::shared::Shared;
use crate::websocket::{Frame, Frames};

/// How many submissions of one connection may be under way; it is not read from while there are more.
const IN_FLIGHT_MAX: u32 = 128;
/// How long a closing connection may take to read its last lines.
const LINGER: Duration = Duration::from_secs(5);
/// How many bytes may wait for somebody who has not signed in.
pub(super) const UNREGISTERED_SENDQ_MAX: usize = 16 * 1024;
/// How long somebody at a bare terminal may think about a name.
const PATIENCE_PLAIN: Duration = Duration::from_secs(300);

/// Why a connection closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// The person said so, perhaps with a word.
    Quit(Option<Arc<str>>),
    /// The connection broke or misbehaved; the reason is told to the others.
    Broken(Arc<str>),
    /// The other side is gone already: there is nobody to tell.
    Gone(Arc<str>),
    /// The core ended the session.
    Ended(Ending),
    /// The server closes.
    Server(Arc<str>),
}

impl Close {
    /// The connection broke or misbehaved.
    pub fn broken(reason: &str) -> Close {
        Close::Broken(reason.into())
    }

    /// The other side is gone already.
    pub fn gone(reason: &str) -> Close {
        Close::Gone(reason.into())
    }
}

/// What an adapter may know and change of its connection.
pub(crate) struct Meta {
    /// The session's name in the core.
    pub session: SessionId,
    /// Its place among the connections, given back when this is dropped.
    _permit: Permit,
    /// The other side.
    pub peer: SocketAddr,
    /// The listener it came to.
    pub kind: ListenerKind,
    /// The name, once signed in.
    pub nick: Option<Nick>,
    /// The account, once signed in to one.
    pub account: Option<Nick>,
    /// Submissions under way.
    in_flight: u32,
    /// A job is under way; no input is taken until it is done.
    blocked: bool,
    /// The number of the latest line.
    latest: RequestId,
    /// The number of the line being handled, or whose outcome is being shown.
    request: RequestId,
    /// The number of the line whose job is under way.
    job_of: RequestId,
    /// How many submissions and jobs it has led to.
    submitted: u32,
    /// What the adapter wishes to close the connection for.
    close: Option<Close>,
}

/// A line whose outcome is not complete, kept only where its answer needs putting together.
#[derive(Debug)]
struct Pending {
    request: RequestId,
    remaining: u32,
    label: Option<Box<str>>,
    lines: Vec<u8>,
}

/// All that an adapter may reach while it handles something.
pub(crate) struct Io<'a> {
    /// What is written to the connection.
    pub out: &'a mut Outgoing,
    /// The connection.
    pub meta: &'a mut Meta,
    /// What all threads share.
    pub shared: &'a Arc<Shared>,
    submissions: &'a mut Vec<Submission>,
    pending: &'a mut VecDeque<Pending>,
}

impl Io<'_> {
    /// Appends one line; `write` writes it with its CR LF.
    pub fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.line(write);
    }

    /// Submits a command; what comes of it arrives as events.
    pub fn submit(&mut self, command: Command) {
        self.push(Ask::Command(command));
    }

    /// Asks a question; the answer comes after the effects of what was asked before.
    pub fn ask(&mut self, query: Query) {
        self.push(Ask::Query(query));
    }

    fn push(&mut self, ask: Ask) {
        self.meta.in_flight += 1;
        self.meta.submitted += 1;
        let Meta { session, request, .. } = *self.meta;
        self.submissions.push(Submission { session, request, ask });
    }

    /// Starts a job. No further line is handled until its result was. Gives it back when too many wait.
    pub fn job(&mut self, job: Job) -> Result<(), Job> {
        self.shared.jobs.submit(self.meta.session, job)?;
        self.meta.blocked = true;
        self.meta.job_of = self.meta.request;
        self.meta.submitted += 1;
        Ok(())
    }

    /// No further line is handled until [`Io::release`].
    pub fn hold(&mut self) {
        self.meta.blocked = true;
    }

    /// Lines may be handled again.
    pub fn release(&mut self) {
        self.meta.blocked = false;
    }

    /// Closes the connection after what was written so far.
    pub fn close(&mut self, close: Close) {
        self.meta.close.get_or_insert(close);
    }

    /// A line begins whose answer may carry a label.
    pub fn begin(&mut self, label: bool) {
        self.meta.latest = RequestId(self.meta.latest.0 + 1);
        self.meta.request = self.meta.latest;
        self.meta.submitted = 0;
        // What is answered at once must not overtake the outcome of earlier lines.
        if label || self.meta.in_flight > 0 {
            self.out.capture(Vec::new());
        }
    }

    /// The line is handled; its outcome may still be to come.
    pub fn end(&mut self, label: Option<&str>) {
        let captured = self.out.is_capturing();
        let lines = self.out.captured();
        let label: Option<Box<str>> = label.map(Into::into);
        if self.meta.submitted == 0 {
            if self.meta.in_flight == 0 {
                return label::emit(label.as_deref(), &lines, self.out);
            }
            if lines.is_empty() && label.is_none() {
                return;
            }
            self.ask(Query::Nothing);
        } else if !captured || (label.is_none() && lines.is_empty()) {
            return;
        }
        let Meta { request, submitted, .. } = *self.meta;
        self.pending.push_back(Pending { request, remaining: submitted, label, lines });
    }

    /// The outcome of a submission or a job begins.
    fn outcome_begins(&mut self, request: RequestId) {
        self.meta.request = request;
        self.meta.submitted = 0;
        if let Some(pending) = self.pending.front_mut().filter(|pending| pending.request == request) {
            self.out.capture(std::mem::take(&mut pending.lines));
        }
    }

    /// It is complete; it may have led to more.
    fn outcome_ends(&mut self) {
        let lines = self.out.captured();
        let more = self.meta.submitted;
        let request = self.meta.request;
        let Some(pending) = self.pending.front_mut().filter(|pending| pending.request == request) else {
            return;
        };
        pending.remaining = (pending.remaining + more).saturating_sub(1);
        if pending.remaining > 0 {
            pending.lines = lines;
            return;
        }
        let label = self.pending.pop_front().and_then(|pending| pending.label);
        label::emit(label.as_deref(), &lines, self.out);
    }
}

/// The incoming side, by what is spoken.
enum Input {
    Lines(LineBuffer),
    Terminal(telnet::Filter, LineBuffer),
    Frames(Box<Frames>),
}

/// A connection that is to be served.
pub(crate) struct Arrival<S> {
    /// Its bytes.
    pub stream: S,
    /// The encryption on it.
    pub tls: Option<Box<rustls::ServerConnection>>,
    /// Plain bytes that were read already.
    pub leftover: Vec<u8>,
    /// What is spoken on it.
    pub kind: ListenerKind,
    /// The other end.
    pub peer: SocketAddr,
    /// Its place among the connections.
    pub permit: Permit,
}

/// One connection.
pub(crate) struct Connection<S> {
    pub socket: Socket<S>,
    pub out: Outgoing,
    pub adapter: Adapter,
    pub meta: Meta,
    /// Whether it waits to be written to.
    pub due: Due,
    /// The last event it was given, by the shard's count.
    pub stamp: u64,
    /// The socket is closed and the chat is told.
    pub finished: bool,
    /// The socket had something when the session could not take it; the poller will not say so again.
    pub passed_over: bool,
    /// It waits until fewer submissions of all connections are under way.
    pub held: bool,
    input: Input,
    /// Came in while the session could not take it.
    stalled: Vec<u8>,
    pending: VecDeque<Pending>,
    closing: Option<(Close, Instant)>,
    /// What it has missed, while it is far behind.
    lag: Option<Box<Lag>>,
    /// Bytes have gone out since the last look at the clock.
    progressed: bool,
    /// When bytes went out last, or nothing waited.
    progress_at: Instant,
    opened: Instant,
    last_heard: Instant,
    heard: bool,
    pinged: bool,
    /// How many lines may come at once now.
    allowance: f64,
    last_tick: Instant,
    throttled: bool,
}

impl<S: Stream> Connection<S> {
    /// Takes a connection from a listener.
    pub fn open(arrival: Arrival<S>, session: SessionId, shared: &Shared) -> Connection<S> {
        let Arrival { stream, tls, leftover, kind, peer, permit } = arrival;
        let lines = || LineBuffer::new(LINE_LEN_MAX);
        let mut stalled = leftover;
        let (framing, input) = match kind {
            ListenerKind::Web { subprotocol } => {
                let mut frames = Box::new(Frames::new(LINE_LEN_MAX * 2));
                frames.feed(&std::mem::take(&mut stalled));
                (Framing::WebSocket { binary: subprotocol == WebSubprotocol::Binary }, Input::Frames(frames))
            }
            ListenerKind::Text => (Framing::Lines, Input::Terminal(telnet::Filter::default(), lines())),
            ListenerKind::Irc | ListenerKind::IrcTls => (Framing::Lines, Input::Lines(lines())),
        };
        let now = shared.ambient.instant();
        Connection {
            socket: Socket::new(stream, tls),
            out: Outgoing::new(framing),
            adapter: Adapter::new(kind, shared),
            meta: Meta {
                session,
                _permit: permit,
                peer,
                kind,
                nick: None,
                account: None,
                in_flight: 0,
                blocked: false,
                latest: RequestId(0),
                request: RequestId(0),
                job_of: RequestId(0),
                submitted: 0,
                close: None,
            },
            due: Due::No,
            stamp: 0,
            finished: false,
            passed_over: false,
            held: false,
            input,
            stalled,
            pending: VecDeque::new(),
            closing: None,
            lag: None,
            progressed: false,
            progress_at: now,
            opened: now,
            last_heard: now,
            heard: false,
            pinged: false,
            allowance: f64::from(shared.config.limits.flood_burst),
            last_tick: now,
            throttled: false,
        }
    }

    /// The connection is in its shard.
    pub fn opened(&mut self, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        tracing::info!(
            target: "salotto::session",
            event = "connect",
            connection = self.meta.session.0,
            address = %self.meta.peer.ip(),
            kind = self.meta.kind.name(),
        );
        self.act(submissions, shared, |adapter, io| adapter.opened(io));
    }

    fn act(
        &mut self,
        submissions: &mut Vec<Submission>,
        shared: &Arc<Shared>,
        act: impl FnOnce(&mut Adapter, &mut Io<'_>),
    ) {
        let mut io =
            Io { out: &mut self.out, meta: &mut self.meta, shared, submissions, pending: &mut self.pending };
        act(&mut self.adapter, &mut io);
        if let Some(close) = self.meta.close.take() {
            self.close(close);
        }
    }

    /// Whether there is something to write, or to close.
    fn is_due(&self) -> bool {
        self.out.waiting() > 0 || self.socket.wants_write() || (self.closing.is_some() && !self.finished)
    }

    /// Takes its place in the rounds, if it has something for which it does not wait there already, or not so soon.
    pub fn queue(&mut self, slot: Slot, due: Due, rounds: &mut Rounds) {
        if self.due < due && self.is_due() {
            self.due = due;
            rounds.add(slot, due);
        }
    }

    /// By how much its answer has grown beyond what waited `before`; nothing where it is not written to at once.
    pub fn answered(&self, before: usize) -> usize {
        if self.due == Due::Now { self.out.waiting().saturating_sub(before) } else { 0 }
    }

    /// Whether the session can take more input now.
    pub fn takes_input(&self) -> bool {
        self.closing.is_none()
            && !self.meta.blocked
            && !self.throttled
            && self.lag.is_none()
            && self.meta.in_flight < IN_FLIGHT_MAX
            && self.stalled.is_empty()
    }

    /// Takes what came in while the session could not.
    pub fn resume(&mut self, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        if !self.stalled.is_empty() || matches!(self.input, Input::Frames(_)) {
            let stalled = std::mem::take(&mut self.stalled);
            self.handle(&stalled, submissions, shared);
        }
    }

    /// Takes bytes from the socket.
    pub fn input(&mut self, bytes: &[u8], submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        self.heard = true;
        match &mut self.input {
            Input::Lines(_) => self.handle(bytes, submissions, shared),
            Input::Terminal(filter, _) => {
                let text = filter.filter(bytes);
                self.handle(&text, submissions, shared);
            }
            Input::Frames(frames) => {
                frames.feed(bytes);
                self.handle(&[], submissions, shared);
            }
        }
    }

    /// Handles lines until there is none, or the session can take no more for now.
    fn handle(&mut self, mut bytes: &[u8], submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        loop {
            if !self.takes_input() {
                self.stalled.extend_from_slice(bytes);
                return;
            }
            let Connection { input, out, adapter, meta, pending, allowance, throttled, .. } = self;
            let mut io = Io { out, meta, shared, submissions, pending };
            match input {
                Input::Lines(lines) | Input::Terminal(_, lines) => match lines.next(&mut bytes) {
                    Some(Ok(line)) => adapter.line(line, &mut io),
                    Some(Err(LineError::Overlong { .. })) => adapter.overlong(&mut io),
                    Some(Err(LineError::InvalidUtf8)) => adapter.not_utf8(&mut io),
                    None => return,
                },
                Input::Frames(frames) => {
                    let next = frames.next_frame();
                    let answers = frames.answers();
                    if !answers.is_empty() {
                        io.out.framed(|bytes| bytes.extend_from_slice(&answers));
                    }
                    match next {
                        Some(Frame::Payload(payload)) => {
                            let end = payload.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                            match std::str::from_utf8(&payload[..end.unwrap_or(payload.len())]) {
                                Ok(line) if line.len() > LINE_LEN_MAX => adapter.overlong(&mut io),
                                Ok(line) => adapter.line(line, &mut io),
                                Err(_) => adapter.not_utf8(&mut io),
                            }
                        }
                        Some(Frame::Closed(reason)) => io.close(Close::gone(reason)),
                        None => return,
                    }
                }
            }
            shared.metrics.lines_in.fetch_add(1, Ordering::Relaxed);
            if shared.config.limits.flood_per_second > 0 {
                *allowance -= 1.0;
                *throttled = *allowance <= 0.0;
            }
            if let Some(close) = self.meta.close.take() {
                self.close(close);
            }
        }
    }

    /// What to do with an event.
    pub fn plan(&self, turn: &Turn, event: &Event) -> Plan {
        if self.closing.is_some() {
            return Plan::Skip;
        }
        match self.adapter.plan(turn, event, self.meta.session) {
            // Lines that are put aside for a label are not framed yet.
            Plan::Shared if self.out.is_capturing() => Plan::Own,
            plan => plan,
        }
    }

    /// Whether it shows every post of others to its rooms, as all with an equal [`RenderKey`] do.
    pub fn shares_posts(&self) -> bool {
        matches!(self.adapter, Adapter::Irc(_)) && !self.out.is_capturing() && self.closing.is_none()
    }

    /// What shared bytes for this connection depend on.
    pub fn render_key(&self) -> RenderKey {
        RenderKey { style: self.adapter.style(), framing: self.out.framing() }
    }

    /// An event that is shown in the session's own way.
    pub fn event(
        &mut self,
        turn: &Turn,
        event: &Event,
        submissions: &mut Vec<Submission>,
        shared: &Arc<Shared>,
    ) {
        match event {
            Event::SignedIn { card, .. } => {
                shared.metrics.sessions.fetch_add(1, Ordering::Relaxed);
                self.meta.nick = Some(card.nick.clone());
                self.meta.account = card.account.clone();
                self.log("sign_in", "");
            }
            Event::LoggedIn { account, .. } => {
                self.meta.account = Some(account.clone());
                self.log("log_in", "");
            }
            Event::Renamed { card, before, .. } if self.meta.nick.as_ref() == Some(&before.nick) => {
                self.meta.nick = Some(card.nick.clone());
            }
            _ => {}
        }
        self.act(submissions, shared, |adapter, io| adapter.event(turn, event, io));
        if let Event::Ended { why, .. } = event {
            self.close(Close::Ended(why.clone()));
        }
    }

    /// The outcome of a submission of this session begins.
    pub fn turn_begins(&mut self, turn: &Turn, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        // To a closing connection events are not shown: its label must not say that they were nothing but success.
        if turn.request == CLOSING || self.closing.is_some() {
            return;
        }
        self.meta.in_flight = self.meta.in_flight.saturating_sub(1);
        self.act(submissions, shared, |_, io| io.outcome_begins(turn.request));
    }

    /// It ends; says whether input may go on that could not before.
    pub fn turn_ends(
        &mut self,
        turn: &Turn,
        submissions: &mut Vec<Submission>,
        shared: &Arc<Shared>,
    ) -> bool {
        if turn.request == CLOSING || self.closing.is_some() {
            return false;
        }
        let answer: Option<&Answer> = turn.answer.as_ref();
        self.act(submissions, shared, |adapter, io| {
            if let Some(answer) = answer {
                adapter.answer(turn, answer, io);
            }
            io.outcome_ends();
        });
        self.takes_input_again() && (self.passed_over || !self.stalled.is_empty())
    }

    /// Whether what the session waited for has come, as far as it is not its turn's length or the clock.
    fn takes_input_again(&self) -> bool {
        let able = self.meta.in_flight < IN_FLIGHT_MAX && !self.meta.blocked;
        able && self.closing.is_none() && self.lag.is_none()
    }

    /// Whether it is so far behind that posts to rooms are left for later.
    pub fn is_lagged(&mut self, shared: &Shared) -> bool {
        if self.lag.is_some() {
            return true;
        }
        let soft = shared.config.limits.sendq_soft;
        if self.out.waiting() <= soft || self.closing.is_some() {
            return false;
        }
        // It may be the batch that is large and not the reader that is slow. What goes wrong in writing goes wrong
        // again, and is dealt with there.
        let _ = self.write(shared);
        if self.out.waiting() <= soft {
            return false;
        }
        tracing::debug!(target: "salotto::session", event = "lagged", connection = self.meta.session.0);
        shared.metrics.lagged.fetch_add(1, Ordering::Relaxed);
        self.lag = Some(Box::default());
        true
    }

    /// Notes posts to a room that a lagged connection will be shown later.
    pub fn miss(&mut self, room: RoomId, name: &RoomName, first: Seq, last: Seq) {
        let noted = self.lag.as_mut().is_none_or(|lag| lag.miss(room, name, first, last));
        if !noted {
            self.close(Close::broken("send queue exceeded"));
        }
    }

    /// Notes a post to a room, which this session may not be shown at all.
    pub fn miss_one(&mut self, turn: &Turn, event: &Event) {
        let Event::Posted(posted) = event else { return };
        let PostTarget::Room(room, name) = &posted.target else { return };
        // What is not kept, such as that somebody is typing, is over by then.
        if posted.kind == PostKind::Tags {
            return;
        }
        self.miss(*room, name, posted.seq, posted.seq);
        if self.plan(turn, event) == Plan::Skip
            && let Some(lag) = &mut self.lag
        {
            lag.hide(posted.seq);
        }
    }

    /// The person has left a room.
    pub fn left(&mut self, room: RoomId) {
        if let Some(lag) = &mut self.lag {
            lag.seal(room);
        }
    }

    /// The person has entered a room, perhaps not for the first time.
    pub fn entered(&mut self, room: RoomId) {
        if let Some(lag) = &mut self.lag
            && self.adapter.reads_history()
        {
            lag.leave_out(room);
        }
    }

    /// Goes on with what was missed, once most of what waits is read. Says whether that was all, and input may go
    /// on.
    pub fn catch_up(&mut self, shared: &Shared) -> bool {
        let Some(lag) = &mut self.lag else { return false };
        if self.closing.is_some() || self.out.waiting() > shared.config.limits.sendq_soft / 4 {
            return false;
        }
        if lag.is_over() {
            self.end_lag(shared);
            return true;
        }
        if let Some((room, behind)) = lag.next_page() {
            let job = Job::Missed { room, behind, limit: PAGE_LEN };
            if shared.jobs.submit(self.meta.session, job).is_err() {
                lag.page_failed();
            }
        }
        false
    }

    fn end_lag(&mut self, shared: &Shared) {
        if self.lag.take().is_some() {
            shared.metrics.lagged.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Shows a page of what was missed.
    pub fn show_missed(
        &mut self,
        page: Option<Vec<PostRecord>>,
        submissions: &mut Vec<Submission>,
        shared: &Arc<Shared>,
    ) {
        let Some(lag) = &mut self.lag else { return };
        let Some(page) = page else { return lag.page_failed() };
        for posted in lag.take_page(page) {
            let turn = Turn {
                session: SERVER_SESSION,
                request: RequestId(0),
                seq: posted.seq,
                at: posted.at,
                effects: Vec::new(),
                answer: None,
            };
            let event = Event::Posted(Arc::new(posted));
            match self.plan(&turn, &event) {
                Plan::Skip => {}
                Plan::Shared => {
                    let key = self.render_key();
                    self.out.framed(|bytes| adapter::render(&turn, &event, key, shared, bytes));
                }
                Plan::Own => self.event(&turn, &event, submissions, shared),
            }
        }
    }

    /// The result of a job of this session.
    pub fn job_done(&mut self, result: JobResult, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        self.meta.blocked = false;
        if self.closing.is_some() {
            return;
        }
        let request = self.meta.job_of;
        self.act(submissions, shared, |adapter, io| {
            io.outcome_begins(request);
            adapter.job_done(result, io);
            io.outcome_ends();
        });
    }

    /// A word of the server.
    pub fn announce(&mut self, text: &str, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) {
        if self.closing.is_none() {
            self.act(submissions, shared, |adapter, io| adapter.announce(text, io));
        }
    }

    /// Closes after what was written so far, with a last line where there is somebody to read it.
    pub fn close(&mut self, close: Close) {
        if self.closing.is_some() {
            return;
        }
        if !matches!(close, Close::Gone(_)) {
            drop(self.out.captured());
            self.adapter.farewell(&close, &mut self.out);
        }
        self.closing = Some((close, self.last_tick));
    }

    /// Writes what can be written.
    pub fn write(&mut self, shared: &Shared) -> io::Result<()> {
        self.socket.flush_tls()?;
        let before = self.out.waiting();
        let written = self.out.write_to(&mut self.socket);
        let count = before - self.out.waiting();
        self.progressed |= count > 0;
        shared.metrics.bytes_out.fetch_add(count as u64, Ordering::Relaxed);
        written.map(|_| ())
    }

    /// How many bytes may wait before the connection is closed.
    pub fn sendq_max(&self, shared: &Shared) -> usize {
        match self.meta.nick {
            Some(_) => shared.config.limits.sendq,
            None => UNREGISTERED_SENDQ_MAX,
        }
    }

    /// Whether the last byte is written, or nobody takes it.
    pub fn is_finished(&self) -> bool {
        match &self.closing {
            Some((Close::Gone(_), _)) => true,
            Some((_, since)) => {
                self.out.waiting() == 0 || self.last_tick.saturating_duration_since(*since) > LINGER
            }
            None => false,
        }
    }

    /// How the end of the session is told to the others.
    pub fn leaving(&self) -> Leaving {
        match self.closing.as_ref().map(|(close, _)| close) {
            Some(Close::Quit(word)) => Leaving::Quit(word.clone()),
            Some(Close::Broken(reason) | Close::Gone(reason)) => Leaving::Lost(reason.clone()),
            Some(Close::Ended(Ending::Left(why))) => why.clone(),
            Some(Close::Ended(Ending::Replaced)) => Leaving::Lost("replaced".into()),
            Some(Close::Ended(Ending::Revoked)) => Leaving::Quit(None),
            Some(Close::Server(_)) | None => Leaving::Closing,
        }
    }

    /// Gives back what a closed connection does not need while its place is still kept.
    pub fn release(&mut self, shared: &Shared) {
        self.end_lag(shared);
        self.out = Outgoing::new(self.out.framing());
        self.stalled = Vec::new();
        self.pending.clear();
    }

    /// Looks at the clock; says whether input may go on that could not before.
    pub fn tick(&mut self, now: Instant, submissions: &mut Vec<Submission>, shared: &Arc<Shared>) -> bool {
        let limits = &shared.config.limits;
        let elapsed = now.saturating_duration_since(self.last_tick);
        self.last_tick = now;
        // Whoever has said more than could be taken yet is not silent, and the answer to a ping may be behind it.
        if std::mem::take(&mut self.heard) || self.passed_over || self.lag.is_some() {
            self.last_heard = now;
            self.pinged = false;
        }
        let rate = f64::from(limits.flood_per_second);
        self.allowance = (self.allowance + rate * elapsed.as_secs_f64()).min(f64::from(limits.flood_burst));
        let awake = self.throttled && self.allowance > 0.0;
        self.throttled = self.throttled && !awake;
        if self.closing.is_some() {
            return false;
        }
        let nothing_waits = self.out.waiting() == 0 && self.lag.is_none();
        if std::mem::take(&mut self.progressed) || nothing_waits {
            self.progress_at = now;
        } else if now.saturating_duration_since(self.progress_at) > Duration::from_secs(limits.stall_seconds)
        {
            // A last word would wait like all the others.
            self.close(Close::gone("not reading"));
            return false;
        }
        let plain = matches!(self.adapter, Adapter::Plain(_));
        if self.meta.nick.is_none() {
            let patience =
                if plain { PATIENCE_PLAIN } else { Duration::from_secs(limits.registration_seconds) };
            if now.saturating_duration_since(self.opened) > patience {
                self.close(Close::broken("registration timeout"));
            }
        } else if !plain {
            // A bare terminal cannot answer a ping; there the system's keep-alive notices.
            let silence = now.saturating_duration_since(self.last_heard);
            if silence > Duration::from_secs(limits.drop_seconds) {
                self.close(Close::broken("ping timeout"));
            } else if silence > Duration::from_secs(limits.ping_seconds)
                && !std::mem::replace(&mut self.pinged, true)
            {
                self.act(submissions, shared, |adapter, io| adapter.ping(io));
            }
        }
        awake || self.catch_up(shared)
    }

    /// Writes the end of the connection to the log.
    pub fn log_closed(&self) {
        let reason: Arc<str> = match self.closing.as_ref().map(|(close, _)| close) {
            Some(Close::Quit(_)) => "quit".into(),
            Some(Close::Broken(reason) | Close::Gone(reason)) => reason.clone(),
            Some(Close::Ended(Ending::Replaced)) => "replaced by a newer connection".into(),
            Some(Close::Ended(Ending::Revoked)) => "signed out from another device".into(),
            Some(Close::Ended(Ending::Left(Leaving::Killed { by, .. }))) => format!("killed by {by}").into(),
            Some(Close::Ended(Ending::Left(_))) => "ended".into(),
            Some(Close::Server(reason)) => reason.clone(),
            None => "".into(),
        };
        self.log("disconnect", &reason);
    }

    fn log(&self, event: &str, reason: &str) {
        tracing::info!(
            target: "salotto::session",
            event,
            connection = self.meta.session.0,
            address = %self.meta.peer.ip(),
            kind = self.meta.kind.name(),
            name = self.meta.nick.as_ref().map_or("", Nick::as_str),
            account = self.meta.account.as_ref().map_or("", Nick::as_str),
            reason,
        );
    }
}
