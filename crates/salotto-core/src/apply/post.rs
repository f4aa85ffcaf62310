//! Saying something.

use std::sync::Arc;

use super::{Done, Turn};
use crate::command::{Post, PostKind};
use crate::event::{Audience, Event, PostTarget, Posted, Refusal, SpeakBar};
use crate::mode::RoomFlag;
use crate::record::{Conversation, PostRecord, Record};
use crate::state::{Author, Person, Room};
use crate::view::View;

impl Turn<'_> {
    pub(super) fn post(&mut self, post: Post) -> Done {
        let notice = post.kind == PostKind::Notice;
        match self.say(post) {
            // Nothing is ever sent back for a notice, so that two programs cannot answer each other for ever.
            Err(_) if notice => Ok(()),
            done => done,
        }
    }

    fn say(&mut self, post: Post) -> Done {
        let person = self.asker(post.session)?;
        let id = person.id;
        let author = match &person.card.account {
            Some(account) => Author::Account(account.key().clone()),
            None => Author::Guest(person.card.nick.key().clone()),
        };
        let stem = person.stem.as_deref().copied();
        let (target, conversation) = self.aim(person, &post)?;
        let mut posted = Posted {
            seq: self.seq,
            at: self.at,
            from: id,
            card: person.card.clone(),
            kind: post.kind,
            target,
            text: post.text,
            tags: post.tags,
        };
        if let Some(token) = &post.token {
            if let Some((seq, at)) = self.state.tokens.find(&author, stem, token) {
                (posted.seq, posted.at) = (seq, at);
                self.tell(Audience::Session(post.session), Event::Repeated(Arc::new(posted)));
                return Ok(());
            }
            if post.kind != PostKind::Tags {
                self.state.tokens.remember(author, stem, token.clone(), self.seq, self.at);
            }
        }
        if let Some(conversation) = conversation.filter(|_| post.kind != PostKind::Tags) {
            self.keep(record_of(&posted, conversation, post.token));
        }
        if post.kind != PostKind::Tags
            && let Some(person) = self.state.people.get_mut(&id)
        {
            person.active = self.at;
        }
        self.send(posted);
        Ok(())
    }

    /// Where a post goes, and the conversation it is kept in, if any.
    fn aim(&self, person: &Person, post: &Post) -> Result<(PostTarget, Option<Conversation>), Refusal> {
        if post.target.starts_with('#') {
            let room = View::new(self.state, post.session)
                .room_seen(&post.target)
                .ok_or_else(|| Refusal::NoSuchRoom(post.target.clone()))?;
            if let Some(bar) = self.speak_bar(person, room) {
                return Err(Refusal::CannotSpeak(room.name.clone(), bar));
            }
            return Ok((PostTarget::Room(room.id, room.name.clone()), Some(Conversation::Room(room.id))));
        }
        let to =
            self.state.person_named(&post.target).ok_or_else(|| Refusal::NoSuchNick(post.target.clone()))?;
        let conversation = person.account.zip(to.account).map(|(from, to)| Conversation::direct(from, to));
        Ok((PostTarget::Person(to.id, to.card.nick.clone()), conversation))
    }

    fn speak_bar(&self, person: &Person, room: &Room) -> Option<SpeakBar> {
        let roles = room.members.roles(person.id);
        if person.operator || roles.is_some_and(crate::mode::Roles::any) {
            return None;
        }
        if roles.is_none() && (room.has(RoomFlag::NoExternal) || room.restricted()) {
            return Some(SpeakBar::NotMember);
        }
        if room.has(RoomFlag::Moderated) {
            return Some(SpeakBar::Moderated);
        }
        room.bans(&person.card).then_some(SpeakBar::Banned)
    }

    fn send(&mut self, posted: Posted) {
        let posted = Arc::new(posted);
        match &posted.target {
            PostTarget::Room(room, _) => {
                let outside =
                    self.state.rooms.get(room).is_some_and(|room| !room.members.contains(posted.from));
                self.tell(Audience::Room(*room), Event::Posted(posted.clone()));
                if outside {
                    self.tell(Audience::Person(posted.from), Event::Posted(posted));
                }
            }
            PostTarget::Person(to, nick) => {
                let away = self.state.people.get(to).and_then(|person| person.away.clone());
                self.tell(Audience::Person(*to), Event::Posted(posted.clone()));
                if *to != posted.from {
                    self.tell(Audience::Person(posted.from), Event::Posted(posted.clone()));
                }
                if let Some(message) = away.filter(|_| posted.kind == PostKind::Message) {
                    let event = Event::RecipientAway { nick: nick.clone(), message };
                    self.tell(Audience::Person(posted.from), event);
                }
            }
        }
    }
}

fn record_of(posted: &Posted, conversation: Conversation, token: Option<Arc<str>>) -> Record {
    Record::Post(PostRecord {
        seq: posted.seq,
        at: posted.at,
        conversation,
        kind: posted.kind,
        nick: posted.card.nick.text(),
        address: [&*posted.card.user, "@", &*posted.card.host].concat().into(),
        account: posted.card.account.as_ref().map(|account| account.as_str().into()),
        to: match &posted.target {
            PostTarget::Room(..) => Arc::default(),
            PostTarget::Person(_, nick) => nick.text(),
        },
        text: posted.text.clone(),
        tags: posted.tags.clone(),
        token,
    })
}
