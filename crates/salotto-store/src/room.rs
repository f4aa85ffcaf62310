//! Rooms as rows: the bits of their switches and roles, writing and loading.

use rusqlite::{Connection, Row, params};
use salotto_core::RoomName;
use salotto_core::{AccountId, RoomId, Timestamp};
use salotto_core::{BanRecord, RoomRecord, TopicRecord};
use salotto_core::{Roles, RoomFlag};

use crate::connection::{loaded, stored};
use crate::error::StoreError;

/// All switches in their order.
const FLAGS: [RoomFlag; 5] = [
    RoomFlag::InviteOnly,
    RoomFlag::Moderated,
    RoomFlag::NoExternal,
    RoomFlag::Secret,
    RoomFlag::TopicLocked,
];

/// The bit that a switch has in `rooms.flags`. Never reused.
fn flag_bit(flag: RoomFlag) -> u32 {
    match flag {
        RoomFlag::InviteOnly => 1,
        RoomFlag::Moderated => 2,
        RoomFlag::NoExternal => 4,
        RoomFlag::Secret => 8,
        RoomFlag::TopicLocked => 16,
    }
}

/// The bits in `roles.roles`. Never reused.
const OPERATOR_BIT: u32 = 1;
const VOICE_BIT: u32 = 2;

/// Writes a room whole.
pub(crate) fn write(connection: &Connection, room: &RoomRecord) -> Result<(), StoreError> {
    let id = stored(room.id.0);
    let topic = room.topic.as_ref();
    let flags: u32 = room.flags.iter().map(|&flag| flag_bit(flag)).fold(0, |all, bit| all | bit);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rooms
             (id, name, created, topic, topic_by, topic_at, flags, key, people_max, established, retired)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
        )?
        .execute(params![
            id,
            room.name.as_str(),
            stored(room.created.0),
            topic.map(|topic| &topic.text),
            topic.map(|topic| &topic.by),
            topic.map(|topic| stored(topic.at.0)),
            flags,
            room.key,
            room.limit,
            room.established,
        ])?;
    clear(connection, id)?;
    let mut ban_statement = connection
        .prepare_cached("INSERT INTO bans (room, place, mask, set_by, set_at) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (place, ban) in (0i64..).zip(&room.bans) {
        ban_statement.execute(params![id, place, ban.mask, ban.by, stored(ban.at.0)])?;
    }
    let mut role_statement = connection
        .prepare_cached("INSERT OR REPLACE INTO roles (room, account, roles) VALUES (?1, ?2, ?3)")?;
    for (account, roles) in &room.roles {
        let bits = u32::from(roles.operator) * OPERATOR_BIT + u32::from(roles.voice) * VOICE_BIT;
        role_statement.execute(params![id, stored(account.0), bits])?;
    }
    Ok(())
}

/// Takes a room out of the chat for good, with everything that only a living room has.
pub(crate) fn retire(connection: &Connection, room: RoomId) -> Result<(), StoreError> {
    let id = stored(room.0);
    connection.prepare_cached("UPDATE rooms SET retired = 1 WHERE id = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM memberships WHERE room = ?1")?.execute([id])?;
    clear(connection, id)
}

fn clear(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM bans WHERE room = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM roles WHERE room = ?1")?.execute([id])?;
    Ok(())
}

/// All rooms that are not retired, by id.
pub(crate) fn load(connection: &Connection) -> Result<Vec<RoomRecord>, StoreError> {
    let mut rooms: Vec<RoomRecord> = Vec::new();
    let mut statement = connection.prepare(
        "SELECT id, name, created, topic, topic_by, topic_at, flags, key, people_max, established
         FROM rooms WHERE retired = 0 ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = loaded(row.get(0)?);
        rooms.push(read(row, RoomId(id))?.ok_or(StoreError::Unreadable { table: "rooms", id })?);
    }
    let mut statement =
        connection.prepare("SELECT room, mask, set_by, set_at FROM bans ORDER BY room, place")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(room) = find(&mut rooms, row)? {
            let at = Timestamp(loaded(row.get(3)?));
            room.bans.push(BanRecord { mask: row.get(1)?, by: row.get(2)?, at });
        }
    }
    let mut statement =
        connection.prepare("SELECT room, account, roles FROM roles ORDER BY room, account")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(room) = find(&mut rooms, row)? {
            let bits: u32 = row.get(2)?;
            let roles = Roles { operator: bits & OPERATOR_BIT != 0, voice: bits & VOICE_BIT != 0 };
            room.roles.push((AccountId(loaded(row.get(1)?)), roles));
        }
    }
    Ok(rooms)
}

/// The room that the first column names.
fn find<'a>(rooms: &'a mut [RoomRecord], row: &Row<'_>) -> Result<Option<&'a mut RoomRecord>, StoreError> {
    let id = RoomId(loaded(row.get(0)?));
    Ok(rooms.binary_search_by_key(&id, |room| room.id).ok().map(|place| &mut rooms[place]))
}

fn read(row: &Row<'_>, id: RoomId) -> Result<Option<RoomRecord>, StoreError> {
    let Ok(name) = RoomName::new(&row.get::<_, String>(1)?) else {
        return Ok(None);
    };
    let topic = match (row.get(3)?, row.get(4)?, row.get::<_, Option<i64>>(5)?) {
        (Some(text), Some(by), Some(at)) => Some(TopicRecord { text, by, at: Timestamp(loaded(at)) }),
        (None, None, None) => None,
        _ => return Ok(None),
    };
    let flags: u32 = row.get(6)?;
    Ok(Some(RoomRecord {
        id,
        name,
        created: Timestamp(loaded(row.get(2)?)),
        topic,
        flags: FLAGS.into_iter().filter(|&flag| flags & flag_bit(flag) != 0).collect(),
        key: row.get(7)?,
        limit: row.get(8)?,
        bans: Vec::new(),
        roles: Vec::new(),
        established: row.get(9)?,
    }))
}
