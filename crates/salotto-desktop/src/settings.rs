//! What the program remembers between two starts, in one JSON file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The name of the file inside the program's configuration folder.
const FILE_NAME: &str = "settings.json";

/// The name an unreadable file is kept under, so that a person can still look at it.
const DAMAGED_FILE_NAME: &str = "settings.damaged.json";

/// The largest file that is read or written, in bytes.
pub const SETTINGS_SIZE_MAX: usize = 64 * 1024;

/// What is remembered. Whatever has never been set is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The server used last: a host name or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its TCP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the connection to it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// The user name used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The language chosen, as a BCP 47 tag: `en` or `it`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The theme chosen: `light`, `dark` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// What another version of the interface has stored; kept as it is.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why the settings could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// They would take more than [`SETTINGS_SIZE_MAX`] bytes.
    #[error("the settings are larger than {SETTINGS_SIZE_MAX} bytes")]
    TooLarge,
    /// The file could not be written; the one before is untouched.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// The file the settings live in.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    folder: PathBuf,
}

impl SettingsFile {
    /// The settings file in `folder`, which need not exist yet.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Reads the settings. A file that is absent, unreadable or damaged means
    /// defaults: nobody is kept out of a chat by it. A damaged one is kept beside.
    pub fn load(&self) -> Settings {
        let path = self.path();
        let Ok(bytes) = read_bounded(&path) else {
            return Settings::default();
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            // If it cannot be moved, the next save replaces it.
            let _ = fs::rename(&path, self.folder.join(DAMAGED_FILE_NAME));
            Settings::default()
        })
    }

    /// Writes the settings whole or not at all: to a file beside, synced, then
    /// renamed over the old one.
    ///
    /// # Errors
    ///
    /// [`SaveError`]; the old settings are then still there.
    pub fn save(&self, settings: &Settings) -> Result<(), SaveError> {
        let path = self.path();
        let failed = |source| SaveError::Write { path: path.clone(), source };
        let json = serde_json::to_vec_pretty(settings).map_err(|error| failed(error.into()))?;
        if json.len() > SETTINGS_SIZE_MAX {
            return Err(SaveError::TooLarge);
        }
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;

    let mut bytes = Vec::new();
    let limit = u64::try_from(SETTINGS_SIZE_MAX).unwrap_or(u64::MAX);
    fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Settings {
        Settings {
            host: Some("chat.example.org".to_owned()),
            port: Some(6697),
            tls: Some(true),
            name: Some("Anna".to_owned()),
            language: Some("it".to_owned()),
            theme: None,
            other: Map::new(),
        }
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn what_is_saved_is_loaded_by_the_next_start() {
        let folder = folder();
        let nested = folder.path().join("salotto");
        SettingsFile::in_folder(nested.clone()).save(&anna()).expect("saved");
        assert_eq!(SettingsFile::in_folder(nested).load(), anna());
    }

    #[test]
    fn the_first_start_has_nothing_to_remember() {
        let folder = folder();
        let file = SettingsFile::in_folder(folder.path().to_path_buf());
        assert_eq!(file.load(), Settings::default());
    }

    #[test]
    fn saving_leaves_no_other_file_behind() {
        let folder = folder();
        let file = SettingsFile::in_folder(folder.path().to_path_buf());
        file.save(&anna()).expect("saved");
        file.save(&Settings::default()).expect("saved again");
        let names: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names, [FILE_NAME]);
    }

    #[test]
    fn a_damaged_file_means_defaults_and_is_kept_beside() {
        let folder = folder();
        fs::write(folder.path().join(FILE_NAME), b"{\"host\": ").expect("written");
        let file = SettingsFile::in_folder(folder.path().to_path_buf());
        assert_eq!(file.load(), Settings::default());
        let kept = fs::read(folder.path().join(DAMAGED_FILE_NAME)).expect("the damaged file");
        assert_eq!(kept, b"{\"host\": ");
    }

    #[test]
    fn keys_of_another_version_survive() {
        let json = r#"{"host":"a","fingerprints":{"a:6697":"AB"}}"#;
        let settings: Settings = serde_json::from_str(json).expect("settings");
        assert_eq!(serde_json::to_string(&settings).expect("json"), json);
    }

    #[test]
    fn settings_that_could_not_be_read_back_are_not_saved() {
        let folder = folder();
        let file = SettingsFile::in_folder(folder.path().to_path_buf());
        file.save(&anna()).expect("saved");
        let mut large = anna();
        large.name = Some("x".repeat(SETTINGS_SIZE_MAX));
        assert!(matches!(file.save(&large), Err(SaveError::TooLarge)));
        assert_eq!(file.load(), anna());
    }
}
