//! The one that writes: batches of records, whole or not at all.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use salotto_core::{Conversation, PostRecord, Record, Seq, Timestamp};

use crate::connection::{database_path, open_writable, stored};
use crate::error::StoreError;
use crate::mark::Marker;
use crate::retention::{self, Retained};
use crate::store::Shared;
use crate::{post, room};

/// The store's one writer; belongs to the thread that commits.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    marker: Marker,
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Writer, StoreError> {
        if !shared.take_writer() {
            return Err(StoreError::WriterTaken);
        }
        let path = database_path(shared.dir());
        let opened = open_writable(&path, shared.durability())
            .and_then(|connection| Ok((connection, Marker::open(&path)?)));
        match opened {
            Ok((connection, marker)) => Ok(Writer { connection, marker, shared: Arc::clone(shared) }),
            Err(error) => {
                shared.release_writer();
                Err(error)
            }
        }
    }

    /// Writes the records of a batch, in their order, and that `last` is the last command of it: all of it or
    /// nothing. When this returns `Ok`, it lasts as [`crate::Durability`] says.
    ///
    /// # Errors
    /// Nothing was written, and the same batch can be tried again; [`StoreError::may_pass`] says whether it is
    /// worth trying before somebody has repaired something.
    pub fn commit<'a>(
        &mut self,
        batch: impl IntoIterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        let rows = write_all(&transaction, batch)?;
        transaction
            .prepare_cached("UPDATE head SET seq = ?1, at = ?2")?
            .execute([stored(last.0.0), stored(last.1.0)])?;
        transaction.commit()?;
        self.marker.set(last.0);
        self.shared.checkpointer().after_commit(rows);
        Ok(())
    }

    /// Deletes posts older than a moment, the oldest first, at most `rows_max` of them; how many it were.
    ///
    /// Fewer than `rows_max` means that there are none left. Call it again, between commits, until then.
    ///
    /// # Errors
    /// Nothing was deleted.
    pub fn prune(
        &mut self,
        retained: Retained,
        older_than: Timestamp,
        rows_max: usize,
    ) -> Result<usize, StoreError> {
        let transaction = self.begin()?;
        let removed = retention::prune(&transaction, retained, older_than, rows_max)?;
        transaction.commit()?;
        self.shared.checkpointer().after_commit(removed as u64);
        Ok(removed)
    }

    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        // A rollback can fail on a failing disk; the transaction it left must not be taken for the new one.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.shared.checkpointer().before_commit(&self.connection)?;
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Reads one of the small things that are nobody's record.
    ///
    /// # Errors
    /// What the disk says.
    pub fn meta_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        meta_get(&self.connection, key)
    }

    /// Writes one of the small things that are nobody's record; it lasts like a commit.
    ///
    /// # Errors
    /// Nothing was written.
    pub fn meta_set(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![key, value])?;
        transaction.commit()?;
        self.shared.checkpointer().after_commit(1);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.checkpointer().settle(&self.connection);
        self.shared.release_writer();
    }
}

pub(crate) fn meta_get(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Writes records; how many rows that were, about.
fn write_all<'a>(
    connection: &Connection,
    batch: impl IntoIterator<Item = &'a Record>,
) -> Result<u64, StoreError> {
    let mut posts = connection.prepare_cached(post::WRITE)?;
    let mut rows = 0;
    for record in batch {
        rows += 1;
        match record {
            Record::Post(record) => {
                post::write(&mut posts, record)?;
                note_direct(connection, record)?;
            }
            Record::Room(record) => {
                room::write(connection, record)?;
                rows += (record.bans.len() + record.roles.len()) as u64;
            }
            Record::RoomRetired(room) => room::retire(connection, *room)?,
            Record::Account(record) => {
                connection
                    .prepare_cached(
                        "INSERT INTO accounts (id, name, name_key, created, verifier)
                         VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
                             created = excluded.created, verifier = excluded.verifier",
                    )?
                    .execute(params![
                        stored(record.id.0),
                        record.name.as_str(),
                        record.name.key().as_str(),
                        stored(record.created.0),
                        record.verifier,
                    ])?;
            }
            Record::Device(record) => {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO devices (id, account, token, made, used, about)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        stored(record.id.0),
                        stored(record.account.0),
                        record.token.as_slice(),
                        stored(record.made.0),
                        stored(record.used.0),
                        record.about,
                    ])?;
            }
            Record::DeviceRevoked(device) => {
                connection
                    .prepare_cached("DELETE FROM devices WHERE id = ?1")?
                    .execute([stored(device.0)])?;
            }
            Record::Membership { account, room, member } => {
                let sql = if *member {
                    "INSERT OR IGNORE INTO memberships (account, room) VALUES (?1, ?2)"
                } else {
                    "DELETE FROM memberships WHERE account = ?1 AND room = ?2"
                };
                connection.prepare_cached(sql)?.execute([stored(account.0), stored(room.0)])?;
            }
            Record::ReadMarker { account, target, at } => {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO markers (account, target, at) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![stored(account.0), target, stored(at.0)])?;
            }
        }
    }
    Ok(rows)
}

/// Keeps the list of who talks to whom.
fn note_direct(connection: &Connection, post: &PostRecord) -> Result<(), StoreError> {
    if let Conversation::Direct(low, high) = post.conversation {
        connection
            .prepare_cached(
                "INSERT INTO directs (low, high, first, last, last_at) VALUES (?1, ?2, ?3, ?3, ?4)
                 ON CONFLICT (low, high) DO UPDATE SET first = min(first, excluded.first),
                     last = max(last, excluded.last), last_at = max(last_at, excluded.last_at)",
            )?
            .execute([stored(low.0), stored(high.0), stored(post.seq.0), stored(post.at.0)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use salotto_core::{PostKind, RoomId};

    use super::*;
    use crate::store::{Durability, Store};

    fn post(seq: u64, text: &str) -> Record {
        Record::Post(PostRecord {
            seq: Seq(seq),
            at: Timestamp(seq),
            conversation: Conversation::Room(RoomId(1)),
            kind: PostKind::Message,
            nick: "ada".into(),
            address: "ada@host".into(),
            account: None,
            to: "".into(),
            text: text.into(),
            tags: "".into(),
            token: None,
        })
    }

    #[test]
    fn a_full_disk_takes_nothing_and_the_batch_can_be_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), Durability::Power).unwrap();
        let mut writer = store.writer().unwrap();
        let reader = store.reader().unwrap();
        writer.commit(&[post(1, "before")], (Seq(1), Timestamp(1))).unwrap();

        let pages: i64 = writer.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        writer.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        let batch: Vec<Record> = (2..200).map(|seq| post(seq, &"long ".repeat(80))).collect();
        for _ in 0..2 {
            let error = writer.commit(&batch, (Seq(199), Timestamp(199))).unwrap_err();
            assert!(matches!(error, StoreError::DiskFull) && error.may_pass(), "{error:?}");
            assert!(reader.post(Seq(2)).unwrap().is_none(), "a part of a failed commit is there");
        }

        writer.connection.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
        writer.commit(&batch, (Seq(199), Timestamp(199))).unwrap();
        assert!(reader.post(Seq(199)).unwrap().is_some());
        drop((writer, reader, store));
        let (_store, durable) = Store::open(dir.path(), Durability::Power).unwrap();
        assert_eq!((durable.seq, durable.at), (Seq(199), Timestamp(199)));
    }
}
