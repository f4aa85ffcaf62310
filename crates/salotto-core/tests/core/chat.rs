//! A chat to talk in: people sign in, do things, and hear what the server would show them.
//!
//! Who hears an event is worked out as a server's shard does it, from the events alone. After every command the
//! outcome is compared with the core's own lists, and everything that must always be so is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use salotto_core::{
    AccountId, Audience, Card, Command, Core, Effect, Ending, Event, Leaving, Member, ModeChange, Nick,
    NodeId, Ordered, Origin, Outcome, OwnMode, PersonId, Post, PostKind, PostTarget, Posted, Record, Refusal,
    RoomId, RoomName, Seq, SessionId, SignIn, Timestamp,
};

use crate::durable::Folded;

/// The node that all connections are on, unless a test says otherwise.
pub const NODE: NodeId = NodeId(1);
/// When the first command comes.
pub const FIRST: Timestamp = Timestamp(1_000_000);

/// A chat with an ear for everybody in it.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    pub core: Core,
    /// Every command so far.
    pub log: Vec<Ordered>,
    /// Every record so far, added up.
    pub kept: Folded,
    /// Every record so far.
    pub records: Vec<Record>,
    /// What the last command brought about.
    pub last: Outcome,
    seq: u64,
    at: u64,
    sessions_made: u64,
    heard: BTreeMap<SessionId, Vec<String>>,
    /// Who each session speaks for, as the events tell it.
    people: BTreeMap<SessionId, PersonId>,
    /// Who is in which room, as the events tell it.
    members: BTreeMap<RoomId, BTreeSet<PersonId>>,
    /// How everybody looks, as the events tell it.
    pub cards: BTreeMap<PersonId, Arc<Card>>,
    /// The last post heard by each session in each room.
    posts: BTreeMap<(SessionId, RoomId), Seq>,
    room_names: BTreeMap<RoomId, RoomName>,
    accounts: BTreeMap<String, AccountId>,
}

/// A sign-in with nothing special about it.
pub fn wish(session: SessionId, nick: &str) -> SignIn {
    SignIn {
        session,
        node: NODE,
        nick: Nick::new(nick).unwrap(),
        user: "u".into(),
        host: "h".into(),
        realname: nick.into(),
        account: None,
        resumable: None,
        resume: None,
        stem: None,
        rooms: Vec::new(),
        rejoin: false,
    }
}

/// A room's name.
pub fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

impl Chat {
    pub fn new() -> Chat {
        Chat { at: FIRST.0, ..Chat::default() }
    }

    /// The chat after the server was stopped and started: what was kept, and nobody present.
    pub fn restarted(&self) -> Chat {
        let core = Core::restore(self.kept.durable(self.core.seq(), Timestamp(self.at)));
        Chat {
            core,
            kept: self.kept.clone(),
            records: self.records.clone(),
            seq: self.seq + 1_000,
            at: self.at + 1_000,
            sessions_made: self.sessions_made,
            accounts: self.accounts.clone(),
            ..Chat::default()
        }
    }

    /// Lets time pass before the next command, in milliseconds.
    pub fn wait(&mut self, ms: u64) {
        self.at += ms;
    }

