//! Commands of IRC: each message becomes submissions, or an answer at once.

use std::sync::Arc;

use salotto_core::{Command, NameError, Post, PostKind, RoomName, Timestamp};
use salotto_wire::{BODY_LEN_MAX, Capability, Message, numeric, server_time};

use super::registration::REALNAME_LEN_MAX;
use super::{Session, Stage, modes};
use crate::hub::Query;
use crate::shard::{Close, Io};
use crate::text::cut;

/// How many rooms or people one line may name.
const TARGETS_MAX: usize = 20;
/// To how many one line may be said.
const RECIPIENTS_MAX: usize = 4;
/// The client-only tag that carries a post's token.
const TOKEN_TAG: &str = "+salotto.chat/token";
/// How many bytes of a ping come back: what one line has room for behind the server's name.
const PING_LEN_MAX: usize = 360;
/// How long a token may be, in bytes.
const TOKEN_LEN_MAX: usize = 64;

impl Session {
    /// Does what one message asks.
    pub(super) fn dispatch(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let mut upper = [0u8; 16];
        let command = upper_case(message.command(), &mut upper);
        match command {
            "CAP" => return self.cap(message, io),
            "PING" => return self.ping_from_client(message, io),
            "PONG" => return,
            "QUIT" => return self.quit(message, io),
            "NICK" => return self.nick(message, io),
            "USER" => return self.user(message, io),
            "PASS" => return self.pass(message, io),
            "AUTHENTICATE" => return self.authenticate(message, io),
            "REGISTER" => return self.register(message, io),
            "RESUME" => return self.resume(message, io),
            // Somebody's browser or proxy has lost its way; nothing it sends is meant for us.
            "GET" | "POST" | "HEAD" | "PUT" | "OPTIONS" | "CONNECT" if self.stage == Stage::Registering => {
                return io.close(Close::broken("this is not a web server"));
            }
            _ if self.stage != Stage::Online => {
                return self
                    .reply(io, numeric::ERR_NOTREGISTERED, |line| line.trailing("You have not registered"));
            }
            _ => {}
        }
        match command {
            "PRIVMSG" => self.say(message, PostKind::Message, io),
            "NOTICE" => self.say(message, PostKind::Notice, io),
            "TAGMSG" => self.say(message, PostKind::Tags, io),
            "JOIN" => self.join(message, io),
            "PART" => self.part(message, io),
            "TOPIC" => self.topic(message, io),
            "NAMES" => self.names(message, io),
            "LIST" => io.ask(Query::Rooms(message.param(0).unwrap_or_default().into())),
            "WHO" => self.who(message, io),
            "WHOIS" => self.whois(message, io),
            "MODE" => self.mode(message, io),
            "KICK" => self.kick(message, io),
            "INVITE" => self.invite(message, io),
            "AWAY" => self.away(message, io),
            "SETNAME" => self.setname(message, io),
            "MOTD" => self.motd(io),
            "LUSERS" => io.ask(Query::Counts),
            "VERSION" => self.version(io),
            "TIME" => self.time(io),
            "ISON" => self.ison(message, io),
            "USERHOST" => self.userhost(message, io),
            "OPER" => self.oper(message, io),
            "PASSWD" => self.passwd(message, io),
            "KILL" => self.kill(message, io),
            "MARKREAD" => self.markread(message, io),
            "CHATHISTORY" => self.chathistory(message, io),
            unknown => self.reply(io, numeric::ERR_UNKNOWNCOMMAND, |line| {
                line.param(cut(unknown, 32)).trailing("Unknown command")
            }),
        }
    }

    fn ping_from_client(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(token) = message.param(0) else { return self.need_more_params(io, "PING") };
        let token = cut(token, PING_LEN_MAX);
        if self.stage == Stage::Online {
            io.submit(Command::Ping { session: io.meta.session, token: token.into() });
        } else {
            let server = super::server_name(io).to_owned();
            io.line(|bytes| {
                salotto_wire::Line::new(bytes)
                    .source(&server)
                    .command("PONG")
                    .param(&server)
                    .trailing(token)
                    .end();
            });
        }
    }

    fn quit(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let word = message.param(0).filter(|word| !word.is_empty()).map(|word| cut(word, 300).into());
        io.close(Close::Quit(word));
    }

