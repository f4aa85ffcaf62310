//! Devices of accounts: coming back by a token, over a restart too, and being signed out from elsewhere.

use salotto_core::{Command, DEVICES_MAX, DeviceId, Event, Record, Refusal, SessionId};

use crate::chat::Chat;
use crate::durable::check_durable;

const PHONE: [u8; 32] = [1; 32];
const LAPTOP: [u8; 32] = [2; 32];
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Chat {
    /// Remembers a session's device.
    fn adds(&mut self, session: SessionId, token: [u8; 32], about: &str) -> DeviceId {
        self.apply(Command::AddDevice { session, token, about: about.into() });
        match self.last.effects[..] {
            [ref effect] => match effect.event {
                Event::DeviceAdded { id } => id,
                ref other => panic!("{other:?}"),
            },
            ref other => panic!("{other:?}"),
        }
    }

    /// Signs in by a device's token alone.
    fn comes_back(&mut self, nick: &str, token: [u8; 32]) -> SessionId {
        self.sign_in_as(nick, |wish| {
            wish.stem = Some(token);
            wish.rejoin = true;
        })
    }

    fn revokes(&mut self, session: SessionId, which: Option<DeviceId>) {
        self.apply(Command::RevokeDevices { session, which });
    }

    fn lists(&mut self, session: SessionId) -> String {
        self.hears(session);
        self.apply(Command::ListDevices { session });
        self.hears(session).join("\n")
    }

    fn changes_password(&mut self, session: SessionId) {
        let account = self.account("alice");
        self.apply(Command::ChangePassword { session, account, verifier: "$argon2id$new".into() });
    }
}

/// Alice on her phone, with Bob in a room.
fn alice_and_bob() -> (Chat, SessionId, DeviceId, SessionId) {
    let mut chat = Chat::new();
    let bob = chat.sign_in("bob");
    let alice = chat.sign_up("alice");
    let phone = chat.adds(alice, PHONE, "phone");
    for session in [bob, alice] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    (chat, alice, phone, bob)
}

#[test]
fn a_device_signs_in_to_its_account_without_a_password() {
    let (mut chat, alice, _, bob) = alice_and_bob();
    chat.quits(alice);
    chat.hush();
    let back = chat.comes_back("alice", PHONE);
    chat.expect(back, &["welcome, alice", "alice joined #tea"]);
    chat.expect(bob, &["alice joined #tea"]);
    assert_eq!(chat.core.view(bob).person("alice").unwrap().card.account.as_ref().unwrap().as_str(), "alice");
    assert_eq!(chat.lists(back), "devices: phone*");
}

#[test]
fn a_device_signs_in_after_a_restart() {
    let (chat, ..) = alice_and_bob();
    let mut chat = chat.restarted();
    let alice = chat.comes_back("alice", PHONE);
    chat.expect_done();
    assert!(chat.is_in(alice, "#tea"));
    assert_eq!(chat.lists(alice), "devices: phone*");
    check_durable(&chat);
}

#[test]
fn a_device_comes_back_beside_its_session_that_is_still_there() {
    let (mut chat, alice, _, bob) = alice_and_bob();
    let back = chat.comes_back("alice", PHONE);
    assert_eq!(chat.person(back), chat.person(alice));
    chat.expect(alice, &[]);
    chat.expect(bob, &[]);
    chat.loses_connection(alice);
    chat.expect(bob, &[]);
}

#[test]
fn a_device_that_knows_its_session_takes_its_place() {
    let (mut chat, alice, _, bob) = alice_and_bob();
    chat.quits(alice);
    let old = chat.sign_in_as("alice", |wish| (wish.stem, wish.resumable) = (Some(PHONE), Some([7; 32])));
    chat.hush();
    let new = chat.sign_in_as("alice", |wish| (wish.stem, wish.resume) = (Some(PHONE), Some([7; 32])));
    chat.expect(old, &["replaced"]);
    chat.expect(bob, &[]);
    assert_eq!(chat.hears(new)[0], "welcome back, alice");
    // Without the session, the device is enough; and there is nothing to complain about.
    let third = chat.sign_in_as("alice", |wish| (wish.stem, wish.resume) = (Some(PHONE), Some([7; 32])));
    assert_eq!(chat.hears(third)[0], "welcome, alice");
}

