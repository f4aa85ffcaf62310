//! The log: an operator finds who came, who went and what went wrong, and never what was said.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::irc::Irc;
use crate::support::{Ended, Server, data_of, run};

/// Runs `salotto log` over the data of a server that has ended; its lines without their time.
fn search(ended: &Ended, options: &[&str]) -> Vec<String> {
    let data = data_of(&ended.home).display().to_string();
    let (code, out, err) = run(&[&["log", "--data", &data], options].concat());
    assert_eq!((code, &*err), (Some(0), ""), "{options:?}");
    out.lines().map(|line| line.get("2026-11-20 12:34:56  ".len()..).expect("a time").to_owned()).collect()
}

/// Whether some line has all these words.
fn has(lines: &[String], words: &[&str]) -> bool {
    lines.iter().any(|line| words.iter().all(|word| line.split_whitespace().any(|own| own == *word)))
}

#[test]
fn mission_24_an_operator_finds_connections_disconnections_with_their_reason_and_errors() {
    let server = Server::english().start();
    let mut witness = Irc::sign_in(&server, "witness", "");
    let mut anna = Irc::sign_in(&server, "anna", "sasl draft/account-registration");
    witness.expect_next("anna JOIN #lobby");
    anna.send("REGISTER * * geheim");
    anna.until("the account", |line| line.starts_with("900 "));
    anna.send("QUIT :bye");
    anna.into_client().rest();
    witness.expect_next("anna QUIT :Quit: bye");
    let mut thief = Irc::connect(&server, "a thief");
    thief.ask_for("sasl");
    thief.authenticate("anna", "guess");
    thief.expect("904 * :SASL authentication failed");
    thief.introduce("thief");
    thief.welcomed();
    thief.into_client().reset();
    witness.expect("thief QUIT :Connection lost: connection reset");
    let mut terminal = server.signed_in("bruno");
    terminal.send("/quit");
    terminal.rest();
    let ended = server.stop(Signal::TERM);

    let all = search(&ended, &[]);
    for (option, words) in [
        ("connect", &["connect", "127.0.0.1", "irc"][..]),
        ("connect", &["connect", "127.0.0.1", "text"]),
        ("sign_in", &["sign_in", "anna", "127.0.0.1", "irc"]),
        ("sign_in", &["sign_in", "bruno", "127.0.0.1", "text"]),
        ("disconnect", &["disconnect", "anna", "127.0.0.1", "quit"]),
        ("disconnect", &["disconnect", "thief", "127.0.0.1", "connection", "reset"]),
        ("disconnect", &["disconnect", "bruno", "127.0.0.1", "quit"]),
        ("disconnect", &["disconnect", "witness", "127.0.0.1", "stopped", "operator"]),
        ("error", &["error", "127.0.0.1", "wrong", "password"]),
    ] {
        assert!(has(&all, words), "no {words:?} in {all:#?}");
        let found = search(&ended, &["--event", option]);
        assert!(has(&found, words), "no {words:?} with --event {option} in {found:#?}");
        // A warning about the machine counts as something that went wrong.
        let fits =
            |line: &String| line.starts_with(option) || (option == "error" && line.starts_with("warning"));
        assert!(found.iter().all(fits), "others with --event {option}: {found:#?}");
    }

    let anna = search(&ended, &["--name", "ANNA"]);
    assert!(has(&anna, &["sign_in", "anna"]) && has(&anna, &["disconnect", "anna"]), "{anna:#?}");
    assert!(anna.iter().all(|line| line.contains("anna")), "{anna:#?}");
    assert_eq!(search(&ended, &["--name", "nobody"]), [""; 0]);
    let local = search(&ended, &["--address", "127.0.0.0/8"]);
    assert!(local.len() >= 10 && local.iter().all(|line| line.contains("127.0.0.1")), "{local:#?}");
    assert_eq!(search(&ended, &["--address", "192.0.2.0/24"]), [""; 0]);
    assert_eq!(search(&ended, &["--since", "1h"]), all);
    assert_eq!(search(&ended, &["--since", "2999-01-01"]), [""; 0]);
    assert_eq!(search(&ended, &["--until", "2000-01-01"]), [""; 0]);
    let narrow = search(&ended, &["--name", "thief", "--event", "disconnect", "--address", "127.0.0.1"]);
    assert!(narrow.len() == 1 && has(&narrow, &["disconnect", "thief", "reset"]), "{narrow:#?}");
    let json = {
        let data = data_of(&ended.home).display().to_string();
        run(&["log", "--data", &data, "--json", "--event", "sign_in", "--name", "bruno"]).1
    };
    assert!(json.starts_with('{') && json.contains("\"event\":\"sign_in\""), "{json}");
}

