//! What the records written so far add up to: what the core starts from.
//!
//! Nothing here reads more posts than the tokens it gives back, however many there are.

use std::sync::Arc;

use rusqlite::Connection;
use salotto_core::Nick;
use salotto_core::{AccountId, RoomId, Seq, Timestamp};
use salotto_core::{DeviceId, DeviceRecord, Durable, RecentToken, TOKENS_MAX};

use crate::connection::{loaded, stored};
use crate::error::StoreError;
use crate::{post, room, timeline};

/// How old a token may be, against the last command, in milliseconds: a day.
const TOKEN_AGE_MS_MAX: u64 = 24 * 60 * 60 * 1000;

const TOKENS: &str = concat!(
    "SELECT ",
    post::columns!(),
    " FROM posts INDEXED BY posts_token WHERE token IS NOT NULL AND seq >= ?1 ORDER BY seq DESC LIMIT ?2"
);

/// Loads everything, as of one moment.
pub(crate) fn load(connection: &mut Connection) -> Result<Durable, StoreError> {
    let transaction = connection.transaction()?;
    let (seq, at): (i64, i64) =
        transaction.query_row("SELECT seq, at FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let at = Timestamp(loaded(at));
    Ok(Durable {
        seq: Seq(loaded(seq)),
        at,
        rooms: room::load(&transaction)?,
        accounts: accounts(&transaction)?,
        devices: devices(&transaction)?,
        memberships: memberships(&transaction)?,
        markers: markers(&transaction)?,
        tokens: tokens(&transaction, at)?,
    })
}

fn accounts(connection: &Connection) -> Result<Vec<(AccountId, Nick, Timestamp)>, StoreError> {
    let mut statement = connection.prepare("SELECT id, name, created FROM accounts ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let id = loaded(row.get(0)?);
        let name = Nick::new(&row.get::<_, String>(1)?)
            .map_err(|_| StoreError::Unreadable { table: "accounts", id })?;
        accounts.push((AccountId(id), name, Timestamp(loaded(row.get(2)?))));
    }
    Ok(accounts)
}

fn devices(connection: &Connection) -> Result<Vec<DeviceRecord>, StoreError> {
    let mut statement =
        connection.prepare("SELECT id, account, token, made, used, about FROM devices ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut devices = Vec::new();
    while let Some(row) = rows.next()? {
        let id = loaded(row.get(0)?);
        let token: Vec<u8> = row.get(2)?;
        devices.push(DeviceRecord {
            id: DeviceId(id),
            account: AccountId(loaded(row.get(1)?)),
            token: token.try_into().map_err(|_| StoreError::Unreadable { table: "devices", id })?,
            made: Timestamp(loaded(row.get(3)?)),
            used: Timestamp(loaded(row.get(4)?)),
            about: row.get(5)?,
        });
    }
    Ok(devices)
}

fn memberships(connection: &Connection) -> Result<Vec<(AccountId, RoomId)>, StoreError> {
    let mut statement = connection.prepare("SELECT account, room FROM memberships ORDER BY account, room")?;
    let rows = statement
        .query_map([], |row| Ok((AccountId(loaded(row.get(0)?)), RoomId(loaded(row.get(1)?)))))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn markers(connection: &Connection) -> Result<Vec<(AccountId, Arc<str>, Timestamp)>, StoreError> {
    let mut statement =
        connection.prepare("SELECT account, target, at FROM markers ORDER BY account, target")?;
    let rows = statement
        .query_map([], |row| {
            Ok((AccountId(loaded(row.get(0)?)), row.get(1)?, Timestamp(loaded(row.get(2)?))))
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn tokens(connection: &Connection, last: Timestamp) -> Result<Vec<RecentToken>, StoreError> {
    let from = timeline::first_since(connection, Timestamp(last.0.saturating_sub(TOKEN_AGE_MS_MAX)))?;
    let mut statement = connection.prepare(TOKENS)?;
    let mut rows = statement.query([from, stored(TOKENS_MAX as u64)])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        match post::read(row) {
            Ok(post) => tokens.extend(post.token.map(|token| RecentToken {
                account: post.account,
                nick: post.nick,
                token,
                seq: post.seq,
                at: post.at,
            })),
            // One bad post must not keep the server from starting; whoever reads it is told.
            Err(StoreError::DamagedPost(seq)) => {
                tracing::error!(%seq, "a post is damaged, its token is left out");
            }
            Err(error) => return Err(error),
        }
    }
    tokens.reverse();
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{empty, plan};

    #[test]
    fn tokens_are_found_without_reading_other_posts() {
        let (_dir, connection) = empty();
        assert_eq!(plan(&connection, TOKENS), ["SEARCH posts USING INDEX posts_token (seq>?)"],);
    }
}
