//! Messages that come, and the outbox that they empty.

use salotto_wire::{Capability, Line, Message, Source, ctcp, formatting, server_time};

use super::membership::time_of;
use super::{Client, TOKEN_TAG};
use crate::conversation::Conversation;
use crate::event::{ChatMessage, Event, MessageKind};
use crate::outbox::{EntryState, FailReason, LocalId};
use crate::state::State;
use crate::time::Time;
use crate::timeline::RowKind;

impl Client {
    pub(super) fn on_message(&mut self, now: Time, message: &Message<'_>, label: Option<&str>) {
        if let Some(text) = self.server_text(message) {
            self.emit(Event::ServerText { text: text.to_owned() });
            return;
        }
        let Some(mut chat) = self.read_message(now, message) else { return };
        if chat.own {
            let token = message.tag(TOKEN_TAG);
            chat.local_id = self.match_outbox(label, token.as_deref(), &chat);
        }
        let mut sent_again = false;
        if let Some(id) = chat.local_id {
            sent_again = self.outbox.remove(id).is_some_and(|entry| entry.maybe_sent);
            self.emit(Event::Outbox { id, state: None });
        }
        let (target, msgid) = (chat.target.clone(), chat.msgid.clone());
        self.receive(chat);
        if let (true, Some(msgid)) = (sent_again, msgid)
            && let Some(conversation) = self.conversation_mut(&target)
        {
            // The server had it already: it may be older than all that was fetched since.
            conversation.timeline.mark_alone(&msgid);
        }
        self.flush_outbox(now);
    }

    /// Puts a live message into its conversation and tells of it, unless it is known.
    fn receive(&mut self, chat: ChatMessage) {
        let Some(conversation) = self.conversation_mut(&chat.target) else { return };
        if conversation.timeline.push_message(chat.clone()) {
            count_unread(conversation, &chat);
            self.emit(Event::Message(chat));
        }
    }

