//! `CHATHISTORY` (IRCv3 `draft/chathistory`).

use std::sync::Arc;

use salotto_core::{AccountId, Conversation, PostKind, PostRecord, RoomId, RoomName, Seq, Timestamp};
use salotto_store::{HistoryQuery, Ref};
use salotto_wire::{BODY_LEN_MAX, Capability, Line, Message, server_time};

use super::{Session, Waiting, render, server_name};
use crate::hub::Query;
use crate::jobs::{Job, JobResult};
use crate::shard::Io;

/// How many posts one answer may have.
pub(super) const LIMIT_MAX: usize = 100;
/// The reference of the batch that holds an answer; one ends before the next begins.
const BATCH: &str = "h";

/// A request under way.
#[derive(Debug)]
pub(super) struct Request {
    subcommand: &'static str,
    target: Arc<str>,
    what: What,
    limit: usize,
    rooms: Vec<(RoomId, RoomName)>,
}

/// What is asked for.
#[derive(Debug)]
enum What {
    Page(HistoryQuery),
    Targets(Timestamp, Timestamp),
}

impl Session {
    /// `CHATHISTORY <subcommand> …`: checks the words, then asks the chat whether the target may be read.
    pub(super) fn chathistory(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let subcommand = message.param(0).unwrap_or_default().to_ascii_uppercase();
        let params = message.params().get(1..).unwrap_or_default();
        let known = ["LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN", "TARGETS"];
        let request = match known.into_iter().find(|known| *known == subcommand) {
            Some("BETWEEN") => between(params),
            Some("TARGETS") => targets(params),
            Some(subcommand) => page(subcommand, params),
            None => {
                return self.fail(io, "CHATHISTORY", "INVALID_PARAMS", &[&subcommand], "Unknown subcommand");
            }
        };
        match request {
            Err(Bad::Missing) => {
                self.fail(io, "CHATHISTORY", "NEED_MORE_PARAMS", &[&subcommand], "Missing parameters");
            }
            Err(Bad::Invalid) => {
                self.fail(io, "CHATHISTORY", "INVALID_PARAMS", &[&subcommand], "Invalid parameters");
            }
            Ok(request) => {
                match request.what {
                    What::Page(_) => io.ask(Query::Readable(request.target.clone())),
                    What::Targets(..) => io.ask(Query::ReadableAll),
                }
                // Until the answer is there no other line is handled, so there is one request at the most.
                io.hold();
                self.waiting = Some(Box::new(Waiting::History(request)));
            }
        }
    }

    /// The chat says which conversation may be read under the target's name.
    pub(super) fn history_readable(&mut self, conversation: Option<Conversation>, io: &mut Io<'_>) {
        io.release();
        let Some(Waiting::History(request)) = self.waiting.take().map(|waiting| *waiting) else { return };
        let What::Page(query) = request.what else { return };
        let Some(conversation) = conversation else {
            return self.cannot_read([request.subcommand, &request.target], "INVALID_TARGET", io);
        };
        let job = Job::History { conversation, query, limit: request.limit };
        self.start(Waiting::History(request), job, "CHATHISTORY", io);
    }

    /// The chat says which conversations may be read at all.
    pub(super) fn targets_readable(
        &mut self,
        rooms: &[(RoomId, RoomName)],
        account: Option<AccountId>,
        io: &mut Io<'_>,
    ) {
        io.release();
        let Some(Waiting::History(mut request)) = self.waiting.take().map(|waiting| *waiting) else { return };
        let What::Targets(from, to) = request.what else { return };
        request.rooms = rooms.to_vec();
        let rooms = rooms.iter().map(|(id, _)| *id).collect();
        let job = Job::Targets { account, rooms, from, to, limit: request.limit };
        self.start(Waiting::History(request), job, "CHATHISTORY", io);
    }

    /// The store has answered.
    pub(super) fn history_read(&self, request: &Request, result: JobResult, io: &mut Io<'_>) {
        match result {
            JobResult::History(posts) => self.show_page(request, &posts, io),
            JobResult::Targets(found) => self.show_targets(request, &found, io),
            _ => self.cannot_read([request.subcommand, &request.target], "MESSAGE_ERROR", io),
        }
    }

    fn cannot_read(&self, context: [&str; 2], code: &str, io: &mut Io<'_>) {
        self.fail(io, "CHATHISTORY", code, &context, "Messages could not be retrieved");
    }

    fn show_page(&self, request: &Request, posts: &[PostRecord], io: &mut Io<'_>) {
        let batch = self.open_batch("chathistory", &[&request.target], io);
        for post in posts {
            let command = if post.kind == PostKind::Notice { "NOTICE" } else { "PRIVMSG" };
            let (user, host) = post.address.split_once('@').unwrap_or((&post.address, ""));
            let target = if post.to.is_empty() { &request.target } else { &post.to };
            io.line(|bytes| {
                let mut line = Line::new(bytes);
                if batch {
                    line = line.tag("batch", BATCH);
                }
                if self.has(Capability::ServerTime) {
                    line = line.tag("time", &render::time(post.at));
                }
                if self.has(Capability::AccountTag)
                    && let Some(account) = &post.account
                {
                    line = line.tag("account", account);
                }
                if self.has(Capability::MessageTags) {
                    line = line.tag("msgid", &post.seq.to_msgid()).raw_tags(&post.tags);
                }
                line.source_parts(&post.nick, user, host)
                    .command(command)
                    .param(target)
                    .trailing(&post.text)
                    .end_within(BODY_LEN_MAX);
            });
        }
        self.close_batch(batch, io);
    }

