//! Who is where: joins, leaves, names, topics, modes.

use std::collections::BTreeMap;

use salotto_wire::{Message, server_time};

use super::Client;
use crate::conversation::{ConversationKind, Member};
use crate::event::{Event, LeaveKind};
use crate::state::State;
use crate::time::Time;
use crate::timeline::RowKind;

/// Beginnings of quit texts by which servers without our own wording name a broken connection.
const LOST_TEXTS: &[&str] = &[
    "ping timeout",
    "connection timed out",
    "connection reset",
    "connection closed",
    "read error",
    "write error",
    "remote host closed",
    "eof from client",
    "broken pipe",
    "excess flood",
    "sendq exceeded",
];

impl Client {
    pub(super) fn on_join(&mut self, now: Time, message: &Message<'_>) {
        let Some(room) = message.param(0) else { return };
        let name = message.nick();
        let own = self.is_me(name);
        if own {
            // A server that puts people into rooms has let us in.
            self.on_greeted(now);
            self.own_mask_len = message.source().map_or(0, str::len);
        }
        let account = message.param(1).filter(|a| *a != "*").map(str::to_owned);
        let time_ms = time_of(message, now);
        let folded = self.fold(name);
        let Some(conversation) = self.conversation_mut(room) else { return };
        if own {
            conversation.joined = true;
            conversation.wanted = true;
            conversation.members.clear();
        }
        if !conversation.joined {
            return;
        }
        let member = Member { name: name.to_owned(), prefixes: String::new(), away: false, account };
        let known = conversation.members.insert(folded, member).is_some();
        if !own && !known {
            conversation.timeline.push(time_ms, RowKind::Joined { name: name.to_owned() });
        }
        let room = conversation.name.clone();
        if own || !known {
            self.emit(Event::Joined { room: room.clone(), name: name.to_owned(), own });
        }
        if own {
            self.sync_room(now, &room);
            if let Some(conversation) = self.conversation_mut(&room) {
                conversation.entered_ms.get_or_insert(time_ms);
            }
        }
    }

    pub(super) fn on_part(&mut self, now: Time, message: &Message<'_>) {
        let Some(room) = message.param(0) else { return };
        let reason = message.param(1).unwrap_or_default();
        self.leave_room(now, room, message, message.nick(), LeaveKind::Part, reason);
    }

    pub(super) fn on_kick(&mut self, now: Time, message: &Message<'_>) {
        let (Some(room), Some(name)) = (message.param(0), message.param(1)) else { return };
        let reason = message.param(2).unwrap_or_default();
        let by = message.nick().to_owned();
        self.leave_room(now, room, message, name, LeaveKind::Kicked { by }, reason);
    }

    fn leave_room(
        &mut self,
        now: Time,
        room: &str,
        message: &Message<'_>,
        name: &str,
        kind: LeaveKind,
        reason: &str,
    ) {
        let own = self.is_me(name);
        let time_ms = time_of(message, now);
        let folded = self.fold(name);
        let key = self.fold(room);
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        let known = conversation.members.remove(&folded).is_some();
        if own {
            conversation.joined = false;
            conversation.wanted = false;
            conversation.entered_ms = None;
            conversation.syncing = false;
            conversation.own_up_to_holes();
            conversation.members.clear();
        } else if !known {
            return;
        }
        let (name, reason) = (name.to_owned(), reason.to_owned());
        conversation
            .timeline
            .push(time_ms, RowKind::Left { name: name.clone(), kind: kind.clone(), reason: reason.clone() });
        let rooms = vec![conversation.name.clone()];
        self.emit(Event::Left { rooms, name, kind, reason, own });
        if own {
            self.flush_outbox(now);
        }
    }

