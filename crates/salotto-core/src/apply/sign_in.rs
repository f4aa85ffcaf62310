//! Signing in: a name for a connection, or a further session for somebody who is here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Done, Turn};
use crate::command::SignIn;
use crate::event::{Audience, Card, Ending, Event, Refusal};
use crate::id::{AccountId, DeviceId, PersonId, RoomId, SessionId};
use crate::name::Nick;
use crate::state::{Person, Session, Set, State};

impl Turn<'_> {
    pub(super) fn sign_in(&mut self, wish: SignIn) -> Done {
        if self.state.sessions.contains_key(&wish.session) {
            return Err(Refusal::AlreadySignedIn);
        }
        let device = self.device_of(&wish);
        let wish = SignIn { account: wish.account.or(device.map(|(account, _)| account)), ..wish };
        let device = device.map(|(_, device)| device);
        if let Some(token) = wish.resume {
            match self.state.resumable.get(&token).copied() {
                Some(old) => return self.take_over(&wish, old, device),
                None if device.is_none() => {
                    self.tell(Audience::Session(wish.session), Event::Refused(Refusal::UnknownResumeToken));
                }
                None => {}
            }
        }
        let present = self.state.people_by_name.get(wish.nick.key()).copied();
        if let (Some(person), Some(_)) = (present, wish.account)
            && self.state.people[&person].account == wish.account
        {
            self.add_session(&wish, person, device, false);
            self.show_rooms(wish.session, person);
            return Ok(());
        }
        self.nick_is_free(&wish.nick, None, wish.account)?;
        let person = self.add_person(&wish);
        self.add_session(&wish, person, device, false);
        self.enter_first_rooms(&wish, person);
        Ok(())
    }

    /// Whether `asker`, signed in to `account`, may have this name.
    pub(super) fn nick_is_free(
        &self,
        nick: &Nick,
        asker: Option<PersonId>,
        account: Option<AccountId>,
    ) -> Done {
        match self.state.people_by_name.get(nick.key()) {
            Some(&holder) if Some(holder) != asker => return Err(Refusal::NickInUse(nick.clone())),
            _ => {}
        }
        let look = nick.skeleton();
        if let Some(&holder) = self.state.people_by_look.get(&look)
            && Some(holder) != asker
        {
            let other = self.state.people[&holder].card.nick.clone();
            return Err(Refusal::NickLooksLike(nick.clone(), other));
        }
        if let Some(&owner) = self.state.accounts_by_look.get(&look)
            && Some(owner) != account
        {
            let name = &self.state.accounts[&owner].name;
            return Err(if name == nick {
                Refusal::NickReserved(nick.clone())
            } else {
                Refusal::NickLooksLike(nick.clone(), name.clone())
            });
        }
        Ok(())
    }

    fn add_person(&mut self, wish: &SignIn) -> PersonId {
        let id = PersonId(self.seq.0);
        let account = wish.account.and_then(|account| self.state.accounts.get(&account));
        let card = Arc::new(Card {
            nick: wish.nick.clone(),
            user: wish.user.clone(),
            host: wish.host.clone(),
            realname: wish.realname.clone(),
            account: account.map(|account| account.name.clone()),
            bot: false,
        });
        let person = Person {
            id,
            card,
            account: account.map(|account| account.id),
            sessions: Set::default(),
            rooms: Set::default(),
            away: None,
            invisible: false,
            operator: false,
            since: self.at,
            active: self.at,
            markers: BTreeMap::new(),
            stem: wish.stem.map(Box::new),
        };
        self.state.people_by_name.insert(wish.nick.key().clone(), id);
        self.state.people_by_look.insert(wish.nick.skeleton(), id);
        self.state.people.insert(id, Box::new(person));
        id
    }

    fn add_session(&mut self, wish: &SignIn, person: PersonId, device: Option<DeviceId>, resumed: bool) {
        let session = Session { person, node: wish.node, resumable: wish.resumable.map(Box::new), device };
        self.state.sessions.insert(wish.session, session);
        if let Some(token) = wish.resumable {
            self.state.resumable.insert(token, wish.session);
        }
        let known = self.state.people.get_mut(&person).expect("the person was just found or made");
        known.sessions.insert(wish.session);
        let card = known.card.clone();
        if let Some((account, device)) = known.account.zip(device) {
            self.device_used(account, device);
        }
        self.tell(
            Audience::Session(wish.session),
            Event::SignedIn { session: wish.session, person, card, resumed },
        );
    }

    /// Gives a person's old session to a new connection; nobody else notices.
    fn take_over(&mut self, wish: &SignIn, old: SessionId, device: Option<DeviceId>) -> Done {
        let Session { person, device: old_device, .. } = self.state.sessions[&old];
        let same_account = self.state.people[&person].account == wish.account;
        self.add_session(wish, person, device.filter(|_| same_account).or(old_device), true);
        self.drop_session(old);
        self.tell(Audience::Session(old), Event::Ended { session: old, person, why: Ending::Replaced });
        self.show_rooms(wish.session, person);
        Ok(())
    }

    /// Shows a further session the rooms its person is in.
    fn show_rooms(&mut self, session: SessionId, person: PersonId) {
        let rooms: Vec<RoomId> = self.state.people[&person].rooms.iter().copied().collect();
        let card = self.state.people[&person].card.clone();
        for id in rooms {
            let name = self.state.rooms[&id].name.clone();
            let to = Audience::Session(session);
            self.tell(to.clone(), Event::Attached { room: id, name, session, person, card: card.clone() });
            self.show_room(to, session, id);
        }
    }

    fn enter_first_rooms(&mut self, wish: &SignIn, person: PersonId) {
        for name in &wish.rooms {
            // A full or banned lobby must not keep anybody from signing in; they are told why they are not in it.
            if let Err(refusal) = self.join(wish.session, name.clone(), None) {
                self.tell(Audience::Session(wish.session), Event::Refused(refusal));
            }
        }
        let Some(account) = self.state.people[&person].account.filter(|_| wish.rejoin) else { return };
        let State { accounts, rooms, people, .. } = &mut *self.state;
        let Some(account) = accounts.get_mut(&account) else { return };
        // A room that was retired meanwhile does not know who of its accounts is out.
        account.rooms.retain(|room| rooms.contains_key(room));
        let card = &people[&person].card;
        let may_enter = |room: &&RoomId| !rooms[room].bans(card) && !rooms[room].members.contains(person);
        let rooms: Vec<RoomId> = account.rooms.iter().filter(may_enter).copied().collect();
        for room in rooms {
            self.enter(person, room);
        }
    }
}
