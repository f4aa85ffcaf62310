//! One changed byte, anywhere in the files that a killed server leaves, or an end cut off anywhere: it is found by the
//! check or by whoever reads, or everything is right all the same.
//!
//! `SALOTTO_FAULTS_PLACES=100000` tries more places.

mod common;

use std::fs;
use std::path::Path;

use common::{LOBBY, post, room};
use salotto_core::{PostRecord, Record, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Ref, Store, verify};

const POSTS: u64 = 600;
/// How many places of each file are tried where nobody wants more.
const PLACES: usize = 100;
const FILES: [&str; 3] = ["salotto.db", "salotto.db-wal", "salotto.db-mark"];

/// What a server leaves that is killed: half of the posts in the database, half of them in the log.
fn left_by_a_killed_server(into: &Path) {
    let home = folder();
    for half in [0, 1] {
        let (store, durable) = Store::open(home.path(), Durability::Power).unwrap();
        let mut writer = store.writer().unwrap();
        if half == 0 {
            writer.commit(&[Record::Room(Box::new(room(1, "#lobby")))], (Seq(0), Timestamp(0))).unwrap();
        }
        for seq in durable.seq.0 + 1..=POSTS / 2 * (half + 1) {
            writer.commit(&[Record::Post(post(seq, seq, LOBBY))], (Seq(seq), Timestamp(seq))).unwrap();
        }
        if half == 1 {
            for file in FILES {
                fs::copy(home.path().join(file), into.join(file)).unwrap();
            }
        }
    }
}

/// A folder in memory where there is such a place: nothing here need outlast the test.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// All posts, or `None` where the check or a reader complains.
fn read(dir: &Path) -> Option<Vec<PostRecord>> {
    if !verify(dir).is_ok_and(|verified| verified.is_sound()) {
        return None;
    }
    let (store, _) = Store::open(dir, Durability::Power).ok()?;
    let reader = store.reader().ok()?;
    let mut posts: Vec<PostRecord> = Vec::new();
    loop {
        let after = HistoryQuery::After(Ref::Seq(posts.last().map_or(Seq(0), |post| post.seq)));
        let page = reader.history(LOBBY, after, 200).ok()?;
        if page.is_empty() {
            return Some(posts);
        }
        posts.extend(page);
    }
}

fn places(len: usize) -> impl Iterator<Item = usize> {
    let wanted =
        std::env::var("SALOTTO_FAULTS_PLACES").map_or(PLACES, |text| text.parse().expect("a number"));
    // An odd stride meets every part of pages and frames.
    (0..len).step_by((len / wanted).max(1) | 1)
}

/// Tries each place with some damage; says how often nobody complained, which is never wrong, and how often they did.
fn sweep(damage: impl Fn(&mut Vec<u8>, usize)) -> (usize, usize) {
    let left = folder();
    left_by_a_killed_server(left.path());
    let (mut right, mut found) = (0, 0);
    for file in FILES {
        let sound = fs::read(left.path().join(file)).unwrap();
        for place in places(sound.len()) {
            let dir = folder();
            for file in FILES {
                fs::copy(left.path().join(file), dir.path().join(file)).unwrap();
            }
            let mut bytes = sound.clone();
            damage(&mut bytes, place);
            fs::write(dir.path().join(file), bytes).unwrap();
            match read(dir.path()) {
                None => found += 1,
                Some(posts) => {
                    let expected = (1..=POSTS).map(|seq| post(seq, seq, LOBBY));
                    assert!(
                        posts.iter().cloned().eq(expected),
                        "{file}, byte {place}: {} posts",
                        posts.len()
                    );
                    right += 1;
                }
            }
        }
    }
    (right, found)
}

#[test]
fn a_flipped_byte_is_found_or_changes_nothing() {
    let (right, found) = sweep(|bytes, place| bytes[place] ^= 0x10);
    println!("{found} flipped bytes were found, {right} changed nothing");
    assert!(found > PLACES / 2 && right > 0, "{found} found, {right} changed nothing");
}

#[test]
fn a_cut_file_is_found_or_nothing_is_missing() {
    let (right, found) = sweep(|bytes, place| bytes.truncate(place));
    println!("{found} cut files were found, {right} missed nothing");
    assert!(found > PLACES, "{found} found, {right} missed nothing");
}
