//! What the store promises, one promise a test.

mod common;

use std::path::Path;

use common::{LOBBY, account, device, post, room};
use rusqlite::Connection;
use salotto_core::{AccountId, Conversation, Record, RoomId, Seq, Timestamp, nick_key};
use salotto_store::{Durability, HistoryQuery, Retained, Store, StoreError, Writer, backup, restore, verify};

fn open(dir: &Path) -> Store {
    Store::open(dir, Durability::Process).unwrap().0
}

/// Writes posts 1 to `count` to the lobby, one a second.
fn fill(writer: &mut Writer, count: u64) {
    let posts: Vec<Record> = (1..=count).map(|seq| Record::Post(post(seq, seq * 1000, LOBBY))).collect();
    writer.commit(&posts, (Seq(count), Timestamp(count * 1000))).unwrap();
}

/// Changes the file behind the store's back.
fn tamper(dir: &Path, sql: &str) {
    let connection = Connection::open(dir.join("salotto.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_post_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let direct = Conversation::direct(AccountId(9), AccountId(4));
    let mut said = post(3, 30, direct);
    said.token = Some("Zm9v".into());
    said.tags = "+reply=1".into();
    said.text = "zero \0 and \u{1f980}".into();
    let mut guest = post(4, 30, LOBBY);
    guest.account = None;
    let batch = [Record::Post(said.clone()), Record::Post(guest.clone())];
    store.writer().unwrap().commit(&batch, (Seq(4), Timestamp(30))).unwrap();

    let reader = store.reader().unwrap();
    assert_eq!(reader.post(Seq(3)).unwrap(), Some(said.clone()));
    assert_eq!(reader.post(Seq(4)).unwrap(), Some(guest.clone()));
    assert_eq!(reader.post(Seq(5)).unwrap(), None);
    assert_eq!(reader.history(direct, HistoryQuery::Latest { after: None }, 10).unwrap(), [said]);
    assert_eq!(reader.history(LOBBY, HistoryQuery::Latest { after: None }, 10).unwrap(), [guest]);
}

#[test]
fn an_account_is_found_by_any_writing_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let record = account(7, "Émile");
    store.writer().unwrap().commit(&[Record::Account(record.clone())], (Seq(7), Timestamp(7))).unwrap();
    let reader = store.reader().unwrap();
    let found = reader.verifier(&nick_key("ÉMILE").unwrap()).unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str(), found.verifier), (AccountId(7), "Émile", record.verifier));
    assert_eq!(reader.verifier(&nick_key("emil").unwrap()).unwrap(), None);
}

#[test]
fn targets_are_conversations_by_their_latest_post() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (ada, bruno, carla) = (AccountId(1), AccountId(2), AccountId(3));
    let with_bruno = Conversation::direct(ada, bruno);
    let with_herself = Conversation::direct(ada, ada);
    let others = Conversation::direct(bruno, carla);
    let garden = Conversation::Room(RoomId(2));
    let batch: Vec<Record> = [with_bruno, LOBBY, with_herself, others, with_bruno, garden, LOBBY]
        .into_iter()
        .zip(1..)
        .map(|(place, seq)| Record::Post(post(seq, seq * 10, place)))
        .collect();
    store.writer().unwrap().commit(&batch, (Seq(7), Timestamp(70))).unwrap();
    let reader = store.reader().unwrap();
    let rooms = [RoomId(1), RoomId(2), RoomId(3)];
    let targets = |from: u64, to: u64, limit: usize| {
        reader.targets(Some(ada), &rooms, Timestamp(from), Timestamp(to), limit).unwrap()
    };

    let all = [
        (with_herself, Timestamp(30)),
        (with_bruno, Timestamp(50)),
        (garden, Timestamp(60)),
        (LOBBY, Timestamp(70)),
    ];
    assert_eq!(targets(0, 1000, 10), all);
    assert_eq!(targets(1000, 0, 10), all);
    assert_eq!(targets(0, 1000, 2), all[..2]);
    assert_eq!(targets(1000, 0, 2), all[2..]);
    assert_eq!(targets(30, 70, 10), all[1..3], "both ends are exclusive");
    let guest = reader.targets(None, &rooms[..1], Timestamp(0), Timestamp(1000), 10).unwrap();
    assert_eq!(guest, all[3..]);
}

