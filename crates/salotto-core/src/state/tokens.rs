//! Tokens of recent posts, so that a post sent again after a lost connection is seen once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{Seq, Timestamp};
use crate::name::Key;
use crate::record::TOKENS_MAX;

/// Whose token it is: the same person after a reconnect, as far as can be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Author {
    /// By account.
    Account(Key),
    /// By name.
    Guest(Key),
}

/// How long a token is remembered, in milliseconds.
const TOKEN_AGE_MAX: u64 = 24 * 60 * 60 * 1000;

/// The tokens of recent posts: at most [`TOKENS_MAX`], at most a day old.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    posts: BTreeMap<(Author, Arc<str>), (Seq, Timestamp)>,
    oldest_first: VecDeque<(Author, Arc<str>)>,
}

impl Tokens {
    /// The post that has this token.
    pub fn find(&self, author: &Author, token: &Arc<str>) -> Option<(Seq, Timestamp)> {
        self.posts.get(&(author.clone(), token.clone())).copied()
    }

    /// Remembers a token.
    pub fn remember(&mut self, author: Author, token: Arc<str>, seq: Seq, at: Timestamp) {
        self.forget_old(at);
        if self.posts.insert((author.clone(), token.clone()), (seq, at)).is_none() {
            self.oldest_first.push_back((author, token));
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.oldest_first.front() {
            let expired = match self.posts.get(oldest) {
                Some((_, at)) => now.0.saturating_sub(at.0) > TOKEN_AGE_MAX,
                None => true,
            };
            if !expired && self.posts.len() < TOKENS_MAX {
                break;
            }
            self.posts.remove(oldest);
            self.oldest_first.pop_front();
        }
    }
}
