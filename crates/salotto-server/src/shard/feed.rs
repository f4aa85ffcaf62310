//! What the members of a room are due, kept once for all of them.
//!
//! A line for a room is appended to the room's feed, and each member's queue says from where to where the feed is due to
//! it. So what waits costs its own length and not that times the number of readers, and a reader who is due many lines
//! one after the other takes them to the socket as one piece.

use std::cell::{Ref, RefCell};
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use salotto_core::RoomId;

use crate::adapter::RenderKey;

/// From this length on a feed goes on in another chunk. A reader that is due one line of a chunk keeps all of it. The line
/// that goes beyond it still fits into 64 KiB, which is what a growing buffer has then.
pub(super) const CHUNK_LEN: usize = 60 * 1024;

/// How much memory a chunk begins with, so that it need not grow with every word of a line.
const FIRST_LEN: usize = 512;

/// Bytes that only grow, in memory that pieces of them share.
type Chunk = Rc<RefCell<Vec<u8>>>;

fn new_chunk() -> Chunk {
    Rc::new(RefCell::new(Vec::with_capacity(FIRST_LEN)))
}

/// Some bytes of a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    chunk: Chunk,
    start: usize,
    end: usize,
}

impl Piece {
    /// No bytes yet, in a chunk of its own.
    pub fn empty() -> Piece {
        Piece { chunk: new_chunk(), start: 0, end: 0 }
    }

    /// Appends what `write` writes, and only that, to a chunk.
    fn of(chunk: &Chunk, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let mut bytes = chunk.borrow_mut();
        let start = bytes.len();
        write(&mut bytes);
        Piece { chunk: Rc::clone(chunk), start, end: bytes.len() }
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// The bytes.
    pub fn bytes(&self) -> Ref<'_, [u8]> {
        Ref::map(self.chunk.borrow(), |bytes| &bytes[self.start..self.end])
    }

    /// Some of the bytes.
    pub fn part(&self, range: Range<usize>) -> Piece {
        Piece { chunk: Rc::clone(&self.chunk), start: self.start + range.start, end: self.start + range.end }
    }

    /// Whether it can grow: nobody else has the chunk, and nothing follows in it.
    pub fn is_own(&self) -> bool {
        Rc::strong_count(&self.chunk) == 1 && self.end == self.chunk.borrow().len()
    }

    /// Appends what `write` writes, and only that, to a piece that [can grow](Piece::is_own).
    pub fn grow(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.end = Piece::of(&self.chunk, write).end;
    }

    /// Takes the bytes of another piece in, if they follow in the same chunk.
    pub fn take_next(&mut self, next: &Piece) -> bool {
        let follows = Rc::ptr_eq(&self.chunk, &next.chunk) && self.end == next.start;
        if follows {
            self.end = next.end;
        }
        follows
    }

    /// Drops the first `count` bytes.
    pub fn advance(&mut self, count: usize) {
        self.start += count;
    }

    /// Gives back the memory of what was dropped, once it is more than the rest.
    pub fn compact(&mut self) {
        if self.start > self.end / 2 && self.is_own() {
            let mut bytes = self.chunk.borrow_mut();
            bytes.drain(..self.start);
            bytes.shrink_to(self.len());
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

/// The feeds of rooms, one for each way of rendering among a room's readers.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    rooms: FxHashMap<RoomId, Vec<(RenderKey, Chunk)>>,
}

impl Feeds {
    /// Appends what `write` writes to a room's feed.
    pub fn append(&mut self, room: RoomId, key: RenderKey, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let chunks = self.rooms.entry(room).or_default();
        let at = chunks.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            chunks.push((key, new_chunk()));
            chunks.len() - 1
        });
        let (_, chunk) = &mut chunks[at];
        if Rc::strong_count(chunk) == 1 {
            // All have read it.
            chunk.borrow_mut().clear();
        } else if chunk.borrow().len() >= CHUNK_LEN {
            *chunk = new_chunk();
        }
        Piece::of(chunk, write)
    }

    /// Gives back the memory of what all have read.
    pub fn forget_read(&mut self) {
        self.rooms.retain(|_, chunks| {
            chunks.retain(|(_, chunk)| Rc::strong_count(chunk) > 1);
            !chunks.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use salotto_wire::CapabilitySet;

    use super::*;
    use crate::adapter::Style;
    use crate::shard::Framing;

    const TEA: RoomId = RoomId(1);
    const DEN: RoomId = RoomId(2);

    fn key(binary: bool) -> RenderKey {
        RenderKey { style: Style::Irc(CapabilitySet::default()), framing: Framing::WebSocket { binary } }
    }

    fn append(feeds: &mut Feeds, room: RoomId, text: &str) -> Piece {
        feeds.append(room, key(false), |bytes| bytes.extend_from_slice(text.as_bytes()))
    }

    #[test]
    fn lines_of_one_room_become_one_piece_whatever_is_said_in_others() {
        let mut feeds = Feeds::default();
        let mut first = append(&mut feeds, TEA, "one ");
        assert!(!first.take_next(&append(&mut feeds, DEN, "other ")));
        assert!(!first.take_next(&feeds.append(TEA, key(true), |bytes| bytes.extend_from_slice(b"framed"))));
        let second = append(&mut feeds, TEA, "two ");
        let third = append(&mut feeds, TEA, "three");
        assert!(!first.take_next(&third), "the second is missing");
        assert!(first.take_next(&second) && first.take_next(&third));
        assert_eq!(&*first.bytes(), b"one two three");
        assert_eq!(&*first.part(4..7).bytes(), b"two");
    }

    #[test]
    fn a_feed_that_all_have_read_begins_again_and_one_that_somebody_reads_does_not() {
        let mut feeds = Feeds::default();
        drop(append(&mut feeds, TEA, "read by all"));
        let kept = append(&mut feeds, TEA, "one");
        assert_eq!((kept.start, kept.end), (0, 3));
        feeds.forget_read();
        let next = append(&mut feeds, TEA, "two");
        assert_eq!((next.start, next.end), (3, 6));
        drop((kept, next));
        feeds.forget_read();
        assert!(feeds.rooms.is_empty());
    }

    #[test]
    fn a_long_feed_goes_on_in_another_chunk_and_those_before_stay_as_they_are() {
        let mut feeds = Feeds::default();
        let mut long = append(&mut feeds, TEA, &"x".repeat(CHUNK_LEN));
        let next = append(&mut feeds, TEA, "next");
        assert!(!long.take_next(&next));
        assert_eq!(next.start, 0);
        assert!(long.bytes().iter().all(|&byte| byte == b'x'));
    }

    #[test]
    fn only_what_nobody_else_has_grows() {
        let mut feeds = Feeds::default();
        let shared = append(&mut feeds, TEA, "shared");
        assert!(!shared.is_own());
        feeds = Feeds::default();
        append(&mut feeds, TEA, "of another feed");
        assert!(shared.is_own() && !shared.part(0..2).is_own(), "what the feed was for is forgotten");
        let mut own = Piece::empty();
        own.grow(|bytes| bytes.extend_from_slice(b"a longer text"));
        own.advance(9);
        own.compact();
        own.grow(|bytes| bytes.push(b'!'));
        assert_eq!(&*own.bytes(), b"text!");
        assert_eq!(own.chunk.borrow().len(), 5);
    }
}
