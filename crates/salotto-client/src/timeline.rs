//! The rows of one conversation, in the server's order and without doubles.

use std::collections::BTreeSet;

use crate::event::{ChatMessage, LeaveKind};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Unique in the timeline and constant; not ordered by time.
    pub key: u64,
    /// Unix milliseconds.
    pub time_ms: i64,
    /// What it shows.
    pub kind: RowKind,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKind {
    /// A message.
    Message(ChatMessage),
    /// Somebody came.
    Joined {
        /// Who.
        name: String,
    },
    /// Somebody went.
    Left {
        /// Who.
        name: String,
        /// In what way.
        kind: LeaveKind,
        /// What was said about it; may be empty.
        reason: String,
    },
    /// Somebody changed name.
    Renamed {
        /// The name before.
        from: String,
        /// The name after.
        to: String,
    },
    /// The topic was changed.
    Topic {
        /// By whom.
        by: String,
        /// The new text; may be empty.
        topic: String,
    },
    /// Modes were changed.
    Modes {
        /// By whom.
        by: String,
        /// The change as IRC writes it.
        change: String,
    },
    /// Messages are missing after this place.
    Gap {
        /// The id of the last message before the gap.
        after: String,
    },
}

/// The rows of a conversation, oldest first.
#[derive(Debug, Default)]
pub struct Timeline {
    rows: Vec<Row>,
    msgids: BTreeSet<String>,
    next_key: u64,
    start_reached: bool,
}

/// Where a page of history belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Before(&'a str),
    After(&'a str),
    ByTime,
}

impl Timeline {
    /// The most rows that are kept; beyond it the oldest go and can be fetched again.
    pub const ROWS_MAX: usize = 10_000;
    /// How many rows go at once when there are too many.
    const TRIM: usize = 1000;

    /// The rows, oldest first.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether the first row is the first of the whole history.
    pub fn start_reached(&self) -> bool {
        self.start_reached
    }

    /// Whether a message is here.
    pub fn contains(&self, msgid: &str) -> bool {
        self.msgids.contains(msgid)
    }

    /// The oldest message that has an id.
    pub fn first_message(&self) -> Option<&ChatMessage> {
        self.rows.iter().find_map(with_id)
    }

    /// The newest message that has an id.
    pub fn last_message(&self) -> Option<&ChatMessage> {
        self.rows.iter().rev().find_map(with_id)
    }

    pub(crate) fn set_start_reached(&mut self) {
        self.start_reached = true;
    }

    /// Adds a message that came just now; says whether it was new.
    pub(crate) fn push_message(&mut self, message: ChatMessage) -> bool {
        if !self.learn(&message) {
            return false;
        }
        self.push(message.time_ms, RowKind::Message(message));
        true
    }

    /// Adds a row at the place its time gives it, after all rows of the same time.
    pub(crate) fn push(&mut self, time_ms: i64, kind: RowKind) {
        let key = self.key();
        let at = self.rows.iter().rposition(|r| r.time_ms <= time_ms).map_or(0, |last| last + 1);
        self.rows.insert(at, Row { key, time_ms, kind });
        self.trim();
    }

    /// Adds a page of history, oldest first; gives the messages that were new.
    pub(crate) fn insert_page(&mut self, page: Vec<ChatMessage>, place: Place<'_>) -> Vec<ChatMessage> {
        let Some(first) = page.first() else { return page };
        // What the page has before a message that is known comes before that, whatever it was asked for.
        let known = page.iter().filter_map(|m| m.msgid.as_deref()).find_map(|id| self.position(id));
        let at = known.or_else(|| match place {
            Place::Before(msgid) => self.position(msgid),
            Place::After(msgid) => self.position(msgid).map(|p| p + 1),
            Place::ByTime => None,
        });
        let mut at = at.unwrap_or_else(|| self.rows.partition_point(|r| r.time_ms < first.time_ms));
        let mut ids = page.iter().filter_map(|m| m.msgid.clone());
        let ends = ids.next().map(|first| (first.clone(), ids.next_back().unwrap_or(first)));
        let mut new = Vec::with_capacity(page.len());
        for message in page {
            if !self.learn(&message) {
                // What follows a known message in the page comes behind it, also within one millisecond.
                if let Some(known) = message.msgid.as_deref().and_then(|id| self.position(id)) {
                    at = known + 1;
                }
                continue;
            }
            let key = self.key();
            let row = Row { key, time_ms: message.time_ms, kind: RowKind::Message(message.clone()) };
            self.rows.insert(at, row);
            at += 1;
            new.push(message);
        }
        // Stable, so that the place decides between rows of the same millisecond.
        self.rows.sort_by_key(|r| r.time_ms);
        if let Some((first, last)) = ends {
            self.close_gaps(&first, &last);
        }
        new
    }

