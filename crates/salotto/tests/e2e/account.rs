//! Accounts with passwords.

use rustix::process::Signal;

use crate::irc::Irc;
use crate::support::Server;

const REGISTRATION: &str = "draft/account-registration sasl standard-replies";

#[test]
fn mission_22_a_registered_name_belongs_to_its_owner_also_after_a_restart() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "account-notify extended-join");
    let mut anna = Irc::sign_in(&server, "anna", REGISTRATION);
    witness.expect_next("anna JOIN #lobby * :anna of the tests");
    anna.send("REGISTER * * geheim");
    anna.expect_next("REGISTER SUCCESS anna :The account is yours");
    anna.until("being logged in", |line| line.starts_with("900 anna anna!~anna@"));
    witness.expect_next("anna ACCOUNT anna");
    anna.send("REGISTER * * geheim2");
    anna.expect_next("FAIL REGISTER ALREADY_AUTHENTICATED * :You are signed in to an account already");
    anna.send("QUIT");
    anna.into_client().rest();
    witness.expect_next("anna QUIT :Quit");

    let server = is_hers(server);
    let ended = server.stop(Signal::TERM);
    is_hers(Server::english().start_in(ended.home));
}

/// Anna's name is refused to guests and to wrong passwords, and given for the right one.
fn is_hers(server: Server) -> Server {
    let mut thief = Irc::connect(&server, "a thief");
    thief.ask_for("sasl");
    thief.introduce("anna");
    thief.expect("433 * anna :Nickname is reserved by a registered account; sign in to use it");
    thief.send("NICK Anna");
    thief.expect("433 * Anna :Nickname is reserved by a registered account; sign in to use it");
    for wrong in ["", "Geheim", "geheim "] {
        thief.authenticate("anna", wrong);
        thief.expect("904 * :SASL authentication failed");
    }
    thief.authenticate("nobody", "geheim");
    thief.expect("904 * :SASL authentication failed");
    // The connection goes on, under another name.
    thief.send("NICK thief");
    thief.welcomed();
    thief.send("NICK anna");
    thief.expect("433 thief anna :Nickname is reserved by a registered account; sign in to use it");

    let mut anna = Irc::connect(&server, "anna");
    anna.ask_for("sasl");
    anna.authenticate("anna", "geheim");
    anna.expect("900 * *!*@* anna :You are now logged in as anna");
    anna.expect("903 * :SASL authentication successful");
    anna.introduce("anna");
    anna.welcomed();
    anna.send("WHOIS anna");
    anna.expect("330 anna anna anna :is logged in as");
    anna.send("QUIT");
    anna.into_client().rest();
    server
}

#[test]
fn mission_22_registering_before_the_end_of_signing_in() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "extended-join");
    let mut anna = Irc::connect(&server, "anna");
    anna.send("CAP LS 302");
    let offered = anna.until("the capabilities", |line| line.starts_with("CAP * LS :"));
    assert!(offered.contains("draft/account-registration=before-connect,custom-account-name"), "{offered}");
    assert!(offered.contains("sasl=PLAIN"), "{offered}");
    anna.ask_for(REGISTRATION);
    anna.send("REGISTER * * geheim");
    anna.expect("FAIL REGISTER NEED_NICK * :Give a NICK first");
    anna.send("NICK anna");
    anna.send("REGISTER * * geheim");
    anna.expect("REGISTER SUCCESS anna :The account is yours");
    anna.introduce("anna");
    anna.welcomed();
    witness.expect_next("anna JOIN #lobby anna :anna of the tests");

    let mut again = Irc::connect(&server, "somebody else");
    again.ask_for(REGISTRATION);
    for (name, refusal) in [
        ("anna", "FAIL REGISTER ACCOUNT_EXISTS anna :An account of that name exists already"),
        ("witness", "FAIL REGISTER USERNAME_IN_USE witness :Somebody is using that name now"),
        ("an#na", "FAIL REGISTER BAD_ACCOUNT_NAME an#na :That is not a valid account name"),
    ] {
        again.send(&format!("REGISTER {name} * geheim"));
        again.expect(refusal);
    }
    again.send(&format!("REGISTER bruno * {}", "x".repeat(480)));
    again.expect("REGISTER SUCCESS bruno :The account is yours");
}

#[test]
fn mission_22_several_sessions_of_one_account_are_one_person() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut first = Irc::sign_in(&server, "anna", REGISTRATION);
    first.send("REGISTER * * geheim");
    first.until("being logged in", |line| line.starts_with("900 "));
    first.join("#tea");
    first.settle();
    witness.settle();

    let mut second = Irc::connect(&server, "anna's telephone");
    second.ask_for("sasl echo-message");
    second.authenticate("anna", "geheim");
    second.introduce("anna");
    second.expect("anna JOIN #lobby");
    second.expect("anna JOIN #tea");
    second.settle();
    witness.notices_nothing();
    witness.send("PRIVMSG anna :psst");
    first.expect_next("witness PRIVMSG anna :psst");
    second.expect_next("witness PRIVMSG anna :psst");
    first.send("PRIVMSG #lobby :from here");
    second.expect_next("anna PRIVMSG #lobby :from here");
    witness.expect_next("anna PRIVMSG #lobby :from here");

    // One goes, and she is still here; then the other.
    first.send("QUIT");
    first.into_client().rest();
    second.notices_nothing();
    witness.notices_nothing();
    second.send("QUIT :good night");
    second.into_client().rest();
    witness.expect_next("anna QUIT :Quit: good night");
}

#[test]
fn mission_22_guessing_ends_after_five_wrong_passwords() {
    let server = Server::english().start();
    let mut thief = Irc::connect(&server, "a thief");
    thief.ask_for("sasl");
    for _ in 0..5 {
        thief.authenticate("anna", "guess");
        thief.expect("904 * :SASL authentication failed");
    }
    assert_eq!(thief.into_client().rest(), ["ERROR :Closing connection: too many wrong passwords"]);
}
