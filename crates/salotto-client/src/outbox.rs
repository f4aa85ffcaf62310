//! Messages on their way: queued, sent, failed.
//!
//! Each target has its own queue, first in, first out, with one message under way at a time. So the
//! order of what one person says in one place survives refusals and reconnections. A failure stops
//! the queue of its target until the user decides; other targets go on.

use std::collections::BTreeSet;
use std::time::Duration;

use salotto_wire::{Line, Message, server_time};

use crate::event::MessageKind;
use crate::time::Time;

/// A message on its way is not marked as such for this long, so that a fast answer causes no flicker.
pub(crate) const HIDDEN_FOR: Duration = Duration::from_millis(500);
/// A message without an answer for this long is called slow.
pub(crate) const SLOW_AFTER: Duration = Duration::from_secs(10);
/// A message without an answer for this long, on a connection that lives, has failed.
pub(crate) const UNANSWERED_AFTER: Duration = Duration::from_secs(60);
/// A message that waited this long is sent only after the user has said so.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(3600);

const TIME_TAG: &str = "time";
const TOKEN_TAG: &str = crate::TOKEN_TAG;

/// The name of an outbox entry within its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub(crate) u64);

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: LocalId,
    /// The random token by which the server knows it again.
    pub token: String,
    /// The room or person it goes to.
    pub target: String,
    /// What kind it is.
    pub kind: MessageKind,
    /// The text, without the wrapping of an action.
    pub text: String,
    /// When it was written.
    pub written_at: Time,
    /// How far it is.
    pub state: EntryState,
    pub(crate) sent_at: Option<Time>,
    // It was under way when a connection broke: the server may have it.
    pub(crate) maybe_sent: bool,
}

/// How far a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// Just written; nothing is shown yet.
    Hidden,
    /// It waits for the connection or for the message before it.
    Queued,
    /// It is on its way.
    Sending,
    /// It is on its way for more than ten seconds.
    Slow,
    /// It was not delivered; the user decides.
    Failed(FailReason),
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailReason {
    /// The server refused it, in its words.
    Refused(String),
    /// The server did not answer.
    NoAnswer,
    /// It was written more than an hour before the connection came back.
    Stale,
}

/// The messages on their way, in the order they were written.
#[derive(Debug, Default)]
pub struct Outbox {
    entries: Vec<Entry>,
    next_id: u64,
}

impl Outbox {
    /// The most messages that may wait; more are refused at once, so nothing is lost unseen.
    pub const ENTRIES_MAX: usize = 10_000;

    /// All messages on their way.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing is on its way except what has failed.
    pub fn is_settled(&self) -> bool {
        self.entries.iter().all(|e| matches!(e.state, EntryState::Failed(_)))
    }

