//! Those that read: history, conversations, passwords' hashes.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use salotto_core::{AccountId, Conversation, Key, Nick, PostRecord, RoomId, Seq, Timestamp};

use crate::connection::{database_path, loaded, open_readable, stored};
use crate::error::StoreError;
use crate::history::{self, HistoryQuery};
use crate::{post, writer};

const POST: &str = concat!("SELECT ", post::columns!(), " FROM posts WHERE seq = ?1");

const LATEST_IN_ROOM: &str = "SELECT at FROM posts WHERE room = ?1 ORDER BY seq DESC LIMIT 1";

const DIRECTS: &str =
    "SELECT low, high, last_at FROM directs WHERE low = ?1 AND last_at > ?2 AND last_at < ?3
     UNION ALL
     SELECT low, high, last_at FROM directs
     WHERE high = ?1 AND low <> ?1 AND last_at > ?2 AND last_at < ?3";

/// A reader with a connection of its own. It never waits for the writer; what is committed when a call begins,
/// the call sees.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// What a password is checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountVerifier {
    /// Which account.
    pub id: AccountId,
    /// Its name as its owner writes it.
    pub name: Nick,
    /// The password's hash in PHC form.
    pub verifier: Arc<str>,
}

impl Reader {
    pub(crate) fn open(dir: &Path) -> Result<Reader, StoreError> {
        Ok(Reader { connection: open_readable(&database_path(dir))? })
    }

    /// A page of a conversation, at most `limit` posts, by rising `seq`.
    ///
    /// # Errors
    /// [`StoreError::DamagedPost`] when one of them is not what was written; or what the disk says.
    pub fn history(
        &self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        history::query(&transaction, conversation, query, limit)
    }

    /// The conversations of an account, and of some rooms, whose latest post is between two moments (both
    /// exclusive), by the time of that post: at most `limit`, counted from `from`, which may be the later one.
    ///
    /// # Errors
    /// What the disk says.
    pub fn targets(
        &self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError> {
        let (after, before) = (stored(from.min(to).0), stored(from.max(to).0));
        let transaction = self.connection.unchecked_transaction()?;
        let mut targets: Vec<(i64, Conversation)> = Vec::new();
        let mut latest = transaction.prepare_cached(LATEST_IN_ROOM)?;
        for &room in rooms {
            let at: Option<i64> = latest.query_row([stored(room.0)], |row| row.get(0)).optional()?;
            targets
                .extend(at.filter(|&at| after < at && at < before).map(|at| (at, Conversation::Room(room))));
        }
        if let Some(account) = account {
            let mut statement = transaction.prepare_cached(DIRECTS)?;
            let mut rows = statement.query([stored(account.0), after, before])?;
            while let Some(row) = rows.next()? {
                let (low, high) = (AccountId(loaded(row.get(0)?)), AccountId(loaded(row.get(1)?)));
                targets.push((row.get(2)?, Conversation::Direct(low, high)));
            }
        }
        targets.sort_unstable();
        if from > to {
            targets.drain(..targets.len().saturating_sub(limit));
        }
        targets.truncate(limit);
        Ok(targets.into_iter().map(|(at, target)| (target, Timestamp(loaded(at)))).collect())
    }

    /// What the password of an account is checked against, by the key of its name.
    ///
    /// # Errors
    /// What the disk says.
    pub fn verifier(&self, name: &Key) -> Result<Option<AccountVerifier>, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT id, name, verifier FROM accounts WHERE name_key = ?1")?
            .query_row([name.as_str()], |row| {
                Ok((loaded(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, Arc<str>>(2)?))
            })
            .optional()?;
        let Some((id, name, verifier)) = found else {
            return Ok(None);
        };
        let name = Nick::new(&name).map_err(|_| StoreError::Unreadable { table: "accounts", id })?;
        Ok(Some(AccountVerifier { id: AccountId(id), name, verifier }))
    }

    /// The name of an account.
    ///
    /// # Errors
    /// What the disk says.
    pub fn account_name(&self, account: AccountId) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT name FROM accounts WHERE id = ?1")?;
        Ok(statement.query_row([stored(account.0)], |row| row.get(0)).optional()?)
    }

    /// All rooms that ever were, with their names, retired ones too.
    ///
    /// # Errors
    /// What the disk says.
    pub fn rooms(&self) -> Result<Vec<(RoomId, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id, name FROM rooms ORDER BY id")?;
        let rooms = statement.query_map([], |row| Ok((RoomId(loaded(row.get(0)?)), row.get(1)?)))?;
        Ok(rooms.collect::<Result<_, _>>()?)
    }

    /// One post by its number; `None` when there is none, or not any more.
    ///
    /// # Errors
    /// [`StoreError::DamagedPost`] when it is not what was written; or what the disk says.
    pub fn post(&self, seq: Seq) -> Result<Option<PostRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(POST)?;
        let mut rows = statement.query([stored(seq.0)])?;
        rows.next()?.map(post::read).transpose()
    }

    /// Reads one of the small things that are nobody's record.
    ///
    /// # Errors
    /// What the disk says.
    pub fn meta_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        writer::meta_get(&self.connection, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{empty, plan};

    #[test]
    fn the_conversations_of_an_account_are_found_by_index() {
        let (_dir, connection) = empty();
        assert_eq!(plan(&connection, LATEST_IN_ROOM), ["SEARCH posts USING INDEX posts_room (room=?)"],);
        assert_eq!(
            plan(&connection, DIRECTS),
            [
                "COMPOUND QUERY",
                "LEFT-MOST SUBQUERY",
                "SEARCH directs USING PRIMARY KEY (low=?)",
                "UNION ALL",
                "SEARCH directs USING INDEX directs_high (high=?)",
            ],
        );
    }
}
