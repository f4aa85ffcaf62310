//! `docs/limits.md` says of every bound what the code says.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::files::{below, read};

const PAGE: &str = "docs/limits.md";
const SAMPLE: &str = "crates/salotto-server/src/config/sample.toml";

/// Crates whose bounds are their own business: they measure and simulate.
const NOT_LISTED: &[&str] = &["crates/salotto-bench/", "crates/salotto-sim/"];

/// A constant that bounds something.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound {
    name: String,
    file: String,
    value: String,
}

/// A row of the page.
struct Row<'a> {
    name: &'a str,
    place: &'a str,
    value: &'a str,
    tests: Vec<&'a str>,
}

/// The words in backticks, at the places where they stand in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let cells = page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    cells
        .filter_map(|line| match line.split('|').map(str::trim).collect::<Vec<_>>()[..] {
            [name, place, value, _, shown] => Some(Row {
                name: quoted(name).next()?,
                place: quoted(place).next().unwrap_or(place),
                value: quoted(value).next()?,
                tests: quoted(shown).collect(),
            }),
            _ => None,
        })
        .collect()
}

/// Every constant of a source, with its value as it is written. What stands behind `#[cfg(test)]` is no bound.
fn constants(file: &str, source: &str) -> Vec<Bound> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let ends: &[_] = if file.ends_with(".rs") { &[';'] } else { &[';', '\n'] };
    source
        .match_indices("const ")
        .filter_map(|(at, word)| {
            let declaration = &source[at + word.len()..];
            let name_len = declaration.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let (name, rest) = declaration.split_at(name_len);
            let value = rest.split(ends).next()?.split_once(" = ")?.1;
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            name.chars().all(|c| !c.is_ascii_lowercase()).then(|| Bound {
                name: name.into(),
                file: file.into(),
                value,
            })
        })
        .collect()
}

/// What the page leaves out, and what it says that is not so.
fn compare(page: &str, code: &[Bound], keys: &[(String, String)]) -> Vec<String> {
    let rows = rows(page);
    let mut complaints = Vec::new();
    for bound in code.iter().filter(|bound| bound.name.ends_with("_MAX")) {
        if !rows.iter().any(|row| row.name == bound.name && row.place == bound.file) {
            complaints.push(format!("{PAGE} does not list {} of {}", bound.name, bound.file));
        }
    }
    for (key, _) in keys {
        if !rows.iter().any(|row| row.name == *key) {
            complaints.push(format!("{PAGE} does not list {key}"));
        }
    }
    for row in &rows {
        let said = if row.place == "configuration" {
            keys.iter().find(|(key, _)| key == row.name).map(|(_, value)| value)
        } else {
            code.iter()
                .find(|bound| bound.name == row.name && bound.file == row.place)
                .map(|bound| &bound.value)
        };
        match said {
            None => {
                complaints.push(format!("{PAGE} lists {} of {}, which is not there", row.name, row.place))
            }
            Some(value) if value != row.value => {
                complaints.push(format!("{PAGE} says {} of {}, which is {value}", row.value, row.name));
            }
            Some(_) => {}
        }
    }
    complaints
}

/// The keys of a section of the sample, each with its default.
fn keys(sample: &str, section: &str) -> Vec<(String, String)> {
    let head = format!("[{section}]");
    let lines =
        sample.lines().skip_while(|line| *line != head).skip(1).take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| (format!("{section}.{key}"), value.to_owned()))
        .collect()
}

fn sources() -> Vec<String> {
    let mut paths = below("crates", &[".rs"]);
    paths.retain(|path| path.contains("/src/") && !NOT_LISTED.iter().any(|folder| path.starts_with(folder)));
    paths.retain(|path| !path.ends_with("tests.rs") && !path.contains("/tests/"));
    paths.extend(below("web/src", &[".ts", ".svelte"]).into_iter().filter(|path| !path.contains(".test.")));
    paths
}

#[test]
fn the_page_of_limits_says_what_the_code_says() {
    let code: Vec<Bound> = sources().iter().flat_map(|path| constants(path, &read(path))).collect();
    assert_none(&compare(&read(PAGE), &code, &keys(&read(SAMPLE), "limits")));
}

#[test]
fn the_tests_on_the_page_of_limits_exist() {
    let page = read(PAGE);
    let named: BTreeSet<&str> = rows(&page).iter().flat_map(|row| row.tests.clone()).collect();
    let files =
        [below("crates", &[".rs"]), below("web/src", &[".test.ts"]), below("fuzz", &[".rs"])].concat();
    let rust: String = files.iter().filter(|path| path.ends_with(".rs")).map(|path| read(path)).collect();
    let exists = |name: &str| {
        rust.contains(&format!("fn {name}("))
            || files.iter().any(|path| {
                path.ends_with(&format!("/{name}")) || path.ends_with(&format!("fuzz_targets/{name}.rs"))
            })
    };
    let complaints: Vec<String> = named
        .into_iter()
        .filter(|name| !exists(name))
        .map(|name| format!("{PAGE} names {name}, which is no test"))
        .collect();
    assert_none(&complaints);
}

#[test]
fn a_bound_that_is_missing_wrong_or_gone_is_noticed() {
    let source = "/// How many.\npub const TEA_MAX: usize = 4;\nconst LINGER: Duration = Duration::from_secs(5);\n\
                  #[cfg(test)]\nmod tests { const OTHER_MAX: u8 = 1; }\n";
    let code = constants("a.rs", source);
    assert_eq!(code.len(), 2);
    let keys = keys("[limits]\n# Seconds.\nwait = 15\n[other]\nx = 1\n", "limits");
    assert_eq!(keys, [("limits.wait".to_owned(), "15".to_owned())]);
    let page = |tea: &str| {
        format!(
            "| `TEA_MAX` | `a.rs` | `{tea}` cups | no more | `x` |\n| `limits.wait` | configuration | `15` s | y | z |\n"
        )
    };
    assert_none(&compare(&page("4"), &code, &keys));
    assert_eq!(compare(&page("5"), &code, &keys), ["docs/limits.md says 5 of TEA_MAX, which is 4"]);
    assert_eq!(compare("", &code, &keys).len(), 2);
    assert_eq!(compare(&page("4"), &[], &keys), ["docs/limits.md lists TEA_MAX of a.rs, which is not there"]);
}
