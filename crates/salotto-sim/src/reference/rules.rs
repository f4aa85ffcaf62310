//! What is asked of rooms, and who may.

use std::sync::Arc;

use salotto_core::{
    AccountId, Command, JoinBar, ModeChange, Ordered, Post, PostKind, Refusal, Role, RoomFlag, RoomName,
    SessionId, SpeakBar, complete_mask,
};

use super::people::{Person, refused};
use super::room::Room;
use super::{Place, Reference, Token, Told, same_room};

impl Reference {
    /// Applies a command and says who is told what, in order.
    pub fn apply(&mut self, ordered: &Ordered) -> Told {
        let seq = ordered.seq.0;
        let done = match &ordered.command {
            Command::SignIn(wish) => self.sign_in(wish).map_err(|refusal| (wish.session, refusal)),
            Command::Close { session, .. } => {
                self.close(*session);
                Ok(())
            }
            Command::Establish { room, topic } => {
                self.establish(room, topic);
                Ok(())
            }
            Command::Ping { session, token } => {
                self.tell(*session, format!("pong {token}"));
                Ok(())
            }
            Command::Post(post) => match self.post(post, seq) {
                // Nobody ever answers a notice.
                Err(_) if post.kind == PostKind::Notice => Ok(()),
                done => done.map_err(|refusal| (post.session, refusal)),
            },
            command => self.ask(command, AccountId(seq)),
        };
        if let Err((session, refusal)) = done {
            self.tell(session, refused(&refusal));
        }
        std::mem::take(&mut self.told)
    }

    fn ask(&mut self, command: &Command, made: AccountId) -> Result<(), (SessionId, Refusal)> {
        let (session, done) = match command {
            Command::Rename { session, nick } => (session, self.rename(*session, nick)),
            Command::SetAway { session, message } => (session, self.away(*session, message.as_deref())),
            Command::SetInvisible { session, on } => (session, self.invisible(*session, *on)),
            Command::BecomeOperator { session, on } => (session, self.operator(*session, *on)),
            Command::Join { session, room, key } => (session, self.join(*session, room, key.as_deref())),
            Command::Part { session, room, .. } => (session, self.part(*session, room)),
            Command::SetTopic { session, room, topic } => (session, self.topic(*session, room, topic)),
            Command::SetModes { session, room, changes } => (session, self.modes(*session, room, changes)),
            Command::Kick { session, room, nick, .. } => (session, self.kick(*session, room, nick)),
            Command::Invite { session, room, nick } => (session, self.invite(*session, room, nick)),
            Command::Kill { session, nick, .. } => (session, self.kill(*session, nick)),
            Command::Register { session, name, .. } => (session, self.register(*session, name, made)),
            Command::MarkRead { session, target, at } => (session, self.mark_read(*session, target, at.0)),
            Command::LogIn { session, account } => (session, self.log_in(*session, *account)),
            other => panic!("scripts do not have {other:?}"),
        };
        done.map_err(|refusal| (*session, refusal))
    }

