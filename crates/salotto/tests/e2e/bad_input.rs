//! What no client should send: it is answered, the same connection goes on, and nobody else notices.

use std::fs;
use std::time::{Duration, Instant};

use crate::irc::Irc;
use crate::support::Server;

/// What is sent, and the answer, if there is any.
const TABLE: &[(&str, &[u8], Option<&str>)] = &[
    ("a command that does not exist", b"DANCE #lobby\r\n", Some("421 anna DANCE :Unknown command")),
    (
        "invalid UTF-8",
        b"PRIVMSG #lobby :caf\xE8\r\n",
        Some("FAIL * INVALID_UTF8 :Message rejected, your client must use UTF-8"),
    ),
    (
        "an overlong form of a slash",
        b"PRIVMSG #lobby :\xC0\xAF\r\n",
        Some("FAIL * INVALID_UTF8 :Message rejected, your client must use UTF-8"),
    ),
    (
        "a surrogate",
        b"PRIVMSG #lobby :\xED\xA0\x80\r\n",
        Some("FAIL * INVALID_UTF8 :Message rejected, your client must use UTF-8"),
    ),
    ("a NUL", b"PRIVMSG #lobby :a\0b\r\n", None),
    ("a bare CR", b"PRIVMSG #lobby :a\rQUIT\r\n", None),
    ("nothing", b"\r\n\n\r\n", None),
    ("spaces", b"     \r\n", None),
    ("a source alone", b":anna\r\n", None),
    ("tags alone", b"@a=b;c\r\n", None),
    ("a colon for a command", b": :\r\n", None),
    ("an empty target", b"PRIVMSG  :\r\n", Some("411 anna :No recipient given (PRIVMSG)")),
    ("no target", b"PRIVMSG\r\n", Some("411 anna :No recipient given (PRIVMSG)")),
    ("no text", b"PRIVMSG #lobby\r\n", Some("412 anna :No text to send")),
    ("nobody", b"PRIVMSG nobody :hello\r\n", Some("401 anna nobody :No such nick")),
    ("too few parameters", b"KICK #lobby\r\n", Some("461 anna KICK :Not enough parameters")),
    ("USER again", b"USER a 0 * :a\r\n", Some("462 anna :You may not reregister")),
    ("PASS too late", b"PASS x\r\n", Some("462 anna :You may not reregister")),
    ("a mode that does not exist", b"MODE anna +Z\r\n", Some("501 anna :Unknown MODE flag")),
    ("control characters for a room", b"JOIN #\x01\x02\r\n", Some("476 anna #\x01\x02 :Bad Channel Mask")),
    ("nothing for a room", b"JOIN #\r\n", Some("403 anna # :No such channel")),
    (
        "a bad time",
        b"CHATHISTORY BEFORE #lobby timestamp=yesterday 10\r\n",
        Some("FAIL CHATHISTORY INVALID_PARAMS BEFORE :Invalid parameters"),
    ),
    ("half of SASL", b"AUTHENTICATE !!!!\r\n", Some("904 anna :Ask for the sasl capability first")),
];

#[test]
fn mission_20_bad_input_harms_neither_the_connection_nor_anybody_else() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut anna = Irc::sign_in(&server, "anna", "");
    witness.expect_next("anna JOIN #lobby");
    for (what, bytes, answer) in TABLE {
        anna.send_bytes(bytes);
        let answers = anna.settle();
        assert_eq!(answers, answer.as_slice(), "after {what}");
        witness.notices_nothing();
        anna.send("PRIVMSG #lobby :as if nothing had been");
        witness.expect_next("anna PRIVMSG #lobby :as if nothing had been");
    }
}

