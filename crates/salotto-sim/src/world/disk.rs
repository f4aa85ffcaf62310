//! The disk: what is on it after a crash is what was written before, a transaction at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use salotto_core::{
    AccountId, AccountRecord, Conversation, DeviceId, DeviceRecord, Durable, Key, PostRecord, RecentToken,
    Record, RoomId, RoomName, RoomRecord, Seq, Timestamp,
};
use salotto_server::lockstep;
use salotto_store::{AccountVerifier, HistoryQuery, Ref, StoreError};

/// The simplest store there is: what each thing was last said to be, and every post.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// It takes nothing just now.
    pub refuses: bool,
    head: (Seq, Timestamp),
    rooms: BTreeMap<RoomId, RoomRecord>,
    accounts: BTreeMap<AccountId, AccountRecord>,
    devices: BTreeMap<DeviceId, DeviceRecord>,
    memberships: BTreeSet<(AccountId, RoomId)>,
    markers: BTreeMap<(AccountId, Arc<str>), Timestamp>,
    /// In their order.
    posts: Vec<PostRecord>,
    /// The places of a conversation's posts in that list.
    conversations: BTreeMap<Conversation, Vec<usize>>,
    /// Names of all rooms that ever were.
    names: BTreeMap<RoomId, RoomName>,
}

impl lockstep::Disk for Disk {
    type Error = StoreError;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), StoreError> {
        if self.refuses {
            return Err(StoreError::DiskFull);
        }
        for record in records {
            self.add(record);
        }
        self.head = last;
        Ok(())
    }
}

impl Disk {
    fn add(&mut self, record: &Record) {
        match record.clone() {
            Record::Post(post) => {
                self.conversations.entry(post.conversation).or_default().push(self.posts.len());
                self.posts.push(post);
            }
            Record::Room(room) => {
                self.names.insert(room.id, room.name.clone());
                self.rooms.insert(room.id, *room);
            }
            Record::RoomRetired(room) => {
                self.rooms.remove(&room);
                self.memberships.retain(|&(_, other)| other != room);
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

    /// How far it is.
    pub fn head(&self) -> (Seq, Timestamp) {
        self.head
    }

    /// What a server starts from.
    pub fn durable(&self) -> Durable {
        let token = |post: &PostRecord| {
            Some(RecentToken {
                account: post.account.clone(),
                nick: post.nick.clone(),
                token: post.token.clone()?,
                seq: post.seq,
                at: post.at,
            })
        };
        Durable {
            seq: self.head.0,
            at: self.head.1,
            rooms: self.rooms.values().cloned().collect(),
            accounts: self.accounts.values().map(|a| (a.id, a.name.clone(), a.created)).collect(),
            devices: self.devices.values().cloned().collect(),
            memberships: self.memberships.iter().copied().collect(),
            markers: self.markers.iter().map(|((id, target), &at)| (*id, target.clone(), at)).collect(),
            tokens: self.posts.iter().filter_map(token).collect(),
        }
    }

    /// All posts, each with the name of its room or with the two accounts.
    pub fn posts(&self) -> impl Iterator<Item = (Place<'_>, &PostRecord)> {
        self.posts.iter().filter_map(|post| Some((self.place(post.conversation)?, post)))
    }

    fn place(&self, conversation: Conversation) -> Option<Place<'_>> {
        Some(match conversation {
            Conversation::Room(room) => Place::Room(self.names.get(&room)?.key().as_str()),
            Conversation::Direct(low, high) => Place::Direct(self.name(low)?, self.name(high)?),
        })
    }

    fn name(&self, account: AccountId) -> Option<&str> {
        Some(self.accounts.get(&account)?.name.as_str())
    }

    /// How far accounts have read: account, room or person, when.
    pub fn markers(&self) -> impl Iterator<Item = (&str, &str, Timestamp)> {
        self.markers.iter().filter_map(|((account, target), &at)| Some((self.name(*account)?, &**target, at)))
    }

    /// How many posts there are.
    pub fn post_count(&self) -> usize {
        self.posts.len()
    }

    /// How many posts of a conversation come before a reference, or are it where `included`.
    fn reach(&self, posts: &[usize], reference: Ref, included: bool) -> usize {
        posts.partition_point(|&at| {
            let post = &self.posts[at];
            match (reference, included) {
                (Ref::Seq(seq), false) => post.seq < seq,
                (Ref::Seq(seq), true) => post.seq <= seq,
                (Ref::At(moment), false) => post.at < moment,
                (Ref::At(moment), true) => post.at <= moment,
            }
        })
    }
}

/// Where something was said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// The key of a room's name.
    Room(&'a str),
    /// The names of two accounts.
    Direct(&'a str, &'a str),
}

impl lockstep::Archive for &Disk {
    fn history(
        &mut self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        let Some(all) = self.conversations.get(&conversation) else { return Ok(Vec::new()) };
        let reach = |reference, included| self.reach(all, reference, included);
        let oldest = |from: usize, to: usize| from..to.min(from + limit);
        let newest = |from: usize, to: usize| from.max(to.saturating_sub(limit))..to;
        let range = match query {
            HistoryQuery::Latest { after } => newest(after.map_or(0, |after| reach(after, true)), all.len()),
            HistoryQuery::Before(before) => newest(0, reach(before, false)),
            HistoryQuery::After(after) => {
                let from = reach(after, true);
                oldest(from, all.len())
            }
            HistoryQuery::Between(first, second) if reach(first, false) <= reach(second, false) => {
                let from = reach(first, true);
                oldest(from, reach(second, false).max(from))
            }
            HistoryQuery::Between(first, second) => {
                let from = reach(second, true);
                newest(from, reach(first, false).max(from))
            }
            HistoryQuery::Around(middle) => {
                let middle = reach(middle, false);
                let from = middle.saturating_sub(limit / 2);
                oldest(from, all.len())
            }
        };
        Ok(all[range].iter().map(|&at| self.posts[at].clone()).collect())
    }

    fn targets(
        &mut self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError> {
        let (after, before) = (from.min(to), from.max(to));
        let asked = |conversation: &Conversation| match *conversation {
            Conversation::Room(room) => rooms.contains(&room),
            Conversation::Direct(low, high) => account.is_some_and(|own| own == low || own == high),
        };
        let latest = |(&conversation, posts): (&Conversation, &Vec<usize>)| {
            Some((self.posts[*posts.last()?].at, conversation))
        };
        let mut found: Vec<(Timestamp, Conversation)> = self
            .conversations
            .iter()
            .filter(|(conversation, _)| asked(conversation))
            .filter_map(latest)
            .filter(|&(at, _)| after < at && at < before)
            .collect();
        found.sort_unstable();
        if from > to {
            found.drain(..found.len().saturating_sub(limit));
        }
        found.truncate(limit);
        Ok(found.into_iter().map(|(at, conversation)| (conversation, at)).collect())
    }

    fn verifier(&mut self, name: &Key) -> Result<Option<AccountVerifier>, StoreError> {
        let account = self.accounts.values().find(|account| account.name.key() == name);
        Ok(account.map(|account| AccountVerifier {
            id: account.id,
            name: account.name.clone(),
            verifier: account.verifier.clone(),
        }))
    }

    fn account_name(&mut self, account: AccountId) -> Result<Option<String>, StoreError> {
        Ok(self.name(account).map(str::to_owned))
    }
}
