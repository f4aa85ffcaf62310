//! The configuration: a file, the environment and options, all as somebody may have written them.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use salotto_server::config::{Config, ConfigError, Override, SAMPLE, Sources};
use tempfile::TempDir;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// Before the first NUL the file, behind it lines `NAME=value` of the environment.
pub fn run(data: &[u8]) {
    let Some(text) = crate::text(data) else { return };
    let (file, environment) = text.split_once('\0').unwrap_or((text, ""));
    // A file that the operator names is read. The operator may name any file, the fuzzer may not.
    if text.to_ascii_lowercase().contains("motd_file") || text.contains("\\u") {
        return;
    }
    let environment: Vec<(String, String)> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let overrides = match environment.first() {
        Some((_, value)) => vec![Override { key: "listen.port", option: "--port", value: value.clone() }],
        None => Vec::new(),
    };
    let sources = Sources { file: Some(written(file)), environment, overrides };
    match Config::load(&sources) {
        Ok(config) => {
            let _ = config.warnings();
            comes_back(&config);
        }
        Err(ConfigError::Invalid(problems)) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.reason.is_empty() && !problem.to_string().contains('\n'), "{problem:?}");
            }
        }
        Err(error @ ConfigError::Read { .. }) => panic!("{error}"),
    }
}

/// What is taken can be written down, and is taken again as the same.
fn comes_back(config: &Config) {
    let text = toml::to_string(config).expect("a configuration can be written");
    let sources = Sources { file: Some(written(&text)), ..Sources::default() };
    let again = Config::load(&sources).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, *config, "{text}");
}

fn written(text: &str) -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            let folder = super::store::quick_folder();
            // A fresh server starts from the sample, whatever else may be wrong.
            fs::write(folder.path().join("sample.toml"), SAMPLE).expect("written");
            folder
        });
        let path = folder.path().join("salotto.toml");
        fs::write(&path, text).expect("written");
        path
    })
}
