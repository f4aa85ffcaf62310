//! Whether every message arrived, once, and in order.
//!
//! **One sender.** Each receiver expects the messages of each sender with running numbers. A number beyond the
//! expected one opens a gap; a number from a gap came out of order; any other number below the expected one is a
//! repetition; what is still missing at the end was lost.
//!
//! **Across senders.** All members of a room should see all messages in one and the same order. Comparing whole
//! lists would cost more than the rest of the client, so each receiver folds what it hears into one 64-bit number:
//! mixing in (sender, sequence) is a bijection of the number so far, therefore two receivers end with the same
//! number if they heard the same messages in the same order, and otherwise differ but for a chance of about
//! 2^-60. A sender does not hear itself, so one member of each room never speaks: this *reference* hears everything,
//! and folds, besides the number of the whole, one number for each sender that leaves out this sender's messages. A
//! listener must end with the first number, a sender with the one that leaves it out. If each receiver agrees with
//! the reference, one order exists that all of them saw; if one does not agree, none does. The comparison says
//! something only where nothing was lost or repeated.

use std::collections::BTreeMap;

/// The most gaps that are kept apart; beyond them missing messages are counted as lost at once, and their late
/// arrival as a repetition. A run with as many gaps has failed either way.
const GAPS_LEN_MAX: usize = 1 << 16;

/// What one delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next one of its sender.
    InOrder,
    /// New, but a later one of the same sender was here before it.
    OutOfOrder,
    /// It was here already.
    Repeated,
}

/// The sums of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that came more than once.
    pub repeated: u64,
    /// Deliveries that came after a later one of the same sender.
    pub out_of_order: u64,
    /// Receivers that heard the messages of several senders in another order than the reference of their room.
    pub receivers_in_other_order: u64,
    /// Receivers that were compared with their reference: none when anything was lost or repeated.
    pub receivers_compared: u64,
}

/// Checks the deliveries of rooms of equal size.
///
/// Receivers are numbered through all rooms; within a room of `members` the first `senders` speak, each known by
/// its slot, and the last member is the reference.
pub struct OrderCheck {
    members: usize,
    senders: usize,
    /// The expected number, by receiver and slot.
    next: Vec<u32>,
    /// What each receiver has heard, folded.
    folded: Vec<u64>,
    /// What each room's reference has heard without one sender, by room and slot.
    folded_without: Vec<u64>,
    /// Missing numbers `from..to` by (receiver, slot, from).
    gaps: BTreeMap<(usize, usize, u32), u32>,
    lost_untracked: u64,
    repeated: u64,
    out_of_order: u64,
}

impl OrderCheck {
    /// Prepares the check of `rooms` rooms of `members` each, of whom the first `senders` speak.
    ///
    /// # Panics
    ///
    /// When no member is left to listen only: `senders` must be below `members`.
    pub fn new(rooms: usize, members: usize, senders: usize) -> Self {
        assert!(senders < members, "the last member of a room only listens");
        let receivers = rooms * members;
        Self {
            members,
            senders,
            next: vec![0; receivers * senders],
            folded: vec![0; receivers],
            folded_without: vec![0; rooms * senders],
            gaps: BTreeMap::new(),
            lost_untracked: 0,
            repeated: 0,
            out_of_order: 0,
        }
    }

    /// Takes note that `receiver` heard message `seq` of the sender at `slot` in its own room.
    #[inline]
    pub fn heard(&mut self, receiver: usize, slot: usize, seq: u64) -> Heard {
        let seq = seq as u32;
        let expected = &mut self.next[receiver * self.senders + slot];
        let verdict = if seq == *expected {
            *expected += 1;
            Heard::InOrder
        } else {
            self.unexpected(receiver, slot, seq)
        };
        if verdict != Heard::Repeated {
            self.fold(receiver, slot, seq);
        }
        verdict
    }

