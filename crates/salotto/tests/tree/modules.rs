//! Every Rust file is part of something: a file that no module declares is not even compiled.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::files::{below, read};

/// The modules that a file declares: by name, or by the file that a `#[path]` names.
fn declared(source: &str) -> Vec<Declared<'_>> {
    let mut found = Vec::new();
    let mut path = None;
    for line in source.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            path = Some(named);
            continue;
        }
        let Some((visibility, rest)) = line.split_once("mod ") else { continue };
        let is_declaration = visibility.is_empty() || visibility.starts_with("pub");
        if let (true, Some(name)) = (is_declaration, rest.strip_suffix(';')) {
            found.push(path.take().map_or(Declared::Name(name), Declared::Path));
        }
    }
    found
}

#[derive(Debug)]
enum Declared<'a> {
    Name(&'a str),
    Path(&'a str),
}

/// Where a file's modules are looked for.
fn folder_of(path: &str, is_root: bool) -> String {
    let (folder, file) = path.rsplit_once('/').expect("a file is in a folder");
    match file.strip_suffix(".rs").expect("a Rust file") {
        "mod" => folder.to_owned(),
        _ if is_root => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    }
}

/// The files that are reached from these roots.
fn reached(roots: &[String], files: &BTreeSet<String>, read: &impl Fn(&str) -> String) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = roots.iter().cloned().collect();
    let mut open: Vec<(String, bool)> = roots.iter().map(|root| (root.clone(), true)).collect();
    while let Some((path, is_root)) = open.pop() {
        let folder = folder_of(&path, is_root);
        let beside = path.rsplit_once('/').expect("a file is in a folder").0;
        for declared in declared(&read(&path)) {
            let candidates = match declared {
                Declared::Name(name) => {
                    vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
                }
                Declared::Path(file) => vec![format!("{beside}/{file}")],
            };
            for candidate in candidates {
                if files.contains(&candidate) && found.insert(candidate.clone()) {
                    open.push((candidate, false));
                }
            }
        }
    }
    found
}

/// What Cargo builds by itself: libraries, programs, build scripts, examples and integration tests.
fn is_root(path: &str) -> bool {
    matches!(
        path.split('/').collect::<Vec<_>>()[..],
        ["crates", _, "build.rs"]
            | ["crates", _, "src", "lib.rs" | "main.rs"]
            | ["crates", _, "src", "bin", _]
            | ["crates", _, "tests" | "examples" | "benches", _]
            | ["crates", _, "tests" | "examples" | "benches", _, "main.rs"]
    )
}

fn forgotten(files: &BTreeSet<String>, read: &impl Fn(&str) -> String) -> Vec<String> {
    let roots: Vec<String> = files.iter().filter(|path| is_root(path)).cloned().collect();
    let reached = reached(&roots, files, read);
    files.difference(&reached).map(|path| format!("{path} is declared by no module")).collect()
}

#[test]
fn no_file_is_forgotten() {
    let files: BTreeSet<String> = below("crates", &[".rs"]).into_iter().collect();
    assert_none(&forgotten(&files, &|path| read(path)));
}

#[test]
fn a_forgotten_file_is_noticed() {
    let tree = [
        ("crates/x/src/lib.rs", "mod a;\npub(crate) mod b;\n"),
        ("crates/x/src/a.rs", "mod c;\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;"),
        ("crates/x/src/a_tests.rs", ""),
        ("crates/x/src/a/c.rs", ""),
        ("crates/x/src/b/mod.rs", "#[cfg(test)]\nmod tests;"),
        ("crates/x/src/b/tests.rs", ""),
        ("crates/x/tests/one.rs", "mod common;"),
        ("crates/x/tests/common/mod.rs", ""),
        ("crates/x/tests/two/main.rs", "mod told;\n// mod untold;"),
        ("crates/x/tests/two/told.rs", ""),
        ("crates/x/tests/two/untold.rs", ""),
    ];
    let files: BTreeSet<String> = tree.iter().map(|(path, _)| (*path).to_owned()).collect();
    let read = |path: &str| tree.iter().find(|(other, _)| *other == path).unwrap().1.to_owned();
    assert_eq!(forgotten(&files, &read), ["crates/x/tests/two/untold.rs is declared by no module"]);
}
