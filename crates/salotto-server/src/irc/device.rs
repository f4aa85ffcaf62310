//! Coming back without a password: `RESUME`, the devices of an account, and `PASSWD` (`docs/protocol.md`).

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use salotto_core::{AccountId, Command, DeviceId, DeviceSummary, Nick, Seq};
use salotto_wire::{Capability, Line, Message, numeric};

use super::account::PASSWORD_LEN_MAX;
use super::{Session, Stage, Waiting, render, server_name};
use crate::ambient::Ambient;
use crate::jobs::Job;
use crate::shard::Io;
use crate::text::cut;

/// How long a device's description may be, in bytes.
const ABOUT_LEN_MAX: usize = 64;

/// One part of a token: 256 random bits. On the wire they are hexadecimal; the chat has the hash of that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret(blake3::Hash);

impl Secret {
    fn draw(ambient: &Ambient) -> Option<Secret> {
        ambient.secret().map(|bits| Secret(blake3::Hash::from_bytes(bits)))
    }

    fn read(text: &str) -> Option<Secret> {
        blake3::Hash::from_hex(text).ok().map(Secret)
    }

    pub(super) fn hash(self) -> [u8; 32] {
        hash_of(&self.0.to_hex())
    }
}

fn hash_of(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// What a session has to do with tokens; a session that has nothing to do with them keeps nothing.
#[derive(Default)]
pub(super) struct Tokens(Option<Box<Kept>>);

impl Deref for Tokens {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        self.0.as_deref().unwrap_or(Kept::NOTHING)
    }
}

impl DerefMut for Tokens {
    fn deref_mut(&mut self) -> &mut Kept {
        self.0.get_or_insert_default()
    }
}

/// What a session keeps of tokens.
#[derive(Default)]
pub(super) struct Kept {
    /// A token was shown, and whether it is known is being looked up.
    asked: bool,
    /// What the shown token says of a session.
    resume: Option<[u8; 32]>,
    /// The part that stays: shown, or drawn at first.
    stem: Option<Secret>,
    /// The part that is this session's.
    own: Option<Secret>,
    /// The account whose device this is.
    device_of: Option<Nick>,
    /// What the device is called.
    about: Option<Arc<str>>,
}

impl Kept {
    /// What is kept where there is nothing.
    const NOTHING: &Kept =
        &Kept { asked: false, resume: None, stem: None, own: None, device_of: None, about: None };
}

impl Kept {
    /// The session that is to be taken over; asked for once.
    pub(super) fn take_resume(&mut self) -> Option<[u8; 32]> {
        self.resume.take()
    }

    /// The hash of the part that stays.
    pub(super) fn stem(&self) -> Option<[u8; 32]> {
        self.stem.map(Secret::hash)
    }
}

impl Session {
    /// `RESUME`.
    pub(super) fn resume(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(word) = message.param(0) else { return self.need_more_params(io, "RESUME") };
        let online = self.stage == Stage::Online;
        match word.to_ascii_uppercase().as_str() {
            "LIST" if online => io.submit(Command::ListDevices { session: io.meta.session }),
            "REVOKE" if online => self.revoke(message.param(1), io),
            _ if self.stage != Stage::Registering => {
                let text = "A session can be resumed only before signing in";
                self.fail(io, "RESUME", "ALREADY_REGISTERED", &[], text);
            }
            "LIST" | "REVOKE" => self.account_required(io),
            "AS" => {
                let about: String =
                    message.param(1).unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
                self.tokens.about = Some(cut(about.trim(), ABOUT_LEN_MAX).into())
                    .filter(|about: &Arc<str>| !about.is_empty());
            }
            _ => self.show_token(word, io),
        }
    }

    /// Asks whether a token is known. What comes behind it on the wire waits: with a good token there is nothing to
    /// authenticate, and with a bad one there is.
    fn show_token(&mut self, token: &str, io: &mut Io<'_>) {
        let (stem, own) = match token.split_once('.') {
            Some((stem, own)) => (stem, Some(own)),
            None => (token, None),
        };
        let resume = own.map(hash_of);
        *self.tokens = Kept {
            asked: true,
            resume,
            stem: Secret::read(stem),
            about: self.tokens.about.take(),
            ..Kept::default()
        };
        io.hold();
        let session = io.meta.session;
        io.submit(Command::Recognise { session, resume, stem: hash_of(stem) });
    }

