//! Accounts: SASL PLAIN (IRCv3 `sasl-3.2`, RFC 4616), `REGISTER` (IRCv3 `account-registration`), `OPER`.

use std::sync::Arc;

use salotto_core::{AccountId, Card, Command, Nick};
use salotto_wire::sasl::{SaslError, parse_plain};
use salotto_wire::{Capability, Line, Message, numeric};

use super::{Session, Stage, Waiting, server_name};
use crate::jobs::Job;
use crate::shard::{Close, Io};

/// How many wrong passwords one connection may try.
const FAILURES_MAX: u32 = 5;
/// How long a password may be, in bytes.
pub(super) const PASSWORD_LEN_MAX: usize = 600;

impl Session {
    /// `AUTHENTICATE`.
    pub(super) fn authenticate(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(word) = message.param(0) else { return self.need_more_params(io, "AUTHENTICATE") };
        if !self.has(Capability::Sasl) {
            return self
                .reply(io, numeric::ERR_SASLFAIL, |line| line.trailing("Ask for the sasl capability first"));
        }
        if word == "*" {
            let under_way = self.sasl.take().is_some();
            if under_way {
                self.reply(io, numeric::ERR_SASLABORTED, |line| line.trailing("SASL authentication aborted"));
            } else {
                self.reply(io, numeric::ERR_SASLFAIL, |line| line.trailing("SASL authentication failed"));
            }
            return;
        }
        let Some(buffer) = &mut self.sasl else {
            if !word.eq_ignore_ascii_case("PLAIN") {
                self.reply(io, numeric::RPL_SASLMECHS, |line| {
                    line.param("PLAIN").trailing("are available SASL mechanisms")
                });
                return self
                    .reply(io, numeric::ERR_SASLFAIL, |line| line.trailing("SASL authentication failed"));
            }
            self.sasl = Some(Box::default());
            return io.line(|bytes| Line::new(bytes).command("AUTHENTICATE").param("+").end());
        };
        match buffer.push(word) {
            Ok(None) => {}
            Ok(Some(payload)) => {
                self.sasl = None;
                self.check_plain(&payload, io);
            }
            Err(SaslError::NotBase64 | SaslError::NotPlain) => {
                self.sasl = None;
                self.authenticated(None, io);
            }
            Err(SaslError::ChunkTooLong | SaslError::PayloadTooLong) => {
                self.sasl = None;
                self.reply(io, numeric::ERR_SASLTOOLONG, |line| line.trailing("SASL message too long"));
            }
        }
    }

    fn check_plain(&mut self, payload: &[u8], io: &mut Io<'_>) {
        let plain = parse_plain(payload).ok().filter(|plain| {
            (plain.acting_as.is_empty() || plain.acting_as == plain.account)
                && plain.password.len() <= PASSWORD_LEN_MAX
        });
        let Some(plain) = plain else { return self.authenticated(None, io) };
        if !io.shared.failures.allows(io.meta.peer.ip(), io.shared.ambient.instant()) {
            return self.reply(io, numeric::ERR_SASLFAIL, |line| {
                line.trailing("SASL authentication failed: too many wrong passwords, wait a minute")
            });
        }
        let job =
            Job::Authenticate { from: io.meta.peer.ip(), account: plain.account, password: plain.password };
        match io.job(job) {
            Ok(()) => self.waiting = Some(Box::new(Waiting::Sasl)),
            Err(_) => self.sasl_busy(io),
        }
    }

    /// Too many passwords wait to be checked. This one was not, and does not count as wrong.
    pub(super) fn sasl_busy(&self, io: &mut Io<'_>) {
        self.busy("AUTHENTICATE", io);
        self.reply(io, numeric::ERR_SASLFAIL, |line| line.trailing("The server is busy; please try again"));
    }

    /// The password was checked.
    pub(super) fn authenticated(&mut self, account: Option<AccountId>, io: &mut Io<'_>) {
        let Some(account) = account else {
            self.reply(io, numeric::ERR_SASLFAIL, |line| line.trailing("SASL authentication failed"));
            self.wrong_password(io);
            return;
        };
        self.account = Some(account);
        io.submit(Command::LogIn { session: io.meta.session, account });
    }

    /// Counts a wrong password, for the connection and for where it comes from.
    pub(super) fn wrong_password(&mut self, io: &mut Io<'_>) {
        self.password_failures += 1;
        io.shared.failures.count(io.meta.peer.ip(), io.shared.ambient.instant());
        tracing::info!(
            target: "salotto::session", event = "error", connection = io.meta.session.0,
            address = %io.meta.peer.ip(), name = &*self.nick, reason = "wrong password",
        );
        if self.password_failures >= FAILURES_MAX {
            io.close(Close::broken("too many wrong passwords"));
        }
    }

