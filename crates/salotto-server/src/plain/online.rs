//! What somebody does who is in: talking, going from room to room, asking around.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use salotto_core::{
    Command, Member, NameError, Post, PostKind, PostTarget, Posted, Refusal, RoomId, RoomName, RoomSummary,
    Roster, Seq, TopicRecord,
};
use salotto_wire::{BODY_LEN_MAX, ctcp, split::split_text};

use super::clean::shown;
use super::command::{self, Input};
use super::session::{Session, Waiting};
use super::text::Text;
use crate::config::Language;
use crate::hub::Query;
use crate::shard::Io;
use crate::text::cut;

/// How long a piece of a text may be, in bytes, where the line it becomes for IRC clients has room for more.
const PIECE_LEN_MAX: usize = 400;
/// A piece is never shorter than this, in bytes; names are bounded, so there is always room for it.
const PIECE_LEN_MIN: usize = 200;
/// Into how many pieces one line may be cut.
const PIECES_MAX: usize = 8;
/// How many names a list of members shows.
const NAMES_MAX: usize = 100;
/// How many rooms a list of rooms shows.
const ROOMS_MAX: usize = 100;
/// How long a password may be, in bytes.
const PASSWORD_LEN_MAX: usize = 600;

impl Session {
    /// Does what a line asks for.
    pub(super) fn online(&mut self, input: Input<'_>, io: &mut Io<'_>) {
        let session = io.meta.session;
        match input {
            Input::Say(text) => self.say_here(text, false, io),
            Input::Act(text) => self.say_here(text, true, io),
            Input::Message { to, text } => self.say(to, text, false, io),
            Input::Rooms => io.ask(Query::Rooms("".into())),
            Input::Who => {
                if let Some(room) = self.here(io) {
                    io.ask(Query::Names(room.as_str().into()));
                }
            }
            Input::Join { room, key } => self.join(room, key, io),
            Input::Room(room) => self.switch(room, io),
            Input::Part(room) => {
                let room = match room {
                    Some(room) => self.room_name(room, io),
                    None => self.here(io),
                };
                if let Some(room) = room {
                    io.submit(Command::Part { session, room, reason: None });
                    self.wait(io);
                }
            }
            Input::Rename(name) => {
                if let Some(nick) = self.nick(name, io) {
                    io.submit(Command::Rename { session, nick });
                    self.wait(io);
                }
            }
            Input::Topic(topic) => self.topic(topic, io),
            Input::LogIn { name, password } => {
                if let Some(nick) = self.nick(name, io) {
                    self.check(Waiting::LogIn(nick), password, io);
                }
            }
            Input::Register { password } => self.register(password, io),
            Input::Unknown(word) => self.word(Text::Unknown { word }, io),
            // These mean the same at all stages and are handled before.
            Input::Leave(_) | Input::Speak(_) | Input::Help | Input::Incomplete(_) => {}
        }
    }

    /// The commands, each with what it does; one language after the other where none was chosen.
    pub(super) fn help(&mut self, io: &mut Io<'_>) {
        let languages = match self.language {
            Language::Auto => vec![Language::English, Language::Italian],
            chosen => vec![chosen],
        };
        for language in languages {
            let texts = command::Command::ALL.into_iter().map(Text::Help).chain([Text::HelpSlash]);
            for text in texts {
                self.show(|bytes| text.line("", language, bytes), io);
            }
        }
    }

    /// The current room, or a word that there is none.
    fn here(&mut self, io: &mut Io<'_>) -> Option<RoomName> {
        let room = self.current.as_ref().map(|(_, name)| name.clone());
        if room.is_none() {
            self.word(Text::Nowhere, io);
        }
        room
    }

    /// Whether typed lines are said there.
    pub(super) fn is_current(&self, room: RoomId) -> bool {
        self.current.as_ref().is_some_and(|(current, _)| *current == room)
    }

    fn say_here(&mut self, text: &str, action: bool, io: &mut Io<'_>) {
        if let Some(room) = self.here(io) {
            self.say(room.as_str(), text, action, io);
        }
    }

