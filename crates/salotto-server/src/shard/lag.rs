//! What a slow reader has missed.
//!
//! A reader for whom more than `limits.sendq_soft` bytes wait is *lagged*: posts to rooms are no longer queued for it
//! but noted here, as a range of numbers for each room. When it has read most of what waits, the shard reads
//! the posts back from history, page by page, and shows them as if they had just been said; each room's posts
//! come in their order, and each once. Everything else (who comes and goes, answers, direct messages) is queued as
//! ever, up to the hard bound `limits.sendq`. While it is lagged no input is taken from it: whoever does not listen
//! does not speak.

use std::collections::VecDeque;

use salotto_core::{Card, Nick, PersonId, PostRecord, PostTarget, Posted, RoomId, RoomName, Seq};

/// How many posts are read back at a time.
pub(super) const PAGE_LEN: usize = 100;
/// How many ranges one connection may have missed; more can only come from being moved in and out of rooms.
pub(super) const RANGES_MAX: usize = 1024;

/// Stands for the author of a post that was read back: whether they are still here does not matter.
const NOBODY: PersonId = PersonId(u64::MAX);

/// Posts to one room that were not queued.
#[derive(Debug)]
struct Range {
    room: RoomId,
    name: RoomName,
    /// The next to be shown is behind this.
    behind: Seq,
    /// The last of them.
    last: Seq,
    /// The room was left since: what is said there now is not for this reader.
    sealed: bool,
}

/// What a slow reader has missed.
#[derive(Debug, Default)]
pub(super) struct Lag {
    ranges: VecDeque<Range>,
    /// Posts within the ranges that the reader is not shown, because it said them and asked for no echo.
    unshown: Vec<Seq>,
    /// A page is being read.
    reading: bool,
}

impl Lag {
    /// Notes that posts to a room, the last of them `last` and none before `first`, were not queued. Says whether
    /// there was room to note it.
    pub fn miss(&mut self, room: RoomId, name: &RoomName, first: Seq, last: Seq) -> bool {
        if let Some(range) = self.ranges.iter_mut().find(|range| range.room == room && !range.sealed) {
            range.last = last;
            return true;
        }
        if self.ranges.len() >= RANGES_MAX {
            return false;
        }
        let behind = Seq(first.0 - 1);
        self.ranges.push_back(Range { room, name: name.clone(), behind, last, sealed: false });
        true
    }

    /// A missed post that the reader is not shown.
    pub fn hide(&mut self, post: Seq) {
        self.unshown.push(post);
    }

    /// The reader has left a room.
    pub fn seal(&mut self, room: RoomId) {
        for range in self.ranges.iter_mut().filter(|range| range.room == room) {
            range.sealed = true;
        }
    }

    /// The reader, which reads history itself, has entered a room again. It asks for all that it has not seen there;
    /// what it missed before it left would come after what it is now told of the room, as if it had been said now.
    pub fn leave_out(&mut self, room: RoomId) {
        for range in self.ranges.iter_mut().filter(|range| range.room == room) {
            range.last = range.behind;
        }
        // The first stays while its page is under way, to take it.
        let mut is_read = self.reading;
        self.ranges.retain(|range| std::mem::take(&mut is_read) || range.last > range.behind);
    }

    /// Whether all was shown.
    pub fn is_over(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The next page to read, posts of a room behind a number, unless one is being read.
    pub fn next_page(&mut self) -> Option<(RoomId, Seq)> {
        let range = self.ranges.front().filter(|_| !self.reading)?;
        self.reading = true;
        Some((range.room, range.behind))
    }

    /// The page could not be read; it is asked for again.
    pub fn page_failed(&mut self) {
        self.reading = false;
    }

    /// Takes the page that was asked for; gives the posts to show.
    pub fn take_page(&mut self, page: Vec<PostRecord>) -> Vec<Posted> {
        self.reading = false;
        let Some(range) = self.ranges.front_mut() else { return Vec::new() };
        let whole = page.len() < PAGE_LEN;
        let mut posts: Vec<Posted> = Vec::with_capacity(page.len());
        let mut reached = whole;
        for record in page {
            // What is behind the range has not been missed: it is still to come as it always does.
            reached |= record.seq >= range.last;
            if record.seq > range.last {
                break;
            }
            range.behind = record.seq;
            if !self.unshown.contains(&record.seq) {
                posts.push(posted(record, range));
            }
        }
        if reached {
            self.ranges.pop_front();
        }
        posts
    }
}

/// A post as it was when it was said.
fn posted(record: PostRecord, range: &Range) -> Posted {
    let PostRecord { seq, at, kind, nick, address, account, text, tags, .. } = record;
    let (user, host) = address.split_once('@').unwrap_or(("", &address));
    let card = Card {
        nick: name(&nick),
        user: user.into(),
        host: host.into(),
        realname: "".into(),
        account: account.as_deref().map(name),
        bot: false,
    };
    let target = PostTarget::Room(range.room, range.name.clone());
    Posted { seq, at, from: NOBODY, card: card.into(), kind, target, text, tags }
}

/// A name as it was kept. What was a name once is one still, unless the rules have become stricter since; a post by such
/// a name is shown all the same.
fn name(kept: &str) -> Nick {
    Nick::new(kept).unwrap_or_else(|_| Nick::new("unknown").expect("a name by any rule"))
}

#[cfg(test)]
mod tests {
    use salotto_core::{Conversation, PostKind, Timestamp};