    fn say(&self, message: &Message<'_>, kind: PostKind, io: &mut Io<'_>) {
        let Some(targets) = message.param(0).filter(|targets| !targets.is_empty()) else {
            return match kind {
                PostKind::Message => self.reply(io, numeric::ERR_NORECIPIENT, |line| {
                    line.trailing("No recipient given (PRIVMSG)")
                }),
                _ => self.need_more_params(io, message.command()),
            };
        };
        let text = message.param(1).unwrap_or_default();
        if text.is_empty() && kind != PostKind::Tags {
            return self.reply(io, numeric::ERR_NOTEXTTOSEND, |line| line.trailing("No text to send"));
        }
        if kind != PostKind::Tags && !self.writable(io, message.command()) {
            return;
        }
        let token = message
            .tag(TOKEN_TAG)
            .filter(|token| !token.is_empty() && token.len() <= TOKEN_LEN_MAX)
            .map(|token| Arc::<str>::from(&*token));
        let tags = client_only(message.raw_tags());
        let text: Arc<str> = text.into();
        for target in targets.split(',').filter(|target| !target.is_empty()).take(RECIPIENTS_MAX) {
            // With the sender's name before it, it would be longer than a line, and its readers miss the end.
            let shown_len = [": ", message.command(), " ", target, " :", &text, "\r\n"]
                .map(str::len)
                .iter()
                .sum::<usize>();
            if shown_len + self.mask_len > BODY_LEN_MAX {
                self.too_long(io);
                continue;
            }
            io.submit(Command::Post(Box::new(Post {
                session: io.meta.session,
                target: target.into(),
                kind,
                text: text.clone(),
                tags: tags.clone(),
                token: token.clone(),
            })));
        }
        if let Some(beyond) = targets.split(',').filter(|target| !target.is_empty()).nth(RECIPIENTS_MAX) {
            self.reply(io, numeric::ERR_TOOMANYTARGETS, |line| {
                line.param(beyond).trailing("Too many recipients")
            });
        }
    }

    fn join(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(rooms) = message.param(0).filter(|rooms| !rooms.is_empty()) else {
            return self.need_more_params(io, "JOIN");
        };
        // "JOIN 0" would leave all rooms (RFC 2812); nobody means it any more, and it is easily sent by mistake.
        let mut keys = message.param(1).unwrap_or_default().split(',');
        for room in rooms.split(',').filter(|room| !room.is_empty()).take(TARGETS_MAX) {
            let key = keys.next().filter(|key| !key.is_empty()).map(Into::into);
            if let Some(room) = self.room_name(room, io) {
                io.submit(Command::Join { session: io.meta.session, room, key });
            }
        }
    }

    /// A room's name as somebody wrote it, or a refusal.
    fn room_name(&self, text: &str, io: &mut Io<'_>) -> Option<RoomName> {
        match RoomName::new(text) {
            Ok(room) if text.len() <= io.shared.config.limits.room_len => Some(room),
            Err(NameError::NotARoom | NameError::Empty) => {
                self.no_such_channel(text, io);
                None
            }
            _ => {
                self.reply(io, numeric::ERR_BADCHANMASK, |line| {
                    line.param(text).trailing("Bad Channel Mask")
                });
                None
            }
        }
    }

    fn part(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(rooms) = message.param(0).filter(|rooms| !rooms.is_empty()) else {
            return self.need_more_params(io, "PART");
        };
        let reason: Option<Arc<str>> =
            message.param(1).filter(|reason| !reason.is_empty()).map(|reason| cut(reason, 300).into());
        for room in rooms.split(',').filter(|room| !room.is_empty()).take(TARGETS_MAX) {
            match RoomName::new(room) {
                Ok(room) => {
                    io.submit(Command::Part { session: io.meta.session, room, reason: reason.clone() })
                }
                Err(_) => self.no_such_channel(room, io),
            }
        }
    }

    fn topic(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(room) = message.param(0) else { return self.need_more_params(io, "TOPIC") };
        let Some(topic) = message.param(1) else { return io.ask(Query::Topic(room.into())) };
        if !self.writable(io, "TOPIC") {
            return;
        }
        let topic = cut(topic, io.shared.config.limits.topic_len).into();
        match RoomName::new(room) {
            Ok(room) => io.submit(Command::SetTopic { session: io.meta.session, room, topic }),
            Err(_) => self.no_such_channel(room, io),
        }
    }

    fn names(&self, message: &Message<'_>, io: &mut Io<'_>) {
        match message.param(0).filter(|rooms| !rooms.is_empty()) {
            // All names of all rooms is more than anybody wants; RFC 2812 lets a server answer with nothing.
            None => self.end_of_names("*", io),
            Some(rooms) => {
                for room in rooms.split(',').take(TARGETS_MAX) {
                    io.ask(Query::Names(room.into()));
                }
            }
        }
    }

    fn who(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(mask) = message.param(0).filter(|mask| !mask.is_empty()) else {
            return self.need_more_params(io, "WHO");
        };
        let note = message.param(1).unwrap_or_default();
        io.ask(Query::Who { mask: mask.into(), note: note.into() });
    }

