//! From what came of submissions to bytes in connections' queues.
//!
//! Most of what a busy server does is here: the same line for everybody in a room. An event is rendered once for
//! each way of rendering among the room's readers, into the room's feed, and each reader's queue refers to it. Posts to one
//! room that come one after the other in a batch (a *run*) are rendered once together.

use salotto_core::{Audience, Effect, Event, PersonId, PostKind, PostTarget, RoomId, RoomName, Seq};

use super::CLOSING;
use super::feed::{Feeds, Piece};
use super::roster::{Roster, Slot};
use super::rounds::Due;
use super::sessions::Sessions;
use super::socket::Stream;
use crate::adapter::{self, Plan, RenderKey};
use crate::hub::Turn;

/// What the members of a room are given at present, as pieces of its feeds: one for each way of rendering that was met.
#[derive(Default)]
pub(super) struct Renders {
    done: Vec<Rendered>,
}

/// Some turns, rendered one way.
struct Rendered {
    key: RenderKey,
    piece: Piece,
    /// Where in the piece each turn ends, if there are several.
    ends: Vec<usize>,
}

impl Renders {
    /// The piece with some turns, each of which `render` appends to the room's feed.
    fn get(
        &mut self,
        feeds: &mut Feeds,
        room: RoomId,
        key: RenderKey,
        turns: &[Turn],
        mut render: impl FnMut(&Turn, &mut Vec<u8>),
    ) -> &Piece {
        let at = self.done.iter().position(|done| done.key == key).unwrap_or_else(|| {
            let mut ends = Vec::new();
            let piece = feeds.append(room, key, |bytes| {
                let start = bytes.len();
                for turn in turns {
                    render(turn, bytes);
                    if turns.len() > 1 {
                        ends.push(bytes.len() - start);
                    }
                }
            });
            self.done.push(Rendered { key, piece, ends });
            self.done.len() - 1
        });
        &self.done[at].piece
    }

    /// Takes one turn, by its place, out of a run that was rendered.
    fn take_from(&mut self, run: &Renders, turn: usize) {
        self.clear();
        for Rendered { key, piece, ends } in &run.done {
            let begin = turn.checked_sub(1).map_or(0, |before| ends[before]);
            let piece = piece.part(begin..ends[turn]);
            self.done.push(Rendered { key: *key, piece, ends: Vec::new() });
        }
    }

    /// The members of the room have been given it.
    fn clear(&mut self) {
        self.done.clear();
    }
}

/// The room a turn does nothing but post to.
fn posts_to(turn: &Turn) -> Option<RoomId> {
    let [Effect { audience: Audience::Room(room), event: Event::Posted(posted) }] = &turn.effects[..] else {
        return None;
    };
    (turn.answer.is_none() && posted.kind != PostKind::Tags).then_some(*room)
}

/// The room's name and the number of a turn's post.
fn post_of(turn: &Turn) -> Option<(&RoomName, Seq)> {
    let Event::Posted(posted) = &turn.effects.first()?.event else { return None };
    match &posted.target {
        PostTarget::Room(_, name) => Some((name, posted.seq)),
        PostTarget::Person(..) => None,
    }
}

impl<S: Stream> Sessions<S> {
    /// Delivers what came of submissions, in order.
    pub(super) fn turns(&mut self, mut turns: &[Turn]) {
        while let [first, rest @ ..] = turns {
            let room = posts_to(first);
            let more = rest.iter().take_while(|turn| room.is_some() && posts_to(turn) == room).count();
            match room {
                Some(room) if more > 0 => self.run_of_posts(room, &turns[..=more]),
                _ => self.turn(first),
            }
            self.relieve();
            turns = &rest[more..];
        }
    }

    /// Delivers several posts to one room. Those who said them see them one by one, because their own answers
    /// come in between; all others see the same.
    fn run_of_posts(&mut self, room: RoomId, turns: &[Turn]) {
        self.stamp += 1;
        self.one_by_one.clear();
        for turn in turns {
            if let Some(connection) =
                self.roster.slot(turn.session).and_then(|slot| self.connections.get_mut(slot))
            {
                connection.stamp = self.stamp;
            }
        }
        let Sessions { roster, connections, feeds, run_renders, rounds, shared, one_by_one, stamp, .. } =
            self;
        let (Some((name, first)), Some((_, last))) =
            (turns.first().and_then(post_of), turns.last().and_then(post_of))
        else {
            return;
        };
        for &slot in roster.of_room(room) {
            let Some(connection) = connections.get_mut(slot) else { continue };
            if connection.stamp == *stamp || !connection.shares_posts() {
                one_by_one.push(slot);
                continue;
            }
            if connection.is_lagged(shared) {
                connection.miss(room, name, first, last);
                continue;
            }
            let key = connection.render_key();
            let piece = run_renders.get(feeds, room, key, turns, |turn, bytes| {
                for effect in &turn.effects {
                    adapter::render(turn, &effect.event, key, shared, bytes);
                }
            });
            connection.out.share(piece);
            rounds.hurry();
            connection.queue(slot, Due::InTurn, rounds);
        }
        let one_by_one = std::mem::take(&mut self.one_by_one);
        for (place, turn) in turns.iter().enumerate() {
            let origin = self.begin_turn(turn);
            self.renders.take_from(&self.run_renders, place);
            self.stamp += 1;
            for effect in &turn.effects {
                for &slot in &one_by_one {
                    self.give(slot, Some(room), turn, effect);
                }
            }
            self.end_turn(turn, origin);
        }
        self.one_by_one = one_by_one;
        self.renders.clear();
        self.run_renders.clear();
    }

