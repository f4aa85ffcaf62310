//! IRCv3: one session's side of the protocol, from lines to commands and from events to lines.
//!
//! A handler turns one message into submissions and edits nothing but its own session. What comes of them arrives
//! as events, which are rendered here for the capabilities that the session has asked for.

mod account;
mod answer;
mod capability;
mod chathistory;
mod command;
mod device;
pub(crate) mod label;
mod modes;
mod names;
mod refusal;
mod registration;
mod render;
mod welcome;

use std::sync::Arc;

use salotto_core::{AccountId, Ending, Event, Nick, PersonId, PostKind, PostTarget, SessionId};
use salotto_wire::{
    BODY_LEN_MAX, CLIENT_TAGS_LEN_MAX, Capability, CapabilitySet, Line, Message, Numeric, numeric,
};

use crate::adapter::{Plan, Style};
use crate::hub::{Answer, Turn};
use crate::jobs::JobResult;
use crate::shard::{Close, Io, Outgoing};

pub(crate) use render::render;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Says who it is.
    Registering,
    /// Has said it; the chat decides.
    SigningIn,
    /// Is in.
    Online,
}

/// What a job of the session is for.
#[derive(Debug)]
enum Waiting {
    /// The server's password.
    ServerPassword,
    /// SASL.
    Sasl,
    /// A new account's password is being hashed.
    Register {
        /// The account's name.
        name: Nick,
    },
    /// The old password is being checked, and a new one hashed.
    Passwd,
    /// An operator's password.
    Oper,
    /// A page of history.
    History(chathistory::Request),
}

/// One session.
pub(crate) struct Session {
    stage: Stage,
    capabilities: CapabilitySet,
    /// Asked for version 302 of capability negotiation, or newer.
    cap_302: bool,
    negotiating: bool,
    nick_wish: Option<Box<Nick>>,
    user: Option<Box<(Arc<str>, Arc<str>)>>,
    password: Option<Box<str>>,
    /// The server's password was given.
    password_right: bool,
    /// The account that was proved before signing in.
    account: Option<AccountId>,
    sasl: Option<Box<salotto_wire::sasl::ChunkBuffer>>,
    password_failures: u32,
    /// Being signed in comes from an account just made, not from SASL.
    registered_now: bool,
    tokens: device::Tokens,
    waiting: Option<Box<Waiting>>,
    /// The name that replies are addressed to; `*` before there is one.
    nick: Arc<str>,
    /// The length of the person's `nick!user@host` as others see it, in bytes.
    mask_len: usize,
    /// Whom the session speaks for, once it is in.
    person: Option<PersonId>,
}

impl Session {
    /// A session on a fresh connection.
    pub fn new() -> Session {
        Session {
            stage: Stage::Registering,
            capabilities: CapabilitySet::EMPTY,
            cap_302: false,
            negotiating: false,
            nick_wish: None,
            user: None,
            password: None,
            password_right: false,
            account: None,
            sasl: None,
            password_failures: 0,
            registered_now: false,
            tokens: device::Tokens::default(),
            waiting: None,
            nick: "*".into(),
            mask_len: 0,
            person: None,
        }
    }