    /// The chat has tied the session to an account.
    pub(super) fn logged_in(&mut self, account: &Nick, card: Option<&Card>, io: &mut Io<'_>) {
        self.say_logged_in(account, card.map(Card::mask), io);
        if self.registered_now {
            self.registered_now = false;
        } else {
            self.reply(io, numeric::RPL_SASLSUCCESS, |line| line.trailing("SASL authentication successful"));
        }
        // Before signing in, the device is made when it is known that there will be a session.
        if card.is_some() {
            self.become_device(account, io);
        }
    }

    /// `REGISTER <account> <email> <password>`.
    pub(super) fn register(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let [account, _email, password, ..] = message.params() else {
            return self.need_more_params(io, "REGISTER");
        };
        if !io.shared.config.accounts.registration {
            return self.fail(
                io,
                "REGISTER",
                "TEMPORARILY_UNAVAILABLE",
                &[account],
                "Registration is switched off",
            );
        }
        if self.account.is_some() || io.meta.account.is_some() || self.is_device() {
            return self.fail(
                io,
                "REGISTER",
                "ALREADY_AUTHENTICATED",
                &[account],
                "You are signed in to an account already",
            );
        }
        let own: Arc<str> = match (&self.nick_wish, self.stage) {
            (Some(nick), _) => nick.as_str().into(),
            (None, Stage::Online) => self.nick.clone(),
            (None, _) if *account == "*" => {
                return self.fail(io, "REGISTER", "NEED_NICK", &[account], "Give a NICK first");
            }
            (None, _) => (*account).into(),
        };
        let wished = if *account == "*" { &*own } else { account };
        let Ok(name) = Nick::new(wished) else {
            return self.fail(
                io,
                "REGISTER",
                "BAD_ACCOUNT_NAME",
                &[account],
                "That is not a valid account name",
            );
        };
        if password.is_empty() || password.len() > PASSWORD_LEN_MAX {
            return self.fail(
                io,
                "REGISTER",
                "UNACCEPTABLE_PASSWORD",
                &[account],
                "The password must have 1 to 600 bytes",
            );
        }
        if !self.writable(io, "REGISTER") {
            return;
        }
        if !io.shared.registrations.allows(io.meta.peer.ip(), io.shared.ambient.instant()) {
            let text = "Too many accounts were registered from here; please try again later";
            return self.fail(io, "REGISTER", "TEMPORARILY_UNAVAILABLE", &[account], text);
        }
        self.start(
            Waiting::Register { name },
            Job::Hash { from: io.meta.peer.ip(), password: (*password).to_owned() },
            "REGISTER",
            io,
        );
    }

    /// The new account's password was hashed.
    pub(super) fn password_hashed(&mut self, name: Nick, verifier: Option<String>, io: &mut Io<'_>) {
        match verifier {
            Some(verifier) => {
                let session = io.meta.session;
                io.submit(Command::Register { session, name, verifier: verifier.into() });
            }
            None => self.fail(
                io,
                "REGISTER",
                "TEMPORARILY_UNAVAILABLE",
                &[name.as_str()],
                "Please try again later",
            ),
        }
    }

    /// The account was made.
    pub(super) fn registered(&mut self, account: &Nick, id: AccountId, io: &mut Io<'_>) {
        self.account = Some(id);
        self.registered_now = true;
        io.shared.registrations.count(io.meta.peer.ip(), io.shared.ambient.instant());
        io.shared.jobs.trust(io.meta.peer.ip(), account.as_str());
        let server = server_name(io).to_owned();
        io.line(|bytes| {
            Line::new(bytes)
                .source(&server)
                .command("REGISTER")
                .param("SUCCESS")
                .param(account.as_str())
                .trailing("The account is yours")
                .end();
        });
    }

    /// `OPER <name> <password>`.
    pub(super) fn oper(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let [name, password, ..] = message.params() else {
            return self.need_more_params(io, "OPER");
        };
        let expected = io.shared.config.operators.get(*name).cloned();
        let job = Job::Check { from: io.meta.peer.ip(), expected, given: (*password).to_owned() };
        self.start(Waiting::Oper, job, "OPER", io);
    }

    pub(super) fn oper_checked(&mut self, right: bool, io: &mut Io<'_>) {
        if right {
            return io.submit(Command::BecomeOperator { session: io.meta.session, on: true });
        }
        self.reply(io, numeric::ERR_PASSWDMISMATCH, |line| line.trailing("Password incorrect"));
    }
}
