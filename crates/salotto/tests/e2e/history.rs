//! `CHATHISTORY`: every way of asking, page by page.

use std::collections::BTreeSet;

use crate::irc::{Irc, short, tag, text};
use crate::support::Server;

const CAPABILITIES: &str = "draft/chathistory batch message-tags server-time echo-message standard-replies";

fn texts(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| text(line)).collect()
}

fn words(numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|number| format!("word {number}")).collect()
}

/// A room with 250 words in it, by somebody who knows their ids and times.
fn room_full_of_words(server: &Server) -> (Irc, Vec<(String, String)>) {
    let mut anna = Irc::sign_in(server, "anna", CAPABILITIES);
    anna.join("#tea");
    for number in 0..250 {
        anna.send(&format!("PRIVMSG #tea :word {number}"));
    }
    let marks = (0..250)
        .map(|number| {
            let line = anna.expect_next(&format!("anna PRIVMSG #tea :word {number}"));
            let mark = |key| tag(&line, key).expect("a tag").to_owned();
            (mark("msgid"), mark("time"))
        })
        .collect();
    (anna, marks)
}

#[test]
fn mission_18_every_page_of_history_can_be_asked_for() {
    let server = Server::english().start();
    let (mut anna, marks) = room_full_of_words(&server);
    let id = |number: usize| format!("msgid={}", marks[number].0);
    for (request, expected) in [
        ("LATEST #tea * 10".to_owned(), words(240..250)),
        ("LATEST #tea * 5000".to_owned(), words(150..250)),
        (format!("LATEST #tea {} 100", id(244)), words(245..250)),
        (format!("LATEST #tea {} 3", id(100)), words(247..250)),
        (format!("BEFORE #tea {} 10", id(100)), words(90..100)),
        (format!("BEFORE #tea {} 10", id(4)), words(0..4)),
        (format!("BEFORE #tea {} 10", id(0)), Vec::new()),
        (format!("AFTER #tea {} 10", id(100)), words(101..111)),
        (format!("AFTER #tea {} 10", id(245)), words(246..250)),
        (format!("AFTER #tea {} 10", id(249)), Vec::new()),
        (format!("AROUND #tea {} 5", id(100)), words(98..103)),
        (format!("BETWEEN #tea {} {} 100", id(10), id(20)), words(11..20)),
        (format!("BETWEEN #tea {} {} 3", id(10), id(20)), words(11..14)),
        (format!("BETWEEN #tea {} {} 3", id(20), id(10)), words(17..20)),
        ("AFTER #tea timestamp=1999-12-31T23:59:59.999Z 2".to_owned(), words(0..2)),
        ("BEFORE #tea timestamp=2999-12-31T23:59:59.999Z 2".to_owned(), words(248..250)),
        ("LATEST #TEA * 1".to_owned(), words(249..250)),
        ("LATEST #tea * 0".to_owned(), Vec::new()),
    ] {
        assert_eq!(texts(&anna.history(&request)), expected, "{request}");
    }
    // By time: whatever has another time than the one asked for.
    let time = &marks[100].1;
    let before: Vec<usize> = (0..250).filter(|&number| marks[number].1 < *time).collect();
    let page = anna.history(&format!("BEFORE #tea timestamp={time} 100"));
    assert_eq!(texts(&page), words(before.iter().copied().skip(before.len().saturating_sub(100))));

    let all = anna.whole_history("#tea");
    assert_eq!(texts(&all), words(0..250));
    for (line, (id, time)) in all.iter().zip(&marks) {
        assert_eq!((tag(line, "msgid"), tag(line, "time")), (Some(&**id), Some(&**time)));
    }
}

#[test]
fn history_that_is_asked_for_wrongly_is_refused_with_the_reason() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", CAPABILITIES);
    let mut bruno = Irc::sign_in(&server, "bruno", CAPABILITIES);
    anna.join("#tea");
    bruno.settle();
    for (request, refusal) in [
        ("DANCE #tea * 10", "INVALID_PARAMS DANCE :Unknown subcommand"),
        ("LATEST", "NEED_MORE_PARAMS LATEST :Missing parameters"),
        ("LATEST #tea *", "NEED_MORE_PARAMS LATEST :Missing parameters"),
        ("LATEST #tea * many", "INVALID_PARAMS LATEST :Invalid parameters"),
        ("LATEST #tea * -1", "INVALID_PARAMS LATEST :Invalid parameters"),
        ("BEFORE #tea * 10", "INVALID_PARAMS BEFORE :Invalid parameters"),
        ("BETWEEN #tea msgid=1 10", "NEED_MORE_PARAMS BETWEEN :Missing parameters"),
        // A room that one is not in, one that does not exist, and somebody without an account look alike.
        ("LATEST #tea * 10", "INVALID_TARGET LATEST #tea :Messages could not be retrieved"),
        ("LATEST #nowhere * 10", "INVALID_TARGET LATEST #nowhere :Messages could not be retrieved"),
        ("LATEST anna * 10", "INVALID_TARGET LATEST anna :Messages could not be retrieved"),
    ] {
        bruno.send(&format!("CHATHISTORY {request}"));
        bruno.expect_next(&format!("FAIL CHATHISTORY {refusal}"));
    }
}

#[test]
fn mission_18_direct_messages_between_accounts_are_kept_and_the_list_of_conversations_is_told() {
    let server = Server::english().start();
    let capabilities = format!("{CAPABILITIES} draft/account-registration sasl");
    let register = |name: &str| {
        let mut irc = Irc::sign_in(&server, name, &capabilities);
        irc.send("REGISTER * * geheim");
        irc.until("the account", |line| line.starts_with("900 "));
        irc
    };
    let (mut anna, mut bruno, mut carla) = (register("anna"), register("bruno"), register("carla"));
    anna.send("PRIVMSG bruno :between us");
    bruno.expect("anna PRIVMSG bruno :between us");
    bruno.send("PRIVMSG anna :of course");
    anna.expect("bruno PRIVMSG anna :of course");
    anna.send("PRIVMSG #lobby :hello all");
    anna.expect("anna PRIVMSG #lobby :hello all");
    bruno.settle();
    carla.settle();

    let kept = ["anna PRIVMSG bruno :between us", "bruno PRIVMSG anna :of course"];
    for (client, other) in [(&mut anna, "bruno"), (&mut bruno, "anna")] {
        let page = client.history(&format!("LATEST {other} * 100"));
        assert_eq!(page.iter().map(|line| short(line)).collect::<Vec<_>>(), kept);
    }
    assert_eq!(carla.history("LATEST anna * 100"), [""; 0], "a third person reads nothing of it");

    const EVER: &str = "timestamp=2000-01-01T00:00:00.000Z timestamp=2999-01-01T00:00:00.000Z";
    let targets = |client: &mut Irc| -> BTreeSet<String> {
        let lines = client.history(&format!("TARGETS {EVER} 100"));
        lines.iter().map(|line| short(line).split(' ').nth(2).expect("a name").to_owned()).collect()
    };
    assert_eq!(targets(&mut anna), BTreeSet::from(["#lobby".to_owned(), "bruno".to_owned()]));
    assert_eq!(targets(&mut carla), BTreeSet::from(["#lobby".to_owned()]));
}
