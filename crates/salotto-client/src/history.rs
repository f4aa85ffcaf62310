//! Requests for history (`draft/chathistory`), and the batches that answer them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::ChatMessage;
use crate::time::Time;

/// How many messages are asked for at once, unless the server's limit is lower.
pub(crate) const PAGE: usize = 100;
/// How many pages are fetched in a row after a reconnection before the rest is left as a gap.
pub(crate) const CATCH_UP_PAGES_MAX: usize = 10;
/// How many requests are under way at once.
const IN_FLIGHT_MAX: usize = 4;
/// After this long without an answer nothing waits for it any more, and it is asked whether one will come.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The most requests that wait.
const WAITING_MAX: usize = 512;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// The newest page of a conversation we have nothing of.
    Latest,
    /// The newest page, after the page limit of a catch-up was reached: a gap is left before it.
    LatestBeyondGap { gap_after: String },
    /// The page before a message.
    Before { msgid: String },
    /// The pages after a message, missed while offline.
    CatchUp { msgid: String, pages_left: usize },
    /// The first page since a time, missed while offline where nothing had been said before.
    CatchUpSince { since_ms: i64 },
    /// The page after a message, to close a gap.
    FillGap { after: String, gap: String },
    /// Who wrote to us since a time.
    Targets { since_ms: i64, until_ms: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Folded name of the conversation; `*` for targets.
    pub(crate) key: String,
    /// The name as it is written to the server.
    pub(crate) target: String,
    pub(crate) want: Want,
}

/// A request that has been sent.
#[derive(Debug)]
struct InFlight {
    request: Request,
    sent: Time,
    // The number of the PING behind it, once it was overdue. A request stays in flight until the answer to that
    // is there: an answer that is merely late would otherwise be taken for the answer to the next request.
    probe: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Requests {
    waiting: VecDeque<Request>,
    in_flight: Vec<InFlight>,
    probes: u64,
}

impl Requests {
    pub(crate) fn add(&mut self, request: Request) {
        let known =
            self.waiting.contains(&request) || self.in_flight.iter().any(|sent| sent.request == request);
        if !known && self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(request);
        }
    }

    /// Takes the next request to send. One at a time is under way for each conversation.
    pub(crate) fn next(&mut self, now: Time) -> Option<Request> {
        if self.in_flight.len() >= IN_FLIGHT_MAX {
            return None;
        }
        let is_free = |key: &str| self.in_flight.iter().all(|sent| sent.request.key != key);
        let at = self.waiting.iter().position(|waiting| is_free(&waiting.key))?;
        let request = self.waiting.remove(at)?;
        self.in_flight.push(InFlight { request: request.clone(), sent: now, probe: None });
        Some(request)
    }

    /// Takes the request under way for a conversation: it has been answered.
    pub(crate) fn answered(&mut self, key: &str) -> Option<Request> {
        let at = self.in_flight.iter().position(|sent| sent.request.key == key)?;
        Some(self.in_flight.remove(at).request)
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.in_flight.iter().filter(|sent| sent.probe.is_none()).map(InFlight::deadline).min()
    }

    /// The requests whose answer is overdue now, each with the number of the PING that is to follow it.
    pub(crate) fn overdue(&mut self, now: Time) -> Vec<(u64, Request)> {
        let mut overdue = Vec::new();
        for sent in self.in_flight.iter_mut().filter(|sent| sent.probe.is_none() && sent.deadline() <= now) {
            self.probes += 1;
            sent.probe = Some(self.probes);
            overdue.push((self.probes, sent.request.clone()));
        }
        overdue
    }

    /// Takes the request before this PING, which is answered: the request never will be.
    pub(crate) fn unanswered(&mut self, probe: u64) -> Option<Request> {
        let at = self.in_flight.iter().position(|sent| sent.probe == Some(probe))?;
        Some(self.in_flight.remove(at).request)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.in_flight.clear();
    }
}

impl InFlight {
    fn deadline(&self) -> Time {
        self.sent + ANSWER_WITHIN
    }
}

/// What kind of batch is open.
#[derive(Debug)]
pub(crate) enum Batch {
    /// A page of history for a conversation.
    History { target: String, messages: Vec<ChatMessage>, lines: usize },
    /// Conversations with messages in a span of time.
    Targets { targets: Vec<String> },
    /// Lines that are handled as they come; the label of the question they answer.
    Plain { label: Option<String> },
}

/// The batches that have begun and not ended.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    open: BTreeMap<String, Batch>,
}

impl Batches {
    const OPEN_MAX: usize = 32;
    /// The most messages of one batch that are kept.
    pub(crate) const MESSAGES_MAX: usize = 1000;

    pub(crate) fn begin(&mut self, reference: &str, batch: Batch) {
        if self.open.len() < Self::OPEN_MAX {
            self.open.insert(reference.to_owned(), batch);
        }
    }

    pub(crate) fn get_mut(&mut self, reference: &str) -> Option<&mut Batch> {
        self.open.get_mut(reference)
    }

    pub(crate) fn end(&mut self, reference: &str) -> Option<Batch> {
        self.open.remove(reference)
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}