    /// Marks that messages are missing after the one with this id.
    pub(crate) fn insert_gap(&mut self, after: &str) {
        self.remove_gap(after);
        let Some(at) = self.position(after) else { return };
        let key = self.key();
        let time_ms = self.rows[at].time_ms;
        self.rows.insert(at + 1, Row { key, time_ms, kind: RowKind::Gap { after: after.to_owned() } });
    }

    /// Marks that messages are missing around one that came by itself and is not the newest.
    pub(crate) fn mark_alone(&mut self, msgid: &str) {
        if !self.mark_missing_after(msgid) {
            return;
        }
        let at = self.position(msgid).unwrap_or_default();
        let before = self.rows[..at].iter().rev().find_map(with_id).and_then(|m| m.msgid.clone());
        if let Some(before) = before {
            self.insert_gap(&before);
        }
    }

    /// Marks that messages are missing after one, unless it is the newest; says whether it did.
    pub(crate) fn mark_missing_after(&mut self, msgid: &str) -> bool {
        let at = self.position(msgid);
        let marks = at.is_some_and(|at| self.rows[at + 1..].iter().any(|row| with_id(row).is_some()));
        if marks {
            self.insert_gap(msgid);
        }
        marks
    }

    /// Marks that what comes next does not follow on the newest message.
    pub(crate) fn mark_end(&mut self) {
        if let Some(last) = self.last_message().and_then(|m| m.msgid.clone()) {
            self.insert_gap(&last);
        }
    }

    /// Nothing is missing between two messages any more.
    fn close_gaps(&mut self, first: &str, last: &str) {
        let (Some(first), Some(last)) = (self.position(first), self.position(last)) else { return };
        let mut at = 0;
        self.rows.retain(|row| {
            let inside = (first..last).contains(&at);
            at += 1;
            !(inside && matches!(row.kind, RowKind::Gap { .. }))
        });
    }

    pub(crate) fn remove_gap(&mut self, after: &str) {
        self.rows.retain(|r| !matches!(&r.kind, RowKind::Gap { after: a } if a == after));
    }

    /// The gap that begins after a message, if the next known message lies beyond it.
    pub(crate) fn message_after_gap(&self, after: &str) -> Option<&str> {
        let gap =
            self.rows.iter().position(|r| matches!(&r.kind, RowKind::Gap { after: a } if a == after))?;
        self.rows[gap..].iter().find_map(with_id)?.msgid.as_deref()
    }