    fn say(&mut self, target: &str, text: &str, action: bool, io: &mut Io<'_>) {
        if self.is_read_only(io) {
            return;
        }
        let pieces: Vec<&str> = split_text(text, self.piece_len(target, action))
            .map(str::trim)
            .filter(|piece| !piece.is_empty())
            .take(PIECES_MAX + 1)
            .collect();
        if pieces.len() > PIECES_MAX {
            return self.word(Text::TooLong, io);
        }
        for piece in pieces {
            let text: Arc<str> = if action { ctcp::to_action(piece).into() } else { piece.into() };
            io.submit(Command::Post(Box::new(Post {
                session: io.meta.session,
                target: target.into(),
                kind: PostKind::Message,
                text,
                tags: "".into(),
                token: None,
            })));
        }
    }

    /// How long a piece may be so that `:nick!user@host PRIVMSG target :piece` fits a line of IRC.
    fn piece_len(&self, target: &str, action: bool) -> usize {
        let mask_len = self.card.as_ref().map_or(0, |card| card.mask().len());
        let frame_len = ": PRIVMSG  :\r\n".len() + if action { ctcp::to_action("").len() } else { 0 };
        BODY_LEN_MAX.saturating_sub(mask_len + target.len() + frame_len).clamp(PIECE_LEN_MIN, PIECE_LEN_MAX)
    }

    /// Whether nothing that must last is taken; says so.
    fn is_read_only(&mut self, io: &mut Io<'_>) -> bool {
        let read_only = io.shared.read_only.load(Ordering::Relaxed);
        if read_only {
            self.word(Text::ReadOnly, io);
        }
        read_only
    }

    /// A room's name as somebody wrote it, the `#` may be missing; or a refusal.
    fn room_name(&mut self, text: &str, io: &mut Io<'_>) -> Option<RoomName> {
        let len_max = io.shared.config.limits.room_len;
        let text = if text.starts_with('#') { text.to_owned() } else { format!("#{text}") };
        let error = match RoomName::new(&text) {
            Ok(room) if text.len() <= len_max => return Some(room),
            Ok(_) => NameError::TooLong,
            Err(error) => error,
        };
        self.word(Text::BadName(error, len_max), io);
        None
    }

    fn join(&mut self, room: &str, key: Option<&str>, io: &mut Io<'_>) {
        let Some(room) = self.room_name(room, io) else { return };
        if self.rooms.iter().any(|(_, name)| *name == room) {
            return self.switch(room.as_str(), io);
        }
        self.wanted = Some(room.clone());
        io.submit(Command::Join { session: io.meta.session, room, key: key.map(Into::into) });
        self.wait(io);
    }

    fn switch(&mut self, room: &str, io: &mut Io<'_>) {
        let Some(name) = self.room_name(room, io) else { return };
        match self.rooms.iter().find(|(_, known)| *known == name).cloned() {
            Some(room) => self.go(room, io),
            None => self.word(Text::Refused(&Refusal::NotInRoom(name)), io),
        }
    }

    /// Talks there from now on.
    fn go(&mut self, room: (RoomId, RoomName), io: &mut Io<'_>) {
        self.word(Text::Here { room: room.1.as_str() }, io);
        self.current = Some(room);
    }

    /// Talks in the first room there is, or nowhere.
    pub(super) fn go_somewhere(&mut self, io: &mut Io<'_>) {
        match self.rooms.first().cloned() {
            Some(room) => self.go(room, io),
            None => self.word(Text::Nowhere, io),
        }
    }

    /// One is in a room now.
    pub(super) fn entered(&mut self, room: RoomId, name: &RoomName, seq: Seq, io: &mut Io<'_>) {
        self.rooms.push((room, name.clone()));
        let wanted = match &self.wanted {
            Some(wanted) => wanted == name,
            None => self.current.is_none(),
        };
        if !wanted {
            return self.word(Text::AlsoIn { room: name.as_str() }, io);
        }
        self.wanted = None;
        self.go((room, name.clone()), io);
        self.ask_earlier(name, seq, io);
    }

    /// One is not in it any more.
    pub(super) fn left(&mut self, room: RoomId, io: &mut Io<'_>) {
        self.rooms.retain(|(known, _)| *known != room);
        if self.is_current(room) {
            self.current = None;
            self.go_somewhere(io);
        }
    }

    /// The topic of a room that one has just entered.
    pub(super) fn topic_shown(&mut self, room: &RoomName, topic: Option<&TopicRecord>, io: &mut Io<'_>) {
        if let Some(topic) = topic.filter(|_| self.is_entering(room)) {
            self.word(Text::Topic { room: room.as_str(), topic: &shown(&topic.text) }, io);
        }
    }

