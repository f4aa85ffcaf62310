//! `salotto bench fill`: a data folder with as much history as is wanted, made without a server.
//!
//! What it writes depends on the numbers alone: post `n` says the same in every folder filled alike.

use std::{
    io::{self, Write},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use salotto_core::{
    Conversation, PostKind, PostRecord, Record, RoomId, RoomName, RoomRecord, Seq, Timestamp,
};
use salotto_store::{Durability, Store, Writer};

use crate::{cli::FillOptions, exit::Failure};

/// How many posts are written in one transaction.
const BATCH: u64 = 8_192;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How many people seem to have talked.
const AUTHORS: u64 = 1_000;
/// How many words a post has, at least and at most.
const WORDS: (u64, u64) = (4, 24);

/// What people seem to have talked about: words of several lengths, not all of them ASCII.
const VOCABULARY: [&str; 48] = [
    "the",
    "tea",
    "is",
    "ready",
    "and",
    "who",
    "brings",
    "sugar",
    "tomorrow",
    "meeting",
    "at",
    "nine",
    "in",
    "garden",
    "release",
    "branch",
    "tests",
    "pass",
    "again",
    "after",
    "lunch",
    "somebody",
    "knows",
    "why",
    "build",
    "takes",
    "longer",
    "than",
    "yesterday",
    "perché",
    "così",
    "è",
    "buongiorno",
    "caffè",
    "stanza",
    "domani",
    "riunione",
    "qualcuno",
    "server",
    "client",
    "history",
    "message",
    "number",
    "lost",
    "found",
    "naïve",
    "日本語",
    "🦀",
];

/// Fills a data folder that has nothing in it yet.
pub fn run(options: &FillOptions) -> Result<(), Failure> {
    let (store, durable) = Store::open(&options.data, Durability::Process)
        .with_context(|| format!("cannot open {}", options.data.display()))?;
    if durable.seq != Seq(0) {
        Err(anyhow::anyhow!("{} holds something already, and was left as it is", options.data.display()))?;
    }
    let started = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let end = u64::try_from(now.as_millis()).context("the clock is far in the future")?;
    write(
        &mut store.writer()?,
        options,
        Timestamp(end.saturating_sub(options.days * DAY_MS)),
        Timestamp(end),
    )?;
    let seconds = started.elapsed().as_secs_f64();
    writeln!(
        io::stdout(),
        "{} posts in {} rooms, {seconds:.1} s, {:.0} posts a second",
        options.posts,
        options.rooms,
        options.posts as f64 / seconds
    )?;
    Ok(())
}

fn write(writer: &mut Writer, options: &FillOptions, from: Timestamp, to: Timestamp) -> anyhow::Result<()> {
    let rooms = (1..=options.rooms)
        .map(|id| Ok(Record::Room(Box::new(room(id, from)?))))
        .collect::<anyhow::Result<Vec<_>>>()?;
    writer.commit(&rooms, (Seq(options.rooms), from))?;
    let mut batch = Vec::with_capacity(BATCH as usize);
    for number in 0..options.posts {
        let at = Timestamp(from.0 + proportion(to.0 - from.0, number, options.posts));
        let post = post(number, options.rooms, at);
        let last = (post.seq, at);
        batch.push(Record::Post(post));
        if batch.len() as u64 == BATCH || number + 1 == options.posts {
            writer.commit(&batch, last)?;
            batch.clear();
        }
    }
    Ok(())
}

/// The part of `whole` that stands to it as `part` to `all`.
fn proportion(whole: u64, part: u64, all: u64) -> u64 {
    // Less than `whole`, so it has room.
    u64::try_from(u128::from(whole) * u128::from(part) / u128::from(all)).unwrap_or(whole)
}

/// The first room is the lobby, as servers name it by default.
fn room(id: u64, created: Timestamp) -> anyhow::Result<RoomRecord> {
    let name = if id == 1 { "#lobby".to_owned() } else { format!("#filled-{id}") };
    Ok(RoomRecord {
        id: RoomId(id),
        name: RoomName::new(&name).with_context(|| format!("{name} is no name for a room"))?,
        created,
        topic: None,
        flags: Vec::new(),
        key: None,
        limit: None,
        bans: Vec::new(),
        roles: Vec::new(),
        established: true,
    })
}

/// Post `number`, counted from 0. Rooms take turns at random, and everybody's client marks what it sends.
fn post(number: u64, rooms: u64, at: Timestamp) -> PostRecord {
    let mut random = Random(number);
    let author = random.below(AUTHORS);
    let room = RoomId(1 + random.below(rooms));
    let mut text = format!("{number}:");
    for _ in 0..WORDS.0 + random.below(WORDS.1 - WORDS.0 + 1) {
        text.push(' ');
        text.push_str(VOCABULARY[random.below(VOCABULARY.len() as u64) as usize]);
    }
    PostRecord {
        seq: Seq(rooms + 1 + number),
        at,
        conversation: Conversation::Room(room),
        kind: PostKind::Message,
        nick: format!("author{author}").into(),
        address: format!("author{author}@filled.example").into(),
        account: None,
        to: "".into(),
        text: text.into(),
        tags: "".into(),
        token: Some(format!("filled-{number}").into()),
    }
}

/// SplitMix64: enough for what is said to look unlike.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use salotto_store::verify;

    use super::*;

    #[test]
    fn a_filled_folder_holds_what_was_asked_for_and_is_not_filled_twice() {
        let home = tempfile::tempdir().expect("a folder");
        let options = FillOptions { data: home.path().join("data"), posts: BATCH + 10, rooms: 3, days: 2 };
        run(&options).expect("filled");
        let (store, durable) = Store::open(&options.data, Durability::Power).expect("opens");
        assert_eq!((durable.seq, durable.rooms.len()), (Seq(BATCH + 13), 3));
        let last = store.reader().expect("reads").post(durable.seq).expect("sound").expect("there");
        assert_eq!(last, post(BATCH + 9, 3, last.at));
        drop(store);
        let verified = verify(&options.data).expect("readable");
        assert!(verified.is_sound() && verified.posts == BATCH + 10, "{verified:?}");
        assert!(run(&options).is_err(), "it holds something already");
        assert_eq!(verify(&options.data).expect("readable"), verified);
    }
}