#[test]
fn a_token_is_looked_at_before_signing_in() {
    let (mut chat, ..) = alice_and_bob();
    let new = chat.session();
    chat.apply(Command::Recognise { session: new, resume: None, stem: PHONE });
    chat.expect(new, &["a device of alice"]);
    assert!(chat.last.records.is_empty());
    chat.apply(Command::Recognise { session: new, resume: Some(LAPTOP), stem: LAPTOP });
    chat.expect_refused(&Refusal::UnknownResumeToken);
    let guest = chat.sign_in_as("carla", |wish| wish.resumable = Some(LAPTOP));
    chat.hears(guest);
    chat.hush();
    chat.apply(Command::Recognise { session: new, resume: Some(LAPTOP), stem: [9; 32] });
    chat.expect(new, &["a session"]);
    chat.register(guest, "carla");
    chat.hush();
    chat.apply(Command::Recognise { session: new, resume: Some(LAPTOP), stem: [9; 32] });
    chat.expect(new, &["a session of carla"]);
}

#[test]
fn a_password_counts_more_than_a_device_of_another_account() {
    let (mut chat, ..) = alice_and_bob();
    let dora = chat.sign_up("dora");
    chat.quits(dora);
    let account = chat.account("dora");
    let dora = chat.sign_in_as("dora", |wish| (wish.account, wish.stem) = (Some(account), Some(PHONE)));
    assert_eq!(chat.core.view(dora).own_card().unwrap().account.as_ref().unwrap().as_str(), "dora");
    assert_eq!(chat.lists(dora), "devices: ");
}

#[test]
fn a_device_in_use_is_written_once_a_day() {
    let (mut chat, ..) = alice_and_bob();
    let written = |chat: &mut Chat| {
        let alice = chat.comes_back("alice", PHONE);
        let written = chat.last.records.clone();
        chat.quits(alice);
        written
    };
    assert_eq!(written(&mut chat), []);
    chat.wait(DAY_MS);
    assert!(matches!(written(&mut chat)[..], [Record::Device(_)]));
    assert_eq!(written(&mut chat), []);
}

#[test]
fn coming_back_into_ones_rooms_writes_nothing() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.adds(alice, PHONE, "phone");
    chat.joins(alice, "#tea");
    let mut chat = chat.restarted();
    let alice = chat.comes_back("alice", PHONE);
    assert!(chat.is_in(alice, "#tea"));
    assert_eq!(chat.last.records, []);
}

#[test]
fn a_revoked_device_is_signed_out_and_its_token_is_dead() {
    let (mut chat, alice, phone, bob) = alice_and_bob();
    let laptop = chat.sign_in_to("alice", "alice");
    chat.adds(laptop, LAPTOP, "laptop");
    chat.hush();
    chat.revokes(laptop, Some(phone));
    chat.expect(alice, &["signed out"]);
    chat.expect(laptop, &["revoked: 1 (others: false)"]);
    chat.expect(bob, &[]);
    chat.comes_back("alice", PHONE);
    assert_eq!(chat.refusals().len(), 1, "the name is an account's, and the token is nobody's");
    assert_eq!(chat.lists(laptop), "devices: laptop*");
    let mut chat = chat.restarted();
    chat.comes_back("alice", PHONE);
    assert_eq!(chat.refusals().len(), 1);
    chat.comes_back("alice", LAPTOP);
    chat.expect_done();
}

#[test]
fn the_last_session_signed_out_is_seen_to_leave_and_no_more() {
    let (mut chat, alice, phone, bob) = alice_and_bob();
    chat.revokes(alice, Some(phone));
    chat.expect(alice, &["revoked: 1 (others: false)", "signed out"]);
    chat.expect(bob, &["alice is gone: quit"]);
}

