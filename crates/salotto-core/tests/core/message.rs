//! What is said: who hears it, what is kept, and what is said only once.

use salotto_core::{Command, Conversation, Event, PostKind, Posted, Record, Refusal, Seq};

use crate::chat::Chat;
use std::sync::Arc;

#[test]
fn mission_07_everybody_hears_a_post_once_and_in_one_order() {
    let mut chat = Chat::new();
    let people: Vec<_> = ["alice", "bob", "carla"].map(|nick| chat.sign_in(nick)).into();
    for &session in &people {
        chat.joins(session, "#tea");
    }
    chat.hush();
    for round in 0..10 {
        let author = people[round % people.len()];
        chat.says(author, "#tea", &format!("line {round}"));
    }
    let all: Vec<Vec<String>> = people.iter().map(|&session| chat.hears(session)).collect();
    assert_eq!(all[0].len(), 10);
    assert!(all.iter().all(|lines| *lines == all[0]));
}

#[test]
fn who_is_not_in_the_room_hears_nothing() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    let bob = chat.sign_in("bob");
    chat.joins(alice, "#tea");
    chat.joins(bob, "#den");
    chat.hush();
    chat.says(alice, "#tea", "hello");
    chat.expect(bob, &[]);
}

#[test]
fn a_direct_message_is_for_two() {
    let mut chat = Chat::new();
    let [alice, bob, carla] = ["alice", "bob", "carla"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob, carla] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    chat.says(alice, "bob", "psst");
    chat.expect(alice, &["alice to bob: psst"]);
    chat.expect(bob, &["alice to bob: psst"]);
    chat.expect(carla, &[]);
    chat.says(alice, "alice", "a note");
    chat.expect(alice, &["alice to alice: a note"]);
}

#[test]
fn whom_nobody_knows_cannot_be_written_to() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.says(alice, "dora", "are you there?");
    chat.expect_refused(&Refusal::NoSuchNick("dora".into()));
    chat.says(alice, "#nowhere", "is this on?");
    chat.expect_refused(&Refusal::NoSuchRoom("#nowhere".into()));
    chat.says(alice, "#", "is this on?");
    chat.expect_refused(&Refusal::NoSuchRoom("#".into()));
}

#[test]
fn who_is_away_says_so_to_messages_only() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    chat.apply(Command::SetAway { session: bob, message: Some("lunch".into()) });
    chat.hush();
    chat.says(alice, "bob", "hello?");
    chat.expect(alice, &["alice to bob: hello?", "bob is away: lunch"]);
    chat.posts(alice, "bob", "a notice", |post| post.kind = PostKind::Notice);
    chat.expect(alice, &["alice to bob: a notice"]);
}

/// The conversations in which the last command kept something.
fn kept(chat: &Chat) -> Vec<Conversation> {
    chat.last
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Post(post) => Some(post.conversation),
            _ => None,
        })
        .collect()
}

#[test]
fn direct_messages_are_kept_between_accounts_only() {
    let mut chat = Chat::new();
    let (alice, bob) = (chat.sign_up("alice"), chat.sign_up("bob"));
    let (guest, other) = (chat.sign_in("guest"), chat.sign_in("other"));
    for (from, to) in [(alice, "guest"), (guest, "alice"), (guest, "other"), (other, "other")] {
        chat.says(from, to, "hello");
        chat.expect_done();
        assert_eq!(kept(&chat), [], "to {to}");
    }
    let both = Conversation::direct(chat.account("alice"), chat.account("bob"));
    chat.says(alice, "bob", "hello");
    assert_eq!(kept(&chat), [both]);
    chat.says(bob, "alice", "hello");
    assert_eq!(kept(&chat), [both]);
    assert_eq!(chat.core.view(bob).readable("alice"), Some(both));
    assert_eq!(chat.core.view(guest).readable("alice"), None);
    chat.quits(alice);
    assert_eq!(chat.core.view(bob).readable("alice"), Some(both), "also while the other is out");
}

#[test]
fn tags_alone_are_not_kept() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.posts(alice, "#tea", "", |post| post.kind = PostKind::Tags);
    assert_eq!(kept(&chat), []);
    chat.posts(alice, "#tea", "", |post| post.kind = PostKind::Notice);
    assert_eq!(kept(&chat).len(), 1);
}

/// The answer to a post that was sent before.
fn repeated(chat: &Chat) -> Arc<Posted> {
    match &chat.last.effects[..] {
        [effect] => match &effect.event {
            Event::Repeated(posted) => posted.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_token_is_answered_with_the_first_post_and_heard_once() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob] {
        chat.joins(session, "#tea");
    }
    chat.hush();
    chat.posts(alice, "#tea", "hello", |post| post.token = Some("t1".into()));
    let (first, at) = (chat.core.seq(), chat.now());
    chat.says(bob, "#tea", "hi");
    chat.hush();
    chat.posts(alice, "#tea", "hello", |post| post.token = Some("t1".into()));
    assert_eq!((repeated(&chat).seq, repeated(&chat).at), (first, at));
    assert_eq!(kept(&chat), []);
    chat.expect(alice, &[&format!("again {first}: alice to #tea: hello")]);
    chat.expect(bob, &[]);
    chat.posts(alice, "#tea", "more", |post| post.token = Some("t2".into()));
    chat.expect(bob, &["alice to #tea: more"]);
}

#[test]
fn a_token_is_its_authors() {
    let mut chat = Chat::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob] {
        chat.joins(session, "#tea");
    }
    chat.posts(alice, "#tea", "hello", |post| post.token = Some("t1".into()));
    chat.hush();
    chat.posts(bob, "#tea", "hi", |post| post.token = Some("t1".into()));
    chat.expect(alice, &["bob to #tea: hi"]);
}

#[test]
fn a_post_sent_again_after_the_server_was_restarted_is_seen_once() {
    let mut chat = Chat::new();
    let guest = chat.sign_in("guest");
    chat.joins(guest, "#tea");
    chat.posts(guest, "#tea", "hello", |post| post.token = Some("t1".into()));
    let alice = chat.sign_up("alice");
    chat.joins(alice, "#tea");
    chat.posts(alice, "#tea", "good evening", |post| post.token = Some("t1".into()));
    let firsts: Vec<Seq> = chat.kept.posts.keys().copied().collect();

    let mut chat = chat.restarted();
    let guest = chat.sign_in("guest");
    let alice = chat.sign_in_to("alice", "alice");
    chat.joins(guest, "#tea");
    chat.posts(guest, "#tea", "hello", |post| post.token = Some("t1".into()));
    assert_eq!(repeated(&chat).seq, firsts[0]);
    chat.posts(alice, "#tea", "good evening", |post| post.token = Some("t1".into()));
    assert_eq!(repeated(&chat).seq, firsts[1]);
    assert_eq!(chat.kept.posts.len(), 2);
}

#[test]
fn a_token_is_forgotten_after_a_day() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.posts(alice, "#tea", "hello", |post| post.token = Some("t1".into()));
    chat.wait(24 * 60 * 60 * 1000);
    chat.posts(alice, "#tea", "good morning", |post| post.token = Some("t2".into()));
    chat.hush();
    chat.posts(alice, "#tea", "hello", |post| post.token = Some("t1".into()));
    chat.expect(alice, &["alice to #tea: hello"]);
}

#[test]
fn a_pong_comes_in_its_place() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.hush();
    chat.says(alice, "#tea", "before");
    chat.apply(Command::Ping { session: alice, token: "now".into() });
    chat.expect(alice, &["alice to #tea: before", "pong now"]);
}