    /// The members of a room that one has just entered: it is shown, and its earlier messages come next.
    pub(super) fn arrived(&mut self, roster: &Roster, io: &mut Io<'_>) {
        if self.is_entering(&roster.room) {
            self.members(roster, io);
            self.put_aside();
        }
    }

    /// Whether one is being shown this room.
    fn is_entering(&self, room: &RoomName) -> bool {
        self.earlier.as_ref().is_some_and(|earlier| earlier.room == *room)
    }

    pub(super) fn members_listed(&mut self, room: &Arc<str>, roster: Option<&Roster>, io: &mut Io<'_>) {
        match roster {
            Some(roster) => self.members(roster, io),
            None => self.word(Text::Refused(&Refusal::NoSuchRoom(room.clone())), io),
        }
    }

    fn members(&mut self, roster: &Roster, io: &mut Io<'_>) {
        let count = roster.members.len();
        let mut members: Vec<_> = roster
            .members
            .iter()
            .map(|Member { roles, card, .. }| {
                let sign = if roles.operator {
                    "@"
                } else if roles.voice {
                    "+"
                } else {
                    ""
                };
                (card.nick.key(), format!("{sign}{}", card.nick))
            })
            .collect();
        members.sort_unstable();
        let mut names: Vec<String> = members.into_iter().take(NAMES_MAX).map(|(_, name)| name).collect();
        if count > NAMES_MAX {
            names.push(format!("… +{}", count - NAMES_MAX));
        }
        self.word(Text::Members { room: roster.room.as_str(), count, names: &names.join(", ") }, io);
    }

    fn topic(&mut self, topic: Option<&str>, io: &mut Io<'_>) {
        let Some(room) = self.here(io) else { return };
        let Some(topic) = topic else { return io.ask(Query::Topic(room.as_str().into())) };
        if self.is_read_only(io) {
            return;
        }
        let topic = cut(topic, io.shared.config.limits.topic_len).into();
        io.submit(Command::SetTopic { session: io.meta.session, room, topic });
    }

    pub(super) fn topic_told(&mut self, room: &RoomName, topic: Option<&TopicRecord>, io: &mut Io<'_>) {
        let room = room.as_str();
        match topic {
            Some(topic) => self.word(Text::Topic { room, topic: &shown(&topic.text) }, io),
            None => self.word(Text::NoTopic { room }, io),
        }
    }

    fn register(&mut self, password: &str, io: &mut Io<'_>) {
        if !io.shared.config.accounts.registration {
            return self.word(Text::NoRegistration, io);
        }
        if password.len() > PASSWORD_LEN_MAX {
            return self.word(Text::BadPassword { min: 1, max: PASSWORD_LEN_MAX }, io);
        }
        if self.is_read_only(io) {
            return;
        }
        if !io.shared.registrations.allows(io.meta.peer.ip(), io.shared.ambient.instant()) {
            return self.word(Text::TooManyAccounts, io);
        }
        if let Some(card) = self.card.clone() {
            self.check(Waiting::Register(card.nick.clone()), password, io);
        }
    }

    pub(super) fn rooms_listed(&mut self, rooms: &[RoomSummary], io: &mut Io<'_>) {
        if rooms.is_empty() {
            return self.word(Text::NoRooms, io);
        }
        self.word(Text::Rooms, io);
        for room in rooms.iter().take(ROOMS_MAX) {
            let topic = room.topic.as_deref().map(shown).unwrap_or_default();
            let line = format!("  {} ({}) {topic}", room.name, room.members);
            let line = line.trim_end();
            self.show(|bytes| bytes.extend_from_slice(format!("{line}\r\n").as_bytes()), io);
        }
        if rooms.len() > ROOMS_MAX {
            self.word(Text::More { count: rooms.len() - ROOMS_MAX }, io);
        }
    }

    /// What stands before a message: nothing in the current room.
    pub(super) fn mark(&self, posted: &Posted) -> String {
        let mine = self.card.as_ref().is_some_and(|card| card.nick == posted.card.nick);
        match &posted.target {
            PostTarget::Room(room, _) if self.is_current(*room) => String::new(),
            PostTarget::Room(_, name) => format!("[{name}] "),
            PostTarget::Person(_, to) if mine => {
                format!("[{}] ", Text::PrivateTo { name: to.as_str() }.speak(self.language))
            }
            PostTarget::Person(..) => format!("[{}] ", Text::Private.speak(self.language)),
        }
    }
}
