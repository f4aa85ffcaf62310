//! How far the database was committed, in a file of its own that is as old as the last commit or older.
//!
//! A log that was cut off, damaged in its last transaction or taken away looks like one whose end was never written,
//! and an older copy of the database looks like any other. The mark knows better: it is written after a commit is on
//! the disk, and so never runs ahead of it. It is not synced, which costs nothing, so after a power cut it may be old
//! and know less.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use salotto_core::Seq;

const LEN: usize = 16;

/// The file of a database's mark.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-mark");
    PathBuf::from(name)
}

/// The last commit that a database's mark knows of; `None` where it knows nothing, also when it is damaged.
pub(crate) fn read(database: &Path) -> io::Result<Option<Seq>> {
    match fs::read(path_of(database)) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the mark of a database that is another one from now on.
pub(crate) fn remove(database: &Path) -> io::Result<()> {
    match fs::remove_file(path_of(database)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is wrong with a database that ends before its mark. Where it is in use the mark must have been read first.
pub(crate) fn complaint(mark: Option<Seq>, last: Seq) -> Option<String> {
    mark.filter(|mark| *mark > last).map(|mark| {
        format!("the database ends at {last}, and {mark} was committed: what was said between them is lost")
    })
}

/// Writes marks.
#[derive(Debug)]
pub(crate) struct Marker {
    file: File,
}

impl Marker {
    /// Opens the mark of a database, made when it is not there.
    pub(crate) fn open(database: &Path) -> io::Result<Marker> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Marker { file: options.open(path_of(database))? })
    }

    /// Marks that everything up to here is on the disk.
    pub(crate) fn set(&self, last: Seq) {
        // A mark that cannot be written knows less, and nothing else is worse for it.
        let _ = write_at_start(&self.file, &encode(last));
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(windows)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, 0).map(drop)
}

fn encode(last: Seq) -> [u8; LEN] {
    let number = last.0.to_le_bytes();
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&blake3::hash(&number).as_bytes()[..8]);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Seq> {
    let last = Seq(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?));
    (encode(last) == bytes).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("a.db");
        assert_eq!(read(&database).unwrap(), None);
        let marker = Marker::open(&database).unwrap();
        assert_eq!(read(&database).unwrap(), None);
        marker.set(Seq(7));
        marker.set(Seq(1_000_000));
        assert_eq!(read(&database).unwrap(), Some(Seq(1_000_000)));
        assert_eq!(complaint(Some(Seq(9)), Seq(9)), None);
        assert!(complaint(Some(Seq(9)), Seq(8)).is_some_and(|text| text.contains("ends at 8, and 9")));
        let mut bytes = fs::read(path_of(&database)).unwrap();
        bytes[1] ^= 1;
        fs::write(path_of(&database), bytes).unwrap();
        assert_eq!(read(&database).unwrap(), None);
        remove(&database).unwrap();
        remove(&database).unwrap();
    }
}
