//! Getting into the rooms, and fetching what is missing there.

use salotto_wire::{Capability, Line, server_time};

use super::Client;
use super::message::{count_unread, recount_unread};
use crate::conversation::{Conversation, ConversationKind};
use crate::event::{ChatMessage, Event};
use crate::history::{CATCH_UP_PAGES_MAX, PAGE, Request, Want};
use crate::state::State;
use crate::time::Time;
use crate::timeline::Place;
use crate::timer::Timer;

/// The most bytes of room names in one JOIN.
const JOIN_LEN_MAX: usize = 400;
/// How many messages are fetched on entering a room for the first time.
const FIRST_PAGE: usize = 50;
/// How many conversations are asked for at once.
const TARGETS_MAX: usize = 50;
/// On the first sign-in, who wrote within this time is asked for.
const TARGETS_BACK_MS: i64 = 30 * 24 * 3600 * 1000;
/// However far the server's clock is ahead of ours, what was written until now is not later than this.
const TARGETS_AHEAD_MS: i64 = 365 * 24 * 3600 * 1000;
/// Clocks differ: what was written this long before the loss is asked for as well.
const CLOCK_SKEW_MS: i64 = 60_000;

impl Client {
    /// Joins the rooms that are wanted, and asks who wrote while we were away.
    pub(super) fn begin_sync(&mut self, now: Time, again: bool) {
        self.missed = again.then_some(0);
        let mut plain = Vec::new();
        for conversation in self.conversations.values_mut().filter(|c| c.wanted && !c.joined) {
            match &conversation.key {
                Some(key) => {
                    Line::new(&mut self.out).command("JOIN").param(&conversation.name).param(key).end();
                }
                None => plain.push(conversation.name.clone()),
            }
        }
        let mut bundle = String::new();
        for room in plain {
            if !bundle.is_empty() && bundle.len() + 1 + room.len() > JOIN_LEN_MAX {
                Line::new(&mut self.out).command("JOIN").param(&bundle).end();
                bundle.clear();
            }
            if !bundle.is_empty() {
                bundle.push(',');
            }
            bundle.push_str(&room);
        }
        if !bundle.is_empty() {
            Line::new(&mut self.out).command("JOIN").param(&bundle).end();
        }
        if self.has(Capability::ChatHistory) && (again || self.account.is_some()) {
            let until_ms = now.unix_ms() + TARGETS_AHEAD_MS;
            let since_ms = match self.missed_since_ms {
                Some(missed_since_ms) if again => missed_since_ms - CLOCK_SKEW_MS,
                _ => now.unix_ms() - TARGETS_BACK_MS,
            };
            let want = Want::Targets { since_ms, until_ms };
            self.requests.add(Request { key: "*".to_owned(), target: "*".to_owned(), want });
            let unsettled = |c: &Conversation| {
                c.read_untold_ms().is_some() || (c.kind == ConversationKind::Direct && c.unread > 0)
            };
            let unsettled: Vec<String> =
                self.conversations.iter().filter(|(_, c)| unsettled(c)).map(|(key, _)| key.clone()).collect();
            unsettled.iter().for_each(|key| self.settle_read(key));
            // A direct conversation waits for the answer, so that nothing is said twice.
            for conversation in self.conversations.values_mut() {
                conversation.syncing = conversation.kind == ConversationKind::Direct && again;
            }
            self.pump_requests(now);
        } else {
            // Nobody can say what was missed in direct conversations.
            let directs = self.conversations.values_mut().filter(|c| c.kind == ConversationKind::Direct);
            directs.for_each(|conversation| conversation.missing_after = None);
        }
        self.check_caught_up();
        self.flush_outbox(now);
    }

    /// Fetches what a room that we have just entered has that we have not.
    pub(super) fn sync_room(&mut self, now: Time, room: &str) {
        if !self.has(Capability::ChatHistory) {
            self.check_caught_up();
            return;
        }
        self.catch_up(room);
        self.pump_requests(now);
        self.check_caught_up();
    }

    fn catch_up(&mut self, target: &str) {
        let history_on_join = self.options.history_on_join;
        let Some(conversation) = self.conversation_mut(target) else { return };
        let last = conversation.timeline.last_message().and_then(|m| m.msgid.clone());
        // Of a direct conversation the newest may have come live since the connection is back.
        let last = last.filter(|_| conversation.kind == ConversationKind::Room);
        let known = conversation.missing_after.clone().or(last);
        conversation.missing_after.clone_from(&known);
        // Where there was nothing to know, everything since we came in is missing.
        let knew_all = !history_on_join || conversation.timeline.start_reached();
        let since_ms = conversation.entered_ms.filter(|_| knew_all);
        let want = match (known, since_ms) {
            (Some(msgid), _) => Want::CatchUp { msgid, pages_left: CATCH_UP_PAGES_MAX - 1 },
            (None, Some(since_ms)) => Want::CatchUpSince { since_ms },
            (None, None) if history_on_join => Want::Latest,
            (None, None) => {
                conversation.syncing = false;
                return;
            }
        };
        conversation.syncing = true;
        let target = conversation.name.clone();
        self.requests.add(Request { key: self.fold(&target), target, want });
    }

