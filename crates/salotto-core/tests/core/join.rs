//! Coming and going: who is told, in which words.

use salotto_core::{Command, JoinBar, Leaving, NodeId, ROOMS_MADE_MAX, Refusal};

use crate::chat::{Chat, room};

#[test]
fn one_account_or_address_cannot_fill_the_server_with_empty_rooms() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    let bob = chat.sign_in("bob");
    chat.joins(alice, "#kept");
    chat.joins(bob, "#kept");
    for number in 0..ROOMS_MADE_MAX {
        let name = format!("#n{number}");
        chat.joins(alice, &name);
        chat.expect_done();
        chat.parts(alice, &name);
    }
    chat.joins(alice, "#one-more");
    chat.expect_refused(&Refusal::CannotJoin(room("#one-more"), JoinBar::TooManyMade));
    chat.joins(alice, "#n0");
    chat.expect_done();
    // Somebody else in one of them makes room for one more, and others are not concerned.
    chat.joins(bob, "#n0");
    chat.joins(alice, "#one-more");
    chat.expect_done();
    chat.joins(bob, "#bobs-own");
    chat.expect_done();
}

#[test]
fn another_guest_of_the_same_address_makes_no_more_rooms_than_one() {
    let mut chat = Chat::new();
    for number in 0..ROOMS_MADE_MAX {
        let guest = chat.sign_in("guest");
        chat.joins(guest, &format!("#n{number}"));
        chat.expect_done();
        chat.quits(guest);
    }
    let other = chat.sign_in("other");
    chat.joins(other, "#one-more");
    chat.expect_refused(&Refusal::CannotJoin(room("#one-more"), JoinBar::TooManyMade));
    let elsewhere = chat.sign_in_as("elsewhere", |wish| wish.host = "another".into());
    chat.joins(elsewhere, "#one-more");
    chat.expect_done();
}

#[test]
fn mission_08_everybody_is_told_who_comes_and_who_goes() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.hush();
    let bob = chat.sign_in("bob");
    chat.joins(bob, "#tea");
    chat.expect(alice, &["bob joined #tea"]);
    chat.parts(bob, "#tea");
    chat.expect(alice, &["bob left #tea"]);
    chat.joins(bob, "#tea");
    chat.quits(bob);
    chat.expect(alice, &["bob joined #tea", "bob is gone: quit"]);
}

#[test]
fn mission_09_a_word_of_farewell_differs_from_a_broken_connection() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    for (why, line) in [
        (Leaving::Quit(Some("good night".into())), "bob is gone: quit: good night"),
        (Leaving::Lost("ping timeout".into()), "bob is gone: lost: ping timeout"),
        (Leaving::NodeLost, "bob is gone: node lost"),
    ] {
        let bob = chat.sign_in("bob");
        chat.joins(bob, "#tea");
        chat.hush();
        chat.apply(Command::Close { session: bob, why });
        chat.expect(alice, &[line]);
    }
}

#[test]
fn who_shares_two_rooms_is_told_once() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob] {
        chat.joins(session, "#tea");
        chat.joins(session, "#den");
    }
    chat.hush();
    chat.renames(bob, "bruno");
    chat.expect(alice, &["bob is now bruno"]);
    chat.quits(bob);
    chat.expect(alice, &["bruno is gone: quit"]);
}

#[test]
fn who_shares_no_room_is_told_nothing() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    chat.hush();
    chat.renames(bob, "bruno");
    chat.apply(Command::SetAway { session: bob, message: Some("lunch".into()) });
    chat.quits(bob);
    chat.expect(alice, &[]);
}

#[test]
fn mission_21_rooms_are_apart() {
    let mut chat = Chat::new();
    let [alice, bob, carla] = ["alice", "bob", "carla"].map(|nick| chat.sign_in(nick));
    for (session, name) in [(alice, "#tea"), (bob, "#tea"), (alice, "#den"), (carla, "#den")] {
        chat.joins(session, name);
    }
    assert_eq!(chat.members(bob, "#tea"), ["@alice", "bob"]);
    assert_eq!(chat.members(carla, "#den"), ["@alice", "carla"]);
    chat.hush();
    chat.says(alice, "#den", "hush");
    chat.expect(bob, &[]);
    chat.expect(carla, &["alice to #den: hush"]);
}

#[test]
fn joining_twice_changes_nothing() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.joins(alice, "#TEA");
    assert!(chat.last.effects.is_empty() && chat.last.records.is_empty());
}

#[test]
fn who_is_not_in_a_room_cannot_leave_it() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.joins(alice, "#tea");
    chat.parts(bob, "#tea");
    chat.expect_refused(&Refusal::NotInRoom(room("#tea")));
    chat.parts(bob, "#nowhere");
    chat.expect_refused(&Refusal::NoSuchRoom("#nowhere".into()));
}

#[test]
fn everybody_starts_in_the_first_rooms() {
    let mut chat = Chat::new();
    chat.apply(Command::Establish { room: room("#lobby"), topic: "welcome".into() });
    let alice = chat.sign_in_as("alice", |wish| wish.rooms = vec![room("#lobby"), room("#tea")]);
    chat.expect(alice, &["welcome, alice", "alice joined #lobby", "alice joined #tea"]);
    assert_eq!(chat.members(alice, "#lobby"), ["alice"], "the server's room is nobody's");
    assert_eq!(chat.members(alice, "#tea"), ["@alice"]);
}

#[test]
fn a_lost_node_takes_its_sessions_along() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    for nick in ["bob", "carla"] {
        let session = chat.sign_in_as(nick, |wish| wish.node = NodeId(2));
        chat.joins(session, "#tea");
    }
    chat.hush();
    chat.apply(Command::NodeLost { node: NodeId(2) });
    chat.expect(alice, &["bob is gone: node lost", "carla is gone: node lost"]);
    assert_eq!(chat.members(alice, "#tea"), ["@alice"]);
}

#[test]
fn an_operator_puts_somebody_off_the_server() {
    let mut chat = Chat::new();
    let [alice, bob, olga] = ["alice", "bob", "olga"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob] {
        chat.joins(session, "#tea");
    }
    let kill = |session| Command::Kill { session, nick: "Bob".into(), reason: "enough".into() };
    chat.apply(kill(alice));
    chat.expect_refused(&Refusal::NotOperator);
    chat.trusts(olga);
    chat.hush();
    chat.apply(kill(olga));
    chat.expect(bob, &["over: put off by olga: enough"]);
    chat.expect(alice, &["bob is gone: put off by olga: enough"]);
    chat.apply(kill(olga));
    chat.expect_refused(&Refusal::NoSuchNick("Bob".into()));
}
