//! Fetching what was missed, without doubles and without pretending.

use salotto_client::{Client, Event, MessageKind, Options, RowKind};

use crate::link::{ALL_CAPS, Link, options};

fn line(id: usize) -> String {
    format!(
        "@msgid={id};time=2026-11-20T20:{:02}:{:02}.000Z :bo!b@host PRIVMSG #lobby :{id}",
        id / 60 % 60,
        id % 60
    )
}

fn page(ids: std::ops::Range<usize>) -> Vec<String> {
    ids.map(line).collect()
}

fn answer(link: &mut Link, ids: std::ops::Range<usize>) {
    let lines = page(ids);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    link.answer_history("#lobby", &lines);
}

/// Loses the connection after message 1 and comes back into the lobby.
fn come_back() -> Link {
    let mut link = Link::in_lobby();
    link.says(&line(1));
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    let sent = link.take_sent();
    assert!(sent.iter().any(|l| l.starts_with("CHATHISTORY TARGETS timestamp=")), "{sent:?}");
    link.says("BATCH +t draft/chathistory-targets");
    link.says("BATCH -t");
    link.says(":anna!a@host JOIN #lobby");
    link.take_events();
    link
}

fn asked(link: &mut Link) -> Vec<String> {
    link.take_sent().into_iter().filter(|l| l.starts_with("CHATHISTORY")).collect()
}

#[test]
fn what_was_missed_is_fetched_once() {
    let mut link = come_back();
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=1 100"]);
    link.says(&line(4));
    answer(&mut link, 2..5);
    assert_eq!(link.texts("#lobby"), ["1", "2", "3", "4"]);
    assert!(link.take_events().contains(&Event::Reconnected { new_messages: 2 }));
    assert_eq!(asked(&mut link), [""; 0]);
    assert_eq!(link.client.conversation("#lobby").unwrap().unread(), 4);
}

#[test]
fn where_nothing_had_been_said_everything_since_coming_in_was_missed() {
    for history_on_join in [true, false] {
        let mut link = Link::new(Options { history_on_join, ..options("anna") });
        link.act(Client::connect);
        link.sign_in(ALL_CAPS);
        link.says("@time=2026-11-20T19:59:58.000Z :anna!a@host JOIN #lobby");
        link.answer_history("#lobby", &[]);
        for lost in 0..2 {
            link.broken("connection reset");
            link.pass_ms(2400);
            link.sign_in(ALL_CAPS);
            link.says("BATCH +t draft/chathistory-targets");
            link.says("BATCH -t");
            link.take_sent();
            link.take_events();
            link.says(&format!("@time=2026-11-20T20:00:0{lost}.000Z :anna!a@host JOIN #lobby"));
            let since = "CHATHISTORY AFTER #lobby timestamp=2026-11-20T19:59:58.000Z 100";
            assert_eq!(asked(&mut link), [since]);
            if lost == 0 {
                link.answer_history("#lobby", &[]);
                assert!(link.take_events().contains(&Event::Reconnected { new_messages: 0 }));
            }
        }
        answer(&mut link, 1..101);
        assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=100 100"]);
        answer(&mut link, 101..103);
        assert_eq!(link.texts("#lobby").len(), 102);
        assert!(link.take_events().contains(&Event::Reconnected { new_messages: 102 }));
    }
}

#[test]
fn many_pages_are_fetched_and_the_rest_is_marked_as_missing() {
    let mut link = come_back();
    for n in 0..10 {
        assert_eq!(asked(&mut link), [format!("CHATHISTORY AFTER #lobby msgid={} 100", 1 + n * 100)]);
        answer(&mut link, 2 + n * 100..102 + n * 100);
    }
    assert_eq!(asked(&mut link), ["CHATHISTORY LATEST #lobby * 100"]);
    answer(&mut link, 1300..1400);
    let texts = link.texts("#lobby");
    let gap = texts.iter().position(|t| t == "…").expect("a gap");
    assert_eq!((texts[gap - 1].as_str(), texts[gap + 1].as_str()), ("1001", "1300"));
    assert!(link.take_events().iter().any(|e| matches!(e, Event::Reconnected { new_messages: 1100 })));

    link.act(|c, now| c.load_gap(now, "#lobby", "1001"));
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=1001 100"]);
    answer(&mut link, 1002..1102);
    let texts = link.texts("#lobby");
    let gap = texts.iter().position(|t| t == "…").expect("still a gap");
    assert_eq!(texts[gap - 1], "1101");
    link.act(|c, now| c.load_gap(now, "#lobby", "1101"));
    answer(&mut link, 1102..1202);
    link.act(|c, now| c.load_gap(now, "#lobby", "1201"));
    answer(&mut link, 1202..1302);
    let texts = link.texts("#lobby");
    assert!(!texts.contains(&"…".to_owned()));
    assert_eq!(texts.len(), 1399);
}