#[test]
fn mission_20_lines_and_tags_that_are_too_long_are_refused_whole() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "message-tags");
    let mut anna = Irc::sign_in(&server, "anna", "message-tags echo-message");
    witness.expect_next("anna JOIN #lobby");
    // 510 bytes and CR LF is what a line may have, as others see it: with `:anna!user@host ` before it.
    let longest = 510 - "PRIVMSG #lobby :".len();
    let [fits, too_long_for_others, too_long] =
        [longest - 100, longest - 6, longest + 1].map(|len| "x".repeat(len));
    let tags_fit = format!("@+a={}", "t".repeat(4090 - "+a=".len()));
    let tags_too_long = format!("@+a={}", "t".repeat(4095 - "+a=".len()));
    for (line, refused) in [
        (format!("PRIVMSG #lobby :{fits}"), false),
        (format!("PRIVMSG #lobby :{too_long_for_others}"), true),
        (format!("PRIVMSG #lobby :{too_long}"), true),
        (format!("PRIVMSG #lobby :{}", "è".repeat(5_000)), true),
        (format!("{tags_fit} PRIVMSG #lobby :{fits}"), false),
        (format!("{tags_too_long} PRIVMSG #lobby :short"), true),
        ("x".repeat(20_000), true),
    ] {
        anna.send(&line);
        if refused {
            anna.expect_next("417 anna :Input line was too long");
            anna.notices_nothing();
            witness.notices_nothing();
        } else {
            anna.expect_next(&format!("anna PRIVMSG #lobby :{fits}"));
            witness.expect_next(&format!("anna PRIVMSG #lobby :{fits}"));
        }
    }
}

/// The most memory a process has had, in KiB.
fn memory_max_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn mission_20_ten_megabytes_without_a_line_end_take_no_memory() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut anna = Irc::sign_in(&server, "anna", "");
    witness.expect_next("anna JOIN #lobby");
    let before = memory_max_kib(server.id());
    let block = vec![b'x'; 64 * 1024];
    for _ in 0..160 {
        anna.send_bytes(&block);
    }
    anna.send("");
    anna.expect_next("417 anna :Input line was too long");
    anna.notices_nothing();
    let grown = memory_max_kib(server.id()) - before;
    assert!(grown < 4 * 1024, "the server has grown by {grown} KiB");
    anna.send("PRIVMSG #lobby :that was long");
    witness.expect_next("anna PRIVMSG #lobby :that was long");
}

#[test]
fn mission_20_a_flood_is_slowed_down_and_loses_nothing() {
    let server = Server::setup()
        .option("--lang", "en")
        .variable("SALOTTO_LIMITS_FLOOD_BURST", "20")
        .variable("SALOTTO_LIMITS_FLOOD_PER_SECOND", "100")
        .start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut bruno = Irc::sign_in(&server, "bruno", "");
    let mut anna = Irc::sign_in(&server, "anna", "");
    witness.until("anna", |line| line == "anna JOIN #lobby");
    let begin = Instant::now();
    let flood: String = (0..300).map(|number| format!("PRIVMSG #lobby :word {number}\r\n")).collect();
    anna.send_bytes(flood.as_bytes());
    witness.expect_next("anna PRIVMSG #lobby :word 0");
    bruno.send("PRIVMSG #lobby :I do not wait");
    let mut overtaken = None;
    let mut number = 1;
    while number < 300 {
        match witness.next() {
            line if line == format!("anna PRIVMSG #lobby :word {number}") => number += 1,
            line if line == "bruno PRIVMSG #lobby :I do not wait" => overtaken = Some(number),
            line => panic!("{line} instead of word {number}"),
        }
    }
    let overtaken = overtaken.expect("bruno waits for the end of the flood");
    assert!(overtaken < 200, "bruno waits for {overtaken} lines of the flood");
    // The first twenty pass at once, the others at a hundred a second.
    assert!(begin.elapsed() > Duration::from_millis(2_500), "it took only {:?}", begin.elapsed());
}

#[test]
fn mission_20_whoever_is_slowed_down_is_not_taken_for_dead() {
    let server = Server::setup()
        .option("--lang", "en")
        .variable("SALOTTO_LIMITS_FLOOD_BURST", "10")
        .variable("SALOTTO_LIMITS_FLOOD_PER_SECOND", "20")
        .variable("SALOTTO_LIMITS_PING_SECONDS", "1")
        .variable("SALOTTO_LIMITS_DROP_SECONDS", "2")
        .start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut anna = Irc::sign_in(&server, "anna", "");
    witness.until("anna", |line| line == "anna JOIN #lobby");
    // More seconds than the server waits for a sign of life.
    let flood: String = (0..100).map(|number| format!("PRIVMSG #lobby :word {number}\r\n")).collect();
    anna.send_bytes(flood.as_bytes());
    for number in 0..100 {
        witness.expect_next(&format!("anna PRIVMSG #lobby :word {number}"));
    }
    anna.settle();
}