    /// The time of the last command.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.at)
    }

    /// Applies a command, and lets everybody hear of it.
    pub fn apply(&mut self, command: Command) {
        self.seq += 1;
        self.at += 1;
        let ordered = Ordered {
            seq: Seq(self.seq),
            at: Timestamp(self.at),
            origin: Origin { node: NODE, number: self.seq },
            command,
        };
        self.apply_ordered(ordered);
    }

    /// Applies a command that has its place already.
    pub fn apply_ordered(&mut self, ordered: Ordered) {
        self.log.push(ordered.clone());
        let mut outcome = Outcome::default();
        self.core.apply(ordered, &mut outcome);
        for record in &outcome.records {
            self.kept.add(record);
        }
        self.records.extend(outcome.records.iter().cloned());
        for effect in &outcome.effects {
            self.deliver(effect);
        }
        self.last = outcome;
        self.check();
    }

    // What people do.

    /// Somebody new, who must be let in.
    pub fn sign_in(&mut self, nick: &str) -> SessionId {
        let session = self.session();
        self.apply(Command::SignIn(Box::new(wish(session, nick))));
        assert!(self.people.contains_key(&session), "{nick} is not let in: {:?}", self.last.effects);
        session
    }

    /// Somebody new with a wish of their own.
    pub fn sign_in_as(&mut self, nick: &str, change: impl FnOnce(&mut SignIn)) -> SessionId {
        let session = self.session();
        let mut wish = wish(session, nick);
        change(&mut wish);
        self.apply(Command::SignIn(Box::new(wish)));
        session
    }

    /// A further session of an account.
    pub fn sign_in_to(&mut self, account: &str, nick: &str) -> SessionId {
        let account = self.accounts[account];
        self.sign_in_as(nick, |wish| {
            wish.account = Some(account);
            wish.rejoin = true;
        })
    }

    /// Somebody new who makes an account of their name.
    pub fn sign_up(&mut self, nick: &str) -> SessionId {
        let session = self.sign_in(nick);
        self.register(session, nick);
        session
    }

    /// A connection that has not signed in yet.
    pub fn session(&mut self) -> SessionId {
        self.sessions_made += 1;
        SessionId(self.sessions_made)
    }

    pub fn register(&mut self, session: SessionId, name: &str) {
        let name = Nick::new(name).unwrap();
        self.apply(Command::Register { session, name, verifier: "$argon2id$".into() });
    }

    pub fn joins(&mut self, session: SessionId, name: &str) {
        self.apply(Command::Join { session, room: room(name), key: None });
    }

    pub fn joins_with(&mut self, session: SessionId, name: &str, key: &str) {
        self.apply(Command::Join { session, room: room(name), key: Some(key.into()) });
    }

    pub fn parts(&mut self, session: SessionId, name: &str) {
        self.apply(Command::Part { session, room: room(name), reason: None });
    }

    pub fn says(&mut self, session: SessionId, target: &str, text: &str) {
        self.posts(session, target, text, |_| {});
    }

    pub fn posts(&mut self, session: SessionId, target: &str, text: &str, change: impl FnOnce(&mut Post)) {
        let mut post = Post {
            session,
            target: target.into(),
            kind: PostKind::Message,
            text: text.into(),
            tags: "".into(),
            token: None,
        };
        change(&mut post);
        self.apply(Command::Post(Box::new(post)));
    }

    pub fn sets(&mut self, session: SessionId, name: &str, change: ModeChange) {
        self.apply(Command::SetModes { session, room: room(name), changes: vec![change] });
    }

    pub fn topic(&mut self, session: SessionId, name: &str, topic: &str) {
        self.apply(Command::SetTopic { session, room: room(name), topic: topic.into() });
    }

    pub fn kicks(&mut self, session: SessionId, name: &str, nick: &str) {
        self.apply(Command::Kick { session, room: room(name), nick: nick.into(), reason: None });
    }

    pub fn invites(&mut self, session: SessionId, name: &str, nick: &str) {
        self.apply(Command::Invite { session, room: room(name), nick: nick.into() });
    }

    pub fn renames(&mut self, session: SessionId, nick: &str) {
        self.apply(Command::Rename { session, nick: Nick::new(nick).unwrap() });
    }

    pub fn reads(&mut self, session: SessionId, target: &str, at: Timestamp) {
        self.apply(Command::MarkRead { session, target: target.into(), at });
    }

    pub fn quits(&mut self, session: SessionId) {
        self.apply(Command::Close { session, why: Leaving::Quit(None) });
    }

    pub fn loses_connection(&mut self, session: SessionId) {
        self.apply(Command::Close { session, why: Leaving::Lost("ping timeout".into()) });
    }

    /// Makes a server operator of somebody.
    pub fn trusts(&mut self, session: SessionId) {
        self.apply(Command::BecomeOperator { session, on: true });
    }

    // What people hear.

    /// What a session has heard since it was last asked.
    pub fn hears(&mut self, session: SessionId) -> Vec<String> {
        self.heard.remove(&session).unwrap_or_default()
    }

    /// Nobody has heard anything yet.
    pub fn hush(&mut self) {
        self.heard.clear();
    }

    /// What a session has heard since it was last asked, said in words, must be this.
    #[track_caller]
    pub fn expect(&mut self, session: SessionId, lines: &[&str]) {
        assert_eq!(self.hears(session), lines);
    }

    /// The refusals among what the last command brought about.
    pub fn refusals(&self) -> Vec<&Refusal> {
        self.last
            .effects
            .iter()
            .filter_map(|effect| match &effect.event {
                Event::Refused(refusal) => Some(refusal),
                _ => None,
            })
            .collect()
    }

    /// The last command was refused for this reason alone.
    #[track_caller]
    pub fn expect_refused(&self, refusal: &Refusal) {
        assert_eq!(self.refusals(), [refusal], "{:?}", self.last.effects);
    }

    /// The last command was not refused.
    #[track_caller]
    pub fn expect_done(&self) {
        assert_eq!(self.refusals(), <[&Refusal; 0]>::default());
    }

    /// Who is in a room, in order of name, with `@` and `+` for their roles.
    pub fn members(&self, session: SessionId, name: &str) -> Vec<String> {
        let roster = self.core.view(session).roster(name).expect("the room is seen");
        let mut members: Vec<String> = roster
            .members
            .iter()
            .map(|Member { roles, card, .. }| {
                let operator = if roles.operator { "@" } else { "" };
                let voice = if roles.voice { "+" } else { "" };
                format!("{operator}{voice}{}", card.nick)
            })
            .collect();
        members.sort();
        members
    }

    /// Whether a session's person is in a room.
    pub fn is_in(&self, session: SessionId, name: &str) -> bool {
        self.core.view(session).readable(name).is_some()
    }

    /// The account of that name.
    pub fn account(&self, name: &str) -> AccountId {
        self.accounts[name]
    }

    /// Accounts that were made.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.values().copied()
    }

    /// Who a session speaks for.
    pub fn person(&self, session: SessionId) -> PersonId {
        self.people[&session]
    }

    fn deliver(&mut self, effect: &Effect) {
        match &effect.event {
            Event::SignedIn { session, person, card, .. } => {
                self.people.insert(*session, *person);
                self.cards.insert(*person, card.clone());
            }
            Event::Joined { room, name, person, .. } | Event::Attached { room, name, person, .. } => {
                self.members.entry(*room).or_default().insert(*person);
                self.room_names.insert(*room, name.clone());
            }
            Event::Renamed { person, card, .. }
            | Event::RealnameChanged { person, card }
            | Event::AccountChanged { person, card } => {
                self.cards.insert(*person, card.clone());
            }
            Event::Registered { id, account } => {
                self.accounts.insert(account.as_str().to_owned(), *id);
            }
            _ => {}
        }
        let line = say(&effect.event);
        for session in self.audience(&effect.audience) {
            if let Event::Posted(posted) = &effect.event {
                self.check_order(session, posted);
            }
            if !line.is_empty() {
                self.heard.entry(session).or_default().push(line.clone());
            }
        }
        match &effect.event {
            Event::Parted { room, person, .. } | Event::Kicked { room, person, .. } => {
                self.members.entry(*room).or_default().remove(person);
            }
            Event::Quit { person, .. } => {
                self.cards.remove(person);
                self.members.values_mut().for_each(|members| {
                    members.remove(person);
                });
            }
            Event::Ended { session, .. } => {
                self.people.remove(session);
            }
            _ => {}
        }
    }

    fn audience(&self, audience: &Audience) -> Vec<SessionId> {
        let sessions_of = |wanted: &dyn Fn(&PersonId) -> bool| -> Vec<SessionId> {
            self.people.iter().filter(|(_, person)| wanted(person)).map(|(&session, _)| session).collect()
        };
        let member = |room: &RoomId, person: &PersonId| {
            self.members.get(room).is_some_and(|members| members.contains(person))
        };
        match audience {
            Audience::Session(session) => vec![*session],
            Audience::Person(person) => sessions_of(&|other| other == person),
            Audience::Room(room) => sessions_of(&|other| member(room, other)),
            Audience::Neighbours { rooms, person } => {
                sessions_of(&|other| other == person || rooms.iter().any(|room| member(room, other)))
            }
        }
    }

    /// Every reader of a room sees its posts with rising numbers.
    fn check_order(&mut self, session: SessionId, posted: &Posted) {
        if let PostTarget::Room(room, _) = posted.target {
            let last = self.posts.insert((session, room), posted.seq).unwrap_or_default();
            assert!(posted.seq > last, "{last:?} is followed by {:?}", posted.seq);
        }
    }

    /// What must be so after every command.
    fn check(&self) {
        let (mut keys, mut looks) = (BTreeSet::new(), BTreeSet::new());
        for card in self.cards.values() {
            assert!(keys.insert(card.nick.key().clone()), "two people are called {}", card.nick);
            assert!(looks.insert(card.nick.skeleton()), "two look like {}", card.nick);
        }
        for (room, members) in &self.members {
            for (&session, person) in &self.people {
                let view = self.core.view(session);
                assert_eq!(view.person_id(), Some(*person));
                let own = view.readable_all().0.iter().any(|(known, _)| known == room);
                assert_eq!(own, members.contains(person), "events and state differ over {room:?}");
                if own {
                    let roster = view.roster(self.room_names[room].as_str()).expect("members see the room");
                    let seen: BTreeSet<&str> =
                        roster.members.iter().map(|member| member.card.nick.as_str()).collect();
                    let told: BTreeSet<&str> =
                        members.iter().map(|person| self.cards[person].nick.as_str()).collect();
                    assert_eq!(seen, told, "events and state differ over {room:?}");
                    for member in roster.members.iter() {
                        let person = view.person(member.card.nick.as_str()).expect("members are present");
                        assert_eq!(member.card, person.card, "a room shows what a person was");
                        let place = (member.roles, self.room_names[room].clone());
                        assert!(person.rooms.contains(&place), "{place:?} is not among {:?}", person.rooms);
                    }
                }
            }
        }
    }
}

