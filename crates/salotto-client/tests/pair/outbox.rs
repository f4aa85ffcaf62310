//! Messages on their way: once, in order, whatever happens in between.

use salotto_client::{Client, EntryState, Event, FailReason, LocalId, MessageKind, Outbox};

use crate::link::{ALL_CAPS, Link, options, token};

fn say(link: &mut Link, target: &str, text: &str) -> LocalId {
    link.act(|c, now| c.send(now, target, MessageKind::Text, text))[0]
}

fn state(link: &Link, id: LocalId) -> Option<EntryState> {
    link.client.outbox().entries().iter().find(|e| e.id == id).map(|e| e.state.clone())
}

#[test]
fn a_message_is_ours_once_the_echo_is_there() {
    let mut link = Link::in_lobby();
    let id = say(&mut link, "#lobby", "hello");
    let sent = link.take_sent();
    assert!(sent[0].ends_with(" PRIVMSG #lobby :hello"), "{sent:?}");
    link.says("@label=m1;msgid=1 :anna!a@host PRIVMSG #lobby :hello");
    let events = link.take_events();
    assert!(events.contains(&Event::Outbox { id, state: None }));
    let Some(Event::Message(message)) = events.last() else { panic!("no message") };
    assert!(message.own && message.local_id == Some(id));
    assert!(link.client.outbox().is_empty());
    assert_eq!(link.texts("#lobby"), ["hello"]);
}

#[test]
fn the_echo_is_known_by_token_where_there_are_no_labels() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.sign_in("message-tags echo-message");
    link.enter_lobby();
    link.take_sent();
    say(&mut link, "#lobby", "hello");
    let sent = link.take_sent();
    let token = token(&sent[0]).to_owned();
    link.says(&format!(
        "@+salotto.chat/token={token} :anna!a@host PRIVMSG #lobby :hello (edited by the server)"
    ));
    assert!(link.client.outbox().is_empty());
}

#[test]
fn messages_to_one_target_go_one_after_the_other() {
    let mut link = Link::in_lobby();
    say(&mut link, "#lobby", "one");
    say(&mut link, "#lobby", "two");
    say(&mut link, "bo", "aside");
    assert_eq!(
        link.take_said(),
        [
            "@label=m1;+salotto.chat/token=… PRIVMSG #lobby :one",
            "@label=m3;+salotto.chat/token=… PRIVMSG bo :aside",
        ]
    );
    link.says("@label=m1;msgid=1 :anna!a@host PRIVMSG #lobby :one");
    assert_eq!(link.take_said(), ["@label=m2;+salotto.chat/token=… PRIVMSG #lobby :two"]);
}

#[test]
fn a_refusal_stops_its_target_until_the_user_decides() {
    let mut link = Link::in_lobby();
    let one = say(&mut link, "#lobby", "one");
    say(&mut link, "#lobby", "two");
    link.says("@label=m1 :irc.example 404 anna #lobby :Cannot send to channel");
    let failed = EntryState::Failed(FailReason::Refused("Cannot send to channel".into()));
    assert_eq!(state(&link, one), Some(failed));
    link.take_sent();
    say(&mut link, "bo", "aside");
    assert_eq!(link.take_said(), ["@label=m3;+salotto.chat/token=… PRIVMSG bo :aside"]);

    link.act(|c, now| c.retry(now, one));
    assert_eq!(link.take_said(), ["@label=m1;+salotto.chat/token=… PRIVMSG #lobby :one"]);
    link.says("FAIL PRIVMSG CANNOT_SEND #lobby :Not now");
    link.act(|c, now| c.discard(now, one));
    assert_eq!(link.take_said(), ["@label=m2;+salotto.chat/token=… PRIVMSG #lobby :two"]);
}

#[test]
fn states_are_told_as_time_passes() {
    let mut link = Link::in_lobby();
    let id = say(&mut link, "#lobby", "hello");
    assert_eq!(state(&link, id), Some(EntryState::Hidden));
    link.take_events();
    link.pass_ms(500);
    assert_eq!(link.take_events(), [Event::Outbox { id, state: Some(EntryState::Sending) }]);
    link.pass_busy_ms(10_000);
    assert!(link.take_events().contains(&Event::Outbox { id, state: Some(EntryState::Slow) }));
    link.pass_busy_ms(50_000);
    assert_eq!(state(&link, id), Some(EntryState::Failed(FailReason::NoAnswer)));
}

#[test]
fn what_is_written_offline_goes_out_in_order_after_the_catch_up() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1;time=2026-11-20T20:00:00.000Z :bo!b@host PRIVMSG #lobby :before");
    say(&mut link, "#lobby", "one");
    let first = link.take_sent();
    let first_token = token(&first[0]).to_owned();
    link.broken("connection reset");
    say(&mut link, "#lobby", "two");
    say(&mut link, "#lobby", "three");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.says(":anna!a@host JOIN #lobby");
    let sent = link.take_sent();
    assert!(sent.iter().any(|l| l == "CHATHISTORY AFTER #lobby msgid=1 100"), "{sent:?}");
    assert!(!sent.iter().any(|l| l.contains("PRIVMSG")), "first comes what was missed");
    link.answer_history(
        "#lobby",
        &["@msgid=2;time=2026-11-20T20:00:01.000Z :bo!b@host PRIVMSG #lobby :missed"],
    );
    let sent = link.take_sent();
    assert!(sent[0].ends_with("PRIVMSG #lobby :one"), "{sent:?}");
    assert_eq!(token(&sent[0]), first_token, "sent again under the same token");
    link.says("@label=m1;msgid=3;time=2026-11-20T20:00:05.000Z :anna!a@host PRIVMSG #lobby :one");
    link.says("@label=m2;msgid=4;time=2026-11-20T20:00:06.000Z :anna!a@host PRIVMSG #lobby :two");
    link.says("@label=m3;msgid=5;time=2026-11-20T20:00:07.000Z :anna!a@host PRIVMSG #lobby :three");
    assert_eq!(link.texts("#lobby"), ["before", "missed", "one", "two", "three"]);
    assert!(link.client.outbox().is_empty());
}

