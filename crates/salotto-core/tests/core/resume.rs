//! Coming back after a broken connection, unnoticed, by the token of the session before.

use salotto_core::{Command, Leaving, Refusal, SessionId};

use crate::chat::{Chat, wish};

const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [2; 32];

/// Alice with a token, and Bob, in a room.
fn room_of_two() -> (Chat, SessionId, SessionId) {
    let mut chat = Chat::new();
    let alice = chat.sign_in_as("alice", |wish| wish.resumable = Some(FIRST));
    let bob = chat.sign_in("bob");
    for session in [alice, bob] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    (chat, alice, bob)
}

#[test]
fn mission_18_a_token_takes_over_the_old_session_unnoticed() {
    let (mut chat, old, bob) = room_of_two();
    let person = chat.person(old);
    let new = chat.sign_in_as("alice", |wish| {
        wish.resume = Some(FIRST);
        wish.resumable = Some(SECOND);
    });
    chat.expect(new, &["welcome back, alice", "you, alice, are in #tea"]);
    chat.expect(old, &["replaced"]);
    chat.expect(bob, &[]);
    assert_eq!(chat.person(new), person);
    assert_eq!(chat.members(bob, "#tea"), ["@alice", "bob"], "and keeps the role");
    chat.says(new, "#tea", "here I am");
    chat.expect(bob, &["alice to #tea: here I am"]);
}

#[test]
fn the_old_connection_may_break_afterwards() {
    let (mut chat, old, bob) = room_of_two();
    let new = chat.sign_in_as("alice", |wish| wish.resume = Some(FIRST));
    chat.apply(Command::Close { session: old, why: Leaving::Lost("reset".into()) });
    assert!(chat.last.effects.is_empty());
    chat.says(new, "#tea", "still here");
    chat.expect(bob, &["alice to #tea: still here"]);
}

#[test]
fn a_token_works_once() {
    let (mut chat, _, _) = room_of_two();
    chat.sign_in_as("alice", |wish| {
        wish.resume = Some(FIRST);
        wish.resumable = Some(SECOND);
    });
    chat.sign_in_as("carla", |wish| wish.resume = Some(FIRST));
    chat.expect_refused(&Refusal::UnknownResumeToken);
    let third = chat.sign_in_as("alice", |wish| wish.resume = Some(SECOND));
    assert_eq!(chat.hears(third)[0], "welcome back, alice");
}

#[test]
fn a_connection_may_go_on_with_the_token_it_has_shown() {
    let (mut chat, _, _) = room_of_two();
    for _ in 0..2 {
        let new = chat.sign_in_as("alice", |wish| {
            wish.resume = Some(FIRST);
            wish.resumable = Some(FIRST);
        });
        assert_eq!(chat.hears(new)[0], "welcome back, alice");
    }
}

#[test]
fn an_unknown_token_is_said_to_be_unknown_and_signs_in_all_the_same() {
    let mut chat = Chat::new();
    let alice = chat.sign_in_as("alice", |wish| wish.resume = Some(SECOND));
    chat.expect(alice, &["no: UnknownResumeToken", "welcome, alice"]);
}

#[test]
fn a_token_dies_with_its_session() {
    let (mut chat, alice, bob) = room_of_two();
    chat.loses_connection(alice);
    chat.expect(bob, &["alice is gone: lost: ping timeout"]);
    chat.sign_in_as("alice", |wish| wish.resume = Some(FIRST));
    chat.expect(bob, &[]);
    chat.expect_refused(&Refusal::UnknownResumeToken);
}

#[test]
fn a_wrong_token_does_not_take_a_name() {
    let (mut chat, _, bob) = room_of_two();
    let mallory = chat.session();
    let wish = salotto_core::SignIn { resume: Some(SECOND), ..wish(mallory, "alice") };
    chat.apply(Command::SignIn(Box::new(wish)));
    assert_eq!(chat.refusals().len(), 2, "unknown token, and the name is taken");
    assert!(chat.core.view(mallory).own_card().is_none());
    chat.expect(bob, &[]);
}
