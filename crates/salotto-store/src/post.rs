//! A post as a row: its columns, its checksum, and back.

use std::sync::Arc;

use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Row, params};
use salotto_core::PostKind;
use salotto_core::{AccountId, RoomId, Seq, Timestamp};
use salotto_core::{Conversation, PostRecord};

use crate::connection::{loaded, stored};
use crate::error::StoreError;

/// All columns, in the order in which [`read`] takes them.
macro_rules! columns {
    () => {
        "seq, at, room, low, high, kind, nick, address, account, recipient, body, tags, token, checksum"
    };
}
pub(crate) use columns;

/// Writes a post; one that is there already stays as it is. (`OR REPLACE` would have SQLite copy pages aside for every
/// post, so that it could take half a replacement back.)
pub(crate) const WRITE: &str = concat!(
    "INSERT INTO posts (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (seq) DO NOTHING"
);

/// Writes one post with the statement of [`WRITE`].
pub(crate) fn write(statement: &mut CachedStatement<'_>, post: &PostRecord) -> Result<(), StoreError> {
    let (room, low, high) = match post.conversation {
        Conversation::Room(room) => (Some(stored(room.0)), None, None),
        Conversation::Direct(low, high) => (None, Some(stored(low.0)), Some(stored(high.0))),
    };
    statement.execute(params![
        stored(post.seq.0),
        stored(post.at.0),
        room,
        low,
        high,
        post.kind as u8,
        post.nick,
        post.address,
        post.account,
        post.to,
        post.text,
        post.tags,
        post.token,
        checksum(post),
    ])?;
    Ok(())
}

/// Reads a row of all columns back, and compares its checksum.
pub(crate) fn read(row: &Row<'_>) -> Result<PostRecord, StoreError> {
    let seq = Seq(loaded(row.get(0)?));
    // A value of a wrong type, or text that is not UTF-8, is damage like any other.
    let (post, written) = decode(row, seq).ok().flatten().ok_or(StoreError::DamagedPost(seq))?;
    if checksum(&post) != written {
        return Err(StoreError::DamagedPost(seq));
    }
    Ok(post)
}

fn decode(row: &Row<'_>, seq: Seq) -> rusqlite::Result<Option<(PostRecord, i64)>> {
    let number = |column: usize| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(loaded))
    };
    let conversation = match (number(2)?, number(3)?, number(4)?) {
        (Some(room), None, None) => Conversation::Room(RoomId(room)),
        (None, Some(low), Some(high)) => Conversation::Direct(AccountId(low), AccountId(high)),
        _ => return Ok(None),
    };
    let Some(kind) = PostKind::from_number(row.get(5)?) else {
        return Ok(None);
    };
    let post = PostRecord {
        seq,
        at: Timestamp(loaded(row.get(1)?)),
        conversation,
        kind,
        nick: text(row, 6)?,
        address: text(row, 7)?,
        account: text(row, 8)?,
        to: text(row, 9)?,
        text: text(row, 10)?,
        tags: text(row, 11)?,
        token: text(row, 12)?,
    };
    Ok(Some((post, row.get(13)?)))
}

fn text<T: FromSql>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get(column)
}

/// The first eight bytes of BLAKE3 over every field, each with its length or its kind before it, so that no two
/// posts say the same.
pub(crate) fn checksum(post: &PostRecord) -> i64 {
    fn put(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    fn put_maybe(bytes: &mut Vec<u8>, text: Option<&Arc<str>>) {
        bytes.push(u8::from(text.is_some()));
        put(bytes, text.map_or("", |text| text));
    }
    let (form, one, two) = match post.conversation {
        Conversation::Room(room) => (1, stored(room.0), 0),
        Conversation::Direct(low, high) => (2, stored(low.0), stored(high.0)),
    };
    let mut bytes = Vec::with_capacity(256 + post.text.len() + post.tags.len());
    for number in [stored(post.seq.0), stored(post.at.0), form, one, two, i64::from(post.kind as u8)] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    put(&mut bytes, &post.nick);
    put(&mut bytes, &post.address);
    put_maybe(&mut bytes, post.account.as_ref());
    put(&mut bytes, &post.to);
    put(&mut bytes, &post.text);
    put(&mut bytes, &post.tags);
    put_maybe(&mut bytes, post.token.as_ref());
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
    i64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checksum is in every database there is: it must not change.
    #[test]
    fn the_checksum_stays_as_it_is() {
        let post = PostRecord {
            seq: Seq(7),
            at: Timestamp(1_700_000_000_000),
            conversation: Conversation::Room(RoomId(3)),
            kind: PostKind::Message,
            nick: "Ada".into(),
            address: "ada@host".into(),
            account: Some("ada".into()),
            to: "".into(),
            text: "buon giorno".into(),
            tags: "".into(),
            token: None,
        };
        assert_eq!(checksum(&post), CHECKSUM_OF_ADA);
    }

    const CHECKSUM_OF_ADA: i64 = -8_770_439_813_434_809_164;
}
