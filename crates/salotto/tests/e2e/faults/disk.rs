//! A disk that loses power: what may be left of the steps of a program, by a seed.
//!
//! What was synced is there. Of everything else each sector of 512 bytes holds any of the contents that it had since,
//! whatever its neighbours hold; lengths and names are any of those since. What a failed sync was about is never
//! sure to be there, even when a later sync succeeds, unless it was written again: systems take pages that they
//! could not write for written.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::trace::{Change, Kind, Step};

/// What disks write at one go.
const SECTOR: usize = 512;

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    /// Dice that fall alike for one seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    fn happens(&mut self, per_cent: usize) -> bool {
        self.below(100) < per_cent
    }
}

/// How much of what was not synced has reached the disk all the same.
#[derive(Clone, Copy, Debug)]
enum Luck {
    /// Each sector by itself, so likely per cent.
    Sectors(usize),
    /// Each change as a whole, so likely per cent.
    Changes(usize),
    /// All changes before one of them, and some sectors of that one.
    Prefix,
}

/// A change that is not sure to last.
struct Pending<'a> {
    step: usize,
    change: &'a Change,
    made: bool,
    /// A sync was about it and has failed.
    doubtful: bool,
    /// It is sure to last; something before it is not.
    lasts: bool,
}

/// One file.
#[derive(Default)]
struct File<'a> {
    /// What is sure to be there.
    base: Vec<u8>,
    pending: Vec<Pending<'a>>,
}

/// What a name may stand for after the power cut: the oldest is what is sure, and any of them may be true.
type Standing = Vec<Option<Entry>>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    File(usize),
    Folder,
}

/// The disk after some steps.
pub struct Disk<'a> {
    files: Vec<File<'a>>,
    names: BTreeMap<PathBuf, Standing>,
    /// For each sync under way how much it is about: the changes, by their steps, or the length of each name's list.
    syncs: HashMap<usize, Sync>,
    at: usize,
    /// How likely it is that sectors which were never written hold anything, per cent.
    garbage: usize,
}

enum Sync {
    Changes(usize, Vec<usize>),
    Names(Vec<(PathBuf, usize)>),
}

impl<'a> Disk<'a> {
    /// A disk after these steps, the last of which is the last that was begun.
    pub fn after(steps: &'a [Step]) -> Disk<'a> {
        let mut disk =
            Disk { files: Vec::new(), names: BTreeMap::new(), syncs: HashMap::new(), at: 0, garbage: 25 };
        for (at, step) in steps.iter().enumerate() {
            disk.at = at;
            disk.take(step);
        }
        disk
    }

    fn take(&mut self, step: &'a Step) {
        match step {
            Step::Name(path, kind) => {
                let entry = match (kind, self.entry(path)) {
                    (_, Some(_)) => return,
                    (Kind::Folder, None) => Entry::Folder,
                    (Kind::File, None) => {
                        self.files.push(File::default());
                        Entry::File(self.files.len() - 1)
                    }
                };
                self.stands_for(path, Some(entry));
            }
            Step::Unlink(path) => self.stands_for(path, None),
            Step::Rename(from, to) => {
                let entry = self.entry(from);
                self.stands_for(to, entry);
                self.stands_for(from, None);
            }
            Step::Change(path, change) => {
                let pending = Pending { step: self.at, change, made: false, doubtful: false, lasts: false };
                if let Some(Entry::File(file)) = self.entry(path) {
                    self.files[file].pending.push(pending);
                }
            }
            Step::Changed(step) => {
                let mut pending = self.files.iter_mut().flat_map(|file| file.pending.iter_mut().rev());
                if let Some(pending) = pending.find(|pending| pending.step == *step) {
                    pending.made = true;
                }
            }
            Step::SyncBegins(path) => {
                let sync = match self.entry(path) {
                    Some(Entry::File(file)) => {
                        let made = self.files[file].pending.iter().filter(|pending| pending.made);
                        Sync::Changes(file, made.map(|pending| pending.step).collect())
                    }
                    _ => Sync::Names(
                        self.names
                            .iter()
                            .filter(|(name, _)| name.parent() == Some(path))
                            .map(|(name, standing)| (name.clone(), standing.len()))
                            .collect(),
                    ),
                };
                self.syncs.insert(self.at, sync);
            }
            Step::SyncEnds(begin, good) => match self.syncs.remove(begin) {
                Some(Sync::Changes(file, steps)) => self.files[file].synced(&steps, *good),
                Some(Sync::Names(names)) if *good => {
                    for (name, len) in names {
                        let standing = self.names.get_mut(&name).expect("names are never forgotten");
                        standing.drain(..len - 1);
                    }
                }
                _ => {}
            },
            Step::Tell(_) | Step::Nothing => {}
        }
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        self.names.get(path).and_then(|standing| *standing.last().expect("never empty"))
    }

    fn stands_for(&mut self, path: &Path, entry: Option<Entry>) {
        self.names.entry(path.to_owned()).or_insert_with(|| vec![None]).push(entry);
    }

    /// Cuts the power: puts what is left of the files of `folder` into another folder; says how that was chosen.
    pub fn cut(self, dice: &mut Dice, folder: &Path, into: &Path) -> String {
        let luck = match dice.below(8) {
            0 => Luck::Sectors(0),
            1 => Luck::Sectors(100),
            2 => Luck::Sectors(50),
            3 => Luck::Sectors(95),
            4 => Luck::Changes(50),
            5 => Luck::Changes(90),
            _ => Luck::Prefix,
        };
        let garbage = dice.happens(self.garbage);
        let mut left = Vec::new();
        for (name, standing) in &self.names {
            let newest = match luck {
                Luck::Sectors(per_cent) | Luck::Changes(per_cent) => dice.happens(per_cent),
                Luck::Prefix => dice.happens(50),
            };
            let entry = if newest { standing.len() - 1 } else { dice.below(standing.len()) };
            match standing[entry] {
                None if name == folder => return format!("{luck:?}, nothing at all is left"),
                None | Some(Entry::Folder) => {}
                Some(Entry::File(file)) => {
                    let bytes = self.files[file].left(luck, garbage, dice);
                    let name = name.file_name().expect("a file has a name");
                    left.push(format!("{} of {} bytes", name.to_string_lossy(), bytes.len()));
                    fs::write(into.join(name), bytes).expect("written");
                }
            }
        }
        format!("{luck:?}, garbage {garbage}, left are {left:?}")
    }
}

impl File<'_> {
    /// A sync about these changes has ended.
    fn synced(&mut self, steps: &[usize], good: bool) {
        for pending in self.pending.iter_mut().filter(|pending| steps.binary_search(&pending.step).is_ok()) {
            if good && !pending.doubtful {
                pending.lasts = true;
            }
            pending.doubtful |= !good;
        }
        // What doubtful changes leave behind is covered by later ones, or stays in doubt.
        let sure = self.pending.iter().take_while(|pending| pending.lasts).count();
        for pending in self.pending.drain(..sure) {
            apply(&mut self.base, pending.change);
        }
        self.forget_covered();
    }

