//! Answers to questions, and events that are for one session alone.

use std::sync::Arc;

use salotto_core::{Event, OwnMode, PersonSummary, RoomName, TopicRecord, WhoEntry};
use salotto_wire::{BODY_LEN_MAX, Capability, Line, numeric};

use super::{Session, modes, render, server_name};
use crate::hub::{Answer, Turn};
use crate::shard::Io;

impl Session {
    pub(super) fn show_answer(&self, answer: &Answer, io: &mut Io<'_>) {
        match answer {
            Answer::Names(_, Some(roster)) => self.show_names(roster, io),
            Answer::Names(room, None) => self.end_of_names(room, io),
            Answer::Topic(room, None) | Answer::RoomModes(room, None) | Answer::Bans(room, None) => {
                self.no_such_channel(room, io);
            }
            Answer::Topic(_, Some((name, topic))) => self.show_topic(name, topic.as_ref(), true, io),
            Answer::RoomModes(_, Some(modes)) => {
                let (letters, arguments) = modes::present(modes);
                self.reply(io, numeric::RPL_CHANNELMODEIS, |line| {
                    let line = line.param(modes.name.as_str()).param(&letters);
                    arguments.iter().fold(line, |line, argument| line.param(argument))
                });
                self.reply(io, numeric::RPL_CREATIONTIME, |line| {
                    line.param(modes.name.as_str()).number(modes.created.0 / 1000)
                });
            }
            Answer::Bans(_, Some((name, bans))) => {
                for ban in bans {
                    self.reply(io, numeric::RPL_BANLIST, |line| {
                        line.param(name.as_str()).param(&ban.mask).param(&ban.by).number(ban.at.0 / 1000)
                    });
                }
                self.reply(io, numeric::RPL_ENDOFBANLIST, |line| {
                    line.param(name.as_str()).trailing("End of channel ban list")
                });
            }
            Answer::Rooms(rooms) => {
                self.reply(io, numeric::RPL_LISTSTART, |line| line.param("Channel").trailing("Users  Name"));
                for room in rooms {
                    self.reply(io, numeric::RPL_LIST, |line| {
                        line.param(room.name.as_str())
                            .number(room.members as u64)
                            .trailing(room.topic.as_deref().unwrap_or_default())
                    });
                }
                self.reply(io, numeric::RPL_LISTEND, |line| line.trailing("End of /LIST"));
            }
            Answer::Who { mask, note, entries } => self.show_who(mask, note, entries, io),
            Answer::Whois(nick, person) => self.show_whois(nick, person.as_ref(), io),
            Answer::Present(people) => {
                let names: Vec<&str> = people.iter().map(|person| person.card.nick.as_str()).collect();
                self.reply(io, numeric::RPL_ISON, |line| line.trailing(&names.join(" ")));
            }
            Answer::Hosts(people) => {
                let hosts: Vec<String> = people.iter().map(host_of).collect();
                self.reply(io, numeric::RPL_USERHOST, |line| line.trailing(&hosts.join(" ")));
            }
            Answer::Counts(counts) => {
                let (people, invisible) = (counts.people, counts.invisible);
                self.reply(io, numeric::RPL_LUSERCLIENT, |line| {
                    line.trailing_fmt(format_args!(
                        "There are {people} users and {invisible} invisible on 1 servers"
                    ))
                });
                self.reply(io, numeric::RPL_LUSEROP, |line| {
                    line.number(counts.operators as u64).trailing("IRC Operators online")
                });
                self.reply(io, numeric::RPL_LUSERUNKNOWN, |line| {
                    line.number(0).trailing("unregistered connections")
                });
                self.reply(io, numeric::RPL_LUSERCHANNELS, |line| {
                    line.number(counts.rooms as u64).trailing("channels formed")
                });
                self.reply(io, numeric::RPL_LUSERME, |line| {
                    line.trailing_fmt(format_args!("I have {} clients and 1 servers", counts.sessions))
                });
            }
            Answer::OwnMarks(Some((invisible, operator, _))) => {
                let mut letters = String::from("+");
                letters.extend(invisible.then_some('i'));
                letters.extend(operator.then_some('o'));
                self.reply(io, numeric::RPL_UMODEIS, |line| line.param(&letters));
            }
            Answer::ReadMarker(target, at) => self.show_read_marker(target, *at, io),
            Answer::Nothing | Answer::OwnMarks(None) | Answer::Readable(_) | Answer::ReadableAll(..) => {}
        }
    }

