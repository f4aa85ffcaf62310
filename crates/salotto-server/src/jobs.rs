//! Work that takes long, off the shards and off the engine: password hashing and history reading.
//!
//! A session with a job under way takes no further input until its result is there, so results come in order.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use argon2::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use salotto_core::{AccountId, Conversation, Key, PostRecord, RoomId, Seq, SessionId, Timestamp, nick_key};
use salotto_store::{AccountVerifier, HistoryQuery, Reader, Ref, StoreError};

use crate::ambient::Ambient;
use crate::config::{Accounts, Password};
use crate::hashing::{Hashing, Subject};
use crate::shard::{News, ShardHandle};

/// How many questions of history may wait; more are refused.
const QUEUE_MAX: usize = 4096;
/// The length of a password's salt in bytes, as RFC 9106 recommends.
const SALT_LEN: usize = 16;

/// Something that takes long.
#[derive(Debug)]
pub(crate) enum Job {
    /// Whether a password opens an account.
    Authenticate {
        /// Where it comes from.
        from: IpAddr,
        /// The account's name.
        account: String,
        /// The password.
        password: String,
    },
    /// Hash a new password.
    Hash {
        /// Where it comes from.
        from: IpAddr,
        /// The password.
        password: String,
    },
    /// Whether a password opens an account, and the hash of the one that is to come after it.
    ChangePassword {
        /// Where it comes from.
        from: IpAddr,
        /// The account's name.
        account: String,
        /// The password that is to open it.
        old: String,
        /// The new one.
        new: String,
    },
    /// Nothing any more: there was no room for it.
    Refused,
    /// Whether a password of the configuration was given.
    Check {
        /// Where it comes from.
        from: IpAddr,
        /// The configured password, if there is one of that name.
        expected: Option<Password>,
        /// What was given.
        given: String,
    },
    /// Read history.
    History {
        /// Of which conversation.
        conversation: Conversation,
        /// What of it.
        query: HistoryQuery,
        /// At most so many posts.
        limit: usize,
    },
    /// Read history that a slow reader has missed.
    Missed {
        /// Of which room.
        room: RoomId,
        /// From which post on, not including it.
        behind: Seq,
        /// At most so many posts.
        limit: usize,
    },
    /// Find the conversations with posts between two moments.
    Targets {
        /// The direct conversations of this account.
        account: Option<AccountId>,
        /// And these rooms.
        rooms: Vec<RoomId>,
        /// From here.
        from: Timestamp,
        /// To here.
        to: Timestamp,
        /// At most so many.
        limit: usize,
    },
}

/// What came of a job.
#[derive(Clone, Debug)]
pub(crate) enum JobResult {
    /// The account that the password opens, if it does.
    Authenticated(Option<AccountId>),
    /// The hash in PHC form.
    Hashed(Option<String>),
    /// The account that the old password opens, if it does, and the hash of the new one.
    Rehashed {
        /// The account.
        account: Option<AccountId>,
        /// The hash in PHC form.
        verifier: Option<String>,
    },
    /// Whether the password was right.
    Checked(bool),
    /// History, oldest first.
    History(Vec<PostRecord>),
    /// Conversations with the time of their latest post, and for direct ones the other's account name.
    Targets(Vec<(Conversation, Timestamp, Option<String>)>),
    /// The store could not be read, or there was no room for the job.
    Failed,
}

impl Job {
    /// Who has to stand in line with a password, for a job that hashes one.
    fn subject(&self) -> Option<Subject> {
        match self {
            Job::Authenticate { from, account, .. } | Job::ChangePassword { from, account, .. } => {
                Some(Subject::new(*from, account))
            }
            Job::Hash { from, .. } | Job::Check { from, .. } => Some(Subject::new(*from, "")),
            Job::Refused | Job::History { .. } | Job::Missed { .. } | Job::Targets { .. } => None,
        }
    }
}

impl JobResult {
    /// Whether a password was right, where one was checked.
    fn password_right(&self) -> Option<bool> {
        match self {
            JobResult::Authenticated(account) | JobResult::Rehashed { account, .. } => {
                Some(account.is_some())
            }
            JobResult::Checked(right) => Some(*right),
            _ => None,
        }
    }
}

pub(crate) type Queued = (SessionId, Job);

/// The ways to the threads that do the work.
#[derive(Debug)]
pub(crate) struct Jobs {
    hashing: Arc<Hashing>,
    reading: Queue,
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.hashing.close();
    }
}

#[derive(Debug)]
struct Queue {
    sender: Mutex<Sender<Queued>>,
    waiting: Arc<AtomicUsize>,
}