    pub(super) fn pump_requests(&mut self, now: Time) {
        if self.state != State::Online {
            return;
        }
        while let Some(request) = self.requests.next(now) {
            let limit = self.limit(&request.want) as u64;
            let line = Line::new(&mut self.out).command("CHATHISTORY");
            let msgid = |id: &str| format!("msgid={id}");
            let stamp = |ms: i64| format!("timestamp={}", server_time::format(ms));
            match &request.want {
                Want::Latest | Want::LatestBeyondGap { .. } => {
                    line.param("LATEST").param(&request.target).param("*").number(limit).end();
                }
                Want::Before { msgid: id } => {
                    line.param("BEFORE").param(&request.target).param(&msgid(id)).number(limit).end();
                }
                Want::CatchUp { msgid: id, .. } | Want::FillGap { after: id, .. } => {
                    line.param("AFTER").param(&request.target).param(&msgid(id)).number(limit).end();
                }
                Want::CatchUpSince { since_ms } => {
                    line.param("AFTER").param(&request.target).param(&stamp(*since_ms)).number(limit).end();
                }
                Want::Targets { since_ms, until_ms } => {
                    line.param("TARGETS")
                        .param(&stamp(*since_ms))
                        .param(&stamp(*until_ms))
                        .number(limit)
                        .end();
                }
            }
        }
        self.timers.set_or_stop(Timer::History, self.requests.next_deadline());
    }

    fn limit(&self, want: &Want) -> usize {
        let wanted = match want {
            Want::Latest => FIRST_PAGE,
            Want::Targets { .. } => TARGETS_MAX,
            _ => PAGE,
        };
        match self.isupport.number("CHATHISTORY") {
            Some(limit) if limit > 0 => wanted.min(limit),
            _ => wanted,
        }
    }

    pub(super) fn history_answered(&mut self, now: Time, target: &str, page: Vec<ChatMessage>, lines: usize) {
        let key = self.fold(target);
        let Some(request) = self.requests.answered(&key) else {
            // History that the server sends unasked, as some do on joining.
            self.take_page(target, page, Place::ByTime, false);
            return;
        };
        let limit = self.limit(&request.want);
        let full = lines >= limit;
        let last_id = page.iter().rev().find_map(|m| m.msgid.clone());
        let empty = page.is_empty();
        let mut next = None;
        match request.want {
            Want::Latest => {
                self.take_page(target, page, Place::ByTime, false);
                self.note_start(&key, empty);
            }
            Want::Before { msgid } => {
                self.take_page(target, page, Place::Before(&msgid), false);
                self.note_start(&key, empty);
            }
            Want::CatchUp { msgid, pages_left } => {
                self.take_page(target, page, Place::After(&msgid), true);
                if let Some(conversation) = self.conversations.get_mut(&key) {
                    conversation.missing_after = last_id.clone().filter(|_| full);
                    conversation.timeline.remove_gap(&msgid);
                }
                next = match (full, last_id) {
                    (true, Some(msgid)) if pages_left > 0 => {
                        Some(Want::CatchUp { msgid, pages_left: pages_left - 1 })
                    }
                    (true, Some(msgid)) => Some(Want::LatestBeyondGap { gap_after: msgid }),
                    _ => None,
                };
            }
            Want::CatchUpSince { .. } => {
                self.take_page(target, page, Place::ByTime, true);
                next = last_id
                    .filter(|_| full)
                    .map(|msgid| Want::CatchUp { msgid, pages_left: CATCH_UP_PAGES_MAX - 2 });
            }
            Want::LatestBeyondGap { gap_after } => {
                let meets = page.iter().any(|m| m.msgid.as_ref() == Some(&gap_after));
                self.take_page(target, page, Place::ByTime, true);
                if let Some(conversation) = self.conversations.get_mut(&key) {
                    conversation.missing_after = None;
                    if !meets {
                        conversation.timeline.insert_gap(&gap_after);
                    }
                }
            }
            Want::FillGap { after, gap } => {
                let conversation = self.conversations.get(&key);
                let beyond = conversation.and_then(|c| c.timeline.message_after_gap(&gap)).map(str::to_owned);
                let closed = !full || page.iter().any(|m| m.msgid == beyond);
                self.take_page(target, page, Place::After(&after), false);
                if let Some(conversation) = self.conversations.get_mut(&key) {
                    conversation.timeline.remove_gap(&gap);
                    if let Some(last) = last_id.filter(|_| !closed) {
                        conversation.timeline.insert_gap(&last);
                    }
                }
            }
            Want::Targets { .. } => {}
        }
        match next {
            Some(want) => self.requests.add(Request { key, target: request.target, want }),
            None => self.synced(&key),
        }
        self.after_answer(now);
    }

