//! Who has a password hashed next.
//!
//! A hash is dear on purpose, so one thread does them all: however many passwords are guessed, that costs one core,
//! and those who are in go on chatting. Whose turn it is must then not depend on who asks most. First come those
//! whose last password from there was right for that account; then whoever asks with the fewest others waiting and
//! the fewest wrong passwords behind them, by address and then by account; then who has waited longest. Somebody
//! who guesses is behind whoever does not, and nobody is ever locked out of an account because others guess at it. While only
//! such wait, the thread rests after each wrong password.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use salotto_core::SessionId;

use crate::jobs::{Job, Queued};
use crate::throttle::network;

/// How many passwords may wait: ten to fifteen seconds of hashing, after which a connection that signs in has not much
/// time left. Beyond it whoever is last in line is told to try again.
const WAITING_MAX: usize = 512;
/// How many addresses and accounts have their wrong passwords counted; when there are more, all are forgotten.
const COUNTED_MAX: usize = 20_000;
/// How many right passwords are remembered by address and account; the oldest is forgotten.
const KNOWN_MAX: usize = 20_000;
/// After so many hashes, about a minute of nothing else, half of every count is forgiven. There is no clock in it: who
/// comes first matters only while there is a queue.
const FORGIVEN_AFTER: u32 = 3_000;

/// Whose password it is: where it comes from, and the account by a hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    from: IpAddr,
    account: u64,
}

impl Subject {
    /// Somebody at an address, with an account's name as it was written.
    pub fn new(from: IpAddr, account: &str) -> Subject {
        let mut hasher = DefaultHasher::new();
        salotto_core::nick_key(account)
            .map_or_else(|| account.to_owned(), |key| key.as_str().to_owned())
            .hash(&mut hasher);
        Subject { from: network(from), account: hasher.finish() }
    }
}

/// The place in line; the smallest is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stranger: bool,
    /// Others from there that wait, and wrong passwords from there.
    turn: u32,
    account_failures: u32,
    arrived: u64,
}

impl Rank {
    fn is_suspect(self) -> bool {
        self.stranger && self.turn.saturating_add(self.account_failures) > 0
    }
}

/// The line.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    line: Mutex<Line>,
    comes: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    waiting: BTreeMap<Rank, (Subject, Queued)>,
    /// Who was last in a full line when somebody better came.
    sent_away: VecDeque<SessionId>,
    from: HashMap<IpAddr, u32>,
    address_failures: HashMap<IpAddr, u32>,
    account_failures: HashMap<u64, u32>,
    known: HashSet<Subject>,
    known_oldest_first: VecDeque<Subject>,
    arrivals: u64,
    hashed: u32,
    closed: bool,
}

impl Hashing {
    /// Takes a job; gives it back when too many wait that come before it.
    pub fn submit(&self, session: SessionId, subject: Subject, job: Job) -> Result<(), Job> {
        self.line().submit(session, subject, job)?;
        self.comes.notify_one();
        Ok(())
    }

    /// The next job, if there is one.
    pub fn take(&self) -> Option<Queued> {
        self.line().take()
    }

