//! Accounts: names that stay somebody's, and what they keep.

use proptest::prelude::*;
use salotto_core::{AccountId, Command, Nick, Refusal, Timestamp};

use crate::chat::Chat;

#[test]
fn mission_22_an_account_is_made_and_signed_in_to() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.hush();
    chat.register(alice, "alice");
    chat.expect(alice, &["account alice made", "signed in as alice", "alice is signed in as alice"]);
    assert_eq!(chat.core.view(alice).person("alice").unwrap().card.account, Nick::new("alice").ok());
}

#[test]
fn an_account_may_be_made_before_signing_in() {
    let mut chat = Chat::new();
    let alice = chat.session();
    chat.register(alice, "alice");
    chat.expect(alice, &["account alice made", "signed in as alice"]);
    assert_eq!(chat.core.view(alice).own_card(), None);
}

#[test]
fn the_name_of_an_account_is_its_owners_alone() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.quits(alice);
    chat.sign_in_as("alice", |_| {});
    chat.expect_refused(&Refusal::NickReserved(Nick::new("alice").unwrap()));
    chat.sign_in_as("a1ice", |_| {});
    chat.expect_refused(&Refusal::NickLooksLike(Nick::new("a1ice").unwrap(), Nick::new("alice").unwrap()));
    let bob = chat.sign_up("bob");
    chat.renames(bob, "Alice");
    chat.expect_refused(&Refusal::NickReserved(Nick::new("alice").unwrap()));
    let alice = chat.sign_in_to("alice", "Alice");
    chat.expect(alice, &["welcome, Alice"]);
}

#[test]
fn no_two_accounts_have_one_name_or_look_alike() {
    let mut chat = Chat::new();
    chat.sign_up("alice");
    let bob = chat.sign_in("bob");
    for name in ["alice", "ALICE", "\u{430}lice", "a1ice"] {
        chat.register(bob, name);
        chat.expect_refused(&Refusal::AccountExists(Nick::new(name).unwrap()));
    }
}

#[test]
fn nobody_makes_an_account_of_somebody_elses_name() {
    let mut chat = Chat::new();
    chat.sign_in("alice");
    let bob = chat.sign_in("bob");
    chat.register(bob, "alice");
    chat.expect_refused(&Refusal::AccountNameInUse(Nick::new("alice").unwrap()));
    let unnamed = chat.session();
    chat.register(unnamed, "a1ice");
    chat.expect_refused(&Refusal::AccountNameInUse(Nick::new("a1ice").unwrap()));
}

#[test]
fn one_account_is_enough() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.register(alice, "carla");
    chat.expect_refused(&Refusal::AlreadyLoggedIn(Nick::new("alice").unwrap()));
}

#[test]
fn nobody_signs_in_to_an_account_that_does_not_exist() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.apply(Command::LogIn { session: alice, account: AccountId(404) });
    chat.expect_refused(&Refusal::NoAccount);
}

#[test]
fn the_sessions_of_an_account_are_one_person() {
    let mut chat = Chat::new();
    let bob = chat.sign_in("bob");
    let browser = chat.sign_up("alice");
    for session in [bob, browser] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    let phone = chat.sign_in_to("alice", "alice");
    chat.expect(phone, &["welcome, alice", "you, alice, are in #tea"]);
    chat.expect(bob, &[]);
    chat.expect(browser, &[]);
    assert_eq!(chat.person(phone), chat.person(browser));

    chat.says(phone, "#tea", "from the bus");
    for session in [bob, browser, phone] {
        chat.expect(session, &["alice to #tea: from the bus"]);
    }
    chat.says(bob, "alice", "psst");
    for session in [bob, browser, phone] {
        chat.expect(session, &["bob to alice: psst"]);
    }
}

#[test]
fn somebody_is_gone_with_their_last_session_and_once() {
    let mut chat = Chat::new();
    let bob = chat.sign_in("bob");
    let browser = chat.sign_up("alice");
    for session in [bob, browser] {
        chat.joins(session, "#tea");
    }
    let phone = chat.sign_in_to("alice", "alice");
    chat.hush();
    chat.quits(browser);
    chat.expect(browser, &["over: quit"]);
    chat.expect(phone, &[]);
    chat.expect(bob, &[]);
    assert_eq!(chat.members(bob, "#tea"), ["@bob", "alice"]);
    chat.loses_connection(phone);
    chat.expect(bob, &["alice is gone: lost: ping timeout"]);
    assert_eq!(chat.members(bob, "#tea"), ["@bob"]);
}

