//! Anything that may happen, drawn at random: a few connections, names that collide, few rooms.

use proptest::prelude::*;
use salotto_core::{
    Command, DeviceId, Leaving, ModeChange, Nick, NodeId, Post, PostKind, Role, RoomFlag, SessionId,
    Timestamp,
};

use crate::chat::{Chat, room, wish};

/// Names, of which some are the same, some look the same, and some are nothing alike.
pub const NICKS: &[&str] =
    &["alice", "Alice", "\u{430}lice", "a1ice", "bob", "BOB", "b0b", "carla", "Émile", "émile"];
/// Rooms, of which two are the same.
pub const ROOMS: &[&str] = &["#tea", "#Tea", "#den", "#lobby"];
/// Tokens of posts.
const TOKENS: &[&str] = &["t1", "t2", "t3"];
const FLAGS: [RoomFlag; 5] = [
    RoomFlag::InviteOnly,
    RoomFlag::Moderated,
    RoomFlag::NoExternal,
    RoomFlag::Secret,
    RoomFlag::TopicLocked,
];

/// How many connections there are.
const SESSIONS: u64 = 7;

/// One thing that a connection may ask, with indices instead of names.
#[derive(Clone, Debug)]
pub enum Step {
    SignIn { nick: usize, account: Option<usize>, resume: Option<u64>, node: u64, rejoin: bool },
    Close { lost: bool },
    NodeLost { node: u64 },
    Rename { nick: usize },
    Realname,
    Away { on: bool },
    Bot { on: bool },
    Invisible { on: bool },
    Operator { on: bool },
    Join { room: usize, key: bool },
    Part { room: usize },
    Say { room: usize, kind: u8, token: Option<usize> },
    Tell { nick: usize, kind: u8, token: Option<usize> },
    Topic { room: usize, text: bool },
    Mode { room: usize, change: Change },
    Kick { room: usize, nick: usize },
    Invite { room: usize, nick: usize },
    Kill { nick: usize },
    Register { nick: usize },
    LogIn { account: usize },
    Read { room: usize, at: u64 },
    Establish { room: usize },
    Ping,
    AddDevice { token: u8 },
    RevokeDevice { of: u64 },
    RevokeOthers,
    ChangePassword { account: usize },
}

/// One change of a mode.
#[derive(Clone, Debug)]
pub enum Change {
    Flag(usize, bool),
    Key(bool),
    Limit(Option<u32>),
    Role(bool, usize, bool),
    Ban(usize, bool),
}

/// Who asks, and what.
pub type Line = (u64, Step);

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0..FLAGS.len(), any::<bool>()).prop_map(|(flag, on)| Change::Flag(flag, on)),
        1 => any::<bool>().prop_map(Change::Key),
        1 => prop::option::of(1..4u32).prop_map(Change::Limit),
        3 => (any::<bool>(), 0..NICKS.len(), any::<bool>()).prop_map(|(op, nick, on)| Change::Role(op, nick, on)),
        1 => (0..NICKS.len(), any::<bool>()).prop_map(|(nick, on)| Change::Ban(nick, on)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let nick = || 0..NICKS.len();
    let place = || 0..ROOMS.len();
    let token = || prop::option::of(0..TOKENS.len());
    prop_oneof![
        10 => (nick(), prop::option::of(0..4usize), prop::option::weighted(0.2, 1..=SESSIONS), 1..3u64, any::<bool>())
            .prop_map(|(nick, account, resume, node, rejoin)| Step::SignIn { nick, account, resume, node, rejoin }),
        3 => any::<bool>().prop_map(|lost| Step::Close { lost }),
        1 => (2..4u64).prop_map(|node| Step::NodeLost { node }),
        3 => nick().prop_map(|nick| Step::Rename { nick }),
        1 => Just(Step::Realname),
        1 => any::<bool>().prop_map(|on| Step::Away { on }),
        1 => any::<bool>().prop_map(|on| Step::Bot { on }),
        1 => any::<bool>().prop_map(|on| Step::Invisible { on }),
        1 => any::<bool>().prop_map(|on| Step::Operator { on }),
        12 => (place(), any::<bool>()).prop_map(|(room, key)| Step::Join { room, key }),
        4 => place().prop_map(|room| Step::Part { room }),
        12 => (place(), 1..4u8, token()).prop_map(|(room, kind, token)| Step::Say { room, kind, token }),
        5 => (nick(), 1..4u8, token()).prop_map(|(nick, kind, token)| Step::Tell { nick, kind, token }),
        2 => (place(), any::<bool>()).prop_map(|(room, text)| Step::Topic { room, text }),
        8 => (place(), change()).prop_map(|(room, change)| Step::Mode { room, change }),
        2 => (place(), nick()).prop_map(|(room, nick)| Step::Kick { room, nick }),
        2 => (place(), nick()).prop_map(|(room, nick)| Step::Invite { room, nick }),
        1 => nick().prop_map(|nick| Step::Kill { nick }),
        3 => nick().prop_map(|nick| Step::Register { nick }),
        1 => (0..4usize).prop_map(|account| Step::LogIn { account }),
        2 => (place(), 0..5_000u64).prop_map(|(room, at)| Step::Read { room, at }),
        1 => place().prop_map(|room| Step::Establish { room }),
        1 => Just(Step::Ping),
        4 => (0..6u8).prop_map(|token| Step::AddDevice { token }),
        1 => (0..200u64).prop_map(|of| Step::RevokeDevice { of }),
        1 => Just(Step::RevokeOthers),
        1 => (0..4usize).prop_map(|account| Step::ChangePassword { account }),
    ]
}

