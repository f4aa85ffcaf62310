//! The screen as text, fed by a scripted server.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use salotto_client::{Client, MessageKind, Options, Time, Transmit};

use crate::language::Language;
use crate::screen::draw::draw;
use crate::screen::scroll::Scroll;
use crate::screen::theme::Theme;
use crate::screen::view::{Action, View};

/// 2026-11-20T20:15:00Z.
const NOW_MS: i64 = 1_795_205_700_000;

struct Desk {
    client: Client,
    view: View,
    now_ms: i64,
    size: (u16, u16),
}

impl Desk {
    fn new(language: Language, size: (u16, u16)) -> Self {
        let client = Client::new(Options {
            name: "anna".into(),
            history_on_join: true,
            seed: 7,
            ..Options::default()
        });
        let view = View::new(language, Theme::from_environment(), TimeZone::UTC, "chat.example", 6667);
        Self { client, view, now_ms: NOW_MS, size }
    }

    /// A desk that has signed in as anna and entered the lobby with bo and carla.
    fn in_lobby(language: Language, size: (u16, u16)) -> Self {
        let mut desk = Self::new(language, size);
        desk.act(Client::connect);
        desk.act(|c, now| c.handle_connected(now));
        desk.says(&[
            "CAP * LS :message-tags server-time batch echo-message labeled-response draft/chathistory",
            "CAP * ACK :message-tags server-time batch echo-message labeled-response draft/chathistory",
            ":irc.example 001 anna :Welcome",
            ":irc.example 005 anna CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ :are supported",
            ":irc.example 422 anna :No greeting",
            ":anna!a@host JOIN #lobby",
            ":irc.example 332 anna #lobby :Everybody is welcome · be kind",
            ":irc.example 353 anna = #lobby :anna @bo carla",
            ":irc.example 366 anna #lobby :End",
            "BATCH +h chathistory #lobby",
            "@batch=h;msgid=1;time=2026-11-18T09:30:00.000Z :bo!b@host PRIVMSG #lobby :Who brings the tea on Friday?",
            "@batch=h;msgid=2;time=2026-11-19T17:02:00.000Z :carla!c@host PRIVMSG #lobby :I do",
            "@batch=h;msgid=3;time=2026-11-20T20:01:00.000Z :bo!b@host PRIVMSG #lobby :\u{1}ACTION puts the kettle on\u{1}",
            "BATCH -h",
        ]);
        desk
    }

    fn act(&mut self, action: impl FnOnce(&mut Client, Time)) {
        let now = Time::from_unix_ms(self.now_ms);
        action(&mut self.client, now);
        while let Some(transmit) = self.client.poll_transmit() {
            // The script knows what is sent.
            drop::<Transmit>(transmit);
        }
        while let Some(event) = self.client.poll_event() {
            self.view.event(&event, &self.client, self.now_ms);
        }
    }

    fn says(&mut self, lines: &[&str]) {
        for line in lines {
            self.act(|c, now| c.handle_line(now, line));
        }
    }

    fn bo_says(&mut self, id: u32, text: &str) {
        let time = salotto_wire::server_time::format(self.now_ms);
        self.says(&[&format!("@msgid={id};time={time} :bo!b@host PRIVMSG #lobby :{text}")]);
    }

    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        self.view.key(KeyEvent::new(code, modifiers), Some(&self.client), self.now_ms)
    }

    fn key(&mut self, code: KeyCode) -> Option<Action> {
        self.press(code, KeyModifiers::NONE)
    }

    fn types(&mut self, text: &str) {
        for c in text.chars() {
            assert_eq!(self.key(KeyCode::Char(c)), None);
        }
    }

    /// Draws, and gives the screen as text without trailing spaces.
    fn screen(&mut self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let now = Time::from_unix_ms(self.now_ms);
        terminal.draw(|frame| draw(frame, &mut self.view, Some(&self.client), now)).unwrap();
        let text = terminal.backend().to_string();
        let row = |l: &str| l.trim_matches('"').trim_end().to_owned();
        text.lines().map(row).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn lobby_80x24() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.bo_says(
        4,
        "anna, a message that is rather long and has to be broken somewhere, \u{1b}[31mhowever hostile\u{1b}[0m it is",
    );
    desk.says(&[":dina!d@host JOIN #lobby", ":dina!d@host QUIT :Connection lost: ping timeout"]);
    desk.types("half a sent");
    assert_snapshot!(desk.screen());
}

