//! The power fails while the real program works: from what it asked of the disk, hundreds of disks are made that a
//! power cut may have left, and each must still hold everything that anybody was told.
//!
//! `SALOTTO_FAULTS_SEEDS=10000` makes as many disks of each recording.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use salotto_core::{Conversation, PostKind, PostRecord, Record, RoomId, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Ref, Store, verify};

use super::disk::{Dice, Disk};
use super::trace::{self, Step};
use crate::irc::{short, tag};
use crate::stubborn::{Ear, Stubborn, Told};
use crate::support::{Ended, PATIENCE, Ports, Server, data_of, wanted};

/// How many disks are made of each recording where nobody wants more.
const SEEDS: u64 = 100;
/// Every how many seeds the power is cut close to a sync, a name or another length, where most can go wrong.
const CLOSE: u64 = 2;

/// A line that somebody was sent: id, name, text.
type Line = (Seq, String, String);

/// What several lives of a program have asked of the disk, and told people.
struct Recording {
    steps: Vec<Step>,
    /// What people were told, each with its step.
    told: Vec<(usize, Line)>,
    folder: PathBuf,
    durability: Durability,
}

/// One life of the program: people talk, the log is moved into the database while nobody does, they talk again.
struct Life<'a> {
    /// Words of everybody before the pause.
    before: usize,
    /// And after it.
    after: usize,
    end: End,
    /// What goes wrong in it, see [`trace::recorder`]. Counted in each thread; none may meet the start, which gives up.
    faults: &'a [&'a str],
}

/// How a life ends.
#[derive(Clone, Copy)]
enum End {
    /// Killed when there are so many receipts after the pause.
    Killed(usize),
    /// Killed when somebody is told that the disk refuses.
    KilledWhenRefused,
    /// Asked to close when everything is said.
    Closed,
}

/// The lives of a program on a good disk.
const GOOD: [Life<'_>; 3] = [
    Life { before: 30, after: 30, end: End::Killed(30), faults: &[] },
    Life { before: 30, after: 20, end: End::Closed, faults: &[] },
    Life { before: 20, after: 30, end: End::Killed(40), faults: &[] },
];

/// Records a program on a new folder through its lives.
fn record(durability: Durability, lives: &[Life<'_>]) -> Recording {
    let name = match durability {
        Durability::Power => "power",
        Durability::Process => "process",
    };
    let ports = Ports::new();
    let mut people = ["anna", "bruno", "carla"].map(|name| {
        let person = Stubborn::new(name, 0);
        if lives.iter().all(|life| life.faults.is_empty()) { person } else { person.careful() }
    });
    let mut home = tempfile::tempdir().expect("a temporary directory");
    let (folder, mut steps) = (data_of(&home), Vec::new());
    for (number, life) in lives.iter().enumerate() {
        let into = home.path().join(format!("trace-{number}"));
        let recorder = trace::recorder(&into, life.faults);
        let setup = ports.setup().under(&recorder).variable("SALOTTO_HISTORY_DURABILITY", name);
        home = live(setup.start_in(home), ports.irc(), &mut people, life).home;
        // Steps refer to each other by their place.
        let offset = steps.len();
        steps.extend(trace::read(&into, &folder).into_iter().map(|step| match step {
            Step::Changed(of) => Step::Changed(of + offset),
            Step::SyncEnds(of, good) => Step::SyncEnds(of + offset, good),
            step => step,
        }));
        fs::remove_file(&into).expect("it was just read");
    }
    Recording { told: told(&steps), steps, folder, durability }
}

/// Lets a program live.
fn live(server: Server, port: u16, people: &mut [Stubborn], life: &Life<'_>) -> Ended {
    let ear = Ear::default();
    let talk = |people: &mut [Stubborn],
                words: usize,
                on_told: &(dyn Fn(Told) + Sync),
                meanwhile: &mut dyn FnMut()| {
        std::thread::scope(|scope| {
            for person in people {
                person.receipts.resize(person.receipts.len() + words, None);
                scope.spawn(move || person.talk(port, &|told| on_told(told)));
            }
            meanwhile();
        });
    };
    talk(people, life.before, &|_| {}, &mut || {});
    log_is_moved(&server);
    let mut server = Some(server);
    let mut ended = None;
    let mut kill = || ended = server.take().map(|server| server.stop(Signal::KILL));
    talk(people, life.after, &|told| ear.hear(told), &mut || match life.end {
        End::Killed(receipts) => {
            ear.wait_for_receipts(receipts);
            kill();
        }
        End::KilledWhenRefused => {
            ear.wait_for_refusal();
            kill();
        }
        End::Closed => {}
    });
    ended.unwrap_or_else(|| {
        assert!(people.iter().all(|person| person.receipts.iter().all(Option::is_some)));
        server.take().expect("not killed").stop(Signal::TERM)
    })
}

/// Waits until everything in the write-ahead log is in the database.
fn log_is_moved(server: &Server) {
    let log = server.data().join("salotto.db-wal");
    let give_up = Instant::now() + PATIENCE;
    while fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        assert!(Instant::now() < give_up, "the log is never moved");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What people were told in the lobby, each with its step.
fn told(steps: &[Step]) -> Vec<(usize, Line)> {
    let mut told = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let Step::Tell(lines) = step else { continue };
        told.extend(lines.iter().filter_map(|line| {
            let seq = Seq::from_msgid(tag(line, "msgid")?).expect("an id");
            let short = short(line);
            let (name, text) = short.split_once(" PRIVMSG #lobby :")?;
            Some((at, (seq, name.to_owned(), text.to_owned())))
        }));
    }
    told
}

/// What is wrong with what a power cut has left.
#[derive(Debug)]
enum Broken {
    /// Somebody was told something that is not there.
    Lost(String),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Lost(what) | Broken::Other(what) => f.write_str(what),
        }
    }
}

