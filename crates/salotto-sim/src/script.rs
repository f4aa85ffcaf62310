//! Anything that a connection may ask, drawn from a few numbers: names that collide, few rooms, few tokens.
//!
//! A line is read from six bytes, so that a seeded run and a property test that shrinks draw from one source.

use std::sync::Arc;

use salotto_core::{
    AccountId, Command, Leaving, ModeChange, Nick, NodeId, Post, PostKind, Role, RoomFlag, RoomName,
    SessionId, SignIn, Timestamp,
};

/// Names, of which some are the same, some look the same, and some are nothing alike.
pub const NICKS: [&str; 9] =
    ["mallory", "Mallory", "m\u{430}llory", "mal1ory", "trudy", "TRUDY", "eve", "Émile", "émile"];
/// Rooms, of which two are the same.
pub const ROOMS: [&str; 4] = ["#wild", "#Wild", "#cave", "#lobby"];
/// How many connections speak in a script.
pub const SESSIONS: u64 = 6;

const TOKENS: [&str; 3] = ["t1", "t2", "t3"];
const FLAGS: [RoomFlag; 5] = [
    RoomFlag::InviteOnly,
    RoomFlag::Moderated,
    RoomFlag::NoExternal,
    RoomFlag::Secret,
    RoomFlag::TopicLocked,
];

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which connection, from 1.
    pub session: u64,
    /// What it asks.
    pub step: Step,
}

