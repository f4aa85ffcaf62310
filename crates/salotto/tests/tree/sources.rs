//! What every source file keeps to: no `unsafe`, not too long, nothing left over.

use crate::assert_none;
use crate::files::{below, read};

/// How many lines a file may have; a longer one holds two things.
const LINES_MAX: usize = 900;

/// Crate roots that may go without `#![forbid(unsafe_code)]`, each with the reason.
const MAY_BE_UNSAFE: &[(&str, &str)] = &[];

/// Macros that mark unfinished work. Written apart, so that this file does not hold them.
const LEFTOVERS: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];

fn is_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs")
}

fn may_be_unsafe(path: &str, source: &str) -> Option<String> {
    let forbids = source.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]");
    let excused = MAY_BE_UNSAFE.iter().any(|(other, _)| *other == path);
    (!forbids && !excused).then(|| format!("{path} does not say #![forbid(unsafe_code)]"))
}

fn too_long(path: &str, source: &str) -> Option<String> {
    let lines = source.lines().count();
    (lines > LINES_MAX).then(|| format!("{path} has {lines} lines, more than {LINES_MAX}"))
}

fn leftovers(path: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in source.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(**leftover)) {
            complaints.push(format!("{path}:{} has {leftover}…)", at + 1));
        }
    }
    complaints
}

fn sources() -> Vec<String> {
    let mut paths = below("crates", &[".rs"]);
    paths.extend(below("fuzz", &[".rs"]));
    paths.extend(below("web", &[".ts", ".svelte"]));
    paths
}

#[test]
fn no_crate_has_unsafe_code() {
    let roots = below("crates", &[".rs"]).into_iter().filter(|path| is_root(path));
    let complaints: Vec<String> = roots.filter_map(|path| may_be_unsafe(&path, &read(&path))).collect();
    assert_none(&complaints);
}

#[test]
fn no_file_is_too_long() {
    let complaints: Vec<String> = sources().iter().filter_map(|path| too_long(path, &read(path))).collect();
    assert_none(&complaints);
}

#[test]
fn nothing_is_left_over() {
    let complaints: Vec<String> = sources().iter().flat_map(|path| leftovers(path, &read(path))).collect();
    assert_none(&complaints);
}

#[test]
fn a_root_that_may_be_unsafe_is_noticed() {
    assert!(may_be_unsafe("x/src/lib.rs", "//! A crate.\n").is_some());
    assert!(may_be_unsafe("x/src/lib.rs", "// #![forbid(unsafe_code)]\n").is_some());
    assert!(may_be_unsafe("x/src/lib.rs", "//! A crate.\n#![forbid(unsafe_code)]\n").is_none());
    assert!(is_root("crates/x/src/main.rs") && !is_root("crates/x/src/main/main.rs"));
}

#[test]
fn a_long_file_is_noticed() {
    assert!(too_long("x.rs", &"\n".repeat(LINES_MAX + 1)).is_some());
    assert!(too_long("x.rs", &"\n".repeat(LINES_MAX)).is_none());
}

#[test]
fn a_leftover_is_noticed() {
    for leftover in LEFTOVERS {
        assert_eq!(leftovers("x.rs", &format!("fn later() {{\n    {leftover})\n}}\n")).len(), 1);
    }
    assert_eq!(leftovers("x.rs", "fn done() {}\n"), [""; 0]);
}
