//! Rooms outlive their members: who looks after them, and who may read what was said before.

use salotto_core::{Command, Conversation, ModeChange, Record, Role, RoomFlag, RoomId, SessionId};

use crate::chat::{Chat, room};
use crate::durable::check_durable;

/// The room that a session may read under this name.
fn id(chat: &Chat, session: salotto_core::SessionId, name: &str) -> RoomId {
    match chat.core.view(session).readable(name) {
        Some(Conversation::Room(id)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_in_an_empty_room_looks_after_it() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    chat.joins(bob, "#tea");
    assert_eq!(chat.members(bob, "#tea"), ["@alice", "bob"]);
    chat.parts(alice, "#tea");
    assert_eq!(chat.members(bob, "#tea"), ["bob"], "nobody inherits a room that is not empty");
    chat.parts(bob, "#tea");
    chat.joins(bob, "#tea");
    assert_eq!(chat.members(bob, "#tea"), ["@bob"]);
}

#[test]
fn a_room_open_to_all_keeps_its_history_and_loses_its_rules() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    chat.topic(alice, "#tea", "tea");
    chat.sets(alice, "#tea", ModeChange::Flag(RoomFlag::Moderated, true));
    chat.sets(alice, "#tea", ModeChange::Limit(Some(1)));
    chat.sets(alice, "#tea", ModeChange::Ban { mask: "bob".into(), on: true });
    let before = id(&chat, alice, "#tea");
    chat.quits(alice);
    check_durable(&chat);
    chat.joins(bob, "#tea");
    assert_eq!(id(&chat, bob, "#tea"), before);
    assert_eq!(chat.members(bob, "#tea"), ["@bob"]);
    let view = chat.core.view(bob);
    let modes = view.room_modes("#tea").unwrap();
    assert_eq!((modes.flags, modes.limit), (vec![RoomFlag::NoExternal, RoomFlag::TopicLocked], None));
    assert!(view.bans("#tea").unwrap().1.is_empty());
    assert!(view.topic("#tea").unwrap().1.is_some());
}

#[test]
fn a_room_for_some_only_is_not_read_by_who_comes_next() {
    for rule in [
        ModeChange::Flag(RoomFlag::InviteOnly, true),
        ModeChange::Flag(RoomFlag::Secret, true),
        ModeChange::Key(Some("kettle".into())),
    ] {
        let mut chat = Chat::new();
        let [alice, mallory] = ["alice", "mallory"].map(|nick| chat.sign_in(nick));
        chat.joins(alice, "#den");
        chat.sets(alice, "#den", rule.clone());
        chat.says(alice, "#den", "between us");
        let before = id(&chat, alice, "#den");
        chat.quits(alice);
        assert!(chat.last.records.contains(&Record::RoomRetired(before)), "{rule:?}");
        assert_eq!(chat.core.view(mallory).readable("#den"), None);
        chat.joins(mallory, "#den");
        assert_ne!(id(&chat, mallory, "#den"), before);
        assert_eq!(chat.members(mallory, "#den"), ["@mallory"]);
        check_durable(&chat);
    }
}

#[test]
fn an_account_keeps_its_room_while_it_is_out() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.joins(alice, "#den");
    chat.sets(alice, "#den", ModeChange::Key(Some("kettle".into())));
    let before = id(&chat, alice, "#den");
    chat.quits(alice);
    let mallory = chat.sign_in("mallory");
    chat.joins(mallory, "#den");
    assert!(!chat.is_in(mallory, "#den"));
    chat.joins_with(mallory, "#den", "kettle");
    assert_eq!(chat.members(mallory, "#den"), ["mallory"], "who comes first is not its operator");
    let alice = chat.sign_in_to("alice", "alice");
    assert_eq!(id(&chat, alice, "#den"), before);
    assert_eq!(chat.members(alice, "#den"), ["@alice", "mallory"]);
    check_durable(&chat);
}