#[test]
fn old_posts_are_let_go_in_bounded_steps() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut writer = store.writer().unwrap();
    fill(&mut writer, 10);
    let (quiet, lively) =
        (Conversation::direct(AccountId(1), AccountId(2)), Conversation::direct(AccountId(1), AccountId(3)));
    let directs: Vec<Record> = [quiet, quiet, lively, lively, lively]
        .into_iter()
        .zip(11..)
        .map(|(place, seq)| Record::Post(post(seq, seq * 1000, place)))
        .collect();
    writer.commit(&directs, (Seq(15), Timestamp(15_000))).unwrap();

    let lobby = Retained::Room(RoomId(1));
    assert_eq!(writer.prune(lobby, Timestamp(8_000), 5).unwrap(), 5);
    assert_eq!(writer.prune(lobby, Timestamp(8_000), 5).unwrap(), 2);
    assert_eq!(writer.prune(lobby, Timestamp(8_000), 5).unwrap(), 0);
    assert_eq!(writer.prune(Retained::Directs, Timestamp(14_000), 1).unwrap(), 1);
    assert_eq!(writer.prune(Retained::Directs, Timestamp(14_000), 9).unwrap(), 2);
    assert_eq!(writer.prune(Retained::Directs, Timestamp(14_000), 9).unwrap(), 0);

    let reader = store.reader().unwrap();
    let left = |place| -> Vec<u64> {
        let posts = reader.history(place, HistoryQuery::Latest { after: None }, 100).unwrap();
        posts.iter().map(|post| post.seq.0).collect()
    };
    assert_eq!(left(LOBBY), [8, 9, 10]);
    assert_eq!(left(quiet), []);
    assert_eq!(left(lively), [14, 15]);
    let targets = reader.targets(Some(AccountId(1)), &[], Timestamp(0), Timestamp(99_000), 10).unwrap();
    assert_eq!(targets, [(lively, Timestamp(15_000))]);
}

#[test]
fn a_second_process_and_a_second_writer_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(Store::open(dir.path(), Durability::Process), Err(StoreError::Locked { .. })));
    let writer = store.writer().unwrap();
    assert!(matches!(store.writer(), Err(StoreError::WriterTaken)));
    drop(writer);
    let writer = store.writer().unwrap();
    drop(store);
    assert!(
        matches!(Store::open(dir.path(), Durability::Process), Err(StoreError::Locked { .. })),
        "the directory is held as long as anybody can write to it"
    );
    drop(writer);
    Store::open(dir.path(), Durability::Process).unwrap();
}

#[test]
fn what_is_newer_or_not_ours_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    tamper(dir.path(), "PRAGMA user_version = 3");
    for _ in 0..2 {
        let error = Store::open(dir.path(), Durability::Process).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 3, known: 2 }), "{error:?}");
    }

    let dir = tempfile::tempdir().unwrap();
    tamper(dir.path(), "CREATE TABLE other (a TEXT)");
    let error = Store::open(dir.path(), Durability::Process).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("salotto.db"),
        "these are sixty-four bytes and more that no database begins with, ever, I say",
    )
    .unwrap();
    let error = Store::open(dir.path(), Durability::Process).unwrap_err();
    assert!(error.is_damage(), "{error:?}");
}

/// A database in the first form, as a program of that time left it.
fn first_form(dir: &Path) {
    let connection = Connection::open(dir.join("salotto.db")).unwrap();
    connection.execute_batch(include_str!("../migrations/0001_first.sql")).unwrap();
    connection.pragma_update(None, "application_id", 0x5341_4C4F).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
        .execute_batch(
            "UPDATE head SET seq = 9, at = 90;
             INSERT INTO accounts VALUES (7, 'Ada', 'ada', 70, '$argon2id$ada');
             INSERT INTO rooms VALUES (1, '#tea', 10, NULL, NULL, NULL, 20, NULL, NULL, 0, 0);
             INSERT INTO memberships VALUES (7, 1);
             INSERT INTO markers VALUES (7, '#tea', 80);",
        )
        .unwrap();
}

#[test]
fn an_older_database_is_brought_forward_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    first_form(dir.path());
    let (store, durable) = Store::open(dir.path(), Durability::Process).unwrap();
    assert_eq!((durable.seq, durable.at), (Seq(9), Timestamp(90)));
    assert_eq!(durable.accounts.len(), 1);
    assert_eq!(durable.rooms.len(), 1);
    assert_eq!(durable.memberships, [(AccountId(7), RoomId(1))]);
    assert_eq!(durable.markers.len(), 1);
    assert_eq!(durable.devices, []);
    assert!(store.reader().unwrap().verifier(&nick_key("ada").unwrap()).unwrap().is_some());

    // And takes what the older one could not have.
    let added = device(10, AccountId(7));
    store.writer().unwrap().commit(&[Record::Device(added.clone())], (Seq(10), Timestamp(100))).unwrap();
    drop(store);
    let (_store, durable) = Store::open(dir.path(), Durability::Process).unwrap();
    assert_eq!(durable.devices, [added]);
}

#[test]
fn a_device_is_kept_as_it_last_was_until_it_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = device(1, AccountId(7));
    let second = device(2, AccountId(7));
    let reopened = |batch: &[Record]| {
        let store = open(dir.path());
        store.writer().unwrap().commit(batch, (Seq(9), Timestamp(9))).unwrap();
        drop(store);
        Store::open(dir.path(), Durability::Process).unwrap().1.devices
    };
    let made = [Record::Device(first.clone()), Record::Device(second.clone())];
    assert_eq!(reopened(&made), [first.clone(), second.clone()]);
    first.used = Timestamp(5 * 86_400_000);
    assert_eq!(reopened(&[Record::Device(first.clone())]), [first.clone(), second.clone()]);
    assert_eq!(reopened(&[Record::DeviceRevoked(first.id)]), [second]);
}

