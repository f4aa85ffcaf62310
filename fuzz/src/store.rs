//! The store's decoding: a database that was damaged, on the disk or by somebody's SQL, is opened and read.
//!
//! Nothing panics, no post is served that is not what was written where it was written, and a database that the check
//! calls sound has every post.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use rusqlite::Connection;
use rusqlite::types::Value;
use salotto_core::{
    AccountId, AccountRecord, BanRecord, Conversation, Core, Durable, Nick, PostKind, PostRecord, Record,
    Roles, RoomFlag, RoomId, RoomName, RoomRecord, Seq, Timestamp, TopicRecord,
};
use salotto_store::{Durability, HistoryQuery, Reader, Ref, Retained, Store, verify};
use tempfile::TempDir;

/// What happens to the database.
#[derive(Arbitrary, Debug)]
enum Damage {
    /// A byte of the file is another one.
    Byte { place: u32, mask: u8 },
    /// The file ends early.
    Cut { len: u32 },
    /// A column of a row is given another value, the file staying a sound database.
    Column { column: u8, row: u8, value: Arbitrarily },
    /// A row is gone.
    Delete { table: u8, row: u8 },
}

#[derive(Arbitrary, Debug)]
enum Arbitrarily {
    Null,
    Integer(i64),
    /// As it comes, which need not be UTF-8.
    Text(Vec<u8>),
}

const TABLES: [&str; 7] = ["rooms", "accounts", "posts", "head", "bans", "roles", "markers"];
const COLUMNS: [(&str, &str); 40] = [
    ("rooms", "id"),
    ("rooms", "name"),
    ("rooms", "created"),
    ("rooms", "topic"),
    ("rooms", "topic_by"),
    ("rooms", "topic_at"),
    ("rooms", "flags"),
    ("rooms", "key"),
    ("rooms", "people_max"),
    ("rooms", "established"),
    ("rooms", "retired"),
    ("bans", "mask"),
    ("bans", "set_by"),
    ("bans", "set_at"),
    ("roles", "room"),
    ("roles", "account"),
    ("roles", "roles"),
    ("accounts", "id"),
    ("accounts", "name"),
    ("accounts", "name_key"),
    ("accounts", "created"),
    ("accounts", "verifier"),
    ("memberships", "room"),
    ("markers", "target"),
    ("markers", "at"),
    ("posts", "seq"),
    ("posts", "at"),
    ("posts", "room"),
    ("posts", "low"),
    ("posts", "high"),
    ("posts", "kind"),
    ("posts", "nick"),
    ("posts", "account"),
    ("posts", "recipient"),
    ("posts", "body"),
    ("posts", "tags"),
    ("posts", "token"),
    ("posts", "checksum"),
    ("head", "seq"),
    ("head", "at"),
];

/// A sound database, and what is in it.
struct Sound {
    file: Vec<u8>,
    posts: BTreeMap<Seq, PostRecord>,
    folder: TempDir,
}

thread_local! {
    static SOUND: RefCell<Option<Sound>> = const { RefCell::new(None) };
}

/// Up to eight kinds of damage.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut damages = Vec::new();
    while damages.len() < 8
        && !input.is_empty()
        && let Ok(damage) = Damage::arbitrary(&mut input)
    {
        damages.push(damage);
    }
    SOUND.with_borrow_mut(|sound| check(sound.get_or_insert_with(sound_database), &damages));
}