    /// Learns the id of a message; false for a known one.
    fn learn(&mut self, message: &ChatMessage) -> bool {
        message.msgid.as_ref().is_none_or(|id| self.msgids.insert(id.clone()))
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn position(&self, msgid: &str) -> Option<usize> {
        // Most ids that are asked for are not here, and rows are many.
        if !self.msgids.contains(msgid) {
            return None;
        }
        self.rows.iter().rposition(|r| with_id(r).is_some_and(|m| m.msgid.as_deref() == Some(msgid)))
    }

    fn trim(&mut self) {
        if self.rows.len() <= Self::ROWS_MAX {
            return;
        }
        for row in self.rows.drain(..Self::TRIM) {
            if let Some(id) = with_id(&row).and_then(|m| m.msgid.as_ref()) {
                self.msgids.remove(id);
            }
        }
        self.start_reached = false;
    }
}

fn with_id(row: &Row) -> Option<&ChatMessage> {
    match &row.kind {
        RowKind::Message(message) if message.msgid.is_some() => Some(message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::MessageKind;

    fn message(id: &str, time_ms: i64) -> ChatMessage {
        ChatMessage {
            target: "#a".into(),
            sender: "anna".into(),
            kind: MessageKind::Text,
            text: id.into(),
            time_ms,
            msgid: Some(id.into()),
            account: None,
            own: false,
            local_id: None,
            mentions_me: false,
        }
    }

    fn show(timeline: &Timeline) -> String {
        let row = |r: &Row| match &r.kind {
            RowKind::Message(m) => m.text.clone(),
            RowKind::Gap { .. } => "…".to_owned(),
            other => format!("{other:?}"),
        };
        timeline.rows().iter().map(row).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_message_is_kept_once_whatever_way_it_comes() {
        let mut timeline = Timeline::default();
        assert!(timeline.push_message(message("b", 2)));
        assert!(!timeline.push_message(message("b", 2)));
        let new =
            timeline.insert_page(vec![message("a", 1), message("b", 2), message("c", 3)], Place::ByTime);
        assert_eq!(new.len(), 2);
        assert_eq!(show(&timeline), "a b c");
    }

    #[test]
    fn pages_keep_their_place_within_one_millisecond() {
        let mut timeline = Timeline::default();
        timeline.push_message(message("d", 5));
        timeline.push_message(message("g", 5));
        timeline.insert_page(vec![message("b", 5), message("c", 5)], Place::Before("d"));
        timeline.insert_page(vec![message("e", 5), message("f", 5)], Place::After("d"));
        assert_eq!(show(&timeline), "b c d e f g");
    }

    #[test]
    fn a_page_with_known_messages_keeps_its_order_within_one_millisecond() {
        let mut timeline = Timeline::default();
        for id in ["a", "c"] {
            timeline.push_message(message(id, 5));
        }
        let page = ["b", "c", "d"].map(|id| message(id, 5)).to_vec();
        timeline.insert_page(page, Place::After("a"));
        assert_eq!(show(&timeline), "a b c d");
        let overlapping = ["Y", "Z", "a", "b"].map(|id| message(id, 5)).to_vec();
        timeline.insert_page(overlapping, Place::Before("c"));
        assert_eq!(show(&timeline), "Y Z a b c d");
    }

    #[test]
    fn a_page_closes_the_gaps_within_it() {
        let mut timeline = Timeline::default();
        for (id, time_ms) in [("a", 1), ("c", 3), ("e", 5)] {
            timeline.push_message(message(id, time_ms));
        }
        timeline.mark_missing_after("a");
        timeline.mark_missing_after("c");
        timeline.mark_end();
        assert_eq!(show(&timeline), "a … c … e …");
        timeline.insert_page(vec![message("c", 3), message("d", 4), message("e", 5)], Place::After("c"));
        assert_eq!(show(&timeline), "a … c d e …");
    }

    #[test]
    fn an_old_message_that_comes_by_itself_stands_between_gaps() {
        let mut timeline = Timeline::default();
        for (id, time_ms) in [("a", 1), ("g", 7), ("d", 4)] {
            timeline.push_message(message(id, time_ms));
        }
        timeline.mark_alone("d");
        assert_eq!(show(&timeline), "a … d … g");
        timeline.mark_alone("g");
        assert_eq!(show(&timeline), "a … d … g", "nothing is missing behind the newest");
    }

    #[test]
    fn a_gap_stands_after_its_message_and_goes() {
        let mut timeline = Timeline::default();
        timeline.push_message(message("a", 1));
        timeline.push_message(message("z", 9));
        timeline.insert_gap("a");
        timeline.insert_gap("a");
        assert_eq!(show(&timeline), "a … z");
        assert_eq!(timeline.message_after_gap("a"), Some("z"));
        timeline.remove_gap("a");
        assert_eq!(show(&timeline), "a z");
    }

    #[test]
    fn rows_are_bounded_and_the_oldest_go() {
        let mut timeline = Timeline::default();
        timeline.set_start_reached();
        for n in 0..=Timeline::ROWS_MAX {
            timeline.push_message(message(&n.to_string(), n as i64));
        }
        assert!(timeline.rows().len() <= Timeline::ROWS_MAX);
        assert!(!timeline.start_reached());
        assert!(!timeline.contains("0") && timeline.contains("10000"));
    }
}
