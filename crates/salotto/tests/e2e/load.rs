//! The loads of `salotto bench` that need a server like ours, each of them small: they end, they find no fault, and what
//! was to happen has happened.

use crate::support::{Server, run};

/// A server that lets the loads do what they do.
fn server() -> Server {
    Server::english()
        .variable("SALOTTO_ROOMS_LOBBY_JOIN", "false")
        .variable("SALOTTO_LIMITS_FLOOD_PER_SECOND", "100000")
        .variable("SALOTTO_LIMITS_REGISTRATION_SECONDS", "60")
        .variable("SALOTTO_ACCOUNTS_HASH_M_KIB", "8")
        .start()
}

/// Runs a load to its end, and gives the figures it prints.
#[track_caller]
fn figures(server: &Server, load: &[&str]) -> String {
    let (port, pid) = (server.address("irc").port().to_string(), server.id().to_string());
    let target = ["--port", &port, "--pid", &pid];
    let (status, out, err) = run(&[&["bench", load[0]], &target[..], &load[1..]].concat());
    assert_eq!(status, Some(0), "{out}\n{err}");
    out
}

/// A figure as it is printed.
#[track_caller]
fn figure(out: &str, name: &str) -> f64 {
    let line = out.lines().find(|line| line.split_whitespace().next() == Some(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {out}"))
}

#[test]
fn everybody_who_is_cut_off_comes_back_by_token_and_catches_up() {
    let load = [
        "storm",
        "--people",
        "60",
        "--rooms-of",
        "20",
        "--missed",
        "130",
        "--others",
        "20",
        "--before",
        "0.2",
    ];
    let out = figures(&server(), &load);
    assert_eq!((figure(&out, "people_back"), figure(&out, "by_token")), (60.0, 60.0), "{out}");
}

#[test]
fn people_sign_in_while_passwords_are_guessed() {
    let load = ["guess", "--rate", "100", "--seconds", "2.5", "--others", "20", "--others-rate", "20"];
    let out = figures(&server(), &load);
    assert!(figure(&out, "password.signed_in") >= 1.0 && figure(&out, "token.signed_in") >= 1.0, "{out}");
    assert_eq!(figure(&out, "newcomer.not_signed_in"), 0.0, "{out}");
}

#[test]
fn too_much_is_asked_and_what_is_taken_arrives() {
    let load =
        ["overload", "--rooms", "4", "--members", "5", "--best", "2000", "--times", "10", "--seconds", "0.5"];
    let out = figures(&server(), &load);
    assert!(figure(&out, "overload.achieved_rate") > 0.0, "{out}");
}

#[test]
fn pages_of_history_are_whole_while_others_write() {
    let load = ["history", "--readers", "4", "--seconds", "0.5", "--warmup", "0.7"];
    let out = figures(&server(), &load);
    assert!(figure(&out, "messages_per_page") > 50.0, "{out}");
}

#[test]
fn those_who_stop_reading_get_everything_when_they_go_on() {
    let load = [
        "slow",
        "--rooms",
        "2",
        "--members",
        "12",
        "--senders",
        "5",
        "--stopped",
        "8",
        "--rate",
        "3000",
        "--size",
        "400",
        "--seconds",
        "2",
        "--receive-buffer",
        "131072",
        "--require-catch-up",
        "--require-total-order",
    ];
    let out = figures(&server(), &load);
    assert!(figure(&out, "of_these_received_later") > 1000.0, "{out}");
}

#[test]
fn a_soak_ends_and_draws_what_it_saw() {
    let picture = tempfile::tempdir().expect("a temporary directory");
    let picture = picture.path().join("soak.svg");
    let path = picture.to_str().expect("a name in UTF-8");
    let load = [
        "soak",
        "--minutes",
        "0.1",
        "--every",
        "1",
        "--rooms",
        "3",
        "--visitors",
        "20",
        "--accounts",
        "10",
        "--svg",
        path,
    ];
    let out = figures(&server(), &load);
    assert!(figure(&out, "pages") > 0.0, "{out}");
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.contains("Resident memory of the server"), "{drawn}");
}