    pub(super) fn show_event(&self, turn: &Turn, event: &Event, io: &mut Io<'_>) {
        match event {
            Event::Attached { room, name, person, card, .. } => {
                let joined = Event::Joined {
                    room: *room,
                    name: name.clone(),
                    person: *person,
                    card: card.clone(),
                    roles: salotto_core::Roles::default(),
                    away: None,
                };
                self.render_own(turn, &joined, io);
            }
            Event::Topic { name, topic, asked } => self.show_topic(name, topic.as_ref(), *asked, io),
            Event::Names(roster) => {
                let quiet =
                    self.has(Capability::NoImplicitNames) || self.has(Capability::NoImplicitNamesDraft);
                if !quiet {
                    self.show_names(roster, io);
                }
            }
            Event::AwayChanged { message, .. } => match message {
                Some(_) => self.reply(io, numeric::RPL_NOWAWAY, |line| {
                    line.trailing("You have been marked as being away")
                }),
                None => self.reply(io, numeric::RPL_UNAWAY, |line| {
                    line.trailing("You are no longer marked as being away")
                }),
            },
            Event::OwnModeChanged { mode, on } => {
                let letter = match mode {
                    OwnMode::Bot => 'B',
                    OwnMode::Invisible => 'i',
                    OwnMode::Operator => 'o',
                };
                if *mode == OwnMode::Operator && *on {
                    self.reply(io, numeric::RPL_YOUREOPER, |line| {
                        line.trailing("You are now an IRC operator")
                    });
                }
                let change = format!("{}{letter}", if *on { '+' } else { '-' });
                let (server, nick) = (server_name(io).to_owned(), self.nick.clone());
                io.line(|bytes| {
                    Line::new(bytes).source(&server).command("MODE").param(&nick).param(&change).end();
                });
            }
            Event::InviteSent { name, nick } => {
                self.reply(io, numeric::RPL_INVITING, |line| line.param(nick.as_str()).param(name.as_str()))
            }
            Event::RecipientAway { nick, message } => {
                self.reply(io, numeric::RPL_AWAY, |line| line.param(nick.as_str()).trailing(message))
            }
            Event::ReadMarker { target, at } => self.show_read_marker(target, *at, io),
            Event::Pong { token } => {
                let server = server_name(io).to_owned();
                io.line(|bytes| {
                    Line::new(bytes).source(&server).command("PONG").param(&server).trailing(token).end();
                });
            }
            Event::Repeated(_) if !self.has(Capability::EchoMessage) => {}
            other => self.render_own(turn, other, io),
        }
    }

    fn show_read_marker(&self, target: &str, at: Option<salotto_core::Timestamp>, io: &mut Io<'_>) {
        if !self.has(Capability::ReadMarker) {
            return;
        }
        let server = server_name(io).to_owned();
        let value = at.map_or_else(|| "*".to_owned(), |at| format!("timestamp={}", render::time(at)));
        io.line(|bytes| {
            Line::new(bytes)
                .source(&server)
                .command("MARKREAD")
                .param(target)
                .param(&value)
                .end_within(BODY_LEN_MAX);
        });
    }

    fn show_topic(&self, name: &RoomName, topic: Option<&TopicRecord>, asked: bool, io: &mut Io<'_>) {
        match topic {
            Some(topic) => {
                self.reply(io, numeric::RPL_TOPIC, |line| line.param(name.as_str()).trailing(&topic.text));
                self.reply(io, numeric::RPL_TOPICWHOTIME, |line| {
                    line.param(name.as_str()).param(&topic.by).number(topic.at.0 / 1000)
                });
            }
            None if asked => {
                self.reply(io, numeric::RPL_NOTOPIC, |line| {
                    line.param(name.as_str()).trailing("No topic is set")
                });
            }
            None => {}
        }
    }