    /// Delivers what came of one submission.
    fn turn(&mut self, turn: &Turn) {
        let origin = self.begin_turn(turn);
        for effect in &turn.effects {
            self.roster.before(&effect.event);
            self.effect(turn, effect);
            match &effect.event {
                Event::Parted { room, person, .. } | Event::Kicked { room, person, .. } => {
                    for &slot in self.roster.of_person(*person) {
                        self.connections[slot].left(*room);
                    }
                }
                Event::Joined { room, person, .. } => {
                    for &slot in self.roster.of_person(*person) {
                        self.connections[slot].entered(*room);
                    }
                }
                _ => {}
            }
            self.roster.after(&effect.event);
        }
        self.end_turn(turn, origin);
    }

    fn begin_turn(&mut self, turn: &Turn) -> Option<Slot> {
        let origin = self.roster.slot(turn.session)?;
        self.came_back();
        self.with(origin, |connection, submissions, shared| {
            connection.turn_begins(turn, submissions, shared)
        });
        Some(origin)
    }

    fn end_turn(&mut self, turn: &Turn, origin: Option<Slot>) {
        let Some(slot) = origin else { return };
        let awake = self
            .with(slot, |connection, submissions, shared| connection.turn_ends(turn, submissions, shared));
        if awake == Some(true) {
            self.ready.push(slot);
        }
        if turn.request == CLOSING {
            self.forget(slot);
        }
    }

    fn effect(&mut self, turn: &Turn, effect: &Effect) {
        self.stamp += 1;
        match &effect.audience {
            Audience::Session(session) => {
                if let Some(slot) = self.roster.slot(*session) {
                    self.give(slot, None, turn, effect);
                }
            }
            Audience::Person(person) => self.give_person(*person, turn, effect),
            Audience::Room(room) => self.give_room(*room, turn, effect),
            Audience::Neighbours { rooms, person } => {
                self.give_person(*person, turn, effect);
                for room in rooms.iter() {
                    self.give_room(*room, turn, effect);
                }
            }
        }
    }

    fn give_person(&mut self, person: PersonId, turn: &Turn, effect: &Effect) {
        let slots = self.copied(|roster| roster.of_person(person));
        for &slot in &slots {
            self.give(slot, None, turn, effect);
        }
        self.readers = slots;
    }

    fn give_room(&mut self, room: RoomId, turn: &Turn, effect: &Effect) {
        let slots = self.copied(|roster| roster.of_room(room));
        for &slot in &slots {
            self.give(slot, Some(room), turn, effect);
        }
        self.readers = slots;
        self.renders.clear();
    }

    /// A list of the roster, in memory that was used before: while its connections are given something the roster itself
    /// cannot be looked at.
    fn copied(&mut self, list: impl FnOnce(&Roster) -> &[Slot]) -> Vec<Slot> {
        let mut slots = std::mem::take(&mut self.readers);
        slots.clear();
        slots.extend_from_slice(list(&self.roster));
        slots
    }

    /// Gives an event to one connection, once; of members of a room it is one of many.
    fn give(&mut self, slot: Slot, room: Option<RoomId>, turn: &Turn, effect: &Effect) {
        let Effect { audience, event } = effect;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if std::mem::replace(&mut connection.stamp, self.stamp) == self.stamp {
            return;
        }
        if let Event::Posted(posted) = event
            && let PostTarget::Room(room, _) = posted.target
            && connection.is_lagged(&self.shared)
        {
            connection.miss_one(turn, event);
            // What the person says from outside comes after what was missed inside; what others then say does not.
            if matches!(audience, Audience::Person(_)) {
                connection.left(room);
            }
            return;
        }
        let before = connection.out.waiting();
        match connection.plan(turn, event) {
            Plan::Skip => return,
            Plan::Shared => {
                let key = connection.render_key();
                let shared = &self.shared;
                let render = |turn: &Turn, bytes: &mut Vec<u8>| {
                    adapter::render(turn, event, key, shared, bytes);
                };
                match room {
                    Some(room) => {
                        let turn = std::slice::from_ref(turn);
                        let piece = self.renders.get(&mut self.feeds, room, key, turn, render);
                        connection.out.share(piece);
                    }
                    None => connection.out.framed(|bytes| render(turn, bytes)),
                }
            }
            Plan::Own => connection.event(turn, event, &mut self.submissions, &self.shared),
        }
        if matches!(event, Event::Posted(_)) {
            self.rounds.hurry();
        }
        // A list is long, and goes to all sessions of whoever has come in.
        let due = if matches!(event, Event::Names(_)) { Due::Now } else { Due::InTurn };
        connection.queue(slot, due, &mut self.rounds);
        self.answers_len += connection.answered(before);
    }
}
