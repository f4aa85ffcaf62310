//! Checking a database, copying it while it is in use, and putting a copy in place.

use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use rusqlite::Connection;
use salotto_core::Seq;

use crate::connection::{create_private, database_path, loaded, open_readable, sync_folder};
use crate::error::StoreError;
use crate::{mark, post, store, wal};

const ALL_POSTS: &str = concat!("SELECT ", post::columns!(), " FROM posts ORDER BY seq");

/// How many complaints of SQLite's own check are kept.
const PROBLEMS_MAX: usize = 100;

/// What a check has found.
#[must_use = "a check that nobody looks at finds nothing"]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// The last command whose records are there.
    pub last: Seq,
    /// How many posts there are.
    pub posts: u64,
    /// How many of them are not what was written.
    pub damaged: u64,
    /// The first of those.
    pub first_damaged: Option<Seq>,
    /// What SQLite's own check complains about, and what could not be read at all; 100 lines at most.
    pub problems: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.problems.is_empty()
    }
}

/// Checks the database of a data directory: SQLite's `integrity_check`, the checksum of every post, and the write-ahead
/// log. It may be in use meanwhile.
///
/// # Errors
/// Only what keeps the check from being made; what it finds is in the answer.
pub fn verify(dir: &Path) -> Result<Verified, StoreError> {
    let path = database_path(dir);
    let mark = mark::read(&path)?;
    let mut verified = verify_file(&path)?;
    verified.problems.extend(wal::problems(&path)?);
    verified.problems.extend(mark::complaint(mark, verified.last));
    Ok(verified)
}

/// Copies the database of a data directory to a new file, while it may be in use, and checks the copy.
///
/// The file appears under its name only when it is complete and on the disk. It holds what the database
/// holds, passwords' hashes and keys included, and only its owner can read it.
///
/// # Errors
/// [`StoreError::Exists`] when there is such a file already; or what the disk says. No file is left then.
pub fn backup(dir: &Path, to: &Path) -> Result<Verified, StoreError> {
    refuse_existing(to)?;
    let from = database_path(dir);
    let mark = mark::read(&from)?;
    let connection = open_readable(&from)?;
    let partial = Partial::create(to)?;
    // SQLite takes names of files as text alone.
    let name = partial.path.to_str().ok_or(std::io::Error::from(std::io::ErrorKind::InvalidFilename))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    let mut verified = verify_file(&partial.path)?;
    // The copy is whole, and yet does not hold what was lost before.
    verified.problems.extend(wal::damage(&from)?.iter().map(ToString::to_string));
    verified.problems.extend(mark::complaint(mark, verified.last));
    partial.finish(to)?;
    Ok(verified)
}

/// Puts a copy made by [`backup`] in place as the database of a data directory that has none.
///
/// The copy is checked first; one that is not sound is not taken.
///
/// # Errors
/// [`StoreError::Exists`] when the data directory has a database, [`StoreError::Locked`] when it is in use,
/// [`StoreError::DamagedPost`] or [`StoreError::Damaged`] when the copy is not sound; or what the disk says.
pub fn restore(from: &Path, dir: &Path) -> Result<Verified, StoreError> {
    let verified = verify_file(from)?;
    if let Some(seq) = verified.first_damaged {
        return Err(StoreError::DamagedPost(seq));
    }
    if let Some(problem) = verified.problems.into_iter().next() {
        return Err(StoreError::Damaged { path: from.to_owned(), problem });
    }
    store::create_dir(dir)?;
    let _lock = store::lock(dir)?;
    let to = database_path(dir);
    refuse_existing(&to)?;
    // A write-ahead log left there would be taken for that of the copy.
    refuse_existing(&wal::path_of(&to))?;
    mark::remove(&to)?;
    let partial = Partial::create(&to)?;
    fs::copy(from, &partial.path)?;
    partial.finish(&to)?;
    verify(dir)
}

/// Both checks at once: each takes about as long as the other, and neither needs what the other finds.
fn verify_file(path: &Path) -> Result<Verified, StoreError> {
    let (structure, posts) = thread::scope(|scope| {
        let structure = scope.spawn(|| run_check(path, check_structure));
        let posts = run_check(path, check_posts);
        (structure.join().unwrap_or_else(|panic| resume_unwind(panic)), posts)
    });
    let (structure, mut verified) = (structure?, posts?);
    verified.problems.splice(0..0, structure.problems);
    Ok(verified)
}

fn run_check(
    path: &Path,
    check: fn(&Connection, &mut Verified) -> Result<(), StoreError>,
) -> Result<Verified, StoreError> {
    let connection = open_readable(path)?;
    let mut verified = Verified::default();
    match check(&connection, &mut verified) {
        // Damage can make any statement fail; that is a finding, not a failure of the check.
        Err(StoreError::Corrupt(error)) => verified.problems.push(error.to_string()),
        done => done?,
    }
    Ok(verified)
}

/// The quick form of this check does not compare the indexes with what they point at, and a page of history is read
/// through an index.
fn check_structure(connection: &Connection, verified: &mut Verified) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({PROBLEMS_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            verified.problems.push(line);
        }
    }
    Ok(())
}

fn check_posts(connection: &Connection, verified: &mut Verified) -> Result<(), StoreError> {
    let last: i64 = connection.query_row("SELECT seq FROM head", [], |row| row.get(0))?;
    verified.last = Seq(loaded(last));
    let mut statement = connection.prepare(ALL_POSTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        verified.posts += 1;
        match post::read(row) {
            Ok(_) => {}
            Err(StoreError::DamagedPost(seq)) => {
                verified.damaged += 1;
                verified.first_damaged.get_or_insert(seq);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    if path.try_exists()? { Err(StoreError::Exists { path: path.to_owned() }) } else { Ok(()) }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A file in the making, beside its place; gone unless it was finished.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn create(to: &Path) -> Result<Partial, StoreError> {
        let path = with_suffix(to, ".partial");
        // What an interrupted attempt left is nobody's.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        create_private(&path)?;
        Ok(Partial { path })
    }

    /// Makes the content last, then the name.
    fn finish(self, to: &Path) -> Result<(), StoreError> {
        File::options().write(true).open(&self.path)?.sync_all()?;
        fs::rename(&self.path, to)?;
        Ok(sync_folder(to)?)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name.
        let _ = fs::remove_file(&self.path);
    }
}
