//! Which line goes to which handler.

use salotto_wire::{Line, Message, numeric};

use super::{Client, Leave};
use crate::event::{Event, RefusalReason};
use crate::history::Batch;
use crate::state::State;
use crate::time::Time;

/// How the server begins its farewell.
const FAREWELL: &str = "The server has closed";

impl Client {
    pub(super) fn dispatch(&mut self, now: Time, message: &Message<'_>) {
        let mut label = message.tag("label").map(|l| l.into_owned());
        if let Some(reference) = message.tag("batch") {
            match self.batches.get_mut(&reference) {
                Some(Batch::Plain { label: of_batch }) => label = of_batch.clone(),
                Some(_) => return self.on_batched(&reference, message),
                None => {}
            }
        }
        let label = label.as_deref();
        if let Some(code) = numeric::code(message.command()) {
            return self.on_numeric(now, code, message, label);
        }
        match message.command().to_ascii_uppercase().as_str() {
            "PING" => {
                let token = message.last_param().unwrap_or_default();
                Line::new(&mut self.out).command("PONG").trailing(token).end();
            }
            "PONG" => self.on_pong(now, message),
            "ERROR" => self.on_error(message),
            "CAP" => self.on_cap(message),
            "AUTHENTICATE" => self.on_authenticate(message),
            "RESUME" => self.on_resume(message),
            "BATCH" => self.on_batch(now, message, label),
            "ACK" => self.on_ack(now, label),
            "PRIVMSG" | "NOTICE" => self.on_message(now, message, label),
            "JOIN" => self.on_join(now, message),
            "PART" => self.on_part(now, message),
            "QUIT" => self.on_quit(now, message),
            "KICK" => self.on_kick(now, message),
            "NICK" => self.on_nick(now, message),
            "TOPIC" => self.on_topic(now, message),
            "MODE" => self.on_mode(now, message),
            "AWAY" => self.on_away(message),
            "ACCOUNT" => self.on_account(message),
            "INVITE" => self.on_invite(message),
            "MARKREAD" => self.on_markread(message),
            "REGISTER" => self.on_register(message),
            "FAIL" => self.on_fail(now, message, label),
            "PASSWD" | "WARN" | "NOTE" => self.on_note(message),
            _ => {}
        }
    }

    fn on_pong(&mut self, now: Time, message: &Message<'_>) {
        let token = message.last_param().unwrap_or_default();
        if let Some(lag) = self.liveness.answered(token, now) {
            self.emit(Event::Lag { ms: lag.as_millis() as u64 });
        } else if let Some(id) = token.strip_prefix('s').and_then(|n| n.parse().ok()) {
            self.delivered_without_echo(now, id);
        } else if let Some(probe) = token.strip_prefix('h').and_then(|n| n.parse().ok()) {
            self.history_unanswered(now, probe);
        }
    }

    fn on_error(&mut self, message: &Message<'_>) {
        if self.user_leaves.is_some() {
            return;
        }
        let text = message.last_param().unwrap_or_default();
        let reason = match text.strip_prefix(FAREWELL) {
            Some(rest) => rest.trim_start_matches([':', ' ']),
            None => text,
        };
        let lower = text.to_lowercase();
        if self.banned.is_some()
            || ["banned", "k-lined", "g-lined", "killed"].iter().any(|w| lower.contains(w))
        {
            self.banned = Some(text.to_owned());
        }
        self.server_error = Some(reason.to_owned());
    }

    fn on_register(&mut self, message: &Message<'_>) {
        let text = message.last_param().unwrap_or_default().to_owned();
        if message.param(0) == Some("SUCCESS") {
            self.account = message.param(1).map(str::to_owned);
            self.proved_account.clone_from(&self.account);
        }
        self.emit(Event::Account { account: self.account.clone(), text });
    }

    fn on_note(&mut self, message: &Message<'_>) {
        let text = message.last_param().unwrap_or_default().to_owned();
        self.emit(Event::ServerText { text });
    }

    fn on_fail(&mut self, now: Time, message: &Message<'_>, label: Option<&str>) {
        let params = message.params();
        let (Some(command), Some(code), Some(text)) =
            (message.param(0), message.param(1), message.last_param())
        else {
            return;
        };
        let context = params.get(2..params.len().saturating_sub(1)).unwrap_or_default();
        match command.to_ascii_uppercase().as_str() {
            "RESUME" if self.on_resume_failed(code, text) => return,
            "AUTHENTICATE" if code == "TEMPORARILY_UNAVAILABLE" => {
                self.password_unchecked = true;
                return;
            }
            "NICK" if matches!(self.state, State::Registering | State::NameNeeded) => {
                let taken = code.contains("RESERVED") || code.contains("IN_USE");
                let reason = if taken { RefusalReason::Taken } else { RefusalReason::NotValid };
                let name = context.first().map_or(self.name.clone(), |n| (*n).to_owned());
                return self.on_nick_refused(now, reason, &name, text);
            }
            "CHATHISTORY" => {
                self.history_refused(now, context);
                return;
            }
            "PRIVMSG" | "NOTICE" => {
                let target = context.first().copied().unwrap_or_default();
                if self.refuse_message(now, label, target, text) {
                    return;
                }
            }
            _ => {}
        }
        self.emit(Event::Failed {
            command: command.to_owned(),
            code: code.to_owned(),
            context: context.join(" "),
            text: text.to_owned(),
        });
    }

    pub(super) fn begin_leaving(&mut self, leave: Leave) {
        self.user_leaves = Some(leave);
    }
}