    /// Doubt about bytes that were written again, and last, is no doubt.
    fn forget_covered(&mut self) {
        let mut at = 0;
        while at < self.pending.len() {
            let (earlier, later) = self.pending.split_at(at + 1);
            let doubtful = &earlier[at];
            if doubtful.doubtful && !doubtful.lasts && is_covered(doubtful.change, later) {
                self.pending.remove(at);
            } else {
                at += 1;
            }
        }
        let sure = self.pending.iter().take_while(|pending| pending.lasts).count();
        for pending in self.pending.drain(..sure) {
            apply(&mut self.base, pending.change);
        }
    }

    /// What is left of it.
    fn left(&self, luck: Luck, garbage: bool, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.base.clone();
        let prefix = dice.below(self.pending.len() + 1);
        for (at, pending) in self.pending.iter().enumerate() {
            let whole = pending.lasts
                || match luck {
                    Luck::Sectors(_) => false,
                    Luck::Changes(per_cent) => dice.happens(per_cent),
                    Luck::Prefix => at < prefix,
                };
            match (pending.change, luck) {
                (change, _) if whole => apply(&mut bytes, change),
                // A file that has become shorter is so at one moment, and what comes later comes later.
                (Change::Length(len), _) if (*len as usize) < bytes.len() => {
                    let happens = match luck {
                        Luck::Sectors(per_cent) => dice.happens(per_cent),
                        Luck::Changes(_) | Luck::Prefix => false,
                    };
                    if !happens {
                        return self.left_with_all_that_lasts(bytes, at);
                    }
                    apply(&mut bytes, pending.change);
                }
                (Change::Length(len), Luck::Sectors(per_cent)) if dice.happens(per_cent) => {
                    bytes.resize(*len as usize, 0);
                }
                (Change::Write(offset, data), Luck::Sectors(per_cent)) => {
                    tear(&mut bytes, *offset as usize, data, per_cent, garbage, dice);
                }
                (Change::Write(offset, data), Luck::Prefix) if at == prefix => {
                    tear(&mut bytes, *offset as usize, data, 50, garbage, dice);
                }
                _ => {}
            }
        }
        bytes
    }

    fn left_with_all_that_lasts(&self, mut bytes: Vec<u8>, from: usize) -> Vec<u8> {
        for pending in self.pending[from..].iter().filter(|pending| pending.lasts) {
            apply(&mut bytes, pending.change);
        }
        bytes
    }
}

