//! The store alone, in a folder of its own.

use std::hint::black_box;

use salotto_core::{Conversation, PostKind, PostRecord, Record, RoomId, Seq, Timestamp};
use salotto_store::{Durability, HistoryQuery, Store, Writer};
use tempfile::TempDir;

use super::Work;

const ROOM: Conversation = Conversation::Room(RoomId(1));

/// Posts in a batch.
const BATCH_LEN: u64 = 64;

fn open() -> (TempDir, Store, Writer) {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = Store::open(folder.path(), Durability::Process).expect("a store");
    let writer = store.writer().expect("a writer");
    (folder, store, writer)
}

fn write(writer: &mut Writer, next: &mut u64) {
    let posts: Vec<Record> = (*next..*next + BATCH_LEN)
        .map(|seq| {
            Record::Post(PostRecord {
                seq: Seq(seq),
                at: Timestamp(1_763_692_800_000 + seq),
                conversation: ROOM,
                kind: PostKind::Message,
                nick: "anna".into(),
                address: "~anna@85f1c072096f.cloak".into(),
                account: None,
                to: "".into(),
                text: "every word that is said in the room is heard by each of its members".into(),
                tags: "".into(),
                token: None,
            })
        })
        .collect();
    *next += BATCH_LEN;
    writer.commit(&posts, (Seq(*next), Timestamp(1_763_692_800_000 + *next))).expect("the disk takes it");
}

/// Writes a batch.
pub fn commit() -> Work {
    let (folder, store, mut writer) = open();
    let mut next = 1;
    Box::new(move || {
        black_box((&folder, &store));
        write(&mut writer, &mut next);
    })
}

/// Reads the latest page of a room with ten thousand posts.
pub fn read() -> Work {
    let (folder, store, mut writer) = open();
    let mut next = 1;
    for _ in 0..10_000 / BATCH_LEN {
        write(&mut writer, &mut next);
    }
    let reader = store.reader().expect("a reader");
    Box::new(move || {
        black_box((&folder, &store, &writer));
        let page = reader.history(ROOM, HistoryQuery::Latest { after: None }, 100).expect("it is read");
        assert_eq!(page.len(), 100);
    })
}
