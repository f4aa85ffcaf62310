//! The rules. One pass over what was written down, with lookups of what is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{History, Mark, MsgId, NameChange, Reader, Room, Violation, What};

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
    heard_last: BTreeMap<Room, MsgId>,
    heard: BTreeSet<MsgId>,
    shown: BTreeSet<MsgId>,
    shown_marks: BTreeMap<Mark, MsgId>,
    /// The newest that was seen at the moment of each open question.
    asked: BTreeMap<Room, VecDeque<Option<MsgId>>>,
    newest: BTreeMap<Room, MsgId>,
}

impl History {
    /// All broken promises, in the order in which they were found.
    pub fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let store = self.store(&mut found);
        self.check_observations(&store, &mut found);
        self.check_screens(&store, &mut found);
        self.check_names(&mut found);
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
        for observation in &self.observations {
            let by = observation.by;
            let known = readers.entry(by).or_default();
            match observation.what {
                What::Connects => {
                    known.inside.clear();
                    known.asked.clear();
                }
                What::Enters(room) => {
                    known.inside.insert(room);
                }
                What::Leaves(room) => {
                    known.inside.remove(&room);
                }
                What::Sends(room, mark) => {
                    sent.insert(mark, room);
                }
                What::Receipt(mark) => {
                    if !store.messages.contains_key(&mark) {
                        found.push(Violation::ReceiptLost(by, mark));
                    }
                }
                What::Hears { room, msgid, mark, own, again } => {
                    if !known.inside.contains(&room) && !own {
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
                let between = (std::ops::Bound::Excluded(*first), std::ops::Bound::Excluded(*second));
                if let Some(&missed) = kept.range(between).next() {
                    found.push(Violation::MissedSilently(screen.reader, screen.room, missed));
                }
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
