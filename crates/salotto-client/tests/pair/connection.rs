//! Losing the connection and coming back.

use salotto_client::{Client, ConnectFailure, Event, Loss, State, StopReason};

use crate::link::{ALL_CAPS, Link, options};

fn offline(link: &mut Link) -> Vec<(Loss, u64)> {
    link.take_events()
        .into_iter()
        .filter_map(|e| match e {
            Event::Offline { loss, retry_in_ms } => Some((loss, retry_in_ms.expect("a retry"))),
            _ => None,
        })
        .collect()
}

#[test]
fn an_unreachable_server_is_tried_again_with_growing_pauses() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    for (attempt, base) in [2000, 2000, 2000, 4000, 8000, 15_000, 30_000, 30_000].into_iter().enumerate() {
        assert_eq!(link.connects, attempt + 1);
        link.refused();
        let [(Loss::Unreachable(reason), pause)] = &offline(&mut link)[..] else { panic!("no notice") };
        assert_eq!(reason, "connection refused");
        assert!((base * 8 / 10..=base * 12 / 10).contains(pause), "{pause} for {base}");
        link.pass_ms(*pause);
    }
}

#[test]
fn trying_now_does_not_wait() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.refused();
    link.act(Client::retry_now);
    assert_eq!(link.connects, 2);
    link.pass_ms(5000);
    assert_eq!(link.connects, 2, "the pause was called off");
}

#[test]
fn an_idle_connection_is_probed_every_5_s_and_lost_after_15_s() {
    let mut link = Link::in_lobby();
    link.pass_ms(4999);
    assert_eq!(link.take_sent(), [""; 0]);
    link.pass_ms(1);
    let sent = link.take_sent();
    assert!(sent.len() == 1 && sent[0].starts_with("PING t"), "{sent:?}");
    link.pass_ms(30);
    link.says(&format!("PONG irc.example :{}", sent[0].strip_prefix("PING ").unwrap()));
    assert!(link.take_events().contains(&Event::Lag { ms: 30 }));
    assert_eq!(link.client.lag(link.now).unwrap().as_millis(), 30);

    link.pass_ms(14_999);
    assert!(link.is_online());
    assert_eq!(link.take_sent().len(), 2);
    assert!(link.client.lag(link.now).unwrap().as_millis() > 4000, "an unanswered probe counts");
    let lags: Vec<u64> = link
        .take_events()
        .into_iter()
        .filter_map(|e| match e {
            Event::Lag { ms } => Some(ms),
            _ => None,
        })
        .collect();
    assert_eq!(lags, [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000], "and is told as it grows");
    link.pass_ms(1);
    assert!(matches!(link.client.state(), State::Waiting { loss: Loss::Lost(_), .. }));
    assert_eq!(link.closes, 1);
}

#[test]
fn a_busy_connection_is_not_probed() {
    let mut link = Link::in_lobby();
    link.pass_busy_ms(60_000);
    assert_eq!(link.take_sent(), [""; 0]);
    assert!(link.is_online());
}

#[test]
fn the_server_is_answered() {
    let mut link = Link::in_lobby();
    link.says("PING :a b");
    assert_eq!(link.take_sent(), ["PONG :a b"]);
}

#[test]
fn a_closing_server_is_told_from_a_lost_connection_and_tried_again() {
    let mut link = Link::in_lobby();
    link.says("ERROR :The server has closed: maintenance");
    link.broken("closed");
    let events = link.take_events();
    assert!(events.contains(&Event::ServerClosed { reason: "maintenance".into() }));
    assert!(matches!(link.client.state(), State::Waiting { loss: Loss::ServerClosed(_), .. }));
    link.pass_ms(2400);
    assert_eq!(link.connects, 2);

    let mut link = Link::in_lobby();
    link.broken("connection reset");
    assert!(!link.take_events().iter().any(|e| matches!(e, Event::ServerClosed { .. })));
    assert!(matches!(link.client.state(), State::Waiting { loss: Loss::Lost(_), .. }));
}

