//! One person at a bare terminal, from the greeting to the farewell.

use std::sync::Arc;

use salotto_core::{
    AccountId, Card, Command, Ending, Event, Leaving, NameError, Nick, PersonId, PostTarget, Refusal, RoomId,
    RoomName, SignIn,
};

use super::clean;
use super::command::{self, Input};
use super::earlier::Earlier;
use super::render;
use super::text::Text;
use crate::adapter::{Plan, Style};
use crate::cloak::cloak;
use crate::config::Language;
use crate::hub::{Answer, Query, Turn};
use crate::jobs::{Job, JobResult};
use crate::shard::{Close, Io, Outgoing};
use crate::text::cut;

/// How many wrong passwords one connection may try.
const FAILURES_MAX: u32 = 5;
/// The user name (`ident`) of everybody at a bare terminal.
const USER: &str = "plain";

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server's password is asked for.
    Password,
    /// A name is asked for.
    Name,
    /// One was given; the chat decides.
    SigningIn,
    /// The name is accepted, the first room is being shown.
    Arriving,
    /// Is in.
    Online,
}

/// What a password that is being checked or hashed is for.
#[derive(Debug)]
pub(super) enum Waiting {
    /// Getting in at all.
    ServerPassword,
    /// An account; the name is taken too where there is none yet.
    LogIn(Nick),
    /// Making an account of this name.
    Register(Nick),
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) language: Language,
    pub(super) stage: Stage,
    pub(super) waiting: Option<Waiting>,
    failures: u32,
    person: Option<PersonId>,
    /// How others see the person, once signed in.
    pub(super) card: Option<Arc<Card>>,
    /// The rooms one is in, in the order of entering.
    pub(super) rooms: Vec<(RoomId, RoomName)>,
    /// Where typed lines are said.
    pub(super) current: Option<(RoomId, RoomName)>,
    /// Becomes the current room on entering it.
    pub(super) wanted: Option<RoomName>,
    pub(super) earlier: Option<Earlier>,
}

impl Session {
    /// A session on a fresh connection.
    pub fn new(language: Language) -> Session {
        Session {
            language,
            stage: Stage::Name,
            waiting: None,
            failures: 0,
            person: None,
            card: None,
            rooms: Vec::new(),
            current: None,
            wanted: None,
            earlier: None,
        }
    }

    /// Greets, and asks for a name.
    pub fn opened(&mut self, io: &mut Io<'_>) {
        let shared = io.shared.clone();
        self.word(Text::Greeting { network: &shared.config.server.network }, io);
        if self.language == Language::Auto {
            self.word(Text::Languages, io);
        }
        if shared.config.server.password.is_some() {
            self.stage = Stage::Password;
        }
        self.prompt(io);
    }

    /// A line has come.
    pub fn line(&mut self, line: &str, io: &mut Io<'_>) {
        io.begin(false);
        match clean::typed(line).as_deref() {
            None => io.close(Close::Quit(None)),
            Some("") => {}
            Some(typed) => self.typed(typed, io),
        }
        io.end(None);
    }

    /// A line was longer than lines may be.
    pub fn overlong(&mut self, io: &mut Io<'_>) {
        io.begin(false);
        self.word(Text::TooLong, io);
        io.end(None);
    }

    /// A line was not UTF-8.
    pub fn not_utf8(&mut self, io: &mut Io<'_>) {
        io.begin(false);
        self.word(Text::NotUtf8, io);
        io.end(None);
    }

    fn typed(&mut self, line: &str, io: &mut Io<'_>) {
        match command::read(line) {
            Input::Leave(word) => io.close(Close::Quit(word.map(|word| cut(word, WORD_LEN_MAX).into()))),
            Input::Help => self.help(io),
            Input::Incomplete(command) => self.word(Text::Usage(command), io),
            Input::Speak(language) => {
                self.language = language;
                self.word(Text::Language, io);
                self.prompt(io);
            }
            input => match self.stage {
                Stage::Password => self.check(Waiting::ServerPassword, line, io),
                Stage::Name | Stage::SigningIn => self.name_typed(&input, io),
                Stage::Arriving | Stage::Online => self.online(input, io),
            },
        }
    }

    fn name_typed(&mut self, input: &Input<'_>, io: &mut Io<'_>) {
        match *input {
            Input::Say(name) => {
                if let Some(nick) = self.nick(name, io) {
                    self.sign_in(nick, None, io);
                } else {
                    self.prompt(io);
                }
            }
            Input::LogIn { name, password } => match self.nick(name, io) {
                Some(nick) => self.check(Waiting::LogIn(nick), password, io),
                None => self.prompt(io),
            },
            Input::Unknown(word) => {
                self.word(Text::Unknown { word }, io);
                self.prompt(io);
            }
            _ => {
                self.word(Text::NameFirst, io);
                self.prompt(io);
            }
        }
    }