    /// The messages for one target, compared as given.
    pub fn for_target<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |e| e.target.eq_ignore_ascii_case(target))
    }

    /// Writes all messages as lines, to be kept across a restart.
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            let command = if entry.kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
            Line::new(&mut out)
                .tag(TOKEN_TAG, &entry.token)
                .tag(TIME_TAG, &server_time::format(entry.written_at.unix_ms()))
                .command(command)
                .param(&entry.target)
                .trailing(&entry.wire_text())
                .end();
        }
        out
    }

    /// Reads back what [`Outbox::save`] wrote. Lines that are no such thing are left out.
    pub fn load(text: &str) -> Self {
        let mut outbox = Self::default();
        for line in text.lines() {
            let Ok(message) = Message::parse(line) else { continue };
            let (Some(token), Some(time), Some(target), Some(text)) =
                (message.tag(TOKEN_TAG), message.tag(TIME_TAG), message.param(0), message.param(1))
            else {
                continue;
            };
            let Some(ms) = server_time::parse(&time) else { continue };
            let (kind, text) = match (message.command(), salotto_wire::ctcp::action(text)) {
                ("NOTICE", _) => (MessageKind::Notice, text),
                (_, Some(action)) => (MessageKind::Action, action),
                _ => (MessageKind::Text, text),
            };
            if let Some(id) = outbox.add(token.into_owned(), target, kind, text, Time::from_unix_ms(ms))
                && let Some(entry) = outbox.get_mut(id)
            {
                entry.state = EntryState::Queued;
                entry.maybe_sent = true;
            }
        }
        outbox
    }

    pub(crate) fn add(
        &mut self,
        token: String,
        target: &str,
        kind: MessageKind,
        text: &str,
        now: Time,
    ) -> Option<LocalId> {
        if self.entries.len() >= Self::ENTRIES_MAX {
            return None;
        }
        self.next_id += 1;
        let id = LocalId(self.next_id);
        self.entries.push(Entry {
            id,
            token,
            target: target.to_owned(),
            kind,
            text: text.to_owned(),
            written_at: now,
            state: EntryState::Hidden,
            sent_at: None,
            maybe_sent: false,
        });
        Some(id)
    }

    pub(crate) fn get(&self, id: LocalId) -> Option<&Entry> {
        self.entries.iter().find(|e| e.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: LocalId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.id == id)
    }

    pub(crate) fn remove(&mut self, id: LocalId) -> Option<Entry> {
        let at = self.entries.iter().position(|e| e.id == id)?;
        Some(self.entries.remove(at))
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<LocalId> {
        self.entries.iter().find(|e| e.token == token).map(|e| e.id)
    }

    /// The one message under way to a target.
    pub(crate) fn under_way(&self, folded: &str, fold: impl Fn(&str) -> String) -> Option<&Entry> {
        self.entries.iter().find(|e| e.is_under_way() && fold(&e.target) == folded)
    }

    /// The next message of each target that has none under way and none failed.
    pub(crate) fn ready(&self, fold: impl Fn(&str) -> String) -> Vec<LocalId> {
        let mut seen = BTreeSet::new();
        self.entries
            .iter()
            .filter(|e| seen.insert(fold(&e.target)))
            .filter(|e| !e.is_under_way() && !matches!(e.state, EntryState::Failed(_)))
            .map(|e| e.id)
            .collect()
    }

    /// Puts back what was under way when the connection broke; gives what changed.
    pub(crate) fn connection_lost(&mut self, now: Time) -> Vec<LocalId> {
        let mut changed = Vec::new();
        for entry in self.entries.iter_mut().filter(|e| e.is_under_way()) {
            entry.sent_at = None;
            entry.maybe_sent = true;
            if now - entry.written_at >= HIDDEN_FOR {
                entry.state = EntryState::Queued;
                changed.push(entry.id);
            } else {
                entry.state = EntryState::Hidden;
            }
        }
        changed
    }

    /// Fails what has waited for too long to be sent unasked; gives what changed.
    pub(crate) fn mark_stale(&mut self, now: Time) -> Vec<LocalId> {
        let mut changed = Vec::new();
        for entry in &mut self.entries {
            let waits = matches!(entry.state, EntryState::Queued | EntryState::Hidden);
            if waits && now - entry.written_at >= STALE_AFTER {
                entry.state = EntryState::Failed(FailReason::Stale);
                changed.push(entry.id);
            }
        }
        changed
    }

    /// Brings states up to date with the time; gives what changed.
    pub(crate) fn advance(&mut self, now: Time) -> Vec<LocalId> {
        let mut changed = Vec::new();
        for entry in &mut self.entries {
            let state = entry.state_at(now);
            if state != entry.state {
                entry.state = state;
                if matches!(entry.state, EntryState::Failed(_)) {
                    entry.sent_at = None;
                }
                changed.push(entry.id);
            }
        }
        changed
    }

    /// When the state of some entry changes by itself.
    pub(crate) fn next_change(&self) -> Option<Time> {
        self.entries.iter().filter_map(Entry::next_change).min()
    }
}

impl Entry {
    /// The text as it goes over the wire.
    pub(crate) fn wire_text(&self) -> String {
        match self.kind {
            MessageKind::Action => salotto_wire::ctcp::to_action(&self.text),
            MessageKind::Text | MessageKind::Notice => self.text.clone(),
        }
    }

    fn is_under_way(&self) -> bool {
        self.sent_at.is_some()
    }

