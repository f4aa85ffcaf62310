//! Files for their owner's eyes, one for each server and name.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The path of a file of this kind for a server and a name.
pub(crate) fn path(directory: &Path, kind: &str, host: &str, port: u16, name: &str) -> PathBuf {
    let safe = |text: &str| -> String {
        let keep = |c: char| if c.is_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
        text.chars().take(100).map(keep).collect()
    };
    directory.join(format!("{kind}-{}-{port}-{}", safe(host), safe(name)))
}

/// Writes a file that only its owner may read, whole or not at all. Nothing to write removes it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // Renaming is whole or not at all. What is left of an earlier attempt might be open to others.
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(bytes)?;
    fs::rename(&new, path)
}
