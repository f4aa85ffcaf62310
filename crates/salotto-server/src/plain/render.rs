//! What is shown of the chat: one or a few lines for each event.

use std::borrow::Cow;

use salotto_core::{Event, Leaving, PostKind, Posted, RoomName};
use salotto_wire::ctcp;

use super::clean::shown;
use super::text::Text;
use crate::config::Language;
use crate::hub::Turn;

/// What stands before a line that tells what happened.
const EVENT: &str = "* ";

/// Renders an event that is shown alike to everybody who reads this language: messages as in the present room.
pub(crate) fn render(_turn: &Turn, event: &Event, language: Language, bytes: &mut Vec<u8>) {
    if let Event::Posted(posted) = event {
        return post("", posted, bytes);
    }
    happened(event, |text| text.line(EVENT, language, bytes));
}

/// Puts an event into words, where others than its author are told of it; some take more than one text.
fn happened(event: &Event, mut tell: impl FnMut(Text<'_>)) {
    match event {
        Event::Joined { name, card, .. } => {
            tell(Text::Joined { name: card.nick.as_str(), room: room(name) });
        }
        Event::Parted { name, card, reason, .. } => {
            let reason = reason.as_deref().map(shown);
            tell(Text::Parted { name: card.nick.as_str(), room: room(name), reason: reason.as_deref() });
        }
        Event::Kicked { name, card, by, reason, .. } => {
            let reason = reason.as_deref().map(shown);
            let (by, reason) = (by.nick.as_str(), reason.as_deref());
            tell(Text::Kicked { name: card.nick.as_str(), room: room(name), by, reason });
        }
        Event::Quit { card, why, .. } => quit(card.nick.as_str(), why, tell),
        Event::Renamed { before, card, .. } => {
            tell(Text::Renamed { before: before.nick.as_str(), after: card.nick.as_str() });
        }
        Event::TopicChanged { name, by, topic } => {
            let by = by.as_deref().map(|by| by.nick.as_str());
            tell(Text::TopicChanged { room: room(name), by, topic: &shown(topic) });
        }
        Event::ModesChanged { name, changes, .. } => {
            for change in changes {
                tell(Text::ModeChanged { room: room(name), change });
            }
        }
        // All others are for one session, which shows them in its own words, or are not shown.
        _ => {}
    }
}

fn quit(name: &str, why: &Leaving, mut tell: impl FnMut(Text<'_>)) {
    match why {
        Leaving::Quit(word) => {
            let word = word.as_deref().map(shown);
            tell(Text::Quit { name, word: word.as_deref() });
        }
        Leaving::Lost(reason) => tell(Text::Lost { name, reason: &shown(reason) }),
        Leaving::Killed { by, reason } => tell(Text::Killed { name, by: &shown(by), reason: &shown(reason) }),
        Leaving::NodeLost => tell(Text::NodeLost { name }),
        // Everybody is told by the server itself.
        Leaving::Closing => {}
    }
}

/// A room's name; names hold nothing that a terminal obeys.
fn room(name: &RoomName) -> &str {
    name.as_str()
}

/// Whether a line of this kind and text is for people.
pub(super) fn is_for_people(kind: PostKind, text: &str) -> bool {
    kind != PostKind::Tags && (ctcp::request(text).is_none() || ctcp::action(text).is_some())
}

/// Something said, behind a mark of where.
pub(super) fn post(mark: &str, posted: &Posted, bytes: &mut Vec<u8>) {
    said(mark, posted.card.nick.as_str(), posted.kind, &posted.text, bytes);
}

/// Something said, now or earlier, by whom and how.
pub(super) fn said(mark: &str, name: &str, kind: PostKind, text: &str, bytes: &mut Vec<u8>) {
    let (before, after, text): (&str, &str, Cow<'_, str>) = match (ctcp::action(text), kind) {
        (Some(action), _) => ("* ", " ", shown(action)),
        (None, PostKind::Notice) => ("-", "- ", shown(text)),
        (None, PostKind::Message | PostKind::Tags) => ("", ": ", shown(text)),
    };
    for part in [mark, before, name, after, &text, "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use salotto_core::{
        Card, ModeChange, Nick, PersonId, PostTarget, RequestId, Role, Roles, RoomId, RoomName, Seq,
        SessionId, Timestamp,
    };

    use super::*;

    fn card(nick: &str) -> Arc<Card> {
        Arc::new(Card {
            nick: Nick::new(nick).unwrap(),
            user: "plain".into(),
            host: "h.cloak".into(),
            realname: nick.into(),
            account: None,
            bot: false,
        })
    }

    fn tea() -> RoomName {
        RoomName::new("#tea").unwrap()
    }

    fn check(event: &Event, english: &str, italian: &str) {
        let turn = Turn {
            session: SessionId(1),
            request: RequestId(1),
            seq: Seq(1),
            at: Timestamp(1),
            effects: Vec::new(),
            answer: None,
        };
        for (language, expected) in [(Language::English, english), (Language::Italian, italian)] {
            let mut bytes = Vec::new();
            render(&turn, event, language, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    fn posted(kind: PostKind, text: &str) -> Event {
        Event::Posted(Arc::new(Posted {
            seq: Seq(7),
            at: Timestamp(7),
            from: PersonId(1),
            card: card("anna"),
            kind,
            target: PostTarget::Room(RoomId(1), tea()),
            text: text.into(),
            tags: "".into(),
        }))
    }

    #[test]
    fn what_is_said_reads_the_same_in_all_languages() {
        for (kind, text, line) in [
            (PostKind::Message, "ciao", "anna: ciao\r\n"),
            (PostKind::Message, "\u{1}ACTION waves\u{1}", "* anna waves\r\n"),
            (PostKind::Notice, "lunch", "-anna- lunch\r\n"),
            (PostKind::Message, "\u{1b}[31m\u{2}red", "anna: [31mred\r\n"),
        ] {
            check(&posted(kind, text), line, line);
        }
    }

    #[test]
    fn questions_between_programs_are_not_for_people() {
        assert!(!is_for_people(PostKind::Message, "\u{1}VERSION\u{1}"));
        assert!(!is_for_people(PostKind::Tags, ""));
        assert!(is_for_people(PostKind::Message, "\u{1}ACTION waves\u{1}"));
        assert!(is_for_people(PostKind::Notice, "x"));
    }

    #[test]
    fn comings_and_goings_say_who_where_and_why() {
        let (room, person) = (RoomId(1), PersonId(1));
        let joined = Event::Joined {
            room,
            name: tea(),
            person,
            card: card("anna"),
            roles: Roles::default(),
            away: None,
        };
        check(&joined, "* anna joined #tea\r\n", "* anna entra in #tea\r\n");
        let parted =
            Event::Parted { room, name: tea(), person, card: card("anna"), reason: Some("\u{1b}c".into()) };
        check(&parted, "* anna left #tea (c)\r\n", "* anna lascia #tea (c)\r\n");
        let quit = |why| Event::Quit { person, card: card("anna"), why };
        check(&quit(Leaving::Quit(None)), "* anna left\r\n", "* anna esce\r\n");
        check(&quit(Leaving::Quit(Some("ciao".into()))), "* anna left (ciao)\r\n", "* anna esce (ciao)\r\n");
        check(
            &quit(Leaving::Lost("ping timeout".into())),
            "* anna left, connection lost: ping timeout\r\n",
            "* anna esce, connessione persa: nessuna risposta\r\n",
        );
        check(&quit(Leaving::Closing), "", "");
    }

    #[test]
    fn each_change_of_a_mode_is_a_line() {
        let changes = vec![
            ModeChange::Role { role: Role::Operator, nick: "anna".into(), on: true },
            ModeChange::Key(None),
        ];
        check(
            &Event::ModesChanged { name: tea(), by: None, changes },
            "* anna is now an operator of #tea\r\n* #tea has no key any more\r\n",
            "* anna ora modera #tea\r\n* #tea non ha più una chiave\r\n",
        );
    }
}