/// The threads' side of [`Jobs`].
pub(crate) struct Work {
    hashing: Arc<Hashing>,
    reading: (Receiver<Queued>, Arc<AtomicUsize>),
}

impl Jobs {
    /// The two sides.
    pub fn new() -> (Jobs, Work) {
        let hashing = Arc::new(Hashing::default());
        let (reading, reading_inbox) = queue();
        (Jobs { hashing: hashing.clone(), reading }, Work { hashing, reading: reading_inbox })
    }

    /// Somebody has proved to own an account without a password being checked: made it, or come back by a token. When
    /// they give the password from there, they come first.
    pub fn trust(&self, from: IpAddr, account: &str) {
        self.hashing.learn(Subject::new(from, account), true);
    }

    /// Takes a job; gives it back when too many wait.
    pub fn submit(&self, session: SessionId, job: Job) -> Result<(), Job> {
        if let Some(subject) = job.subject() {
            return self.hashing.submit(session, subject, job);
        }
        let queue = &self.reading;
        if queue.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            queue.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(job);
        }
        let sender = queue.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sender.send((session, job)).map_err(|refused| refused.0.1)
    }
}

fn queue() -> (Queue, (Receiver<Queued>, Arc<AtomicUsize>)) {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Queue { sender: Mutex::new(sender), waiting: waiting.clone() }, (receiver, waiting))
}

impl Work {
    /// The job that waits longest, hashing before reading.
    pub fn take(&self) -> Option<Queued> {
        self.hashing.take().or_else(|| {
            let (inbox, waiting) = &self.reading;
            let job = inbox.try_recv().ok()?;
            waiting.fetch_sub(1, Ordering::Relaxed);
            Some(job)
        })
    }

    /// Starts the threads. They end when the [`Jobs`] are dropped.
    pub fn start(
        self,
        hasher: Hasher,
        open_reader: impl Fn() -> Result<Reader, StoreError>,
        shards: &[ShardHandle],
    ) -> Result<(), StoreError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hasher = Arc::new(hasher);
        let worker = || -> Result<Worker, StoreError> {
            Ok(Worker { reader: open_reader()?, hasher: hasher.clone(), shards: shards.to_vec() })
        };
        let (hashes, hashing) = (worker()?, self.hashing);
        spawn(move || hashes.hash(&hashing));
        let inbox = Arc::new(Mutex::new(self.reading.0));
        for _ in 0..cores.clamp(2, 4) {
            let (reads, inbox, waiting) = (worker()?, inbox.clone(), self.reading.1.clone());
            spawn(move || reads.read(&inbox, &waiting));
        }
        Ok(())
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name("job".into()).spawn(work).expect("the system gives a thread at start");
}

struct Worker {
    reader: Reader,
    hasher: Arc<Hasher>,
    shards: Vec<ShardHandle>,
}

impl Worker {
    fn carry_out(&mut self, session: SessionId, job: Job) -> News {
        Clerk { archive: &mut self.reader, hasher: &self.hasher }.carry_out(session, job)
    }

    fn hash(mut self, line: &Hashing) {
        while let Some((session, job)) = line.wait() {
            let subject = job.subject();
            let begun = Instant::now();
            let mut wrong = false;
            let news = self.carry_out(session, job);
            if let (Some(subject), News::Job(_, result)) = (subject, &news)
                && let Some(right) = result.password_right()
            {
                line.learn(subject, right);
                wrong = !right;
            }
            ShardHandle::of(&self.shards, session).send(news);
            if wrong {
                line.rest(begun.elapsed() / 2);
            }
        }
    }

    fn read(mut self, inbox: &Mutex<Receiver<Queued>>, waiting: &AtomicUsize) {
        loop {
            let next = inbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
            let Ok((session, job)) = next else { return };
            let news = self.carry_out(session, job);
            waiting.fetch_sub(1, Ordering::Relaxed);
            ShardHandle::of(&self.shards, session).send(news);
        }
    }
}

/// What was written, to be read again.
pub trait Archive {
    /// Posts of a conversation, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn history(
        &mut self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError>;

    /// Conversations with posts between two moments, with the time of the latest.
    ///
    /// # Errors
    /// They cannot be read.
    fn targets(
        &mut self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError>;

    /// The account of this name, with what its password is checked against.
    ///
    /// # Errors
    /// It cannot be read.
    fn verifier(&mut self, name: &Key) -> Result<Option<AccountVerifier>, StoreError>;

    /// The name of an account.
    ///
    /// # Errors
    /// It cannot be read.
    fn account_name(&mut self, account: AccountId) -> Result<Option<String>, StoreError>;
}

impl Archive for Reader {
    fn history(
        &mut self,
        conversation: Conversation,
        query: HistoryQuery,
        limit: usize,
    ) -> Result<Vec<PostRecord>, StoreError> {
        Reader::history(self, conversation, query, limit)
    }