    /// Asks for what is needed next, where something is.
    pub(super) fn prompt(&mut self, io: &mut Io<'_>) {
        match self.stage {
            Stage::Password => self.word(Text::AskPassword, io),
            Stage::Name => self.word(Text::AskName, io),
            Stage::SigningIn | Stage::Arriving | Stage::Online => {}
        }
    }

    /// A name as somebody wrote it, or a refusal.
    pub(super) fn nick(&mut self, name: &str, io: &mut Io<'_>) -> Option<Nick> {
        let len_max = io.shared.config.limits.nick_len;
        let error = match Nick::new(name) {
            Ok(nick) if nick.as_str().len() <= len_max => return Some(nick),
            Ok(_) => NameError::TooLong,
            Err(error) => error,
        };
        self.word(Text::BadName(error, len_max), io);
        None
    }

    fn sign_in(&mut self, nick: Nick, account: Option<AccountId>, io: &mut Io<'_>) {
        let shared = io.shared.clone();
        let lobby =
            shared.config.rooms.lobby_join.then(|| RoomName::new(&shared.config.rooms.lobby).ok()).flatten();
        self.stage = Stage::SigningIn;
        self.wanted = lobby.clone();
        io.submit(Command::SignIn(Box::new(SignIn {
            session: io.meta.session,
            node: shared.node,
            realname: nick.as_str().into(),
            nick,
            user: USER.into(),
            host: cloak(&shared.cloak_key, io.meta.peer.ip()).into(),
            account,
            resumable: None,
            resume: None,
            stem: None,
            rooms: lobby.into_iter().collect(),
            rejoin: true,
        })));
        self.wait(io);
    }

    /// Handles no further line until what was just asked for has had its effect: what it means depends on that.
    #[expect(clippy::unused_self, reason = "the answer is this session's")]
    pub(super) fn wait(&mut self, io: &mut Io<'_>) {
        io.hold();
        // Nothing else in this adapter asks who is present, so the answer is known for what it is.
        io.ask(Query::Present(Vec::new()));
    }

    /// Takes lines again, once nothing is awaited.
    fn go_on(&mut self, io: &mut Io<'_>) {
        if self.earlier.is_some() || self.stage == Stage::SigningIn {
            return;
        }
        io.release();
        self.wanted = None;
        if self.stage == Stage::Arriving {
            self.stage = Stage::Online;
            if self.current.is_none() {
                self.go_somewhere(io);
            }
        }
    }

    /// Has a password checked or hashed, where not too many wrong ones came from there.
    pub(super) fn check(&mut self, waiting: Waiting, password: &str, io: &mut Io<'_>) {
        let guess = !matches!(waiting, Waiting::Register(_));
        if guess && !io.shared.failures.allows(io.meta.peer.ip(), io.shared.ambient.instant()) {
            self.word(Text::TooManyGuesses, io);
            return self.prompt(io);
        }
        let (from, password) = (io.meta.peer.ip(), password.to_owned());
        let job = match &waiting {
            Waiting::ServerPassword => {
                Job::Check { from, expected: io.shared.config.server.password.clone(), given: password }
            }
            Waiting::LogIn(nick) => Job::Authenticate { from, account: nick.as_str().to_owned(), password },
            Waiting::Register(_) => Job::Hash { from, password },
        };
        match io.job(job) {
            Ok(()) => self.waiting = Some(waiting),
            Err(_) => self.word(Text::Busy, io),
        }
    }

    /// The result of a job.
    pub fn job_done(&mut self, result: JobResult, io: &mut Io<'_>) {
        match result {
            JobResult::Checked(true) => {
                self.waiting = None;
                self.stage = Stage::Name;
                self.prompt(io);
            }
            JobResult::Checked(false) => self.wrong_password(Text::WrongPassword, io),
            JobResult::Authenticated(None) => self.wrong_password(Text::LoginFailed, io),
            JobResult::Authenticated(Some(account)) => match self.waiting.take() {
                Some(Waiting::LogIn(nick)) if self.stage == Stage::Name => {
                    self.sign_in(nick, Some(account), io);
                }
                Some(Waiting::LogIn(_)) => io.submit(Command::LogIn { session: io.meta.session, account }),
                _ => {}
            },
            JobResult::Hashed(verifier) => match (self.waiting.take(), verifier) {
                (Some(Waiting::Register(name)), Some(verifier)) => {
                    let (session, verifier) = (io.meta.session, verifier.into());
                    io.submit(Command::Register { session, name, verifier });
                }
                _ => self.word(Text::Busy, io),
            },
            JobResult::History(posts) => self.show_earlier(&posts, io),
            JobResult::Failed if self.waiting.take().is_some() => self.word(Text::Busy, io),
            JobResult::Failed | JobResult::Targets(_) | JobResult::Rehashed { .. } => self.show_aside(io),
        }
        if self.waiting.is_none() {
            self.go_on(io);
        }
    }

