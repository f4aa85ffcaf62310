//! A disk in memory, which can refuse.

use std::collections::BTreeMap;

use salotto_core::{AccountId, AccountRecord, Conversation, Key, PostRecord, Record, RoomId, Seq, Timestamp};
use salotto_server::lockstep::{Archive, Disk};
use salotto_store::{AccountVerifier, HistoryQuery, Ref, StoreError};

/// What was written.
#[derive(Default)]
pub struct Memory {
    posts: BTreeMap<Seq, PostRecord>,
    accounts: BTreeMap<AccountId, AccountRecord>,
    last: (Seq, Timestamp),
    /// Nothing is taken now.
    pub refuses: bool,
}

impl Disk for Memory {
    type Error = &'static str;

    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        last: (Seq, Timestamp),
    ) -> Result<(), &'static str> {
        if self.refuses {
            return Err("the disk is full");
        }
        assert!(last >= self.last, "numbers and times rise");
        self.last = last;
        for record in records {
            match record {
                Record::Post(post) => {
                    assert!(post.seq <= last.0);
                    assert!(self.posts.insert(post.seq, post.clone()).is_none(), "a number is given once");
                }
                Record::Account(account) => {
                    let taken = self.accounts.values().any(|other| other.name.key() == account.name.key());
                    assert!(!taken, "two accounts of one name");
                    self.accounts.insert(account.id, account.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Archive for Memory {
    fn history(
        &mut self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        let before = |post: &PostRecord, place: Ref| match place {
            Ref::Seq(seq) => post.seq < seq,
            Ref::At(at) => post.at < at,
        };
        let after = |post: &PostRecord, place: Ref| match place {
            Ref::Seq(seq) => post.seq > seq,
            Ref::At(at) => post.at > at,
        };
        let is_wanted = |post: &PostRecord| match query {
            // Which of the posts around it come first is the store's own business, and tested there.
            HistoryQuery::Latest { after: None } | HistoryQuery::Around(_) => true,
            HistoryQuery::Latest { after: Some(place) } | HistoryQuery::After(place) => after(post, place),
            HistoryQuery::Before(place) => before(post, place),
            HistoryQuery::Between(first, second) => after(post, first) && before(post, second),
        };
        let from_end = !matches!(query, HistoryQuery::After(_) | HistoryQuery::Between(..));
        let mut page: Vec<PostRecord> = self
            .posts
            .values()
            .filter(|post| post.conversation == conversation && is_wanted(post))
            .cloned()
            .collect();
        if from_end {
            page.drain(..page.len().saturating_sub(limit));
        }
        page.truncate(limit);
        Ok(page)
    }

    fn targets(
        &mut self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError> {
        let mut latest = BTreeMap::new();
        for post in self.posts.values() {
            let is_wanted = match post.conversation {
                Conversation::Room(room) => rooms.contains(&room),
                Conversation::Direct(low, high) => {
                    account.is_some_and(|account| account == low || account == high)
                }
            };
            if is_wanted {
                latest.insert(post.conversation, post.at);
            }
        }
        let mut targets: Vec<_> =
            latest.into_iter().filter(|(_, at)| from.min(to) < *at && *at < from.max(to)).collect();
        targets.truncate(limit);
        Ok(targets)
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
        Ok(self.accounts.get(&account).map(|account| account.name.to_string()))
    }
}