    fn targets(
        &mut self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Conversation, Timestamp)>, StoreError> {
        Reader::targets(self, account, rooms, from, to, limit)
    }

    fn verifier(&mut self, name: &Key) -> Result<Option<AccountVerifier>, StoreError> {
        Reader::verifier(self, name)
    }

    fn account_name(&mut self, account: AccountId) -> Result<Option<String>, StoreError> {
        Reader::account_name(self, account)
    }
}

/// Carries out jobs.
pub(crate) struct Clerk<'a, A> {
    /// Where it reads.
    pub archive: &'a mut A,
    /// With what it hashes.
    pub hasher: &'a Hasher,
}

impl<A: Archive> Clerk<'_, A> {
    /// Carries out a session's job; gives what its shard is to hear.
    pub fn carry_out(&mut self, session: SessionId, job: Job) -> News {
        let read = match job {
            Job::Missed { room, behind, limit } => {
                let query = HistoryQuery::After(Ref::Seq(behind));
                let page = self.archive.history(Conversation::Room(room), query, limit);
                return News::Missed(session, page.map_err(cannot_read).ok());
            }
            Job::Refused => Ok(JobResult::Failed),
            Job::Authenticate { account, password, .. } => {
                self.authenticate(&account, &password).map(JobResult::Authenticated)
            }
            Job::ChangePassword { account, old, new, .. } => {
                self.authenticate(&account, &old).map(|account| {
                    let verifier = account.and_then(|_| self.hasher.hash(&new));
                    JobResult::Rehashed { account, verifier }
                })
            }
            Job::Hash { password, .. } => Ok(JobResult::Hashed(self.hasher.hash(&password))),
            Job::Check { expected, given, .. } => Ok(JobResult::Checked(match expected {
                Some(expected) => expected.verify(&given),
                None => {
                    self.hasher.pretend(&given);
                    false
                }
            })),
            Job::History { conversation, query, limit } => {
                self.archive.history(conversation, query, limit).map(JobResult::History)
            }
            Job::Targets { account, rooms, from, to, limit } => {
                self.targets(account, &rooms, from, to, limit)
            }
        };
        let result = read.unwrap_or_else(|error| {
            cannot_read(error);
            JobResult::Failed
        });
        News::Job(session, result)
    }

    fn targets(
        &mut self,
        account: Option<AccountId>,
        rooms: &[RoomId],
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<JobResult, StoreError> {
        let found = self.archive.targets(account, rooms, from, to, limit)?;
        let mut named = Vec::with_capacity(found.len());
        for (conversation, at) in found {
            let other = match conversation {
                Conversation::Direct(a, b) => {
                    self.archive.account_name(if Some(a) == account { b } else { a })?
                }
                Conversation::Room(_) => None,
            };
            named.push((conversation, at, other));
        }
        Ok(JobResult::Targets(named))
    }

    fn authenticate(&mut self, account: &str, password: &str) -> Result<Option<AccountId>, StoreError> {
        let known = match nick_key(account) {
            Some(key) => self.archive.verifier(&key)?,
            None => None,
        };
        // An unknown account takes as long as a wrong password, so that nobody learns which names exist.
        let Some(known) = known else {
            self.hasher.pretend(password);
            return Ok(None);
        };
        let right = verify(password, &known.verifier);
        Ok(right.then_some(known.id))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "an error that is dealt with")]
fn cannot_read(error: StoreError) {
    tracing::error!(target: "salotto::store", event = "error", reason = %error, "history cannot be read");
}

/// Hashes passwords with argon2id at the configured cost.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    ambient: Ambient,
}

impl Hasher {
    /// One at the configured cost.
    pub fn new(accounts: &Accounts, ambient: Ambient) -> Hasher {
        let params =
            Params::new(accounts.hash_m_kib, accounts.hash_t, accounts.hash_p, None).unwrap_or_default();
        Hasher { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), ambient }
    }

    fn hash(&self, password: &str) -> Option<String> {
        let salt = self.ambient.secret()?;
        self.argon2
            .hash_password_with_salt(password.as_bytes(), &salt[..SALT_LEN])
            .ok()
            .map(|hash| hash.to_string())
    }

    /// Takes as long as verifying a password does, which is hashing it and comparing.
    fn pretend(&self, password: &str) {
        std::hint::black_box(self.hash(password));
    }
}

fn verify(password: &str, verifier: &str) -> bool {
    PasswordHash::new(verifier)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}
