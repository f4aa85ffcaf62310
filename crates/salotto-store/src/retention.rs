//! Letting go of what is too old to keep.

use rusqlite::{Connection, OptionalExtension};
use salotto_core::{RoomId, Timestamp};

use crate::connection::stored;
use crate::error::StoreError;
use crate::timeline;

/// What a rule of retention is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retained {
    /// The posts of one room, retired or not.
    Room(RoomId),
    /// All posts between two accounts, whichever.
    Directs,
}

/// Deletes at most `rows_max` posts older than a moment; how many it were.
pub(crate) fn prune(
    connection: &Connection,
    retained: Retained,
    older_than: Timestamp,
    rows_max: usize,
) -> Result<usize, StoreError> {
    let bound = timeline::first_since(connection, older_than)?;
    match retained {
        Retained::Room(room) => Ok(connection
            .prepare_cached(
                "DELETE FROM posts WHERE seq IN
                 (SELECT seq FROM posts WHERE room = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3)",
            )?
            .execute([stored(room.0), bound, stored(rows_max as u64)])?),
        Retained::Directs => prune_directs(connection, bound, rows_max),
    }
}

/// Goes from pair to pair, so that pairs with nothing old are not even looked at.
fn prune_directs(connection: &Connection, bound: i64, rows_max: usize) -> Result<usize, StoreError> {
    let mut oldest =
        connection.prepare_cached("SELECT low, high FROM directs WHERE first < ?1 ORDER BY first LIMIT 1")?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM posts WHERE seq IN
         (SELECT seq FROM posts WHERE low = ?1 AND high = ?2 AND seq < ?3 ORDER BY seq LIMIT ?4)",
    )?;
    let mut removed = 0;
    while removed < rows_max {
        let pair = oldest.query_row([bound], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((low, high)) = pair else { break };
        removed += delete.execute([low, high, bound, stored((rows_max - removed) as u64)])?;
        renew_first(connection, low, high)?;
    }
    Ok(removed)
}

/// Writes anew which post of a pair is the first, or forgets the pair when it has none.
fn renew_first(connection: &Connection, low: i64, high: i64) -> Result<(), StoreError> {
    let first: Option<i64> = connection
        .prepare_cached("SELECT seq FROM posts WHERE low = ?1 AND high = ?2 ORDER BY seq LIMIT 1")?
        .query_row([low, high], |row| row.get(0))
        .optional()?;
    match first {
        Some(first) => connection
            .prepare_cached("UPDATE directs SET first = ?3 WHERE low = ?1 AND high = ?2")?
            .execute([low, high, first])?,
        None => connection
            .prepare_cached("DELETE FROM directs WHERE low = ?1 AND high = ?2")?
            .execute([low, high])?,
    };
    Ok(())
}
