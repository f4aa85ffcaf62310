//! The ways of talking to a connection: IRC, and the bare terminal. One session of either is one entry in the core.

use salotto_core::{Event, SessionId};

use crate::hub::{Answer, Turn};
use crate::irc;
use crate::jobs::JobResult;
use crate::listen::ListenerKind;
use crate::plain;
use crate::shard::{Close, Framing, Io, Outgoing};
use crate::shared::Shared;

/// What a session does with an event that is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing: it did not ask for events of this kind.
    Skip,
    /// Shows it, the same bytes as all with an equal [`RenderKey`].
    Shared,
    /// Shows it in its own way.
    Own,
}

/// What the bytes of a shared event depend on, besides the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RenderKey {
    /// Which adapter, and what it distinguishes.
    pub style: Style,
    /// How lines are put on the wire.
    pub framing: Framing,
}

/// Which adapter renders, and what it distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// IRC, by the capabilities that change lines.
    Irc(salotto_wire::CapabilitySet),
    /// The bare terminal, by language.
    Plain(crate::config::Language),
}

/// One session, by the way it talks.
pub(crate) enum Adapter {
    /// IRCv3 over TCP, TLS or WebSocket.
    Irc(Box<irc::Session>),
    /// A bare terminal.
    Plain(Box<plain::Session>),
}

/// Renders an event for all sessions with this key.
pub(crate) fn render(turn: &Turn, event: &Event, key: RenderKey, shared: &Shared, bytes: &mut Vec<u8>) {
    match key.style {
        Style::Irc(capabilities) => irc::render(turn, event, capabilities, key.framing, shared, bytes),
        Style::Plain(language) => plain::render(turn, event, language, bytes),
    }
}

macro_rules! either {
    ($self:ident, $session:ident => $does:expr) => {
        match $self {
            Adapter::Irc($session) => $does,
            Adapter::Plain($session) => $does,
        }
    };
}

impl Adapter {
    /// The adapter for a kind of listener.
    pub fn new(kind: ListenerKind, shared: &Shared) -> Adapter {
        match kind {
            ListenerKind::Text => {
                Adapter::Plain(Box::new(plain::Session::new(shared.config.server.language)))
            }
            ListenerKind::Irc | ListenerKind::IrcTls | ListenerKind::Web { .. } => {
                Adapter::Irc(Box::new(irc::Session::new()))
            }
        }
    }

    /// The connection has opened.
    pub fn opened(&mut self, io: &mut Io<'_>) {
        either!(self, session => session.opened(io));
    }

    /// A line has come, without its ending.
    pub fn line(&mut self, line: &str, io: &mut Io<'_>) {
        either!(self, session => session.line(line, io));
    }

    /// A line was longer than lines may be; it is gone, the rest is not.
    pub fn overlong(&mut self, io: &mut Io<'_>) {
        either!(self, session => session.overlong(io));
    }

    /// A line was not UTF-8; it is gone, the rest is not.
    pub fn not_utf8(&mut self, io: &mut Io<'_>) {
        either!(self, session => session.not_utf8(io));
    }

    /// What `session`, which talks this way, does with an event.
    pub fn plan(&self, turn: &Turn, event: &Event, session: SessionId) -> Plan {
        match self {
            Adapter::Irc(irc) => irc.plan(turn, event, session),
            Adapter::Plain(plain) => plain.plan(turn, event),
        }
    }

    /// What shared bytes for this session depend on.
    pub fn style(&self) -> Style {
        either!(self, session => session.style())
    }

    /// Whether its client asks by itself for what it has not seen.
    pub fn reads_history(&self) -> bool {
        match self {
            Adapter::Irc(irc) => irc.reads_history(),
            Adapter::Plain(_) => false,
        }
    }

    /// An event that is shown in the session's own way.
    pub fn event(&mut self, turn: &Turn, event: &Event, io: &mut Io<'_>) {
        either!(self, session => session.event(turn, event, io));
    }

    /// The answer to a question of this session.
    pub fn answer(&mut self, turn: &Turn, answer: &Answer, io: &mut Io<'_>) {
        match self {
            Adapter::Irc(irc) => irc.answer(answer, io),
            Adapter::Plain(plain) => plain.answer(turn, answer, io),
        }
    }

    /// The result of a job of this session.
    pub fn job_done(&mut self, result: JobResult, io: &mut Io<'_>) {
        either!(self, session => session.job_done(result, io));
    }

    /// A word of the server.
    pub fn announce(&mut self, text: &str, io: &mut Io<'_>) {
        either!(self, session => session.announce(text, io));
    }

    /// Nothing was heard for a while: asks whether somebody is there.
    pub fn ping(&mut self, io: &mut Io<'_>) {
        either!(self, session => session.ping(io));
    }

    /// The last line before the connection closes.
    pub fn farewell(&mut self, close: &Close, out: &mut Outgoing) {
        either!(self, session => session.farewell(close, out));
    }
}
