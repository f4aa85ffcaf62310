//! Coming back after a connection was lost.

use crate::irc::{Irc, short, tag, text};
use crate::support::Server;

const CAPABILITIES: &str =
    "salotto.chat/resume draft/chathistory batch message-tags server-time echo-message standard-replies";

/// Signs in and gives the token for coming back.
fn sign_in(server: &Server, name: &str) -> (Irc, String) {
    let mut irc = Irc::connect(server, name);
    irc.ask_for(CAPABILITIES);
    irc.introduce(name);
    let line = irc.until("a token", |line| line.starts_with("RESUME TOKEN "));
    irc.settle();
    let token = short(&line).rsplit_once(' ').expect("three words").1.to_owned();
    (irc, token)
}

/// Comes back with a token, up to the welcome.
fn come_back(server: &Server, name: &str, token: &str) -> Irc {
    let mut irc = Irc::connect(server, &format!("{name}, back"));
    irc.ask_for(CAPABILITIES);
    irc.send(&format!("RESUME {token}"));
    irc.introduce(name);
    irc
}

#[test]
fn mission_18_coming_back_while_the_old_connection_is_half_open_is_seen_by_nobody() {
    let server = Server::english().start();
    let mut bruno = Irc::sign_in(&server, "bruno", "");
    let (mut old, token) = sign_in(&server, "anna");
    old.join("#tea");
    bruno.join("#tea");
    bruno.settle();
    bruno.send("PRIVMSG #tea :seen");
    let seen = old.expect("bruno PRIVMSG #tea :seen");
    let seen = tag(&seen, "msgid").expect("an id");

    // From here on nothing reaches anna, and the server does not know it yet.
    bruno.send("PRIVMSG #tea :missed");
    bruno.send("PRIVMSG #tea :missed too");
    bruno.settle();

    let mut anna = come_back(&server, "anna", &token);
    anna.until("the welcome", |line| line.starts_with("001 anna "));
    anna.expect("anna JOIN #lobby");
    anna.expect("anna JOIN #tea");
    anna.settle();
    bruno.notices_nothing();
    let missed = anna.history(&format!("AFTER #tea msgid={seen} 100"));
    assert_eq!(missed.iter().map(|line| text(line)).collect::<Vec<_>>(), ["missed", "missed too"]);

    anna.send("PRIVMSG #tea :here I am");
    bruno.expect_next("anna PRIVMSG #tea :here I am");
    let rest = old.into_client().rest();
    assert_eq!(
        rest.last().map(String::as_str),
        Some("ERROR :Closing connection: replaced by a newer connection")
    );
    bruno.notices_nothing();
    anna.send("QUIT :now I go");
    bruno.expect_next("anna QUIT :Quit: now I go");
}

#[test]
fn mission_18_what_is_sent_again_after_coming_back_is_seen_once() {
    let server = Server::english().start();
    let mut bruno = Irc::sign_in(&server, "bruno", "message-tags");
    let (mut old, token) = sign_in(&server, "anna");
    let (mut line, mut id) = (String::new(), String::new());
    for number in 0..3 {
        line = format!("@+salotto.chat/token=token-{number} PRIVMSG #lobby :word {number}");
        old.send(&line);
        let echo = old.expect(&format!("anna PRIVMSG #lobby :word {number}"));
        assert_eq!(tag(&echo, "+salotto.chat/token"), Some(&*format!("token-{number}")));
        id = tag(&echo, "msgid").expect("an id").to_owned();
        bruno.expect(&format!("anna PRIVMSG #lobby :word {number}"));
    }

    // The last receipt did not arrive: it is said again, over another connection.
    let mut anna = come_back(&server, "anna", &token);
    anna.welcomed();
    anna.send(&line);
    let echo = anna.expect_next("anna PRIVMSG #lobby :word 2");
    assert_eq!(tag(&echo, "msgid"), Some(&*id), "the receipt of what was said before");
    bruno.notices_nothing();
    anna.send("@+salotto.chat/token=token-3 PRIVMSG #lobby :word 3");
    anna.expect_next("anna PRIVMSG #lobby :word 3");
    bruno.expect_next("anna PRIVMSG #lobby :word 3");
    let kept = anna.history("LATEST #lobby * 100");
    assert_eq!(
        kept.iter().map(|line| text(line)).collect::<Vec<_>>(),
        ["word 0", "word 1", "word 2", "word 3"]
    );
    assert_eq!(tag(&kept[2], "+salotto.chat/token"), Some("token-2"));
    // A token is one person's own.
    bruno.send("@+salotto.chat/token=token-3 PRIVMSG #lobby :mine");
    anna.expect("bruno PRIVMSG #lobby :mine");
}

#[test]
fn mission_18_a_token_that_is_not_known_any_more_changes_nothing_else() {
    let server = Server::english().start();
    let mut bruno = Irc::sign_in(&server, "bruno", "");
    let (old, token) = sign_in(&server, "anna");
    bruno.expect_next("anna JOIN #lobby");
    old.into_client().reset();
    bruno.expect_next("anna QUIT :Connection lost: connection reset");
    for token in [&*token, "nonsense"] {
        let mut anna = come_back(&server, "anna", token);
        anna.expect("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
        anna.welcomed();
        bruno.expect_next("anna JOIN #lobby");
        anna.send("QUIT");
        anna.into_client().rest();
        bruno.expect_next("anna QUIT :Quit");
    }
}

#[test]
fn mission_18_without_the_token_the_old_name_is_taken_until_the_server_notices() {
    let server = Server::english().start();
    let (_old, _) = sign_in(&server, "anna");
    let mut anna = come_back(&server, "anna", &"0".repeat(64));
    anna.expect("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
    anna.expect("433 * anna :Nickname is already in use");
    anna.send("NICK anna2");
    anna.welcomed();
}
