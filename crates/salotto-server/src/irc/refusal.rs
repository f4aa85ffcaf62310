//! Why something cannot be done, as numerics and standard replies. The one place that turns refusals into lines.

use salotto_core::{JoinBar, Nick, Refusal, SpeakBar};
use salotto_wire::numeric;

use super::Session;
use crate::shard::Io;

impl Session {
    /// Tells the client of a refusal.
    pub(super) fn refused(&mut self, refusal: &Refusal, io: &mut Io<'_>) {
        match refusal {
            Refusal::NickInUse(nick) => self.name_taken(nick, "Nickname is already in use", io),
            Refusal::NickReserved(nick) => {
                self.name_taken(nick, "Nickname is reserved by a registered account; sign in to use it", io);
            }
            Refusal::NickLooksLike(nick, other) => {
                let reason = format!("Nickname looks too much like {other}");
                self.name_taken(nick, &reason, io);
            }
            Refusal::NotSignedIn => {
                self.reply(io, numeric::ERR_NOTREGISTERED, |line| line.trailing("You have not registered"));
            }
            Refusal::AlreadySignedIn => {
                self.reply(io, numeric::ERR_ALREADYREGISTERED, |line| {
                    line.trailing("You may not reregister")
                });
            }
            Refusal::NoSuchNick(nick) => self.no_such_nick(nick, io),
            Refusal::NoSuchRoom(room) => self.no_such_channel(room, io),
            Refusal::NotInRoom(room) => self.reply(io, numeric::ERR_NOTONCHANNEL, |line| {
                line.param(room.as_str()).trailing("You're not on that channel")
            }),
            Refusal::TargetNotInRoom(nick, room) => self.reply(io, numeric::ERR_USERNOTINCHANNEL, |line| {
                line.param(nick).param(room.as_str()).trailing("They aren't on that channel")
            }),
            Refusal::TargetInRoom(nick, room) => self.reply(io, numeric::ERR_USERONCHANNEL, |line| {
                line.param(nick.as_str()).param(room.as_str()).trailing("is already on channel")
            }),
            Refusal::CannotSpeak(room, bar) => {
                let reason = match bar {
                    SpeakBar::NotMember => "Cannot send to channel: you are not in it",
                    SpeakBar::Moderated => "Cannot send to channel: it is moderated",
                    SpeakBar::Banned => "Cannot send to channel: you are banned",
                };
                self.reply(io, numeric::ERR_CANNOTSENDTOCHAN, |line| {
                    line.param(room.as_str()).trailing(reason)
                });
            }
            Refusal::CannotJoin(room, bar) => {
                let (numeric, reason) = match bar {
                    JoinBar::InviteOnly => (numeric::ERR_INVITEONLYCHAN, "Cannot join channel (+i)"),
                    JoinBar::BadKey => (numeric::ERR_BADCHANNELKEY, "Cannot join channel (+k)"),
                    JoinBar::Full => (numeric::ERR_CHANNELISFULL, "Cannot join channel (+l)"),
                    JoinBar::Banned => (numeric::ERR_BANNEDFROMCHAN, "Cannot join channel (+b)"),
                    JoinBar::TooManyRooms => {
                        (numeric::ERR_TOOMANYCHANNELS, "You have joined too many channels")
                    }
                    JoinBar::TooManyMade => (
                        numeric::ERR_TOOMANYCHANNELS,
                        "You have made too many channels that nobody else is in",
                    ),
                    JoinBar::ServerFull => (numeric::ERR_TOOMANYCHANNELS, "The server has too many channels"),
                };
                self.reply(io, numeric, |line| line.param(room.as_str()).trailing(reason));
            }
            Refusal::NotRoomOperator(room) => self.reply(io, numeric::ERR_CHANOPRIVSNEEDED, |line| {
                line.param(room.as_str()).trailing("You're not channel operator")
            }),
            Refusal::NotOperator => self.reply(io, numeric::ERR_NOPRIVILEGES, |line| {
                line.trailing("Permission Denied- You're not an IRC operator")
            }),
            Refusal::BanListFull(room, mask) => self.reply(io, numeric::ERR_BANLISTFULL, |line| {
                line.param(room.as_str()).param(mask).trailing("Channel list is full")
            }),
            Refusal::AccountExists(name) => {
                self.fail(
                    io,
                    "REGISTER",
                    "ACCOUNT_EXISTS",
                    &[name.as_str()],
                    "An account of that name exists already",
                );
            }
            Refusal::AccountNameInUse(name) => {
                self.fail(
                    io,
                    "REGISTER",
                    "USERNAME_IN_USE",
                    &[name.as_str()],
                    "Somebody is using that name now",
                );
            }
            Refusal::AlreadyLoggedIn(name) => {
                let text = "You are signed in to an account already";
                self.fail(io, "REGISTER", "ALREADY_AUTHENTICATED", &[name.as_str()], text);
            }
            Refusal::NoAccount => self.account_required(io),
            Refusal::UnknownResumeToken => self.token_unknown(io),
            Refusal::NoSuchDevice(id) => self.no_such_device(&super::device::written(*id), io),
        }
    }

    fn name_taken(&mut self, nick: &Nick, reason: &str, io: &mut Io<'_>) {
        self.reply(io, numeric::ERR_NICKNAMEINUSE, |line| line.param(nick.as_str()).trailing(reason));
        self.back_to_registering(io);
    }

    pub(super) fn no_such_nick(&self, nick: &str, io: &mut Io<'_>) {
        self.reply(io, numeric::ERR_NOSUCHNICK, |line| line.param(nick).trailing("No such nick"));
    }

    pub(super) fn no_such_channel(&self, room: &str, io: &mut Io<'_>) {
        self.reply(io, numeric::ERR_NOSUCHCHANNEL, |line| line.param(room).trailing("No such channel"));
    }
}
