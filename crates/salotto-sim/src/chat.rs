//! The core under test: as it is, or made wrong on purpose in one way, to show that the checks find it.
//!
//! The wrong versions stand around the core and not in it: the core that people use has no switch that turns a
//! rule off, not even one that is compiled out. What comes out of here, commands in and outcomes out, is what a
//! core with that fault would give.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use salotto_core::{
    Audience, Command, Conversation, Core, Durable, Effect, Ending, Event, Key, Leaving, ModeChange, Ordered,
    Outcome, PostRecord, PostTarget, Posted, Record, Refusal, RoomId, RoomName, RoomSummary, SessionId,
    SpeakBar, View,
};

/// One way in which a core may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A token of a post is not remembered, so what is sent again is posted again.
    TokenForgotten,
    /// A ban is announced and kept, and has no effect.
    BanIgnored,
    /// Outsiders may write into a room that is for members only.
    NoExternalIgnored,
    /// A role that was taken stays.
    RoleNotTaken,
    /// The name of somebody who is gone stays taken.
    NameNotFreed,
    /// Everybody is told twice that somebody has left.
    QuitToldTwice,
    /// Every fifth post is delivered without being kept.
    RecordForgotten,
    /// Every tenth post to a room is told only after what comes next.
    PostsSwapped,
    /// A session that was taken over is not ended.
    ResumeKeepsOld,
    /// Secret rooms are listed to everybody.
    SecretListed,
    /// Any key opens any room.
    KeyIgnored,
    /// Somebody who was put out of a room is still in it.
    KickUndone,
    /// What one person says to another is told to all who share a room with the one who says it.
    DirectOverheard,
    /// How far somebody has read is told and not kept.
    MarkerNotKept,
    /// A mark of what was read follows even where it goes back.
    MarkerGoesBack,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 15] = [
        Mutation::TokenForgotten,
        Mutation::BanIgnored,
        Mutation::NoExternalIgnored,
        Mutation::RoleNotTaken,
        Mutation::NameNotFreed,
        Mutation::QuitToldTwice,
        Mutation::RecordForgotten,
        Mutation::PostsSwapped,
        Mutation::ResumeKeepsOld,
        Mutation::SecretListed,
        Mutation::KeyIgnored,
        Mutation::KickUndone,
        Mutation::DirectOverheard,
        Mutation::MarkerNotKept,
        Mutation::MarkerGoesBack,
    ];
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The core, perhaps wrong.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    core: Core,
    wrong: Option<Box<Wrong>>,
}

/// What a wrong core has to know besides.
#[derive(Clone, Debug)]
struct Wrong {
    how: Mutation,
    posts: u64,
    /// Is told after what comes next.
    held: Vec<Effect>,
    rooms: BTreeMap<Key, RoomId>,
    keys: BTreeMap<Key, Arc<str>>,
    stuck: BTreeSet<Key>,
    sessions: BTreeSet<SessionId>,
}

impl Chat {
    /// An empty chat.
    pub fn new(mutation: Option<Mutation>) -> Chat {
        Chat::around(Core::new(), mutation)
    }

    /// The chat as it was kept.
    pub fn restore(durable: Durable, mutation: Option<Mutation>) -> Chat {
        Chat::around(Core::restore(durable), mutation)
    }

    fn around(core: Core, mutation: Option<Mutation>) -> Chat {
        let wrong = mutation.map(|how| {
            Box::new(Wrong {
                how,
                posts: 0,
                held: Vec::new(),
                rooms: BTreeMap::new(),
                keys: BTreeMap::new(),
                stuck: BTreeSet::new(),
                sessions: BTreeSet::new(),
            })
        });
        Chat { core, wrong }
    }

