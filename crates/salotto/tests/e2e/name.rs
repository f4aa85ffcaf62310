//! Names: each belongs to one person at a time.

use crate::irc::Irc;
use crate::support::Server;

#[test]
fn mission_10_a_name_that_is_taken_or_not_valid_is_refused_and_the_connection_goes_on() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", "");
    let mut second = Irc::connect(&server, "the second anna");
    second.send("NICK anna");
    second.send("USER anna 0 * :anna");
    second.expect_next("433 * anna :Nickname is already in use");
    for (name, refusal) in [
        ("ANNA", "433 * ANNA :Nickname is already in use"),
        ("аnna", "433 * аnna :Nickname looks too much like anna"),
        ("4nna", "432 * 4nna :A name cannot start with a digit or a sign"),
        ("an#na", "432 * an#na :Letters, digits, - and _ only"),
        (&"a".repeat(33), &format!("432 * {} :The name is too long", "a".repeat(33))),
        (":", "431 * :No nickname given"),
    ] {
        second.send(&format!("NICK {name}"));
        second.expect_next(refusal);
    }
    second.send("NICK bruno");
    second.welcomed();
    anna.expect_next("bruno JOIN #lobby");

    // Later, too: the old name stays until a new one is accepted.
    second.send("NICK anna");
    second.expect_next("433 bruno anna :Nickname is already in use");
    second.send("PRIVMSG #lobby :still me");
    anna.expect_next("bruno PRIVMSG #lobby :still me");
    second.send("NICK dario");
    second.expect_next("bruno NICK dario");
    anna.expect_next("bruno NICK dario");
}

#[test]
fn mission_11_a_name_is_free_the_moment_its_owner_has_left() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    for round in 0..40 {
        let mut anna = Irc::sign_in(&server, "anna", "");
        witness.expect_next("anna JOIN #lobby");
        if round % 2 == 0 {
            anna.send("QUIT :back soon");
            // The end of the connection is all that the owner sees; from here on the name is free.
            anna.into_client().rest();
            Irc::sign_in(&server, "anna", "").send("QUIT :that was it");
            witness.expect_next("anna QUIT :Quit: back soon");
            witness.expect_next("anna JOIN #lobby");
            witness.expect_next("anna QUIT :Quit: that was it");
        } else {
            anna.into_client().reset();
            // Whoever has read of the leave can have the name.
            witness.expect_next("anna QUIT :Connection lost: connection reset");
        }
    }
    let mut anna = Irc::sign_in(&server, "anna", "");
    anna.send("NICK annamaria");
    anna.expect_next("anna NICK annamaria");
    Irc::sign_in(&server, "anna", "");
}

#[test]
fn what_is_sent_along_with_the_name_waits_until_the_name_is_accepted() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    for _ in 0..20 {
        let mut hasty = Irc::connect(&server, "somebody hasty");
        hasty.send_bytes(
            b"NICK witness\r\nUSER h 0 * :h\r\nNICK hasty\r\nPRIVMSG #lobby :in one go\r\nQUIT :done\r\n",
        );
        hasty.expect("433 * witness :Nickname is already in use");
        witness.expect_next("hasty JOIN #lobby");
        witness.expect_next("hasty PRIVMSG #lobby :in one go");
        witness.expect_next("hasty QUIT :Quit: done");
    }
}