#[test]
fn a_message_that_had_arrived_is_not_sent_again() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1;time=2026-11-20T20:00:00.000Z :bo!b@host PRIVMSG #lobby :before");
    say(&mut link, "#lobby", "arrived");
    let sent = link.take_sent();
    let token = token(&sent[0]).to_owned();
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.says(":anna!a@host JOIN #lobby");
    link.take_sent();
    link.answer_history("#lobby", &[&format!(
        "@msgid=2;time=2026-11-20T20:00:01.000Z;+salotto.chat/token={token} :anna!a@host PRIVMSG #lobby :arrived"
    )]);
    assert_eq!(link.take_sent(), [""; 0]);
    assert!(link.client.outbox().is_empty());
    assert_eq!(link.texts("#lobby"), ["before", "arrived"]);
}

#[test]
fn a_message_that_had_arrived_is_known_by_its_words_where_tokens_are_forgotten() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1;time=2026-11-20T20:00:00.000Z :bo!b@host PRIVMSG #lobby :before");
    say(&mut link, "#lobby", "arrived");
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.says(":anna!a@host JOIN #lobby");
    link.take_sent();
    link.answer_history(
        "#lobby",
        &["@msgid=2;time=2026-11-20T20:00:01.000Z :anna!a@host PRIVMSG #lobby :arrived"],
    );
    assert_eq!(link.take_sent(), [""; 0]);
    assert!(link.client.outbox().is_empty());
}

#[test]
fn a_repeated_echo_of_a_known_message_clears_the_outbox_and_is_shown_once() {
    let mut link = Link::in_lobby();
    link.says("@msgid=9 :anna!a@host PRIVMSG #lobby :hello");
    let id = say(&mut link, "#lobby", "hello");
    link.take_events();
    link.says("@label=m1;msgid=9 :anna!a@host PRIVMSG #lobby :hello");
    assert_eq!(link.take_events(), [Event::Outbox { id, state: None }]);
    assert_eq!(link.texts("#lobby"), ["hello"]);
}

#[test]
fn without_echo_the_answer_to_a_ping_counts() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.sign_in("server-time");
    link.enter_lobby();
    link.take_sent();
    let id = say(&mut link, "#lobby", "hello");
    assert_eq!(link.take_sent(), ["PRIVMSG #lobby :hello", "PING s1"]);
    link.says(":irc.example PONG irc.example :s1");
    let events = link.take_events();
    assert!(events.contains(&Event::Outbox { id, state: None }));
    assert_eq!(link.texts("#lobby"), ["hello"]);

    let id = say(&mut link, "nobody", "hello");
    link.says(":irc.example 401 anna nobody :No such nick");
    link.says(":irc.example PONG irc.example :s2");
    let failed = EntryState::Failed(FailReason::Refused("No such nick".into()));
    assert_eq!(state(&link, id), Some(failed));
    assert_eq!(link.texts("nobody"), [""; 0], "what was refused is not shown as sent");
}

#[test]
fn an_old_message_is_sent_only_when_the_user_says_so() {
    let mut link = Link::in_lobby();
    link.broken("connection reset");
    let id = say(&mut link, "#lobby", "from this morning");
    for _ in 0..200 {
        link.pass_ms(36_000);
        link.refused();
    }
    link.pass_ms(36_000);
    link.sign_in(ALL_CAPS);
    link.enter_lobby();
    assert_eq!(state(&link, id), Some(EntryState::Failed(FailReason::Stale)));
    link.take_sent();
    link.act(|c, now| c.retry(now, id));
    assert!(link.take_sent()[0].ends_with(":from this morning"));
}

#[test]
fn a_restart_keeps_what_was_not_sent() {
    let mut link = Link::in_lobby();
    link.broken("connection reset");
    say(&mut link, "#lobby", "kept");
    say(&mut link, "#tea", "kept elsewhere");
    let saved = String::from_utf8(link.client.outbox().save()).unwrap();

    let mut link = Link::with_client(Client::with_outbox(options("anna"), Outbox::load(&saved)));
    link.act(Client::connect);
    link.sign_in(ALL_CAPS);
    let sent = link.take_sent();
    assert!(sent.contains(&"JOIN #lobby,#tea".to_owned()), "{sent:?}");
    link.enter_lobby();
    let sent = link.take_sent();
    assert!(sent.iter().any(|l| l.ends_with("PRIVMSG #lobby :kept")), "{sent:?}");
    assert!(!sent.iter().any(|l| l.contains("PRIVMSG #tea")), "first we have to be there");
    link.says(":anna!a@host JOIN #tea");
    link.answer_history("#tea", &[]);
    assert!(link.take_sent().iter().any(|l| l.ends_with("PRIVMSG #tea :kept elsewhere")));
}

#[test]
fn a_long_text_becomes_several_messages() {
    let mut link = Link::in_lobby();
    let text = "word ".repeat(200);
    let ids = link.act(|c, now| c.send(now, "#lobby", MessageKind::Text, &text));
    assert!(ids.len() > 1);
    let line = &link.take_sent()[0];
    let body = line.split_once(' ').unwrap().1;
    assert!(body.len() + ":anna!a@host ".len() + 2 <= 512);
    assert!(link.act(|c, now| c.send(now, "#lobby", MessageKind::Text, " \n ")).is_empty());
}
