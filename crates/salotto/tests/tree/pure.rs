//! The core and the grammar stay without runtime, clock, randomness and input or output.

use toml::Table;

use crate::arrows::dependencies;
use crate::assert_none;
use crate::files::{below, read};

/// The crates that this is about.
const PURE: &[&str] = &["salotto-core", "salotto-wire"];

/// Crates that bring what a pure crate must not have.
const IMPURE_CRATES: &[&str] = &[
    "tokio",
    "mio",
    "smol",
    "async-std",
    "futures-util",
    "socket2",
    "rustix",
    "rand",
    "fastrand",
    "getrandom",
    "time",
    "chrono",
    "jiff",
    "rusqlite",
    "tracing",
    "log",
];

/// Parts of the standard library that a pure crate must not touch.
const IMPURE_PATHS: &[&str] = &[
    "std::net",
    "std::fs",
    "std::io",
    "std::thread",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "HashMap",
    "HashSet",
    "println!",
    "eprintln!",
];

/// Lines that may use one of these, each with the reason.
const EXCUSED: &[(&str, &str, &str)] = &[(
    "crates/salotto-wire/src/line.rs",
    "use std::io::Write;",
    "formats a number into a vector of bytes; nothing leaves the process",
)];

fn is_excused(path: &str, line: &str) -> bool {
    EXCUSED.iter().any(|(other, text, _)| *other == path && line.trim() == *text)
}

fn impure_dependencies(name: &str, manifest: &str) -> Vec<String> {
    let mut manifest: Table = manifest.parse().expect("a manifest is TOML");
    // What the tests need is not part of the crate.
    manifest.remove("dev-dependencies");
    dependencies(&manifest)
        .into_iter()
        .filter(|other| IMPURE_CRATES.contains(&other.as_str()))
        .map(|other| format!("{name} must not depend on {other}"))
        .collect()
}

/// The source without comments and without the tests, which end a file.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"));
    lines.enumerate().map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

fn impure_paths(path: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in code(source).filter(|(_, line)| !is_excused(path, line)) {
        for impure in IMPURE_PATHS.iter().filter(|impure| line.contains(**impure)) {
            complaints.push(format!("{path}:{at} uses {impure}"));
        }
    }
    complaints
}

#[test]
fn pure_crates_depend_on_nothing_that_is_not() {
    let complaints: Vec<String> = PURE
        .iter()
        .flat_map(|name| impure_dependencies(name, &read(&format!("crates/{name}/Cargo.toml"))))
        .collect();
    assert_none(&complaints);
}

#[test]
fn pure_crates_use_nothing_that_is_not() {
    let complaints: Vec<String> = PURE
        .iter()
        .flat_map(|name| below(&format!("crates/{name}/src"), &[".rs"]))
        .flat_map(|path| impure_paths(&path, &read(&path)))
        .collect();
    assert_none(&complaints);
}

#[test]
fn a_clock_in_a_pure_crate_is_noticed() {
    let source = "fn now() -> u64 {\n    std::time::SystemTime::now().into()\n}\n";
    assert_eq!(impure_paths("x.rs", source).len(), 2);
    assert_eq!(impure_paths("x.rs", "// no std::time::SystemTime here\n"), [""; 0]);
    assert_eq!(impure_paths("x.rs", "#[cfg(test)]\nuse std::io::Read;\n"), [""; 0]);
    assert_eq!(impure_paths("x.rs", "use std::collections::HashMap;\n"), ["x.rs:1 uses HashMap"]);
    for (path, line, _) in EXCUSED {
        assert_eq!(impure_paths(path, line), [""; 0]);
        assert_eq!(impure_paths("x.rs", line).len(), 1);
        assert!(read(path).contains(line), "the excuse for {path} is needed no more");
    }
}

#[test]
fn a_runtime_in_a_pure_crate_is_noticed() {
    assert_eq!(impure_dependencies("x", "[dependencies]\ntokio = \"1\""), ["x must not depend on tokio"]);
    assert_eq!(impure_dependencies("x", "[dev-dependencies]\ntokio = \"1\""), [""; 0]);
}
