//! The store against a model of it that fits on a page.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{account, device, post, room};
use proptest::prelude::*;
use salotto_core::{
    AccountId, AccountRecord, BanRecord, Conversation, DeviceId, DeviceRecord, Durable, PostRecord,
    RecentToken, Record, Roles, RoomFlag, RoomId, RoomRecord, Seq, TOKENS_MAX, Timestamp, TopicRecord,
};
use salotto_store::{Durability, HistoryQuery, Ref, Store};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What the records so far add up to.
#[derive(Default)]
struct Model {
    last: (Seq, Timestamp),
    rooms: BTreeMap<RoomId, RoomRecord>,
    accounts: BTreeMap<AccountId, AccountRecord>,
    devices: BTreeMap<DeviceId, DeviceRecord>,
    memberships: BTreeSet<(AccountId, RoomId)>,
    markers: BTreeMap<(AccountId, Arc<str>), Timestamp>,
    posts: BTreeMap<Seq, PostRecord>,
}

impl Model {
    fn take(&mut self, record: &Record) {
        match record.clone() {
            Record::Post(post) => {
                self.posts.insert(post.seq, post);
            }
            Record::Room(room) => {
                self.rooms.insert(room.id, *room);
            }
            Record::RoomRetired(room) => {
                self.rooms.remove(&room);
                self.memberships.retain(|&(_, of)| of != room);
            }
            Record::Account(account) => {
                self.accounts.insert(account.id, account);
            }
            Record::Device(device) => {
                self.devices.insert(device.id, device);
            }
            Record::DeviceRevoked(device) => {
                self.devices.remove(&device);
            }
            Record::Membership { account, room, member: true } => {
                self.memberships.insert((account, room));
            }
            Record::Membership { account, room, member: false } => {
                self.memberships.remove(&(account, room));
            }
            Record::ReadMarker { account, target, at } => {
                self.markers.insert((account, target), at);
            }
        }
    }

    fn durable(&self) -> Durable {
        let (seq, at) = self.last;
        let recent = |post: &&PostRecord| post.at.0 >= at.0.saturating_sub(DAY_MS);
        let mut tokens: Vec<RecentToken> = self
            .posts
            .values()
            .filter(recent)
            .filter_map(|post| {
                Some(RecentToken {
                    account: post.account.clone(),
                    nick: post.nick.clone(),
                    token: post.token.clone()?,
                    seq: post.seq,
                    at: post.at,
                })
            })
            .collect();
        tokens.drain(..tokens.len().saturating_sub(TOKENS_MAX));
        Durable {
            seq,
            at,
            rooms: self.rooms.values().cloned().collect(),
            accounts: self.accounts.values().map(|a| (a.id, a.name.clone(), a.created)).collect(),
            devices: self.devices.values().cloned().collect(),
            memberships: self.memberships.iter().copied().collect(),
            markers: self.markers.iter().map(|((a, target), at)| (*a, target.clone(), *at)).collect(),
            tokens,
        }
    }