#[test]
fn the_log_is_empty_when_the_writer_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut writer = store.writer().unwrap();
    fill(&mut writer, 50);
    let log_bytes = || std::fs::metadata(dir.path().join("salotto.db-wal")).map_or(0, |log| log.len());
    assert!(log_bytes() > 0, "what was just written is still in the log");
    drop(writer);
    assert_eq!(log_bytes(), 0);
}

#[test]
fn the_small_things_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut writer = store.writer().unwrap();
    assert_eq!(writer.meta_get("cloak").unwrap(), None);
    writer.meta_set("cloak", &[1, 2, 3]).unwrap();
    writer.meta_set("cloak", &[0, 255]).unwrap();
    assert_eq!(store.reader().unwrap().meta_get("cloak").unwrap().as_deref(), Some(&[0, 255][..]));
}

#[test]
fn a_damaged_post_is_reported_and_never_served() {
    for damage in [
        "UPDATE posts SET body = 'something else' WHERE seq = 3",
        "UPDATE posts SET at = at + 1 WHERE seq = 3",
        "UPDATE posts SET room = 2 WHERE seq = 3",
        "UPDATE posts SET nick = '', address = nick || address WHERE seq = 3",
        "UPDATE posts SET account = NULL WHERE seq = 3",
        "UPDATE posts SET token = '' WHERE seq = 3",
        "UPDATE posts SET kind = 77 WHERE seq = 3",
        "UPDATE posts SET body = CAST(x'ff00ff' AS TEXT) WHERE seq = 3",
        "UPDATE posts SET checksum = checksum + 1 WHERE seq = 3",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        fill(&mut store.writer().unwrap(), 5);
        tamper(dir.path(), damage);

        let reader = store.reader().unwrap();
        assert!(matches!(reader.post(Seq(3)), Err(StoreError::DamagedPost(Seq(3)))), "{damage}");
        assert!(reader.post(Seq(4)).unwrap().is_some());
        let found = verify(dir.path()).unwrap();
        assert_eq!((found.posts, found.damaged, found.first_damaged), (5, 1, Some(Seq(3))), "{damage}");
        assert!(!found.is_sound());
        drop((reader, store));
        Store::open(dir.path(), Durability::Process).unwrap();
    }
}

#[test]
fn a_damaged_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&mut store.writer().unwrap(), 2_000);
    drop(store);
    assert!(verify(dir.path()).unwrap().is_sound());
    // A page in the middle of the posts loses its head.
    let path = dir.path().join("salotto.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 64].fill(0xAA);
    std::fs::write(&path, bytes).unwrap();
    assert!(!verify(dir.path()).unwrap().is_sound());
}

#[test]
fn a_backup_of_a_store_in_use_can_be_restored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut writer = store.writer().unwrap();
    fill(&mut writer, 500);
    writer.commit(&[Record::Room(Box::new(room(1, "#lobby")))], (Seq(501), Timestamp(500_000))).unwrap();
    let away = tempfile::tempdir().unwrap();
    let copy = away.path().join("salotto-backup.db");
    let verified = backup(dir.path(), &copy).unwrap();
    assert!(verified.is_sound());
    assert_eq!((verified.posts, verified.last), (500, Seq(501)));
    let entries: Vec<_> =
        std::fs::read_dir(away.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries, ["salotto-backup.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(matches!(backup(dir.path(), &copy), Err(StoreError::Exists { .. })));

    let other = away.path().join("other");
    assert!(restore(&copy, &other).unwrap().is_sound());
    assert!(matches!(restore(&copy, &other), Err(StoreError::Exists { .. })));
    let (restored, durable) = Store::open(&other, Durability::Process).unwrap();
    assert_eq!((durable.seq, durable.rooms), (Seq(501), vec![room(1, "#lobby")]));
    let all = |store: &Store| {
        store.reader().unwrap().history(LOBBY, HistoryQuery::Latest { after: None }, 1000).unwrap()
    };
    assert_eq!(all(&restored), all(&store));
}

#[test]
fn a_backup_that_is_not_sound_is_not_restored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&mut store.writer().unwrap(), 5);
    let copy = dir.path().join("copy.db");
    assert!(backup(dir.path(), &copy).unwrap().is_sound());
    Connection::open(&copy).unwrap().execute_batch("UPDATE posts SET body = '' WHERE seq = 2").unwrap();
    let other = dir.path().join("other");
    assert!(matches!(restore(&copy, &other), Err(StoreError::DamagedPost(Seq(2)))));
    assert!(!other.exists());
    assert!(matches!(verify(&other), Err(StoreError::Missing { .. })));
}