    fn show_whois(&self, nick: &str, person: Option<&PersonSummary>, io: &mut Io<'_>) {
        let Some(person) = person else {
            self.no_such_nick(nick, io);
            return self.end_of_whois(nick, io);
        };
        let card = &person.card;
        let name = card.nick.as_str();
        self.reply(io, numeric::RPL_WHOISUSER, |line| {
            line.param(name).param(&card.user).param(&card.host).param("*").trailing(&card.realname)
        });
        let rooms: Vec<String> = person
            .rooms
            .iter()
            .map(|(roles, room)| {
                format!("{}{}", modes::prefixes(*roles, self.has(Capability::MultiPrefix)), room)
            })
            .collect();
        for rooms in rooms.chunks(6) {
            self.reply(io, numeric::RPL_WHOISCHANNELS, |line| line.param(name).trailing(&rooms.join(" ")));
        }
        let shared = io.shared.clone();
        self.reply(io, numeric::RPL_WHOISSERVER, |line| {
            line.param(name).param(&shared.config.server.name).trailing(&shared.config.server.network)
        });
        if person.operator {
            self.reply(io, numeric::RPL_WHOISOPERATOR, |line| {
                line.param(name).trailing("is an IRC operator")
            });
        }
        if let Some(account) = &card.account {
            self.reply(io, numeric::RPL_WHOISACCOUNT, |line| {
                line.param(name).param(account.as_str()).trailing("is logged in as")
            });
        }
        if card.bot {
            self.reply(io, numeric::RPL_WHOISBOT, |line| line.param(name).trailing("is a bot"));
        }
        if let Some(away) = &person.away {
            self.reply(io, numeric::RPL_AWAY, |line| line.param(name).trailing(away));
        }
        self.reply(io, numeric::RPL_WHOISIDLE, |line| {
            line.param(name)
                .number(person.idle_ms / 1000)
                .number(person.since.0 / 1000)
                .trailing("seconds idle, signon time")
        });
        self.end_of_whois(nick, io);
    }

    fn end_of_whois(&self, nick: &str, io: &mut Io<'_>) {
        self.reply(io, numeric::RPL_ENDOFWHOIS, |line| line.param(nick).trailing("End of /WHOIS list"));
    }

    /// `352`, or `354` where fields were asked for (WHOX); the note is what came behind the mask.
    fn show_who(&self, mask: &str, note: &str, entries: &[WhoEntry], io: &mut Io<'_>) {
        let fields = note.strip_prefix('%').map(|fields| fields.split_once(',').unwrap_or((fields, "")));
        let server: Arc<str> = server_name(io).into();
        for entry in entries {
            match fields {
                Some((fields, token)) => self.who_fields(entry, fields, token, &server, io),
                None => self.reply(io, numeric::RPL_WHOREPLY, |line| {
                    let card = &entry.card;
                    line.param(entry.room.as_ref().map_or("*", RoomName::as_str))
                        .param(&card.user)
                        .param(&card.host)
                        .param(&server)
                        .param(card.nick.as_str())
                        .param(&self.who_flags(entry))
                        .trailing_fmt(format_args!("0 {}", card.realname))
                }),
            }
        }
        self.reply(io, numeric::RPL_ENDOFWHO, |line| line.param(mask).trailing("End of WHO list"));
    }

    fn who_flags(&self, entry: &WhoEntry) -> String {
        let mut flags = String::from(if entry.away { "G" } else { "H" });
        if entry.operator {
            flags.push('*');
        }
        if entry.card.bot {
            flags.push('B');
        }
        flags.push_str(modes::prefixes(entry.roles, self.has(Capability::MultiPrefix)));
        flags
    }

    fn who_fields(&self, entry: &WhoEntry, fields: &str, token: &str, server: &str, io: &mut Io<'_>) {
        let card = &entry.card;
        let flags = self.who_flags(entry);
        self.reply(io, numeric::RPL_WHOSPCRPL, |mut line| {
            // The fields come in this order, whichever order they were asked in.
            for field in "tcuihsnfdlao".chars().filter(|field| fields.contains(*field)) {
                line = match field {
                    't' => line.param(token),
                    'c' => line.param(entry.room.as_ref().map_or("*", RoomName::as_str)),
                    'u' => line.param(&card.user),
                    'i' => line.param("255.255.255.255"),
                    'h' => line.param(&card.host),
                    's' => line.param(server),
                    'n' => line.param(card.nick.as_str()),
                    'f' => line.param(&flags),
                    'd' | 'l' => line.param("0"),
                    'a' => line.param(card.account.as_ref().map_or("0", salotto_core::Nick::as_str)),
                    _ => line.param(if entry.roles.operator { "@" } else { "n/a" }),
                };
            }
            if fields.contains('r') { line.trailing(&card.realname) } else { line }
        });
    }
}

fn host_of(person: &WhoEntry) -> String {
    let card = &person.card;
    let (operator, away) = (if person.operator { "*" } else { "" }, if person.away { '-' } else { '+' });
    format!("{}{operator}={away}{}@{}", card.nick, card.user, card.host)
}
