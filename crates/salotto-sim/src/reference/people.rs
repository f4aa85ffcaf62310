//! Signing in, leaving, and what people change about themselves.

use salotto_core::{AccountId, Nick, Refusal, SessionId, SignIn};

use super::room::{Member, Room};
use super::words::marker;
use super::{Account, Reference};

/// Somebody who is present.
#[derive(Clone, Debug)]
pub struct Person {
    pub number: u64,
    /// In order of their numbers.
    pub sessions: Vec<SessionId>,
    pub nick: Nick,
    pub account: Option<AccountId>,
    pub away: bool,
    pub invisible: bool,
    pub operator: bool,
    /// How far a guest has read; what an account has read is with the account.
    pub markers: Vec<(String, u64)>,
    /// What a guest is known by under whatever name.
    pub stem: Option<[u8; 32]>,
}

impl Reference {
    pub(super) fn sign_in(&mut self, wish: &SignIn) -> Result<(), Refusal> {
        let session = wish.session;
        if self.person_of(session).is_some() {
            return Err(Refusal::AlreadySignedIn);
        }
        if let Some(token) = wish.resume {
            let old = self.resumable.iter().find(|(known, _)| *known == token).map(|&(_, old)| old);
            if let Some(old) = old {
                self.take_over(wish, old);
                return Ok(());
            }
            self.tell(session, refused(&Refusal::UnknownResumeToken));
        }
        let present = self.person_called(wish.nick.as_str()).cloned();
        if let Some(person) =
            present.filter(|person| person.account.is_some() && person.account == wish.account)
        {
            self.add_session(wish, person.number);
            self.tell(session, format!("welcome, {}", person.nick));
            self.show_rooms(session, person.number);
            return Ok(());
        }
        self.may_be_called(&wish.nick, None, wish.account)?;
        let number = self.number();
        self.people.push(Person {
            number,
            sessions: Vec::new(),
            nick: wish.nick.clone(),
            account: wish.account,
            away: false,
            invisible: false,
            operator: false,
            markers: Vec::new(),
            stem: wish.stem,
        });
        self.add_session(wish, number);
        self.tell(session, format!("welcome, {}", wish.nick));
        for name in &wish.rooms {
            if let Err(refusal) = self.join(session, name, None) {
                self.tell(session, refused(&refusal));
            }
        }
        if wish.rejoin
            && let Some(account) = wish.account.and_then(|id| self.account(id)).cloned()
        {
            for room in self.rooms.clone() {
                let person = self.person(number);
                if account.rooms.contains(&room.number)
                    && !room.bans(&person.nick)
                    && !room.has_member(number)
                {
                    self.enter(number, room.number);
                }
            }
        }
        Ok(())
    }

    fn add_session(&mut self, wish: &SignIn, person: u64) {
        let sessions = &mut self.person_mut(person).sessions;
        sessions.push(wish.session);
        sessions.sort();
        if let Some(token) = wish.resumable {
            self.resumable.retain(|(known, _)| *known != token);
            self.resumable.push((token, wish.session));
        }
    }

    fn take_over(&mut self, wish: &SignIn, old: SessionId) {
        let person = self.person_of(old).expect("a session that can be resumed is there").clone();
        self.add_session(wish, person.number);
        self.tell(wish.session, format!("welcome back, {}", person.nick));
        self.drop_session(person.number, old);
        self.tell(old, "replaced");
        self.show_rooms(wish.session, person.number);
    }

    fn drop_session(&mut self, person: u64, session: SessionId) {
        self.person_mut(person).sessions.retain(|&other| other != session);
        self.resumable.retain(|&(_, other)| other != session);
    }

    /// Shows a further session where its person is.
    fn show_rooms(&mut self, session: SessionId, person: u64) {
        let rooms: Vec<Room> = self.rooms.iter().filter(|room| room.has_member(person)).cloned().collect();
        let nick = self.person(person).nick.clone();
        for room in rooms {
            self.tell(session, format!("{nick} is in {}", room.name));
            self.show(session, session, room.number);
        }
    }

