//! The last messages of a room, shown to whoever enters it before anything newer.

use salotto_core::{Conversation, PostRecord, RoomName, Seq};
use salotto_store::{HistoryQuery, Ref};
use salotto_wire::server_time::ServerTime;

use super::render::{is_for_people, said};
use super::session::Session;
use super::text::Text;
use crate::hub::Query;
use crate::jobs::Job;
use crate::shard::Io;

/// How many messages are shown.
const SHOWN_MAX: usize = 10;
/// How many bytes may be put aside while they are read; with more the present does not wait for the past.
const ASIDE_MAX: usize = 64 * 1024;

/// Messages that are being read.
#[derive(Debug)]
pub(super) struct Earlier {
    /// Of which room.
    pub room: RoomName,
    /// What has come since the room was shown, to be shown behind them; nothing is put aside until then.
    pub aside: Option<Vec<u8>>,
    /// Whoever came in at this place has been shown what came after it.
    before: Seq,
}

impl Session {
    /// Asks for the messages of a room from before one came in.
    pub(super) fn ask_earlier(&mut self, room: &RoomName, before: Seq, io: &mut Io<'_>) {
        self.show_aside(io);
        self.earlier = Some(Earlier { room: room.clone(), aside: None, before });
        io.ask(Query::Readable(room.as_str().into()));
    }

    /// The chat has said which conversation that is.
    pub(super) fn read_earlier(&mut self, conversation: Option<Conversation>, io: &mut Io<'_>) {
        let Some(earlier) = &self.earlier else { return };
        let query = HistoryQuery::Before(Ref::Seq(earlier.before));
        let job = conversation.map(|conversation| Job::History { conversation, query, limit: SHOWN_MAX });
        if job.is_none_or(|job| io.job(job).is_err()) {
            self.show_aside(io);
        }
    }

    /// They were read.
    pub(super) fn show_earlier(&mut self, posts: &[PostRecord], io: &mut Io<'_>) {
        // None are awaited any more when too much has happened meanwhile.
        let Some(earlier) = &mut self.earlier else { return };
        let aside = earlier.aside.take();
        let mut posts = posts.iter().filter(|post| is_for_people(post.kind, &post.text)).peekable();
        if posts.peek().is_some() {
            self.word(Text::Earlier, io);
            for post in posts {
                let mark = mark(post);
                io.line(|bytes| said(&mark, &post.nick, post.kind, &post.text, bytes));
            }
            self.word(Text::Now, io);
        }
        if let Some(earlier) = &mut self.earlier {
            earlier.aside = aside;
        }
        self.show_aside(io);
    }

    /// Shows what was put aside, and puts no more aside.
    pub(super) fn show_aside(&mut self, io: &mut Io<'_>) {
        let aside = self.earlier.take().and_then(|earlier| earlier.aside);
        if let Some(aside) = aside.filter(|aside| !aside.is_empty()) {
            io.line(|bytes| bytes.extend_from_slice(&aside));
        }
    }

    /// From now on lines are put aside, the room has been shown.
    pub(super) fn put_aside(&mut self) {
        if let Some(earlier) = &mut self.earlier {
            earlier.aside.get_or_insert_default();
        }
    }

    /// Whether lines are put aside, so that all must pass through the session.
    pub(super) fn puts_aside(&self) -> bool {
        self.earlier.as_ref().is_some_and(|earlier| earlier.aside.is_some())
    }

    /// Shows lines, or puts them aside.
    pub(super) fn show(&mut self, write: impl FnOnce(&mut Vec<u8>), io: &mut Io<'_>) {
        let Some(aside) = self.earlier.as_mut().and_then(|earlier| earlier.aside.as_mut()) else {
            return io.line(write);
        };
        write(aside);
        if aside.len() > ASIDE_MAX {
            self.show_aside(io);
        }
    }
}

/// When something was said: `[2026-11-20 23:44] `.
fn mark(post: &PostRecord) -> String {
    let time = ServerTime(i64::try_from(post.at.0).unwrap_or(i64::MAX)).to_string();
    let (day, time) = time.split_once('T').unwrap_or((&time, ""));
    format!("[{day} {}] ", time.get(..5).unwrap_or_default())
}
