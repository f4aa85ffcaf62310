//! From a time to a place in the order.
//!
//! A sequencer's time never goes back, so `at` never falls while `seq` rises, and the posts' primary key can be
//! searched for a time by halving. That saves an index of time, which every post would have to be written to.

use rusqlite::{Connection, OptionalExtension};
use salotto_core::Timestamp;

use crate::connection::stored;
use crate::error::StoreError;

/// The `seq` of the first post at this time or later; [`i64::MAX`] where there is none.
pub(crate) fn first_since(connection: &Connection, at: Timestamp) -> Result<i64, StoreError> {
    let at = stored(at.0);
    let newest = connection
        .prepare_cached("SELECT seq, at FROM posts ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let Some((newest, _)) = newest.filter(|&(_, newest_at)| newest_at >= at) else {
        return Ok(i64::MAX);
    };
    let mut next =
        connection.prepare_cached("SELECT seq, at FROM posts WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    // All posts below `low` are earlier; the first post from `high` on is not, and it is `found`.
    let (mut low, mut high, mut found) = (0, newest, newest);
    while low < high {
        let middle = low + (high - low) / 2;
        let (seq, seq_at): (i64, i64) = next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if seq_at >= at {
            (high, found) = (middle, seq);
        } else {
            low = seq + 1;
        }
    }
    Ok(found)
}

/// The `seq` of the first post later than this time; [`i64::MAX`] where there is none.
pub(crate) fn first_after(connection: &Connection, at: Timestamp) -> Result<i64, StoreError> {
    first_since(connection, Timestamp(at.0.saturating_add(1)))
}
