//! Names: one person each, also when two only look the same, and free at once.

use proptest::prelude::*;
use salotto_core::{Command, Leaving, Nick, NodeId, Refusal};

use crate::chat::Chat;
use crate::script::NICKS;

#[test]
fn mission_10_a_taken_name_is_refused_and_another_accepted_on_the_same_connection() {
    let mut chat = Chat::new();
    chat.sign_in("alice");
    let newcomer = chat.session();
    for (nick, lines) in [
        ("alice", ["no: NickInUse"]),
        ("ALICE", ["no: NickInUse"]),
        ("\u{430}lice", ["no: NickLooksLike"]),
        ("bob", ["welcome, bob"]),
    ] {
        chat.apply(Command::SignIn(Box::new(crate::chat::wish(newcomer, nick))));
        let heard = chat.hears(newcomer);
        assert_eq!(heard.len(), 1);
        assert!(heard[0].starts_with(lines[0]), "{nick}: {heard:?}");
    }
}

#[test]
fn mission_11_a_name_is_free_the_moment_its_owner_is_gone() {
    for why in [
        Leaving::Quit(None),
        Leaving::Lost("reset".into()),
        Leaving::Killed { by: "olga".into(), reason: "enough".into() },
        Leaving::NodeLost,
        Leaving::Closing,
    ] {
        let mut chat = Chat::new();
        let alice = chat.sign_in("alice");
        chat.apply(Command::Close { session: alice, why });
        chat.sign_in("alice");
    }
}

#[test]
fn the_old_name_is_free_after_a_rename() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.renames(alice, "carla");
    chat.sign_in("alice");
    chat.renames(alice, "alice");
    chat.expect_refused(&Refusal::NickInUse(Nick::new("alice").unwrap()));
}

#[test]
fn somebody_may_write_their_own_name_otherwise() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    let bob = chat.sign_in("bob");
    for session in [alice, bob] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    chat.renames(alice, "Alice");
    chat.expect(bob, &["alice is now Alice"]);
    chat.renames(alice, "a1ice");
    chat.expect(bob, &["Alice is now a1ice"]);
    chat.renames(alice, "a1ice");
    chat.expect(bob, &[]);
}

#[test]
fn the_names_of_a_lost_node_are_free() {
    let mut chat = Chat::new();
    chat.sign_in_as("alice", |wish| wish.node = NodeId(2));
    let bob = chat.sign_in("bob");
    chat.apply(Command::NodeLost { node: NodeId(2) });
    chat.sign_in("alice");
    assert!(chat.core.view(bob).own_card().is_some(), "the other node's people stay");
}

#[test]
fn signing_in_twice_is_refused() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.apply(Command::SignIn(Box::new(crate::chat::wish(alice, "carla"))));
    chat.expect_refused(&Refusal::AlreadySignedIn);
}

#[test]
fn who_is_not_signed_in_can_do_nothing() {
    let mut chat = Chat::new();
    let nobody = chat.session();
    chat.joins(nobody, "#tea");
    chat.expect_refused(&Refusal::NotSignedIn);
    chat.says(nobody, "#tea", "hello");
    chat.expect_refused(&Refusal::NotSignedIn);
    chat.renames(nobody, "alice");
    chat.expect_refused(&Refusal::NotSignedIn);
    chat.quits(nobody);
    chat.expect(nobody, &["no: NotSignedIn", "no: NotSignedIn", "no: NotSignedIn"]);
}

proptest! {
    /// People come, rename themselves and go. After each step [`Chat`] checks that no two present people share a
    /// key or a look; here, that a name nobody has is given to whoever asks.
    #[test]
    fn a_name_is_refused_only_while_somebody_has_it(
        steps in prop::collection::vec((0..5usize, 0..3u8, 0..NICKS.len()), 1..80),
    ) {
        let mut chat = Chat::new();
        let mut seats = [None; 5];
        for (seat, what, nick) in steps {
            let wanted = Nick::new(NICKS[nick]).unwrap();
            let own = seats[seat].map(|session| chat.person(session));
            let taken = chat
                .cards
                .iter()
                .any(|(&person, card)| Some(person) != own && card.nick.skeleton() == wanted.skeleton());
            match (what, seats[seat]) {
                (0, Some(session)) => {
                    chat.quits(session);
                    seats[seat] = None;
                }
                (_, Some(session)) => {
                    chat.renames(session, NICKS[nick]);
                    prop_assert_eq!(chat.refusals().is_empty(), !taken);
                }
                (_, None) => {
                    let session = chat.sign_in_as(NICKS[nick], |_| {});
                    prop_assert_eq!(chat.refusals().is_empty(), !taken);
                    seats[seat] = (!taken).then_some(session);
                }
            }
        }
    }
}