    fn away(&mut self, session: SessionId, message: Option<&str>) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        self.person_mut(person.number).away = message.is_some();
        let how = if message.is_some() { "away" } else { "back" };
        self.tell_around(person.number, &format!("{} is {how}", person.nick));
        Ok(())
    }

    fn invisible(&mut self, session: SessionId, on: bool) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        if person.invisible != on {
            self.person_mut(person.number).invisible = on;
            self.tell_person(person.number, &format!("invisible: {on}"));
        }
        Ok(())
    }

    fn operator(&mut self, session: SessionId, on: bool) -> Result<(), Refusal> {
        let number = self.asker(session)?.number;
        self.person_mut(number).operator = on;
        self.tell_person(number, &format!("operator: {on}"));
        Ok(())
    }

    /// A room that a session may know of.
    fn find(&self, session: SessionId, name: &str) -> Result<Room, Refusal> {
        let room = self.rooms.iter().find(|room| same_room(&room.name, name));
        let seen = room.filter(|room| self.sees(session, room));
        seen.cloned().ok_or_else(|| Refusal::NoSuchRoom(name.into()))
    }

    pub(super) fn join(
        &mut self,
        session: SessionId,
        name: &RoomName,
        key: Option<&str>,
    ) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        if !self.rooms.iter().any(|room| same_room(&room.name, name.as_str())) {
            let number = self.number();
            self.rooms.push(Room::new(number, name.clone()));
        }
        let room = self.rooms.iter().find(|room| same_room(&room.name, name.as_str())).expect("it is there");
        if room.has_member(person.number) {
            return Ok(());
        }
        let (number, name) = (room.number, room.name.clone());
        if let Some(bar) = join_bar(&person, room, key) {
            return Err(Refusal::CannotJoin(name, bar));
        }
        self.enter(person.number, number);
        Ok(())
    }

    fn part(&mut self, session: SessionId, name: &RoomName) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let room = self.find(session, name.as_str())?;
        if !room.has_member(person.number) {
            return Err(Refusal::NotInRoom(room.name));
        }
        self.tell_room(room.number, &format!("{} leaves {}", person.nick, room.name));
        self.take_out(person.number, room.number);
        self.forget_member(person.account, room.number);
        Ok(())
    }

    fn post(&mut self, post: &Post, seq: u64) -> Result<(), Refusal> {
        let person = self.asker(post.session)?.clone();
        let author = match person.account.and_then(|account| self.account(account)) {
            Some(account) => format!("account {}", account.name.key().as_str()),
            None => format!("guest {}", person.nick.key().as_str()),
        };
        // Whom it is for; and the room, if it is one.
        let (to, room) = if post.target.starts_with('#') {
            let room = self.find(post.session, &post.target)?;
            if let Some(bar) = speak_bar(&person, &room) {
                return Err(Refusal::CannotSpeak(room.name, bar));
            }
            (None, Some(room))
        } else {
            let to = self.person_called(&post.target).cloned();
            (Some(to.ok_or_else(|| Refusal::NoSuchNick(post.target.clone()))?), None)
        };
        let target = match (&to, &room) {
            (Some(to), _) => to.nick.as_str().to_owned(),
            (None, room) => room.as_ref().expect("one of the two").name.as_str().to_owned(),
        };
        let said = format!("{} to {target}: {} ({:?})", person.nick, post.text, post.kind);
        if let Some(token) = &post.token {
            let same = |known: &&Token| known.token == **token;
            let mut known = self.tokens.iter().filter(same);
            let by_stem = |known: &&Token| known.stem.is_some() && known.stem == person.stem;
            let found = known.clone().find(|known| known.author == author);
            // Or the latest of those that the same guest has sent under other names.
            if let Some(seq) = found.or_else(|| known.rfind(by_stem)).map(|known| known.seq) {
                self.tell(post.session, format!("again {seq}: {said}"));
                return Ok(());
            }
            if post.kind != PostKind::Tags {
                let stem = person.stem.filter(|_| person.account.is_none());
                self.tokens.push(Token { author, stem, token: token.as_ref().to_owned(), seq });
            }
        }
        if post.kind != PostKind::Tags {
            let place = match (&room, &to) {
                (Some(room), _) => Some(Place::Room(room.number)),
                (None, Some(to)) => person.account.zip(to.account).map(|(a, b)| Place::direct(a, b)),
                (None, None) => None,
            };
            self.kept.extend(place.map(|place| (place, seq)));
        }
        let words = format!("{seq}: {said}");
        if let Some(room) = room {
            self.tell_room(room.number, &words);
            if !room.has_member(person.number) {
                self.tell_person(person.number, &words);
            }
        }
        if let Some(to) = to {
            self.tell_person(to.number, &words);
            if to.number != person.number {
                self.tell_person(person.number, &words);
            }
            if to.away && post.kind == PostKind::Message {
                self.tell_person(person.number, &format!("{} is away, you know", to.nick));
            }
        }
        Ok(())
    }

    fn topic(&mut self, session: SessionId, name: &RoomName, topic: &str) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let room = self.find(session, name.as_str())?;
        if !room.has_member(person.number) {
            return Err(Refusal::NotInRoom(room.name));
        }
        if room.has(RoomFlag::TopicLocked) && !looks_after(&person, &room) {
            return Err(Refusal::NotRoomOperator(room.name));
        }
        topic.clone_into(&mut self.room_mut(room.number).topic);
        self.tell_room(room.number, &format!("{} sets topic of {}: {topic}", person.nick, room.name));
        Ok(())
    }

    fn establish(&mut self, name: &RoomName, topic: &str) {
        if !self.rooms.iter().any(|room| same_room(&room.name, name.as_str())) {
            let number = self.number();
            self.rooms.push(Room::new(number, name.clone()));
        }
        let room = self.rooms.iter_mut().find(|room| same_room(&room.name, name.as_str()));
        let room = room.expect("it is there");
        if !room.established && room.topic.is_empty() {
            topic.clone_into(&mut room.topic);
        }
        room.established = true;
    }

    fn modes(&mut self, session: SessionId, name: &RoomName, changes: &[ModeChange]) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let room = self.find(session, name.as_str())?;
        if !looks_after(&person, &room) {
            return Err(Refusal::NotRoomOperator(room.name));
        }
        let mut done = Vec::new();
        for change in changes {
            match self.mode(room.number, change) {
                Ok(change) => done.extend(change),
                Err(refusal) => self.tell(session, refused(&refusal)),
            }
        }
        if !done.is_empty() {
            self.tell_room(room.number, &format!("{} sets modes of {}: {done:?}", person.nick, room.name));
        }
        Ok(())
    }

    /// Makes one change; nothing comes back where it was so already.
    fn mode(&mut self, number: u64, change: &ModeChange) -> Result<Option<ModeChange>, Refusal> {
        let before = self.room(number).clone();
        match change {
            ModeChange::Flag(flag, on) => {
                let room = self.room_mut(number);
                room.flags.retain(|other| other != flag);
                if *on {
                    room.flags.push(*flag);
                }
                Ok((before.has(*flag) != *on).then(|| change.clone()))
            }
            ModeChange::Key(key) => {
                let key = key.as_deref().map(str::to_owned);
                self.room_mut(number).key.clone_from(&key);
                Ok((before.key != key).then(|| change.clone()))
            }
            ModeChange::Limit(limit) => {
                self.room_mut(number).limit = *limit;
                Ok((before.limit != *limit).then(|| change.clone()))
            }
            ModeChange::Ban { mask, on } => {
                let mask = complete_mask(mask);
                let was = before.bans.contains(&mask);
                let room = self.room_mut(number);
                room.bans.retain(|other| *other != mask);
                if *on {
                    room.bans.push(mask.clone());
                    if !was {
                        self.uninvite_banned(number, mask.clone());
                    }
                }
                let mask: Arc<str> = mask.into();
                Ok((was != *on).then_some(ModeChange::Ban { mask, on: *on }))
            }
            ModeChange::Role { role, nick, on } => self.role(number, *role, nick, *on),
        }
    }

    /// A new ban takes back the invitations of those it is about.
    fn uninvite_banned(&mut self, number: u64, mask: String) {
        let only = Room { bans: vec![mask], ..self.room(number).clone() };
        let invited = only
            .invited
            .iter()
            .copied()
            .filter(|&invited| {
                let person = self.people.iter().find(|person| person.number == invited);
                person.is_some_and(|person| !only.bans(&person.nick))
            })
            .collect();
        self.room_mut(number).invited = invited;
    }

    fn role(
        &mut self,
        number: u64,
        role: Role,
        nick: &Arc<str>,
        on: bool,
    ) -> Result<Option<ModeChange>, Refusal> {
        let target = self.person_called(nick).cloned().ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        let room = self.room_mut(number);
        let name = room.name.clone();
        let member = room.members.iter_mut().find(|member| member.person == target.number);
        let member = member.ok_or_else(|| Refusal::TargetNotInRoom(nick.clone(), name))?;
        let held = match role {
            Role::Operator => &mut member.operator,
            Role::Voice => &mut member.voice,
        };
        if *held == on {
            return Ok(None);
        }
        *held = on;
        let member = member.clone();
        if let Some(account) = target.account {
            room.keep_roles(account, &member);
        }
        Ok(Some(ModeChange::Role { role, nick: target.nick.as_str().into(), on }))
    }

    fn kick(&mut self, session: SessionId, name: &RoomName, nick: &Arc<str>) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let room = self.find(session, name.as_str())?;
        if !room.has_member(person.number) && !person.operator {
            return Err(Refusal::NotInRoom(room.name));
        }
        if !looks_after(&person, &room) {
            return Err(Refusal::NotRoomOperator(room.name));
        }
        let target = self.person_called(nick).cloned().ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        if !room.has_member(target.number) {
            return Err(Refusal::TargetNotInRoom(nick.clone(), room.name));
        }
        let words = format!("{} puts {} out of {}", person.nick, target.nick, room.name);
        self.tell_room(room.number, &words);
        // Whoever is put out does not come back with the powers they had.
        self.room_mut(room.number).roles.retain(|&(account, ..)| Some(account) != target.account);
        self.take_out(target.number, room.number);
        self.forget_member(target.account, room.number);
        Ok(())
    }

    fn invite(&mut self, session: SessionId, name: &RoomName, nick: &Arc<str>) -> Result<(), Refusal> {
        let person = self.asker(session)?.clone();
        let room = self.find(session, name.as_str())?;
        if !room.has_member(person.number) {
            return Err(Refusal::NotInRoom(room.name));
        }
        if room.has(RoomFlag::InviteOnly) && !looks_after(&person, &room) {
            return Err(Refusal::NotRoomOperator(room.name));
        }
        let target = self.person_called(nick).cloned().ok_or_else(|| Refusal::NoSuchNick(nick.clone()))?;
        if room.has_member(target.number) {
            return Err(Refusal::TargetInRoom(target.nick, room.name));
        }
        if room.bans(&target.nick) && !looks_after(&person, &room) {
            return Err(Refusal::NotRoomOperator(room.name));
        }
        let place = self.room_mut(room.number);
        place.invited.retain(|&other| other != target.number);
        place.invited.push(target.number);
        self.tell(session, format!("you asked {} into {}", target.nick, room.name));
        let words = format!("{} asks {} into {}", person.nick, target.nick, room.name);
        self.tell_person(target.number, &words);
        for member in &room.members {
            if member.operator && member.person != person.number {
                self.tell_person(member.person, &words);
            }
        }
        Ok(())
    }
}

