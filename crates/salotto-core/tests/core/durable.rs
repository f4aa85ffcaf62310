//! What the records add up to, and that the chat comes back from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use salotto_core::{
    AccountId, AccountRecord, Command, Core, DeviceId, DeviceRecord, Durable, ModeChange, Outcome,
    PostRecord, RecentToken, Record, RoomFlag, RoomId, RoomRecord, Seq, Timestamp,
};

use crate::chat::Chat;

/// The simplest store there is: what each thing was last said to be.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    rooms: BTreeMap<RoomId, RoomRecord>,
    retired: BTreeSet<RoomId>,
    accounts: BTreeMap<AccountId, AccountRecord>,
    devices: BTreeMap<DeviceId, DeviceRecord>,
    memberships: BTreeSet<(AccountId, RoomId)>,
    markers: BTreeMap<(AccountId, Arc<str>), Timestamp>,
    pub posts: BTreeMap<Seq, PostRecord>,
}

impl Folded {
    /// Takes one record in.
    pub fn add(&mut self, record: &Record) {
        match record.clone() {
            Record::Post(post) => {
                self.posts.insert(post.seq, post);
            }
            Record::Room(room) => {
                assert!(!self.retired.contains(&room.id), "a retired room comes back");
                self.rooms.insert(room.id, *room);
            }
            Record::RoomRetired(room) => {
                self.retired.insert(room);
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

    /// What the core starts from.
    pub fn durable(&self, seq: Seq, at: Timestamp) -> Durable {
        let tokens = self.posts.values().filter_map(|post| {
            Some(RecentToken {
                account: post.account.clone(),
                nick: post.nick.clone(),
                token: post.token.clone()?,
                seq: post.seq,
                at: post.at,
            })
        });
        Durable {
            seq,
            at,
            rooms: self.rooms.values().cloned().collect(),
            accounts: self
                .accounts
                .values()
                .map(|account| (account.id, account.name.clone(), account.created))
                .collect(),
            devices: self.devices.values().cloned().collect(),
            memberships: self.memberships.iter().copied().collect(),
            markers: self
                .markers
                .iter()
                .map(|((account, target), &at)| (*account, target.clone(), at))
                .collect(),
            tokens: tokens.collect(),
        }
    }
}

/// The records written so far give the durable part of the live chat.
#[track_caller]
pub fn check_durable(chat: &Chat) {
    let live = chat.core.durable();
    let tokens = Vec::new();
    let folded = Durable { tokens, ..chat.kept.durable(live.seq, live.at) };
    assert_eq!(live, folded);
    assert_eq!(Core::restore(folded.clone()).durable(), folded, "restoring loses something");
}

#[test]
fn a_chat_comes_back_from_its_records() {
    let mut chat = Chat::new();
    chat.apply(Command::Establish { room: crate::chat::room("#lobby"), topic: "welcome".into() });
    let alice = chat.sign_up("alice");
    let bob = chat.sign_up("bob");
    chat.joins(alice, "#tea");
    chat.joins(bob, "#tea");
    chat.topic(alice, "#tea", "which kettle?");
    chat.sets(alice, "#tea", ModeChange::Flag(RoomFlag::Moderated, true));
    chat.sets(alice, "#tea", ModeChange::Ban { mask: "mallory".into(), on: true });
    chat.sets(alice, "#tea", ModeChange::Limit(Some(12)));
    chat.says(alice, "#tea", "the green one");
    chat.reads(bob, "#tea", chat.now());
    check_durable(&chat);

    let chat = &mut chat.restarted();
    check_durable(chat);
    let alice = chat.sign_in_to("alice", "alice");
    let bob = chat.sign_in_to("bob", "bob");
    assert_eq!(chat.members(bob, "#tea"), ["@alice", "bob"]);
    let view = chat.core.view(bob);
    assert_eq!(&*view.topic("#tea").unwrap().1.unwrap().text, "which kettle?");
    assert_eq!(view.bans("#tea").unwrap().1.len(), 1);
    assert!(view.read_marker("#TEA").is_some());
    chat.hush();
    chat.says(bob, "#tea", "and the red one?");
    chat.expect(alice, &[]);
}

#[test]
fn a_record_written_twice_changes_nothing() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    chat.joins(alice, "#tea");
    chat.says(alice, "#tea", "hello");
    let mut twice = Folded::default();
    for record in &chat.records {
        twice.add(record);
        twice.add(record);
    }
    let (seq, at) = (chat.core.seq(), chat.now());
    assert_eq!(twice.durable(seq, at), chat.kept.durable(seq, at));
}

#[test]
fn an_account_that_was_in_a_room_which_is_gone_signs_in_all_the_same() {
    let mut chat = Chat::new();
    let guest = chat.sign_in("guest");
    let alice = chat.sign_up("alice");
    chat.joins(guest, "#den");
    chat.joins(alice, "#den");
    chat.sets(guest, "#den", ModeChange::Flag(RoomFlag::InviteOnly, true));
    chat.quits(alice);
    chat.quits(guest);
    check_durable(&chat);
    let alice = chat.sign_in_to("alice", "alice");
    assert!(chat.core.view(alice).readable_all().0.is_empty());
    check_durable(&chat);
}

#[test]
fn numbers_go_on_behind_those_of_before() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.says(alice, "#tea", "before");
    let before = chat.core.seq();
    let mut chat = chat.restarted();
    assert_eq!(chat.core.seq(), before);
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    chat.says(alice, "#tea", "after");
    let seqs: Vec<Seq> = chat.kept.posts.keys().copied().collect();
    assert_eq!(seqs.len(), 2);
    assert!(seqs[1] > before);
    assert!(chat.last.records.len() == 1 && chat.last.effects.len() == 1);
    assert_ne!(chat.last, Outcome::default());
}