    /// The core itself.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What a session may see.
    pub fn view(&self, session: SessionId) -> View<'_> {
        self.core.view(session)
    }

    /// The rooms that are listed to a session, at most `max`, in order of their names.
    pub fn rooms(&self, session: SessionId, max: usize) -> Vec<RoomSummary> {
        let listed = |session| self.core.view(session).rooms(max);
        let mut rooms = listed(session);
        if let Some(wrong) = self.wrong.as_deref().filter(|wrong| wrong.how == Mutation::SecretListed) {
            rooms.extend(wrong.sessions.iter().flat_map(|&other| listed(other)));
        }
        rooms.sort_by(|a, b| a.name.key().cmp(b.name.key()));
        rooms.dedup_by(|a, b| a.name == b.name);
        rooms
    }

    /// Applies a command.
    pub fn apply(&mut self, ordered: Ordered, out: &mut Outcome) {
        match &mut self.wrong {
            None => self.core.apply(ordered, out),
            Some(wrong) => wrong.apply(&mut self.core, ordered, out),
        }
    }
}

impl Wrong {
    fn apply(&mut self, core: &mut Core, mut ordered: Ordered, out: &mut Outcome) {
        let asked = ordered.command.clone();
        match (self.how, &mut ordered.command) {
            (Mutation::TokenForgotten, Command::Post(post)) => {
                post.token = None;
            }
            (Mutation::BanIgnored, Command::SetModes { changes, .. }) => {
                changes.retain(|change| !matches!(change, ModeChange::Ban { on: true, .. }));
            }
            (Mutation::RoleNotTaken, Command::SetModes { changes, .. }) => {
                changes.retain(|change| !matches!(change, ModeChange::Role { on: false, .. }));
            }
            (Mutation::KickUndone, Command::Kick { .. }) => {
                ordered.command = nothing();
            }
            (Mutation::KeyIgnored, Command::Join { room, key, .. }) => {
                *key = self.keys.get(room.key()).cloned().or(key.take());
            }
            (Mutation::NameNotFreed, Command::SignIn(wish)) if self.stuck.contains(wish.nick.key()) => {
                let refusal = Event::Refused(Refusal::NickInUse(wish.nick.clone()));
                out.effects.push(Effect { audience: Audience::Session(wish.session), event: refusal });
                ordered.command = nothing();
                return core.apply(ordered, &mut Outcome::default());
            }
            _ => {}
        }
        let told_as_asked = matches!(self.how, Mutation::BanIgnored | Mutation::RoleNotTaken)
            || (self.how == Mutation::KickUndone && matches!(asked, Command::Kick { .. }));
        if told_as_asked && ordered.command != asked {
            let right = Ordered { command: asked.clone(), ..ordered.clone() };
            core.clone().apply(right, out);
            core.apply(ordered.clone(), &mut Outcome::default());
        } else {
            core.apply(ordered.clone(), out);
        }
        self.follow(out);
        self.spoil(core, &ordered, &asked, out);
    }

    /// Keeps track of what is needed to be wrong later.
    fn follow(&mut self, out: &Outcome) {
        for effect in &out.effects {
            match &effect.event {
                Event::SignedIn { session, .. } => {
                    self.sessions.insert(*session);
                }
                Event::Ended { session, .. } => {
                    self.sessions.remove(session);
                }
                Event::Joined { room, name, .. } => {
                    self.rooms.insert(name.key().clone(), *room);
                }
                Event::ModesChanged { name, changes, .. } => {
                    for change in changes {
                        match change {
                            ModeChange::Key(Some(key)) => {
                                self.keys.insert(name.key().clone(), key.clone());
                            }
                            ModeChange::Key(None) => {
                                self.keys.remove(name.key());
                            }
                            _ => {}
                        }
                    }
                }
                Event::Quit { card, why: Leaving::Lost(_), .. } => {
                    self.stuck.insert(card.nick.key().clone());
                }
                _ => {}
            }
        }
    }

