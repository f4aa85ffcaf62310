//! The numbered forms of the database, each made from the one before by a file of `migrations/`.
//!
//! The number is SQLite's `user_version`. A form that this program does not know is refused: every migration so
//! far means that an older program must not open the file.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_first.sql"), include_str!("../migrations/0002_devices.sql")];

/// The latest form that this program knows.
pub(crate) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// "SALO": tells a database of this program from any other, see `PRAGMA application_id`.
const APPLICATION_ID: i32 = 0x5341_4C4F;

/// What a database file is to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing is in it yet.
    Empty,
    /// Somebody else's.
    Foreign,
    /// Ours, in this form.
    Ours(u32),
}

/// Says what a database is.
pub(crate) fn form(connection: &Connection) -> Result<Form, StoreError> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let objects: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, objects) {
        (APPLICATION_ID, _) => Form::Ours(version),
        (0, 0) => Form::Empty,
        _ => Form::Foreign,
    })
}

/// Brings a database that is ours, or empty, to the latest form; in one transaction, or not at all.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = match form(&transaction)? {
        Form::Ours(version) => version,
        Form::Empty | Form::Foreign => 0,
    };
    if found > KNOWN {
        return Err(StoreError::Newer { found, known: KNOWN });
    }
    for (number, sql) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()?;
    Ok(())
}