#[test]
fn an_account_comes_back_into_its_rooms() {
    let mut chat = Chat::new();
    let bob = chat.sign_in("bob");
    let alice = chat.sign_up("alice");
    for session in [bob, alice] {
        chat.joins(session, "#tea");
        chat.joins(session, "#den");
    }
    chat.parts(alice, "#den");
    chat.quits(alice);
    chat.hush();
    let alice = chat.sign_in_to("alice", "alice");
    chat.expect(alice, &["welcome, alice", "alice joined #tea"]);
    chat.expect(bob, &["alice joined #tea"]);
}

#[test]
fn somebody_put_out_does_not_come_back_by_signing_in() {
    let mut chat = Chat::new();
    let bob = chat.sign_in("bob");
    let alice = chat.sign_up("alice");
    chat.joins(bob, "#tea");
    chat.joins(alice, "#tea");
    chat.kicks(bob, "#tea", "alice");
    chat.quits(alice);
    let alice = chat.sign_in_to("alice", "alice");
    assert!(!chat.is_in(alice, "#tea"));
}

#[test]
fn a_guest_who_makes_an_account_keeps_rooms_and_role() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.register(alice, "alice");
    chat.quits(alice);
    let bob = chat.sign_in("bob");
    chat.joins(bob, "#tea");
    let alice = chat.sign_in_to("alice", "alice");
    assert_eq!(chat.members(alice, "#tea"), ["@alice", "bob"]);
}

#[test]
fn the_read_markers_of_a_guest_go_with_the_guest() {
    let mut chat = Chat::new();
    let guest = chat.sign_in("guest");
    chat.reads(guest, "#tea", Timestamp(5));
    chat.expect_done();
    assert!(chat.last.records.is_empty());
    assert_eq!(chat.core.view(guest).read_marker("#tea"), Some(Timestamp(5)));
    chat.quits(guest);
    let guest = chat.sign_in("guest");
    assert_eq!(chat.core.view(guest).read_marker("#tea"), None);
}

#[test]
fn all_sessions_hear_of_a_read_marker() {
    let mut chat = Chat::new();
    let browser = chat.sign_up("alice");
    let phone = chat.sign_in_to("alice", "alice");
    chat.hush();
    chat.reads(phone, "#tea", Timestamp(5));
    chat.expect(phone, &["read #tea up to 5"]);
    chat.expect(browser, &["read #tea up to 5"]);
    assert_eq!(
        chat.core.view(browser).read_marker("#Tea"),
        Some(Timestamp(5)),
        "one mark, however it is written"
    );
}

#[test]
fn an_account_cannot_have_read_markers_without_end() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    for number in 0..salotto_core::MARKERS_MAX {
        chat.reads(alice, &format!("#{number}"), Timestamp(5));
    }
    chat.hush();
    chat.reads(alice, "#one-more", Timestamp(5));
    assert_eq!(chat.core.view(alice).read_marker("#one-more"), None);
    assert!(chat.last.records.is_empty());
    chat.reads(alice, "#0", Timestamp(6));
    assert_eq!(chat.core.view(alice).read_marker("#0"), Some(Timestamp(6)), "those there are go on");
}

proptest! {
    #[test]
    fn a_read_marker_never_goes_back(moments in prop::collection::vec(0..100u64, 1..30)) {
        let mut chat = Chat::new();
        let alice = chat.sign_up("alice");
        let mut furthest = 0;
        for moment in moments {
            chat.reads(alice, "#tea", Timestamp(moment));
            furthest = furthest.max(moment);
            let known = chat.core.view(alice).read_marker("#tea").unwrap_or_default();
            prop_assert_eq!(known, Timestamp(furthest));
            prop_assert_eq!(chat.hears(alice).pop(), Some(format!("read #tea up to {furthest}")));
        }
    }
}