    /// Makes the outcome wrong.
    fn spoil(&mut self, core: &Core, ordered: &Ordered, asked: &Command, out: &mut Outcome) {
        match (self.how, asked) {
            (Mutation::TokenForgotten, Command::Post(post)) => {
                for record in &mut out.records {
                    if let Record::Post(kept) = record {
                        kept.token.clone_from(&post.token);
                    }
                }
            }
            (Mutation::QuitToldTwice, _) => {
                let again: Vec<Effect> = out
                    .effects
                    .iter()
                    .filter(|effect| matches!(effect.event, Event::Quit { .. }))
                    .cloned()
                    .collect();
                // The second time comes before the first has taken effect on who hears what.
                out.effects.splice(0..0, again);
            }
            (Mutation::RecordForgotten, Command::Post(_)) => {
                self.posts += 1;
                if self.posts.is_multiple_of(5) {
                    out.records.clear();
                }
            }
            (Mutation::PostsSwapped, _) => {
                let held = std::mem::take(&mut self.held);
                let is_post = matches!(asked, Command::Post(post) if post.target.starts_with('#'));
                self.posts += u64::from(is_post);
                if is_post && self.posts.is_multiple_of(10) {
                    self.held = std::mem::take(&mut out.effects);
                }
                out.effects.extend(held);
            }
            (Mutation::DirectOverheard, Command::Post(_)) => {
                let view = core.view(asked_by(asked));
                let rooms: Vec<RoomId> = view.readable_all().0.into_iter().map(|(room, _)| room).collect();
                for effect in &mut out.effects {
                    let Event::Posted(posted) = &effect.event else { continue };
                    if let (Audience::Person(_), PostTarget::Person(..)) = (&effect.audience, &posted.target)
                    {
                        let person = posted.from;
                        effect.audience = Audience::Neighbours { rooms: rooms.clone().into(), person };
                    }
                }
            }
            (Mutation::MarkerNotKept, Command::MarkRead { .. }) => {
                out.records.clear();
            }
            (Mutation::MarkerGoesBack, Command::MarkRead { at, .. }) => {
                for effect in &mut out.effects {
                    if let Event::ReadMarker { at: told, .. } = &mut effect.event {
                        *told = Some(*at);
                    }
                }
            }
            (Mutation::ResumeKeepsOld, Command::SignIn(_)) => {
                out.effects
                    .retain(|effect| !matches!(effect.event, Event::Ended { why: Ending::Replaced, .. }));
            }
            (Mutation::NoExternalIgnored, Command::Post(post)) => {
                let refused = out.effects.iter().any(|effect| {
                    matches!(effect.event, Event::Refused(Refusal::CannotSpeak(_, SpeakBar::NotMember)))
                });
                if refused {
                    self.let_in(core, ordered, post, out);
                }
            }
            _ => {}
        }
    }

    /// Posts from outside what was refused.
    fn let_in(&self, core: &Core, ordered: &Ordered, post: &salotto_core::Post, out: &mut Outcome) {
        let Ok(name) = RoomName::new(&post.target) else { return };
        let view = core.view(post.session);
        let (Some(&room), Some(from), Some(card)) =
            (self.rooms.get(name.key()), view.person_id(), view.own_card())
        else {
            return;
        };
        out.clear();
        let posted = Arc::new(Posted {
            seq: ordered.seq,
            at: ordered.at,
            from,
            card: card.clone(),
            kind: post.kind,
            target: PostTarget::Room(room, name),
            text: post.text.clone(),
            tags: post.tags.clone(),
        });
        for audience in [Audience::Room(room), Audience::Person(from)] {
            out.effects.push(Effect { audience, event: Event::Posted(posted.clone()) });
        }
        out.records.push(Record::Post(PostRecord {
            seq: ordered.seq,
            at: ordered.at,
            conversation: Conversation::Room(room),
            kind: post.kind,
            nick: card.nick.as_str().into(),
            address: "u@h".into(),
            account: None,
            to: "".into(),
            text: post.text.clone(),
            tags: post.tags.clone(),
            token: post.token.clone(),
        }));
    }
}

/// Who said something.
fn asked_by(command: &Command) -> SessionId {
    match command {
        Command::Post(post) => post.session,
        _ => SessionId(0),
    }
}

/// A command that only takes its place in the order.
fn nothing() -> Command {
    Command::Ping { session: SessionId(0), token: "".into() }
}
