//! The hub: every command gets its place and is carried out here, one after the other.
//!
//! Questions about the present state pass here too, so that their answers come after the effects of what was asked
//! before them.

use std::sync::Arc;
use std::vec;

use salotto_core::{
    AccountId, BanRecord, Command, Conversation, Core, Counts, Effect, NodeId, Ordered, Outcome,
    PersonSummary, Record, RequestId, RoomId, RoomModes, RoomName, RoomSummary, Roster, Seq, SessionId,
    Timestamp, TopicRecord, View, WhoEntry, mask_matches, room_key,
};
use salotto_sequencer::Local;

use crate::ambient::Ambient;
use crate::commit::SEQ_JUMP;

/// How many submissions are applied before their outcome is handed on.
const BATCH_MAX: usize = 1024;
/// How many people and rooms the answers of a batch may list before it ends. A list of a large room is a thousand times as
/// long as what asked for it.
const LISTED_MAX: usize = 16 * 1024;

/// How many rooms a list of rooms may have.
const LIST_MAX: usize = 5_000;
/// How many people an answer to WHO about a mask may have.
const WHO_MAX: usize = 500;

/// What a session asks for.
#[derive(Debug)]
pub(crate) struct Submission {
    /// Who asks.
    pub session: SessionId,
    /// The session's number for it.
    pub request: RequestId,
    /// What.
    pub ask: Ask,
}

/// A change, or a question.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Something that may change the chat.
    Command(Command),
    /// Something about the chat as it is.
    Query(Query),
}

/// A question about the chat as it is.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    /// Nothing: a place behind what was asked before.
    Nothing,
    /// The members of a room.
    Names(Arc<str>),
    /// A room's topic.
    Topic(Arc<str>),
    /// Rooms: all, or those that a list of names, masks (`*`, `?`, with `!` for all others) and numbers of members
    /// (`>n`, `<n`) lets through (modern IRC, "LIST", `ELIST=MNU`).
    Rooms(Arc<str>),
    /// A room's modes.
    RoomModes(Arc<str>),
    /// A room's bans.
    Bans(Arc<str>),
    /// People; the note is handed back.
    Who {
        /// A room, a name or a mask.
        mask: Arc<str>,
        /// Handed back with the answer.
        note: Arc<str>,
    },
    /// One person.
    Whois(Arc<str>),
    /// Which of these people are here.
    Present(Vec<Arc<str>>),
    /// Where these people are, as far as others may see.
    Hosts(Vec<Arc<str>>),
    /// How many there are.
    Counts,
    /// One's own marks.
    OwnMarks,
    /// The conversation that may be read under this name.
    Readable(Arc<str>),
    /// All conversations that may be read.
    ReadableAll,
    /// How far a conversation was read.
    ReadMarker(Arc<str>),
}

/// The answer to a [`Query`]. `None` stands for what does not exist for the one who asks.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Nothing,
    Names(Arc<str>, Option<Roster>),
    Topic(Arc<str>, Option<(RoomName, Option<TopicRecord>)>),
    Rooms(Vec<RoomSummary>),
    RoomModes(Arc<str>, Option<RoomModes>),
    Bans(Arc<str>, Option<(RoomName, Vec<BanRecord>)>),
    Who { mask: Arc<str>, note: Arc<str>, entries: Vec<WhoEntry> },
    Whois(Arc<str>, Option<PersonSummary>),
    Present(Vec<WhoEntry>),
    Hosts(Vec<WhoEntry>),
    Counts(Counts),
    OwnMarks(Option<(bool, bool, bool)>),
    Readable(Option<Conversation>),
    ReadableAll(Vec<(RoomId, RoomName)>, Option<AccountId>),
    ReadMarker(Arc<str>, Option<Timestamp>),
}

impl Answer {
    /// How many people, rooms and rules it lists.
    fn len(&self) -> usize {
        match self {
            Answer::Names(_, Some(roster)) => roster.members.len(),
            Answer::Who { entries, .. } => entries.len(),
            Answer::Whois(_, Some(person)) => 1 + person.rooms.len(),
            Answer::Present(people) | Answer::Hosts(people) => people.len(),
            Answer::Rooms(rooms) => rooms.len(),
            Answer::ReadableAll(rooms, _) => rooms.len(),
            Answer::Bans(_, Some((_, bans))) => bans.len(),
            _ => 0,
        }
    }
}

