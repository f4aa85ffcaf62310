//! What Salotto promises, row by row: each promise has a test that is named after it.

use crate::assert_none;
use crate::files::{below, read};

/// The promises, with what each is about. End-to-end encryption (the rest of 23) and many machines (25) are in
/// "Not yet" of the README, and have no test.
const MISSIONS: &[(u8, &str)] = &[
    (1, "a server on TCP over IPv4 and IPv6, with many clients in one room"),
    (2, "host and port are settable and checked"),
    (3, "a desktop window with messages, input, Send and Return"),
    (4, "the window starts with a form that is validated"),
    (5, "a terminal client, also in a pipe"),
    (6, "the newcomer is welcomed by name and told how to leave"),
    (7, "everybody sees each message once, in one order"),
    (8, "everybody is told who comes and who goes"),
    (9, "leaving and losing the connection differ"),
    (10, "names are unique; another is asked for on the same connection"),
    (11, "a name is free again at once"),
    (12, "leaving by a typed command"),
    (13, "closing the window leaves in good order"),
    (14, "Ctrl-C closes a terminal client at any moment"),
    (15, "SIGINT and SIGTERM close the server in good order"),
    (16, "a client says that the server has closed"),
    (17, "a client that is offline says so and tries again"),
    (18, "a client comes back and fetches what it missed"),
    (19, "both sides notice that the other is dead"),
    (20, "a broken connection harms nobody else"),
    (21, "several rooms"),
    (22, "accounts with passwords"),
    (24, "a log that an operator can search"),
];

fn tests() -> Vec<String> {
    let in_crates = below("crates", &[".rs", ".ts", ".mjs", ".js"]);
    let is_test = |path: &String| path.contains("/tests/") || path.contains("/e2e/");
    let mut paths: Vec<String> = in_crates.into_iter().filter(is_test).collect();
    paths.extend(below("web/e2e", &[".ts", ".mjs", ".js"]));
    paths.retain(|path| !path.starts_with("crates/salotto/tests/tree/"));
    paths
}

/// Whether a file has a test whose name or title holds `mission_NN`.
fn has_test(source: &str, mission: u8) -> bool {
    let name = format!("mission_{mission:02}");
    source.lines().any(|line| {
        let Some((before, after)) = line.split_once(&name) else { return false };
        let is_test = ["fn ", "test(", "it(", "describe("].iter().any(|word| before.contains(word));
        is_test && !after.starts_with(|next: char| next.is_ascii_digit())
    })
}

fn missing(sources: &[String]) -> Vec<String> {
    MISSIONS
        .iter()
        .filter(|(mission, _)| !sources.iter().any(|source| has_test(source, *mission)))
        .map(|(mission, what)| format!("no test is named mission_{mission:02}…: {what}"))
        .collect()
}

#[test]
fn every_promise_has_a_test() {
    let sources: Vec<String> = tests().iter().map(|path| read(path)).collect();
    assert_none(&missing(&sources));
}

#[test]
fn a_promise_without_a_test_is_noticed() {
    let all: Vec<String> =
        MISSIONS.iter().map(|(mission, _)| format!("fn mission_{mission:02}_works() {{")).collect();
    assert_eq!(missing(&all), [""; 0]);
    assert_eq!(missing(&all[1..]).len(), 1);
    assert!(has_test("  test(\"mission_04 the form\", async () => {", 4));
    assert!(!has_test("// mission_04 is tested elsewhere", 4));
    assert!(!has_test("fn mission_041_of_another_table() {", 4));
}
