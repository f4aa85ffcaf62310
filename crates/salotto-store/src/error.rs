//! What can go wrong with the store, told apart by what can be done about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use salotto_core::Seq;
use thiserror::Error;

/// Why the store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no room on the disk. Nothing was written; the same can be tried again when there is.
    #[error("the disk is full")]
    DiskFull,
    /// The disk, or the system in front of it, failed. Nothing was written; the same can be tried again.
    #[error("reading or writing the data directory failed")]
    Io(#[source] io::Error),
    /// Somebody else has held the database for too long. The same can be tried again.
    #[error("the database is in use by somebody else")]
    Busy,
    /// The database file is damaged.
    #[error("the database file is damaged")]
    Corrupt(#[source] rusqlite::Error),
    /// One post is damaged: it is not what was written.
    #[error("post {0} is damaged")]
    DamagedPost(Seq),
    /// One row holds something that no version of this program writes.
    #[error("row {id} of table {table} cannot be understood")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The row's key.
        id: u64,
    },
    /// A copy is not sound, and was not taken.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that SQLite's own check complains about.
        problem: String,
    },
    /// The database was written by a newer version of the program.
    #[error("the database has form {found}, this program knows {known} at most: it needs a newer version")]
    Newer {
        /// The form that the database has.
        found: u32,
        /// The latest form that this program knows.
        known: u32,
    },
    /// The file is not a database of this program.
    #[error("{} is not a database of Salotto", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no database where one should be.
    #[error("there is no database at {}", path.display())]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
    /// There is a file already where a new one should be written.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file that is there.
        path: PathBuf,
    },
    /// Another process has the data directory open.
    #[error("{} is in use by another process", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The store has given its one writer away, and it is still in use.
    #[error("the store has a writer already")]
    WriterTaken,
    /// SQLite refused a statement: a mistake in this program.
    #[error("SQLite refused")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether the same may succeed later without anybody repairing the data: a full disk, a failing disk, a lock.
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::DiskFull | StoreError::Io(_) | StoreError::Busy)
    }

    /// Whether data is damaged: the remedy is a backup, or another machine's copy.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            StoreError::Corrupt(_)
                | StoreError::DamagedPost(_)
                | StoreError::Unreadable { .. }
                | StoreError::Damaged { .. }
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied,
            ) => StoreError::Io(io::Error::other(error)),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error),
            _ => StoreError::Sqlite(error),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
            _ => StoreError::Io(error),
        }
    }
}