    fn whois(&self, message: &Message<'_>, io: &mut Io<'_>) {
        // With two parameters the first names a server, and there is one.
        match message.param(1).or(message.param(0)).filter(|nick| !nick.is_empty()) {
            Some(nick) => io.ask(Query::Whois(nick.into())),
            None => self.reply(io, numeric::ERR_NONICKNAMEGIVEN, |line| line.trailing("No nickname given")),
        }
    }

    fn mode(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let Some(target) = message.param(0) else { return self.need_more_params(io, "MODE") };
        let Some(letters) = message.param(1) else {
            return if target.starts_with('#') {
                io.ask(Query::RoomModes(target.into()));
            } else if self.is_own(target) {
                io.ask(Query::OwnMarks);
            } else {
                self.reply(io, numeric::ERR_USERSDONTMATCH, |line| {
                    line.trailing("Can't view modes for other users")
                });
            };
        };
        if target.starts_with('#') {
            self.room_mode(target, letters, message.params().get(2..).unwrap_or_default(), io);
        } else if self.is_own(target) {
            self.own_mode(letters, io);
        } else {
            self.reply(io, numeric::ERR_USERSDONTMATCH, |line| {
                line.trailing("Can't change mode for other users")
            });
        }
    }

    fn is_own(&self, nick: &str) -> bool {
        salotto_core::nick_key(nick) == salotto_core::nick_key(&self.nick)
    }

    fn room_mode(&self, target: &str, letters: &str, arguments: &[&str], io: &mut Io<'_>) {
        let Ok(room) = RoomName::new(target) else { return self.no_such_channel(target, io) };
        let mut changes = Vec::new();
        for asked in modes::read(letters, arguments) {
            match asked {
                modes::Asked::Change(change) => changes.push(change),
                modes::Asked::Bans => io.ask(Query::Bans(target.into())),
                modes::Asked::Unknown(letter) => {
                    let letter = letter.to_string();
                    self.reply(io, numeric::ERR_UNKNOWNMODE, |line| {
                        line.param(&letter).trailing("is unknown mode char to me")
                    });
                }
                modes::Asked::Invalid(letter, argument, reason) => {
                    let letter = letter.to_string();
                    self.reply(io, numeric::ERR_INVALIDMODEPARAM, |line| {
                        line.param(target).param(&letter).param(&argument).trailing(reason)
                    });
                }
            }
        }
        if !changes.is_empty() && self.writable(io, "MODE") {
            io.submit(Command::SetModes { session: io.meta.session, room, changes });
        }
    }

    fn own_mode(&self, letters: &str, io: &mut Io<'_>) {
        let session = io.meta.session;
        let mut on = true;
        let mut unknown = false;
        for letter in letters.chars() {
            match letter {
                '+' => on = true,
                '-' => on = false,
                'B' => io.submit(Command::SetBot { session, on }),
                'i' => io.submit(Command::SetInvisible { session, on }),
                // Nobody makes themselves an operator.
                'o' if on => {}
                'o' => io.submit(Command::BecomeOperator { session, on: false }),
                _ => unknown = true,
            }
        }
        if unknown {
            self.reply(io, numeric::ERR_UMODEUNKNOWNFLAG, |line| line.trailing("Unknown MODE flag"));
        }
    }

    fn kick(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let [room, nicks, ..] = message.params() else { return self.need_more_params(io, "KICK") };
        let Ok(name) = RoomName::new(room) else { return self.no_such_channel(room, io) };
        let reason: Option<Arc<str>> = message
            .param(2)
            .filter(|reason| !reason.is_empty())
            .map(|reason| cut(reason, io.shared.config.limits.kick_len).into());
        for nick in nicks.split(',').filter(|nick| !nick.is_empty()).take(TARGETS_MAX) {
            let (session, room, nick) = (io.meta.session, name.clone(), nick.into());
            io.submit(Command::Kick { session, room, nick, reason: reason.clone() });
        }
    }

    fn invite(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let [nick, room, ..] = message.params() else { return self.need_more_params(io, "INVITE") };
        match RoomName::new(room) {
            Ok(room) => io.submit(Command::Invite { session: io.meta.session, room, nick: (*nick).into() }),
            Err(_) => self.no_such_channel(room, io),
        }
    }

    #[expect(clippy::unused_self, reason = "all handlers are called alike")]
    fn away(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let len = io.shared.config.limits.away_len;
        let message = message.param(0).filter(|text| !text.is_empty()).map(|text| cut(text, len).into());
        io.submit(Command::SetAway { session: io.meta.session, message });
    }

