//! What the application asks for.

use salotto_wire::split::split_text;
use salotto_wire::{BODY_LEN_MAX, Capability, Line};

use super::registration::write_nick;
use super::{Client, Leave, QUIT_WITHIN};
use crate::conversation::ConversationKind;
use crate::event::MessageKind;
use crate::history::{Request, Want};
use crate::outbox::{EntryState, LocalId};
use crate::state::{State, StopReason};
use crate::time::Time;
use crate::timer::Timer;

/// Room for our own mask in the line that others get, as long as we do not know it.
const MASK_LEN_GUESS: usize = 110;

impl Client {
    /// Connects, or connects at once when waiting to.
    pub fn connect(&mut self, now: Time) {
        if matches!(self.state, State::Idle | State::Waiting { .. } | State::Stopped(_)) {
            self.backoff.reset();
            self.begin_connect(now);
        }
        self.finish();
    }

    /// Tries again at once, as after the machine woke up or the network came back.
    pub fn retry_now(&mut self, now: Time) {
        if matches!(self.state, State::Waiting { .. }) {
            self.connect(now);
        }
    }

    /// Leaves the server and stays offline until [`Client::connect`]. What is not sent yet is kept.
    pub fn disconnect(&mut self, now: Time) {
        self.leave(now, Leave::Disconnect, "");
    }

    /// Leaves for good, with a word to the others if not empty.
    pub fn quit(&mut self, now: Time, reason: &str) {
        self.leave(now, Leave::Quit, reason);
    }

    fn leave(&mut self, now: Time, leave: Leave, reason: &str) {
        let end = match leave {
            Leave::Disconnect => State::Idle,
            Leave::Quit => State::Stopped(StopReason::Quit),
        };
        self.resume_token = None;
        if self.connected {
            if self.user_leaves.is_none() {
                let line = Line::new(&mut self.out).command("QUIT");
                if reason.is_empty() { line.end() } else { line.trailing(reason).end() }
            }
            self.begin_leaving(leave);
            self.timers.stop_all();
            self.timers.set(Timer::Quit, now + QUIT_WITHIN);
            self.set_state(State::Closing);
        } else {
            if self.state == State::Connecting {
                self.close();
            }
            self.timers.stop_all();
            self.set_state(end);
        }
        self.finish();
    }

    /// Takes a name: to sign in with when one is needed or later, or instead of the present one.
    pub fn set_name(&mut self, now: Time, name: &str) {
        match self.state {
            State::Online => write_nick(&mut self.out, name),
            State::NameNeeded if self.connected => {
                self.name = name.to_owned();
                self.send_nick();
                self.timers.set(Timer::Establish, now + super::ESTABLISH_WITHIN);
                self.set_state(State::Registering);
            }
            State::NameNeeded => {
                self.name = name.to_owned();
                self.begin_connect(now);
            }
            _ => self.name = name.to_owned(),
        }
        self.finish();
    }

    /// Sets the account to sign in to at the next connection.
    pub fn set_credentials(&mut self, credentials: Option<super::Credentials>) {
        self.options.credentials = credentials;
    }

    /// Enters a room, now or when online.
    pub fn join(&mut self, room: &str, key: Option<&str>) {
        self.want_room(room, key);
        if self.state == State::Online {
            let line = Line::new(&mut self.out).command("JOIN").param(room);
            match key {
                Some(key) => line.param(key).end(),
                None => line.end(),
            }
        }
        self.finish();
    }

    /// Leaves a room.
    pub fn part(&mut self, room: &str, reason: &str) {
        let key = self.fold(room);
        if let Some(conversation) = self.conversations.get_mut(&key) {
            conversation.wanted = false;
        }
        if self.state == State::Online {
            let line = Line::new(&mut self.out).command("PART").param(room);
            if reason.is_empty() { line.end() } else { line.trailing(reason).end() }
        }
        self.finish();
    }

    /// Opens a direct conversation without sending anything.
    pub fn open_direct(&mut self, now: Time, name: &str) {
        if self.is_room(name) || self.conversation(name).is_some() {
            return;
        }
        if self.conversation_mut(name).is_some()
            && self.has(Capability::ChatHistory)
            && self.account.is_some()
            && self.state == State::Online
        {
            let request = Request { key: self.fold(name), target: name.to_owned(), want: Want::Latest };
            self.requests.add(request);
            self.pump_requests(now);
        }
        self.finish();
    }

    /// Forgets a direct conversation or a room that we are not in.
    pub fn close_conversation(&mut self, target: &str) {
        let key = self.fold(target);
        if self.conversations.get(&key).is_some_and(|c| !c.joined && !c.wanted) {
            self.conversations.remove(&key);
        }
    }