#[test]
fn a_voice_does_not_look_after_a_room() {
    let mut chat = Chat::new();
    let guest = chat.sign_in("guest");
    let alice = chat.sign_up("alice");
    chat.joins(guest, "#den");
    chat.joins(alice, "#den");
    chat.sets(guest, "#den", ModeChange::Role { role: Role::Voice, nick: "alice".into(), on: true });
    chat.sets(guest, "#den", ModeChange::Flag(RoomFlag::InviteOnly, true));
    let before = id(&chat, alice, "#den");
    chat.parts(guest, "#den");
    chat.parts(alice, "#den");
    chat.joins(alice, "#den");
    assert_ne!(id(&chat, alice, "#den"), before, "otherwise nobody could ever enter it again");
    assert_eq!(chat.members(alice, "#den"), ["@alice"]);
    check_durable(&chat);
}

#[test]
fn who_gives_the_role_away_has_no_claim() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.joins(alice, "#tea");
    chat.sets(alice, "#tea", ModeChange::Role { role: Role::Operator, nick: "alice".into(), on: false });
    chat.parts(alice, "#tea");
    let bob = chat.sign_in("bob");
    chat.joins(bob, "#tea");
    assert_eq!(chat.members(bob, "#tea"), ["@bob"]);
    check_durable(&chat);
}

#[test]
fn the_servers_room_is_nobodys() {
    let mut chat = Chat::new();
    chat.apply(Command::Establish { room: room("#lobby"), topic: "welcome".into() });
    let [alice, olga] = ["alice", "olga"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#lobby");
    assert_eq!(chat.members(alice, "#lobby"), ["alice"]);
    chat.trusts(olga);
    chat.sets(olga, "#lobby", ModeChange::Flag(RoomFlag::Moderated, true));
    chat.parts(alice, "#lobby");
    let modes = chat.core.view(alice).room_modes("#lobby").unwrap();
    assert!(modes.flags.contains(&RoomFlag::Moderated), "its rules stay");
    chat.apply(Command::Establish { room: room("#lobby"), topic: "another".into() });
    assert!(chat.last.records.is_empty(), "establishing twice changes nothing");
    check_durable(&chat);
}

#[test]
fn two_rooms_of_one_command_are_two() {
    let mut chat = Chat::new();
    let names = ["#a", "#b", "#c"];
    let alice = chat.sign_in_as("alice", |wish| wish.rooms = names.map(room).into());
    let ids: std::collections::BTreeSet<RoomId> = names.map(|name| id(&chat, alice, name)).into();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_room_cannot_have_invitations_without_end() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.sets(alice, "#tea", ModeChange::Flag(RoomFlag::InviteOnly, true));
    let first = chat.sign_in("first");
    chat.invites(alice, "#tea", "first");
    for _ in 0..salotto_core::INVITED_MAX {
        let passing = chat.sign_in("passing");
        chat.invites(alice, "#tea", "passing");
        chat.quits(passing);
    }
    chat.joins(first, "#tea");
    assert!(!chat.is_in(first, "#tea"), "the oldest makes room");
}

#[test]
fn a_roster_is_complete_among_few_and_among_many_who_are_elsewhere() {
    let mut chat = Chat::new();
    let people: Vec<SessionId> = (0..60).map(|number| chat.sign_in(&format!("p{number:02}"))).collect();
    for every in [1, 2, 11, 29] {
        let name = format!("#every{every}");
        let inside: Vec<usize> = (0..people.len()).filter(|at| at % every == every - 1).collect();
        for &at in &inside {
            chat.joins(people[at], &name);
        }
        let (first, last) = (people[inside[0]], people[inside[inside.len() - 1]]);
        chat.parts(first, &name);
        let mut expected: Vec<String> = inside[1..].iter().map(|at| format!("p{at:02}")).collect();
        expected.sort();
        assert_eq!(chat.members(last, &name), expected, "{name}");
    }
}