#[test]
fn comes_back_under_its_name_and_into_its_rooms() {
    let mut link = Link::in_lobby();
    link.act(|c, _| c.join("#tea", None));
    link.says(":anna!a@host JOIN #tea");
    link.answer_history("#tea", &[]);
    link.act(|c, _| c.join("#old", None));
    link.says(":anna!a@host JOIN #old");
    link.says(":anna!a@host PART #old");
    link.broken("connection reset");
    link.pass_ms(2400);
    link.take_sent();
    link.up();
    assert_eq!(link.take_sent(), ["CAP LS 302"], "the name waits for the token");
    link.says("CAP * LS :message-tags salotto.chat/resume");
    link.take_sent();
    link.says("CAP * ACK :message-tags salotto.chat/resume");
    assert_eq!(link.take_sent(), ["RESUME secret", "NICK anna", "USER salotto 0 * :anna", "CAP END"]);
    link.says(":irc.example 001 anna :Welcome");
    link.says("RESUME TOKEN next");
    link.says(":irc.example 422 anna :No greeting");
    assert_eq!(link.take_sent(), ["JOIN #lobby,#tea"]);
    assert!(link.take_events().contains(&Event::SignedIn { name: "anna".into(), again: true }));
    link.says(":anna!a@host JOIN #lobby");
    assert!(!link.take_events().iter().any(|e| matches!(e, Event::Reconnected { .. })));
    link.says(":anna!a@host JOIN #tea");
    assert!(link.take_events().contains(&Event::Reconnected { new_messages: 0 }));
}

#[test]
fn an_unknown_token_is_no_obstacle() {
    let mut link = Link::in_lobby();
    link.broken("connection reset");
    link.pass_ms(2400);
    link.up();
    link.offer(ALL_CAPS);
    link.says("FAIL RESUME UNKNOWN_TOKEN :Nothing to resume");
    link.welcome();
    assert!(link.is_online());
    assert!(!link.take_events().iter().any(|e| matches!(e, Event::Failed { .. })));
}

#[test]
fn a_name_that_our_own_ghost_holds_is_asked_for_again() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.up();
    link.offer("batch");
    link.says(":old.example 001 anna :Welcome");
    link.says(":old.example 422 anna :No greeting");
    link.broken("connection reset");
    link.pass_ms(2400);
    link.up();
    link.offer("batch");
    link.take_events();
    link.says(":old.example 433 * anna :Nickname is already in use");
    assert!(!link.take_events().iter().any(|e| matches!(e, Event::NickRefused(_))));
    link.pass_ms(5000);
    assert_eq!(link.take_sent(), ["CAP END", "NICK anna"]);
    for _ in 0..4 {
        link.says(":old.example 433 * anna :Nickname is already in use");
        link.pass_ms(5000);
    }
    assert!(link.take_events().iter().any(|e| matches!(e, Event::NickRefused(_))), "at last it is asked");
}

#[test]
fn quitting_says_so_and_is_final() {
    let mut link = Link::in_lobby();
    link.act(|c, now| c.quit(now, "good night"));
    assert_eq!(link.take_sent(), ["QUIT :good night"]);
    assert_eq!(*link.client.state(), State::Closing);
    link.says("ERROR :Closing link: Quit: good night");
    link.broken("closed");
    assert_eq!(*link.client.state(), State::Stopped(StopReason::Quit));
    let events = link.take_events();
    assert!(!events.iter().any(|e| matches!(e, Event::ServerClosed { .. } | Event::Offline { .. })));
    link.pass_ms(600_000);
    assert_eq!(link.connects, 1);
}

#[test]
fn quitting_does_not_wait_for_a_dead_server() {
    let mut link = Link::in_lobby();
    link.act(|c, now| c.quit(now, ""));
    assert_eq!(link.take_sent(), ["QUIT"]);
    link.pass_ms(1000);
    assert_eq!(*link.client.state(), State::Stopped(StopReason::Quit));
    assert_eq!(link.closes, 1);
}

#[test]
fn quitting_while_connecting_or_waiting_is_immediate() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.act(|c, now| c.quit(now, ""));
    assert_eq!((link.closes, link.client.state()), (1, &State::Stopped(StopReason::Quit)));

    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.refused();
    link.act(|c, now| c.quit(now, ""));
    link.pass_ms(600_000);
    assert_eq!((link.connects, link.client.state()), (1, &State::Stopped(StopReason::Quit)));
}

#[test]
fn disconnecting_keeps_the_conversations_and_connecting_goes_on() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1 :bo!b@host PRIVMSG #lobby :hello");
    link.act(Client::disconnect);
    link.broken("closed");
    assert_eq!(*link.client.state(), State::Idle);
    assert_eq!(link.texts("#lobby"), ["hello"]);
    link.take_sent();
    link.act(Client::connect);
    link.sign_in(ALL_CAPS);
    assert!(link.is_online());
}

#[test]
fn a_wrong_certificate_stops() {
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.act(|c, now| {
        let failure = ConnectFailure::Certificate { reason: "unknown issuer".into(), fingerprint: None };
        c.handle_connect_failed(now, failure);
    });
    assert!(matches!(link.client.state(), State::Stopped(StopReason::Certificate { .. })));
    assert_eq!(link.take_sent(), [""; 0]);
}
