//! Rooms and direct conversations as the client knows them.

use std::collections::BTreeMap;

use crate::timeline::Timeline;

/// Whether a conversation is a room or a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationKind {
    /// A room.
    Room,
    /// One other person.
    Direct,
}

/// A room's topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// The text; empty when there is none.
    pub text: String,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: String,
    /// Prefixes, highest first, such as `@+`.
    pub prefixes: String,
    /// Whether they are away.
    pub away: bool,
    /// Their account, when known.
    pub account: Option<String>,
}

/// A room or a direct conversation.
#[derive(Debug)]
pub struct Conversation {
    pub(crate) name: String,
    pub(crate) kind: ConversationKind,
    pub(crate) joined: bool,
    pub(crate) wanted: bool,
    pub(crate) key: Option<String>,
    pub(crate) topic: Topic,
    pub(crate) members: BTreeMap<String, Member>,
    // Names of a list that has begun and not ended; it replaces the members at its end.
    pub(crate) names_arriving: Option<BTreeMap<String, Member>>,
    pub(crate) timeline: Timeline,
    pub(crate) unread: usize,
    pub(crate) mentions: usize,
    pub(crate) read_until_ms: Option<i64>,
    // The same, as far as the server has said that it knows.
    pub(crate) read_known_ms: Option<i64>,
    // When we came in, by the server's clock; it stays while a lost connection comes back.
    pub(crate) entered_ms: Option<i64>,
    // What was missed is being fetched; the outbox waits for it.
    pub(crate) syncing: bool,
    // The last message before what was missed and is not all fetched yet. It outlives a connection: what is
    // heard live meanwhile must not be taken for the place to go on from.
    pub(crate) missing_after: Option<String>,
}

impl Conversation {
    pub(crate) fn new(name: &str, kind: ConversationKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            joined: false,
            wanted: false,
            key: None,
            topic: Topic::default(),
            members: BTreeMap::new(),
            names_arriving: None,
            timeline: Timeline::default(),
            unread: 0,
            mentions: 0,
            read_until_ms: None,
            read_known_ms: None,
            entered_ms: None,
            syncing: false,
            missing_after: None,
        }
    }

    /// How far it was read, where the server does not know yet.
    pub(crate) fn read_untold_ms(&self) -> Option<i64> {
        self.read_until_ms.filter(|_| self.read_until_ms > self.read_known_ms)
    }

    /// Shows a gap where what was missed is not fetched yet and cannot be now.
    pub(crate) fn own_up_to_holes(&mut self) {
        if let Some(msgid) = &self.missing_after
            && self.timeline.mark_missing_after(msgid)
        {
            self.timeline.mark_end();
        }
    }

    /// The room's or the person's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Room or person.
    pub fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// Whether we are in the room just now. Always false for a person.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The members, ordered by folded name.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// The rows.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// How many messages of others have not been read.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// How many of them name us; every one in a direct conversation.
    pub fn mentions(&self) -> usize {
        self.mentions
    }

    /// Up to where the conversation has been read, in Unix milliseconds.
    pub fn read_until_ms(&self) -> Option<i64> {
        self.read_until_ms
    }
}