    /// Sums up when nothing more will come.
    ///
    /// `sent(room, slot)` says how many messages that sender has sent; receivers for which `counts` is false (for
    /// example since the server closed their connection) are left out of losses and comparisons.
    pub fn tally(&self, sent: impl Fn(usize, usize) -> u32, counts: impl Fn(usize) -> bool) -> Tally {
        let mut tally = Tally {
            lost: self.lost_untracked,
            repeated: self.repeated,
            out_of_order: self.out_of_order,
            ..Tally::default()
        };
        for receiver in (0..self.folded.len()).filter(|receiver| counts(*receiver)) {
            let (room, own) = (receiver / self.members, receiver % self.members);
            tally.lost += (0..self.senders)
                .filter(|slot| *slot != own)
                .map(|slot| self.missing(receiver, slot, sent(room, slot)))
                .sum::<u64>();
        }
        if tally.lost == 0 && tally.repeated == 0 {
            self.compare(&counts, &mut tally);
        }
        tally
    }

    #[cold]
    fn unexpected(&mut self, receiver: usize, slot: usize, seq: u32) -> Heard {
        let at = receiver * self.senders + slot;
        let expected = self.next[at];
        if seq > expected {
            if self.gaps.len() < GAPS_LEN_MAX {
                self.gaps.insert((receiver, slot, expected), seq);
            } else {
                self.lost_untracked += u64::from(seq - expected);
            }
            self.next[at] = seq + 1;
            return Heard::InOrder;
        }
        let gap = self.gaps.range((receiver, slot, 0)..=(receiver, slot, seq)).next_back();
        let Some((&(_, _, from), &to)) = gap.filter(|(_, to)| seq < **to) else {
            self.repeated += 1;
            return Heard::Repeated;
        };
        self.gaps.remove(&(receiver, slot, from));
        if from < seq {
            self.gaps.insert((receiver, slot, from), seq);
        }
        if seq + 1 < to {
            self.gaps.insert((receiver, slot, seq + 1), to);
        }
        self.out_of_order += 1;
        Heard::OutOfOrder
    }

    #[inline]
    fn fold(&mut self, receiver: usize, slot: usize, seq: u32) {
        let key = (slot as u64) << 32 | u64::from(seq);
        self.folded[receiver] = mix(self.folded[receiver], key);
        if receiver % self.members == self.members - 1 {
            let first = receiver / self.members * self.senders;
            for (other, folded) in self.folded_without[first..first + self.senders].iter_mut().enumerate() {
                if other != slot {
                    *folded = mix(*folded, key);
                }
            }
        }
    }

    fn missing(&self, receiver: usize, slot: usize, sent: u32) -> u64 {
        let in_gaps: u64 = self
            .gaps
            .range((receiver, slot, 0)..=(receiver, slot, u32::MAX))
            .map(|((_, _, from), to)| u64::from(to - from))
            .sum();
        in_gaps + u64::from(sent.saturating_sub(self.next[receiver * self.senders + slot]))
    }

    fn compare(&self, counts: &impl Fn(usize) -> bool, tally: &mut Tally) {
        for receiver in (0..self.folded.len()).filter(|receiver| counts(*receiver)) {
            let (room, own) = (receiver / self.members, receiver % self.members);
            let reference = (room + 1) * self.members - 1;
            if receiver == reference || !counts(reference) {
                continue;
            }
            let should = if own < self.senders {
                self.folded_without[room * self.senders + own]
            } else {
                self.folded[reference]
            };
            tally.receivers_compared += 1;
            if self.folded[receiver] != should {
                tally.receivers_in_other_order += 1;
            }
        }
    }
}