#[test]
fn mission_24_a_search_that_makes_no_sense_is_refused() {
    for (options, word) in [
        (&["--address", "localhost"][..], "--address"),
        (&["--since", "yesterday-ish"], "--since"),
        (&["--event", "party"], "--event"),
    ] {
        let (code, out, err) = run(&[&["log", "--data", "nowhere"], options].concat());
        assert_eq!((code, &*out), (Some(2), ""), "{options:?}");
        assert!(err.contains(word), "{err}");
    }
    let (code, _, err) = run(&["log", "--data", "nowhere"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("nowhere"), "{err}");
}

/// All files of a folder, as one text.
fn all_text(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("a folder of log files");
    let paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    assert!(!paths.is_empty(), "no log files");
    paths.iter().map(|path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()).collect()
}

#[test]
fn mission_24_what_is_said_and_every_password_stay_out_of_the_log() {
    let server = Server::english()
        .variable("SALOTTO_LOG_LEVEL", "trace")
        .variable("SALOTTO_SERVER_PASSWORD", "secret-server")
        .start();
    let sign_in = |name: &str, capabilities: &str| {
        let mut irc = Irc::connect(&server, name);
        irc.send("PASS secret-server");
        irc.ask_for(capabilities);
        irc.introduce(name);
        irc.welcomed();
        irc
    };
    let mut anna = sign_in("anna", "message-tags sasl draft/account-registration");
    let mut bruno = sign_in("bruno", "message-tags");
    anna.expect_next("bruno JOIN #lobby");
    anna.send("REGISTER * * secret-account");
    anna.until("the account", |line| line.starts_with("900 "));
    for line in [
        "PRIVMSG #lobby :secret-word",
        "NOTICE #lobby :secret-notice",
        "PRIVMSG bruno :secret-direct",
        "@+secret-tag=secret-value TAGMSG #lobby",
        "AWAY :secret-away",
        "JOIN #tea secret-key",
        "MODE #tea +k secret-key",
        "TOPIC #tea :secret-topic",
        "PART #tea :secret-parting",
        "OPER anna secret-oper",
        "SECRET-COMMAND secret-parameter",
        "CHATHISTORY LATEST #secret-room * 5",
    ] {
        anna.send(line);
    }
    // What cannot be handled is not quoted either.
    anna.send_bytes(b"PRIVMSG #lobby :secret-\xFF\r\nPRIVMSG #lobby :secret-\0\r\n");
    anna.send(&format!("PRIVMSG #lobby :secret-{}", "x".repeat(9_000)));
    anna.settle();
    bruno.expect("anna PRIVMSG bruno :secret-direct");
    let mut wrong = Irc::connect(&server, "with a wrong password");
    wrong.send("PASS secret-wrong");
    wrong.introduce("wrong");
    wrong.until("a refusal", |line| line.starts_with("464 "));
    let mut terminal = server.terminal("at a terminal");
    terminal.until("the question", |line| !line.is_empty());
    terminal.send("secret-at-the-door");
    anna.send("QUIT :secret-farewell");
    anna.into_client().rest();
    bruno.expect("anna QUIT :Quit: secret-farewell");
    let ended = server.stop(Signal::TERM);

    let logs = [all_text(&data_of(&ended.home).join("log")), ended.log];
    for log in &logs {
        assert!(log.contains("anna"), "the log is empty");
        let leaks: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("secret")).collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
    }
}