/// A script of at most `max` lines.
pub fn script(max: usize) -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((1..=SESSIONS, step()), 1..max)
}

/// Turns a line into a command, as the chat stands.
pub fn command(chat: &Chat, (session, step): &Line) -> Command {
    let session = SessionId(*session);
    let account = |index: &usize| chat.accounts().nth(*index);
    let nick = |index: &usize| Nick::new(NICKS[*index]).unwrap();
    let called = |index: &usize| -> std::sync::Arc<str> { NICKS[*index].into() };
    let post = |target: &str, kind: u8, token: &Option<usize>| {
        Command::Post(Box::new(Post {
            session,
            target: target.into(),
            kind: PostKind::from_number(kind).unwrap(),
            text: "text".into(),
            tags: "".into(),
            token: token.map(|token| TOKENS[token].into()),
        }))
    };
    match step {
        Step::SignIn { nick, account: known, resume, node, rejoin } => {
            let mut wish = wish(session, NICKS[*nick]);
            wish.account = known.as_ref().and_then(account);
            wish.node = NodeId(*node);
            wish.resumable = Some([session.0 as u8; 32]);
            wish.resume = resume.map(|old| [old as u8; 32]);
            // It may be the token of a device.
            wish.stem = Some([resume.unwrap_or(session.0) as u8 % 6 + 200; 32]);
            wish.rooms = vec![room("#lobby")];
            wish.rejoin = *rejoin;
            Command::SignIn(Box::new(wish))
        }
        Step::Close { lost: true } => Command::Close { session, why: Leaving::Lost("reset".into()) },
        Step::Close { lost: false } => Command::Close { session, why: Leaving::Quit(None) },
        Step::NodeLost { node } => Command::NodeLost { node: NodeId(*node) },
        Step::Rename { nick: to } => Command::Rename { session, nick: nick(to) },
        Step::Realname => Command::SetRealname { session, realname: "somebody".into() },
        Step::Away { on } => Command::SetAway { session, message: on.then(|| "lunch".into()) },
        Step::Bot { on } => Command::SetBot { session, on: *on },
        Step::Invisible { on } => Command::SetInvisible { session, on: *on },
        Step::Operator { on } => Command::BecomeOperator { session, on: *on },
        Step::Join { room: name, key } => {
            Command::Join { session, room: room(ROOMS[*name]), key: key.then(|| "key".into()) }
        }
        Step::Part { room: name } => Command::Part { session, room: room(ROOMS[*name]), reason: None },
        Step::Say { room, kind, token } => post(ROOMS[*room], *kind, token),
        Step::Tell { nick, kind, token } => post(NICKS[*nick], *kind, token),
        Step::Topic { room: name, text } => {
            let topic = if *text { "a topic" } else { "" };
            Command::SetTopic { session, room: room(ROOMS[*name]), topic: topic.into() }
        }
        Step::Mode { room: name, change } => {
            let change = match change {
                Change::Flag(flag, on) => ModeChange::Flag(FLAGS[*flag], *on),
                Change::Key(on) => ModeChange::Key(on.then(|| "key".into())),
                Change::Limit(limit) => ModeChange::Limit(*limit),
                Change::Role(operator, nick, on) => {
                    let role = if *operator { Role::Operator } else { Role::Voice };
                    ModeChange::Role { role, nick: called(nick), on: *on }
                }
                Change::Ban(nick, on) => ModeChange::Ban { mask: called(nick), on: *on },
            };
            Command::SetModes { session, room: room(ROOMS[*name]), changes: vec![change] }
        }
        Step::Kick { room: name, nick } => {
            Command::Kick { session, room: room(ROOMS[*name]), nick: called(nick), reason: None }
        }
        Step::Invite { room: name, nick } => {
            Command::Invite { session, room: room(ROOMS[*name]), nick: called(nick) }
        }
        Step::Kill { nick } => Command::Kill { session, nick: called(nick), reason: "enough".into() },
        Step::Register { nick: name } => {
            Command::Register { session, name: nick(name), verifier: "$argon2id$".into() }
        }
        Step::LogIn { account: known } => match account(known) {
            Some(account) => Command::LogIn { session, account },
            None => Command::Ping { session, token: "nobody".into() },
        },
        Step::Read { room, at } => {
            Command::MarkRead { session, target: ROOMS[*room].into(), at: Timestamp(*at) }
        }
        Step::Establish { room: name } => Command::Establish { room: room(ROOMS[*name]), topic: "".into() },
        Step::AddDevice { token } => {
            Command::AddDevice { session, token: [token + 200; 32], about: "client".into() }
        }
        Step::RevokeDevice { of } => Command::RevokeDevices { session, which: Some(DeviceId(*of)) },
        Step::RevokeOthers => Command::RevokeDevices { session, which: None },
        Step::ChangePassword { account: known } => match account(known) {
            Some(account) => Command::ChangePassword { session, account, verifier: "$argon2id$2".into() },
            None => Command::ListDevices { session },
        },
        Step::Ping => Command::Ping { session, token: "ping".into() },
    }
}

/// Plays a whole script.
pub fn play(lines: &[Line]) -> Chat {
    let mut chat = Chat::new();
    for line in lines {
        let command = command(&chat, line);
        chat.apply(command);
    }
    chat
}
