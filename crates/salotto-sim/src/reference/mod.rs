//! The chat once more, written to be obviously right rather than fast: lists that are walked from end to end.
//!
//! It takes the same commands as the core, and says in words which session is told what. Names and which of them
//! are the same are the core's ([`Nick`], [`RoomName`]); everything else is worked out again.

mod compare;
mod people;
mod room;
mod rules;
mod words;

pub use compare::{Difference, compare, shrink};

use salotto_core::{AccountId, Nick, RoomName, SessionId};

use people::Person;
use room::Room;

/// What a session is told, in words.
pub type Told = Vec<(SessionId, String)>;

/// The chat.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    people: Vec<Person>,
    /// In the order in which they were made.
    rooms: Vec<Room>,
    accounts: Vec<Account>,
    tokens: Vec<Token>,
    /// Which token takes over which session.
    resumable: Vec<([u8; 32], SessionId)>,
    /// What can be read later, oldest first.
    kept: Vec<(Place, u64)>,
    made: u64,
    told: Told,
}

/// A registered account.
#[derive(Clone, Debug)]
struct Account {
    id: AccountId,
    name: Nick,
    /// By number, see [`Room::number`].
    rooms: Vec<u64>,
    markers: Vec<(String, u64)>,
}

/// Where something was said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// By number, see [`Room::number`].
    Room(u64),
    /// Between two accounts, the smaller first.
    Direct(AccountId, AccountId),
}

impl Place {
    fn direct(a: AccountId, b: AccountId) -> Place {
        Place::Direct(a.min(b), a.max(b))
    }
}

/// A post that may be sent again.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    /// `account name` or `guest name`.
    author: String,
    /// The author's, where it is a guest.
    stem: Option<[u8; 32]>,
    token: String,
    seq: u64,
}

impl Reference {
    /// The accounts, in the order in which they were made.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.accounts.iter().map(|account| account.id).collect()
    }

    /// The rooms that are listed to a session, in order of their names.
    pub fn rooms(&self, session: SessionId) -> Vec<RoomName> {
        let mut listed: Vec<RoomName> = self
            .rooms
            .iter()
            .filter(|room| self.sees(session, room))
            .filter(|room| room.established || !room.members.is_empty() || room.has_owner())
            .map(|room| room.name.clone())
            .collect();
        listed.sort_by(|a, b| a.key().cmp(b.key()));
        listed
    }

    /// The members of a room that a session may see, in words; `None` where there is no room for it.
    pub fn roster(&self, session: SessionId, name: &str) -> Option<String> {
        let room = self.rooms.iter().find(|room| same_room(&room.name, name))?;
        self.sees(session, room).then(|| self.names(session, room))
    }

    /// What a session may read of a conversation: of a room while it is in it, and what was said between its account
    /// and another. `None` where it may read nothing.
    pub fn history(&self, session: SessionId, target: &str) -> Option<Vec<u64>> {
        let person = self.person_of(session)?;
        let wanted = if target.starts_with('#') {
            let room = self.rooms.iter().find(|room| same_room(&room.name, target))?;
            room.has_member(person.number).then_some(Place::Room(room.number))?
        } else {
            let key = salotto_core::nick_key(target)?;
            let other = match self.person_called(target) {
                Some(present) => present.account,
                None => {
                    self.accounts.iter().find(|account| *account.name.key() == key).map(|account| account.id)
                }
            };
            Place::direct(person.account?, other?)
        };
        Some(self.kept.iter().filter(|(place, _)| *place == wanted).map(|&(_, seq)| seq).collect())
    }

    /// Whether a session may know that a room exists.
    fn sees(&self, session: SessionId, room: &Room) -> bool {
        let person = self.person_of(session);
        !room.is_secret() || person.is_some_and(|person| person.operator || room.has_member(person.number))
    }

    /// The members of a room, as a session sees them.
    fn names(&self, session: SessionId, room: &Room) -> String {
        let viewer = self.person_of(session);
        let shares_a_room = |person: &Person| {
            self.rooms.iter().any(|room| {
                room.has_member(person.number) && viewer.is_some_and(|viewer| room.has_member(viewer.number))
            })
        };
        let mut names = Vec::new();
        for member in &room.members {
            let person = self.person(member.person);
            let is_viewer = viewer.is_some_and(|viewer| viewer.number == person.number);
            let is_operator = viewer.is_some_and(|viewer| viewer.operator);
            if !person.invisible || is_viewer || is_operator || shares_a_room(person) {
                let operator = if member.operator { "@" } else { "" };
                let voice = if member.voice { "+" } else { "" };
                names.push(format!("{operator}{voice}{}", person.nick));
            }
        }
        names.sort();
        names.join(" ")
    }

    fn person(&self, number: u64) -> &Person {
        self.people.iter().find(|person| person.number == number).expect("members are present")
    }

    fn person_of(&self, session: SessionId) -> Option<&Person> {
        self.people.iter().find(|person| person.sessions.contains(&session))
    }

    fn person_called(&self, nick: &str) -> Option<&Person> {
        let key = salotto_core::nick_key(nick)?;
        self.people.iter().find(|person| *person.nick.key() == key)
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// Numbers for people and rooms.
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    // Telling.

    fn tell(&mut self, session: SessionId, words: impl Into<String>) {
        self.told.push((session, words.into()));
    }

    fn tell_person(&mut self, person: u64, words: &str) {
        for session in self.person(person).sessions.clone() {
            self.tell(session, words);
        }
    }

    fn tell_room(&mut self, room: u64, words: &str) {
        for member in self.room(room).members.clone() {
            self.tell_person(member.person, words);
        }
    }

    /// Tells everybody who shares a room with somebody, and the person too, each once.
    fn tell_around(&mut self, person: u64, words: &str) {
        for other in self.people.clone() {
            let shares = |room: &Room| room.has_member(person) && room.has_member(other.number);
            if other.number == person || self.rooms.iter().any(shares) {
                self.tell_person(other.number, words);
            }
        }
    }

    fn room(&self, number: u64) -> &Room {
        self.rooms.iter().find(|room| room.number == number).expect("the room was just found")
    }

    fn room_mut(&mut self, number: u64) -> &mut Room {
        self.rooms.iter_mut().find(|room| room.number == number).expect("the room was just found")
    }

    fn person_mut(&mut self, number: u64) -> &mut Person {
        self.people.iter_mut().find(|person| person.number == number).expect("the person was just found")
    }
}

fn same_room(name: &RoomName, other: &str) -> bool {
    *name.key() == salotto_core::room_key(other)
}