    fn wrong_password(&mut self, text: Text<'_>, io: &mut Io<'_>) {
        self.waiting = None;
        self.failures += 1;
        io.shared.failures.count(io.meta.peer.ip(), io.shared.ambient.instant());
        tracing::info!(
            target: "salotto::session", event = "error", connection = io.meta.session.0,
            address = %io.meta.peer.ip(), reason = "wrong password",
        );
        self.word(text, io);
        if self.failures >= FAILURES_MAX {
            io.close(Close::broken("too many wrong passwords"));
        } else {
            self.prompt(io);
        }
    }

    /// What to do with an event.
    pub fn plan(&self, _turn: &Turn, event: &Event) -> Plan {
        // While lines are put aside, all must pass through the session.
        let shared = if self.puts_aside() { Plan::Own } else { Plan::Shared };
        let unless_me = |person: PersonId| if self.person == Some(person) { Plan::Own } else { shared };
        match event {
            Event::Posted(posted) if !render::is_for_people(posted.kind, &posted.text) => Plan::Skip,
            Event::Posted(posted) => match &posted.target {
                PostTarget::Room(room, _) if self.is_current(*room) => shared,
                _ => Plan::Own,
            },
            Event::Joined { person, .. } | Event::Parted { person, .. } | Event::Kicked { person, .. } => {
                unless_me(*person)
            }
            Event::Renamed { person, .. } => unless_me(*person),
            // One's own end is told by the farewell, everybody's at once by the server.
            Event::Quit { person, why, .. } if self.person == Some(*person) || *why == Leaving::Closing => {
                Plan::Skip
            }
            Event::Quit { .. } | Event::TopicChanged { .. } | Event::ModesChanged { .. } => shared,
            Event::SignedIn { .. }
            | Event::Ended { .. }
            | Event::Attached { .. }
            | Event::Topic { .. }
            | Event::Names(_)
            | Event::Invited { .. }
            | Event::RecipientAway { .. }
            | Event::Registered { .. }
            | Event::LoggedIn { .. }
            | Event::Refused(_) => Plan::Own,
            Event::RealnameChanged { .. }
            | Event::AwayChanged { .. }
            | Event::AccountChanged { .. }
            | Event::OwnModeChanged { .. }
            | Event::Repeated(_)
            | Event::InviteSent { .. }
            | Event::ReadMarker { .. }
            // A bare terminal has no token, so it is no device.
            | Event::Recognised { .. }
            | Event::DeviceAdded { .. }
            | Event::Devices(_)
            | Event::DevicesRevoked { .. }
            | Event::PasswordChanged { .. }
            | Event::Pong { .. } => Plan::Skip,
        }
    }

    /// What shared bytes for this session depend on.
    pub fn style(&self) -> Style {
        Style::Plain(self.language)
    }

    /// An event that is shown in the session's own way.
    pub fn event(&mut self, turn: &Turn, event: &Event, io: &mut Io<'_>) {
        let mine = |person: &PersonId| self.person == Some(*person);
        match event {
            Event::SignedIn { person, card, .. } => self.signed_in(*person, card, io),
            Event::Joined { room, name, person, .. } if mine(person) => {
                self.entered(*room, name, turn.seq, io);
            }
            Event::Attached { room, name, .. } => self.entered(*room, name, turn.seq, io),
            Event::Topic { name, topic, .. } => self.topic_shown(name, topic.as_ref(), io),
            Event::Names(roster) => self.arrived(roster, io),
            Event::Parted { room, name, person, .. } if mine(person) => {
                self.word(Text::PartedYou { room: name.as_str() }, io);
                self.left(*room, io);
            }
            Event::Kicked { room, name, person, by, reason, .. } if mine(person) => {
                let reason = reason.as_deref().map(clean::shown);
                let (by, reason) = (by.nick.as_str(), reason.as_deref());
                self.word(Text::KickedYou { room: name.as_str(), by, reason }, io);
                self.left(*room, io);
            }
            Event::Renamed { person, card, .. } if mine(person) => {
                self.card = Some(card.clone());
                self.word(Text::RenamedYou { name: card.nick.as_str() }, io);
            }
            Event::Posted(posted) => {
                let mark = self.mark(posted);
                self.show(|bytes| render::post(&mark, posted, bytes), io);
            }
            Event::Invited { name, card, by } => {
                let (name, room, by) = (card.nick.as_str(), name.as_str(), by.nick.as_str());
                let me = self.card.as_ref().is_some_and(|me| me.nick == card.nick);
                self.word(
                    if me { Text::InvitedYou { room, by } } else { Text::Invited { name, room, by } },
                    io,
                );
            }
            Event::RecipientAway { nick, message } => {
                self.word(Text::Away { name: nick.as_str(), message: &clean::shown(message) }, io);
            }
            Event::Registered { account, .. } => {
                io.shared.registrations.count(io.meta.peer.ip(), io.shared.ambient.instant());
                io.shared.jobs.trust(io.meta.peer.ip(), account.as_str());
                self.word(Text::Registered { account: account.as_str() }, io);
            }
            Event::LoggedIn { account, card } => {
                self.card = card.clone().or(self.card.take());
                self.word(Text::LoggedIn { account: account.as_str() }, io);
            }
            Event::Refused(refusal) => self.refused(refusal, io),
            shared => {
                let language = self.language;
                self.show(|bytes| render::render(turn, shared, language, bytes), io);
            }
        }
    }