    fn history(&self, conversation: Conversation, query: HistoryQuery, limit: usize) -> Vec<u64> {
        let all: Vec<&PostRecord> =
            self.posts.values().filter(|post| post.conversation == conversation).collect();
        let before = |post: &PostRecord, reference: Ref| match reference {
            Ref::Seq(seq) => post.seq < seq,
            Ref::At(at) => post.at < at,
        };
        let after = |post: &PostRecord, reference: Ref| match reference {
            Ref::Seq(seq) => post.seq > seq,
            Ref::At(at) => post.at > at,
        };
        let pick = |keep: &dyn Fn(&PostRecord) -> bool| -> Vec<u64> {
            all.iter().filter(|post| keep(post)).map(|post| post.seq.0).collect()
        };
        let oldest = |found: Vec<u64>| found[..found.len().min(limit)].to_vec();
        let newest = |found: Vec<u64>| found[found.len().saturating_sub(limit)..].to_vec();
        match query {
            HistoryQuery::Latest { after: None } => newest(pick(&|_| true)),
            HistoryQuery::Latest { after: Some(reference) } => newest(pick(&|post| after(post, reference))),
            HistoryQuery::Before(reference) => newest(pick(&|post| before(post, reference))),
            HistoryQuery::After(reference) => oldest(pick(&|post| after(post, reference))),
            HistoryQuery::Between(first, second) => {
                let forwards = pick(&|post| after(post, first) && before(post, second));
                let backwards = pick(&|post| after(post, second) && before(post, first));
                // At most one of them has anything.
                if backwards.is_empty() { oldest(forwards) } else { newest(backwards) }
            }
            HistoryQuery::Around(middle) => {
                let all = pick(&|_| true);
                let split = all.len() - pick(&|post| !before(post, middle)).len();
                let from = split.saturating_sub(limit / 2);
                let to = (from + limit).min(all.len());
                all[to.saturating_sub(limit)..to].to_vec()
            }
        }
    }
}

fn conversations() -> impl Strategy<Value = Conversation> {
    prop_oneof![
        (1..3u64).prop_map(|room| Conversation::Room(RoomId(room))),
        (1..3u64, 1..4u64).prop_map(|(a, b)| Conversation::direct(AccountId(a), AccountId(b))),
    ]
}

fn rooms() -> impl Strategy<Value = RoomRecord> {
    let by = || "[a-z]{1,8}".prop_map(Arc::<str>::from);
    let topic = (("\\PC{1,20}", by()), 0..99u64).prop_map(|((text, by), at)| TopicRecord {
        text: text.into(),
        by,
        at: Timestamp(at),
    });
    let ban = (by(), by(), 0..99u64).prop_map(|(mask, by, at)| BanRecord { mask, by, at: Timestamp(at) });
    let flag = prop_oneof![
        Just(RoomFlag::InviteOnly),
        Just(RoomFlag::Moderated),
        Just(RoomFlag::NoExternal),
        Just(RoomFlag::Secret),
        Just(RoomFlag::TopicLocked),
    ];
    let roles = (any::<bool>(), any::<bool>()).prop_map(|(operator, voice)| Roles { operator, voice });
    (
        1..4u64,
        prop::option::of(topic),
        prop::collection::btree_set(flag, 0..4),
        prop::option::of(by()),
        prop::option::of(any::<u32>()),
        prop::collection::vec(ban, 0..4),
        prop::collection::btree_map((1..5u64).prop_map(AccountId), roles, 0..3),
        any::<bool>(),
    )
        .prop_map(|(id, topic, flags, key, limit, bans, roles, established)| RoomRecord {
            topic,
            flags: flags.into_iter().collect(),
            key,
            limit,
            bans,
            roles: roles.into_iter().collect(),
            established,
            ..room(id, &format!("#Room{id}"))
        })
}

/// A record, without its place in the order yet.
fn records() -> impl Strategy<Value = Record> {
    let accounts = || (1..5u64).prop_map(AccountId);
    let token = prop::option::of("[a-z]{1,6}".prop_map(Arc::<str>::from));
    prop_oneof![
        6 => (conversations(), token, "\\PC{0,40}", any::<bool>()).prop_map(|(place, token, text, guest)| {
            let mut said = post(0, 0, place);
            said.token = token;
            said.text = text.into();
            if guest {
                said.account = None;
            }
            Record::Post(said)
        }),
        2 => rooms().prop_map(|room| Record::Room(Box::new(room))),
        1 => (1..4u64).prop_map(|room| Record::RoomRetired(RoomId(room))),
        1 => (1..5u64).prop_map(|id| Record::Account(account(id, &format!("Person-{id}")))),
        2 => (1..9u64, accounts(), 0..99u64).prop_map(|(id, account, used)| {
            Record::Device(DeviceRecord { used: Timestamp(used), ..device(id, account) })
        }),
        1 => (1..9u64).prop_map(|id| Record::DeviceRevoked(DeviceId(id))),
        2 => (accounts(), 1..4u64, any::<bool>()).prop_map(|(account, room, member)| {
            Record::Membership { account, room: RoomId(room), member }
        }),
        2 => (accounts(), "[a-c]", 0..99u64).prop_map(|(account, target, at)| {
            Record::ReadMarker { account, target: target.into(), at: Timestamp(at) }
        }),
    ]
}