/// What came of one submission.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Who asked.
    pub session: SessionId,
    /// The session's number for it.
    pub request: RequestId,
    /// Its place in the order; the latest one for a question.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub effects: Vec<Effect>,
    /// The answer to a question.
    pub answer: Option<Answer>,
}

/// What came of some submissions, before it is written.
#[derive(Debug)]
pub(crate) struct Batch {
    /// For the shards, once the records are written.
    pub turns: Vec<Turn>,
    /// For the store.
    pub records: Vec<Record>,
    /// The last command of the batch.
    pub last: (Seq, Timestamp),
}

/// The chat behind the sessions: [`Core`], or something around it.
pub trait Chat {
    /// Carries out a command.
    fn apply(&mut self, ordered: Ordered, outcome: &mut Outcome);
    /// The chat as a session may see it.
    fn view(&self, session: SessionId) -> View<'_>;
    /// The rooms that a session may see, at most `max`.
    fn rooms(&self, session: SessionId, max: usize) -> Vec<RoomSummary> {
        self.view(session).rooms(max)
    }
}

impl Chat for Core {
    fn apply(&mut self, ordered: Ordered, outcome: &mut Outcome) {
        Core::apply(self, ordered, outcome);
    }

    fn view(&self, session: SessionId) -> View<'_> {
        Core::view(self, session)
    }
}

/// Gives every command its place and carries it out.
pub(crate) struct Hub<C> {
    chat: C,
    sequencer: Local,
    ambient: Ambient,
    last: (Seq, Timestamp),
    outcome: Outcome,
    /// The rest of a group of which a part was enough for a batch.
    rest: vec::IntoIter<Submission>,
    ended: bool,
}

impl<C: Chat> Hub<C> {
    /// A chat of which everything up to `written` is on the disk.
    pub fn new(chat: C, written: (Seq, Timestamp), node: NodeId, ambient: Ambient) -> Hub<C> {
        let (seq, at) = written;
        // Numbers given to what was never written are not given again, or two messages could have one id.
        let seq = if seq.0 == 0 { seq } else { Seq(seq.0 + SEQ_JUMP) };
        let last = (seq, at.max(ambient.wall()));
        let sequencer = Local::new(last.0, last.1, node);
        let rest = Vec::new().into_iter();
        Hub { chat, sequencer, ambient, last, outcome: Outcome::default(), rest, ended: false }
    }

    /// Carries out what has gathered, up to a bound: groups of submissions, of which `next` gives one after the other.
    /// `None` where nothing has.
    pub fn batch(&mut self, mut next: impl FnMut() -> Option<Vec<Submission>>) -> Option<Batch> {
        let mut batch = Batch { turns: Vec::new(), records: Vec::new(), last: self.last };
        let mut listed = 0;
        while listed < LISTED_MAX {
            if let Some(submission) = self.rest.next() {
                let turn = self.take(submission);
                listed += turn.answer.as_ref().map_or(0, Answer::len);
                batch.records.append(&mut self.outcome.records);
                batch.turns.push(turn);
            } else if batch.turns.len() < BATCH_MAX
                && let Some(group) = next()
            {
                batch.turns.reserve(group.len());
                self.take_up(group);
            } else {
                break;
            }
        }
        batch.last = self.last;
        (!batch.turns.is_empty()).then_some(batch)
    }

    /// Takes a group of submissions that the next batch begins with, when nothing [is left](Hub::has_rest) of an earlier
    /// one. An empty group is the last.
    pub fn take_up(&mut self, group: Vec<Submission>) {
        debug_assert!(!self.has_rest(), "it would be lost");
        self.ended |= group.is_empty();
        self.rest = group.into_iter();
    }

    /// Whether there is something for a batch, whatever else comes.
    pub fn has_rest(&self) -> bool {
        self.rest.len() > 0
    }

    /// Whether the last group has come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The chat.
    pub fn chat(&self) -> &C {
        &self.chat
    }

