//! Damage in the write-ahead log, which SQLite cannot tell from a torn end.
//!
//! When SQLite opens a database it takes the log up to the first frame that is not what was written, and forgets the
//! rest: after a power cut that is the transaction which was being written. But a transaction is begun only when the
//! one before it is on the disk. So where a later transaction follows on one that is not whole, it was whole once, and
//! somebody was told so. What cannot be told apart is damage to the very last transaction.
//!
//! The form of the log is described in "WAL-mode File Format" of SQLite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The two numbers that begin a log; the last bit says how sums are made.
const MAGIC: [u32; 2] = [0x377F_0682, 0x377F_0683];
/// What pages there are.
const PAGE_SIZES: [usize; 8] = [512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536];
/// How often a log is read again that changes meanwhile.
const ROUNDS_MAX: u32 = 8;
const KEPT: &str = ".damaged-";

/// A log that has lost transactions which were whole once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Damage {
    /// The first frame that is not what was written, counted from 1; 0 for the log's header.
    frame: usize,
    /// How many frames of this log there are.
    frames: usize,
    /// Tells this log from those before and after it.
    salts: (u32, u32),
}

/// The write-ahead log of a database.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Looks for damage in the log of a database, which may be in use.
pub(crate) fn damage(database: &Path) -> io::Result<Option<Damage>> {
    let path = path_of(database);
    let mut before = None;
    // A log that begins again while it is read looks like anything; what is seen twice is there.
    for _ in 0..ROUNDS_MAX {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = damage_in(&bytes);
        if found.is_none() || found == before {
            return Ok(found);
        }
        before = found;
    }
    Ok(None)
}

/// Keeps a copy of a damaged log, since SQLite is about to forget what is in it.
pub(crate) fn keep_damaged(database: &Path, damage: &Damage) -> io::Result<PathBuf> {
    let mut name = path_of(database).into_os_string();
    name.push(format!("{KEPT}{:08x}{:08x}", damage.salts.0, damage.salts.1));
    let copy = PathBuf::from(name);
    fs::copy(path_of(database), &copy)?;
    Ok(copy)
}

/// What is wrong with the log of a database, and which damaged logs are kept beside it: a line each.
pub(crate) fn problems(database: &Path) -> io::Result<Vec<String>> {
    let mut problems: Vec<String> = damage(database)?.iter().map(ToString::to_string).collect();
    let log = path_of(database);
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Ok(problems);
    };
    let kept = format!("{name}{KEPT}");
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(&kept)) {
            problems.push(format!(
                "{} is a write-ahead log that was damaged when the server started: what was said last before that is \
                 lost; remove the file when you know enough",
                name.to_string_lossy()
            ));
        }
    }
    problems.sort();
    Ok(problems)
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the write-ahead log is damaged at frame {} of {}: what was committed from there on is lost",
            self.frame, self.frames
        )
    }
}

/// A log's bytes, and how they are to be read.
struct Log<'a> {
    bytes: &'a [u8],
    page_size: usize,
    is_big_endian: bool,
}

/// Looks for damage in a log.
fn damage_in(bytes: &[u8]) -> Option<Damage> {
    let (magic, page_size) = (number(bytes, 0)?, number(bytes, 8)? as usize);
    let is_known = MAGIC.contains(&magic) && PAGE_SIZES.contains(&page_size);
    let log = Log { bytes, page_size, is_big_endian: magic & 1 == 1 };
    let sum = pair(bytes, 24);
    if is_known && log.sum((0, 0), bytes.get(..24)?) == sum {
        return log.damage_after_header(sum);
    }
    // SQLite takes nothing of a log whose header is damaged. How it was to be read, its frames show.
    PAGE_SIZES
        .iter()
        .flat_map(|&page_size| [false, true].map(|is_big_endian| (page_size, is_big_endian)))
        .find_map(|(page_size, is_big_endian)| {
            let log = Log { bytes, page_size, is_big_endian };
            let frames = log.frames();
            (0..frames.saturating_sub(1)).any(|at| log.goes_on_after(at)).then(|| Damage {
                frame: 0,
                frames,
                salts: log.salts(0),
            })
        })
}

