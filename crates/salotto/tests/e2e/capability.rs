//! Capabilities of IRCv3, as they look on the wire.

use crate::irc::{ALL_CAPABILITIES, Irc, short, tag};
use crate::support::Server;

#[test]
fn every_capability_can_be_had_and_a_client_without_any_sees_plain_lines() {
    let server = Server::english().start();
    let mut plain = Irc::sign_in(&server, "plain", "");
    let mut anna = Irc::sign_in(&server, "anna", ALL_CAPABILITIES);
    let join = plain.expect_next("anna JOIN #lobby");
    assert!(join.starts_with(":anna!~anna@"), "{join}");
    anna.send("@+typing=active;label=1 PRIVMSG #lobby :hello");
    let said = plain.expect_next("anna PRIVMSG #lobby :hello");
    assert!(said.starts_with(":anna!~anna@"), "{said}");
    anna.send("@+typing=active TAGMSG #lobby");
    anna.settle();
    plain.notices_nothing();

    plain.send("CAP REQ :echo-message tea-message");
    plain.expect_next("CAP plain NAK :echo-message tea-message");
    plain.send("CAP LIST");
    plain.expect_next("CAP plain LIST :cap-notify");
    plain.send("CAP REQ :-cap-notify");
    plain.expect_next("CAP plain NAK :-cap-notify");
}

#[test]
fn labels_come_back_with_one_line_with_a_batch_and_with_nothing() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", "labeled-response batch echo-message message-tags");
    let mut bruno = Irc::sign_in(&server, "bruno", "message-tags");
    anna.settle();

    anna.send("@label=one PRIVMSG #lobby :hello");
    let echo = anna.expect_next("anna PRIVMSG #lobby :hello");
    assert_eq!(tag(&echo, "label"), Some("one"));
    let said = bruno.expect_next("anna PRIVMSG #lobby :hello");
    assert_eq!(tag(&said, "label"), None, "a label is between one client and the server");
    assert_eq!(tag(&said, "msgid"), tag(&echo, "msgid"));

    anna.send("@label=two WHOIS bruno");
    let open = anna.next_raw();
    let name = short(&open)
        .strip_prefix("BATCH +")
        .and_then(|rest| rest.strip_suffix(" labeled-response"))
        .map(str::to_owned);
    let name = name.unwrap_or_else(|| panic!("{open}"));
    assert_eq!(tag(&open, "label"), Some("two"));
    loop {
        let line = anna.next_raw();
        if short(&line) == format!("BATCH -{name}") {
            break;
        }
        assert_eq!(tag(&line, "batch"), Some(&*name), "{line}");
        assert!(short(&line).starts_with('3'), "an answer to WHOIS: {line}");
    }

    anna.send("@label=three PONG x");
    let acknowledged = anna.expect_next("ACK");
    assert_eq!(tag(&acknowledged, "label"), Some("three"));
    anna.send("@label=four PRIVMSG nobody :hello");
    let refused = anna.expect_next("401 anna nobody :No such nick");
    assert_eq!(tag(&refused, "label"), Some("four"));
    anna.send("@label=five JOIN #tea");
    let open = anna.next_raw();
    assert_eq!(tag(&open, "label"), Some("five"), "{open}");
    anna.expect_next("anna JOIN #tea");
}

#[test]
fn answers_keep_the_order_of_their_questions() {
    let server = Server::english().start();
    let mut anna =
        Irc::sign_in(&server, "anna", "labeled-response batch echo-message message-tags draft/chathistory");
    let mut asked = Vec::new();
    for number in 0..60 {
        let command =
            ["PRIVMSG #lobby :x", "PONG x", "LUSERS", "PING x", "CHATHISTORY LATEST #lobby * 5", "DANCE"];
        anna.send(&format!("@label={number} {}", command[number % command.len()]));
        asked.push(number.to_string());
    }
    let mut answered = Vec::new();
    while answered.len() < asked.len() {
        answered.extend(tag(&anna.next_raw(), "label").map(str::to_owned));
    }
    assert_eq!(answered, asked);
}

#[test]
fn messages_carry_their_time_their_account_and_the_marks_of_their_room() {
    let server = Server::english().start();
    let mut plain = Irc::sign_in(&server, "plain", "");
    let mut bruno = Irc::sign_in(
        &server,
        "bruno",
        "server-time account-tag account-notify multi-prefix away-notify message-tags setname",
    );
    let mut anna = Irc::sign_in(&server, "anna", "echo-message draft/account-registration");
    bruno.settle();
    plain.settle();
    anna.send("REGISTER * * geheim");
    anna.until("the account", |line| line.starts_with("900 "));
    bruno.expect_next("anna ACCOUNT anna");
    plain.notices_nothing();

    anna.send("PRIVMSG #lobby :hello");
    anna.expect_next("anna PRIVMSG #lobby :hello");
    let said = bruno.expect_next("anna PRIVMSG #lobby :hello");
    assert_eq!(tag(&said, "account"), Some("anna"));
    let time = tag(&said, "time").expect("a time");
    // 2026-11-20T12:34:56.789Z
    assert!(
        time.len() == 24 && time.starts_with("20") && &time[10..11] == "T" && time.ends_with('Z'),
        "{time}"
    );
    bruno.send("PRIVMSG #lobby :hello anna");
    let said = anna.expect_next("bruno PRIVMSG #lobby :hello anna");
    assert!(said.starts_with(':'), "no tags for whoever asked for none: {said}");
    bruno.notices_nothing();
    plain.settle();

    anna.send("AWAY :out for tea");
    anna.expect_next("306 anna :You have been marked as being away");
    bruno.expect_next("anna AWAY :out for tea");
    bruno.send("PRIVMSG anna :where are you?");
    bruno.expect_next("301 bruno anna :out for tea");
    anna.send("AWAY");
    bruno.expect_next("anna AWAY");
    anna.send("SETNAME :Anna of Trieste");
    bruno.expect_next("anna SETNAME :Anna of Trieste");
    plain.notices_nothing();

    anna.join("#tea");
    bruno.join("#tea");
    plain.join("#tea");
    anna.send("MODE #tea +v anna");
    anna.until("a voice", |line| line == "anna MODE #tea +v anna");
    for (client, name, sign) in [(&mut bruno, "bruno", "@+"), (&mut plain, "plain", "@")] {
        client.settle();
        client.send("NAMES #tea");
        let names = client.next();
        assert!(names.starts_with(&format!("353 {name} = #tea :")), "{names}");
        assert!(names.split([' ', ':']).any(|name| name == format!("{sign}anna")), "{names}");
    }
}