#[test]
fn lobby_120x30_in_italian() {
    let mut desk = Desk::in_lobby(Language::Italian, (120, 30));
    desk.says(&[
        "@msgid=5 :bo!b@host PRIVMSG anna :psst",
        "@msgid=6 :bo!b@host PRIVMSG #lobby :è pronto",
        ":anna!a@host JOIN #tea",
    ]);
    assert_snapshot!(desk.screen());
}

#[test]
fn narrow_60x16() {
    let mut desk = Desk::in_lobby(Language::English, (60, 16));
    assert_snapshot!(desk.screen());
}

#[test]
fn too_small() {
    let mut desk = Desk::in_lobby(Language::English, (20, 5));
    assert!(desk.screen().starts_with("The window is too sm"));
}

#[test]
fn refused_name_80x24() {
    let mut desk = Desk::new(Language::English, (80, 24));
    desk.act(Client::connect);
    desk.act(|c, now| c.handle_connected(now));
    desk.says(&[":irc.example 433 * anna :Nickname is already in use"]);
    assert_snapshot!(desk.screen());
    desk.key(KeyCode::Char('2'));
    assert_eq!(desk.key(KeyCode::Enter), Some(Action::SignIn("anna2".into())));
}

#[test]
fn refused_name_120x30_in_italian() {
    let mut desk = Desk::new(Language::Italian, (120, 30));
    desk.act(Client::connect);
    desk.act(|c, now| c.handle_connected(now));
    desk.says(&[":irc.example 433 * anna :Nickname is already in use"]);
    assert_snapshot!(desk.screen());
}

#[test]
fn offline_80x24() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.says(&["ERROR :The server has closed: maintenance"]);
    desk.act(|c, now| c.handle_disconnected(now, "closed"));
    desk.act(|c, now| drop(c.send(now, "#lobby", MessageKind::Text, "said while nobody listens")));
    desk.now_ms += 900;
    desk.act(Client::handle_timeout);
    assert_snapshot!(desk.screen());
}

#[test]
fn failed_message_120x30() {
    let mut desk = Desk::in_lobby(Language::English, (120, 30));
    desk.act(|c, now| drop(c.send(now, "#lobby", MessageKind::Text, "not for everybody")));
    desk.says(&["@label=m1 :irc.example 404 anna #lobby :Only members with voice may speak"]);
    assert_snapshot!(desk.screen());
}

#[test]
fn switcher_80x24() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.says(&[
        ":anna!a@host JOIN #tea",
        ":anna!a@host JOIN #green-tea",
        "@msgid=5 :bo!b@host PRIVMSG #tea :here",
    ]);
    desk.press(KeyCode::Char('k'), KeyModifiers::CONTROL);
    desk.types("te");
    assert_snapshot!(desk.screen());
    desk.key(KeyCode::Down);
    let chosen = desk.key(KeyCode::Enter);
    assert_eq!(chosen, Some(Action::Go(super::Destination::Conversation("#green-tea".into()))));
}

#[test]
fn large_room_condenses_comings_and_goings() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    for n in 0..12 {
        desk.says(&[&format!(":p{n}!p@host JOIN #lobby")]);
    }
    desk.says(&[":p3!p@host QUIT :Quit", ":p4!p@host NICK p44"]);
    desk.bo_says(7, "so many");
    assert_snapshot!(desk.screen());
}