#[test]
fn a_connection_lost_while_catching_up_leaves_no_hole() {
    let mut link = come_back();
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=1 100"]);
    link.says(&line(4));
    link.broken("connection reset");
    assert_eq!(link.texts("#lobby"), ["1", "…", "4", "…"]);
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.take_sent();
    link.says("BATCH +t draft/chathistory-targets");
    link.says("BATCH -t");
    link.says(":anna!a@host JOIN #lobby");
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=1 100"]);
    answer(&mut link, 2..6);
    assert_eq!(link.texts("#lobby"), ["1", "2", "3", "4", "5"]);
}

#[test]
fn where_no_history_is_answered_a_gap_is_shown() {
    let mut link = come_back();
    link.says(&line(4));
    link.says("FAIL CHATHISTORY MESSAGE_ERROR AFTER #lobby :try later");
    assert_eq!(asked(&mut link).last().unwrap(), "CHATHISTORY LATEST #lobby * 100");
    link.says("FAIL CHATHISTORY MESSAGE_ERROR LATEST #lobby :try later");
    assert_eq!(link.texts("#lobby"), ["1", "…", "4"]);
}

#[test]
fn no_gap_is_claimed_where_nothing_is_missing() {
    let mut link = come_back();
    for n in 0..10 {
        answer(&mut link, 2 + n * 100..102 + n * 100);
    }
    answer(&mut link, 951..1051);
    let texts = link.texts("#lobby");
    assert_eq!(texts.len(), 1050);
    assert!(!texts.contains(&"…".to_owned()));
}

#[test]
fn a_silent_server_does_not_hold_up_the_rest() {
    let mut link = come_back();
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=1 100"]);
    for last in [false, true] {
        link.pass_busy_ms(15_000);
        link.act(|c, now| c.send(now, "#lobby", MessageKind::Text, "hello"));
        let sent = link.take_sent();
        assert!(sent.iter().any(|l| l.ends_with("PRIVMSG #lobby :hello") || last), "{sent:?}");
        link.answer_pings(&sent);
        assert_eq!(asked(&mut link).last().is_some_and(|l| l == "CHATHISTORY LATEST #lobby * 100"), !last);
    }
    assert!(link.take_events().iter().any(|e| matches!(e, Event::Reconnected { new_messages: 0 })));
}

#[test]
fn a_refused_reference_is_shown_as_a_gap() {
    let mut link = come_back();
    link.says("FAIL CHATHISTORY INVALID_MSGREFTYPE AFTER #lobby :No such message");
    answer(&mut link, 50..60);
    assert_eq!(link.texts("#lobby")[..3], ["1", "…", "50"]);
}

#[test]
fn older_pages_are_put_before_until_there_are_none() {
    let link = Link::in_lobby();
    assert!(
        link.client.conversation("#lobby").unwrap().timeline().start_reached(),
        "the first page was empty"
    );
    let mut link = Link::new(options("anna"));
    link.act(Client::connect);
    link.sign_in(ALL_CAPS);
    link.says(":anna!a@host JOIN #lobby");
    assert_eq!(asked(&mut link), ["CHATHISTORY LATEST #lobby * 50"]);
    answer(&mut link, 500..501);
    assert!(link.act(|c, now| c.load_before(now, "#lobby")));
    assert_eq!(asked(&mut link), ["CHATHISTORY BEFORE #lobby msgid=500 100"]);
    assert!(link.act(|c, now| c.load_before(now, "#lobby")), "asked for once");
    assert_eq!(asked(&mut link), [""; 0]);
    answer(&mut link, 498..500);
    assert_eq!(link.texts("#lobby"), ["498", "499", "500"]);
    assert_eq!(link.client.conversation("#lobby").unwrap().unread(), 0, "old messages are not news");
    assert!(link.act(|c, now| c.load_before(now, "#lobby")));
    answer(&mut link, 0..0);
    assert!(link.client.conversation("#lobby").unwrap().timeline().start_reached());
    assert!(!link.act(|c, now| c.load_before(now, "#lobby")));
}

#[test]
fn who_wrote_directly_while_away_is_found() {
    let mut link = Link::in_lobby();
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.says("BATCH +t draft/chathistory-targets");
    link.says("@batch=t CHATHISTORY TARGETS #lobby 2026-11-20T20:00:01.000Z");
    link.says("@batch=t CHATHISTORY TARGETS bo 2026-11-20T20:00:01.000Z");
    link.take_sent();
    link.says("BATCH -t");
    assert_eq!(asked(&mut link), ["CHATHISTORY LATEST bo * 50"]);
    link.answer_history(
        "bo",
        &["@msgid=1;time=2026-11-20T20:00:01.000Z :bo!b@host PRIVMSG anna :are you there?"],
    );
    assert_eq!(link.texts("bo"), ["are you there?"]);
}

