//! The client itself, without I/O.

mod batch;
mod command;
mod device;
mod inbound;
mod membership;
mod message;
mod numeric;
mod registration;
mod sync;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use salotto_wire::isupport::Isupport;
use salotto_wire::{Capability, CaseMapping, Line, Message};

pub use device::DeviceToken;
use device::Recall;

use crate::backoff::{Backoff, RetryPolicy};
use crate::conversation::{Conversation, ConversationKind};
use crate::event::{Device, Event, NickRefusal};
use crate::history::{Batches, Requests};
use crate::liveness::Liveness;
use crate::negotiation::Negotiation;
use crate::outbox::{LocalId, Outbox};
use crate::rng::Rng;
use crate::state::{ConnectFailure, Loss, State, StopReason};
use crate::time::Time;
use crate::timer::{Timer, Timers};

/// The tag that carries a message's own random token, by which a server knows a repetition.
pub const TOKEN_TAG: &str = "+salotto.chat/token";

/// Connecting and registering may take this long.
const ESTABLISH_WITHIN: Duration = Duration::from_secs(20);
/// The server may take this long to close after QUIT.
const QUIT_WITHIN: Duration = Duration::from_secs(1);
/// The age of a probe without an answer is told this often.
const LAG_STEP: Duration = Duration::from_secs(1);
/// The most conversations that are kept; messages from further people are shown nowhere.
const CONVERSATIONS_MAX: usize = 2000;

/// An account and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account's name.
    pub account: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The name to sign in under.
    pub name: String,
    /// The real name shown by WHOIS; the name when empty.
    pub realname: String,
    /// Signs in to an account, if given.
    pub credentials: Option<Credentials>,
    /// Signs in to the account without the password, if the server still knows it; see [`Event::DeviceToken`].
    pub device: Option<DeviceToken>,
    /// What this device is called in the account's list of devices; the kind of connection when empty.
    pub device_name: String,
    /// The rooms to join after the first sign-in.
    pub rooms: Vec<String>,
    /// Whether to come back after a loss.
    pub retry: RetryPolicy,
    /// A random number: jitter and tokens are drawn from it.
    pub seed: u64,
    /// Whether to fetch a page of history on entering a room.
    pub history_on_join: bool,
}

/// What a client wants done on its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// Make a connection; answer with [`Client::handle_connected`] or [`Client::handle_connect_failed`].
    Connect,
    /// Write these bytes, whole lines.
    Write(Vec<u8>),
    /// Write what is left, then close the connection, or give up making it. No answer is expected.
    Close,
}

/// A client of one server: a state machine that is told what happens and when, and says what to do.
///
/// There are four kinds of methods: getters; `handle_*` for what happens; commands of the
/// application; and `poll_*` for what is to be done. Time is always an argument.
///
/// **After every call that is no getter, call [`Client::poll_transmit`] and [`Client::poll_event`] until both
/// are empty, then [`Client::poll_timeout`] for the moment of the next [`Client::handle_timeout`].**
#[derive(Debug)]
pub struct Client {
    options: Options,
    state: State,
    rng: Rng,
    timers: Timers,
    backoff: Backoff,
    liveness: Liveness,
    negotiation: Negotiation,
    isupport: Isupport,
    batches: Batches,
    requests: Requests,
    outbox: Outbox,
    conversations: BTreeMap<String, Conversation>,
    // The name we have, or ask for while signing in.
    name: String,
    own_mask_len: usize,
    account: Option<String>,
    sasl: Sasl,
    refusal: Option<NickRefusal>,
    nick_retries_left: usize,
    // Worth something only while this client lives; with a device's token in front, where there is one.
    resume_token: Option<String>,
    device: Option<DeviceToken>,
    recall: Recall,
    device_introduced: bool,
    // The name was said on this connection.
    introduced: bool,
    // The account that the server has signed this connection in to.
    proved_account: Option<String>,
    // The list of devices, as far as it has come.
    devices: Vec<Device>,
    // The word by which this device was signed out from another.
    signed_out: Option<String>,
    // The server had too many passwords to check.
    password_unchecked: bool,
    // A server that did not answer when the name was held back for the token gets the name first.
    name_first: bool,
    // The reason the server gave in an ERROR of this connection.
    server_error: Option<String>,
    banned: Option<String>,
    connected: bool,
    user_leaves: Option<Leave>,
    signed_in_once: bool,
    // The time on this client's clock when we were last online; what came later may have been missed.
    online_until: Option<Time>,
    missed: Option<usize>,
    // Who wrote since then, in Unix milliseconds by either clock, is not known; it stays until it was asked.
    missed_since_ms: Option<i64>,
    out: Vec<u8>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Disconnect,
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sasl {
    #[default]
    Idle,
    Asked,
    Sent,
    Done,
}

impl Client {
    /// Makes a client that does nothing until [`Client::connect`].
    pub fn new(options: Options) -> Self {
        Self::with_outbox(options, Outbox::default())
    }