    fn state_at(&self, now: Time) -> EntryState {
        if matches!(self.state, EntryState::Failed(_)) {
            return self.state.clone();
        }
        match self.sent_at {
            Some(sent) if now - sent >= UNANSWERED_AFTER => EntryState::Failed(FailReason::NoAnswer),
            Some(sent) if now - sent >= SLOW_AFTER => EntryState::Slow,
            _ if self.state == EntryState::Hidden && now - self.written_at < HIDDEN_FOR => EntryState::Hidden,
            Some(_) => EntryState::Sending,
            None => EntryState::Queued,
        }
    }

    fn next_change(&self) -> Option<Time> {
        match (&self.state, self.sent_at) {
            (EntryState::Failed(_), _) => None,
            (EntryState::Hidden, _) => Some(self.written_at + HIDDEN_FOR),
            (EntryState::Slow, Some(sent)) => Some(sent + UNANSWERED_AFTER),
            (_, Some(sent)) => Some(sent + SLOW_AFTER),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_unix_ms(ms)
    }

    fn fold(name: &str) -> String {
        name.to_ascii_lowercase()
    }

    fn add(outbox: &mut Outbox, target: &str, text: &str, ms: i64) -> LocalId {
        outbox.add(format!("token-{text}"), target, MessageKind::Text, text, at(ms)).unwrap()
    }

    #[test]
    fn one_is_under_way_for_each_target_and_a_failure_stops_only_its_own() {
        let mut outbox = Outbox::default();
        let a1 = add(&mut outbox, "#a", "a1", 0);
        let a2 = add(&mut outbox, "#A", "a2", 0);
        let b1 = add(&mut outbox, "#b", "b1", 0);
        assert_eq!(outbox.ready(fold), [a1, b1]);
        outbox.get_mut(a1).unwrap().sent_at = Some(at(0));
        assert_eq!(outbox.ready(fold), [b1]);
        assert_eq!(outbox.under_way("#a", fold).unwrap().id, a1);
        outbox.remove(a1);
        assert_eq!(outbox.ready(fold), [a2, b1]);
        outbox.get_mut(a2).unwrap().state = EntryState::Failed(FailReason::NoAnswer);
        assert_eq!(outbox.ready(fold), [b1]);
        assert!(!outbox.is_settled());
        outbox.remove(b1);
        assert!(outbox.is_settled() && !outbox.is_empty());
    }

    #[test]
    fn states_follow_the_time() {
        let mut outbox = Outbox::default();
        let id = add(&mut outbox, "#a", "x", 0);
        outbox.get_mut(id).unwrap().sent_at = Some(at(0));
        for (ms, state) in [
            (499, EntryState::Hidden),
            (500, EntryState::Sending),
            (10_000, EntryState::Slow),
            (60_000, EntryState::Failed(FailReason::NoAnswer)),
        ] {
            outbox.advance(at(ms));
            assert_eq!(outbox.get(id).unwrap().state, state, "{ms}");
        }
        assert_eq!(outbox.next_change(), None);
    }

    #[test]
    fn an_old_message_waits_for_the_user() {
        let mut outbox = Outbox::default();
        let old = add(&mut outbox, "#a", "old", 0);
        add(&mut outbox, "#a", "new", 3_599_999);
        assert_eq!(outbox.mark_stale(at(3_600_000)), [old]);
    }

    #[test]
    fn what_is_saved_is_loaded_with_its_tokens() {
        let mut outbox = Outbox::default();
        add(&mut outbox, "#a", "one; two", 1000);
        outbox.add("t2".into(), "bo", MessageKind::Action, "waves", at(2000)).unwrap();
        outbox.add("t3".into(), "bo", MessageKind::Notice, "n", at(3000)).unwrap();
        let text = String::from_utf8(outbox.save()).unwrap();
        let loaded = Outbox::load(&format!("rubbish\r\n{text}PRIVMSG #a :no tags\r\n"));
        let summary = |o: &Outbox| {
            o.entries()
                .iter()
                .map(|e| (e.token.clone(), e.target.clone(), e.kind, e.text.clone(), e.written_at))
                .collect::<Vec<_>>()
        };
        assert_eq!(summary(&loaded), summary(&outbox));
        assert!(loaded.entries().iter().all(|e| e.state == EntryState::Queued));
    }
}