#[test]
fn all_others_go_with_or_without_a_device() {
    let (mut chat, alice, _, bob) = alice_and_bob();
    let laptop = chat.sign_in_to("alice", "alice");
    chat.adds(laptop, LAPTOP, "laptop");
    let plain = chat.sign_in_to("alice", "alice2");
    chat.joins(bob, "#tea");
    chat.hush();
    chat.revokes(laptop, None);
    for other in [alice, plain] {
        assert_eq!(chat.hears(other).last().unwrap(), "signed out");
    }
    assert_eq!(chat.hears(laptop), ["revoked: 1 (others: true)", "alice2 is gone: quit"]);
    chat.says(laptop, "#tea", "only me");
    chat.expect_done();
    assert_eq!(chat.lists(laptop), "devices: laptop*");
}

#[test]
fn another_password_signs_all_others_out() {
    let (mut chat, alice, _, _) = alice_and_bob();
    let laptop = chat.sign_in_to("alice", "alice");
    chat.adds(laptop, LAPTOP, "laptop");
    chat.hush();
    chat.changes_password(laptop);
    chat.expect(laptop, &["new password for alice", "revoked: 1 (others: true)"]);
    chat.expect(alice, &["signed out"]);
    assert!(chat.last.records.iter().any(|record| matches!(
        record, Record::Account(account) if &*account.verifier == "$argon2id$new"
    )));
    check_durable(&chat);
}

#[test]
fn devices_are_for_accounts_and_ones_own() {
    let (mut chat, alice, phone, bob) = alice_and_bob();
    chat.apply(Command::AddDevice { session: bob, token: LAPTOP, about: "".into() });
    chat.expect_refused(&Refusal::NoAccount);
    chat.apply(Command::ListDevices { session: bob });
    chat.expect_refused(&Refusal::NoAccount);
    chat.changes_password(bob);
    chat.expect_refused(&Refusal::NoAccount);
    let dora = chat.sign_up("dora");
    chat.revokes(dora, Some(phone));
    chat.expect_refused(&Refusal::NoSuchDevice(phone));
    chat.changes_password(dora);
    chat.expect_refused(&Refusal::NoAccount);
    assert_eq!(chat.lists(alice), "devices: phone*");
}

#[test]
fn the_device_unused_for_longest_makes_room_and_never_one_that_is_here() {
    let (mut chat, alice, phone, _) = alice_and_bob();
    let laptop = chat.sign_in_to("alice", "alice");
    let mut ids = Vec::new();
    for number in 0..DEVICES_MAX as u8 {
        chat.wait(DAY_MS);
        ids.push(chat.adds(laptop, [number + 100; 32], "laptop"));
    }
    assert!(chat.last.records.contains(&Record::DeviceRevoked(ids[0])));
    assert_eq!(chat.lists(alice).split(' ').count(), 1 + DEVICES_MAX);
    chat.revokes(alice, Some(phone));
    chat.expect_done();
    check_durable(&chat);
}

#[test]
fn signing_in_to_another_account_leaves_the_device_with_the_first() {
    let (mut chat, alice, _, _) = alice_and_bob();
    let dora = chat.sign_up("dora");
    chat.quits(dora);
    let account = chat.account("dora");
    chat.apply(Command::LogIn { session: alice, account });
    assert_eq!(chat.lists(alice), "devices: ");
}

#[test]
fn a_guest_under_another_name_is_the_same_author_by_the_token_shown() {
    let mut chat = Chat::new();
    let reader = chat.sign_in("reader");
    let guest = chat.sign_in_as("guest", |wish| wish.stem = Some(PHONE));
    for session in [reader, guest] {
        chat.joins(session, "#tea");
    }
    chat.posts(guest, "#tea", "once", |post| post.token = Some("t1".into()));
    chat.loses_connection(guest);
    let taken = chat.sign_in("guest");
    chat.joins(taken, "#tea");
    let guest = chat.sign_in_as("guest2", |wish| wish.stem = Some(PHONE));
    chat.joins(guest, "#tea");
    chat.hush();
    chat.posts(guest, "#tea", "once", |post| post.token = Some("t1".into()));
    assert!(chat.hears(guest)[0].starts_with("again "));
    chat.expect(reader, &[]);
    // A stranger's token is a stranger's.
    let stranger = chat.sign_in_as("stranger", |wish| wish.stem = Some(LAPTOP));
    chat.joins(stranger, "#tea");
    chat.hush();
    chat.posts(stranger, "#tea", "once", |post| post.token = Some("t1".into()));
    chat.expect(reader, &["stranger to #tea: once"]);
}
