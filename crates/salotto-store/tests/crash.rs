//! The process is killed while it commits, or the system refuses to write, and nothing that was acknowledged is
//! gone.

mod common;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{LOBBY, post};
use salotto_core::{Record, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Ref, Store, StoreError, Writer, verify};

const ROUNDS: u64 = 12;
/// Tells this very test to be the process that is killed.
const CHILD: &str = "SALOTTO_STORE_CRASH_DIR";

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    if let Some(dir) = env::var_os(CHILD) {
        commit_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        acknowledged = acknowledged.max(kill_after(dir.path(), 3 + round * 11));
        let (store, durable) = Store::open(dir.path(), Durability::Power).unwrap();
        assert!(durable.seq.0 >= acknowledged, "{acknowledged} was acknowledged, {} is there", durable.seq);
        assert_eq!(whole_posts(&store), durable.seq.0);
    }
    assert!(verify(dir.path()).unwrap().is_sound());
    assert!(acknowledged > 0);
}

/// A limit on the size of files stands for a disk that refuses: writing fails from some moment on.
#[cfg(unix)]
#[test]
fn a_refused_write_takes_nothing_that_was_acknowledged() {
    if let Some(dir) = env::var_os(CHILD) {
        commit_until_refused(Path::new(&dir));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "a_refused_write_takes_nothing_that_was_acknowledged", "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged =
        output.stdout.lines().map_while(Result::ok).filter_map(|line| acknowledgement(&line)).last();
    let (store, durable) = Store::open(dir.path(), Durability::Power).unwrap();
    assert!(
        acknowledged.is_some_and(|seq| seq > 0 && seq == durable.seq.0),
        "{acknowledged:?} {}",
        durable.seq
    );
    assert_eq!(whole_posts(&store), durable.seq.0);
    assert!(verify(dir.path()).unwrap().is_sound());
}

/// Reads all posts, which must be those that children write, and counts them. Every command of a child is a post:
/// a batch that is there by halves would show as a difference to the last command.
fn whole_posts(store: &Store) -> u64 {
    let reader = store.reader().unwrap();
    let mut last = 0;
    loop {
        let page = reader.history(LOBBY, HistoryQuery::After(Ref::Seq(Seq(last))), 1000).unwrap();
        if page.is_empty() {
            return last;
        }
        for found in page {
            last += 1;
            assert_eq!(found, post(last, last, LOBBY));
        }
    }
}

/// Starts a child, reads so many of its acknowledgements, and kills it in the middle of whatever it does then;
/// the last that it acknowledged.
fn kill_after(dir: &Path, lines: u64) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "what_was_acknowledged_outlives_a_kill", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut seen = 0;
    while seen < lines {
        let line = output.next().expect("the child goes on until it is killed").unwrap();
        if let Some(number) = acknowledgement(&line) {
            acknowledged = number;
            seen += 1;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts, too.
    output.map_while(Result::ok).filter_map(|line| acknowledgement(&line)).last().unwrap_or(acknowledged)
}

/// The number in a line that is whole: the last one may be cut off, and other lines are the test runner's.
fn acknowledgement(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.strip_suffix(" .")?.parse().ok()
}

fn commit_until_killed(dir: &Path) -> ! {
    let mut committer = Committer::open(dir);
    loop {
        committer.commit().unwrap();
    }
}

#[cfg(unix)]
fn commit_until_refused(dir: &Path) {
    let mut committer = Committer::open(dir);
    while committer.commit().is_ok() {}
    // The same batch again, by the same writer: refused again, and for the same reason.
    let error = committer.commit().unwrap_err();
    assert!(error.may_pass(), "{error:?}");
}

/// Commits posts in batches of changing size, and says so when it is done.
struct Committer {
    writer: Writer,
    seq: u64,
}

impl Committer {
    fn open(dir: &Path) -> Committer {
        let (store, durable) = Store::open(dir, Durability::Power).unwrap();
        Committer { writer: store.writer().unwrap(), seq: durable.seq.0 }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let last = self.seq + self.seq * 7919 % 40 + 1;
        let batch: Vec<Record> =
            (self.seq + 1..=last).map(|seq| Record::Post(post(seq, seq, LOBBY))).collect();
        self.writer.commit(&batch, (Seq(last), Timestamp(last)))?;
        self.seq = last;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "acknowledged {last} .").unwrap();
        stdout.flush().unwrap();
        Ok(())
    }
}