    fn setname(&self, message: &Message<'_>, io: &mut Io<'_>) {
        match message.param(0).filter(|name| !name.is_empty()) {
            None => self.need_more_params(io, "SETNAME"),
            Some(name) if name.len() > REALNAME_LEN_MAX => {
                self.fail(io, "SETNAME", "INVALID_REALNAME", &[], "Realname is not valid");
            }
            Some(name) => io.submit(Command::SetRealname { session: io.meta.session, realname: name.into() }),
        }
    }

    fn version(&self, io: &mut Io<'_>) {
        let server = super::server_name(io).to_owned();
        self.reply(io, numeric::RPL_VERSION, |line| {
            line.param(super::welcome::VERSION)
                .param(&server)
                .trailing("https://github.com/salotto-chat/salotto")
        });
        self.isupport(io);
    }

    fn time(&self, io: &mut Io<'_>) {
        let server = super::server_name(io).to_owned();
        let now = io.shared.ambient.wall();
        self.reply(io, numeric::RPL_TIME, |line| line.param(&server).trailing(&super::render::time(now)));
    }

    fn ison(&self, message: &Message<'_>, io: &mut Io<'_>) {
        if message.params().is_empty() {
            return self.need_more_params(io, "ISON");
        }
        let nicks = message.params().iter().flat_map(|words| words.split(' ')).take(TARGETS_MAX);
        io.ask(Query::Present(nicks.map(Into::into).collect()));
    }

    fn userhost(&self, message: &Message<'_>, io: &mut Io<'_>) {
        if message.params().is_empty() {
            return self.need_more_params(io, "USERHOST");
        }
        // RFC 2812 section 4.8: five at the most.
        io.ask(Query::Hosts(message.params().iter().take(5).map(|&nick| nick.into()).collect()));
    }

    fn kill(&self, message: &Message<'_>, io: &mut Io<'_>) {
        let [nick, rest @ ..] = message.params() else { return self.need_more_params(io, "KILL") };
        let reason = rest.first().copied().unwrap_or("no reason given");
        let (session, nick, reason) = (io.meta.session, (*nick).into(), cut(reason, 300).into());
        io.submit(Command::Kill { session, nick, reason });
    }

    /// `MARKREAD <target> [timestamp=…]` (IRCv3 `draft/read-marker`).
    fn markread(&self, message: &Message<'_>, io: &mut Io<'_>) {
        if !self.has(Capability::ReadMarker) {
            let command = "MARKREAD";
            return self.reply(io, numeric::ERR_UNKNOWNCOMMAND, |line| {
                line.param(command).trailing("Unknown command")
            });
        }
        let Some(target) = message.param(0).filter(|target| !target.is_empty()) else {
            return self.fail(io, "MARKREAD", "NEED_MORE_PARAMS", &[], "Missing parameters");
        };
        let Some(value) = message.param(1) else { return io.ask(Query::ReadMarker(target.into())) };
        let at = value
            .strip_prefix("timestamp=")
            .and_then(server_time::parse)
            .and_then(|ms| u64::try_from(ms).ok());
        match at {
            None => self.fail(io, "MARKREAD", "INVALID_PARAMS", &[target], "Invalid timestamp"),
            Some(at) => io.submit(Command::MarkRead {
                session: io.meta.session,
                target: target.into(),
                at: Timestamp(at),
            }),
        }
    }
}

/// The command in upper case, in a buffer of the caller's; as it is where it is too long to be known.
fn upper_case<'a>(command: &'a str, buffer: &'a mut [u8; 16]) -> &'a str {
    match buffer.get_mut(..command.len()) {
        Some(buffer) => {
            buffer.copy_from_slice(command.as_bytes());
            buffer.make_ascii_uppercase();
            std::str::from_utf8(buffer).unwrap_or(command)
        }
        None => command,
    }
}

/// The tags that clients send to each other (those with `+`), as they are.
fn client_only(raw: &str) -> Arc<str> {
    if !raw.contains('+') {
        return Arc::default();
    }
    let tags: Vec<&str> = raw.split(';').filter(|tag| tag.starts_with('+')).collect();
    tags.join(";").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_client_only_tags_pass() {
        assert_eq!(&*client_only("label=1;+typing=active;msgid=x;+a"), "+typing=active;+a");
        assert_eq!(&*client_only("label=1"), "");
    }

    #[test]
    fn commands_are_known_in_any_case() {
        assert_eq!(upper_case("privMsg", &mut [0; 16]), "PRIVMSG");
        let long = "x".repeat(40);
        assert_eq!(upper_case(&long, &mut [0; 16]), long);
    }
}