/// An event in words; nothing for what only fills a screen.
pub fn say(event: &Event) -> String {
    match event {
        Event::SignedIn { card, resumed: false, .. } => format!("welcome, {}", card.nick),
        Event::SignedIn { card, resumed: true, .. } => format!("welcome back, {}", card.nick),
        Event::Ended { why: Ending::Replaced, .. } => "replaced".into(),
        Event::Ended { why: Ending::Left(why), .. } => format!("over: {}", leaving(why)),
        Event::Ended { why: Ending::Revoked, .. } => "signed out".into(),
        Event::Joined { name, card, .. } => format!("{} joined {name}", card.nick),
        Event::Attached { name, card, .. } => format!("you, {}, are in {name}", card.nick),
        Event::Topic { .. } | Event::Names(_) => String::new(),
        Event::ReadMarker { at: None, .. } => String::new(),
        Event::ReadMarker { target, at: Some(at) } => format!("read {target} up to {}", at.0),
        Event::Parted { name, card, reason, .. } => {
            format!("{} left {name}{}", card.nick, tail(reason.as_deref()))
        }
        Event::Kicked { name, card, by, reason, .. } => {
            format!("{} put {} out of {name}{}", by.nick, card.nick, tail(reason.as_deref()))
        }
        Event::Quit { card, why, .. } => format!("{} is gone: {}", card.nick, leaving(why)),
        Event::Renamed { before, card, .. } => format!("{} is now {}", before.nick, card.nick),
        Event::RealnameChanged { card, .. } => format!("{} is really {}", card.nick, card.realname),
        Event::AwayChanged { card, message: Some(message), .. } => {
            format!("{} is away: {message}", card.nick)
        }
        Event::AwayChanged { card, message: None, .. } => format!("{} is back", card.nick),
        Event::AccountChanged { card, .. } => {
            format!("{} is signed in as {}", card.nick, card.account.as_ref().expect("it says so"))
        }
        Event::OwnModeChanged { mode, on } => {
            let mode = match mode {
                OwnMode::Bot => "bot",
                OwnMode::Invisible => "invisible",
                OwnMode::Operator => "operator",
            };
            format!("{mode}: {on}")
        }
        Event::Posted(posted) => said(posted),
        Event::Repeated(posted) => format!("again {}: {}", posted.seq, said(posted)),
        Event::TopicChanged { name, topic, .. } => format!("topic of {name}: {topic}"),
        Event::ModesChanged { name, changes, .. } => format!("modes of {name}: {changes:?}"),
        Event::Invited { name, card, by } => format!("{} asked {} into {name}", by.nick, card.nick),
        Event::InviteSent { name, nick } => format!("you asked {nick} into {name}"),
        Event::RecipientAway { nick, message } => format!("{nick} is away: {message}"),
        Event::Registered { account, .. } => format!("account {account} made"),
        Event::LoggedIn { account, .. } => format!("signed in as {account}"),
        Event::Recognised { account: Some(account), device: true } => format!("a device of {account}"),
        Event::Recognised { account: Some(account), .. } => format!("a session of {account}"),
        Event::Recognised { account: None, .. } => "a session".into(),
        Event::DeviceAdded { .. } => "device added".into(),
        Event::Devices(devices) => {
            let devices = devices.iter().map(|d| format!("{}{}", d.about, if d.own { "*" } else { "" }));
            format!("devices: {}", devices.collect::<Vec<_>>().join(" "))
        }
        Event::DevicesRevoked { ids, others } => format!("revoked: {} (others: {others})", ids.len()),
        Event::PasswordChanged { account } => format!("new password for {account}"),
        Event::Pong { token } => format!("pong {token}"),
        Event::Refused(refusal) => format!("no: {refusal:?}"),
    }
}

fn said(posted: &Posted) -> String {
    let target = match &posted.target {
        PostTarget::Room(_, name) => name.as_str(),
        PostTarget::Person(_, nick) => nick.as_str(),
    };
    format!("{} to {target}: {}", posted.card.nick, posted.text)
}

fn tail(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn leaving(why: &Leaving) -> String {
    match why {
        Leaving::Quit(word) => format!("quit{}", tail(word.as_deref())),
        Leaving::Lost(reason) => format!("lost: {reason}"),
        Leaving::Killed { by, reason } => format!("put off by {by}: {reason}"),
        Leaving::NodeLost => "node lost".into(),
        Leaving::Closing => "closing".into(),
    }
}
