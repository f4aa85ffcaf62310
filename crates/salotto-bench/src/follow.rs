//! Whether one reader has everything, from two roads: what it heard live and what it read in history.
//!
//! Both roads give the messages of each sender with running numbers and without a hole, and all messages in the order
//! of their message ids. They may overlap, because a client takes them together by message id; they may not leave a
//! hole between them.

/// What went wrong at readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Messages that never came.
    pub lost: u64,
    /// Messages that came again on the same road.
    pub repeated: u64,
    /// Messages that came behind a later one, of the same sender or by their ids.
    pub out_of_order: u64,
}

/// On which road a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// As it was said.
    Live,
    /// In a page of history.
    Page,
}

/// Numbers `first..=last` of one sender on one road.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    last: u64,
}

/// One reader's view of one room.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    /// By sender and road.
    spans: Vec<[Option<Span>; 2]>,
    /// The greatest message id on each road.
    ids: [Option<u64>; 2],
}

impl Follower {
    /// A reader of a room in which so many speak, who knows nothing yet.
    pub fn new(senders: usize) -> Self {
        Self { spans: vec![[None; 2]; senders], ids: [None; 2] }
    }

    /// Takes a message; `id` is its message id, where it has one that tells the order.
    pub fn hear(&mut self, road: Road, sender: usize, seq: u64, id: Option<u64>, faults: &mut Faults) {
        let known = &mut self.spans[sender][road as usize];
        match known {
            None => *known = Some(Span { first: seq, last: seq }),
            Some(span) if seq == span.last + 1 => span.last = seq,
            Some(span) if seq > span.last => {
                faults.lost += seq - span.last - 1;
                span.last = seq;
            }
            Some(span) if seq == span.last => faults.repeated += 1,
            Some(_) => faults.out_of_order += 1,
        }
        let latest = &mut self.ids[road as usize];
        if id.is_some() && id <= *latest {
            faults.out_of_order += u64::from(id < *latest);
        } else {
            *latest = id.or(*latest);
        }
    }

    /// Compares the two roads: what was heard first has to follow on what was read last.
    pub fn join(&self, faults: &mut Faults) {
        for [live, page] in &self.spans {
            if let (Some(live), Some(page)) = (live, page) {
                faults.lost += live.first.saturating_sub(page.last + 1);
            }
        }
    }

    /// The number of a sender's messages, from the first one known, up to which nothing is missing.
    pub fn has_up_to(&self, sender: usize) -> Option<u64> {
        let [live, page] = self.spans[sender];
        match (live, page) {
            (Some(live), Some(page)) if live.first <= page.last + 1 => Some(live.last.max(page.last)),
            (_, Some(page)) => Some(page.last),
            (Some(live), None) => Some(live.last),
            (None, None) => None,
        }
    }

    /// What was read does not count any more; the next page stands for itself.
    pub fn forget_pages(&mut self) {
        self.spans.iter_mut().for_each(|[_, page]| *page = None);
        self.ids[Road::Page as usize] = None;
    }

    /// The connection is gone before history was read: what was heard live has no hole before it only by chance.
    pub fn forget_live(&mut self) {
        self.spans.iter_mut().for_each(|[live, _]| *live = None);
        self.ids[Road::Live as usize] = None;
    }

    /// The connection is gone: what was heard counts as read, and what comes next has to follow on it.
    pub fn interrupted(&mut self) {
        for sender in 0..self.spans.len() {
            let up_to = self.has_up_to(sender);
            let first = self.spans[sender].iter().flatten().map(|span| span.first).min();
            let page = first.zip(up_to).map(|(first, last)| Span { first, last });
            self.spans[sender] = [None, page];
        }
        self.ids = [None, self.ids.iter().flatten().copied().max()];
    }
}

/// The digits of Salotto's message ids: Crockford's base 32 in lower case.
const ID_DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The order that a message id of Salotto's tells; nothing where it is somebody else's.
pub fn id_number(id: &[u8]) -> Option<u64> {
    if id.is_empty() || id.len() > 13 {
        return None;
    }
    id.iter().try_fold(0u64, |number, byte| {
        let digit = ID_DIGITS.iter().position(|known| known == byte)?;
        Some(number.wrapping_mul(32).wrapping_add(digit as u64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(follower: &mut Follower, road: Road, seqs: impl IntoIterator<Item = u64>) -> Faults {
        let mut faults = Faults::default();
        for seq in seqs {
            follower.hear(road, 0, seq, Some(seq), &mut faults);
        }
        faults
    }

    #[test]
    fn roads_that_overlap_are_whole() {
        let mut follower = Follower::new(1);
        assert_eq!(hear(&mut follower, Road::Live, 4..9), Faults::default());
        assert_eq!(hear(&mut follower, Road::Page, 0..6), Faults::default());
        let mut faults = Faults::default();
        follower.join(&mut faults);
        assert_eq!((faults, follower.has_up_to(0)), (Faults::default(), Some(8)));
    }

    #[test]
    fn a_hole_between_the_roads_is_a_loss() {
        let mut follower = Follower::new(1);
        hear(&mut follower, Road::Page, 0..3);
        hear(&mut follower, Road::Live, 5..6);
        let mut faults = Faults::default();
        follower.join(&mut faults);
        assert_eq!((faults.lost, follower.has_up_to(0)), (2, Some(2)));
    }

    #[test]
    fn holes_repetitions_and_swaps_are_told_apart() {
        let mut follower = Follower::new(1);
        assert_eq!(hear(&mut follower, Road::Live, [0, 1, 4]).lost, 2);
        assert_eq!(hear(&mut follower, Road::Live, [4]), Faults { repeated: 1, ..Faults::default() });
        assert!(hear(&mut follower, Road::Live, [2]).out_of_order > 0);
    }

    #[test]
    fn two_senders_in_another_order_than_their_ids_are_found() {
        let (mut follower, mut faults) = (Follower::new(2), Faults::default());
        follower.hear(Road::Live, 0, 0, Some(7), &mut faults);
        follower.hear(Road::Live, 1, 0, Some(6), &mut faults);
        assert_eq!(faults, Faults { out_of_order: 1, ..Faults::default() });
    }

    #[test]
    fn who_comes_back_goes_on_where_it_was() {
        let mut follower = Follower::new(1);
        hear(&mut follower, Road::Live, 0..5);
        follower.interrupted();
        assert_eq!(hear(&mut follower, Road::Page, 5..8), Faults::default());
        assert_eq!(follower.has_up_to(0), Some(7));
        follower.interrupted();
        assert_eq!(hear(&mut follower, Road::Page, 9..10).lost, 1);
    }

    #[test]
    fn ids_are_numbers() {
        assert_eq!((id_number(b"10"), id_number(b"z"), id_number(b"")), (Some(32), Some(31), None));
        assert_eq!(id_number(b"ill"), None);
    }
}
