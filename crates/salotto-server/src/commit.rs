//! Commits: nobody sees what is not on the disk.
//!
//! The records of a batch are written in one transaction, and only then its turns are given to the shards. When the disk
//! refuses, nothing is delivered: the server is read-only until the same batch could be written.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use salotto_core::{Record, Seq, Timestamp};
use salotto_store::{StoreError, Writer};

use crate::hub::Batch;
use crate::shared::Shared;

/// After so many commands without a record their number is written down alone, so that a restart does not give
/// the same numbers again.
const UNWRITTEN_MAX: u64 = 1 << 18;
/// How far numbers jump at a start, over all that may have gone unwritten.
pub const SEQ_JUMP: u64 = UNWRITTEN_MAX * 4;

/// Where records are written.
pub trait Disk {
    /// Why it refuses.
    type Error: Display;

    /// Writes the records of a batch in their order, and that `last` is its last command: all of it or nothing.
    ///
    /// # Errors
    /// Nothing was written.
    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), Self::Error>;
}

impl Disk for Writer {
    type Error = StoreError;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), StoreError> {
        Writer::commit(self, records, last)
    }
}

/// What is known of the disk: how far it is, and whether it refuses.
pub(crate) struct Commits {
    shared: Arc<Shared>,
    /// The last number that is on the disk.
    written: Seq,
}

impl Commits {
    /// A disk that has everything up to `written`.
    pub fn new(shared: Arc<Shared>, written: Seq) -> Commits {
        Commits { shared, written }
    }

    /// Tries to write; says whether it is written. `announce` is given what everybody has to be told.
    pub fn attempt(
        &mut self,
        disk: &mut impl Disk,
        batch: &Batch,
        mut announce: impl FnMut(&'static str),
    ) -> bool {
        let last = batch.last;
        if batch.records.is_empty() && last.0.0.saturating_sub(self.written.0) < UNWRITTEN_MAX {
            return true;
        }
        let started = self.shared.ambient.instant();
        if let Err(error) = disk.commit(batch.records.iter(), last) {
            if !self.shared.read_only.swap(true, Ordering::SeqCst) {
                tracing::error!(target: "salotto::store", event = "error", reason = %error, "the disk refuses; read-only");
                announce(
                    "The server cannot write to its disk. Nothing is lost, but nothing can be sent now.",
                );
            }
            return false;
        }
        if self.shared.read_only.swap(false, Ordering::SeqCst) {
            tracing::info!(target: "salotto::store", event = "recovered", "the disk takes writes again");
            announce("The server can write again.");
        }
        self.written = last.0;
        let took = self.shared.ambient.instant().saturating_duration_since(started);
        self.shared.metrics.committed(batch.records.len(), took);
        true
    }
}