    fn signed_in(&mut self, person: PersonId, card: &Arc<Card>, io: &mut Io<'_>) {
        self.stage = Stage::Arriving;
        self.person = Some(person);
        self.card = Some(card.clone());
        self.word(Text::Welcome { name: card.nick.as_str() }, io);
        self.word(Text::HowToLeave, io);
        let shared = io.shared.clone();
        for line in &shared.motd {
            let line = clean::shown(line);
            io.line(|bytes| bytes.extend_from_slice(format!("{line}\r\n").as_bytes()));
        }
    }

    fn refused(&mut self, refusal: &Refusal, io: &mut Io<'_>) {
        self.word(Text::Refused(refusal), io);
        if self.stage == Stage::SigningIn {
            self.stage = Stage::Name;
            self.prompt(io);
        }
    }

    /// The answer to a question of this session.
    pub fn answer(&mut self, _turn: &Turn, answer: &Answer, io: &mut Io<'_>) {
        match answer {
            Answer::Present(_) => self.go_on(io),
            Answer::Readable(conversation) => {
                self.read_earlier(*conversation, io);
                self.go_on(io);
            }
            Answer::Names(room, roster) => self.members_listed(room, roster.as_ref(), io),
            Answer::Topic(_, Some((room, topic))) => self.topic_told(room, topic.as_ref(), io),
            Answer::Topic(room, None) => self.word(Text::Refused(&Refusal::NoSuchRoom(room.clone())), io),
            Answer::Rooms(rooms) => self.rooms_listed(rooms, io),
            // Nothing else is asked.
            _ => {}
        }
    }

    /// A word of the server, for those who are in.
    pub fn announce(&mut self, text: &str, io: &mut Io<'_>) {
        if self.person.is_some() {
            let line = format!("*** {}\r\n", clean::shown(text));
            self.show(|bytes| bytes.extend_from_slice(line.as_bytes()), io);
        }
    }

    /// A bare terminal cannot answer; the system's keep-alive finds out who is gone.
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "all adapters are asked alike")]
    pub fn ping(&mut self, _io: &mut Io<'_>) {}

    /// The last line.
    pub fn farewell(&mut self, close: &Close, out: &mut Outgoing) {
        if let Some(aside) =
            self.earlier.take().and_then(|earlier| earlier.aside).filter(|aside| !aside.is_empty())
        {
            out.line(|bytes| bytes.extend_from_slice(&aside));
        }
        let name = self.card.as_ref().map(|card| card.nick.as_str());
        let (by_clean, reason_clean);
        let text = match close {
            Close::Quit(_) => Text::Goodbye { name },
            Close::Broken(reason) | Close::Gone(reason) => Text::Closing { reason },
            Close::Ended(Ending::Replaced) => Text::Replaced,
            Close::Ended(Ending::Revoked) => Text::SignedOut,
            Close::Ended(Ending::Left(Leaving::Killed { by, reason })) => {
                (by_clean, reason_clean) = (clean::shown(by), clean::shown(reason));
                Text::KilledYou { by: &by_clean, reason: &reason_clean }
            }
            Close::Ended(Ending::Left(_)) => Text::Goodbye { name },
            Close::Server(reason) => Text::ServerClosed { reason },
        };
        out.line(|bytes| text.line("", self.language, bytes));
    }

    /// Tells the person something.
    pub(super) fn word(&mut self, text: Text<'_>, io: &mut Io<'_>) {
        let language = self.language;
        self.show(|bytes| text.line("", language, bytes), io);
    }
}

/// How long the word of somebody who leaves may be, in bytes.
const WORD_LEN_MAX: usize = 300;
