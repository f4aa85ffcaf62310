//! Pages of history, as `CHATHISTORY` asks for them (IRCv3 chathistory).

use rusqlite::{CachedStatement, Connection};
use salotto_core::{Conversation, PostRecord, Seq, Timestamp};

use crate::connection::stored;
use crate::error::StoreError;
use crate::{post, timeline};

/// A place in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ref {
    /// A post, by its number; it need not be there, nor in this conversation.
    Seq(Seq),
    /// A time; posts of this very millisecond are neither before nor after it.
    At(Timestamp),
}

/// Which part of a conversation. References are exclusive: the post referred to is not in the answer, except
/// in the middle of [`HistoryQuery::Around`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The latest posts, those after a reference if there is one.
    Latest {
        /// Where to stop.
        after: Option<Ref>,
    },
    /// The latest posts before a reference.
    Before(Ref),
    /// The first posts after a reference.
    After(Ref),
    /// Posts on both sides of a reference, and the post that it names; evenly, as far as there are any.
    Around(Ref),
    /// Posts between two references, counted from the first one; backwards when that is the later one.
    Between(Ref, Ref),
}

macro_rules! page {
    ($place:literal, $from:literal, $to:literal, $limit:literal, $order:literal) => {
        concat!(
            "SELECT ",
            post::columns!(),
            " FROM posts WHERE ",
            $place,
            " AND seq >= ",
            $from,
            " AND seq < ",
            $to,
            " ORDER BY seq ",
            $order,
            " LIMIT ",
            $limit
        )
    };
}

const ROOM_UP: &str = page!("room = ?1", "?2", "?3", "?4", "ASC");
const ROOM_DOWN: &str = page!("room = ?1", "?2", "?3", "?4", "DESC");
const DIRECT_UP: &str = page!("low = ?1 AND high = ?2", "?3", "?4", "?5", "ASC");
const DIRECT_DOWN: &str = page!("low = ?1 AND high = ?2", "?3", "?4", "?5", "DESC");

/// From which end of a range a page is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Oldest,
    Newest,
}

/// Answers a query, at most `limit` posts, by rising `seq`.
pub(crate) fn query(
    connection: &Connection,
    conversation: Conversation,
    query: HistoryQuery,
    limit: usize,
) -> Result<Vec<PostRecord>, StoreError> {
    let page = |from: i64, to: i64, end: From| page(connection, conversation, from, to, end, limit);
    match query {
        HistoryQuery::Latest { after: None } => page(0, i64::MAX, From::Newest),
        HistoryQuery::Latest { after: Some(after) } => {
            page(behind(connection, after)?, i64::MAX, From::Newest)
        }
        HistoryQuery::Before(before) => page(0, reach(connection, before)?, From::Newest),
        HistoryQuery::After(after) => page(behind(connection, after)?, i64::MAX, From::Oldest),
        HistoryQuery::Between(first, second) => {
            let (forward_to, backward_to) = (reach(connection, second)?, reach(connection, first)?);
            if backward_to <= forward_to {
                page(behind(connection, first)?, forward_to, From::Oldest)
            } else {
                page(behind(connection, second)?, backward_to, From::Newest)
            }
        }
        HistoryQuery::Around(middle) => {
            let middle = reach(connection, middle)?;
            let mut earlier = page(0, middle, From::Newest)?;
            let mut later = page(middle, i64::MAX, From::Oldest)?;
            // Half each; what one side has not, the other may have.
            let earlier_max = (limit / 2).max(limit.saturating_sub(later.len()));
            earlier.drain(..earlier.len().saturating_sub(earlier_max));
            later.truncate(limit - earlier.len());
            earlier.append(&mut later);
            Ok(earlier)
        }
    }
}

/// The `seq` that all posts before a reference are below.
fn reach(connection: &Connection, reference: Ref) -> Result<i64, StoreError> {
    match reference {
        Ref::Seq(seq) => Ok(stored(seq.0)),
        Ref::At(at) => timeline::first_since(connection, at),
    }
}

/// The least `seq` that a post after a reference can have.
fn behind(connection: &Connection, reference: Ref) -> Result<i64, StoreError> {
    match reference {
        Ref::Seq(seq) => Ok(stored(seq.0).saturating_add(1)),
        Ref::At(at) => timeline::first_after(connection, at),
    }
}

/// Posts of a conversation with `from <= seq < to`, by rising `seq`.
fn page(
    connection: &Connection,
    conversation: Conversation,
    from: i64,
    to: i64,
    end: From,
    limit: usize,
) -> Result<Vec<PostRecord>, StoreError> {
    let limit = stored(limit as u64);
    let sql = match (conversation, end) {
        (Conversation::Room(_), From::Oldest) => ROOM_UP,
        (Conversation::Room(_), From::Newest) => ROOM_DOWN,
        (Conversation::Direct(..), From::Oldest) => DIRECT_UP,
        (Conversation::Direct(..), From::Newest) => DIRECT_DOWN,
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut posts = match conversation {
        Conversation::Room(room) => read_all(&mut statement, &[stored(room.0), from, to, limit]),
        Conversation::Direct(low, high) => {
            read_all(&mut statement, &[stored(low.0), stored(high.0), from, to, limit])
        }
    }?;
    // A damaged index can point at what was said elsewhere; the checksum of that is right.
    if let Some(post) = posts.iter().find(|post| post.conversation != conversation) {
        return Err(StoreError::DamagedPost(post.seq));
    }
    if end == From::Newest {
        posts.reverse();
    }
    Ok(posts)
}

fn read_all(statement: &mut CachedStatement<'_>, values: &[i64]) -> Result<Vec<PostRecord>, StoreError> {
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut posts = Vec::new();
    while let Some(row) = rows.next()? {
        posts.push(post::read(row)?);
    }
    Ok(posts)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::connection::{database_path, open_readable};
    use crate::store::{Durability, Store};

    /// An empty database, for looking at plans.
    pub(crate) fn empty() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path(), Durability::Process).unwrap();
        let connection = open_readable(&database_path(dir.path())).unwrap();
        (dir, connection)
    }

    /// What SQLite would do for a statement, a line for each step.
    pub(crate) fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = vec![1i64; statement.parameter_count()];
        statement
            .query_map(rusqlite::params_from_iter(values), |row| row.get("detail"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn a_page_is_read_through_its_index_and_never_sorted() {
        let (_dir, connection) = empty();
        for sql in [ROOM_UP, ROOM_DOWN] {
            let expected = "SEARCH posts USING INDEX posts_room (room=? AND rowid>? AND rowid<?)";
            assert_eq!(plan(&connection, sql), [expected]);
        }
        for sql in [DIRECT_UP, DIRECT_DOWN] {
            let expected = "SEARCH posts USING INDEX posts_direct (low=? AND high=? AND rowid>? AND rowid<?)";
            assert_eq!(plan(&connection, sql), [expected]);
        }
    }
}
