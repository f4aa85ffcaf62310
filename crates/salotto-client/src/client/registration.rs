//! From the open connection to being signed in.

use std::time::Duration;

use salotto_wire::{Capability, Line, Message, sasl};

use super::device::Recall;
use super::{Client, ESTABLISH_WITHIN, Sasl};
use crate::event::{Event, NickRefusal, RefusalReason};
use crate::state::{State, StopReason};
use crate::time::Time;
use crate::timer::Timer;

/// On coming back, a name in use is probably held by our own lost session: it is asked for again so often.
const NICK_RETRIES: usize = 4;
/// The pause before a name is asked for again.
const NICK_RETRY_AFTER: Duration = Duration::from_secs(5);
/// Names are cut to this when a suggestion is made and the server announced no limit.
const NICK_LEN_DEFAULT: usize = 30;

impl Client {
    pub(super) fn begin_registration(&mut self) {
        self.nick_retries_left = if self.signed_in_once { NICK_RETRIES } else { 0 };
        Line::new(&mut self.out).command("CAP").param("LS").param("302").end();
        // A session that is to be resumed still holds the name: the token has to come first.
        self.introduced = false;
        if self.name_first || (self.resume_token.is_none() && self.device.is_none()) {
            self.introduce();
        }
        self.set_state(if self.name.is_empty() { State::NameNeeded } else { State::Registering });
        if self.name.is_empty() {
            self.timers.stop(Timer::Establish);
        }
    }

    fn introduce(&mut self) {
        self.introduced = true;
        self.send_nick();
        let realname = if self.options.realname.is_empty() { &self.name } else { &self.options.realname };
        Line::new(&mut self.out)
            .command("USER")
            .param("salotto")
            .param("0")
            .param("*")
            .trailing(realname)
            .end();
    }

    pub(super) fn send_nick(&mut self) {
        if !self.name.is_empty() {
            write_nick(&mut self.out, &self.name);
        }
    }

    pub(super) fn on_cap(&mut self, message: &Message<'_>) {
        let list = message.last_param().unwrap_or_default();
        match message.param(1).unwrap_or_default().to_ascii_uppercase().as_str() {
            "LS" => {
                self.negotiation.offer(list);
                let more_follows = message.param(2) == Some("*") && message.params().len() > 3;
                if !more_follows {
                    self.request_capabilities();
                }
            }
            "NEW" => {
                self.negotiation.offer(list);
                self.request_capabilities();
            }
            "DEL" => self.negotiation.withdraw(list),
            "ACK" => {
                self.negotiation.accept(list);
                self.capabilities_answered();
            }
            "NAK" => {
                for name in self.negotiation.refuse(list) {
                    Line::new(&mut self.out).command("CAP").param("REQ").trailing(&name).end();
                }
                self.capabilities_answered();
            }
            _ => {}
        }
    }

    fn request_capabilities(&mut self) {
        let with_sasl = self.options.credentials.is_some() && self.sasl == Sasl::Idle;
        for request in self.negotiation.requests(with_sasl) {
            Line::new(&mut self.out).command("CAP").param("REQ").trailing(&request).end();
        }
        self.capabilities_answered();
    }

    pub(super) fn capabilities_answered(&mut self) {
        if !self.negotiation.is_settled() || !matches!(self.state, State::Registering | State::NameNeeded) {
            return;
        }
        if self.recall() {
            return;
        }
        if self.recall == Recall::Known {
            return self.end_negotiation();
        }
        match (&self.options.credentials, self.sasl) {
            (Some(_), Sasl::Idle) if self.has(Capability::Sasl) => {
                self.sasl = Sasl::Asked;
                Line::new(&mut self.out).command("AUTHENTICATE").param("PLAIN").end();
            }
            (Some(_), Sasl::Idle) => {
                self.close();
                self.stop(StopReason::SignInRefused("the server does not offer to sign in".to_owned()));
            }
            (None, _) | (_, Sasl::Done) => self.end_negotiation(),
            (Some(_), Sasl::Asked | Sasl::Sent) => {}
        }
    }

    fn end_negotiation(&mut self) {
        if !self.negotiation.end() {
            return;
        }
        self.introduce_device();
        if let Some(token) = &self.resume_token
            && self.has(Capability::Resume)
        {
            Line::new(&mut self.out).command("RESUME").param(token).end();
            // The server gives us our name back; if it is taken all the same, it is by somebody else.
            self.nick_retries_left = 0;
        }
        if !self.introduced {
            self.introduce();
        }
        Line::new(&mut self.out).command("CAP").param("END").end();
    }