/// Batches, each record at a later place than the one before, and at a time that is no earlier.
fn batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let step = (records(), 1..5u64, prop_oneof![Just(0), 1..9u64, Just(DAY_MS / 4)]);
    prop::collection::vec(prop::collection::vec(step, 0..9), 1..9).prop_map(|batches| {
        let (mut seq, mut at) = (0, 0);
        let mut place = |(mut record, seq_step, at_step): (Record, u64, u64)| {
            (seq, at) = (seq + seq_step, at + at_step);
            if let Record::Post(post) = &mut record {
                (post.seq, post.at) = (Seq(seq), Timestamp(at));
            }
            record
        };
        batches.into_iter().map(|batch| batch.into_iter().map(&mut place).collect()).collect()
    })
}

/// The last place that a batch speaks of, no earlier than the one before.
fn last_of(batch: &[Record], before: (Seq, Timestamp)) -> (Seq, Timestamp) {
    let mut posts = batch.iter().filter_map(|record| match record {
        Record::Post(post) => Some((post.seq, post.at)),
        _ => None,
    });
    posts.next_back().unwrap_or((Seq(before.0.0 + 1), before.1)).max(before)
}

fn queries() -> impl Strategy<Value = HistoryQuery> {
    fn reference() -> impl Strategy<Value = Ref> {
        prop_oneof![
            (0..99u64).prop_map(|seq| Ref::Seq(Seq(seq))),
            (0..99u64).prop_map(|at| Ref::At(Timestamp(at))),
            (0..9u64, 0..9u64).prop_map(|(quarters, at)| Ref::At(Timestamp(quarters * DAY_MS / 4 + at))),
            Just(Ref::At(Timestamp(u64::MAX))),
            Just(Ref::Seq(Seq(u64::MAX))),
        ]
    }
    prop_oneof![
        prop::option::of(reference()).prop_map(|after| HistoryQuery::Latest { after }),
        reference().prop_map(HistoryQuery::Before),
        reference().prop_map(HistoryQuery::After),
        reference().prop_map(HistoryQuery::Around),
        (reference(), reference()).prop_map(|(first, second)| HistoryQuery::Between(first, second)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_store_gives_back_what_the_records_add_up_to(
        batches in batches(),
        twice in any::<bool>(),
        queries in prop::collection::vec((conversations(), queries(), 0..6usize), 40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        for batch in &batches {
            let (store, durable) = Store::open(dir.path(), Durability::Process).unwrap();
            prop_assert_eq!(durable, model.durable());
            let last = last_of(batch, model.last);
            let mut writer = store.writer().unwrap();
            writer.commit(batch, last).unwrap();
            if twice {
                writer.commit(batch, last).unwrap();
            }
            batch.iter().for_each(|record| model.take(record));
            model.last = last;
        }
        let (store, durable) = Store::open(dir.path(), Durability::Process).unwrap();
        prop_assert_eq!(durable, model.durable());
        let reader = store.reader().unwrap();
        for (conversation, query, limit) in queries {
            let found = reader.history(conversation, query, limit).unwrap();
            let numbers: Vec<u64> = found.iter().map(|post| post.seq.0).collect();
            prop_assert_eq!(numbers, model.history(conversation, query, limit), "{:?} {:?}", conversation, query);
            for post in found {
                prop_assert_eq!(Some(&post), model.posts.get(&post.seq));
            }
        }
    }
}
