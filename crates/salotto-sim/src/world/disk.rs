//! The disk: what is on it after a crash is what was written before, a transaction at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use salotto_core::{
    AccountId, AccountRecord, Conversation, Durable, PostRecord, RecentToken, Record, RoomId, RoomName,
    RoomRecord, Seq, Timestamp,
};

use super::agenda::HistoryRequest;

/// The simplest store there is: what each thing was last said to be, and every post.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    head: (Seq, Timestamp),
    rooms: BTreeMap<RoomId, RoomRecord>,
    accounts: BTreeMap<AccountId, AccountRecord>,
    memberships: BTreeSet<(AccountId, RoomId)>,
    markers: BTreeMap<(AccountId, Arc<str>), Timestamp>,
    posts: BTreeMap<Seq, PostRecord>,
    conversations: BTreeMap<Conversation, BTreeSet<Seq>>,
    /// Names of all rooms that ever were.
    names: BTreeMap<RoomId, RoomName>,
}

impl Disk {
    /// Writes a transaction: all of it or, if this is not called, nothing.
    pub fn commit<'a>(&mut self, records: impl Iterator<Item = &'a Record>, last: (Seq, Timestamp)) {
        for record in records {
            self.add(record);
        }
        self.head = last;
    }

    fn add(&mut self, record: &Record) {
        match record.clone() {
            Record::Post(post) => {
                self.conversations.entry(post.conversation).or_default().insert(post.seq);
                self.posts.insert(post.seq, post);
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
            memberships: self.memberships.iter().copied().collect(),
            markers: self.markers.iter().map(|((id, target), &at)| (*id, target.clone(), at)).collect(),
            tokens: self.posts.values().filter_map(token).collect(),
        }
    }

    /// A page of a conversation, oldest first.
    pub fn page(&self, conversation: Conversation, request: &HistoryRequest) -> Vec<&PostRecord> {
        let Some(seqs) = self.conversations.get(&conversation) else { return Vec::new() };
        let limit = request.limit;
        let seqs: Vec<Seq> = match (request.after, request.after_time) {
            (Some(after), _) => seqs.range(Seq(after + 1)..).take(limit).copied().collect(),
            (None, Some(ms)) => {
                let later = |seq: &&Seq| self.posts[seq].at.0 > ms;
                seqs.iter().filter(later).take(limit).copied().collect()
            }
            (None, None) => {
                let until = Seq(request.before.unwrap_or(u64::MAX));
                let mut newest: Vec<Seq> = seqs.range(..until).rev().take(limit).copied().collect();
                newest.reverse();
                newest
            }
        };
        seqs.iter().map(|seq| &self.posts[seq]).collect()
    }

    /// The account of that name.
    pub fn account(&self, name: &str) -> Option<AccountId> {
        let key = salotto_core::nick_key(name)?;
        self.accounts.values().find(|account| *account.name.key() == key).map(|account| account.id)
    }

    /// All posts to rooms, with the rooms' names.
    pub fn room_posts(&self) -> impl Iterator<Item = (&RoomName, &PostRecord)> {
        self.posts.values().filter_map(|post| match post.conversation {
            Conversation::Room(room) => Some((self.names.get(&room)?, post)),
            Conversation::Direct(..) => None,
        })
    }

    /// How many posts there are.
    pub fn post_count(&self) -> usize {
        self.posts.len()
    }
}
