//! From what came of submissions to bytes in connections' queues.
//!
//! Most of what a busy server does is here: the same line for everybody in a room. An event is rendered once for
//! each way of rendering among its readers. Posts to one room that come one after the other in a batch (a *run*)
//! are rendered once together, and each reader takes them as one piece.

use std::sync::atomic::Ordering;

use salotto_core::{Audience, Effect, Event, PostKind, PostTarget, RoomId, RoomName, Seq};

use super::CLOSING;
use super::roster::Slot;
use super::rounds::Due;
use super::sessions::Sessions;
use super::socket::Stream;
use crate::adapter::{self, Plan, RenderKey};
use crate::hub::Turn;

/// From this many bytes on, a run is written straight from where it was rendered to a socket that waits for
/// nothing; a shorter one is cheaper to copy and to write together with what else the batch brings.
const DIRECT_LEN_MIN: usize = 2048;

/// Bytes for readers, rendered once for each way of rendering that was met.
#[derive(Default)]
pub(super) struct Renders {
    done: Vec<Rendered>,
    count: usize,
}

/// Some turns, rendered one way.
struct Rendered {
    key: RenderKey,
    bytes: Vec<u8>,
    /// Where each turn ends.
    ends: Vec<usize>,
}

impl Renders {
    fn clear(&mut self) {
        self.count = 0;
    }

    /// The bytes of some turns, each of which `render` appends.
    fn get<T>(&mut self, key: RenderKey, turns: &[T], mut render: impl FnMut(&T, &mut Vec<u8>)) -> &[u8] {
        if let Some(at) = self.done[..self.count].iter().position(|done| done.key == key) {
            return &self.done[at].bytes;
        }
        let done = self.next(key);
        for turn in turns {
            render(turn, &mut done.bytes);
            done.ends.push(done.bytes.len());
        }
        &done.bytes
    }

    /// Begins another way of rendering, in memory that was used before.
    fn next(&mut self, key: RenderKey) -> &mut Rendered {
        if self.count == self.done.len() {
            self.done.push(Rendered { key, bytes: Vec::new(), ends: Vec::new() });
        }
        let next = &mut self.done[self.count];
        self.count += 1;
        next.key = key;
        next.bytes.clear();
        next.ends.clear();
        next
    }

    /// Takes one turn, by its place, out of a run that was rendered.
    fn take_from(&mut self, run: &Renders, turn: usize) {
        self.clear();
        for done in &run.done[..run.count] {
            let begin = turn.checked_sub(1).map_or(0, |before| done.ends[before]);
            self.next(done.key).bytes.extend_from_slice(&done.bytes[begin..done.ends[turn]]);
        }
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
            turns = &rest[more..];
        }
    }

    /// Delivers several posts to one room. Those who said them see them one by one, because their own answers
    /// come in between; all others see the same.
    fn run_of_posts(&mut self, room: RoomId, turns: &[Turn]) {
        self.stamp += 1;
        self.run_renders.clear();
        self.one_by_one.clear();
        for turn in turns {
            if let Some(connection) =
                self.roster.slot(turn.session).and_then(|slot| self.connections.get_mut(slot))
            {
                connection.stamp = self.stamp;
            }
        }
        let Sessions { roster, connections, run_renders, rounds, shared, one_by_one, stamp, .. } = self;
        let mut written = 0;
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
            let bytes = run_renders.get(key, turns, |turn, bytes| {
                for effect in &turn.effects {
                    adapter::render(turn, &effect.event, key, shared, bytes);
                }
            });
            written += connection.give(bytes, bytes.len() >= DIRECT_LEN_MIN);
            rounds.hears(true);
            if connection.becomes(Due::InTurn) {
                rounds.add(slot, Due::InTurn);
            }
        }
        self.shared.metrics.bytes_out.fetch_add(written as u64, Ordering::Relaxed);
        let one_by_one = std::mem::take(&mut self.one_by_one);
        for (place, turn) in turns.iter().enumerate() {
            let origin = self.begin_turn(turn);
            self.renders.take_from(&self.run_renders, place);
            self.stamp += 1;
            for effect in &turn.effects {
                for &slot in &one_by_one {
                    self.give(slot, turn, effect);
                }
            }
            self.end_turn(turn, origin);
        }
        self.one_by_one = one_by_one;
    }

    /// Delivers what came of one submission.
    fn turn(&mut self, turn: &Turn) {
        let origin = self.begin_turn(turn);
        for effect in &turn.effects {
            self.roster.before(&effect.event);
            self.effect(turn, effect);
            if let Event::Parted { room, person, .. } | Event::Kicked { room, person, .. } = &effect.event {
                for &slot in self.roster.of_person(*person) {
                    self.connections[slot].left(*room);
                }
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
        self.renders.clear();
        self.stamp += 1;
        // The list of readers is taken out while they are given the event, and put back as it was.
        let mut readers = std::mem::take(&mut self.readers);
        readers.clear();
        match &effect.audience {
            Audience::Session(session) => readers.extend(self.roster.slot(*session)),
            Audience::Person(person) => readers.extend_from_slice(self.roster.of_person(*person)),
            Audience::Room(room) => readers.extend_from_slice(self.roster.of_room(*room)),
            Audience::Neighbours { rooms, person } => {
                readers.extend_from_slice(self.roster.of_person(*person));
                for room in rooms.iter() {
                    readers.extend_from_slice(self.roster.of_room(*room));
                }
            }
        }
        for &slot in &readers {
            self.give(slot, turn, effect);
        }
        self.readers = readers;
    }

    /// Gives an event to one connection, once.
    fn give(&mut self, slot: Slot, turn: &Turn, effect: &Effect) {
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
        match connection.plan(turn, event) {
            Plan::Skip => return,
            Plan::Shared => {
                let key = connection.render_key();
                let shared = &self.shared;
                let render = |turn: &Turn, bytes: &mut Vec<u8>| {
                    adapter::render(turn, event, key, shared, bytes);
                };
                let bytes = self.renders.get(key, std::slice::from_ref(turn), render);
                connection.give(bytes, false);
            }
            Plan::Own => connection.event(turn, event, &mut self.submissions, &self.shared),
        }
        self.rounds.hears(matches!(event, Event::Posted(_)));
        if connection.becomes(Due::InTurn) {
            self.rounds.add(slot, Due::InTurn);
        }
    }
}
