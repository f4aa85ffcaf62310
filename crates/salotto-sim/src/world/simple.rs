//! People without a client library: at a bare terminal, or with an IRC client that asks for no capability.
//!
//! They read what comes, and say something now and then. What they say they say once; when their connection breaks
//! they come back and know nothing.

use salotto_server::listen::ListenerKind;
use salotto_wire::{LINE_LEN_MAX, LineBuffer, Message};

use super::person::mark_of;
use crate::history::{History, Mark, Reader, Room, What};

/// The room they are in, which everybody is put into.
const ROOM: (Room, &str) = (Room(0), "#lobby");

/// What somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Lines as they are typed.
    Terminal,
    /// IRC without capabilities.
    Irc,
}

/// Somebody who reads lines.
#[derive(Debug)]
pub(super) struct Simple {
    manner: Manner,
    reader: Reader,
    name: String,
    /// How often the name was refused on this connection.
    refusals: usize,
    lines: LineBuffer,
    next_mark: u64,
    is_inside: bool,
}

impl Simple {
    pub fn new(manner: Manner, name: &str, reader: Reader) -> Simple {
        Simple {
            manner,
            reader,
            name: name.to_owned(),
            refusals: 0,
            lines: LineBuffer::new(LINE_LEN_MAX),
            next_mark: u64::from(reader.0) << 24,
            is_inside: false,
        }
    }

    /// The listener they come to.
    pub fn kind(&self) -> ListenerKind {
        match self.manner {
            Manner::Terminal => ListenerKind::Text,
            Manner::Irc => ListenerKind::Irc,
        }
    }

    /// Whether they are in the room, as far as they know.
    pub fn is_inside(&self) -> bool {
        self.is_inside
    }

    /// Connected: the first words.
    pub fn connected(&mut self, history: &mut History) -> String {
        self.lines = LineBuffer::new(LINE_LEN_MAX);
        self.refusals = 0;
        self.is_inside = false;
        history.note(self.reader, What::Connects);
        match self.manner {
            Manner::Terminal => format!("{}\r\n", self.name),
            Manner::Irc => format!("NICK {0}\r\nUSER {0} 0 * :{0}\r\n", self.name),
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.is_inside = false;
    }

    /// Reads what has come, and answers.
    pub fn read(&mut self, mut bytes: &[u8], history: &mut History) -> String {
        let mut answers = String::new();
        let Simple { manner, reader, name, refusals, lines, is_inside, .. } = self;
        while let Some(line) = lines.next(&mut bytes) {
            let Ok(line) = line else { continue };
            let said = match manner {
                Manner::Terminal => {
                    // `* You are now in #lobby.` and its like have no mark in them.
                    *is_inside |= line.contains(ROOM.1);
                    if line.contains("is taken") || line.contains("in use") {
                        *refusals += 1;
                        answers += &format!("{name}{}\r\n", "x".repeat(*refusals));
                    }
                    let text = line
                        .split_once("] ")
                        .filter(|_| line.starts_with('['))
                        .map_or(line, |(_, text)| text);
                    text.split_once(": ").and_then(|(_, text)| mark_of(text))
                }
                Manner::Irc => {
                    let Ok(message) = Message::parse(line) else { continue };
                    match message.command() {
                        "PING" => {
                            answers += &format!("PONG :{}\r\n", message.param(0).unwrap_or_default());
                            None
                        }
                        "433" => {
                            *refusals += 1;
                            answers += &format!("NICK {name}{}\r\n", "x".repeat(*refusals));
                            None
                        }
                        "366" => {
                            *is_inside |= message.param(1) == Some(ROOM.1);
                            None
                        }
                        "PRIVMSG" if message.param(0) == Some(ROOM.1) => message.param(1).and_then(mark_of),
                        _ => None,
                    }
                }
            };
            if let Some(mark) = said {
                history.note(*reader, What::Reads(ROOM.0, mark));
            }
        }
        answers
    }

    /// Says something, if there is somebody to say it to.
    pub fn say(&mut self, history: &mut History) -> Option<String> {
        if !self.is_inside {
            return None;
        }
        self.next_mark += 1;
        let mark = Mark(self.next_mark);
        history.note(self.reader, What::Sends(ROOM.0, mark));
        let text = format!("m{:012x} hello from here", mark.0);
        Some(match self.manner {
            Manner::Terminal => format!("{text}\r\n"),
            Manner::Irc => format!("PRIVMSG {} :{text}\r\n", ROOM.1),
        })
    }

    /// Touches a key, to see whether the connection is still there.
    pub fn nudge(&self) -> &'static str {
        match self.manner {
            Manner::Terminal => "\r\n",
            Manner::Irc => "PING quiet\r\n",
        }
    }

    /// Everything is quiet: whatever was said before has been read.
    pub fn has_read_all(&self, history: &mut History) {
        if self.is_inside {
            history.note(self.reader, What::HasReadAll(ROOM.0));
        }
    }
}