/// Whether later changes that last are about every byte of this one.
fn is_covered(change: &Change, later: &[Pending<'_>]) -> bool {
    let Change::Write(offset, data) = change else {
        return later.iter().any(|later| later.lasts && matches!(later.change, Change::Length(_)));
    };
    let mut open = vec![(*offset, offset + data.len() as u64)];
    for later in later.iter().filter(|later| later.lasts) {
        let (from, to) = match later.change {
            Change::Write(offset, data) => (*offset, offset + data.len() as u64),
            Change::Length(len) => (*len, u64::MAX),
        };
        let left = |&(begin, end): &(u64, u64)| [(begin, end.min(from)), (begin.max(to), end)];
        open = open.iter().flat_map(left).filter(|(begin, end)| begin < end).collect();
    }
    open.is_empty()
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, data) => put(bytes, *offset as usize, data),
        Change::Length(len) => bytes.resize(*len as usize, 0),
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

/// Writes some of the sectors.
fn tear(bytes: &mut Vec<u8>, offset: usize, data: &[u8], per_cent: usize, garbage: bool, dice: &mut Dice) {
    let mut at = 0;
    while at < data.len() {
        let end = data.len().min(at + SECTOR - (offset + at) % SECTOR);
        let from = offset + at;
        if dice.happens(per_cent) {
            put(bytes, from, &data[at..end]);
        } else if garbage && from >= bytes.len() && dice.happens(50) {
            // The file has grown, and nobody has written there.
            let noise: Vec<u8> = (at..end).map(|_| dice.bits() as u8).collect();
            put(bytes, from, &noise);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &str, offset: u64, text: &str) -> Step {
        Step::Change(path.into(), Change::Write(offset, text.into()))
    }

    /// Everything that may be left of `/d/a`, over many seeds: `None` where there is no such file.
    fn left(steps: &[Step]) -> Vec<Option<String>> {
        let mut found = Vec::new();
        for seed in 0..400 {
            let into = tempfile::tempdir().expect("a temporary directory");
            let disk = Disk { garbage: 0, ..Disk::after(steps) };
            disk.cut(&mut Dice::new(seed), Path::new("/d"), into.path());
            let bytes = fs::read(into.path().join("a")).ok();
            let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', "."));
            if !found.contains(&text) {
                found.push(text);
            }
        }
        found.sort();
        found
    }

    fn made() -> Vec<Step> {
        let (file, folder) = (PathBuf::from("/d/a"), PathBuf::from("/d"));
        vec![Step::Name(file, Kind::File), Step::SyncBegins(folder), Step::SyncEnds(1, true)]
    }

    #[test]
    fn what_is_synced_is_there_and_what_is_not_may_be() {
        let mut steps = made();
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(left(&steps[..2]), [None, is("")]);
        steps.extend([write("/d/a", 0, "one"), Step::Changed(3)]);
        assert_eq!(left(&steps), [is(""), is("one")]);
        steps.push(Step::SyncBegins("/d/a".into()));
        assert_eq!(left(&steps), [is(""), is("one")]);
        steps.push(Step::SyncEnds(5, true));
        assert_eq!(left(&steps), [is("one")]);
        steps.extend([write("/d/a", 1, "NE"), write("/d/a", 3, "!")]);
        assert_eq!(left(&steps), [is("oNE"), is("oNE!"), is("one"), is("one!")]);
        steps.push(Step::Change("/d/a".into(), Change::Length(0)));
        steps.push(write("/d/a", 0, "new"));
        assert!(left(&steps).contains(&is("one!")) && left(&steps).contains(&is("new")));
        assert!(
            !left(&steps).contains(&is("new!")),
            "what was cut off does not come back behind what is new"
        );
    }

    #[test]
    fn a_write_that_has_not_ended_is_not_synced() {
        let mut steps = made();
        steps.extend([write("/d/a", 0, "one"), Step::SyncBegins("/d/a".into()), Step::Changed(3)]);
        steps.push(Step::SyncEnds(4, true));
        assert_eq!(left(&steps).len(), 2);
    }

    #[test]
    fn what_a_sync_has_failed_about_lasts_only_when_it_is_written_again() {
        let mut steps = made();
        let file = || PathBuf::from("/d/a");
        steps.extend([write("/d/a", 0, "one"), Step::Changed(3)]);
        steps.extend([Step::SyncBegins(file()), Step::SyncEnds(5, false)]);
        steps.extend([Step::SyncBegins(file()), Step::SyncEnds(7, true)]);
        assert_eq!(left(&steps).len(), 2, "a second sync says nothing about it");
        steps.extend([write("/d/a", 0, "one"), Step::Changed(9)]);
        steps.extend([Step::SyncBegins(file()), Step::SyncEnds(11, true)]);
        assert_eq!(left(&steps), [Some("one".to_owned())]);
    }

    #[test]
    fn sectors_are_torn_and_names_come_and_go() {
        let mut steps = made();
        steps.push(write("/d/a", 0, &("x".repeat(SECTOR) + &"y".repeat(SECTOR))));
        let found = left(&steps);
        assert!(
            found.contains(&Some(".".repeat(SECTOR) + &"y".repeat(SECTOR))),
            "the second without the first"
        );
        assert!(found.contains(&Some("x".repeat(SECTOR))), "the first without the second");
        let mut steps = made();
        steps.push(Step::Rename("/d/a".into(), "/d/b".into()));
        assert_eq!(left(&steps), [None, Some(String::new())]);
    }
}