#[test]
fn a_hostile_server_cannot_make_the_client_panic_or_hoard() {
    let mut link = Link::in_lobby();
    for n in 0..100 {
        link.says(&format!("BATCH +{n} chathistory #lobby"));
    }
    for n in 0..3000 {
        link.says(&format!("@batch=1;msgid={n} :bo!b@host PRIVMSG #lobby :{n}"));
    }
    link.says("BATCH -1");
    for line in [
        "BATCH",
        "BATCH +",
        "BATCH -",
        "BATCH x",
        "@batch=zz PRIVMSG #lobby :x",
        "PRIVMSG",
        ":bo PRIVMSG #lobby",
        "JOIN",
        ":anna JOIN",
        "353 anna",
        "353 anna = #lobby",
        "366",
        "001",
        "005",
        "433",
        "332 anna",
        "KICK #lobby",
        "NICK",
        ":anna NICK :",
        "MODE #lobby +o",
        "MODE",
        "TOPIC",
        "CAP",
        "CAP * LS",
        "CAP * ACK",
        "RESUME",
        "RESUME TOKEN",
        "MARKREAD",
        "MARKREAD #lobby timestamp=x",
        "FAIL",
        "FAIL CHATHISTORY",
        "FAIL CHATHISTORY X",
        "FAIL PRIVMSG X Y",
        "ACK",
        "@label=m999 ACK",
        "PONG",
        "PONG :s999",
        "PONG :t",
        "PING",
        "ERROR",
        "INVITE",
        "QUIT",
        ":bo QUIT",
        "\u{0}",
        "AUTHENTICATE +",
        "REGISTER SUCCESS",
        "AWAY",
        ":bo AWAY",
        "ACCOUNT",
        "322 anna",
        "322 anna #x many :t",
    ] {
        link.says(line);
    }
    let rows = link.client.conversation("#lobby").unwrap().timeline().rows();
    let messages = rows.iter().filter(|r| matches!(r.kind, RowKind::Message(_))).count();
    assert!(messages <= 1001, "{messages}");
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let at_once =
        |id: &str| format!("@msgid={id};time=2026-11-20T20:00:00.000Z :bo!b@host PRIVMSG #lobby :{id}");
    let mut link = Link::in_lobby();
    for id in ["a", "d"] {
        link.says(&at_once(id));
    }
    link.act(|c, now| c.load_gap(now, "#lobby", "a"));
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=a 100"]);
    link.pass_busy_ms(15_000);
    link.act(|c, now| c.load_gap(now, "#lobby", "d"));
    let sent = link.take_sent();
    link.answer_history("#lobby", &[&at_once("b"), &at_once("c")]);
    assert_eq!(link.texts("#lobby"), ["a", "b", "c", "d"]);
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER #lobby msgid=d 100"]);
    link.answer_pings(&sent);
    link.answer_history("#lobby", &[&at_once("e")]);
    assert_eq!(link.texts("#lobby"), ["a", "b", "c", "d", "e"]);
}

#[test]
fn what_was_said_to_us_meanwhile_is_fetched_from_where_we_were() {
    // The server's clock is an hour behind.
    let from_bo =
        |n: usize| format!("@msgid=d{n};time=2026-11-20T19:00:0{n}.000Z :bo!b@host PRIVMSG anna :d{n}");
    let mut link = Link::in_lobby();
    link.says(&from_bo(1));
    link.broken("connection reset");
    link.pass_ms(2400);
    link.up();
    link.offer(ALL_CAPS);
    link.says(&from_bo(3));
    link.welcome();
    let targets = asked(&mut link);
    assert!(targets[0].starts_with("CHATHISTORY TARGETS timestamp=2026-11-20T18:59:01.000Z "), "{targets:?}");
    link.says(&from_bo(4));
    link.says("BATCH +t draft/chathistory-targets");
    link.says("@batch=t CHATHISTORY TARGETS bo 2026-11-20T19:00:03.000Z");
    link.says("BATCH -t");
    assert_eq!(asked(&mut link), ["CHATHISTORY AFTER bo msgid=d1 100"]);
    link.answer_history("bo", &[&from_bo(2), &from_bo(3), &from_bo(4)]);
    assert_eq!(link.texts("bo"), ["d1", "d2", "d3", "d4"]);
}

#[test]
fn where_nobody_says_who_wrote_meanwhile_a_gap_is_shown() {
    let from_bo =
        |n: usize| format!("@msgid=d{n};time=2026-11-20T20:00:0{n}.000Z :bo!b@host PRIVMSG anna :d{n}");
    let mut link = Link::in_lobby();
    link.says(&from_bo(1));
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(ALL_CAPS);
    link.says(&from_bo(3));
    link.says("FAIL CHATHISTORY MESSAGE_ERROR TARGETS :try later");
    assert_eq!(link.texts("bo"), ["d1", "…", "d3"]);
}