#[test]
fn scrolled_up_what_is_shown_stays() {
    let mut desk = Desk::in_lobby(Language::English, (80, 12));
    for n in 10..60 {
        desk.bo_says(n, &format!("line {n}"));
    }
    desk.act(|c, _| c.mark_read("#lobby"));
    desk.screen();
    desk.key(KeyCode::PageUp);
    let lines = |screen: &str| -> Vec<String> {
        let shown = screen.lines().filter_map(|l| l.split("bo: ").nth(1));
        shown.map(str::to_owned).collect()
    };
    let before = desk.screen();
    desk.now_ms += 1000;
    for n in 60..70 {
        desk.bo_says(n, &format!("line {n}"));
    }
    let after = desk.screen();
    assert_eq!(lines(&before), lines(&after));
    assert!(after.contains("↓ End: latest, 10 new"), "{after}");
    desk.key(KeyCode::End);
    assert!(desk.screen().contains("line 69"));
    assert_eq!(desk.view.scroll, Scroll::Bottom);
}

#[test]
fn the_top_asks_for_more() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.screen();
    assert_eq!(desk.key(KeyCode::PageUp), Some(Action::LoadBefore("#lobby".into())));
}

#[test]
fn a_room_with_news_opens_at_the_news() {
    let mut desk = Desk::in_lobby(Language::English, (80, 12));
    desk.says(&[":anna!a@host JOIN #tea"]);
    desk.act(|c, _| c.mark_read("#lobby"));
    desk.screen();
    desk.press(KeyCode::Down, KeyModifiers::ALT);
    assert_eq!(desk.view.current.as_deref(), Some("#tea"));
    for n in 10..40 {
        desk.bo_says(n, &format!("line {n}"));
    }
    desk.press(KeyCode::Char('a'), KeyModifiers::ALT);
    assert_eq!(desk.view.current.as_deref(), Some("#lobby"));
    let screen = desk.screen();
    assert_snapshot!(screen);
    assert!(!desk.view.is_reading(&desk.client), "what is below is not read yet");
    desk.key(KeyCode::Esc);
    assert!(!desk.screen().contains("New messages"));
    assert!(desk.view.is_reading(&desk.client));
}

#[test]
fn drafts_stay_with_their_room() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.says(&[":anna!a@host JOIN #tea"]);
    desk.types("for the lobby");
    desk.press(KeyCode::Down, KeyModifiers::ALT);
    assert_eq!(desk.view.editor.text(), "");
    desk.press(KeyCode::Up, KeyModifiers::ALT);
    assert_eq!(desk.view.editor.text(), "for the lobby");
}

#[test]
fn ctrl_c_clears_first_and_leaves_then() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.types("text");
    assert_eq!(desk.press(KeyCode::Char('c'), KeyModifiers::CONTROL), None);
    assert_eq!(desk.view.editor.text(), "");
    assert_eq!(desk.press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Interrupt));

    let mut desk = Desk::new(Language::English, (80, 24));
    desk.view.ask_name(None, "ann");
    assert_eq!(desk.press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Interrupt));
}

#[test]
fn an_empty_name_is_not_taken() {
    let mut desk = Desk::new(Language::English, (80, 24));
    desk.view.ask_name(None, "");
    assert_eq!(desk.key(KeyCode::Enter), None);
    assert!(desk.screen().contains("Choose a user name"));
}

#[test]
fn tab_completes_who_spoke_last_first() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.says(&[":bea!b@host JOIN #lobby", ":Bruno!b@host JOIN #lobby", ":anselm!b@host JOIN #lobby"]);
    desk.types("b");
    desk.key(KeyCode::Tab);
    assert_eq!(desk.view.editor.text(), "bo: ", "bo has spoken");
    desk.key(KeyCode::Tab);
    assert_eq!(desk.view.editor.text(), "bea: ");
    desk.key(KeyCode::BackTab);
    assert_eq!(desk.view.editor.text(), "bo: ");
    desk.key(KeyCode::Esc);
    assert_eq!(desk.view.editor.text(), "b");
    desk.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    desk.types("hi @an");
    desk.key(KeyCode::Tab);
    assert_eq!(desk.view.editor.text(), "hi anselm ", "never ourselves");
    desk.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    desk.types("/ro");
    desk.key(KeyCode::Tab);
    assert_eq!(desk.view.editor.text(), "/rooms ");
}

