//! Looking around: lists of rooms and people, and what a person hides.

use salotto_core::{Command, SessionId};

use crate::chat::{Chat, room};

fn who(chat: &Chat, session: SessionId, mask: &str) -> Vec<String> {
    chat.core.view(session).who(mask, 100).iter().map(|entry| entry.card.nick.to_string()).collect()
}

#[test]
fn the_list_of_rooms_has_the_larger_first() {
    let mut chat = Chat::new();
    chat.apply(Command::Establish { room: room("#lobby"), topic: "welcome".into() });
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#a");
    chat.joins(alice, "#b");
    chat.joins(bob, "#b");
    chat.joins(bob, "#gone");
    chat.parts(bob, "#gone");
    let list = |max| -> Vec<(String, usize)> {
        chat.core.view(alice).rooms(max).iter().map(|room| (room.name.to_string(), room.members)).collect()
    };
    assert_eq!(list(10), [("#b".into(), 2), ("#a".into(), 1), ("#lobby".into(), 0)]);
    assert_eq!(list(1), [("#b".into(), 2)]);
}

#[test]
fn somebody_invisible_is_found_by_those_who_share_a_room_or_know_the_name() {
    let mut chat = Chat::new();
    let [alice, bob, carla, olga] = ["alice", "bob", "carla", "olga"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    chat.joins(bob, "#tea");
    chat.apply(Command::SetInvisible { session: alice, on: true });
    chat.trusts(olga);
    assert_eq!(who(&chat, bob, "a*"), ["alice"]);
    assert_eq!(who(&chat, carla, "a*"), [""; 0]);
    assert_eq!(who(&chat, olga, "a*"), ["alice"]);
    assert_eq!(who(&chat, carla, "#tea"), ["bob"]);
    assert_eq!(who(&chat, carla, "alice"), ["alice"]);
    assert_eq!(chat.members(carla, "#tea"), ["bob"]);
    assert_eq!(chat.core.view(carla).person("alice").unwrap().rooms, []);
    let counts = chat.core.view(carla).counts();
    assert_eq!((counts.people, counts.invisible, counts.operators, counts.rooms), (3, 1, 1, 1));
    chat.apply(Command::SetInvisible { session: alice, on: false });
    assert_eq!(who(&chat, carla, "a*"), ["alice"]);
}

#[test]
fn people_are_found_as_they_fold() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("Émile");
    assert_eq!(who(&chat, alice, "E\u{301}MILE"), ["Émile"]);
    assert!(chat.core.view(alice).person("émile").is_some());
    assert!(chat.core.view(alice).person("emile").is_none());
}

#[test]
fn silence_is_counted_from_the_last_word() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.says(alice, "#tea", "hello");
    chat.wait(9_999);
    chat.apply(Command::Ping { session: alice, token: "now".into() });
    assert_eq!(chat.core.view(alice).person("alice").unwrap().idle_ms, 10_000);
}

#[test]
fn history_is_for_members() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    assert!(chat.core.view(alice).readable("#Tea").is_some());
    assert!(chat.core.view(bob).readable("#tea").is_none());
    chat.parts(alice, "#tea");
    assert!(chat.core.view(alice).readable("#tea").is_none());
    assert!(chat.core.view(alice).readable_all().0.is_empty());
}
