//! A damaged index is found by the check, and serves nothing that was said elsewhere.

mod common;

use std::fs;
use std::path::Path;

use common::{LOBBY, post};
use rusqlite::Connection;
use salotto_core::{AccountId, Conversation, Record, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Store, StoreError, verify};

const LATEST: HistoryQuery = HistoryQuery::Latest { after: None };

fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("salotto.db")
}

/// Eight posts, by turns in a room and between two people.
fn fill(dir: &Path) {
    let (store, _) = Store::open(dir, Durability::Process).unwrap();
    let direct = Conversation::direct(AccountId(1), AccountId(2));
    let posts: Vec<Record> = (1..=8)
        .map(|seq| Record::Post(post(seq, seq * 1000, if seq % 2 == 0 { LOBBY } else { direct })))
        .collect();
    store.writer().unwrap().commit(&posts, (Seq(8), Timestamp(8000))).unwrap();
}

/// The bytes of the file that an index takes.
fn pages_of(dir: &Path, index: &str) -> std::ops::Range<usize> {
    let connection = Connection::open(database(dir)).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let size = number("PRAGMA page_size");
    let root = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{index}'"));
    (root - 1) * size..root * size
}

#[test]
fn a_changed_byte_of_an_index_is_found_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let page = pages_of(dir.path(), "posts_room");
    let sound = fs::read(database(dir.path())).unwrap();
    let mut found = 0;
    for place in page.clone().filter(|place| sound[*place] != 0) {
        let mut damaged = sound.clone();
        damaged[place] ^= 0x02;
        fs::write(database(dir.path()), damaged).unwrap();
        if !verify(dir.path()).is_ok_and(|verified| verified.is_sound()) {
            found += 1;
            continue;
        }
        let (store, _) = Store::open(dir.path(), Durability::Process).unwrap();
        let posts = store.reader().unwrap().history(LOBBY, LATEST, 100).unwrap();
        assert_eq!(posts.len(), 4, "byte {} of the index", place - page.start);
    }
    assert!(found > 8, "{found} of the changed bytes were found");
}

#[test]
fn an_index_that_points_elsewhere_serves_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let sound = fs::read(database(dir.path())).unwrap();
    let mut refused = 0;
    // SQLite fills a page from its end.
    for place in pages_of(dir.path(), "posts_room").rev().take(24) {
        let mut damaged = sound.clone();
        // Where this is the number of a post, it is now that of the next, which was said elsewhere.
        damaged[place] ^= 0x01;
        fs::write(database(dir.path()), damaged).unwrap();
        let Ok((store, _)) = Store::open(dir.path(), Durability::Process) else { continue };
        match store.reader().unwrap().history(LOBBY, LATEST, 100) {
            Ok(page) => assert!(page.iter().all(|post| post.conversation == LOBBY), "byte {place}"),
            Err(StoreError::DamagedPost(_)) => refused += 1,
            Err(_) => {}
        }
    }
    assert_eq!(refused, 3, "posts 2, 4 and 6 became 3, 5 and 7");
}