impl Recording {
    /// Where the power is cut for a seed: after so many steps.
    fn cut(&self, seed: u64, dice: &mut Dice) -> usize {
        let close = |step: &Step| {
            matches!(
                step,
                Step::SyncBegins(_)
                    | Step::SyncEnds(..)
                    | Step::Name(..)
                    | Step::Unlink(_)
                    | Step::Rename(..)
                    | Step::Tell(_)
                    | Step::Change(_, trace::Change::Length(_))
            )
        };
        if seed.is_multiple_of(CLOSE) {
            let places: Vec<usize> = (0..self.steps.len()).filter(|&at| close(&self.steps[at])).collect();
            (places[dice.below(places.len())] + dice.below(4)).saturating_sub(1).min(self.steps.len())
        } else {
            dice.below(self.steps.len() + 1)
        }
    }

    /// Cuts the power for a seed and looks at what is left.
    fn try_seed(&self, seed: u64, room_for: &Path) -> Result<(), (String, Broken)> {
        let mut dice = Dice::new(seed);
        let cut = self.cut(seed, &mut dice);
        let into = tempfile::tempdir_in(room_for).expect("a temporary directory");
        let left = Disk::after(&self.steps[..cut]).cut(&mut dice, &self.folder, into.path());
        let told = &self.told[..self.told.partition_point(|(at, _)| *at < cut)];
        look(into.path(), told, self.durability).map_err(|broken| {
            let how = format!("seed {seed}: cut after {cut} of {} steps; {left}", self.steps.len());
            (how, broken)
        })
    }

    /// Tries many seeds; gives what is wrong, and prints the first few of it.
    fn try_seeds(&self, seeds: u64) -> Vec<(String, Broken)> {
        let next = AtomicU64::new(0);
        // In memory where there is such a place: these disks need not outlast anything.
        let memory = Path::new("/dev/shm");
        let room_for = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut broken = Vec::new();
                        loop {
                            let seed = next.fetch_add(1, Ordering::Relaxed);
                            if seed >= seeds {
                                return broken;
                            }
                            broken.extend(self.try_seed(seed, &room_for).err());
                        }
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("looks at all of them")).collect()
        })
    }
}

