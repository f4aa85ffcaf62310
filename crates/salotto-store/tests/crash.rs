//! The process is killed while it commits, again and again, and nothing that was acknowledged is gone.

mod common;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{LOBBY, post};
use salotto_core::{Record, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Ref, Store, verify};

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
        // Every command of the child is a post: a batch that is there by halves would show as a difference.
        let reader = store.reader().unwrap();
        let mut next = 1;
        loop {
            let page = reader.history(LOBBY, HistoryQuery::After(Ref::Seq(Seq(next - 1))), 1000).unwrap();
            for found in &page {
                assert_eq!(*found, post(next, next, LOBBY));
                next += 1;
            }
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(next - 1, durable.seq.0);
    }
    assert!(verify(dir.path()).unwrap().is_sound());
    assert!(acknowledged > 0);
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
    let (store, durable) = Store::open(dir, Durability::Power).unwrap();
    let mut writer = store.writer().unwrap();
    let mut stdout = std::io::stdout();
    let mut seq = durable.seq.0;
    loop {
        let count = seq * 7919 % 40 + 1;
        let batch: Vec<Record> =
            (seq + 1..=seq + count).map(|seq| Record::Post(post(seq, seq, LOBBY))).collect();
        seq += count;
        writer.commit(&batch, (Seq(seq), Timestamp(seq))).unwrap();
        writeln!(stdout, "acknowledged {seq} .").unwrap();
        stdout.flush().unwrap();
    }
}