    /// Makes a client with messages that an earlier one left unsent.
    pub fn with_outbox(options: Options, outbox: Outbox) -> Self {
        let mut client = Self {
            rng: Rng::new(options.seed),
            name: options.name.clone(),
            state: State::Idle,
            timers: Timers::default(),
            backoff: Backoff::default(),
            liveness: Liveness::default(),
            negotiation: Negotiation::default(),
            isupport: Isupport::default(),
            batches: Batches::default(),
            requests: Requests::default(),
            outbox,
            conversations: BTreeMap::new(),
            own_mask_len: 0,
            account: None,
            sasl: Sasl::Idle,
            refusal: None,
            nick_retries_left: 0,
            resume_token: None,
            device: options.device.clone(),
            recall: Recall::NotYet,
            device_introduced: false,
            introduced: false,
            proved_account: None,
            devices: Vec::new(),
            signed_out: None,
            password_unchecked: false,
            name_first: false,
            server_error: None,
            banned: None,
            connected: false,
            user_leaves: None,
            signed_in_once: false,
            online_until: None,
            missed: None,
            missed_since_ms: None,
            out: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            options,
        };
        // What was left unsent in a room can be said only there.
        let unsent = client.outbox.entries().iter().map(|e| e.target.clone());
        let rooms: Vec<String> = unsent.filter(|t| client.is_room(t)).collect();
        for room in client.options.rooms.clone().into_iter().chain(rooms) {
            client.want_room(&room, None);
        }
        client
    }

    // Getters.

    /// Where the connection stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The name we have, or ask for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account we are signed in to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The refusal that [`State::NameNeeded`] waits on.
    pub fn refusal(&self) -> Option<&NickRefusal> {
        self.refusal.as_ref()
    }

    /// What the server announced of itself.
    pub fn isupport(&self) -> &Isupport {
        &self.isupport
    }

    /// Whether a capability is in use.
    pub fn has(&self, capability: Capability) -> bool {
        self.negotiation.enabled().contains(capability)
    }

    /// The messages on their way.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// All conversations, ordered by folded name.
    pub fn conversations(&self) -> impl ExactSizeIterator<Item = &Conversation> {
        self.conversations.values()
    }

    /// One conversation, by the name of its room or person.
    pub fn conversation(&self, target: &str) -> Option<&Conversation> {
        self.conversations.get(&self.fold(target))
    }

    /// The time a probe takes to come back, or has been away.
    pub fn lag(&self, now: Time) -> Option<Duration> {
        (self.state == State::Online).then(|| self.liveness.lag(now)).flatten()
    }

    /// Whether two names are the same to this server.
    pub fn same_name(&self, a: &str, b: &str) -> bool {
        self.casemapping().eq(a, b)
    }

    // What happens.

    /// The connection that was asked for is there.
    pub fn handle_connected(&mut self, now: Time) {
        if self.state != State::Connecting {
            return;
        }
        self.connected = true;
        self.liveness.start(now);
        self.begin_registration();
        self.finish();
    }

    /// The connection that was asked for could not be made.
    pub fn handle_connect_failed(&mut self, now: Time, failure: ConnectFailure) {
        if self.state != State::Connecting {
            return;
        }
        match failure {
            ConnectFailure::Unreachable(reason) => self.go_offline(now, Loss::Unreachable(reason)),
            ConnectFailure::Certificate { reason, fingerprint } => {
                self.stop(StopReason::Certificate { reason, fingerprint });
            }
        }
        self.finish();
    }

    /// A line came, without its line ending.
    pub fn handle_line(&mut self, now: Time, line: &str) {
        if !self.connected {
            return;
        }
        self.liveness.received(now);
        if let Ok(message) = Message::parse(line) {
            self.dispatch(now, &message);
        }
        self.schedule(now);
        self.finish();
    }