/// Folds `key` into `folded`. Each of the steps can be undone, so different keys or different numbers so far never
/// meet; the multiplier is 2^64 divided by the golden ratio, the increment keeps zero from staying zero.
#[inline]
fn mix(folded: u64, key: u64) -> u64 {
    let product = (folded ^ key).wrapping_add(0xD1B5_4A32_D192_ED03).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: usize = 4;
    const SENDERS: usize = 2;

    /// Alice (0) and bob (1) speak, carol (2) listens, dora (3) is the reference.
    fn check(said: &[(usize, &[(usize, u64)])]) -> Tally {
        let mut check = OrderCheck::new(1, MEMBERS, SENDERS);
        for (receiver, heard) in said {
            for (slot, seq) in *heard {
                check.heard(*receiver, *slot, *seq);
            }
        }
        check.tally(|_, _| 2, |_| true)
    }

    const ALL: &[(usize, u64)] = &[(0, 0), (1, 0), (0, 1), (1, 1)];
    const OF_BOB: &[(usize, u64)] = &[(1, 0), (1, 1)];
    const OF_ALICE: &[(usize, u64)] = &[(0, 0), (0, 1)];

    #[test]
    fn one_order_for_all_is_clean() {
        let tally = check(&[(0, OF_BOB), (1, OF_ALICE), (2, ALL), (3, ALL)]);
        assert_eq!(tally, Tally { receivers_compared: 3, ..Tally::default() });
    }

    #[test]
    fn a_message_that_never_came_is_lost() {
        let tally = check(&[(0, OF_BOB), (1, OF_ALICE), (2, &[(0, 0), (1, 0), (1, 1)]), (3, ALL)]);
        assert_eq!(tally, Tally { lost: 1, ..Tally::default() });
        let inside = check(&[(0, OF_BOB), (1, OF_ALICE), (2, &[(0, 1), (1, 0), (1, 1)]), (3, ALL)]);
        assert_eq!(inside.lost, 1);
    }

    #[test]
    fn a_message_that_came_twice_is_repeated() {
        let tally =
            check(&[(0, OF_BOB), (1, OF_ALICE), (2, &[(0, 0), (0, 0), (1, 0), (0, 1), (1, 1)]), (3, ALL)]);
        assert_eq!((tally.lost, tally.repeated, tally.out_of_order), (0, 1, 0));
    }

    #[test]
    fn two_messages_of_one_sender_swapped_are_out_of_order() {
        let tally = check(&[(0, OF_BOB), (1, OF_ALICE), (2, &[(0, 1), (0, 0), (1, 0), (1, 1)]), (3, ALL)]);
        assert_eq!((tally.lost, tally.repeated, tally.out_of_order), (0, 0, 1));
    }

    #[test]
    fn a_listener_with_another_order_of_two_senders_is_found() {
        let tally = check(&[(0, OF_BOB), (1, OF_ALICE), (2, &[(1, 0), (0, 0), (0, 1), (1, 1)]), (3, ALL)]);
        assert_eq!((tally.lost, tally.out_of_order, tally.receivers_in_other_order), (0, 0, 1));
    }

    #[test]
    fn a_sender_with_another_order_of_the_other_senders_is_found() {
        let all: &[(usize, u64)] = &[(0, 0), (1, 0), (2, 0)];
        let mut check = OrderCheck::new(1, 4, 3);
        for (receiver, heard) in [
            (0, &[(2usize, 0u64), (1, 0)][..]),
            (1, &[(0, 0), (2, 0)][..]),
            (2, &[(0, 0), (1, 0)][..]),
            (3, all),
        ] {
            for (slot, seq) in heard {
                check.heard(receiver, *slot, *seq);
            }
        }
        let tally = check.tally(|_, _| 1, |_| true);
        assert_eq!((tally.receivers_in_other_order, tally.receivers_compared), (1, 3));
    }

    #[test]
    fn a_gap_filled_from_its_middle_leaves_what_is_missing() {
        let mut check = OrderCheck::new(1, 2, 1);
        check.heard(1, 0, 0);
        check.heard(1, 0, 9);
        for seq in [4, 8, 1] {
            assert_eq!(check.heard(1, 0, seq), Heard::OutOfOrder);
        }
        assert_eq!(check.heard(1, 0, 4), Heard::Repeated);
        let tally = check.tally(|_, _| 12, |_| true);
        assert_eq!((tally.lost, tally.out_of_order, tally.repeated), (5 + 2, 3, 1));
    }

    #[test]
    fn receivers_that_do_not_count_lose_nothing() {
        let mut check = OrderCheck::new(1, 3, 1);
        check.heard(2, 0, 0);
        let tally = check.tally(|_, _| 1, |receiver| receiver != 1);
        assert_eq!((tally.lost, tally.receivers_compared), (0, 1));
    }

    #[test]
    fn rooms_are_checked_each_for_itself() {
        let mut check = OrderCheck::new(2, 3, 2);
        for (receiver, slot) in [(0, 1), (1, 0), (2, 0), (2, 1), (3, 1), (4, 0), (5, 1), (5, 0)] {
            check.heard(receiver, slot, 0);
        }
        let tally = check.tally(|_, _| 1, |_| true);
        assert_eq!(tally, Tally { receivers_compared: 4, ..Tally::default() });
    }
}
