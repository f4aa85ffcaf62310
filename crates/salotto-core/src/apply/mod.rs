//! The one place where the chat changes.

mod account;
mod device;
mod join;
mod leave;
mod post;
mod presence;
mod room;
mod sign_in;

pub use join::{ROOMS_MADE_MAX, ROOMS_PER_PERSON_MAX};

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Ordered};
use crate::event::{Audience, Effect, Event, Outcome, Refusal};
use crate::id::{NodeId, PersonId, RoomId, Seq, SessionId, Timestamp};
use crate::record::{Durable, Record};
use crate::state::{Author, Person, Room, State};
use crate::view::View;

/// How many commands of one node may wait for an earlier one; more are dropped and must be sent again.
const EARLY_MAX: usize = 10_000;

/// The chat.
///
/// **One mutation, then drain:** every call of [`Core::apply`] appends to the outcome it is given, and the caller
/// carries out the records, then the effects, before anybody hears of the next command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Core {
    state: State,
    early: BTreeMap<(NodeId, u64), Ordered>,
}

impl Core {
    /// An empty chat.
    pub fn new() -> Core {
        Core::default()
    }

    /// The chat as it was kept: rooms and accounts, nobody present.
    pub fn restore(durable: Durable) -> Core {
        let mut state = State { seq: durable.seq, at: durable.at, ..State::default() };
        for (id, name, created) in durable.accounts {
            state.add_account(id, name, created);
        }
        for device in durable.devices {
            state.add_device(device);
        }
        for record in durable.rooms {
            state.add_room(Room::from_record(record));
        }
        for (account, room) in durable.memberships {
            if let (Some(account), true) = (state.accounts.get_mut(&account), state.rooms.contains_key(&room))
            {
                account.rooms.insert(room);
            }
        }
        for (account, target, at) in durable.markers {
            if let Some(account) = state.accounts.get_mut(&account) {
                account.markers.insert(target, at);
            }
        }
        for recent in durable.tokens {
            let author = match &recent.account {
                Some(name) => crate::name::nick_key(name).map(Author::Account),
                None => crate::name::nick_key(&recent.nick).map(Author::Guest),
            };
            if let Some(author) = author {
                state.tokens.remember(author, None, recent.token, recent.seq, recent.at);
            }
        }
        Core { state, early: BTreeMap::new() }
    }

    /// What the records so far add up to, as the live chat has it; tokens are left out, they are in the posts.
    ///
    /// Equals what the store would give to [`Core::restore`] now. For checking that it does.
    pub fn durable(&self) -> Durable {
        let state = &self.state;
        let mut durable = Durable { seq: state.seq, at: state.at, ..Durable::default() };
        durable.rooms.extend(state.rooms.values().map(Room::to_record));
        for account in state.accounts.values() {
            durable.accounts.push((account.id, account.name.clone(), account.created));
            durable.devices.extend(account.devices.values().cloned());
            // A room that is gone is forgotten by an account when it signs in.
            let rooms = account.rooms.iter().filter(|room| state.rooms.contains_key(room));
            durable.memberships.extend(rooms.map(|&room| (account.id, room)));
            let markers = account.markers.iter().map(|(target, &at)| (account.id, target.clone(), at));
            durable.markers.extend(markers);
        }
        durable.devices.sort_by_key(|device| device.id);
        durable
    }

    /// The last command applied.
    pub fn seq(&self) -> Seq {
        self.state.seq
    }

    /// What a session may see of the chat now.
    pub fn view(&self, session: SessionId) -> View<'_> {
        View::new(&self.state, session)
    }

    /// The whole chat as bytes; [`Core::from_snapshot`] reads them back.
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("maps, numbers and text always serialise")
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// The bytes are not a snapshot of this version.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Core, postcard::Error> {
        postcard::from_bytes(bytes)
    }

    /// BLAKE3 of the snapshot: equal on every machine that applied the same commands.
    pub fn state_hash(&self) -> [u8; 32] {
        *blake3::hash(&self.snapshot()).as_bytes()
    }

    /// Applies one command and appends what comes of it to `out`.
    ///
    /// A command that was applied before changes nothing. One whose node has an earlier command still to come is
    /// held back until then.
    pub fn apply(&mut self, ordered: Ordered, out: &mut Outcome) {
        let node = ordered.origin.node;
        let expected = self.state.nodes.get(&node).map_or(ordered.origin.number, |last| last + 1);
        if ordered.origin.number > expected {
            if self.early.len() < EARLY_MAX {
                self.early.insert((node, ordered.origin.number), ordered);
            }
            return;
        }
        if ordered.origin.number < expected {
            return;
        }
        self.apply_next(ordered, out);
        while let Some(next) =
            self.state.nodes.get(&node).and_then(|last| self.early.remove(&(node, last + 1)))
        {
            self.apply_next(next, out);
        }
    }

    fn apply_next(&mut self, ordered: Ordered, out: &mut Outcome) {
        self.state.nodes.insert(ordered.origin.node, ordered.origin.number);
        // A command that was held back comes after those applied meanwhile, so it takes the next number: whoever
        // reads history sees the order that live readers saw.
        self.state.seq = ordered.seq.max(Seq(self.state.seq.0 + 1));
        self.state.at = self.state.at.max(ordered.at);
        let (seq, at) = (self.state.seq, self.state.at);
        Turn { state: &mut self.state, seq, at, out }.carry_out(ordered.command);
    }
}

