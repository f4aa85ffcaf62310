//! Events that many sessions see the same way: rendered once for each set of capabilities.

use salotto_core::{Card, Event, Leaving, PostKind, PostTarget, Timestamp};
use salotto_wire::server_time::ServerTime;
use salotto_wire::{BODY_LEN_MAX, Capability, CapabilitySet, Line};

use super::modes;
use crate::hub::Turn;
use crate::shard::Framing;
use crate::shared::Shared;

/// The capabilities that change how a shared event looks.
pub(crate) const RELEVANT: CapabilitySet = CapabilitySet::of(&[
    Capability::MessageTags,
    Capability::ServerTime,
    Capability::AccountTag,
    Capability::ExtendedJoin,
    Capability::AwayNotify,
]);

/// Renders one event into framed bytes.
pub(crate) fn render(
    turn: &Turn,
    event: &Event,
    capabilities: CapabilitySet,
    framing: Framing,
    shared: &Shared,
    bytes: &mut Vec<u8>,
) {
    let mut pen = Pen { capabilities, framing, bytes };
    let server = shared.config.server.name.as_str();
    let at = turn.at;
    match event {
        Event::Posted(posted) | Event::Repeated(posted) => {
            let (command, target) = (
                match posted.kind {
                    PostKind::Message => "PRIVMSG",
                    PostKind::Notice => "NOTICE",
                    PostKind::Tags => "TAGMSG",
                },
                match &posted.target {
                    PostTarget::Room(_, name) => name.as_str(),
                    PostTarget::Person(_, nick) => nick.as_str(),
                },
            );
            pen.line(posted.at, Some(&posted.card), |mut line, tags| {
                if tags {
                    line = line.tag("msgid", &posted.seq.to_msgid()).raw_tags(&posted.tags);
                }
                let line = from(line, &posted.card).command(command).param(target);
                if posted.kind == PostKind::Tags { line } else { line.trailing(&posted.text) }
            });
        }
        Event::Joined { name, card, roles, away, .. } => {
            let extended = capabilities.contains(Capability::ExtendedJoin);
            pen.line(at, Some(card), |line, _| {
                let line = from(line, card).command("JOIN").param(name.as_str());
                if !extended {
                    return line;
                }
                let account = card.account.as_ref().map_or("*", salotto_core::Nick::as_str);
                line.param(account).trailing(&card.realname)
            });
            for (on, mode) in [(roles.operator, "+o"), (roles.voice, "+v")] {
                if on {
                    pen.line(at, None, |line, _| {
                        line.source(server)
                            .command("MODE")
                            .param(name.as_str())
                            .param(mode)
                            .param(card.nick.as_str())
                    });
                }
            }
            if let Some(message) = away.as_ref().filter(|_| capabilities.contains(Capability::AwayNotify)) {
                pen.line(at, Some(card), |line, _| from(line, card).command("AWAY").trailing(message));
            }
        }
        Event::Parted { name, card, reason, .. } => pen.line(at, Some(card), |line, _| {
            let line = from(line, card).command("PART").param(name.as_str());
            match reason {
                Some(reason) => line.trailing(reason),
                None => line,
            }
        }),
        Event::Kicked { name, card, by, reason, .. } => pen.line(at, Some(by), |line, _| {
            let reason = reason.as_deref().unwrap_or(by.nick.as_str());
            from(line, by).command("KICK").param(name.as_str()).param(card.nick.as_str()).trailing(reason)
        }),
        Event::Quit { card, why, .. } => {
            let reason = match why {
                Leaving::Quit(Some(word)) => format!("Quit: {word}"),
                Leaving::Quit(None) => "Quit".into(),
                Leaving::Lost(reason) => format!("Connection lost: {reason}"),
                Leaving::Killed { by, reason } => format!("Killed ({by}: {reason})"),
                Leaving::NodeLost => "Connection lost: server lost".into(),
                Leaving::Closing => return,
            };
            pen.line(at, Some(card), |line, _| from(line, card).command("QUIT").trailing(&reason));
        }
        Event::Renamed { before, card, .. } => {
            pen.line(at, Some(card), |line, _| from(line, before).command("NICK").param(card.nick.as_str()))
        }
        Event::RealnameChanged { card, .. } => {
            pen.line(at, Some(card), |line, _| from(line, card).command("SETNAME").trailing(&card.realname));
        }
        Event::AwayChanged { card, message, .. } => pen.line(at, Some(card), |line, _| {
            let line = from(line, card).command("AWAY");
            match message {
                Some(message) => line.trailing(message),
                None => line,
            }
        }),
        Event::AccountChanged { card, .. } => {
            let account = card.account.as_ref().map_or("*", salotto_core::Nick::as_str);
            pen.line(at, Some(card), |line, _| from(line, card).command("ACCOUNT").param(account));
        }
        Event::Invited { name, card, by } => pen.line(at, Some(by), |line, _| {
            from(line, by).command("INVITE").param(card.nick.as_str()).param(name.as_str())
        }),
        Event::TopicChanged { name, by, topic } => pen.line(at, by.as_deref(), |line, _| {
            from_or(line, by.as_deref(), server).command("TOPIC").param(name.as_str()).trailing(topic)
        }),
        Event::ModesChanged { name, by, changes } => pen.line(at, by.as_deref(), |line, _| {
            let (letters, arguments) = modes::write(changes);
            let mut line =
                from_or(line, by.as_deref(), server).command("MODE").param(name.as_str()).param(&letters);
            for argument in &arguments {
                line = line.param(argument);
            }
            line
        }),
        // All others are for one session and rendered by it.
        _ => {}
    }
}

/// Writes framed lines with the tags that every line of a session carries.
struct Pen<'a> {
    capabilities: CapabilitySet,
    framing: Framing,
    bytes: &'a mut Vec<u8>,
}

impl Pen<'_> {
    /// `build` learns whether other tags are welcome.
    fn line(
        &mut self,
        at: Timestamp,
        by: Option<&Card>,
        build: impl for<'b> FnOnce(Line<'b>, bool) -> Line<'b>,
    ) {
        let start = self.bytes.len();
        let tags = self.capabilities.contains(Capability::MessageTags);
        let mut line = Line::new(self.bytes);
        if self.capabilities.contains(Capability::ServerTime) {
            line = line.tag("time", &time(at));
        }
        if let Some(by) = by {
            if self.capabilities.contains(Capability::AccountTag)
                && let Some(account) = &by.account
            {
                line = line.tag("account", account.as_str());
            }
            if tags && by.bot {
                line = line.tag("bot", "");
            }
        }
        // What fitted without the name of who said it may not with it.
        build(line, tags).end_within(BODY_LEN_MAX);
        self.framing.frame(self.bytes, start);
    }
}

/// A moment as `server-time` writes it.
pub(super) fn time(at: Timestamp) -> String {
    ServerTime(i64::try_from(at.0).unwrap_or(i64::MAX)).to_string()
}

fn from<'b>(line: Line<'b>, card: &Card) -> Line<'b> {
    line.source_parts(card.nick.as_str(), &card.user, &card.host)
}

fn from_or<'b>(line: Line<'b>, card: Option<&Card>, server: &str) -> Line<'b> {
    match card {
        Some(card) => from(line, card),
        None => line.source(server),
    }
}