    /// IRC speaks when it is spoken to.
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "the bare terminal greets here")]
    pub fn opened(&mut self, _io: &mut Io<'_>) {}

    /// A line has come.
    pub fn line(&mut self, line: &str, io: &mut Io<'_>) {
        let Ok(message) = Message::parse(line) else {
            // An empty line means nothing (RFC 2812 section 2.3.1); a broken one must not break the next.
            return;
        };
        let has = |capability| self.capabilities.contains(capability);
        let label = has(Capability::LabeledResponse).then(|| message.tag("label")).flatten();
        io.begin(label.is_some());
        let tags_len = message.raw_tags().len();
        let body_len = line.len() - if tags_len > 0 { tags_len + 2 } else { 0 };
        if body_len + 2 > BODY_LEN_MAX || tags_len + 2 > CLIENT_TAGS_LEN_MAX {
            self.too_long(io);
        } else {
            self.dispatch(&message, io);
        }
        io.end(label.as_deref());
    }

    /// A line was longer than any may be.
    pub fn overlong(&mut self, io: &mut Io<'_>) {
        io.begin(false);
        self.too_long(io);
        io.end(None);
    }

    pub(super) fn too_long(&self, io: &mut Io<'_>) {
        self.reply(io, numeric::ERR_INPUTTOOLONG, |line| line.trailing("Input line was too long"));
    }

    /// A line was not UTF-8 (IRCv3 `utf8-only`).
    pub fn not_utf8(&mut self, io: &mut Io<'_>) {
        io.begin(false);
        self.fail(io, "*", "INVALID_UTF8", &[], "Message rejected, your client must use UTF-8");
        io.end(None);
    }

    /// What to do with an event.
    pub fn plan(&self, turn: &Turn, event: &Event, session: SessionId) -> Plan {
        let has = |capability| self.capabilities.contains(capability);
        let shared_if = |wanted| if wanted { Plan::Shared } else { Plan::Skip };
        let own = |person: PersonId| self.person == Some(person);
        match event {
            Event::Posted(posted) => {
                if posted.kind == PostKind::Tags && !has(Capability::MessageTags) {
                    return Plan::Skip;
                }
                if !own(posted.from) || has(Capability::EchoMessage) {
                    return Plan::Shared;
                }
                // One's own lines come back to the session that said them, and private ones to the person's other
                // sessions, only where the client can tell them from somebody else's.
                shared_if(match posted.target {
                    PostTarget::Person(to, _) => own(to),
                    PostTarget::Room(..) => turn.session != session,
                })
            }
            Event::Joined { .. } | Event::Parted { .. } | Event::Kicked { .. } => Plan::Shared,
            Event::TopicChanged { .. } | Event::ModesChanged { .. } | Event::Quit { .. } => Plan::Shared,
            Event::Renamed { person, .. } if own(*person) => Plan::Own,
            Event::Renamed { .. } => Plan::Shared,
            Event::RealnameChanged { .. } => shared_if(has(Capability::Setname)),
            Event::AccountChanged { .. } => shared_if(has(Capability::AccountNotify)),
            Event::AwayChanged { person, .. } if own(*person) => Plan::Own,
            Event::AwayChanged { .. } => shared_if(has(Capability::AwayNotify)),
            Event::Invited { card, .. } => {
                shared_if(card.nick.as_str() == &*self.nick || has(Capability::InviteNotify))
            }
            _ => Plan::Own,
        }
    }

    /// What shared bytes for this session depend on.
    pub fn style(&self) -> Style {
        Style::Irc(self.capabilities.intersection(render::RELEVANT))
    }

    /// Whether the client asks by itself for what it has not seen (IRCv3 "chathistory").
    pub fn reads_history(&self) -> bool {
        self.capabilities.contains(Capability::ChatHistory)
    }

    /// A word of the server.
    pub fn announce(&mut self, text: &str, io: &mut Io<'_>) {
        if self.stage != Stage::Online {
            return;
        }
        let (server, nick) = (server_name(io).to_owned(), self.nick.clone());
        io.line(|bytes| {
            Line::new(bytes)
                .source(&server)
                .command("NOTICE")
                .param(&nick)
                .trailing(text)
                .end_within(BODY_LEN_MAX)
        });
    }

    /// Nothing was heard for a while.
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "all adapters are asked alike")]
    pub fn ping(&mut self, io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        io.line(|bytes| Line::new(bytes).command("PING").trailing(&server).end());
    }

    /// The last line.
    pub fn farewell(&mut self, close: &Close, out: &mut Outgoing) {
        use salotto_core::Leaving;
        let text = match close {
            Close::Quit(Some(word)) => format!("Closing connection: Quit: {word}"),
            Close::Quit(None) => "Closing connection: Quit".into(),
            Close::Broken(reason) | Close::Gone(reason) => format!("Closing connection: {reason}"),
            Close::Ended(Ending::Replaced) => "Closing connection: replaced by a newer connection".into(),
            Close::Ended(Ending::Revoked) => "Closing connection: signed out from another device".into(),
            Close::Ended(Ending::Left(Leaving::Killed { by, reason })) => {
                format!("Closing connection: Killed ({by}: {reason})")
            }
            Close::Ended(Ending::Left(_)) => "Closing connection".into(),
            Close::Server(reason) => format!("The server has closed: {reason}"),
        };
        out.line(|bytes| Line::new(bytes).command("ERROR").trailing(&text).end_within(BODY_LEN_MAX));
        let framing = out.framing();
        out.framed(|bytes| framing.farewell(bytes));
    }

    /// An answer with a number.
    fn reply(&self, io: &mut Io<'_>, numeric: Numeric, build: impl for<'b> FnOnce(Line<'b>) -> Line<'b>) {
        let shared = io.shared.clone();
        io.line(|bytes| {
            let line = Line::new(bytes).source(&shared.config.server.name).numeric(numeric).param(&self.nick);
            build(line).end_within(BODY_LEN_MAX);
        });
    }

    /// A standard reply (IRCv3 `standard-replies`), whether or not the client has asked for the capability: most are
    /// part of the specification of their command, and need none. The capability is for all others, such as
    /// `TEMPORARILY_UNAVAILABLE`; these go to everybody as well, because no numeric says the same.
    fn standard(&self, io: &mut Io<'_>, kind: &str, command: &str, code: &str, context: &[&str], text: &str) {
        let shared = io.shared.clone();
        let server = &shared.config.server.name;
        io.line(|bytes| {
            let mut line = Line::new(bytes).source(server).command(kind).param(command).param(code);
            for param in context {
                line = line.param(param);
            }
            line.trailing(text).end_within(BODY_LEN_MAX);
        });
    }

    fn fail(&self, io: &mut Io<'_>, command: &str, code: &str, context: &[&str], text: &str) {
        self.standard(io, "FAIL", command, code, context, text);
    }

    fn need_more_params(&self, io: &mut Io<'_>, command: &str) {
        self.reply(io, numeric::ERR_NEEDMOREPARAMS, |line| {
            line.param(command).trailing("Not enough parameters")
        });
    }

    /// Whether something may be written now; says so to the client where it may not.
    fn writable(&self, io: &mut Io<'_>, command: &str) -> bool {
        let read_only = io.shared.read_only.load(std::sync::atomic::Ordering::Relaxed);
        if read_only {
            self.fail(
                io,
                command,
                "TEMPORARILY_UNAVAILABLE",
                &[],
                "The server cannot write to its disk; please try again later",
            );
        }
        !read_only
    }

    /// The result of a job.
    pub fn job_done(&mut self, result: JobResult, io: &mut Io<'_>) {
        match (self.waiting.take().map(|waiting| *waiting), result) {
            (Some(Waiting::ServerPassword), JobResult::Checked(right)) => {
                self.server_password_checked(right, io)
            }
            (Some(Waiting::Sasl), JobResult::Authenticated(account)) => self.authenticated(account, io),
            (Some(Waiting::Sasl), _) => self.sasl_busy(io),
            (Some(Waiting::Passwd), JobResult::Rehashed { account, verifier }) => {
                self.password_rehashed(account, verifier, io)
            }
            (Some(Waiting::Passwd), _) => self.passwd_busy(io),
            (Some(Waiting::ServerPassword), _) => {
                io.close(Close::broken("the server is busy; please try again"));
            }
            (Some(Waiting::Oper), JobResult::Failed) => self.busy("OPER", io),
            (Some(Waiting::Register { .. }), JobResult::Failed) => self.busy("REGISTER", io),
            (Some(Waiting::Register { name }), JobResult::Hashed(verifier)) => {
                self.password_hashed(name, verifier, io)
            }
            (Some(Waiting::Oper), JobResult::Checked(right)) => self.oper_checked(right, io),
            (Some(Waiting::History(request)), result) => self.history_read(&request, result, io),
            _ => {}
        }
    }

    /// The answer to a question of this session.
    pub fn answer(&mut self, answer: &Answer, io: &mut Io<'_>) {
        match answer {
            Answer::Readable(conversation) => self.history_readable(*conversation, io),
            Answer::ReadableAll(rooms, account) => self.targets_readable(rooms, *account, io),
            other => self.show_answer(other, io),
        }
    }

    /// An event that is shown in this session's own way.
    pub fn event(&mut self, turn: &Turn, event: &Event, io: &mut Io<'_>) {
        match event {
            Event::SignedIn { card, person, .. } => {
                self.person = Some(*person);
                self.signed_in(card, io);
            }
            Event::Refused(refusal) => self.refused(refusal, io),
            Event::Recognised { account, device } => self.recognised(account.as_ref(), *device, io),
            Event::DeviceAdded { .. } => self.say_token(io),
            Event::Devices(devices) => self.show_devices(devices, io),
            Event::DevicesRevoked { ids, others } => self.show_revoked(ids, *others, io),
            Event::PasswordChanged { account } => self.password_changed(account, io),
            Event::Ended { why: Ending::Revoked, .. } => self.revoked(io),
            Event::Renamed { card, .. } => {
                self.nick = card.nick.text();
                self.mask_len = card.mask().len();
                self.render_own(turn, event, io);
            }
            Event::Registered { account, id } => self.registered(account, *id, io),
            Event::LoggedIn { account, card } => self.logged_in(account, card.as_deref(), io),
            other => self.show_event(turn, other, io),
        }
    }

    /// Renders an event that others see the same way, for this session alone.
    fn render_own(&self, turn: &Turn, event: &Event, io: &mut Io<'_>) {
        let mut bytes = Vec::new();
        let capabilities = self.capabilities.intersection(render::RELEVANT);
        render(turn, event, capabilities, crate::shard::Framing::Lines, io.shared, &mut bytes);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            io.line(|out| out.extend_from_slice(line));
        }
    }
}

/// The name that the server's lines come from.
fn server_name<'a>(io: &'a Io<'_>) -> &'a str {
    &io.shared.config.server.name
}
