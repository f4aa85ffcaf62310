//! Devices of accounts: a password once, then a token; and signing a device out from another.

use rustix::process::Signal;

use crate::irc::{Irc, short};
use crate::support::{Ended, Server};

const CAPABILITIES: &str =
    "salotto.chat/resume draft/account-registration sasl standard-replies extended-join";

/// The token in the next `RESUME TOKEN`.
fn token(irc: &mut Irc) -> String {
    let line = irc.until("a token", |line| line.starts_with("RESUME TOKEN "));
    short(&line).rsplit_once(' ').expect("three words").1.to_owned()
}

/// The part of a token that is the device's.
fn stem(token: &str) -> &str {
    token.split_once('.').expect("two parts").0
}

/// Somebody new with an account of that name, and the token of their device.
fn sign_up(server: &Server, name: &str) -> (Irc, String) {
    let mut irc = Irc::sign_in(server, name, CAPABILITIES);
    irc.send("REGISTER * * geheim");
    let token = token(&mut irc);
    (irc, token)
}

/// A further device of an account, by its password.
fn sign_in(server: &Server, name: &str, about: &str) -> (Irc, String) {
    let mut irc = Irc::connect(server, about);
    irc.ask_for(CAPABILITIES);
    irc.send(&format!("RESUME AS :{about}"));
    irc.authenticate(name, "geheim");
    irc.introduce(name);
    let token = token(&mut irc);
    irc.settle();
    (irc, token)
}

/// Shows a token on a new connection.
fn show(server: &Server, who: &str, token: &str) -> Irc {
    let mut irc = Irc::connect(server, who);
    irc.ask_for(CAPABILITIES);
    irc.send(&format!("RESUME {token}"));
    irc
}

/// Comes back with a token that is good, and nothing else.
fn come_back(server: &Server, name: &str, token: &str) -> (Irc, String) {
    let mut irc = show(server, &format!("{name}, back"), token);
    irc.expect_next(&format!("900 * *!*@* {name} :You are now logged in as {name}"));
    irc.introduce(name);
    let next = self::token(&mut irc);
    irc.settle();
    (irc, next)
}

/// The devices of a session's account, each without its id and times.
fn devices(irc: &mut Irc) -> Vec<(String, String)> {
    irc.send("RESUME LIST");
    let mut devices = Vec::new();
    loop {
        let line = irc.next();
        if line == "RESUME END" {
            return devices;
        }
        let words: Vec<&str> = line.splitn(7, ' ').collect();
        let ["RESUME", "DEVICE", id, made, used, own, about] = words[..] else { panic!("{line}") };
        assert!(made.ends_with('Z') && used.ends_with("T00:00:00.000Z") && made >= used, "{line}");
        devices.push((id.to_owned(), format!("{own} {}", about.trim_start_matches(':'))));
    }
}

#[test]
fn mission_22_a_device_comes_back_after_a_restart_with_its_token_alone() {
    let server = Server::english().start();
    let (mut anna, first) = sign_up(&server, "anna");
    anna.join("#tea");
    anna.settle();
    let Ended { home, .. } = server.stop(Signal::TERM);

    let server = Server::english().start_in(home);
    let mut witness = Irc::sign_in(&server, "witness", "extended-join");
    let (mut anna, second) = come_back(&server, "anna", &first);
    witness.expect_next("anna JOIN #lobby anna :anna of the tests");
    assert_eq!(stem(&first), stem(&second), "the device's part stays");
    assert_ne!(first, second, "the session's part does not");
    anna.send("NAMES #tea");
    anna.expect("353 anna = #tea :@anna");
    anna.settle();

    // The device's part is enough, and it takes nobody's place.
    let (mut beside, _) = come_back(&server, "anna", stem(&first));
    anna.notices_nothing();
    witness.notices_nothing();
    anna.send("PRIVMSG #lobby :from here");
    beside.expect_next("anna PRIVMSG #lobby :from here");
    assert_eq!(devices(&mut beside).len(), 1, "the same device");
}

#[test]
fn mission_18_a_device_takes_the_place_of_its_own_session() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let (old, token) = sign_up(&server, "anna");
    witness.expect_next("anna JOIN #lobby");
    let (mut anna, _) = come_back(&server, "anna", &token);
    let rest = old.into_client().rest();
    assert_eq!(
        rest.last().map(String::as_str),
        Some("ERROR :Closing connection: replaced by a newer connection")
    );
    witness.notices_nothing();
    anna.send("QUIT");
    witness.expect_next("anna QUIT :Quit");
}

