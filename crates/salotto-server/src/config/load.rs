//! Putting the file, the environment and the command line together, and saying who made a mistake.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{Config, LogFile, MOTD_LEN_MAX, validate};

/// The most bytes of the configuration file; the sample has a hundredth of it.
const FILE_LEN_MAX: usize = 1024 * 1024;

/// Where configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those whose name does not begin with `SALOTTO_` and a section are left alone.
    pub environment: Vec<(String, String)>,
    /// Values given on the command line.
    pub overrides: Vec<Override>,
}

/// One value given on the command line.
#[derive(Clone, Debug)]
pub struct Override {
    /// The dotted key it stands for, such as `listen.port`.
    pub key: &'static str,
    /// The option as the user typed it, such as `--port`.
    pub option: &'static str,
    /// The value; the elements of a list are separated by commas.
    pub value: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file, at this line, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; 0 when the mistake is in no one line.
        line: usize,
    },
    /// This environment variable.
    Environment(String),
    /// This option of the command line.
    Option(String),
    /// Nobody gave it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line: 0 } => write!(out, "{}", path.display()),
            Origin::File { path, line } => write!(out, "{} line {line}", path.display()),
            Origin::Environment(name) => write!(out, "environment variable {name}"),
            Origin::Option(option) => write!(out, "option {option}"),
            Origin::Default => out.write_str("configuration"),
        }
    }
}

/// One wrong value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was given.
    pub origin: Origin,
    /// The dotted key, empty when the file cannot be read as TOML at all.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(out, "{}: {}", self.origin, self.reason),
            key => write!(out, "{}: {key}: {}", self.origin, self.reason),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The configuration file, or a file that it names.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Values are wrong; there is at least one problem.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
}

/// Reads all sources, the later ones winning, and checks the result.
pub(super) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let text = match &sources.file {
        None => String::new(),
        Some(path) => read(path, FILE_LEN_MAX)?.ok_or_else(|| {
            let reason = format!("longer than {FILE_LEN_MAX} bytes");
            let origin = Origin::File { path: path.clone(), line: 0 };
            ConfigError::Invalid(vec![Problem { origin, key: String::new(), reason }])
        })?,
    };
    let file = File { path: sources.file.clone().unwrap_or_default(), text };
    let mut table = file.read()?;
    let mut given = BTreeMap::new();
    let mut problems = Vec::new();

    for (name, value) in &sources.environment {
        let Some(key) = key_of_variable(name) else { continue };
        let origin = Origin::Environment(name.clone());
        put(&mut table, &mut given, &mut problems, &key, value, origin);
    }
    for Override { key, option, value } in &sources.overrides {
        put(&mut table, &mut given, &mut problems, key, value, Origin::Option((*option).to_owned()));
    }
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }

    let mut config = Config::deserialize(table).map_err(|error| {
        let reason = error.message().to_owned();
        ConfigError::Invalid(vec![Problem { origin: Origin::Default, key: String::new(), reason }])
    })?;
    problems = validate::validate(&config)
        .into_iter()
        .map(|broken| {
            let origin = given.get(&broken.key).cloned().unwrap_or_else(|| file.origin_of(&broken.key));
            Problem { origin, key: broken.key, reason: broken.reason }
        })
        .collect();
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }
    resolve_paths(&mut config, &file, &given)?;
    Ok(config)
}

struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// Reads the file as TOML and checks its keys and types.
    fn read(&self) -> Result<Table, ConfigError> {
        let invalid = |error: &toml::de::Error| {
            let span = error.span().unwrap_or(0..0);
            let line = if error.span().is_some() { self.line_at(span.start) } else { 0 };
            ConfigError::Invalid(vec![Problem {
                origin: Origin::File { path: self.path.clone(), line },
                key: self.key_at(&span),
                reason: error.message().replace('\n', ", "),
            }])
        };
        toml::from_str::<Config>(&self.text).map_err(|error| invalid(&error))?;
        toml::from_str::<Table>(&self.text).map_err(|error| invalid(&error))
    }

    /// Where the file gives this key, or whatever of its beginning it gives.
    fn origin_of(&self, key: &str) -> Origin {
        let Ok(document) = DeTable::parse(&self.text) else { return Origin::Default };
        let mut table = document.get_ref();
        let mut line = None;
        // Only the first dot separates: the name of an operator may hold more.
        for part in key.splitn(2, '.') {
            let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == part) else { break };
            line = Some(self.line_at(name.span().start));
            let DeValue::Table(inner) = value.get_ref() else { break };
            table = inner;
        }
        match line {
            Some(line) => Origin::File { path: self.path.clone(), line },
            None => Origin::Default,
        }
    }

    /// The dotted key whose name or value a span of the text lies in.
    fn key_at(&self, span: &Range<usize>) -> String {
        fn search(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
            for (name, value) in table {
                path.push(name.get_ref().to_string());
                let inside = |span: Range<usize>| span.contains(&at);
                if let DeValue::Table(inner) = value.get_ref()
                    && search(inner, at, path)
                {
                    return true;
                }
                if inside(name.span()) || inside(value.span()) {
                    return true;
                }
                path.pop();
            }
            false
        }
        let mut path = Vec::new();
        if let Ok(document) = DeTable::parse(&self.text) {
            search(document.get_ref(), span.start, &mut path);
        }
        path.join(".")
    }

    fn line_at(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        self.text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

/// `SALOTTO_LISTEN_TLS_PORT` is `listen.tls_port`; a variable of no section of ours is none of our business.
fn key_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix("SALOTTO_")?.to_ascii_lowercase();
    let (section, key) =
        rest.split_once('_').map_or((rest.as_str(), None), |(head, tail)| (head, Some(tail)));
    match (section, key) {
        ("operators", None) => Some("operators".to_owned()),
        (
            "server" | "listen" | "tls" | "rooms" | "history" | "limits" | "accounts" | "operators" | "log"
            | "web",
            Some(key),
        ) => Some(format!("{section}.{key}")),
        _ => None,
    }
}

/// Puts a value given as text under its key, if the key exists and takes it.
fn put(
    table: &mut Table,
    given: &mut BTreeMap<String, Origin>,
    problems: &mut Vec<Problem>,
    key: &str,
    text: &str,
    origin: Origin,
) {
    match value_for(key, text) {
        Ok(value) => {
            match key.split_once('.') {
                None => drop(table.insert(key.to_owned(), value)),
                Some((section, name)) => {
                    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(section) = section {
                        section.insert(name.to_owned(), value);
                    }
                }
            }
            given.insert(key.to_owned(), origin);
        }
        Err(reason) => problems.push(Problem { origin, key: key.to_owned(), reason }),
    }
}

/// Finds the reading of `text` that the key's type takes: as it stands, as TOML, or as a list with commas.
fn value_for(key: &str, text: &str) -> Result<Value, String> {
    let toml = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    let list = Value::Array(
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(part.to_owned()))
            .collect(),
    );
    let mut reason = None;
    for candidate in [Some(Value::String(text.to_owned())), toml, Some(list)].into_iter().flatten() {
        let is_list = candidate.is_array();
        match Config::deserialize(alone(key, candidate.clone())) {
            Ok(_) => return Ok(candidate),
            // What a number out of range says is more use than that a number is not a string; a list is the
            // last resort and has nothing to say.
            Err(error) if !is_list || reason.is_none() => reason = Some(error.message().replace('\n', ", ")),
            Err(_) => {}
        }
    }
    Err(reason.unwrap_or_default())
}

fn alone(key: &str, value: Value) -> Table {
    let mut table = Table::new();
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((section, name)) => {
            let mut inner = Table::new();
            inner.insert(name.to_owned(), value);
            table.insert(section.to_owned(), Value::Table(inner));
        }
    }
    table
}

/// Paths given in the file are relative to it; the message of the day is read here.
fn resolve_paths(
    config: &mut Config,
    file: &File,
    given: &BTreeMap<String, Origin>,
) -> Result<(), ConfigError> {
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let resolve = |key: &str, path: &mut PathBuf| {
        if !given.contains_key(key) {
            *path = folder.join(&path);
        }
    };
    if let Some(path) = &mut config.tls.certificate {
        resolve("tls.certificate", path);
    }
    if let Some(path) = &mut config.tls.key {
        resolve("tls.key", path);
    }
    if let LogFile::Folder(path) = &mut config.log.file {
        resolve("log.file", path);
    }
    if let Some(path) = &mut config.server.motd_file {
        resolve("server.motd_file", path);
        config.server.motd = read(path, MOTD_LEN_MAX)?.ok_or_else(|| {
            let key = "server.motd_file".to_owned();
            let origin = given.get(&key).cloned().unwrap_or_else(|| file.origin_of(&key));
            ConfigError::Invalid(vec![Problem { origin, key, reason: validate::motd_too_long() }])
        })?;
    }
    Ok(())
}

/// The text of a file; `None` where it has more than `len_max` bytes, or no end at all.
fn read(path: &Path, len_max: usize) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(len_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > len_max {
        return Ok(None);
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    Ok(Some(text))
}
