//! A data directory: opening it, guarding it, giving out its writer and its readers.

use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use salotto_core::Durable;

use crate::checkpoint::{Checkpointer, Limits};
use crate::connection::{database_path, open_writable};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::writer::Writer;
use crate::{checkpoint, durable, mark, migration, wal};

const LOCK: &str = "salotto.lock";

/// Which crashes cannot take back what was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power: every commit waits until the disk has it.
    #[default]
    Power,
    /// The end of the process, however sudden. A power cut may take the last moments, and never more than them.
    Process,
}

/// An open data directory. Clones are the same one; it is let go when the last of them, and the last writer, is gone.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    dir: PathBuf,
    durability: Durability,
    writer_taken: AtomicBool,
    // Before the lock: it must have ended when the lock is let go.
    checkpointer: Checkpointer,
    _lock: File,
}

impl Store {
    /// Opens a data directory, made when it is not there, and loads what the core starts from.
    ///
    /// The database is brought to the latest form first.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Newer`] when a newer version wrote it,
    /// [`StoreError::Foreign`], or what the disk says.
    pub fn open(dir: &Path, durability: Durability) -> Result<(Store, Durable), StoreError> {
        create_dir(dir)?;
        let lock = lock(dir)?;
        let path = database_path(dir);
        if durability == Durability::Power {
            keep_damaged_log(&path)?;
        }
        let mut connection = open_writable(&path, durability)?;
        checkpoint::renew(&connection)?;
        migration::migrate(&mut connection)?;
        let durable = durable::load(&mut connection)?;
        if let Some(complaint) = mark::complaint(mark::read(&path)?, durable.seq) {
            tracing::error!("{complaint}");
        }
        let checkpointer = Checkpointer::start(connection, Limits::default())?;
        let shared = Shared {
            dir: dir.to_owned(),
            durability,
            writer_taken: AtomicBool::new(false),
            checkpointer,
            _lock: lock,
        };
        Ok((Store { shared: Arc::new(shared) }, durable))
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// The one writer.
    ///
    /// # Errors
    /// [`StoreError::WriterTaken`] while an earlier one lives.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(&self.shared)
    }

    /// A reader with a connection of its own.
    ///
    /// # Errors
    /// What opening the file says.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.shared.dir)
    }
}

impl Shared {
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn checkpointer(&self) -> &Checkpointer {
        &self.checkpointer
    }

    /// Takes the right to write; whether it was free.
    pub(crate) fn take_writer(&self) -> bool {
        !self.writer_taken.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn release_writer(&self) {
        self.writer_taken.store(false, Ordering::Release);
    }
}

/// What has been lost with a damaged log is lost: the server starts, operators are told, and the log is kept for them.
fn keep_damaged_log(database: &Path) -> Result<(), StoreError> {
    let Some(damage) = wal::damage(database)? else { return Ok(()) };
    tracing::error!(%damage, "the data is damaged");
    match wal::keep_damaged(database, &damage) {
        Ok(copy) => tracing::error!(copy = %copy.display(), "the damaged log is kept"),
        Err(error) => tracing::error!(%error, "the damaged log cannot be kept"),
    }
    Ok(())
}

/// Makes a directory that only its owner can enter, when there is none.
pub(crate) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(dir)?)
}

/// Keeps other processes out of a data directory, for as long as the file stays open.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    let file = File::options().write(true).create(true).truncate(false).open(dir.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