    /// The text of a notice from the server itself rather than from a person.
    fn server_text<'a>(&self, message: &Message<'a>) -> Option<&'a str> {
        let from_person = message.source().is_some_and(|s| {
            let source = Source::parse(s);
            source.user.is_some() || source.host.is_some() || !source.nick.contains('.')
        });
        let to_us = message.param(0).is_some_and(|t| t == "*" || self.is_me(t));
        let notice = message.command().eq_ignore_ascii_case("NOTICE");
        (notice && to_us && !from_person).then(|| message.param(1).unwrap_or_default())
    }

    /// Reads a PRIVMSG or NOTICE; `None` for what is no message to a person, such as a CTCP request.
    pub(super) fn read_message(&self, now: Time, message: &Message<'_>) -> Option<ChatMessage> {
        let (target, text) = (message.param(0)?, message.param(1)?);
        let sender = message.nick();
        let own = self.is_me(sender);
        let kind = match message.command().to_ascii_uppercase().as_str() {
            "PRIVMSG" => MessageKind::Text,
            "NOTICE" => MessageKind::Notice,
            _ => return None,
        };
        let (kind, text) = match (ctcp::request(text), ctcp::action(text)) {
            (_, Some(action)) => (MessageKind::Action, action),
            (Some(_), None) => return None,
            (None, None) => (kind, text),
        };
        // A message to some of a room, such as `@#room`, is shown in the room.
        let signs = self.isupport.value("STATUSMSG").unwrap_or_default();
        let target = match target.trim_start_matches(|c| signs.contains(c)) {
            room if self.is_room(room) => room,
            _ if own => target,
            _ => sender,
        };
        Some(ChatMessage {
            target: self.conversation(target).map_or(target, Conversation::name).to_owned(),
            sender: sender.to_owned(),
            kind,
            text: text.to_owned(),
            time_ms: time_of(message, now),
            msgid: message.tag("msgid").map(|id| id.into_owned()).filter(|id| !id.is_empty()),
            account: message.tag("account").map(|a| a.into_owned()),
            own,
            local_id: None,
            mentions_me: !own && names(&formatting::strip(text), &self.name),
        })
    }

    /// Finds the entry of the outbox that an own message is: by label, by token, or as the one under way.
    fn match_outbox(&self, label: Option<&str>, token: Option<&str>, chat: &ChatMessage) -> Option<LocalId> {
        if let Some(id) = label.and_then(read_label).filter(|id| self.outbox.get(*id).is_some()) {
            return Some(id);
        }
        if let Some(id) = token.and_then(|t| self.outbox.by_token(t)) {
            return Some(id);
        }
        let target = self.fold(&chat.target);
        let entry = self.outbox.under_way(&target, |t| self.fold(t))?;
        (token.is_none() && entry.text == chat.text && entry.kind == chat.kind).then_some(entry.id)
    }

    /// Finds the entry that an own message of history is. A server that forgets tokens still has the text.
    pub(super) fn match_outbox_in_history(&self, token: Option<&str>, chat: &ChatMessage) -> Option<LocalId> {
        if let Some(id) = token.and_then(|t| self.outbox.by_token(t)) {
            return Some(id);
        }
        // Clocks differ a little; an older message with the same words is another one.
        const CLOCK_SKEW_MS: i64 = 5000;
        self.outbox
            .entries()
            .iter()
            .find(|e| {
                token.is_none()
                    && e.maybe_sent
                    && e.text == chat.text
                    && e.kind == chat.kind
                    && self.same_name(&e.target, &chat.target)
                    && chat.time_ms >= e.written_at.unix_ms() - CLOCK_SKEW_MS
            })
            .map(|e| e.id)
    }

    pub(super) fn on_ack(&mut self, now: Time, label: Option<&str>) {
        if let Some(id) = label.and_then(read_label) {
            self.delivered_without_echo(now, id.0);
        }
    }

    /// The server has a message and does not send it back: it is shown as we wrote it.
    pub(super) fn delivered_without_echo(&mut self, now: Time, id: u64) {
        let id = LocalId(id);
        // A refusal came before this answer.
        if self.outbox.get(id).is_none_or(|e| e.sent_at.is_none()) {
            return;
        }
        let Some(entry) = self.outbox.remove(id) else { return };
        self.emit(Event::Outbox { id: entry.id, state: None });
        let chat = ChatMessage {
            target: entry.target,
            sender: self.name.clone(),
            kind: entry.kind,
            text: entry.text,
            time_ms: now.unix_ms(),
            msgid: None,
            account: self.account.clone(),
            own: true,
            local_id: Some(entry.id),
            mentions_me: false,
        };
        self.receive(chat);
        self.flush_outbox(now);
    }

    /// Marks the message that the server refused; says whether there was one.
    pub(super) fn refuse_message(
        &mut self,
        now: Time,
        label: Option<&str>,
        target: &str,
        text: &str,
    ) -> bool {
        let by_label = label.and_then(read_label).filter(|id| self.outbox.get(*id).is_some());
        let folded = self.fold(target);
        let id = by_label.or_else(|| self.outbox.under_way(&folded, |t| self.fold(t)).map(|e| e.id));
        let Some(entry) = id.and_then(|id| self.outbox.get_mut(id)) else { return false };
        entry.state = EntryState::Failed(FailReason::Refused(text.to_owned()));
        entry.sent_at = None;
        let id = entry.id;
        self.tell_outbox(id);
        self.flush_outbox(now);
        true
    }

    /// Sends what may be sent now.
    pub(super) fn flush_outbox(&mut self, now: Time) {
        if self.state != State::Online || self.user_leaves.is_some() {
            return;
        }
        for id in self.outbox.ready(|t| self.fold(t)) {
            let Some(entry) = self.outbox.get(id) else { continue };
            let waits =
                self.conversation(&entry.target).is_some_and(|c| c.syncing || (c.wanted && !c.joined));
            if !waits {
                self.send_entry(now, id);
            }
        }
        self.timers.set_or_stop(crate::timer::Timer::Outbox, self.outbox.next_change());
    }

    fn send_entry(&mut self, now: Time, id: LocalId) {
        let (tags, labels, echo) = (
            self.has(Capability::MessageTags),
            self.has(Capability::LabeledResponse),
            self.has(Capability::EchoMessage),
        );
        let Some(entry) = self.outbox.get_mut(id) else { return };
        entry.sent_at = Some(now);
        let mut line = Line::new(&mut self.out);
        if labels {
            line = line.tag("label", &write_label(id));
        }
        if tags {
            line = line.tag(TOKEN_TAG, &entry.token);
        }
        let command = if entry.kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
        line.command(command).param(&entry.target).trailing(&entry.wire_text()).end();
        if !echo && !labels {
            // The answer to a PING comes after the server has taken the message, or refused it.
            Line::new(&mut self.out).command("PING").param(&format!("s{}", id.0)).end();
        }
        if entry.state == EntryState::Queued {
            entry.state = EntryState::Sending;
            self.tell_outbox(id);
        }
    }

    /// Tells the server how far a conversation was read, where it does not know.
    pub(super) fn tell_read(&mut self, key: &str) {
        let tell = self.has(Capability::ReadMarker) && self.account.is_some() && self.state == State::Online;
        let Some(conversation) = self.conversations.get(key).filter(|_| tell) else { return };
        if let Some(ms) = conversation.read_untold_ms() {
            let stamp = format!("timestamp={}", server_time::format(ms));
            Line::new(&mut self.out).command("MARKREAD").param(&conversation.name).param(&stamp).end();
        }
    }

    /// Asks how far a direct conversation was read, or tells it. Of rooms the server speaks when they are entered.
    pub(super) fn settle_read(&mut self, key: &str) {
        let ask = self.has(Capability::ReadMarker) && self.account.is_some();
        let Some(conversation) = self.conversations.get(key).filter(|_| ask) else { return };
        if conversation.read_untold_ms().is_none() {
            Line::new(&mut self.out).command("MARKREAD").param(&conversation.name).end();
        } else {
            self.tell_read(key);
        }
    }

    pub(super) fn on_markread(&mut self, message: &Message<'_>) {
        let (Some(target), Some(value)) = (message.param(0), message.param(1)) else { return };
        let ms = value.strip_prefix("timestamp=").and_then(server_time::parse);
        let Some(conversation) = self.conversation_mut(target) else { return };
        conversation.read_known_ms = ms;
        if conversation.read_until_ms >= ms {
            // What was read here may not have got through before the connection was lost.
            return self.tell_read(&self.fold(target));
        }
        let Some(ms) = ms else { return };
        conversation.read_until_ms = Some(ms);
        recount_unread(conversation);
        let target = conversation.name.clone();
        self.emit(Event::ReadMarker { target, read_until_ms: ms });
    }
}

