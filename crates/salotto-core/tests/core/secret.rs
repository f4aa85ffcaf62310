//! A secret room is nowhere to be seen from outside: whatever happens in it, an outsider sees the same chat.

use std::fmt::Debug;

use proptest::prelude::*;
use salotto_core::{
    Command, ModeChange, PersonSummary, Post, PostKind, Refusal, Role, RoomFlag, SessionId, Timestamp,
};

use crate::chat::{Chat, room};

const DEN: &str = "#den";

/// What an outsider who knows the name does to a room, to find out whether it exists.
const PROBES: usize = 6;

fn probe(session: SessionId, which: usize) -> Command {
    let room = room(DEN);
    match which {
        0 => Command::Part { session, room, reason: None },
        1 => Command::SetTopic { session, room, topic: "found you".into() },
        2 => Command::SetModes { session, room, changes: vec![ModeChange::Flag(RoomFlag::Moderated, true)] },
        3 => Command::Kick { session, room, nick: "alice".into(), reason: None },
        4 => Command::Invite { session, room, nick: "bob".into() },
        _ => Command::Post(Box::new(Post {
            session,
            target: DEN.into(),
            kind: PostKind::Message,
            text: "anybody?".into(),
            tags: "".into(),
            token: None,
        })),
    }
}

/// Everything that a session can see of the chat, as text.
fn sight(chat: &Chat, session: SessionId) -> Vec<String> {
    let view = chat.core.view(session);
    let mut seen = Vec::new();
    let mut note = |thing: &dyn Debug| seen.push(format!("{thing:?}"));
    for name in [DEN, "#DEN", "#tea"] {
        note(&view.roster(name));
        note(&view.topic(name));
        note(&view.room_modes(name));
        note(&view.bans(name));
        note(&view.readable(name));
        note(&view.read_marker(name));
        note(&view.who(name, 100));
    }
    for nick in ["alice", "bob", "carla"] {
        // Silence is a person's, wherever they break it; it says nothing of any room.
        note(&view.person(nick).map(|person| PersonSummary { idle_ms: 0, ..person }));
        note(&view.who(nick, 100));
    }
    note(&view.rooms(100));
    note(&view.who("*", 100));
    note(&view.readable_all());
    note(&view.counts());
    note(&view.own_marks());
    note(&view.own_card());
    seen
}

/// Alice and Bob, in `#tea` with Carla; the room `#den`, where it exists, is Alice's.
fn chat(with_room: bool) -> (Chat, [SessionId; 3]) {
    let mut chat = Chat::new();
    let people = ["alice", "bob", "carla"].map(|nick| chat.sign_in(nick));
    for session in people {
        chat.joins(session, "#tea");
    }
    let secret = ModeChange::Flag(RoomFlag::Secret, true);
    let open = Command::Join { session: people[0], room: room(DEN), key: None };
    let close = Command::SetModes { session: people[0], room: room(DEN), changes: vec![secret] };
    for command in [open, close] {
        chat.apply(if with_room { command } else { nothing(people[0]) });
    }
    chat.hush();
    (chat, people)
}

/// A command that takes a place in the order and changes nothing.
fn nothing(session: SessionId) -> Command {
    Command::Ping { session, token: "nothing".into() }
}

/// What Alice (0) and Bob (1) do in the room. Alice stays in it: it must not become another one.
fn inside(people: [SessionId; 3], who: usize, what: u8) -> Command {
    let (session, room) = (people[who], room(DEN));
    let change = |change| Command::SetModes { session, room: room.clone(), changes: vec![change] };
    match what {
        0 => Command::Join { session, room, key: Some("kettle".into()) },
        1 if who == 1 => Command::Part { session, room, reason: Some("bye".into()) },
        2 => Command::SetTopic { session, room, topic: "plans".into() },
        3 => change(ModeChange::Flag(RoomFlag::InviteOnly, true)),
        4 => change(ModeChange::Flag(RoomFlag::InviteOnly, false)),
        5 => change(ModeChange::Key(Some("kettle".into()))),
        6 => change(ModeChange::Ban { mask: "carla".into(), on: true }),
        7 => change(ModeChange::Role { role: Role::Operator, nick: "bob".into(), on: true }),
        8 => Command::Kick { session: people[0], room, nick: "bob".into(), reason: None },
        9 => Command::Invite { session: people[0], room, nick: "bob".into() },
        10 => Command::MarkRead { session, target: DEN.into(), at: Timestamp(7) },
        _ => Command::Post(Box::new(Post {
            session,
            target: DEN.into(),
            kind: PostKind::Message,
            text: "between us".into(),
            tags: "".into(),
            token: None,
        })),
    }
}

proptest! {
    #[test]
    fn an_outsider_sees_the_same_chat_with_and_without_a_secret_room(
        steps in prop::collection::vec((0..2usize, 0..13u8, prop::option::weighted(0.3, 0..PROBES)), 1..40),
    ) {
        let (mut with, people) = chat(true);
        let (mut without, _) = chat(false);
        let carla = people[2];
        for (who, what, asks) in steps {
            with.apply(inside(people, who, what));
            without.apply(nothing(people[who]));
            if let Some(which) = asks {
                with.apply(probe(carla, which));
                without.apply(probe(carla, which));
            }
            prop_assert_eq!(sight(&with, carla), sight(&without, carla));
            prop_assert_eq!(with.hears(carla), without.hears(carla));
        }
        prop_assert!(with.core.view(people[0]).roster(DEN).is_some());
        prop_assert_ne!(sight(&with, people[0]), sight(&without, people[0]), "whoever is inside does see it");
    }
}

#[test]
fn every_probe_is_answered_as_if_there_were_no_room() {
    let (mut chat, [_, _, carla]) = chat(true);
    for which in 0..PROBES {
        chat.apply(probe(carla, which));
        chat.expect_refused(&Refusal::NoSuchRoom(DEN.into()));
    }
}

#[test]
fn members_and_server_operators_see_a_secret_room() {
    let (mut chat, [alice, _, carla]) = chat(true);
    assert_eq!(chat.members(alice, DEN), ["@alice"]);
    assert!(chat.core.view(carla).roster(DEN).is_none());
    chat.trusts(carla);
    assert_eq!(chat.members(carla, DEN), ["@alice"]);
}
