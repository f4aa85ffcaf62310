//! Finds and reads the files of the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what was built or fetched, not what was written.
const NOT_SOURCE: &[&str] =
    &["node_modules", "target", "target-desktop", "dist", "gen", ".git", ".svelte-kit", "test-results"];

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// Every file below a folder of the workspace whose name ends like this, as a path from the root, in order.
pub fn below(folder: &str, endings: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    walk(&root.join(folder), &mut |path| {
        let path =
            path.strip_prefix(&root).expect("it is below the root").to_string_lossy().replace('\\', "/");
        if endings.iter().any(|ending| path.ends_with(ending)) {
            found.push(path);
        }
    });
    found.sort();
    found
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() {
            visit(&path);
        } else if kind.is_dir() && !NOT_SOURCE.iter().any(|other| *other == name) {
            walk(&path, visit);
        }
    }
}

/// The text of a file, by its path from the root.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the folders in `crates/` that hold a package.
pub fn crates() -> Vec<String> {
    let manifests = below("crates", &["/Cargo.toml"]);
    let names = manifests.iter().filter_map(|path| match path.split('/').collect::<Vec<_>>()[..] {
        ["crates", name, "Cargo.toml"] => Some(name.to_owned()),
        _ => None,
    });
    names.collect()
}

#[test]
fn the_tree_is_found() {
    assert!(crates().contains(&"salotto-core".to_owned()));
    assert!(below("crates", &[".rs"]).contains(&"crates/salotto/tests/tree/files.rs".to_owned()));
    assert!(below("web", &[".ts"]).iter().all(|path| !path.contains("node_modules")));
}