    /// Tells a session a room's topic and members, as `viewer` sees them.
    pub(super) fn show(&mut self, session: SessionId, viewer: SessionId, room: u64) {
        let room = self.room(room).clone();
        if !room.topic.is_empty() {
            self.tell(session, format!("topic of {} is {}", room.name, room.topic));
        }
        let read = self.read_until(viewer, room.name.as_str());
        self.tell(session, marker(room.name.as_str(), read));
        let names = self.names(viewer, &room);
        self.tell(session, format!("names of {}: {names}", room.name));
    }

    /// Whether somebody (nobody yet, at signing in) may have a name.
    pub(super) fn may_be_called(
        &self,
        nick: &Nick,
        asker: Option<u64>,
        account: Option<AccountId>,
    ) -> Result<(), Refusal> {
        let others = || self.people.iter().filter(|other| Some(other.number) != asker);
        if others().any(|other| other.nick == *nick) {
            return Err(Refusal::NickInUse(nick.clone()));
        }
        if let Some(other) = others().find(|other| other.nick.skeleton() == nick.skeleton()) {
            return Err(Refusal::NickLooksLike(nick.clone(), other.nick.clone()));
        }
        let mut accounts = self.accounts.iter().filter(|other| Some(other.id) != account);
        match accounts.find(|other| other.name.skeleton() == nick.skeleton()) {
            Some(other) if other.name == *nick => Err(Refusal::NickReserved(nick.clone())),
            Some(other) => Err(Refusal::NickLooksLike(nick.clone(), other.name.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn close(&mut self, session: SessionId) {
        let Some(person) = self.person_of(session).cloned() else { return };
        self.drop_session(person.number, session);
        self.tell(session, "over");
        if !self.person(person.number).sessions.is_empty() {
            return;
        }
        self.tell_around(person.number, &format!("{} is gone", person.nick));
        for room in self.rooms.clone() {
            if room.has_member(person.number) {
                self.take_out(person.number, room.number);
            }
        }
        self.people.retain(|other| other.number != person.number);
    }

    pub(super) fn kill(&mut self, session: SessionId, nick: &str) -> Result<(), Refusal> {
        if !self.asker(session)?.operator {
            return Err(Refusal::NotOperator);
        }
        let target = self.person_called(nick).ok_or_else(|| Refusal::NoSuchNick(nick.into()))?;
        for session in target.sessions.clone() {
            self.close(session);
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, session: SessionId, nick: &Nick) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        if person.nick.as_str() == nick.as_str() {
            return Ok(());
        }
        self.may_be_called(nick, Some(person.number), person.account)?;
        self.person_mut(person.number).nick = nick.clone();
        self.tell_around(person.number, &format!("{} is now {nick}", person.nick));
        Ok(())
    }

    pub(super) fn register(&mut self, session: SessionId, name: &Nick, id: AccountId) -> Result<(), Refusal> {
        let asker = self.person_of(session).cloned();
        if let Some(account) = asker.as_ref().and_then(|asker| asker.account) {
            let known = self.account(account).expect("accounts stay").name.clone();
            return Err(Refusal::AlreadyLoggedIn(known));
        }
        if self.accounts.iter().any(|other| other.name.skeleton() == name.skeleton()) {
            return Err(Refusal::AccountExists(name.clone()));
        }
        let number = asker.map(|asker| asker.number);
        let mut others = self.people.iter().filter(|other| Some(other.number) != number);
        if others.any(|other| other.nick.skeleton() == name.skeleton()) {
            return Err(Refusal::AccountNameInUse(name.clone()));
        }
        self.accounts.push(Account { id, name: name.clone(), rooms: Vec::new(), markers: Vec::new() });
        self.tell(session, format!("account {name} made"));
        self.own(session, id);
        Ok(())
    }

    pub(super) fn log_in(&mut self, session: SessionId, account: AccountId) -> Result<(), Refusal> {
        self.account(account).ok_or(Refusal::NoAccount)?;
        self.own(session, account);
        Ok(())
    }

    /// The mark moves forwards only, and is the same on all devices of an account.
    pub(super) fn mark_read(&mut self, session: SessionId, target: &str, at: u64) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let at = at.max(self.read_until(session, target).unwrap_or(0));
        let account = self.accounts.iter_mut().find(|account| Some(account.id) == person.account);
        let markers = match account {
            Some(account) => &mut account.markers,
            None => &mut self.person_mut(person.number).markers,
        };
        markers.retain(|(other, _)| !same_target(other, target));
        // A mark at the beginning of time is none.
        if at > 0 {
            markers.push((target.to_owned(), at));
        }
        self.tell_person(person.number, &marker(target, Some(at)));
        Ok(())
    }

    /// How far a session's person has read.
    pub fn read_until(&self, session: SessionId, target: &str) -> Option<u64> {
        let person = self.person_of(session)?;
        let account = person.account.and_then(|account| self.account(account));
        let markers = account.map_or(&person.markers, |account| &account.markers);
        markers.iter().find(|(other, _)| same_target(other, target)).map(|&(_, at)| at)
    }

    /// A session's person, if there is one yet, belongs to an account now.
    fn own(&mut self, session: SessionId, account: AccountId) {
        let name = self.account(account).expect("the account was just found").name.clone();
        self.tell(session, format!("signed in as {name}"));
        let Some(person) = self.person_of(session).cloned() else { return };
        self.person_mut(person.number).account = Some(account);
        for room in self.rooms.clone() {
            if let Some(member) = room.members.iter().find(|member| member.person == person.number) {
                self.remember_member(account, room.number);
                if member.operator || member.voice {
                    self.room_mut(room.number).keep_roles(account, member);
                }
            }
        }
        self.tell_around(person.number, &format!("{} has account {name}", person.nick));
    }

    /// An account is brought back into this room from now on.
    pub(super) fn remember_member(&mut self, account: AccountId, room: u64) {
        if let Some(account) = self.accounts.iter_mut().find(|other| other.id == account)
            && !account.rooms.contains(&room)
        {
            account.rooms.push(room);
        }
    }

    /// An account is not brought back into this room any more.
    pub(super) fn forget_member(&mut self, account: Option<AccountId>, room: u64) {
        if let Some(account) = self.accounts.iter_mut().find(|other| Some(other.id) == account) {
            account.rooms.retain(|&other| other != room);
        }
    }

    /// Puts somebody into a room and tells everybody in it.
    pub(super) fn enter(&mut self, number: u64, room: u64) {
        let person = self.person(number).clone();
        let place = self.room_mut(room);
        let first = place.members.is_empty() && !place.established && !place.has_owner();
        let (operator, voice) = place.kept_roles(person.account);
        place.invited.retain(|&invited| invited != number);
        place.members.push(Member { person: number, operator: operator || first, voice });
        if let Some(account) = person.account {
            if first {
                place.keep_roles(account, &Member { person: number, operator: true, voice: false });
            }
            self.remember_member(account, room);
        }
        let name = self.room(room).name.clone();
        self.tell_room(room, &format!("{} joins {name}", person.nick));
        for session in person.sessions.clone() {
            self.show(session, person.sessions[0], room);
        }
    }

    /// Takes somebody out of a room. With the last one goes what nobody is left to look after.
    pub(super) fn take_out(&mut self, person: u64, number: u64) {
        let room = self.room_mut(number);
        room.members.retain(|member| member.person != person);
        if !room.members.is_empty() || room.established || room.has_owner() {
            return;
        }
        if room.is_restricted() {
            self.rooms.retain(|room| room.number != number);
        } else {
            room.forget_rules();
        }
    }

    pub(super) fn asker(&self, session: SessionId) -> Result<&Person, Refusal> {
        self.person_of(session).ok_or(Refusal::NotSignedIn)
    }
}

/// Whether two names are those of one room or one person.
fn same_target(a: &str, b: &str) -> bool {
    if a.starts_with('#') {
        return salotto_core::room_key(a) == salotto_core::room_key(b);
    }
    !b.starts_with('#') && salotto_core::nick_key(a) == salotto_core::nick_key(b)
}

/// A refusal in words.
pub(super) fn refused(refusal: &Refusal) -> String {
    format!("no: {refusal:?}")
}