impl<'a> Log<'a> {
    fn damage_after_header(&self, header_sum: (u32, u32)) -> Option<Damage> {
        let salts = pair(self.bytes, 16);
        let frames = self.frames();
        let (mut whole, mut sum) = (0, header_sum);
        while whole < frames && self.salts(whole) == salts && self.sum_after(sum, whole) == self.sum_of(whole)
        {
            sum = self.sum_of(whole);
            whole += 1;
        }
        let mut ends = whole..frames.saturating_sub(1);
        let is_damaged = ends.any(|at| self.salts(at) == salts && self.goes_on_after(at));
        is_damaged.then_some(Damage { frame: whole + 1, frames, salts })
    }

    fn frames(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER) / (FRAME_HEADER + self.page_size)
    }

    /// Whether a transaction ends with this frame, and the next frame goes on from it in the same log.
    fn goes_on_after(&self, at: usize) -> bool {
        self.is_commit(at)
            && self.salts(at) == self.salts(at + 1)
            && self.sum_after(self.sum_of(at), at + 1) == self.sum_of(at + 1)
    }

    fn frame(&self, at: usize) -> &'a [u8] {
        let len = FRAME_HEADER + self.page_size;
        &self.bytes[HEADER + at * len..][..len]
    }

    /// Whether a transaction ends with this frame.
    fn is_commit(&self, at: usize) -> bool {
        number(self.frame(at), 4) != Some(0)
    }

    fn salts(&self, at: usize) -> (u32, u32) {
        pair(self.frame(at), 8)
    }

    /// The sum that a frame carries.
    fn sum_of(&self, at: usize) -> (u32, u32) {
        pair(self.frame(at), 16)
    }

    /// The sum that a frame should carry behind one with another sum.
    fn sum_after(&self, before: (u32, u32), at: usize) -> (u32, u32) {
        let frame = self.frame(at);
        self.sum(self.sum(before, &frame[..8]), &frame[FRAME_HEADER..])
    }

    fn sum(&self, before: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let (mut first, mut second) = before;
        let read = if self.is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        for eight in bytes.chunks_exact(8) {
            let [a, b, c, d, e, f, g, h] = *eight else { break };
            first = first.wrapping_add(read([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(read([e, f, g, h])).wrapping_add(first);
        }
        (first, second)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn pair(bytes: &[u8], at: usize) -> (u32, u32) {
    (number(bytes, at).unwrap_or(0), number(bytes, at + 4).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::open_writable;
    use crate::store::Durability;

    /// A log of so many transactions, as a program leaves it that is killed.
    fn log_of(transactions: usize) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let writer = open_writable(&path, Durability::Process).unwrap();
        writer.execute_batch("CREATE TABLE t (body TEXT NOT NULL) STRICT").unwrap();
        for number in 1..transactions {
            writer
                .execute("INSERT INTO t VALUES (?1)", [format!("{number} {}", "long ".repeat(300))])
                .unwrap();
        }
        fs::read(path_of(&path)).unwrap()
    }

    /// For each frame whether it ends a transaction, and how long frames are.
    fn ends(bytes: &[u8]) -> (Vec<usize>, usize) {
        let log = Log { bytes, page_size: 4_096, is_big_endian: false };
        ((0..log.frames()).filter(|&at| log.is_commit(at)).collect(), FRAME_HEADER + log.page_size)
    }

    #[test]
    fn a_whole_log_is_whole_and_so_is_one_with_a_torn_end() {
        let whole = log_of(9);
        assert_eq!(damage_in(&whole), None);
        assert_eq!(damage_in(&[]), None);
        let (ends, frame) = ends(&whole);
        let last = HEADER + (ends[ends.len() - 2] + 1) * frame;
        for place in (last..whole.len()).step_by(97) {
            let mut torn = whole.clone();
            torn[place] ^= 1;
            assert_eq!(damage_in(&torn), None, "byte {place} of the last transaction");
            assert_eq!(damage_in(&whole[..place]), None, "cut at {place}");
        }
    }

    #[test]
    fn damage_before_the_last_transactions_is_found_wherever_it_is() {
        let whole = log_of(9);
        let (ends, frame) = ends(&whole);
        let checked = HEADER + (ends[ends.len() - 3] + 1) * frame;
        for place in (0..checked).step_by(13).chain(0..HEADER) {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            let expected = place.checked_sub(HEADER).map_or(0, |place| place / frame + 1);
            let found = damage_in(&damaged).unwrap_or_else(|| panic!("byte {place} of {}", whole.len()));
            assert_eq!(found.frame, expected, "byte {place}");
        }
    }
}