    pub(super) fn on_quit(&mut self, now: Time, message: &Message<'_>) {
        let name = message.nick();
        if self.is_me(name) {
            return;
        }
        let (kind, reason) = read_quit(message.param(0).unwrap_or_default());
        let time_ms = time_of(message, now);
        let folded = self.fold(name);
        let mut rooms = Vec::new();
        for conversation in self.conversations.values_mut() {
            let here = conversation.members.remove(&folded).is_some();
            let direct = conversation.kind == ConversationKind::Direct && conversation.name == name;
            if here || direct {
                let (name, reason) = (name.to_owned(), reason.to_owned());
                conversation.timeline.push(time_ms, RowKind::Left { name, kind: kind.clone(), reason });
            }
            if here {
                rooms.push(conversation.name.clone());
            }
        }
        if !rooms.is_empty() {
            self.emit(Event::Left {
                rooms,
                name: name.to_owned(),
                kind,
                reason: reason.to_owned(),
                own: false,
            });
        }
    }

    pub(super) fn on_nick(&mut self, now: Time, message: &Message<'_>) {
        let Some(to) = message.param(0) else { return };
        let from = message.nick();
        let own = self.is_me(from);
        let time_ms = time_of(message, now);
        let (old_key, new_key) = (self.fold(from), self.fold(to));
        let mut rooms = Vec::new();
        for conversation in self.conversations.values_mut() {
            if let Some(mut member) = conversation.members.remove(&old_key) {
                member.name = to.to_owned();
                conversation.members.insert(new_key.clone(), member);
                let row = RowKind::Renamed { from: from.to_owned(), to: to.to_owned() };
                conversation.timeline.push(time_ms, row);
                rooms.push(conversation.name.clone());
            }
        }
        if own {
            self.name = to.to_owned();
        } else if let Some(mut direct) = self.conversations.remove(&old_key) {
            // A conversation follows its person, unless there is one with the new name already.
            if new_key == old_key || !self.conversations.contains_key(&new_key) {
                direct.name = to.to_owned();
                self.conversations.insert(new_key, direct);
            } else {
                self.conversations.insert(old_key, direct);
            }
        }
        self.emit(Event::Renamed { from: from.to_owned(), to: to.to_owned(), rooms, own });
    }

    pub(super) fn on_topic_known(&mut self, room: &str, topic: &str) {
        let Some(conversation) = self.conversation_mut(room) else { return };
        conversation.topic.text = topic.to_owned();
        let room = conversation.name.clone();
        self.emit(Event::Topic { room, topic: topic.to_owned(), by: None });
    }

    pub(super) fn on_topic(&mut self, now: Time, message: &Message<'_>) {
        let Some(room) = message.param(0) else { return };
        let topic = message.param(1).unwrap_or_default().to_owned();
        let by = message.nick().to_owned();
        let time_ms = time_of(message, now);
        let Some(conversation) = self.conversation_mut(room) else { return };
        conversation.topic.text.clone_from(&topic);
        conversation.timeline.push(time_ms, RowKind::Topic { by: by.clone(), topic: topic.clone() });
        let room = conversation.name.clone();
        self.emit(Event::Topic { room, topic, by: Some(by) });
    }

    pub(super) fn on_names(&mut self, room: &str, names: &str) {
        let types = self.isupport.mode_types();
        let mapping = self.casemapping();
        let key = self.fold(room);
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        let arriving = conversation.names_arriving.get_or_insert_default();
        for entry in names.split(' ').filter(|n| !n.is_empty()) {
            let (prefixes, mask) = types.split_prefixes(entry);
            let name = mask.split('!').next().unwrap_or(mask);
            let folded = mapping.fold(name);
            let known = conversation.members.get(&folded);
            arriving.insert(
                folded,
                Member {
                    name: name.to_owned(),
                    prefixes: prefixes.to_owned(),
                    away: known.is_some_and(|m| m.away),
                    account: known.and_then(|m| m.account.clone()),
                },
            );
        }
    }

    pub(super) fn on_names_end(&mut self, now: Time, room: &str) {
        let key = self.fold(room);
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        if let Some(members) = conversation.names_arriving.take() {
            conversation.members = members;
            let room = conversation.name.clone();
            self.emit(Event::Members { room });
        }
        self.flush_outbox(now);
    }

