//! The rules. One pass over what was written down, with lookups of what is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use super::{History, Mark, Marker, MsgId, NameChange, Observation, Reader, Room, Violation, What};

/// What is kept, ready for looking up.
struct Store {
    marks: BTreeMap<MsgId, (Room, Option<Mark>)>,
    messages: BTreeMap<Mark, MsgId>,
    rooms: BTreeMap<Room, BTreeSet<MsgId>>,
}

/// What one reader knows.
#[derive(Default)]
struct Known {
    inside: BTreeSet<Room>,
    /// When it left, by the server's clock.
    left: BTreeMap<Room, u64>,
    heard_last: BTreeMap<Room, MsgId>,
    heard: BTreeSet<MsgId>,
    shown: BTreeSet<MsgId>,
    shown_marks: BTreeMap<Mark, MsgId>,
    /// The newest that was seen at the moment of each open question.
    asked: BTreeMap<Room, VecDeque<Option<MsgId>>>,
    newest: BTreeMap<Room, MsgId>,
    /// The last that was read on this connection.
    read_last: BTreeMap<Room, MsgId>,
    read_up_to: BTreeMap<Room, u64>,
}

impl History {
    /// All broken promises, in the order in which they were found.
    pub fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let store = self.store(&mut found);
        self.check_observations(&store, &mut found);
        self.check_screens(&store, &mut found);
        self.check_names(&mut found);
        self.check_markers(&mut found);
        found
    }

    fn store(&self, found: &mut Vec<Violation>) -> Store {
        let mut store = Store { marks: BTreeMap::new(), messages: BTreeMap::new(), rooms: BTreeMap::new() };
        for kept in &self.kept {
            store.marks.insert(kept.msgid, (kept.room, kept.mark));
            store.rooms.entry(kept.room).or_default().insert(kept.msgid);
            if let Some(mark) = kept.mark
                && store.messages.insert(mark, kept.msgid).is_some()
            {
                found.push(Violation::KeptTwice(kept.room, mark));
            }
        }
        store
    }

    fn check_observations(&self, store: &Store, found: &mut Vec<Violation>) {
        let mut readers: BTreeMap<Reader, Known> = BTreeMap::new();
        let mut sent: BTreeMap<Mark, Room> = BTreeMap::new();
        let senders = self.senders();
        for observation in &self.observations {
            let by = observation.by;
            let known = readers.entry(by).or_default();
            match observation.what {
                What::Connects => {
                    known.inside.clear();
                    known.left.clear();
                    known.asked.clear();
                    known.read_last.clear();
                }
                What::Enters(room) => {
                    known.inside.insert(room);
                }
                What::Leaves(room, at_ms) => {
                    known.inside.remove(&room);
                    known.left.insert(room, at_ms);
                }
                What::Sends(room, mark) => {
                    sent.insert(mark, room);
                }
                What::Receipt(mark) => {
                    if !store.messages.contains_key(&mark) {
                        found.push(Violation::ReceiptLost(by, mark));
                    }
                }
                What::Hears { room, msgid, mark, said_ms, own, again } => {
                    // A slow reader is shown what was said before it left only afterwards.
                    let was_inside = known.left.get(&room).is_some_and(|&left| said_ms <= left);
                    if !known.inside.contains(&room) && !was_inside && !own {
                        found.push(Violation::SeenFromOutside(by, room, msgid));
                    }
                    check_seen(store, &sent, (by, room, msgid, mark), found);
                    if again {
                        continue;
                    }
                    match known.heard_last.insert(room, msgid) {
                        Some(before) if before > msgid => {
                            found.push(Violation::OutOfOrder { reader: by, room, before, after: msgid });
                        }
                        _ => {}
                    }
                    if !known.heard.insert(msgid) {
                        found.push(Violation::SeenTwice(by, room, msgid));
                    }
                    let newest = known.newest.entry(room).or_insert(msgid);
                    *newest = (*newest).max(msgid);
                }
                What::Shows(room, msgid, mark) => {
                    check_seen(store, &sent, (by, room, msgid, mark), found);
                    let copy = known.shown_marks.insert(mark, msgid).is_some_and(|other| other != msgid);
                    if !known.shown.insert(msgid) || copy {
                        found.push(Violation::SeenTwice(by, room, msgid));
                    }
                    let newest = known.newest.entry(room).or_insert(msgid);
                    *newest = (*newest).max(msgid);
                }
                What::Reads(room, mark) => {
                    let Some(&msgid) = store.messages.get(&mark) else {
                        found.push(Violation::ReadButNotKept(by, room, mark));
                        continue;
                    };
                    check_seen(store, &sent, (by, room, msgid, mark), found);
                    match known.read_last.insert(room, msgid) {
                        Some(before) if before == msgid => found.push(Violation::SeenTwice(by, room, msgid)),
                        Some(before) if before > msgid => {
                            found.push(Violation::OutOfOrder { reader: by, room, before, after: msgid });
                        }
                        Some(before) => {
                            let end = Bound::Excluded(msgid);
                            found.extend(store.skipped(&senders, by, room, (Bound::Excluded(before), end)));
                        }
                        None => {}
                    }
                }
                What::HasReadAll(room) => {
                    if let Some(&last) = known.read_last.get(&room) {
                        let rest = (Bound::Excluded(last), Bound::Unbounded);
                        found.extend(store.skipped(&senders, by, room, rest));
                    }
                }
                What::ReadUpTo(room, ms) => {
                    let known = known.read_up_to.entry(room).or_insert(ms);
                    if ms < *known {
                        found.push(Violation::MarkerWentBack(by, room, ms));
                    }
                    *known = ms.max(*known);
                }
                What::Asks(room) => {
                    let newest = known.newest.get(&room).copied();
                    known.asked.entry(room).or_default().push_back(newest);
                }
                What::AnsweredInPart(room) => {
                    known.asked.get_mut(&room).and_then(VecDeque::pop_front);
                }
                What::Answered(room, newest) => {
                    let asked = known.asked.get_mut(&room).and_then(VecDeque::pop_front).flatten();
                    if let Some(seen) = asked.filter(|&seen| newest.is_none_or(|newest| newest < seen)) {
                        found.push(Violation::StaleRead(by, room, seen));
                    }
                }
            }
        }
        for (mark, msgid) in &store.messages {
            let (room, _) = store.marks[msgid];
            if sent.get(mark).is_some_and(|&meant| meant != room) {
                found.push(Violation::InWrongRoom(room, *mark));
            }
        }
    }

    fn check_screens(&self, store: &Store, found: &mut Vec<Violation>) {
        for screen in &self.screens {
            let empty = BTreeSet::new();
            let kept = store.rooms.get(&screen.room).unwrap_or(&empty);
            for pair in screen.rows.windows(2) {
                let [Some(first), Some(second)] = pair else { continue };
                if first >= second {
                    found.push(Violation::ScreenOutOfOrder(screen.reader, screen.room, *second));
                    continue;
                }
                let between = (Bound::Excluded(*first), Bound::Excluded(*second));
                if let Some(&missed) = kept.range(between).next() {
                    found.push(Violation::MissedSilently(screen.reader, screen.room, missed));
                }
            }
        }
    }

    /// Who sent what.
    fn senders(&self) -> BTreeMap<Mark, Reader> {
        let sent = |observation: &Observation| match observation.what {
            What::Sends(_, mark) => Some((mark, observation.by)),
            _ => None,
        };
        self.observations.iter().filter_map(sent).collect()
    }

    fn check_markers(&self, found: &mut Vec<Violation>) {
        let place = |marker: &Marker| (marker.account, marker.room);
        let kept: BTreeMap<_, u64> = self
            .markers
            .iter()
            .filter(|marker| marker.reader.is_none())
            .map(|marker| (place(marker), marker.until_ms))
            .collect();
        for marker in &self.markers {
            if let Some(reader) = marker.reader
                && kept.get(&place(marker)).copied().unwrap_or(0) != marker.until_ms
            {
                found.push(Violation::MarkersDiffer(reader, marker.room));
            }
        }
    }

    fn check_names(&self, found: &mut Vec<Violation>) {
        let mut holders: BTreeMap<u64, u64> = BTreeMap::new();
        for change in &self.names {
            match *change {
                NameChange::Takes { person, name } => match holders.get(&name) {
                    Some(&first) if first != person => {
                        found.push(Violation::NameTwice { name, first, second: person });
                    }
                    _ => {
                        holders.insert(name, person);
                    }
                },
                NameChange::Frees { person, name } => {
                    if holders.get(&name) == Some(&person) {
                        holders.remove(&name);
                    }
                }
                NameChange::Refused { name } => {
                    if !holders.contains_key(&name) {
                        found.push(Violation::NameNotFree(name));
                    }
                }
                NameChange::Restart => holders.clear(),
            }
        }
    }
}

impl Store {
    /// A message of others in this part of a room that the reader should have read, if there is one. What nobody
    /// marked cannot be told apart in lines without ids.
    fn skipped(
        &self,
        senders: &BTreeMap<Mark, Reader>,
        by: Reader,
        room: Room,
        part: (Bound<MsgId>, Bound<MsgId>),
    ) -> Option<Violation> {
        let of_others = |msgid: &&MsgId| {
            let mark = self.marks.get(msgid).and_then(|&(_, mark)| mark);
            mark.is_some_and(|mark| senders.get(&mark) != Some(&by))
        };
        let missed = self.rooms.get(&room)?.range(part).find(of_others)?;
        Some(Violation::Skipped(by, room, *missed))
    }
}

fn check_seen(
    store: &Store,
    sent: &BTreeMap<Mark, Room>,
    (by, room, msgid, mark): (Reader, Room, MsgId, Mark),
    found: &mut Vec<Violation>,
) {
    if store.marks.get(&msgid).is_none_or(|&(kept_in, _)| kept_in != room) {
        found.push(Violation::SeenButNotKept(by, room, msgid));
    }
    if sent.get(&mark).is_some_and(|&meant| meant != room) {
        found.push(Violation::InWrongRoom(room, mark));
    }
}