#[test]
fn many_lines_are_asked_about() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.view.paste("1\n2\n3\n4\n5\n6\n");
    assert_eq!(desk.key(KeyCode::Enter), None);
    assert!(desk.screen().contains("These are 6 messages. Enter sends them, Esc goes back."));
    desk.key(KeyCode::Esc);
    assert_eq!(desk.view.editor.text().lines().count(), 6, "nothing is lost");
    desk.key(KeyCode::Enter);
    assert_eq!(desk.key(KeyCode::Enter), Some(Action::Submit("1\n2\n3\n4\n5\n6".into())));
}

#[test]
fn what_is_unsent_is_asked_about_once() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    assert!(desk.view.may_quit(0, NOW_MS));
    assert!(!desk.view.may_quit(2, NOW_MS));
    assert!(desk.screen().contains("Quit? 2 messages are not sent yet."));
    assert!(desk.view.may_quit(2, NOW_MS));
}

#[test]
fn leaving_a_room_shows_the_one_before() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    desk.says(&[":anna!a@host JOIN #tea"]);
    desk.press(KeyCode::Down, KeyModifiers::ALT);
    desk.says(&[":anna!a@host PART #tea"]);
    assert_eq!(desk.view.current.as_deref(), Some("#lobby"));
}

#[test]
fn every_size_can_be_drawn() {
    for columns in [1, 23, 24, 40, 79, 80, 109, 110, 200] {
        for rows in [1, 5, 6, 10, 60] {
            let mut desk = Desk::in_lobby(Language::Italian, (columns, rows));
            desk.bo_says(9, &"日本語 and a verylongwordthatdoesnotfitanywhereatall ".repeat(5));
            desk.view.paste(&"x\n".repeat(20));
            desk.screen();
            desk.press(KeyCode::Char('k'), KeyModifiers::CONTROL);
            desk.screen();
            desk.view.ask_name(Some("an error ".repeat(30)), &"long name ".repeat(30));
            desk.screen();
        }
    }
}

#[test]
fn what_was_meant_for_a_room_that_refuses_goes_back_to_the_input() {
    let mut desk = Desk::new(Language::English, (80, 24));
    desk.view.want(&desk.client, "#tea", NOW_MS);
    assert!(desk.view.keep_waiting("one", NOW_MS) && desk.view.keep_waiting("two", NOW_MS));
    assert_eq!((desk.view.waiting(), desk.view.notices.len()), (2, 2));
    desk.act(Client::connect);
    desk.act(|c, now| c.handle_connected(now));
    desk.says(&[":irc.example 001 anna :Welcome", ":irc.example 422 anna :None", ":anna!a@host JOIN #lobby"]);
    assert_eq!(desk.view.take_waiting(), [""; 0], "the lobby is not where it was meant for");
    desk.says(&[":irc.example 473 anna #tea :Cannot join channel (+i)"]);
    assert_eq!((desk.view.waiting(), desk.view.editor.text()), (0, "one\ntwo"));
    assert!(!desk.screen().contains("Will be sent"));
}

#[test]
fn what_waits_for_a_room_is_taken_once_and_has_a_bound() {
    let mut desk = Desk::in_lobby(Language::English, (80, 24));
    assert!(desk.view.keep_waiting("one", NOW_MS));
    assert_eq!(desk.view.take_waiting(), ["one"]);
    assert_eq!(desk.view.take_waiting(), [""; 0]);
    let kept = (0..1000).filter(|n| desk.view.keep_waiting(&n.to_string(), NOW_MS)).count();
    assert_eq!(kept, 100);
}
