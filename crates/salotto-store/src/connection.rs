//! Opening the database file, for writing and for reading.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::migration::{self, Form};
use crate::store::Durability;

const DATABASE: &str = "salotto.db";

/// How long a connection waits for another to let go before it says [`StoreError::Busy`].
pub(crate) const BUSY_MAX: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps: more than there are different ones.
const STATEMENTS_MAX: usize = 64;

/// The database file of a data directory.
pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Opens the database for writing and makes it when it is not there.
pub(crate) fn open_writable(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    create_private(path)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_MAX)?;
    check_form(&connection, path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Where a plain fsync leaves data in the drive's cache, ask for more; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", durability == Durability::Power)?;
    connection.pragma_update(None, "checkpoint_fullfsync", durability == Durability::Power)?;
    // What is deleted is gone from the file, too.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Opens the database for reading; it must be there, and in a form that this program knows.
pub(crate) fn open_readable(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_MAX)?;
    if check_form(&connection, path)? == Form::Empty {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

fn check_form(connection: &Connection, path: &Path) -> Result<Form, StoreError> {
    match migration::form(connection)? {
        Form::Foreign => Err(StoreError::Foreign { path: path.to_owned() }),
        Form::Ours(found) if found > migration::KNOWN => {
            Err(StoreError::Newer { found, known: migration::KNOWN })
        }
        form => Ok(form),
    }
}

/// Makes an empty file that only its owner can read, when there is none; SQLite's own files take its rights over.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {
            sync_folder(path)?;
            Ok(sync_way(path)?)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes a new, renamed or removed entry of a file's folder last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Windows has no such call, and needs none.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Makes the names of the folders last in which a new file is: they may be as new as the file, and a power cut that took
/// one of them would take everything.
fn sync_way(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for folder in std::path::absolute(path)?.ancestors().skip(1) {
        match sync_folder(folder) {
            Ok(()) => {}
            // Whoever may not even read a folder has made nothing in it, and not every system syncs folders.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied
                        | io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                ) => {}
            Err(error) => return Err(error),
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A number as SQLite keeps it. Nothing real is above its reach; what is, is held there.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it came out of SQLite; the sign is never used.
pub(crate) fn loaded(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