    pub(super) fn on_mode(&mut self, now: Time, message: &Message<'_>) {
        let params = message.params();
        let [room, modes, args @ ..] = params else { return };
        if !self.is_room(room) {
            return;
        }
        let types = self.isupport.mode_types();
        let mapping = self.casemapping();
        let time_ms = time_of(message, now);
        let key = self.fold(room);
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        for change in types.changes(modes, args).into_iter().flatten() {
            let (Some(sign), Some(name)) = (types.prefix_of_mode(change.mode), change.arg) else { continue };
            if let Some(member) = conversation.members.get_mut(&mapping.fold(name)) {
                member.prefixes.retain(|p| p != sign);
                if change.set {
                    member.prefixes.push(sign);
                    let rank = |p: char| types.prefixes.iter().position(|(_, s)| *s == p);
                    let mut sorted: Vec<char> = member.prefixes.chars().collect();
                    sorted.sort_by_key(|p| rank(*p));
                    member.prefixes = sorted.into_iter().collect();
                }
            }
        }
        let by = message.nick().to_owned();
        let change = params[1..].join(" ");
        conversation.timeline.push(time_ms, RowKind::Modes { by: by.clone(), change: change.clone() });
        let room = conversation.name.clone();
        self.emit(Event::Modes { room, by, change });
    }

    pub(super) fn on_away(&mut self, message: &Message<'_>) {
        let away = message.param(0).is_some_and(|text| !text.is_empty());
        self.each_member(message.nick(), |m| m.away = away);
    }

    pub(super) fn on_account(&mut self, message: &Message<'_>) {
        let account = message.param(0).filter(|a| *a != "*");
        if self.is_me(message.nick()) {
            self.account = account.map(str::to_owned);
        }
        self.each_member(message.nick(), |m| m.account = account.map(str::to_owned));
    }

    pub(super) fn on_invite(&mut self, message: &Message<'_>) {
        let (Some(name), Some(room)) = (message.param(0), message.param(1)) else { return };
        if self.is_me(name) {
            self.emit(Event::Invited { room: room.to_owned(), by: message.nick().to_owned() });
        }
    }

    /// A room did not let us in: it is not tried again, and what waits for it is refused in its turn.
    pub(super) fn join_refused(&mut self, now: Time, room: &str) {
        let key = self.fold(room);
        if let Some(conversation) = self.conversations.get_mut(&key)
            && !conversation.joined
            && self.state == State::Online
        {
            conversation.wanted = false;
            conversation.syncing = false;
            self.check_caught_up();
            self.flush_outbox(now);
        }
    }

    fn each_member(&mut self, name: &str, change: impl Fn(&mut Member)) {
        let folded = self.fold(name);
        let members: &mut BTreeMap<_, _> = &mut self.conversations;
        members.values_mut().filter_map(|c| c.members.get_mut(&folded)).for_each(change);
    }
}

/// The time a message carries, or the time now.
pub(super) fn time_of(message: &Message<'_>, now: Time) -> i64 {
    message.tag("time").and_then(|t| server_time::parse(&t)).unwrap_or(now.unix_ms())
}

/// Tells a person who left from a connection that broke, and gives the bare reason.
fn read_quit(text: &str) -> (LeaveKind, &str) {
    if let Some(reason) = text.strip_prefix("Connection lost") {
        return (LeaveKind::Lost, reason.trim_start_matches([':', ' ']));
    }
    if let Some(reason) = text.strip_prefix("Quit") {
        return (LeaveKind::Quit, reason.trim_start_matches([':', ' ']));
    }
    let lower = text.to_ascii_lowercase();
    let lost = LOST_TEXTS.iter().any(|beginning| lower.starts_with(beginning));
    (if lost { LeaveKind::Lost } else { LeaveKind::Quit }, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quit_is_told_from_a_loss() {
        for (text, kind, reason) in [
            ("Quit", LeaveKind::Quit, ""),
            ("Quit: good night", LeaveKind::Quit, "good night"),
            ("Connection lost: ping timeout", LeaveKind::Lost, "ping timeout"),
            ("Connection lost", LeaveKind::Lost, ""),
            ("Ping timeout: 240 seconds", LeaveKind::Lost, "Ping timeout: 240 seconds"),
            ("Read error: reset", LeaveKind::Lost, "Read error: reset"),
            ("see you", LeaveKind::Quit, "see you"),
            ("", LeaveKind::Quit, ""),
        ] {
            assert_eq!(read_quit(text), (kind, reason), "{text:?}");
        }
    }
}