    use super::*;

    const TEA: RoomId = RoomId(1);
    const DEN: RoomId = RoomId(2);

    fn record(room: RoomId, seq: u64) -> PostRecord {
        PostRecord {
            seq: Seq(seq),
            at: Timestamp(seq),
            conversation: Conversation::Room(room),
            kind: PostKind::Message,
            nick: "ada".into(),
            address: "ada@host".into(),
            account: None,
            to: "".into(),
            text: "hello".into(),
            tags: "".into(),
            token: None,
        }
    }

    fn miss(lag: &mut Lag, room: RoomId, first: u64, last: u64) {
        assert!(lag.miss(room, &RoomName::new("#tea").unwrap(), Seq(first), Seq(last)));
    }

    fn numbers(posts: &[Posted]) -> Vec<u64> {
        posts.iter().map(|post| post.seq.0).collect()
    }

    #[test]
    fn each_room_is_read_back_to_the_last_post_that_was_missed() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 10, 12);
        miss(&mut lag, DEN, 13, 13);
        miss(&mut lag, TEA, 14, 14);
        assert_eq!(lag.next_page(), Some((TEA, Seq(9))));
        assert_eq!(lag.next_page(), None, "one page at a time");
        let page = [10, 12, 14, 15].map(|seq| record(TEA, seq)).to_vec();
        assert_eq!(numbers(&lag.take_page(page)), [10, 12, 14], "15 comes as it always does");
        assert_eq!(lag.next_page(), Some((DEN, Seq(12))));
        assert_eq!(numbers(&lag.take_page(vec![record(DEN, 13)])), [13]);
        assert!(lag.is_over());
    }

    #[test]
    fn what_is_missed_while_a_page_is_read_is_read_too() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 1, PAGE_LEN as u64);
        assert_eq!(lag.next_page(), Some((TEA, Seq(0))));
        miss(&mut lag, TEA, 200, 200);
        let page: Vec<_> = (1..=PAGE_LEN as u64).map(|seq| record(TEA, seq)).collect();
        assert_eq!(lag.take_page(page).len(), PAGE_LEN);
        assert_eq!(lag.next_page(), Some((TEA, Seq(PAGE_LEN as u64))));
        assert_eq!(numbers(&lag.take_page(vec![record(TEA, 200)])), [200]);
        assert!(lag.is_over());
    }

    #[test]
    fn what_is_said_while_one_is_away_is_not_shown() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 1, 1);
        lag.seal(TEA);
        miss(&mut lag, TEA, 5, 5);
        lag.next_page();
        let page = || (1..=5).map(|seq| record(TEA, seq)).collect::<Vec<_>>();
        assert_eq!(numbers(&lag.take_page(page())), [1]);
        assert_eq!(lag.next_page(), Some((TEA, Seq(4))));
        assert_eq!(numbers(&lag.take_page(page().split_off(4))), [5]);
    }

    #[test]
    fn who_reads_history_is_not_shown_after_entering_again_what_was_missed_before() {
        let mut lag = Lag::default();
        miss(&mut lag, DEN, 1, 1);
        miss(&mut lag, TEA, 2, 2);
        lag.seal(DEN);
        lag.leave_out(DEN);
        miss(&mut lag, DEN, 5, 5);
        assert_eq!(lag.next_page(), Some((TEA, Seq(1))));
        lag.seal(TEA);
        lag.leave_out(TEA);
        assert_eq!(numbers(&lag.take_page(vec![record(TEA, 2)])), [0; 0], "the page was under way");
        assert_eq!(lag.next_page(), Some((DEN, Seq(4))));
        assert_eq!(numbers(&lag.take_page(vec![record(DEN, 5)])), [5]);
        assert!(lag.is_over());
    }

    #[test]
    fn ones_own_words_stay_unshown_where_no_echo_was_asked_for() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 1, 2);
        lag.hide(Seq(1));
        lag.next_page();
        assert_eq!(numbers(&lag.take_page(vec![record(TEA, 1), record(TEA, 2)])), [2]);
    }

    #[test]
    fn posts_that_are_kept_no_longer_end_the_search() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 1, 2);
        lag.next_page();
        assert!(lag.take_page(Vec::new()).is_empty());
        assert!(lag.is_over());
    }

    #[test]
    fn a_page_that_cannot_be_read_is_asked_for_again() {
        let mut lag = Lag::default();
        miss(&mut lag, TEA, 1, 2);
        lag.next_page();
        lag.page_failed();
        assert_eq!(lag.next_page(), Some((TEA, Seq(0))));
    }

    #[test]
    fn the_number_of_ranges_has_a_bound() {
        let mut lag = Lag::default();
        for room in 0..RANGES_MAX as u64 {
            miss(&mut lag, RoomId(room), 1, 1);
        }
        let name = RoomName::new("#tea").unwrap();
        assert!(!lag.miss(RoomId(RANGES_MAX as u64), &name, Seq(1), Seq(1)));
    }
}
