//! From the first line to signing in: `PASS`, `NICK`, `USER`.

use salotto_core::{Card, Command, NameError, Nick, RoomName, SignIn};
use salotto_wire::{Message, numeric};

use super::{Session, Stage, Waiting};
use crate::cloak::cloak;
use crate::jobs::Job;
use crate::shard::{Close, Io};
use crate::text::cut;

/// How long a real-name field may be, in bytes.
pub(super) const REALNAME_LEN_MAX: usize = 150;
/// How long a user name may be, in bytes.
const USER_LEN_MAX: usize = 20;

impl Session {
    /// `PASS`: the server's password.
    pub(super) fn pass(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        match message.param(0) {
            _ if self.stage != Stage::Registering => {
                self.reply(io, numeric::ERR_ALREADYREGISTERED, |line| {
                    line.trailing("You may not reregister")
                });
            }
            None => self.need_more_params(io, "PASS"),
            Some(password) => self.password = Some(password.into()),
        }
    }

    /// `USER`.
    pub(super) fn user(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        if self.stage != Stage::Registering || self.user.is_some() {
            return self
                .reply(io, numeric::ERR_ALREADYREGISTERED, |line| line.trailing("You may not reregister"));
        }
        let [user, _, _, realname, ..] = message.params() else {
            return self.need_more_params(io, "USER");
        };
        if user.is_empty() || realname.is_empty() {
            return self.need_more_params(io, "USER");
        }
        self.user = Some(Box::new((user_name(user).into(), cut(realname, REALNAME_LEN_MAX).into())));
        self.try_sign_in(io);
    }

    /// `NICK`, before and after signing in.
    pub(super) fn nick(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(wish) = message.param(0).filter(|wish| !wish.is_empty()) else {
            return self.reply(io, numeric::ERR_NONICKNAMEGIVEN, |line| line.trailing("No nickname given"));
        };
        let nick = match Nick::new(wish) {
            Ok(nick) if nick.as_str().len() <= io.shared.config.limits.nick_len => nick,
            Ok(_) => return self.bad_nick(wish, NameError::TooLong, io),
            Err(error) => return self.bad_nick(wish, error, io),
        };
        match self.stage {
            Stage::Online => io.submit(Command::Rename { session: io.meta.session, nick }),
            Stage::Registering => {
                self.nick_wish = Some(Box::new(nick));
                self.try_sign_in(io);
            }
            Stage::SigningIn => {}
        }
    }

    fn bad_nick(&self, wish: &str, error: NameError, io: &mut Io<'_>) {
        let reason = match error {
            NameError::Empty => "Choose a user name",
            NameError::TooLong => "The name is too long",
            NameError::BadStart => "A name cannot start with a digit or a sign",
            NameError::BadCharacter => "Letters, digits, - and _ only",
            NameError::Reserved => "That name is reserved",
            NameError::NotARoom => "That is not a name",
        };
        self.reply(io, numeric::ERR_ERRONEUSNICKNAME, |line| line.param(wish).trailing(reason));
    }

    /// Signs in once everything is said.
    pub(super) fn try_sign_in(&mut self, io: &mut Io<'_>) {
        if self.stage != Stage::Registering || self.negotiating || self.waiting.is_some() {
            return;
        }
        if self.user.is_none() {
            return;
        }
        let Some(nick) = &self.nick_wish else { return };
        if let Some(expected) = io.shared.config.server.password.clone().filter(|_| !self.password_right) {
            self.nick = nick.text();
            let given = self.password.take().unwrap_or_default();
            return self.start(
                Waiting::ServerPassword,
                Job::Check { from: io.meta.peer.ip(), expected: Some(expected), given: given.into() },
                "PASS",
                io,
            );
        }
        self.sign_in(io);
    }

    pub(super) fn server_password_checked(&mut self, right: bool, io: &mut Io<'_>) {
        self.nick = "*".into();
        self.password_right = right;
        if right {
            return self.sign_in(io);
        }
        self.reply(io, numeric::ERR_PASSWDMISMATCH, |line| line.trailing("Password incorrect"));
        io.close(Close::broken("bad server password"));
    }

    /// Starts a job, or says that the server is busy.
    pub(super) fn start(&mut self, waiting: Waiting, job: Job, command: &str, io: &mut Io<'_>) {
        match io.job(job) {
            Ok(()) => self.waiting = Some(Box::new(waiting)),
            Err(_) => self.busy(command, io),
        }
    }

    fn sign_in(&mut self, io: &mut Io<'_>) {
        let (Some(nick), Some(user)) = (self.nick_wish.take(), self.user.clone()) else { return };
        let (user, realname) = *user;
        let shared = io.shared.clone();
        let resumable = self.draw_tokens(&io.shared.ambient);
        let lobby =
            shared.config.rooms.lobby_join.then(|| RoomName::new(&shared.config.rooms.lobby).ok()).flatten();
        self.stage = Stage::SigningIn;
        // What comes behind it on the wire is for somebody who is in, or has to choose another name.
        io.hold();
        io.submit(Command::SignIn(Box::new(SignIn {
            session: io.meta.session,
            node: shared.node,
            nick: *nick,
            user,
            host: cloak(&shared.cloak_key, io.meta.peer.ip()).into(),
            realname,
            account: self.account,
            resumable,
            resume: self.tokens.take_resume(),
            stem: self.tokens.stem(),
            rooms: lobby.into_iter().collect(),
            rejoin: true,
        })));
    }

    /// The chat has let the session in.
    pub(super) fn signed_in(&mut self, card: &Card, io: &mut Io<'_>) {
        self.stage = Stage::Online;
        io.release();
        self.nick = card.nick.text();
        self.mask_len = card.mask().len();
        self.password = None;
        self.user = None;
        self.welcome(card, io);
        self.give_token(card.account.as_ref(), io);
    }

    /// The name was refused while signing in: the connection stays, another name may be tried.
    pub(super) fn back_to_registering(&mut self, io: &mut Io<'_>) {
        if self.stage == Stage::SigningIn {
            self.stage = Stage::Registering;
            io.release();
        }
    }
}

/// A user name as others see it: what the client says is not checked, so it is marked, and kept short.
fn user_name(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(USER_LEN_MAX - 1)
        .collect();
    if clean.is_empty() { "~user".into() } else { format!("~{clean}") }
}