    /// The token is good.
    pub(super) fn recognised(&mut self, account: Option<&Nick>, device: bool, io: &mut Io<'_>) {
        self.token_answered(io);
        if let Some(account) = account {
            self.tokens.device_of = Some(account.clone()).filter(|_| device);
            self.say_logged_in(account, None, io);
        }
    }

    /// The token is not known, whether that was asked before signing in or with it.
    pub(super) fn token_unknown(&mut self, io: &mut Io<'_>) {
        self.tokens.resume = None;
        self.tokens.device_of = None;
        self.token_answered(io);
        self.fail(io, "RESUME", "UNKNOWN_TOKEN", &[], "There is no such session any more");
    }

    fn token_answered(&mut self, io: &mut Io<'_>) {
        if std::mem::take(&mut self.tokens.asked) {
            io.release();
        }
    }

    /// Whether a device of an account was recognised, which the session will be signed in to.
    pub(super) fn is_device(&self) -> bool {
        self.tokens.device_of.is_some()
    }

    /// Draws what a session that may be resumed needs; gives the hash of its own part.
    pub(super) fn draw_tokens(&mut self, ambient: &Ambient) -> Option<[u8; 32]> {
        if !self.has(Capability::Resume) {
            return None;
        }
        self.tokens.stem = self.tokens.stem.or_else(|| Secret::draw(ambient));
        self.tokens.own = Secret::draw(ambient);
        self.tokens.own.map(Secret::hash)
    }

    /// The session is in, perhaps with an account: gives it a token to come back with.
    pub(super) fn give_token(&mut self, account: Option<&Nick>, io: &mut Io<'_>) {
        let known = self.tokens.device_of.is_some() && self.tokens.device_of.as_ref() == account;
        if !known && let Some(account) = account {
            return self.become_device(account, io);
        }
        self.tokens.device_of = account.cloned();
        if let Some(account) = account {
            io.shared.jobs.trust(io.meta.peer.ip(), account.as_str());
        }
        self.say_token(io);
    }

    /// Makes a device of the account of this one. Its token is a new one: nobody who knew this client before the
    /// password was given knows it.
    pub(super) fn become_device(&mut self, account: &Nick, io: &mut Io<'_>) {
        if !self.has(Capability::Resume) || self.tokens.device_of.as_ref() == Some(account) {
            return;
        }
        // An account can do without for now; the token is then worth as much as the session.
        let read_only = io.shared.read_only.load(std::sync::atomic::Ordering::Relaxed);
        let Some(stem) = Secret::draw(&io.shared.ambient).filter(|_| !read_only) else {
            return self.say_token(io);
        };
        self.tokens.stem = Some(stem);
        self.tokens.device_of = Some(account.clone());
        let about = self.tokens.about.clone().unwrap_or_else(|| io.meta.kind.name().into());
        io.submit(Command::AddDevice { session: io.meta.session, token: stem.hash(), about });
    }

    /// `RESUME TOKEN`, once there is something behind it.
    pub(super) fn say_token(&self, io: &mut Io<'_>) {
        let (Some(stem), Some(own)) = (self.tokens.stem, self.tokens.own) else { return };
        let (token, server) = (format!("{}.{}", stem.0.to_hex(), own.0.to_hex()), server_name(io).to_owned());
        io.line(|bytes| {
            Line::new(bytes).source(&server).command("RESUME").param("TOKEN").param(&token).end();
        });
    }

    fn revoke(&self, which: Option<&str>, io: &mut Io<'_>) {
        let Some(which) = which else { return self.need_more_params(io, "RESUME") };
        if !self.writable(io, "RESUME") {
            return;
        }
        let session = io.meta.session;
        match (which, Seq::from_msgid(which)) {
            ("*", _) => io.submit(Command::RevokeDevices { session, which: None }),
            (_, Some(id)) => io.submit(Command::RevokeDevices { session, which: Some(DeviceId(id.0)) }),
            (_, None) => self.no_such_device(which, io),
        }
    }

    pub(super) fn no_such_device(&self, id: &str, io: &mut Io<'_>) {
        self.fail(io, "RESUME", "UNKNOWN_DEVICE", &[id], "Your account has no such device");
    }

    pub(super) fn account_required(&self, io: &mut Io<'_>) {
        self.fail(io, "RESUME", "ACCOUNT_REQUIRED", &[], "Sign in to an account first");
    }