    fn take(&mut self, submission: Submission) -> Turn {
        let Submission { session, request, ask } = submission;
        match ask {
            Ask::Command(command) => {
                let ordered = self.sequencer.order(self.ambient.wall(), command);
                self.last = (ordered.seq, ordered.at);
                self.chat.apply(ordered, &mut self.outcome);
                let effects = std::mem::take(&mut self.outcome.effects);
                Turn { session, request, seq: self.last.0, at: self.last.1, effects, answer: None }
            }
            Ask::Query(query) => {
                let answer = Some(self.answer(session, query));
                let at = self.last.1.max(self.ambient.wall());
                Turn { session, request, seq: self.last.0, at, effects: Vec::new(), answer }
            }
        }
    }

    fn answer(&self, session: SessionId, query: Query) -> Answer {
        let view = self.chat.view(session);
        match query {
            Query::Nothing => Answer::Nothing,
            Query::Names(room) => {
                let roster = view.roster(&room);
                Answer::Names(room, roster)
            }
            Query::Topic(room) => {
                let topic = view.topic(&room);
                Answer::Topic(room, topic)
            }
            Query::Rooms(filter) => {
                let mut rooms = self.chat.rooms(session, usize::MAX);
                rooms.retain(|room| passes(room, &filter));
                rooms.truncate(LIST_MAX);
                rooms.shrink_to_fit();
                Answer::Rooms(rooms)
            }
            Query::RoomModes(room) => {
                let modes = view.room_modes(&room);
                Answer::RoomModes(room, modes)
            }
            Query::Bans(room) => {
                let bans = view.bans(&room);
                Answer::Bans(room, bans)
            }
            Query::Who { mask, note } => {
                let entries = view.who(&mask, WHO_MAX);
                Answer::Who { mask, note, entries }
            }
            Query::Whois(nick) => {
                let person = view.person(&nick);
                Answer::Whois(nick, person)
            }
            Query::Present(nicks) => {
                Answer::Present(nicks.iter().filter_map(|nick| view.present(nick)).collect())
            }
            Query::Hosts(nicks) => {
                Answer::Hosts(nicks.iter().filter_map(|nick| view.present(nick)).collect())
            }
            Query::Counts => Answer::Counts(view.counts()),
            Query::OwnMarks => Answer::OwnMarks(view.own_marks()),
            Query::Readable(target) => Answer::Readable(view.readable(&target)),
            Query::ReadableAll => {
                let (rooms, account) = view.readable_all();
                Answer::ReadableAll(rooms, account)
            }
            Query::ReadMarker(target) => {
                let at = view.read_marker(&target);
                Answer::ReadMarker(target, at)
            }
        }
    }
}

/// Whether a room passes a filter of `LIST`: every condition on members, and one of the names if there are any.
fn passes(room: &RoomSummary, filter: &str) -> bool {
    let mut names = 0;
    let mut named = false;
    for word in filter.split(',').filter(|word| !word.is_empty()) {
        if let Some(more_than) = word.strip_prefix('>') {
            if more_than.parse().is_ok_and(|number: usize| room.members <= number) {
                return false;
            }
        } else if let Some(fewer_than) = word.strip_prefix('<') {
            if fewer_than.parse().is_ok_and(|number: usize| room.members >= number) {
                return false;
            }
        } else if let Some(other) = word.strip_prefix('!') {
            if mask_matches(other, room.name.key().as_str()) {
                return false;
            }
        } else {
            names += 1;
            named |= mask_matches(room_key(word).as_str(), room.name.key().as_str());
        }
    }
    names == 0 || named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_filtered_by_name_mask_and_members() {
        let room = RoomSummary { name: RoomName::new("#Rust").unwrap(), members: 5, topic: None };
        for (filter, expected) in [
            ("", true),
            ("#rust", true),
            ("#RUST,#other", true),
            ("#other", false),
            ("#r*", true),
            ("!#r*", false),
            ("!#x*", true),
            (">4", true),
            (">5", false),
            ("<6", true),
            ("<5", false),
            (">4,#other", false),
        ] {
            assert_eq!(passes(&room, filter), expected, "{filter}");
        }
    }
}