fn check(sound: &Sound, damages: &[Damage]) {
    let dir = sound.folder.path();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(dir.join(format!("salotto.db{suffix}")));
    }
    let mut file = sound.file.clone();
    for damage in damages {
        match damage {
            Damage::Byte { place, mask } => {
                let place = *place as usize % file.len();
                file[place] ^= mask;
            }
            Damage::Cut { len } => file.truncate(1 + *len as usize % file.len()),
            Damage::Column { .. } | Damage::Delete { .. } => {}
        }
    }
    fs::write(dir.join("salotto.db"), file).expect("written");
    // What SQLite will not do leaves the file as it is.
    let _ = damage_rows(dir, damages);

    let verified = verify(dir);
    let Ok((store, durable)) = Store::open(dir, Durability::Process) else { return };
    let core = Core::restore(durable);
    let _ = core.state_hash();
    let Ok(reader) = store.reader() else { return };
    let served = read(&reader, &sound.posts);
    let is_deleted = damages.iter().any(|damage| matches!(damage, Damage::Delete { .. }));
    if verified.is_ok_and(|verified| verified.is_sound()) && !is_deleted {
        assert_eq!(served, Some(sound.posts.len()), "the check found nothing, and posts are missing");
    }
    // Writing to it either works or says why not.
    if let Ok(mut writer) = store.writer() {
        let last = (Seq(core.seq().0.saturating_add(1)), Timestamp(9));
        let record = Record::Post(post(last.0.0, Conversation::Room(RoomId(3)), "after the damage", None));
        if writer.commit([&record], last).is_ok() {
            let _ = writer.prune(Retained::Room(RoomId(1)), Timestamp(3), 2);
        }
    }
}

fn damage_rows(dir: &Path, damages: &[Damage]) -> rusqlite::Result<()> {
    if !damages.iter().any(|damage| matches!(damage, Damage::Column { .. } | Damage::Delete { .. })) {
        return Ok(());
    }
    let connection = Connection::open(dir.join("salotto.db"))?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON")?;
    for damage in damages {
        // A value that its column does not take is refused; the others are still done.
        let _ = match damage {
            Damage::Column { column, row, value } => {
                let (table, column) = COLUMNS[usize::from(*column) % COLUMNS.len()];
                let (value, cast) = match value {
                    Arbitrarily::Null => (Value::Null, "?1"),
                    Arbitrarily::Integer(number) => (Value::Integer(*number), "?1"),
                    Arbitrarily::Text(bytes) => (Value::Blob(bytes.clone()), "CAST(?1 AS TEXT)"),
                };
                let key = key_of(table);
                let sql = format!(
                    "UPDATE {table} SET {column} = {cast} WHERE {key} = \
                     (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?2)"
                );
                connection.execute(&sql, (value, i64::from(row % 8)))
            }
            Damage::Delete { table, row } => {
                let table = TABLES[usize::from(*table) % TABLES.len()];
                let key = key_of(table);
                let sql = format!(
                    "DELETE FROM {table} WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?1)"
                );
                connection.execute(&sql, [i64::from(row % 8)])
            }
            Damage::Byte { .. } | Damage::Cut { .. } => Ok(0),
        };
    }
    Ok(())
}

fn key_of(table: &str) -> &'static str {
    match table {
        "bans" => "place",
        "roles" | "memberships" | "markers" => "account",
        "posts" => "seq",
        _ => "id",
    }
}

/// Asks for everything; how many posts were served by their numbers, unless something was refused.
fn read(reader: &Reader, written: &BTreeMap<Seq, PostRecord>) -> Option<usize> {
    let mut served = 0;
    let mut refused = false;
    for (seq, expected) in written {
        match reader.post(*seq) {
            Ok(Some(post)) => {
                assert_eq!(post, *expected);
                served += 1;
            }
            Ok(None) => {}
            Err(_) => refused = true,
        }
    }
    let places = [
        Conversation::Room(RoomId(1)),
        Conversation::Room(RoomId(2)),
        Conversation::Direct(AccountId(1), AccountId(2)),
    ];
    for place in places {
        let wanted: Vec<&PostRecord> = written.values().filter(|post| post.conversation == place).collect();
        let middle = Ref::Seq(Seq(6));
        let since = Ref::At(Timestamp(1_700_000_000_004));
        let queries = [
            HistoryQuery::Latest { after: None },
            HistoryQuery::Latest { after: Some(since) },
            HistoryQuery::Before(middle),
            HistoryQuery::After(since),
            HistoryQuery::Around(middle),
            HistoryQuery::Between(since, middle),
        ];
        for query in queries {
            let Ok(page) = reader.history(place, query, 4) else {
                refused = true;
                continue;
            };
            assert!(page.len() <= 4);
            for post in page {
                assert_eq!(Some(&post), written.get(&post.seq), "{query:?}");
                assert_eq!(post.conversation, place, "{query:?} serves what was said elsewhere");
            }
        }
        match reader.history(place, HistoryQuery::Latest { after: None }, 100) {
            Ok(page) => refused |= page.iter().collect::<Vec<_>>() != wanted,
            Err(_) => refused = true,
        }
    }
    let times = (Timestamp(0), Timestamp(u64::MAX));
    let _ = reader.targets(Some(AccountId(1)), &[RoomId(1), RoomId(2)], times.0, times.1, 10);
    let _ = (reader.rooms(), reader.account_name(AccountId(1)), reader.meta_get("cloak_key"));
    let _ = reader.verifier(nick("anna").key());
    (!refused).then_some(served)
}

