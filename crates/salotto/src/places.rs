//! Where the program keeps its things when nobody says otherwise.

use std::path::{Path, PathBuf};

use anyhow::Context;
use directories::ProjectDirs;
use salotto_server::config::{Config, ConfigError, LogFile, Override, Sources};

use crate::exit::Failure;

/// The data directory: as given, or the user's own (`~/.local/share/salotto` on Linux).
pub fn data(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => Ok(project()
            .context("there is no home directory: say where to keep data with --data")?
            .data_dir()
            .into()),
    }
}

/// The configuration file: as given, or the user's own, or the machine's, whichever is there first.
pub fn config_file(given: Option<&Path>) -> Option<PathBuf> {
    let own = || project().map(|project| project.config_dir().join("salotto.toml"));
    match given {
        Some(path) => Some(path.to_owned()),
        None => [own(), Some(PathBuf::from("/etc/salotto/salotto.toml"))]
            .into_iter()
            .flatten()
            .find(|path| path.is_file()),
    }
}

/// Loads the configuration; a mistake in it is a mistake of usage.
pub fn load_config(file: Option<&Path>, overrides: Vec<Override>) -> Result<Config, Failure> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Config::load(&Sources { file: config_file(file), environment, overrides }).map_err(|error| match error {
        ConfigError::Invalid(problems) if problems.len() > 1 => {
            let all: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            Failure::usage(anyhow::anyhow!("the configuration has {} mistakes:{all}", problems.len()))
        }
        error => Failure::usage(error),
    })
}

/// The folder of the log files, if there are to be any.
pub fn log_folder(config: &Config, data: &Path) -> Option<PathBuf> {
    match &config.log.file {
        LogFile::Off => None,
        LogFile::Data => Some(data.join("log")),
        LogFile::Folder(path) => Some(path.clone()),
    }
}

/// Where the terminal client keeps messages that are not sent yet.
pub fn client_state() -> Option<PathBuf> {
    let project = project()?;
    Some(project.state_dir().unwrap_or(project.data_local_dir()).join("chat"))
}

fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "salotto")
}