pub(super) fn count_unread(conversation: &mut Conversation, chat: &ChatMessage) {
    let read = conversation.read_until_ms.is_some_and(|until| chat.time_ms <= until);
    if chat.own || read {
        return;
    }
    conversation.unread += 1;
    if chat.mentions_me || conversation.kind == crate::ConversationKind::Direct {
        conversation.mentions += 1;
    }
}

pub(super) fn recount_unread(conversation: &mut Conversation) {
    conversation.unread = 0;
    conversation.mentions = 0;
    let messages: Vec<ChatMessage> = conversation
        .timeline
        .rows()
        .iter()
        .rev()
        .take_while(|r| conversation.read_until_ms.is_none_or(|until| r.time_ms > until))
        .filter_map(|r| match &r.kind {
            RowKind::Message(message) => Some(message.clone()),
            _ => None,
        })
        .collect();
    for message in &messages {
        count_unread(conversation, message);
    }
}

fn write_label(id: LocalId) -> String {
    format!("m{}", id.0)
}

fn read_label(label: &str) -> Option<LocalId> {
    label.strip_prefix('m')?.parse().ok().map(LocalId)
}

/// Tells whether a text names somebody, as a whole word in any case.
fn names(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_counts_as_a_whole_word_only() {
        for text in ["anna", "Anna: hi", "hi @anna!", "(ANNA)", "anna, annabel"] {
            assert!(names(text, "Anna"), "{text}");
        }
        for text in ["", "annabel", "joanna", "anna_", "anna-b"] {
            assert!(!names(text, "anna"), "{text}");
        }
        assert!(!names("anything", ""));
    }
}