    pub(super) fn show_devices(&self, devices: &[DeviceSummary], io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        for device in devices {
            io.line(|bytes| {
                Line::new(bytes)
                    .source(&server)
                    .command("RESUME")
                    .param("DEVICE")
                    .param(&written(device.id))
                    .param(&render::time(device.made))
                    .param(&render::time(device.used))
                    .param(if device.own { "*" } else { "-" })
                    .trailing(&device.about)
                    .end();
            });
        }
        self.say_end(io);
    }

    pub(super) fn show_revoked(&self, ids: &[DeviceId], others: bool, io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        for &id in ids {
            io.line(|bytes| {
                let line = Line::new(bytes).source(&server).command("RESUME").param("REVOKED");
                line.param(&written(id)).end();
            });
        }
        if others {
            self.say_end(io);
        }
    }

    #[expect(clippy::unused_self, reason = "all lines of a session are written alike")]
    fn say_end(&self, io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        io.line(|bytes| Line::new(bytes).source(&server).command("RESUME").param("END").end());
    }

    /// The device was revoked; the connection closes.
    pub(super) fn revoked(&self, io: &mut Io<'_>) {
        self.fail(io, "RESUME", "REVOKED", &[], "This device was signed out");
    }

    /// `PASSWD <old> <new>`.
    pub(super) fn passwd(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let [old, new, ..] = message.params() else { return self.need_more_params(io, "PASSWD") };
        let Some(account) = io.meta.account.clone() else {
            return self.fail(io, "PASSWD", "ACCOUNT_REQUIRED", &[], "Sign in to an account first");
        };
        if new.is_empty() || new.len() > PASSWORD_LEN_MAX {
            let text = "The password must have 1 to 600 bytes";
            return self.fail(io, "PASSWD", "UNACCEPTABLE_PASSWORD", &[], text);
        }
        if !self.writable(io, "PASSWD") {
            return;
        }
        if !io.shared.failures.allows(io.meta.peer.ip(), io.shared.ambient.instant()) {
            let text = "Too many wrong passwords; please wait a minute";
            return self.fail(io, "PASSWD", "TEMPORARILY_UNAVAILABLE", &[], text);
        }
        let job = Job::ChangePassword {
            from: io.meta.peer.ip(),
            account: account.as_str().to_owned(),
            old: (*old).to_owned(),
            new: (*new).to_owned(),
        };
        self.start(Waiting::Passwd, job, "PASSWD", io);
    }

    /// The old password was checked, and the new one hashed.
    pub(super) fn password_rehashed(
        &mut self,
        account: Option<AccountId>,
        verifier: Option<String>,
        io: &mut Io<'_>,
    ) {
        let session = io.meta.session;
        match (account, verifier) {
            (Some(account), Some(verifier)) => {
                io.submit(Command::ChangePassword { session, account, verifier: verifier.into() });
            }
            (Some(_), None) => self.passwd_busy(io),
            (None, _) => {
                self.fail(io, "PASSWD", "WRONG_PASSWORD", &[], "The old password is another");
                self.wrong_password(io);
            }
        }
    }

    pub(super) fn passwd_busy(&self, io: &mut Io<'_>) {
        self.busy("PASSWD", io);
    }

    pub(super) fn password_changed(&self, account: &Nick, io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        io.line(|bytes| {
            let line = Line::new(bytes).source(&server).command("PASSWD").param("SUCCESS");
            line.param(account.as_str()).trailing("The password is changed").end();
        });
    }

    /// The server has too many passwords to check.
    pub(super) fn busy(&self, command: &str, io: &mut Io<'_>) {
        self.fail(io, command, "TEMPORARILY_UNAVAILABLE", &[], "The server is busy; please try again");
    }

    /// `900`.
    pub(super) fn say_logged_in(&self, account: &Nick, mask: Option<String>, io: &mut Io<'_>) {
        let mask = mask.unwrap_or_else(|| format!("{}!*@*", self.nick));
        self.reply(io, numeric::RPL_LOGGEDIN, |line| {
            line.param(&mask)
                .param(account.as_str())
                .trailing_fmt(format_args!("You are now logged in as {}", account.as_str()))
        });
    }
}

/// A device's id as people type it.
pub(super) fn written(id: DeviceId) -> String {
    Seq(id.0).to_msgid()
}