    /// An empty page says that there is nothing older. One that is merely short does not: servers leave things out.
    fn note_start(&mut self, key: &str, empty: bool) {
        if empty && let Some(conversation) = self.conversations.get_mut(key) {
            conversation.timeline.set_start_reached();
        }
    }

    pub(super) fn targets_answered(&mut self, now: Time, targets: &[String]) {
        self.requests.answered("*");
        self.missed_since_ms = None;
        self.release_direct();
        let named: Vec<String> = targets.iter().map(|target| self.fold(target)).collect();
        for (key, conversation) in &mut self.conversations {
            if conversation.kind == ConversationKind::Direct && !named.contains(key) {
                conversation.missing_after = None;
            }
        }
        for target in targets {
            if !self.is_room(target) {
                self.catch_up(target);
                self.settle_read(&self.fold(target));
            }
        }
        self.after_answer(now);
    }

    /// The server refused a request for history; its context may name the conversation.
    pub(super) fn history_refused(&mut self, now: Time, context: &[&str]) {
        let named = context.iter().find_map(|word| {
            let key = self.fold(word);
            self.requests.answered(&key)
        });
        let request = named.or_else(|| {
            let targets = context.first().is_none_or(|c| c.eq_ignore_ascii_case("TARGETS"));
            targets.then(|| self.requests.answered("*")).flatten()
        });
        if let Some(request) = request {
            self.give_up(&request);
        }
        self.after_answer(now);
    }

    /// Nothing waits for an answer that is overdue. Whether it will still come, the answer to a PING says: the
    /// server takes what we send in order, so behind that comes no answer to what was asked before.
    pub(super) fn history_overdue(&mut self, now: Time) {
        for (probe, request) in self.requests.overdue(now) {
            Line::new(&mut self.out).command("PING").param(&format!("h{probe}")).end();
            match request.want {
                Want::Targets { .. } => self.release_direct(),
                _ => self.synced(&request.key),
            }
        }
        self.after_answer(now);
    }

    /// The PING behind a request is answered.
    pub(super) fn history_unanswered(&mut self, now: Time, probe: u64) {
        if let Some(request) = self.requests.unanswered(probe) {
            self.give_up(&request);
            self.after_answer(now);
        }
    }

    fn give_up(&mut self, request: &Request) {
        if matches!(request.want, Want::Targets { .. }) {
            self.release_direct();
            let directs = self.conversations.values_mut().filter(|c| c.kind == ConversationKind::Direct);
            for conversation in directs {
                if let Some(msgid) = conversation.missing_after.take() {
                    conversation.timeline.insert_gap(&msgid);
                }
            }
            return;
        }
        // The message that history was to go on from may be gone: what is newest is shown, after a gap.
        if let Want::CatchUp { msgid, .. } = &request.want {
            let want = Want::LatestBeyondGap { gap_after: msgid.clone() };
            self.requests.add(Request { want, ..request.clone() });
            return;
        }
        if let Want::LatestBeyondGap { gap_after } = &request.want
            && let Some(conversation) = self.conversations.get_mut(&request.key)
        {
            conversation.missing_after = None;
            conversation.timeline.insert_gap(gap_after);
        }
        self.synced(&request.key);
    }

    fn release_direct(&mut self) {
        for conversation in self.conversations.values_mut() {
            if conversation.kind == ConversationKind::Direct {
                conversation.syncing = false;
            }
        }
    }

    fn synced(&mut self, key: &str) {
        if let Some(conversation) = self.conversations.get_mut(key) {
            conversation.syncing = false;
        }
    }

    fn after_answer(&mut self, now: Time) {
        self.pump_requests(now);
        self.check_caught_up();
        self.flush_outbox(now);
    }

    fn take_page(&mut self, target: &str, page: Vec<ChatMessage>, place: Place<'_>, missed: bool) {
        let Some(conversation) = self.conversation_mut(target) else { return };
        let messages = conversation.timeline.insert_page(page, place);
        if conversation.read_until_ms.is_some() {
            recount_unread(conversation);
        } else if missed {
            messages.iter().for_each(|m| count_unread(conversation, m));
        }
        let target = conversation.name.clone();
        if missed && let Some(count) = &mut self.missed {
            *count += messages.iter().filter(|m| !m.own).count();
        }
        self.emit(Event::History { target, messages, missed });
    }

    /// Says, once after each reconnection, that nothing is missing any more.
    pub(super) fn check_caught_up(&mut self) {
        let entering = self.conversations.values().any(|c| c.wanted && !c.joined || c.syncing);
        if self.state != State::Online || entering || !self.requests.is_idle() {
            return;
        }
        if let Some(new_messages) = self.missed.take() {
            self.emit(Event::Reconnected { new_messages });
        }
    }
}