fn sound_database() -> Sound {
    let folder = quick_folder();
    let (store, empty) = Store::open(folder.path(), Durability::Process).expect("a new store");
    assert_eq!(empty, Durable::default());
    let rooms = [(1, "#lobby"), (2, "#secret")].map(|(id, name)| {
        Record::Room(Box::new(RoomRecord {
            id: RoomId(id),
            name: RoomName::new(name).expect("a name"),
            created: Timestamp(1_700_000_000_000),
            topic: (id == 1).then(|| TopicRecord {
                text: "welcome".into(),
                by: "anna!a@host".into(),
                at: Timestamp(1_700_000_000_001),
            }),
            flags: vec![RoomFlag::NoExternal, RoomFlag::TopicLocked],
            key: (id == 2).then(|| "sesame".into()),
            limit: Some(50),
            bans: vec![BanRecord {
                mask: "bruno!*@*".into(),
                by: "anna".into(),
                at: Timestamp(1_700_000_000_002),
            }],
            roles: vec![(AccountId(1), Roles { operator: true, voice: false })],
            established: id == 1,
        }))
    });
    let accounts = [(1, "anna"), (2, "bruno")].map(|(id, name)| {
        Record::Account(AccountRecord {
            id: AccountId(id),
            name: nick(name),
            created: Timestamp(1_700_000_000_000),
            verifier: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".into(),
        })
    });
    let places = [
        Conversation::Room(RoomId(1)),
        Conversation::Room(RoomId(2)),
        Conversation::Direct(AccountId(1), AccountId(2)),
    ];
    let posts: BTreeMap<Seq, PostRecord> = (1..=12)
        .map(|number| {
            let token = (number % 2 == 0).then(|| Arc::from(format!("token-{number}")));
            let post = post(number, places[number as usize % 3], &format!("number {number}"), token);
            (post.seq, post)
        })
        .collect();
    let member = Record::Membership { account: AccountId(1), room: RoomId(1), member: true };
    let marker = Record::ReadMarker {
        account: AccountId(1),
        target: "#lobby".into(),
        at: Timestamp(1_700_000_000_003),
    };
    let records: Vec<Record> = rooms
        .into_iter()
        .chain(accounts)
        .chain([member, marker])
        .chain(posts.values().cloned().map(Record::Post))
        .collect();
    let mut writer = store.writer().expect("the writer");
    writer.commit(&records, (Seq(12), Timestamp(1_700_000_000_012))).expect("committed");
    writer.meta_set("cloak_key", &[7; 32]).expect("written");
    drop(writer);
    drop(store);
    // The last connection to close moves the log into the file.
    drop(
        Connection::open(folder.path().join("salotto.db"))
            .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))),
    );
    let file = fs::read(folder.path().join("salotto.db")).expect("the database");
    Sound { file, posts, folder }
}

fn post(number: u64, conversation: Conversation, text: &str, token: Option<Arc<str>>) -> PostRecord {
    let is_direct = matches!(conversation, Conversation::Direct(..));
    PostRecord {
        seq: Seq(number),
        at: Timestamp(1_700_000_000_000 + number),
        conversation,
        kind: PostKind::Message,
        nick: "anna".into(),
        address: "a@host".into(),
        account: Some("anna".into()),
        to: if is_direct { "bruno".into() } else { "".into() },
        text: text.into(),
        tags: "".into(),
        token,
    }
}

fn nick(name: &str) -> Nick {
    Nick::new(name).expect("a name")
}

/// A folder in memory, where the system has one.
pub(crate) fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}