/// Looks at a folder after a power cut.
fn look(folder: &Path, told: &[(usize, Line)], durability: Durability) -> Result<(), Broken> {
    let other = |what: &str, error: &dyn fmt::Debug| Broken::Other(format!("{what}: {error:?}"));
    // A power cut is no damage, and is not taken for any. Where commits do not wait for the disk, the mark may have come
    // further than they have. What was cut in the middle of its making cannot be checked, but opens.
    let excused = |problem: &String| durability == Durability::Process && problem.contains("is lost");
    if let Ok(verified) = verify(folder)
        && !(verified.damaged == 0 && verified.problems.iter().all(excused))
    {
        return Err(other("it complains", &verified));
    }
    let kept = read(folder, durability).map_err(|error| other("it does not open", &error))?;
    each_once_in_order(&kept)?;
    let found: HashMap<Seq, (&str, &str)> =
        kept.iter().map(|(seq, by, text)| (*seq, (&**by, &**text))).collect();
    for (_, (seq, by, text)) in told {
        match found.get(seq) {
            None => return Err(Broken::Lost(format!("{by} was told of {text:?}, and it is not there"))),
            Some(kept) if *kept != (&**by, &**text) => {
                return Err(Broken::Other(format!("{by} said {text:?}, and {kept:?} is there")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Opens a store, goes on from there with one more post, and gives what was said in the lobby before.
fn read(folder: &Path, durability: Durability) -> anyhow::Result<Vec<Line>> {
    let (store, durable) = Store::open(folder, durability)?;
    let reader = store.reader()?;
    let Some(lobby) = lobby(&reader.rooms()?) else { return Ok(Vec::new()) };
    let last = (Seq(durable.seq.0 + 1), Timestamp(durable.at.0 + 1));
    let post = Record::Post(one_more(lobby, last));
    store.writer()?.commit(std::slice::from_ref(&post), last)?;
    let mut kept: Vec<Line> = Vec::new();
    loop {
        let after = Ref::Seq(kept.last().map_or(Seq(0), |(seq, ..)| *seq));
        let page = reader.history(Conversation::Room(lobby), HistoryQuery::After(after), 1000)?;
        if page.is_empty() {
            let more = kept.pop();
            anyhow::ensure!(
                more.is_some_and(|(seq, ..)| seq == last.0),
                "what is said now does not come last"
            );
            return Ok(kept);
        }
        kept.extend(page.into_iter().map(|post| (post.seq, post.nick.to_string(), post.text.to_string())));
    }
}

/// Something said after the power cut.
fn one_more(lobby: RoomId, (seq, at): (Seq, Timestamp)) -> PostRecord {
    PostRecord {
        seq,
        at,
        conversation: Conversation::Room(lobby),
        kind: PostKind::Message,
        nick: "later".into(),
        address: "later@host".into(),
        account: None,
        to: "".into(),
        text: "it goes on".into(),
        tags: "".into(),
        token: None,
    }
}

fn lobby(rooms: &[(RoomId, String)]) -> Option<RoomId> {
    rooms.iter().find(|(_, name)| name == "#lobby").map(|(id, _)| *id)
}

/// Everybody's words are there once and in the order of saying, up to some point.
fn each_once_in_order(kept: &[Line]) -> Result<(), Broken> {
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, name, text) in kept {
        let number = next.entry(name).or_default();
        if *text != format!("{name} says {number}") {
            return Err(Broken::Other(format!("{name} has said {number} words, and then comes {text:?}")));
        }
        *number += 1;
    }
    Ok(())
}

fn assert_promises_kept(recording: &Recording) {
    let seeds = wanted("SALOTTO_FAULTS_SEEDS", SEEDS as usize) as u64;
    let begin = Instant::now();
    let broken = recording.try_seeds(seeds);
    println!(
        "{seeds} power cuts in {} steps, {} lines told: {} went wrong, {:.1} s",
        recording.steps.len(),
        recording.told.len(),
        broken.len(),
        begin.elapsed().as_secs_f64()
    );
    for (how, broken) in broken.iter().take(10) {
        println!("{how}: {broken}");
    }
    assert!(broken.is_empty(), "{} of {seeds} power cuts went wrong", broken.len());
}

#[test]
fn nothing_that_anybody_was_told_is_lost_when_the_power_fails() {
    assert_promises_kept(&record(Durability::Power, &GOOD));
}

fn failed_syncs(recording: &Recording) -> usize {
    recording.steps.iter().filter(|step| matches!(step, Step::SyncEnds(_, false))).count()
}

#[test]
fn nothing_is_lost_when_the_power_fails_after_the_disk_has_failed_now_and_then() {
    let faults = ["fsync:error=EIO:when=17+29", "pwrite64:error=ENOSPC:when=60+223"];
    let recording = record(Durability::Power, &GOOD.map(|life| Life { faults: &faults, ..life }));
    assert!(failed_syncs(&recording) > 3, "only {} syncs have failed", failed_syncs(&recording));
    assert_promises_kept(&recording);
}

/// What the sync has failed about is in the system's memory when the next server starts, and need not be on the disk.
#[test]
fn nothing_is_lost_when_the_power_fails_after_a_server_was_killed_whose_disk_refused() {
    let [first, second, third] = GOOD;
    let refused =
        Life { before: 0, end: End::KilledWhenRefused, faults: &["fsync:error=EIO:when=30+"], ..first };
    let recording = record(Durability::Power, &[refused, Life { before: 0, ..second }, third]);
    assert!(failed_syncs(&recording) > 0);
    assert_promises_kept(&recording);
}

/// The same eyes see what is lost where a commit does not wait for the disk, and that nothing else is wrong there.
#[test]
fn a_program_that_does_not_wait_for_the_disk_is_found_out() {
    let broken = record(Durability::Process, &GOOD).try_seeds(SEEDS);
    assert!(!broken.is_empty(), "nothing is lost, so nobody looks");
    for (how, broken) in broken {
        assert!(matches!(broken, Broken::Lost(_)), "{how}: {broken}");
    }
}
