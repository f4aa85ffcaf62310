//! From the first line to being online.

use salotto_client::{Client, Credentials, Event, RefusalReason, State, StopReason};

use crate::link::{ALL_CAPS, Link, options};

#[test]
fn negotiates_and_signs_in() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    assert_eq!(link.connects, 1);
    link.up();
    assert_eq!(link.take_sent(), ["CAP LS 302", "NICK anna", "USER salotto 0 * :anna"]);
    link.says("CAP * LS * :batch server-time");
    assert_eq!(link.take_sent(), [""; 0], "the list goes on");
    link.says("CAP * LS :echo-message unheard/of");
    assert_eq!(link.take_sent(), ["CAP REQ :batch echo-message server-time"]);
    link.says("CAP anna ACK :batch echo-message server-time");
    assert_eq!(link.take_sent(), ["CAP END"]);
    link.welcome();
    assert!(link.is_online());
    assert!(link.take_events().contains(&Event::SignedIn { name: "anna".into(), again: false }));
}

#[test]
fn works_with_a_server_that_knows_no_capabilities() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.says(":old.example 421 * CAP :Unknown command");
    link.says(":old.example 001 anna :Welcome");
    link.says(":old.example 376 anna :End");
    assert!(link.is_online());
    assert!(!link.take_events().iter().any(|e| matches!(e, Event::Failed { .. })));
}

#[test]
fn a_refused_name_is_asked_for_again_on_the_same_connection() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.offer("batch");
    link.says(":irc.example 433 * anna :Nickname is already in use");
    let Some(Event::NickRefused(refusal)) = link.take_events().pop() else { panic!("no refusal") };
    assert_eq!((refusal.reason, refusal.suggestion.as_str()), (RefusalReason::Taken, "anna_"));
    assert!(refusal.signing_in);
    assert_eq!(*link.client.state(), State::NameNeeded);

    link.pass_ms(600_000);
    assert_eq!((link.closes, link.connects), (0, 1), "a person may take his time");
    link.take_sent();
    link.act(|c, now| c.set_name(now, "1x"));
    assert_eq!(link.take_sent(), ["NICK 1x"]);
    link.says(":irc.example 432 * 1x :It begins with a digit");
    let refusals: Vec<_> = link
        .take_events()
        .into_iter()
        .filter_map(|e| match e {
            Event::NickRefused(r) => Some((r.reason, r.text)),
            _ => None,
        })
        .collect();
    assert_eq!(refusals, [(RefusalReason::NotValid, "It begins with a digit".to_owned())]);

    link.act(|c, now| c.set_name(now, "n na"));
    assert_eq!(link.take_sent(), ["NICK :n na"], "the server judges what was written");
    link.says(":irc.example 432 * :A name has no spaces");
    link.take_events();
    link.says(":irc.example 432 * n_na :A name has no spaces");
    let shown = |e: &Event| matches!(e, Event::NickRefused(refusal) if refusal.name == "n na");
    assert!(link.take_events().iter().any(shown), "as it was written");

    link.act(|c, now| c.set_name(now, "nina"));
    link.welcome();
    assert!(link.is_online());
    assert_eq!(link.client.name(), "nina");
    assert_eq!(link.connects, 1);
}

#[test]
fn a_name_given_after_the_server_lost_patience_opens_a_new_connection() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.says(":irc.example 433 * anna :Nickname is already in use");
    link.says("ERROR :Registration timed out");
    link.broken("closed");
    assert_eq!(*link.client.state(), State::NameNeeded);
    link.pass_ms(60_000);
    assert_eq!(link.connects, 1);
    link.act(|c, now| c.set_name(now, "nina"));
    assert_eq!(link.connects, 2);
    link.sign_in(ALL_CAPS);
    assert!(link.is_online());
}

#[test]
fn a_name_refused_while_online_changes_nothing() {
    let mut link = Link::in_lobby();
    link.act(|c, now| c.set_name(now, "bo"));
    assert_eq!(link.take_sent(), ["NICK bo"]);
    link.says(":irc.example 433 anna bo :Nickname is already in use");
    let Some(Event::NickRefused(refusal)) = link.take_events().pop() else { panic!("no refusal") };
    assert!(!refusal.signing_in);
    assert!(link.is_online());
    assert_eq!(link.client.name(), "anna");
}

fn with_account() -> Link {
    let credentials = Some(Credentials { account: "anna".into(), password: "secret".into() });
    let mut link = Link::new(salotto_client::Options { credentials, ..options("anna") });
    link.act(Client::connect);
    link.up();
    link
}

#[test]
fn signs_in_to_an_account() {
    let mut link = with_account();
    link.offer(ALL_CAPS);
    assert_eq!(link.take_sent(), ["AUTHENTICATE PLAIN"]);
    link.says("AUTHENTICATE +");
    assert_eq!(link.take_sent(), ["AUTHENTICATE AGFubmEAc2VjcmV0"]);
    link.says(":irc.example 900 * anna!a@host anna :You are now logged in as anna");
    link.says(":irc.example 903 * :SASL authentication successful");
    assert_eq!(link.take_sent(), ["CAP END"]);
    link.welcome();
    assert_eq!(link.client.account(), Some("anna"));
}

#[test]
fn a_wrong_password_stops_and_is_not_tried_again() {
    let mut link = with_account();
    link.offer(ALL_CAPS);
    link.says("AUTHENTICATE +");
    link.says(":irc.example 904 * :Wrong password");
    assert_eq!(*link.client.state(), State::Stopped(StopReason::SignInRefused("Wrong password".into())));
    assert_eq!(link.closes, 1);
    link.pass_ms(600_000);
    assert_eq!(link.connects, 1);
}

#[test]
fn a_password_is_not_sent_to_a_server_that_does_not_ask() {
    let mut link = with_account();
    link.offer("batch server-time");
    assert!(matches!(link.client.state(), State::Stopped(StopReason::SignInRefused(_))));
    assert!(link.take_sent().iter().all(|l| !l.contains("AUTHENTICATE")));
}

#[test]
fn an_endless_sign_in_is_given_up() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.pass_ms(20_000);
    assert_eq!(link.closes, 1);
    assert!(matches!(link.client.state(), State::Waiting { .. }));
}

#[test]
fn a_banned_client_does_not_come_back() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.says(":irc.example 465 anna :You are banned");
    link.says("ERROR :Closing link");
    link.broken("closed");
    assert!(matches!(link.client.state(), State::Stopped(StopReason::Banned(_))));
    link.pass_ms(600_000);
    assert_eq!(link.connects, 1);
}