    /// Puts a message into the outbox; it goes out as soon as it can.
    ///
    /// A text with line breaks, or too long for one line, becomes several messages. The result is empty
    /// when there is nothing to send, or when the outbox is full.
    pub fn send(&mut self, now: Time, target: &str, kind: MessageKind, text: &str) -> Vec<LocalId> {
        let mut ids = Vec::new();
        let pieces: Vec<String> = split_text(text, self.text_len_max(target, kind))
            .filter(|piece| !piece.trim().is_empty())
            .map(str::to_owned)
            .collect();
        if self.outbox.entries().len() + pieces.len() > crate::Outbox::ENTRIES_MAX || target.is_empty() {
            return ids;
        }
        if !self.is_room(target) {
            self.conversation_mut(target);
        }
        for piece in pieces {
            let token = format!("{:016x}{:016x}", self.rng.next(), self.rng.next());
            ids.extend(self.outbox.add(token, target, kind, &piece, now));
        }
        self.flush_outbox(now);
        self.timers.set_or_stop(Timer::Outbox, self.outbox.next_change());
        self.finish();
        ids
    }

    /// The most bytes of text that fit one message to a target.
    pub fn text_len_max(&self, target: &str, kind: MessageKind) -> usize {
        let mask = if self.own_mask_len > 0 { self.own_mask_len } else { MASK_LEN_GUESS };
        let action = if kind == MessageKind::Action { "\u{1}ACTION \u{1}".len() } else { 0 };
        let frame = ":".len() + mask + " PRIVMSG ".len() + target.len() + " :".len() + action + "\r\n".len();
        BODY_LEN_MAX.saturating_sub(frame).max(100)
    }

    /// Sends a failed message again.
    pub fn retry(&mut self, now: Time, id: LocalId) {
        if let Some(entry) = self.outbox.get_mut(id)
            && matches!(entry.state, EntryState::Failed(_))
        {
            entry.state = EntryState::Queued;
            self.tell_outbox(id);
            self.flush_outbox(now);
        }
        self.finish();
    }

    /// Gives a message up. One that is on its way may arrive all the same.
    pub fn discard(&mut self, now: Time, id: LocalId) {
        if self.outbox.remove(id).is_some() {
            self.tell_outbox(id);
            self.flush_outbox(now);
        }
        self.finish();
    }

    /// Asks for the page of history before what a conversation has; says whether it was asked for.
    pub fn load_before(&mut self, now: Time, target: &str) -> bool {
        let Some(conversation) = self.conversation(target) else { return false };
        if !self.has(Capability::ChatHistory)
            || self.state != State::Online
            || conversation.timeline.start_reached()
            || (conversation.kind == ConversationKind::Room && !conversation.joined)
        {
            return false;
        }
        let want = match conversation.timeline.first_message().and_then(|m| m.msgid.clone()) {
            Some(msgid) => Want::Before { msgid },
            None => Want::Latest,
        };
        let target = conversation.name.clone();
        self.requests.add(Request { key: self.fold(&target), target, want });
        self.pump_requests(now);
        self.finish();
        true
    }

    /// Asks for the messages that are missing after the one with this id.
    pub fn load_gap(&mut self, now: Time, target: &str, after: &str) {
        if !self.has(Capability::ChatHistory) || self.state != State::Online {
            return;
        }
        let want = Want::FillGap { after: after.to_owned(), gap: after.to_owned() };
        self.requests.add(Request { key: self.fold(target), target: target.to_owned(), want });
        self.pump_requests(now);
        self.finish();
    }

    /// Marks a conversation as read to its end, here and on the person's other devices.
    pub fn mark_read(&mut self, target: &str) {
        let key = self.fold(target);
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        conversation.unread = 0;
        conversation.mentions = 0;
        let Some(last_ms) = conversation.timeline.last_message().map(|m| m.time_ms) else { return };
        if conversation.read_until_ms.is_some_and(|known| known >= last_ms) {
            return;
        }
        conversation.read_until_ms = Some(last_ms);
        self.tell_read(&key);
        self.finish();
    }

    /// Changes a room's topic.
    pub fn set_topic(&mut self, room: &str, topic: &str) {
        if self.state == State::Online {
            Line::new(&mut self.out).command("TOPIC").param(room).trailing(topic).end();
        }
        self.finish();
    }

    /// Asks for the list of rooms: [`crate::Event::RoomListed`] for each, then [`crate::Event::RoomListEnd`].
    pub fn list_rooms(&mut self) {
        self.command("LIST", &[], None);
    }

    /// Makes an account with our name, or signs a guest up for one.
    pub fn register_account(&mut self, account: &str, email: &str, password: &str) {
        let email = if email.is_empty() { "*" } else { email };
        self.command("REGISTER", &[account, email], Some(password));
    }

    /// Sends any command. Middle parameters are made safe as [`salotto_wire::Line::param`] says.
    pub fn command(&mut self, command: &str, middles: &[&str], trailing: Option<&str>) {
        if self.connected {
            let mut line = Line::new(&mut self.out).command(command);
            for middle in middles {
                line = line.param(middle);
            }
            match trailing {
                Some(text) => line.trailing(text).end(),
                None => line.end(),
            }
        }
        self.finish();
    }
}