    pub(super) fn on_authenticate(&mut self, message: &Message<'_>) {
        let Some(credentials) = &self.options.credentials else { return };
        if self.sasl != Sasl::Asked || message.param(0) != Some("+") {
            return;
        }
        self.sasl = Sasl::Sent;
        for chunk in sasl::encode_chunks(&sasl::plain(&credentials.account, &credentials.password)) {
            Line::new(&mut self.out).command("AUTHENTICATE").param(&chunk).end();
        }
    }

    pub(super) fn on_signed_in_to_account(&mut self, message: &Message<'_>) {
        let account = message.param(2).map(str::to_owned);
        self.on_account_proved(account.as_deref());
        // After REGISTER the server says it twice.
        if account == self.account {
            return;
        }
        self.account = account;
        let text = message.last_param().unwrap_or_default().to_owned();
        self.emit(Event::Account { account: self.account.clone(), text });
    }

    pub(super) fn on_sasl_success(&mut self) {
        if matches!(self.sasl, Sasl::Asked | Sasl::Sent) {
            self.sasl = Sasl::Done;
            self.capabilities_answered();
        }
    }

    pub(super) fn on_sasl_failure(&mut self, now: Time, message: &Message<'_>) {
        if !matches!(self.sasl, Sasl::Asked | Sasl::Sent) {
            return;
        }
        let text = message.last_param().unwrap_or_default().to_owned();
        self.close();
        if self.password_unchecked {
            // Nothing is wrong with it; the server asks for patience.
            return self.connection_ended(now, &text);
        }
        self.stop(StopReason::SignInRefused(text));
    }

    pub(super) fn on_welcome(&mut self, message: &Message<'_>) {
        if let Some(name) = message.param(0) {
            self.name = name.to_owned();
        }
        self.refusal = None;
        self.timers.stop(Timer::NickRetry);
    }

    pub(super) fn on_isupport(&mut self, message: &Message<'_>) {
        let before = self.casemapping();
        let tokens = message.params();
        for token in tokens.get(1..tokens.len().saturating_sub(1)).unwrap_or_default() {
            self.isupport.apply(token);
        }
        if self.casemapping() != before {
            let conversations = std::mem::take(&mut self.conversations);
            self.conversations = conversations.into_values().map(|c| (self.fold(&c.name), c)).collect();
        }
    }

    /// The greeting is complete, or the server already acts as if it were.
    pub(super) fn on_greeted(&mut self, now: Time) {
        if self.state != State::Registering {
            return;
        }
        self.timers.stop(Timer::Establish);
        self.backoff.reset();
        self.name_first = false;
        self.set_state(State::Online);
        let again = std::mem::replace(&mut self.signed_in_once, true);
        self.emit(Event::SignedIn { name: self.name.clone(), again });
        for id in self.outbox.mark_stale(now) {
            self.tell_outbox(id);
        }
        self.begin_sync(now, again);
    }

    pub(super) fn on_nick_refused(&mut self, now: Time, reason: RefusalReason, name: &str, text: &str) {
        let signing_in = matches!(self.state, State::Registering | State::NameNeeded);
        if signing_in && reason == RefusalReason::Taken && self.nick_retries_left > 0 {
            self.nick_retries_left -= 1;
            self.timers.set(Timer::NickRetry, now + NICK_RETRY_AFTER);
            self.timers.set(Timer::Establish, now + NICK_RETRY_AFTER + ESTABLISH_WITHIN);
            return;
        }
        let refusal = NickRefusal {
            name: name.to_owned(),
            reason,
            text: text.to_owned(),
            suggestion: self.suggest(name),
            signing_in,
        };
        if signing_in {
            self.refusal = Some(refusal.clone());
            // A person takes his time over a name.
            self.timers.stop(Timer::Establish);
            self.set_state(State::NameNeeded);
        }
        self.emit(Event::NickRefused(refusal));
    }

    /// A name near the refused one that may be free.
    fn suggest(&self, name: &str) -> String {
        let len_max = self.isupport.number("NICKLEN").unwrap_or(NICK_LEN_DEFAULT).max(1);
        let mut base: String = name.to_owned();
        while base.len() + 1 > len_max {
            base.pop();
        }
        base.push('_');
        base
    }
}

/// Writes a NICK that says the name as it is, so that the server judges the name and not what is left of it.
pub(super) fn write_nick(out: &mut Vec<u8>, name: &str) {
    let line = Line::new(out).command("NICK");
    let plain = !name.is_empty() && !name.starts_with(':') && !name.contains(' ');
    if plain { line.param(name).end() } else { line.trailing(name).end() }
}