    /// Bytes came that are no line yet, or no readable one: the server lives.
    pub fn handle_bytes(&mut self, now: Time) {
        if self.connected {
            self.liveness.received(now);
            self.schedule(now);
        }
    }

    /// The connection is closed or broken.
    pub fn handle_disconnected(&mut self, now: Time, reason: &str) {
        if !self.connected {
            return;
        }
        self.connection_ended(now, reason);
        self.finish();
    }

    /// The moment that [`Client::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Establish => self.establish_timed_out(now),
                Timer::Reconnect => self.begin_connect(now),
                Timer::Ping => {
                    let token = self.liveness.probe(now);
                    Line::new(&mut self.out).command("PING").param(&token).end();
                    if self.liveness.outstanding(now) == Some(Duration::ZERO) {
                        self.timers.set(Timer::Lag, now + LAG_STEP);
                    }
                    self.schedule(now);
                }
                Timer::Lag => {
                    if let Some(age) = self.liveness.outstanding(now) {
                        self.emit(Event::Lag { ms: age.as_millis() as u64 });
                        self.timers.set(Timer::Lag, now + LAG_STEP);
                    }
                }
                Timer::Silence => {
                    self.close();
                    self.connection_ended(now, "no answer for 15 s");
                }
                Timer::Quit => {
                    self.close();
                    self.connection_ended(now, "");
                }
                Timer::NickRetry => self.send_nick(),
                Timer::Outbox => {
                    self.advance_outbox(now);
                    self.flush_outbox(now);
                }
                Timer::History => self.history_overdue(now),
            }
        }
        self.finish();
    }

    // What is to be done.

    /// The next thing to do on the connection.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing to tell the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Client::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next_timeout()
    }

    // Inner workings used by the parts of this module.

    fn casemapping(&self) -> CaseMapping {
        self.isupport.casemapping()
    }

    fn fold(&self, name: &str) -> String {
        self.casemapping().fold(name)
    }

    fn is_me(&self, name: &str) -> bool {
        self.casemapping().eq(name, &self.name)
    }

    fn is_room(&self, target: &str) -> bool {
        self.isupport.is_channel(target)
    }

    fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state.clone();
            self.emit(Event::StateChanged(state));
        }
    }

    /// The conversation for a target, made when it is not there; `None` when there are too many.
    fn conversation_mut(&mut self, target: &str) -> Option<&mut Conversation> {
        let key = self.fold(target);
        if !self.conversations.contains_key(&key) {
            if self.conversations.len() >= CONVERSATIONS_MAX {
                return None;
            }
            let kind = if self.is_room(target) { ConversationKind::Room } else { ConversationKind::Direct };
            self.conversations.insert(key.clone(), Conversation::new(target, kind));
        }
        self.conversations.get_mut(&key)
    }

    fn want_room(&mut self, room: &str, key: Option<&str>) {
        if let Some(conversation) = self.conversation_mut(room) {
            conversation.wanted = true;
            if let Some(key) = key {
                conversation.key = Some(key.to_owned());
            }
        }
    }

    /// Hands over what was written, in order with everything else.
    fn finish(&mut self) {
        if !self.connected {
            self.out.clear();
        } else if !self.out.is_empty() {
            self.transmits.push_back(Transmit::Write(std::mem::take(&mut self.out)));
        }
    }

    /// Closes the connection after what was written.
    fn close(&mut self) {
        self.finish();
        self.transmits.push_back(Transmit::Close);
    }

    /// Sets the timers that follow from what was received.
    fn schedule(&mut self, now: Time) {
        let probing = self.connected && self.state == State::Online;
        let (ping, silence) = self.liveness.deadlines();
        self.timers.set_or_stop(Timer::Ping, probing.then_some(ping));
        self.timers.set_or_stop(Timer::Silence, probing.then_some(silence));
        self.timers.set_or_stop(Timer::Outbox, self.outbox.next_change());
        self.timers.set_or_stop(Timer::History, self.requests.next_deadline());
        if probing {
            self.online_until = Some(now);
        }
    }

    fn begin_connect(&mut self, now: Time) {
        self.timers.stop(Timer::Reconnect);
        self.timers.set(Timer::Establish, now + ESTABLISH_WITHIN);
        self.negotiation = Negotiation::default();
        self.sasl = Sasl::Idle;
        self.recall = Recall::NotYet;
        self.device_introduced = false;
        self.proved_account = None;
        self.devices.clear();
        self.password_unchecked = false;
        self.server_error = None;
        self.banned = None;
        self.batches.clear();
        self.user_leaves = None;
        self.set_state(State::Connecting);
        self.transmits.push_back(Transmit::Connect);
    }

    fn establish_timed_out(&mut self, now: Time) {
        self.close();
        // A server without CAP never asks for the token that we hold the name back for.
        self.resume_token = None;
        self.name_first = true;
        if self.connected {
            self.connection_ended(now, "the server does not complete the sign-in");
        } else {
            self.go_offline(now, Loss::Unreachable("no answer".to_owned()));
        }
    }

    /// What follows from the end of a connection, whoever ended it.
    fn connection_ended(&mut self, now: Time, reason: &str) {
        self.connected = false;
        match self.user_leaves.take() {
            Some(leave) => {
                self.leave_all();
                self.outbox_lost(now);
                self.timers.stop_all();
                self.set_state(match leave {
                    Leave::Quit => State::Stopped(StopReason::Quit),
                    Leave::Disconnect => State::Idle,
                });
                return;
            }
            None if self.state == State::NameNeeded => {
                // The form stays open; the answer to it opens a new connection.
                self.timers.stop_all();
                return;
            }
            None => {}
        }
        if let Some(reason) = self.banned.take() {
            self.stop(StopReason::Banned(reason));
            return;
        }
        if let Some(reason) = self.signed_out.take() {
            self.stop(StopReason::SignInRefused(reason));
            return;
        }
        let loss = match self.server_error.take() {
            Some(reason) => Loss::ServerClosed(reason),
            None => Loss::Lost(reason.to_owned()),
        };
        self.go_offline(now, loss);
    }

    fn go_offline(&mut self, now: Time, loss: Loss) {
        self.connected = false;
        self.timers.stop_all();
        self.leave_all();
        self.outbox_lost(now);
        let delay = self.backoff.next_delay(self.options.retry, &mut self.rng);
        if let Loss::ServerClosed(reason) = &loss {
            self.emit(Event::ServerClosed { reason: reason.clone() });
        }
        self.emit(Event::Offline { loss: loss.clone(), retry_in_ms: delay.map(|d| d.as_millis() as u64) });
        match delay {
            Some(delay) => {
                let retry_at = now + delay;
                self.timers.set(Timer::Reconnect, retry_at);
                self.set_state(State::Waiting { retry_at, loss });
            }
            None => self.set_state(State::Stopped(StopReason::Lost(loss))),
        }
        self.timers.set_or_stop(Timer::Outbox, self.outbox.next_change());
    }

    fn stop(&mut self, reason: StopReason) {
        self.connected = false;
        self.leave_all();
        self.timers.stop_all();
        self.set_state(State::Stopped(reason));
    }

    /// Nobody is in any room any more as far as we know; the rooms stay wanted.
    fn leave_all(&mut self) {
        if let (None, Some(online_until)) = (self.missed_since_ms, self.online_until) {
            // The server's clock may be far behind ours; it goes on from the newest message that we have.
            let newest = self.conversations.values().filter_map(|c| c.timeline.last_message());
            let newest = newest.map(|m| m.time_ms).max();
            self.missed_since_ms = newest.into_iter().chain([online_until.unix_ms()]).min();
        }
        for conversation in self.conversations.values_mut() {
            conversation.joined = false;
            conversation.syncing = false;
            conversation.own_up_to_holes();
            conversation.names_arriving = None;
            // Of a direct conversation something may come live before it is asked what was missed.
            if conversation.kind == ConversationKind::Direct && conversation.missing_after.is_none() {
                let last = conversation.timeline.last_message();
                conversation.missing_after = last.and_then(|m| m.msgid.clone());
            }
        }
        self.requests.clear();
        self.batches.clear();
        self.missed = None;
    }

    fn outbox_lost(&mut self, now: Time) {
        for id in self.outbox.connection_lost(now) {
            self.tell_outbox(id);
        }
    }

    fn advance_outbox(&mut self, now: Time) {
        for id in self.outbox.advance(now) {
            self.tell_outbox(id);
        }
        self.timers.set_or_stop(Timer::Outbox, self.outbox.next_change());
    }

    fn tell_outbox(&mut self, id: LocalId) {
        let state = self.outbox.get(id).map(|e| e.state.clone());
        self.emit(Event::Outbox { id, state });
    }
}