/// What a connection asks.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the command of the same name")]
pub enum Step {
    SignIn { nick: &'static str, account: Option<usize>, resume: Option<u64>, rejoin: bool },
    Close { lost: bool },
    Rename { nick: &'static str },
    Away { on: bool },
    Invisible { on: bool },
    Operator { on: bool },
    Join { room: &'static str, key: bool },
    Part { room: &'static str },
    Say { target: &'static str, kind: PostKind, token: Option<&'static str> },
    Topic { room: &'static str, text: &'static str },
    Mode { room: &'static str, change: Change },
    Kick { room: &'static str, nick: &'static str },
    Invite { room: &'static str, nick: &'static str },
    Kill { nick: &'static str },
    Register { nick: &'static str },
    LogIn { account: usize },
    MarkRead { target: &'static str, at: u64 },
    Establish { room: &'static str },
}

/// One change of a mode.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the change of the same name")]
pub enum Change {
    Flag(RoomFlag, bool),
    Key(bool),
    Limit(Option<u32>),
    Role(Role, &'static str, bool),
    Ban(&'static str, bool),
}

fn pick<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte) % from.len()]
}

impl Line {
    /// Reads a line from six bytes.
    pub fn from_bytes([who, what, a, b, c, d]: [u8; 6]) -> Line {
        let on = d & 1 == 0;
        let (nick, room) = (pick(&NICKS, a), pick(&ROOMS, b));
        let token = (c < 128).then(|| pick(&TOKENS, c));
        let kind = match d % 8 {
            0 => PostKind::Notice,
            1 => PostKind::Tags,
            _ => PostKind::Message,
        };
        let step = match what % 64 {
            0..10 => Step::SignIn {
                nick,
                account: (c < 96).then_some(usize::from(c) % 4),
                resume: (d >= 192).then_some(1 + u64::from(b) % SESSIONS),
                rejoin: on,
            },
            10..13 => Step::Close { lost: on },
            13..16 => Step::Rename { nick },
            16 => Step::Away { on },
            17 => Step::Invisible { on },
            18 => Step::Operator { on },
            19..27 => Step::Join { room, key: on },
            27..29 => Step::MarkRead { target: if c < 160 { room } else { nick }, at: u64::from(d) },
            29..32 => Step::Part { room },
            32..42 => Step::Say { target: room, kind, token },
            42..45 => Step::Say { target: nick, kind, token },
            45..47 => Step::Topic { room, text: if on { "a topic" } else { "" } },
            47..55 => Step::Mode { room, change: change(a, c, on) },
            55..57 => Step::Kick { room, nick },
            57..59 => Step::Invite { room, nick },
            59 => Step::Kill { nick },
            60..62 => Step::Register { nick },
            62 => Step::LogIn { account: usize::from(c) % 4 },
            _ => Step::Establish { room },
        };
        Line { session: 1 + u64::from(who) % SESSIONS, step }
    }

    /// The command, from a session, with these accounts to choose from.
    pub fn command(&self, session: SessionId, accounts: &[AccountId]) -> Command {
        let account = |index: usize| accounts.get(index).copied();
        match self.step {
            Step::SignIn { nick: name, account: known, resume, rejoin } => {
                Command::SignIn(Box::new(SignIn {
                    resumable: Some([session.0 as u8; 32]),
                    resume: resume.map(|old| [old as u8; 32]),
                    stem: Some([resume.unwrap_or(session.0) as u8; 32]),
                    account: known.and_then(account),
                    rooms: vec![room("#lobby")],
                    rejoin,
                    ..sign_in(session, nick(name))
                }))
            }
            Step::Close { lost: true } => Command::Close { session, why: Leaving::Lost("reset".into()) },
            Step::Close { lost: false } => Command::Close { session, why: Leaving::Quit(None) },
            Step::Rename { nick: name } => Command::Rename { session, nick: nick(name) },
            Step::Away { on } => Command::SetAway { session, message: on.then(|| "lunch".into()) },
            Step::Invisible { on } => Command::SetInvisible { session, on },
            Step::Operator { on } => Command::BecomeOperator { session, on },
            Step::Join { room: name, key } => {
                Command::Join { session, room: room(name), key: key.then(|| "key".into()) }
            }
            Step::Part { room: name } => Command::Part { session, room: room(name), reason: None },
            Step::Say { target, kind, token } => Command::Post(Box::new(Post {
                session,
                target: target.into(),
                kind,
                text: "text".into(),
                tags: "".into(),
                token: token.map(Into::into),
            })),
            Step::Topic { room: name, text } => {
                Command::SetTopic { session, room: room(name), topic: text.into() }
            }
            Step::Mode { room: name, ref change } => {
                Command::SetModes { session, room: room(name), changes: vec![change.to_mode()] }
            }
            Step::Kick { room: name, nick } => {
                Command::Kick { session, room: room(name), nick: nick.into(), reason: None }
            }
            Step::Invite { room: name, nick } => {
                Command::Invite { session, room: room(name), nick: nick.into() }
            }
            Step::Kill { nick } => Command::Kill { session, nick: nick.into(), reason: "enough".into() },
            Step::Register { nick: name } => {
                Command::Register { session, name: nick(name), verifier: "$argon2id$".into() }
            }
            Step::LogIn { account: known } => match account(known) {
                Some(account) => Command::LogIn { session, account },
                None => Command::Ping { session, token: "nobody".into() },
            },
            Step::MarkRead { target, at } => {
                Command::MarkRead { session, target: target.into(), at: Timestamp(at) }
            }
            Step::Establish { room: name } => Command::Establish { room: room(name), topic: "".into() },
        }
    }

    /// The line of the protocol that asks it; `None` for what no line asks.
    pub fn wire(&self) -> Option<String> {
        Some(match self.step {
            Step::SignIn { nick, .. } => format!("NICK {nick}\r\nUSER u 0 * :{nick}"),
            Step::Close { lost } => if lost { "QUIT" } else { "QUIT :bye" }.to_owned(),
            Step::Rename { nick } => format!("NICK {nick}"),
            Step::Away { on } => if on { "AWAY :lunch" } else { "AWAY" }.to_owned(),
            Step::Invisible { on } => format!("MODE {} {}", NICKS[0], if on { "+i" } else { "-i" }),
            Step::Join { room, key } => format!("JOIN {room}{}", if key { " key" } else { "" }),
            Step::Part { room } => format!("PART {room}"),
            Step::Say { target, kind, token } => {
                let tags = token.map(|token| format!("@+salotto.chat/token={token} ")).unwrap_or_default();
                match kind {
                    PostKind::Message => format!("{tags}PRIVMSG {target} :text"),
                    PostKind::Notice => format!("{tags}NOTICE {target} :text"),
                    PostKind::Tags => format!("{tags}TAGMSG {target}"),
                }
            }
            Step::Topic { room, text } => format!("TOPIC {room} :{text}"),
            Step::Mode { room, ref change } => format!("MODE {room} {}", change.wire()),
            Step::Kick { room, nick } => format!("KICK {room} {nick}"),
            Step::Invite { room, nick } => format!("INVITE {nick} {room}"),
            Step::Kill { nick } => format!("KILL {nick} :enough"),
            Step::Register { nick } => format!("REGISTER {nick} * secret"),
            Step::MarkRead { target, at } => {
                format!("MARKREAD {target} timestamp=2026-11-20T20:00:{:02}.000Z", at % 60)
            }
            Step::Operator { .. } | Step::LogIn { .. } | Step::Establish { .. } => return None,
        })
    }
}

fn change(a: u8, c: u8, on: bool) -> Change {
    let nick = pick(&NICKS, a);
    match c % 16 {
        0..6 => Change::Flag(pick(&FLAGS, a), on),
        6..8 => Change::Key(on),
        8 => Change::Limit(on.then_some(u32::from(a) % 3 + 1)),
        9..11 => Change::Role(Role::Operator, nick, on),
        11..13 => Change::Role(Role::Voice, nick, on),
        13 => Change::Ban("*!*@*", on),
        _ => Change::Ban(nick, on),
    }
}

impl Change {
    fn wire(&self) -> String {
        let sign = |on: bool| if on { '+' } else { '-' };
        match *self {
            Change::Flag(flag, on) => {
                let letter = match flag {
                    RoomFlag::InviteOnly => 'i',
                    RoomFlag::Moderated => 'm',
                    RoomFlag::NoExternal => 'n',
                    RoomFlag::Secret => 's',
                    RoomFlag::TopicLocked => 't',
                };
                format!("{}{letter}", sign(on))
            }
            Change::Key(on) => format!("{}k key", sign(on)),
            Change::Limit(Some(limit)) => format!("+l {limit}"),
            Change::Limit(None) => "-l".to_owned(),
            Change::Role(Role::Operator, nick, on) => format!("{}o {nick}", sign(on)),
            Change::Role(Role::Voice, nick, on) => format!("{}v {nick}", sign(on)),
            Change::Ban(mask, on) => format!("{}b {mask}", sign(on)),
        }
    }

    fn to_mode(&self) -> ModeChange {
        match *self {
            Change::Flag(flag, on) => ModeChange::Flag(flag, on),
            Change::Key(on) => ModeChange::Key(on.then(|| "key".into())),
            Change::Limit(limit) => ModeChange::Limit(limit),
            Change::Role(role, nick, on) => ModeChange::Role { role, nick: nick.into(), on },
            Change::Ban(mask, on) => ModeChange::Ban { mask: mask.into(), on },
        }
    }
}

/// A sign-in with nothing special about it.
pub fn sign_in(session: SessionId, nick: Nick) -> SignIn {
    let realname: Arc<str> = nick.as_str().into();
    SignIn {
        session,
        node: NodeId(1),
        nick,
        user: "u".into(),
        host: "h".into(),
        realname,
        account: None,
        resumable: None,
        resume: None,
        rooms: Vec::new(),
        rejoin: false,
        stem: None,
    }
}

fn nick(text: &str) -> Nick {
    Nick::new(text).expect("the names of scripts are names")
}

/// A room's name that is known to be one.
pub(crate) fn room(text: &str) -> RoomName {
    RoomName::new(text).expect("the rooms of scripts have names")
}
