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
    /// The same by a guest's stem, for those that have one: a guest may come back under another name.
    by_stem: BTreeMap<([u8; 32], Arc<str>), (Seq, Timestamp)>,
    oldest_first: VecDeque<(Author, Option<[u8; 32]>, Arc<str>)>,
}

impl Tokens {
    /// The post that has this token.
    pub fn find(
        &self,
        author: &Author,
        stem: Option<[u8; 32]>,
        token: &Arc<str>,
    ) -> Option<(Seq, Timestamp)> {
        let named = self.posts.get(&(author.clone(), token.clone()));
        named.or_else(|| self.by_stem.get(&(stem?, token.clone()))).copied()
    }

    /// Remembers a token.
    pub fn remember(
        &mut self,
        author: Author,
        stem: Option<[u8; 32]>,
        token: Arc<str>,
        seq: Seq,
        at: Timestamp,
    ) {
        self.forget_old(at);
        // An account is always the same author.
        let stem = stem.filter(|_| matches!(author, Author::Guest(_)));
        if let Some(stem) = stem {
            self.by_stem.insert((stem, token.clone()), (seq, at));
        }
        if self.posts.insert((author.clone(), token.clone()), (seq, at)).is_none() {
            self.oldest_first.push_back((author, stem, token));
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((author, stem, token)) = self.oldest_first.front() {
            let key = (author.clone(), token.clone());
            let expired = match self.posts.get(&key) {
                Some((_, at)) => now.0.saturating_sub(at.0) > TOKEN_AGE_MAX,
                None => true,
            };
            if !expired && self.posts.len() < TOKENS_MAX {
                break;
            }
            if let Some(stem) = stem {
                self.by_stem.remove(&(*stem, token.clone()));
            }
            self.posts.remove(&key);
            self.oldest_first.pop_front();
        }
    }
}