fn looks_after(person: &Person, room: &Room) -> bool {
    let member = room.members.iter().find(|member| member.person == person.number);
    person.operator || member.is_some_and(|member| member.operator)
}

fn join_bar(person: &Person, room: &Room, key: Option<&str>) -> Option<JoinBar> {
    if person.operator || room.kept_roles(person.account).0 || room.invited.contains(&person.number) {
        return None;
    }
    if room.bans(&person.nick) {
        return Some(JoinBar::Banned);
    }
    if room.has(RoomFlag::InviteOnly) {
        return Some(JoinBar::InviteOnly);
    }
    if room.key.is_some() && room.key.as_deref() != key {
        return Some(JoinBar::BadKey);
    }
    if room.limit.is_some_and(|limit| room.members.len() >= limit as usize) {
        return Some(JoinBar::Full);
    }
    None
}

fn speak_bar(person: &Person, room: &Room) -> Option<SpeakBar> {
    let member = room.members.iter().find(|member| member.person == person.number);
    if person.operator || member.is_some_and(|member| member.operator || member.voice) {
        return None;
    }
    if member.is_none() && (room.has(RoomFlag::NoExternal) || room.is_restricted()) {
        return Some(SpeakBar::NotMember);
    }
    if room.has(RoomFlag::Moderated) {
        return Some(SpeakBar::Moderated);
    }
    room.bans(&person.nick).then_some(SpeakBar::Banned)
}
