//! The search from lines in a file to lines on the screen.

use super::*;
use crate::cli::EventKind;

const FILE: &str = r##"{"timestamp":"2026-11-20T13:00:00.000000Z","level":"INFO","message":"listening","kind":"irc","address":"127.0.0.1:6667","target":"salotto::serve"}
{"timestamp":"2026-11-20T13:00:01.000000Z","level":"INFO","message":"connected","event":"connect","connection":7,"address":"192.0.2.9","kind":"irc","target":"salotto::session"}
{"timestamp":"2026-11-20T13:00:02.000000Z","level":"INFO","message":"signed in","event":"sign_in","connection":7,"address":"192.0.2.9","name":"Anna","account":"anna","kind":"irc","target":"salotto::session"}
not a log line
{"timestamp":"2026-11-20T13:05:00.000000Z","level":"INFO","message":"gone","event":"disconnect","connection":7,"address":"192.0.2.9","name":"Anna","reason":"Quit: \u001b[31mciao\u202e","kind":"irc","target":"salotto::session"}
{"timestamp":"2026-11-20T13:06:00.000000Z","level":"ERROR","message":"cannot accept more connections","error":"Too many open files","target":"salotto_server::listen::accept"}
{"timestamp":"2026-11-20T13:07:00.000000Z","level":"WARN","message":"refused a connection","event":"error","address":"198.51.100.4","kind":"irc","reason":"the server is full","others":3,"target":"salotto::session"}
"##;

fn find(options: &LogOptions) -> Vec<String> {
    let now = "2026-11-20T15:00:00+01:00[Europe/Rome]".parse().expect("a moment");
    let wanted = Wanted::new(options, &now).expect("good options");
    let mut out = Vec::new();
    let unreadable = search(FILE.as_bytes(), &wanted, options.json, &mut out).expect("memory");
    assert_eq!(unreadable, 1);
    String::from_utf8(out).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn every_line_is_readable_and_harmless() {
    assert_eq!(
        find(&LogOptions::default()),
        [
            "2026-11-20 14:00:00  server      127.0.0.1:6667  irc  listening",
            "2026-11-20 14:00:01  connect     #7  192.0.2.9  irc",
            "2026-11-20 14:00:02  sign_in     #7  Anna (anna)  192.0.2.9  irc",
            "2026-11-20 14:05:00  disconnect  #7  Anna  192.0.2.9  irc  Quit: \\u{1b}[31mciao\\u{202e}",
            "2026-11-20 14:06:00  error       cannot accept more connections  error=Too many open files",
            "2026-11-20 14:07:00  error       198.51.100.4  irc  the server is full  others=3",
        ]
    );
}

#[test]
fn one_person_is_followed_by_name_whatever_its_case() {
    let found = find(&LogOptions { name: Some("ANNA".into()), ..LogOptions::default() });
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|line| line.contains("Anna")));
}

#[test]
fn an_address_or_a_network_is_followed() {
    let from =
        |address: &str| find(&LogOptions { address: Some(address.into()), ..LogOptions::default() }).len();
    assert_eq!(from("192.0.2.9"), 3);
    assert_eq!(from("192.0.2.0/24"), 3);
    assert_eq!(from("0.0.0.0/0"), 4);
    assert_eq!(from("203.0.113.1"), 0);
}

#[test]
fn errors_are_those_of_connections_and_of_the_server() {
    let of = |event| find(&LogOptions { event: Some(event), ..LogOptions::default() }).len();
    assert_eq!(of(EventKind::Connect), 1);
    assert_eq!(of(EventKind::SignIn), 1);
    assert_eq!(of(EventKind::Disconnect), 1);
    assert_eq!(of(EventKind::Error), 2);
}

#[test]
fn a_span_of_time_holds_its_beginning_and_not_its_end() {
    let found = find(&LogOptions {
        since: Some("14:00:01".into()),
        until: Some("14:05".into()),
        ..LogOptions::default()
    });
    assert_eq!(found.len(), 2);
    assert_eq!(find(&LogOptions { until: Some("2026-11-20".into()), ..LogOptions::default() }).len(), 6);
    assert_eq!(find(&LogOptions { since: Some("5m".into()), ..LogOptions::default() }).len(), 0);
}

#[test]
fn json_lines_come_out_as_they_are() {
    let found = find(&LogOptions { json: true, name: Some("anna".into()), ..LogOptions::default() });
    assert_eq!(found, [FILE.lines().nth(2).expect("a line"), FILE.lines().nth(4).expect("a line")]);
}