/// One command being applied: the state, its place, and what has come of it so far.
struct Turn<'a> {
    state: &'a mut State,
    seq: Seq,
    at: Timestamp,
    out: &'a mut Outcome,
}

/// What a handler gives back: nothing, or why it cannot be done. Everything else goes to the outcome.
type Done = Result<(), Refusal>;

impl Turn<'_> {
    fn carry_out(&mut self, command: Command) {
        let (session, done) = match command {
            Command::SignIn(sign_in) => (sign_in.session, self.sign_in(*sign_in)),
            Command::Close { session, why } => return self.close(session, why),
            Command::NodeLost { node } => return self.node_lost(node),
            Command::Rename { session, nick } => (session, self.rename(session, nick)),
            Command::SetRealname { session, realname } => (session, self.set_realname(session, realname)),
            Command::SetAway { session, message } => (session, self.set_away(session, message)),
            Command::SetBot { session, on } => (session, self.set_bot(session, on)),
            Command::SetInvisible { session, on } => (session, self.set_invisible(session, on)),
            Command::BecomeOperator { session, on } => (session, self.become_operator(session, on)),
            Command::Join { session, room, key } => (session, self.join(session, room, key.as_deref())),
            Command::Part { session, room, reason } => (session, self.part(session, &room, reason)),
            Command::Post(post) => (post.session, self.post(*post)),
            Command::SetTopic { session, room, topic } => (session, self.set_topic(session, &room, topic)),
            Command::SetModes { session, room, changes } => {
                (session, self.set_modes(session, &room, changes))
            }
            Command::Kick { session, room, nick, reason } => {
                (session, self.kick(session, &room, &nick, reason))
            }
            Command::Invite { session, room, nick } => (session, self.invite(session, &room, &nick)),
            Command::Kill { session, nick, reason } => (session, self.kill(session, &nick, reason)),
            Command::Register { session, name, verifier } => {
                (session, self.register(session, name, verifier))
            }
            Command::LogIn { session, account } => (session, self.log_in(session, account)),
            Command::Recognise { session, resume, stem } => (session, self.recognise(session, resume, stem)),
            Command::AddDevice { session, token, about } => (session, self.add_device(session, token, about)),
            Command::ListDevices { session } => (session, self.list_devices(session)),
            Command::RevokeDevices { session, which } => (session, self.revoke_devices(session, which)),
            Command::ChangePassword { session, account, verifier } => {
                (session, self.change_password(session, account, verifier))
            }
            Command::MarkRead { session, target, at } => (session, self.mark_read(session, &target, at)),
            Command::Establish { room, topic } => return self.establish(room, topic),
            Command::Ping { session, token } => {
                self.tell(Audience::Session(session), Event::Pong { token });
                return;
            }
        };
        if let Err(refusal) = done {
            self.tell(Audience::Session(session), Event::Refused(refusal));
        }
    }

    fn tell(&mut self, audience: Audience, event: Event) {
        self.out.effects.push(Effect { audience, event });
    }

    fn keep(&mut self, record: Record) {
        self.out.records.push(record);
    }

    fn keep_room(&mut self, room: RoomId) {
        if let Some(room) = self.state.rooms.get(&room) {
            self.out.records.push(Record::Room(Box::new(room.to_record())));
        }
    }

    /// The person who asks.
    fn asker(&self, session: SessionId) -> Result<&Person, Refusal> {
        self.state.person_of(session).ok_or(Refusal::NotSignedIn)
    }

    /// A room that the asker may know of.
    fn room_for(&self, session: SessionId, name: &crate::name::RoomName) -> Result<&Room, Refusal> {
        View::new(self.state, session)
            .room_seen(name.as_str())
            .ok_or_else(|| Refusal::NoSuchRoom(name.as_str().into()))
    }

    /// Everybody who shares a room with the person, and the person.
    fn neighbours(&self, person: &Person) -> Audience {
        Audience::Neighbours {
            rooms: person.rooms.iter().copied().collect::<Arc<[RoomId]>>(),
            person: person.id,
        }
    }

    fn may_moderate(&self, person: PersonId, room: &Room) -> bool {
        room.members.roles(person).is_some_and(|roles| roles.operator)
            || self.state.people.get(&person).is_some_and(|person| person.operator)
    }
}