    fn show_targets(
        &self,
        request: &Request,
        found: &[(Conversation, Timestamp, Option<String>)],
        io: &mut Io<'_>,
    ) {
        let batch = self.open_batch("draft/chathistory-targets", &[], io);
        let server = server_name(io).to_owned();
        for (conversation, at, other) in found {
            let name = match conversation {
                Conversation::Room(id) => {
                    request.rooms.iter().find(|(known, _)| known == id).map(|(_, name)| name.as_str())
                }
                Conversation::Direct(..) => other.as_deref(),
            };
            let Some(name) = name else { continue };
            io.line(|bytes| {
                let line = Line::new(bytes);
                let line = if batch { line.tag("batch", BATCH) } else { line };
                line.source(&server)
                    .command("CHATHISTORY")
                    .param("TARGETS")
                    .param(name)
                    .param(&render::time(*at))
                    .end();
            });
        }
        self.close_batch(batch, io);
    }

    fn open_batch(&self, kind: &str, params: &[&str], io: &mut Io<'_>) -> bool {
        if !self.has(Capability::Batch) {
            return false;
        }
        let server = server_name(io).to_owned();
        let name = format!("+{BATCH}");
        io.line(|bytes| {
            let line = Line::new(bytes).source(&server).command("BATCH").param(&name).param(kind);
            params.iter().fold(line, |line, param| line.param(param)).end();
        });
        true
    }

    fn close_batch(&self, open: bool, io: &mut Io<'_>) {
        if open {
            let server = server_name(io).to_owned();
            let name = format!("-{BATCH}");
            io.line(|bytes| Line::new(bytes).source(&server).command("BATCH").param(&name).end());
        }
    }
}

/// What is wrong with a request.
#[derive(Debug, PartialEq)]
enum Bad {
    Missing,
    Invalid,
}

fn page(subcommand: &'static str, params: &[&str]) -> Result<Request, Bad> {
    let [target, reference, limit, ..] = params else { return Err(Bad::Missing) };
    let query = match (subcommand, *reference) {
        ("LATEST", "*") => HistoryQuery::Latest { after: None },
        ("LATEST", text) => HistoryQuery::Latest { after: Some(read_ref(text)?) },
        ("BEFORE", text) => HistoryQuery::Before(read_ref(text)?),
        ("AFTER", text) => HistoryQuery::After(read_ref(text)?),
        (_, text) => HistoryQuery::Around(read_ref(text)?),
    };
    request(subcommand, target, What::Page(query), limit)
}

fn between(params: &[&str]) -> Result<Request, Bad> {
    let [target, first, second, limit, ..] = params else { return Err(Bad::Missing) };
    request("BETWEEN", target, What::Page(HistoryQuery::Between(read_ref(first)?, read_ref(second)?)), limit)
}

fn targets(params: &[&str]) -> Result<Request, Bad> {
    let [from, to, limit, ..] = params else { return Err(Bad::Missing) };
    match (read_ref(from)?, read_ref(to)?) {
        (Ref::At(from), Ref::At(to)) => request("TARGETS", "*", What::Targets(from, to), limit),
        _ => Err(Bad::Invalid),
    }
}

fn request(subcommand: &'static str, target: &str, what: What, limit: &str) -> Result<Request, Bad> {
    let limit: usize = limit.parse().map_err(|_| Bad::Invalid)?;
    Ok(Request { subcommand, target: target.into(), what, limit: limit.min(LIMIT_MAX), rooms: Vec::new() })
}

/// `msgid=…` or `timestamp=…`.
fn read_ref(text: &str) -> Result<Ref, Bad> {
    match text.split_once('=') {
        Some(("msgid", id)) => Seq::from_msgid(id).map(Ref::Seq).ok_or(Bad::Invalid),
        Some(("timestamp", time)) => server_time::parse(time)
            .and_then(|ms| u64::try_from(ms).ok())
            .map(|ms| Ref::At(Timestamp(ms)))
            .ok_or(Bad::Invalid),
        _ => Err(Bad::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        assert_eq!(read_ref("msgid=10"), Ok(Ref::Seq(Seq(32))));
        assert_eq!(read_ref("timestamp=1970-01-01T00:00:01.500Z"), Ok(Ref::At(Timestamp(1500))));
        for bad in ["", "*", "msgid=", "msgid=i", "timestamp=yesterday", "seq=1"] {
            assert_eq!(read_ref(bad), Err(Bad::Invalid), "{bad}");
        }
    }

    #[test]
    fn a_page_is_never_longer_than_the_limit() {
        let request = page("LATEST", &["#a", "*", "5000"]).unwrap();
        assert_eq!(request.limit, LIMIT_MAX);
        assert_eq!(page("LATEST", &["#a", "*"]).unwrap_err(), Bad::Missing);
        assert_eq!(page("LATEST", &["#a", "*", "many"]).unwrap_err(), Bad::Invalid);
    }
}
