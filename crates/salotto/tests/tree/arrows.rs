//! Who may depend on whom: the arrows of ARCHITECTURE.md, and no others.

use toml::Table;

use crate::assert_none;
use crate::files::{crates, read};

/// Every arrow between crates of the workspace, with the reason why it is there. A new one needs a record in
/// `docs/decisions/`.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("salotto-store", "salotto-core", "it writes records and reads back what the core starts from"),
    ("salotto-sequencer", "salotto-core", "it gives commands their places"),
    ("salotto-server", "salotto-wire", "it speaks the protocol"),
    ("salotto-server", "salotto-core", "it submits commands and delivers events"),
    ("salotto-server", "salotto-store", "it commits before it delivers"),
    ("salotto-server", "salotto-sequencer", "it puts commands in order"),
    ("salotto-client", "salotto-wire", "it speaks the protocol"),
    ("salotto-terminal", "salotto-client", "it is a client with a screen"),
    ("salotto-terminal", "salotto-wire", "it shows what messages say"),
    ("salotto-bench", "salotto-wire", "it reads what servers answer"),
    ("salotto-bench", "salotto-client", "it signs in as clients do"),
    ("salotto-desktop", "salotto-wire", "it carries lines between a server and the window"),
    ("salotto-desktop", "salotto-client", "it connects as clients do"),
    ("salotto-sim", "salotto-core", "it runs the chat on virtual time"),
    ("salotto-sim", "salotto-server", "its server is the real one, step by step"),
    ("salotto-sim", "salotto-store", "its disk answers as the store does"),
    ("salotto-sim", "salotto-client", "its people use real clients"),
    ("salotto-sim", "salotto-wire", "it reads what its people read"),
];

/// The crate that ties all others together: it may depend on each of them.
const PROGRAM: &str = "salotto";

/// The names of all that a manifest depends on, of every kind and for every system.
pub fn dependencies(manifest: &Table) -> Vec<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut tables: Vec<&Table> = kinds.iter().filter_map(|kind| manifest.get(*kind)?.as_table()).collect();
    for target in manifest.get("target").and_then(|targets| targets.as_table()).into_iter().flatten() {
        tables.extend(kinds.iter().filter_map(|kind| target.1.get(*kind)?.as_table()));
    }
    tables.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

fn forbidden_arrows(name: &str, manifest: &str) -> Vec<String> {
    let manifest: Table = manifest.parse().expect("a manifest is TOML");
    dependencies(&manifest)
        .into_iter()
        .filter(|other| other == PROGRAM || other.starts_with("salotto-"))
        .filter(|other| name != PROGRAM && !ALLOWED.iter().any(|&(from, to, _)| (from, to) == (name, other)))
        .map(|other| format!("{name} must not depend on {other}"))
        .collect()
}

fn wrong_name(folder: &str, manifest: &str) -> Option<String> {
    let manifest: Table = manifest.parse().expect("a manifest is TOML");
    let name = manifest.get("package")?.get("name")?.as_str()?;
    (name != folder)
        .then(|| format!("crates/{folder} holds the package {name}: folder and package have one name"))
}

#[test]
fn crates_depend_on_those_they_may_only() {
    let complaints: Vec<String> = crates()
        .iter()
        .flat_map(|name| forbidden_arrows(name, &read(&format!("crates/{name}/Cargo.toml"))))
        .collect();
    assert_none(&complaints);
}

#[test]
fn folders_are_named_as_their_packages() {
    let complaints: Vec<String> = crates()
        .iter()
        .filter_map(|name| wrong_name(name, &read(&format!("crates/{name}/Cargo.toml"))))
        .collect();
    assert_none(&complaints);
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = read("ARCHITECTURE.md");
    let complaints: Vec<String> = crates()
        .iter()
        .filter(|name| !page.contains(&format!("`crates/{name}`")))
        .map(|name| format!("ARCHITECTURE.md does not say what `crates/{name}` is for"))
        .collect();
    assert_none(&complaints);
}

#[test]
fn the_server_may_not_know_the_client() {
    for manifest in [
        "[dependencies]\nsalotto-client.workspace = true",
        "[dev-dependencies]\nsalotto-client = { path = \"../salotto-client\" }",
        "[target.'cfg(unix)'.dependencies]\nsalotto-client = \"1\"",
    ] {
        assert_eq!(
            forbidden_arrows("salotto-server", manifest),
            ["salotto-server must not depend on salotto-client"]
        );
    }
    assert_eq!(forbidden_arrows("salotto-server", "[dependencies]\nsalotto-core.workspace = true"), [""; 0]);
    assert_eq!(forbidden_arrows("salotto", "[dependencies]\nsalotto-core.workspace = true"), [""; 0]);
    assert_eq!(forbidden_arrows("salotto-core", "[dependencies]\nsalotto.workspace = true").len(), 1);
}

#[test]
fn a_folder_of_another_name_is_noticed() {
    assert!(wrong_name("salotto-wire", "[package]\nname = \"wire\"").is_some());
    assert!(wrong_name("salotto-wire", "[package]\nname = \"salotto-wire\"").is_none());
}

#[test]
fn every_arrow_has_a_reason() {
    for (from, to, why) in ALLOWED {
        assert!(why.len() > 10, "{from} to {to}");
    }
}