#[test]
fn mission_22_a_revoked_device_is_closed_and_its_token_refused() {
    let server = Server::english().start();
    let (mut anna, _) = sign_up(&server, "anna");
    let (phone, stolen) = sign_in(&server, "anna", "telephone");
    let listed = devices(&mut anna);
    assert_eq!(listed.iter().map(|(_, about)| &**about).collect::<Vec<_>>(), ["* irc", "- telephone"]);

    anna.send(&format!("RESUME REVOKE {}", listed[1].0));
    anna.expect_next(&format!("RESUME REVOKED {}", listed[1].0));
    let rest = phone.into_client().rest();
    assert_eq!(
        rest[rest.len() - 2..],
        [
            ":salotto.local FAIL RESUME REVOKED :This device was signed out",
            "ERROR :Closing connection: signed out from another device"
        ]
    );

    // Refused, the connection goes on, and the password is still good.
    for token in [&*stolen, stem(&stolen)] {
        let mut thief = show(&server, "a thief", token);
        thief.expect_next("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
        thief.introduce("anna");
        thief.until("a refusal", |line| line.starts_with("433 * anna "));
        thief.authenticate("anna", "geheim");
        thief.expect("903 * :SASL authentication successful");
    }
    let Ended { home, .. } = server.stop(Signal::TERM);
    let server = Server::english().start_in(home);
    let mut thief = show(&server, "a thief", &stolen);
    thief.expect_next("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
}

#[test]
fn mission_22_another_password_signs_every_other_device_out() {
    let server = Server::english().start();
    let (mut anna, own) = sign_up(&server, "anna");
    let (phone, other) = sign_in(&server, "anna", "telephone");
    let mut plain = Irc::connect(&server, "a client without devices");
    plain.ask_for("sasl");
    plain.authenticate("anna", "geheim");
    plain.introduce("anna");
    plain.welcomed();

    anna.send("PASSWD wrong :nuova");
    anna.expect_next("FAIL PASSWD WRONG_PASSWORD :The old password is another");
    anna.send("PASSWD geheim :");
    anna.expect_next("FAIL PASSWD UNACCEPTABLE_PASSWORD :The password must have 1 to 600 bytes");
    anna.send("PASSWD geheim :la parola nuova");
    anna.expect_next("PASSWD SUCCESS anna :The password is changed");
    let revoked = anna.settle();
    assert_eq!(revoked.iter().filter(|line| line.starts_with("RESUME REVOKED ")).count(), 1, "{revoked:?}");
    for closed in [phone, plain] {
        let rest = closed.into_client().rest();
        assert_eq!(
            rest.last().map(String::as_str),
            Some("ERROR :Closing connection: signed out from another device")
        );
    }

    let mut thief = show(&server, "a thief", &other);
    thief.expect_next("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
    thief.authenticate("anna", "geheim");
    thief.expect_next("904 * :SASL authentication failed");
    thief.authenticate("anna", "la parola nuova");
    thief.expect("903 * :SASL authentication successful");
    come_back(&server, "anna", &own);
}

#[test]
fn mission_22_all_other_devices_are_signed_out_at_once() {
    let server = Server::english().start();
    let (mut anna, _) = sign_up(&server, "anna");
    let others: Vec<Irc> = ["telephone", "tablet"].map(|about| sign_in(&server, "anna", about).0).into();
    anna.send("RESUME REVOKE *");
    let revoked = anna.settle();
    assert_eq!(revoked.len(), 3, "{revoked:?}");
    assert_eq!(revoked[2], "RESUME END");
    for other in others {
        let rest = other.into_client().rest();
        assert_eq!(
            rest.last().map(String::as_str),
            Some("ERROR :Closing connection: signed out from another device")
        );
    }
    assert_eq!(devices(&mut anna).len(), 1);
}

#[test]
fn devices_are_for_accounts() {
    let server = Server::english().start();
    let mut guest = Irc::sign_in(&server, "guest", CAPABILITIES);
    for command in ["RESUME LIST", "RESUME REVOKE *", "RESUME REVOKE 1"] {
        guest.send(command);
        guest.expect("FAIL RESUME ACCOUNT_REQUIRED :Sign in to an account first");
    }
    guest.send("PASSWD old :new");
    guest.expect_next("FAIL PASSWD ACCOUNT_REQUIRED :Sign in to an account first");
    guest.send("RESUME 0000");
    guest.expect_next("FAIL RESUME ALREADY_REGISTERED :A session can be resumed only before signing in");
    let (mut anna, _) = sign_up(&server, "anna");
    for id in ["1", "nonsense"] {
        anna.send(&format!("RESUME REVOKE {id}"));
        anna.expect(&format!("FAIL RESUME UNKNOWN_DEVICE {id} :Your account has no such device"));
    }
}

#[test]
fn a_token_is_nowhere_in_the_data() {
    let server = Server::english().start();
    let (mut anna, token) = sign_up(&server, "anna");
    anna.settle();
    let Ended { home, log, .. } = server.stop(Signal::TERM);
    let mut bytes = log.into_bytes();
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the home") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => bytes.extend(std::fs::read(path).expect("a file")),
            }
        }
    }
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"$argon2id$"), "the database is among what was read");
    for part in token.split('.') {
        let raw: Vec<u8> =
            (0..part.len()).step_by(2).map(|at| u8::from_str_radix(&part[at..at + 2], 16).unwrap()).collect();
        assert!(raw.len() == 32 && !holds(part.as_bytes()) && !holds(&raw));
    }
}

#[test]
fn mission_18_a_guest_who_comes_back_under_another_name_posts_once() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let wanted = "salotto.chat/resume message-tags echo-message";
    let mut guest = Irc::connect(&server, "guest");
    guest.ask_for(wanted);
    guest.introduce("guest");
    let token = token(&mut guest);
    guest.settle();
    guest.send("@+salotto.chat/token=t1 PRIVMSG #lobby :once");
    guest.expect("guest PRIVMSG #lobby :once");
    guest.into_client().reset();
    witness.expect("guest QUIT :Connection lost: connection reset");
    let _taken = Irc::sign_in(&server, "guest", "");
    witness.expect("guest JOIN #lobby");

    let mut guest = show(&server, "guest, back", &token);
    guest.until("a refusal", |line| line.starts_with("FAIL RESUME UNKNOWN_TOKEN "));
    guest.ask_for(wanted);
    guest.introduce("guest_");
    guest.welcomed();
    witness.expect("guest_ JOIN #lobby");
    guest.send("@+salotto.chat/token=t1 PRIVMSG #lobby :once");
    guest.expect("guest_ PRIVMSG #lobby :once");
    witness.notices_nothing();
}