    /// Waits for the next job; nothing when there will be none.
    pub fn wait(&self) -> Option<Queued> {
        let mut line = self.line();
        loop {
            if line.closed {
                return None;
            }
            match line.take() {
                Some(job) => return Some(job),
                None => line = self.comes.wait(line).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Rests, unless somebody waits who has no wrong password behind them: guessing must leave some of a core to all who
    /// are in.
    pub fn rest(&self, time: Duration) {
        let nobody_else = |line: &mut Line| {
            let next = line.waiting.first_key_value();
            !line.closed && line.sent_away.is_empty() && next.is_none_or(|(rank, _)| rank.is_suspect())
        };
        drop(self.comes.wait_timeout_while(self.line(), time, nobody_else));
    }

    /// A password was right or wrong.
    pub fn learn(&self, subject: Subject, right: bool) {
        self.line().learn(subject, right);
    }

    /// Nobody waits any more.
    pub fn close(&self) {
        self.line().closed = true;
        self.comes.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // What is in it is whole after every statement.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn submit(&mut self, session: SessionId, subject: Subject, job: Job) -> Result<(), Job> {
        let rank = self.rank(subject);
        if self.waiting.len() >= WAITING_MAX {
            let last = self.waiting.last_key_value().map(|(&last, _)| last);
            // Those sent away are still to be told, and may not become too many either.
            let makes_way = |last: &Rank| rank < *last && self.sent_away.len() < WAITING_MAX;
            let Some(last) = last.filter(makes_way) else { return Err(job) };
            if let Some((away, (session, _))) = self.waiting.remove(&last) {
                self.leaves(away);
                self.sent_away.push_back(session);
            }
        }
        self.arrivals += 1;
        *self.from.entry(subject.from).or_default() += 1;
        self.waiting.insert(rank, (subject, (session, job)));
        Ok(())
    }

    fn rank(&self, subject: Subject) -> Rank {
        let count = |counts: &HashMap<IpAddr, u32>| counts.get(&subject.from).copied().unwrap_or(0);
        Rank {
            stranger: !self.known.contains(&subject),
            turn: count(&self.from).saturating_add(count(&self.address_failures)),
            account_failures: self.account_failures.get(&subject.account).copied().unwrap_or(0),
            arrived: self.arrivals,
        }
    }

    fn take(&mut self) -> Option<Queued> {
        // To say no takes no time, so that comes first.
        if let Some(session) = self.sent_away.pop_front() {
            return Some((session, Job::Refused));
        }
        let (_, (subject, job)) = self.waiting.pop_first()?;
        self.leaves(subject);
        self.hashed += 1;
        if self.hashed >= FORGIVEN_AFTER {
            self.hashed = 0;
            forgive(&mut self.address_failures);
            forgive(&mut self.account_failures);
        }
        Some(job)
    }

    fn leaves(&mut self, subject: Subject) {
        if let Some(count) = self.from.get_mut(&subject.from) {
            *count -= 1;
            if *count == 0 {
                self.from.remove(&subject.from);
            }
        }
    }

    fn learn(&mut self, subject: Subject, right: bool) {
        if right {
            if self.known.insert(subject) {
                self.known_oldest_first.push_back(subject);
            }
            if self.known.len() > KNOWN_MAX
                && let Some(oldest) = self.known_oldest_first.pop_front()
            {
                self.known.remove(&oldest);
            }
            return;
        }
        blame(&mut self.address_failures, subject.from);
        blame(&mut self.account_failures, subject.account);
    }
}

fn blame<K: Eq + Hash>(failures: &mut HashMap<K, u32>, whom: K) {
    if failures.len() >= COUNTED_MAX {
        failures.clear();
    }
    let count = failures.entry(whom).or_default();
    *count = count.saturating_add(1);
}

fn forgive<K: Eq + Hash>(failures: &mut HashMap<K, u32>) {
    failures.retain(|_, count| {
        *count /= 2;
        *count > 0
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(address: u8, account: &str) -> Subject {
        Subject::new(IpAddr::from([192, 0, 2, address]), account)
    }

    fn job() -> Job {
        Job::Hash { from: IpAddr::from([192, 0, 2, 1]), password: String::new() }
    }

    /// Sessions in the order of their turns.
    fn order(line: &mut Line) -> Vec<u64> {
        std::iter::from_fn(|| line.take()).map(|(session, _)| session.0).collect()
    }

    fn submit(line: &mut Line, session: u64, subject: Subject) -> bool {
        line.submit(SessionId(session), subject, job()).is_ok()
    }

    #[test]
    fn one_address_with_many_does_not_delay_others() {
        let mut line = Line::default();
        for session in 0..10 {
            submit(&mut line, session, subject(1, "anna"));
        }
        submit(&mut line, 100, subject(2, "bruno"));
        assert_eq!(order(&mut line)[..3], [0, 100, 1]);
    }

    #[test]
    fn who_has_guessed_wrong_is_behind_who_has_not() {
        let mut line = Line::default();
        for _ in 0..3 {
            line.learn(subject(1, "anna"), false);
        }
        submit(&mut line, 1, subject(1, "carla"));
        submit(&mut line, 2, subject(2, "anna"));
        submit(&mut line, 3, subject(3, "bruno"));
        assert_eq!(order(&mut line), [3, 2, 1], "an address counts more than an account");
    }

    #[test]
    fn who_was_right_before_comes_first_although_others_guess_at_the_account() {
        let mut line = Line::default();
        line.learn(subject(9, "anna"), true);
        for guess in 10..210 {
            line.learn(subject(guess, "ANNA"), false);
            submit(&mut line, u64::from(guess), subject(guess, "anna"));
        }
        assert!(submit(&mut line, 1000, subject(9, "Anna")));
        assert_eq!(order(&mut line)[0], 1000);
    }

    #[test]
    fn a_full_line_sends_the_last_away_for_somebody_better_and_never_grows() {
        let mut line = Line::default();
        line.learn(subject(1, "anna"), false);
        let all = (0..2 * WAITING_MAX as u64).filter(|&n| submit(&mut line, n, subject(1, "anna"))).count();
        assert_eq!(all, WAITING_MAX);
        assert!(submit(&mut line, 5000, subject(2, "bruno")));
        assert_eq!((line.waiting.len(), line.sent_away.len()), (WAITING_MAX, 1));
        let (session, job) = line.take().unwrap();
        assert!(session == SessionId(WAITING_MAX as u64 - 1) && matches!(job, Job::Refused), "{job:?}");
        assert_eq!(order(&mut line)[0], 5000);
        assert!(line.from.is_empty());
    }

    #[test]
    fn the_rest_after_a_wrong_password_ends_for_whoever_has_none_behind_them() {
        let hashing = Hashing::default();
        let guesser = subject(1, "anna");
        hashing.learn(guesser, false);
        hashing.submit(SessionId(1), guesser, job()).unwrap();
        let begun = std::time::Instant::now();
        hashing.rest(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(20));
        hashing.submit(SessionId(2), subject(2, "bruno"), job()).unwrap();
        hashing.rest(Duration::from_secs(3600));
        assert_eq!(hashing.take().map(|(session, _)| session), Some(SessionId(2)));
    }

    #[test]
    fn the_counts_are_bounded_and_forgiven() {
        let mut line = Line::default();
        for number in 0..=u32::try_from(COUNTED_MAX.max(KNOWN_MAX)).unwrap() {
            let somebody = Subject { from: IpAddr::from(number.to_be_bytes()), account: number.into() };
            line.learn(somebody, false);
            line.learn(somebody, true);
        }
        assert!(line.address_failures.len() <= COUNTED_MAX && line.account_failures.len() <= COUNTED_MAX);
        assert_eq!((line.known.len(), line.known_oldest_first.len()), (KNOWN_MAX, KNOWN_MAX));
        for session in 0..u64::from(FORGIVEN_AFTER) {
            submit(&mut line, session, subject(1, "anna"));
            line.take();
        }
        assert!(line.address_failures.is_empty());
    }
}
