//! Who comes, who goes, what is said where.

use salotto_client::{ConversationKind, Event, LeaveKind, MessageKind};

use crate::link::Link;

fn members(link: &Link) -> Vec<String> {
    let conversation = link.client.conversation("#lobby").unwrap();
    conversation.members().map(|m| format!("{}{}", m.prefixes, m.name)).collect()
}

#[test]
fn members_come_and_go() {
    let mut link = Link::in_lobby();
    assert_eq!(members(&link), ["anna", "@bo"]);
    link.says(":Carla!c@host JOIN #lobby");
    link.says(":bo!b@host MODE #lobby +vo-o Carla Carla bo");
    assert_eq!(members(&link), ["anna", "bo", "@+Carla"]);
    link.says(":Carla!c@host NICK carlotta");
    assert_eq!(members(&link), ["anna", "bo", "@+carlotta"]);
    link.says(":bo!b@host QUIT :Connection lost: ping timeout");
    link.says(":carlotta!c@host KICK #lobby anna :out");
    let events = link.take_events();
    assert!(events.contains(&Event::Joined { room: "#lobby".into(), name: "Carla".into(), own: false }));
    assert!(events.contains(&Event::Left {
        rooms: vec!["#lobby".into()],
        name: "bo".into(),
        kind: LeaveKind::Lost,
        reason: "ping timeout".into(),
        own: false,
    }));
    assert!(events.contains(&Event::Left {
        rooms: vec!["#lobby".into()],
        name: "anna".into(),
        kind: LeaveKind::Kicked { by: "carlotta".into() },
        reason: "out".into(),
        own: true,
    }));
    assert!(!link.client.conversation("#lobby").unwrap().is_joined());
}

#[test]
fn somebody_who_shares_no_room_leaves_unnoticed() {
    let mut link = Link::in_lobby();
    link.says(":stranger!s@host QUIT :Quit");
    assert_eq!(link.take_events(), []);
}

#[test]
fn a_room_that_is_left_is_left() {
    let mut link = Link::in_lobby();
    link.act(|c, _| c.part("#lobby", "tea"));
    assert_eq!(link.take_sent(), ["PART #lobby :tea"]);
    link.says(":anna!a@host PART #lobby :tea");
    link.says(":bo!b@host JOIN #lobby");
    assert!(!link.client.conversation("#lobby").unwrap().is_joined());
    assert_eq!(link.take_events().len(), 1, "what happens there is no concern of ours");
}

#[test]
fn messages_are_filed_under_their_room_or_person() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1 :bo!b@host PRIVMSG #LOBBY :in the room, Anna");
    link.says("@msgid=2 :bo!b@host PRIVMSG anna :aside");
    link.says("@msgid=3 :anna!a@host PRIVMSG carla :from another device");
    link.says("@msgid=4 :bo!b@host PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
    link.says("@msgid=5 :bo!b@host PRIVMSG anna :\u{1}VERSION\u{1}");
    assert_eq!(link.texts("#lobby"), ["in the room, Anna", "waves"]);
    assert_eq!(link.texts("bo"), ["aside"]);
    assert_eq!(link.texts("carla"), ["from another device"]);
    let lobby = link.client.conversation("#lobby").unwrap();
    assert_eq!((lobby.unread(), lobby.mentions()), (2, 1));
    let bo = link.client.conversation("bo").unwrap();
    assert_eq!((bo.kind(), bo.unread(), bo.mentions()), (ConversationKind::Direct, 1, 1));
    assert_eq!(link.client.conversation("carla").unwrap().unread(), 0);
    assert_eq!(link.take_sent(), [""; 0], "a request for our version is not answered");
    let kinds: Vec<_> = link
        .take_events()
        .into_iter()
        .filter_map(|e| match e {
            Event::Message(m) => Some(m.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds[3], MessageKind::Action);
}

#[test]
fn a_conversation_follows_its_person() {
    let mut link = Link::in_lobby();
    link.says("@msgid=2 :bo!b@host PRIVMSG anna :aside");
    link.says(":bo!b@host NICK bobo");
    assert_eq!(link.texts("bobo"), ["aside"]);
    assert!(link.client.conversation("bo").is_none());
}

#[test]
fn our_own_name_can_change() {
    let mut link = Link::in_lobby();
    link.says(":anna!a@host NICK nina");
    assert_eq!(link.client.name(), "nina");
    assert_eq!(
        link.take_events(),
        [Event::Renamed { from: "anna".into(), to: "nina".into(), rooms: vec!["#lobby".into()], own: true }]
    );
}

#[test]
fn the_server_speaks_for_itself() {
    let mut link = Link::in_lobby();
    link.says(":irc.example NOTICE anna :Welcome, anna");
    link.says(":irc.example 372 anna :- The greeting");
    link.says("NOTE * INFO :A note");
    assert_eq!(
        link.take_events(),
        ["Welcome, anna", "The greeting", "A note"].map(|text| Event::ServerText { text: text.into() })
    );
}

#[test]
fn a_refused_room_is_not_tried_again() {
    let mut link = Link::in_lobby();
    link.act(|c, _| c.join("#secret", None));
    assert_eq!(link.take_sent(), ["JOIN #secret"]);
    link.says(":irc.example 473 anna #secret :Cannot join channel (+i)");
    assert!(link.take_events().contains(&Event::Failed {
        command: "473".into(),
        code: String::new(),
        context: "#secret".into(),
        text: "Cannot join channel (+i)".into(),
    }));
    link.broken("connection reset");
    link.pass_ms(2400);
    link.sign_in(crate::link::ALL_CAPS);
    assert!(link.take_sent().contains(&"JOIN #lobby".to_owned()));
}

#[test]
fn reading_here_and_elsewhere_clears_the_count() {
    let mut link = Link::in_lobby();
    link.says("@msgid=1;time=2026-11-20T20:00:01.000Z :bo!b@host PRIVMSG #lobby :one");
    link.says("@msgid=2;time=2026-11-20T20:00:02.000Z :bo!b@host PRIVMSG #lobby :two");
    link.says("MARKREAD #lobby timestamp=2026-11-20T20:00:01.000Z");
    assert_eq!(link.client.conversation("#lobby").unwrap().unread(), 1);
    link.act(|c, _| c.mark_read("#lobby"));
    assert_eq!(link.client.conversation("#lobby").unwrap().unread(), 0);
    assert_eq!(link.take_sent(), [""; 0], "a guest's marker is not kept by the server");
    link.says(":anna!a@host ACCOUNT anna");
    link.says("@msgid=3;time=2026-11-20T20:00:03.000Z :bo!b@host PRIVMSG #lobby :three");
    link.act(|c, _| c.mark_read("#lobby"));
    link.act(|c, _| c.mark_read("#lobby"));
    assert_eq!(link.take_sent(), ["MARKREAD #lobby timestamp=2026-11-20T20:00:03.000Z"]);
}

#[test]
fn what_was_read_is_told_again_until_the_server_knows() {
    let mut link = Link::in_lobby();
    link.says(":anna!a@host ACCOUNT anna");
    link.says("@msgid=1;time=2026-11-20T20:00:01.000Z :bo!b@host PRIVMSG #lobby :one");
    link.says("@msgid=2;time=2026-11-20T20:00:02.000Z :bo!b@host PRIVMSG anna :two");
    for target in ["#lobby", "bo"] {
        link.act(|c, _| c.mark_read(target));
    }
    link.take_sent();
    link.broken("connection reset");
    link.pass_ms(2400);
    link.up();
    link.offer(crate::link::ALL_CAPS);
    link.says(":irc.example 900 anna anna!a@host anna :You are now logged in as anna");
    link.welcome();
    let read = |link: &mut Link| -> Vec<String> {
        link.take_sent().into_iter().filter(|line| line.starts_with("MARKREAD")).collect()
    };
    let told = [
        "MARKREAD #lobby timestamp=2026-11-20T20:00:01.000Z",
        "MARKREAD bo timestamp=2026-11-20T20:00:02.000Z",
    ];
    assert_eq!(read(&mut link), told);
    link.says(told[1]);
    assert_eq!(read(&mut link), [""; 0]);
    link.says("MARKREAD #lobby *");
    assert_eq!(read(&mut link), told[..1], "what it says on entering tells that it does not know");
    link.says(told[0]);
    assert_eq!(read(&mut link), [""; 0]);
}

#[test]
fn rooms_are_listed() {
    let mut link = Link::in_lobby();
    link.act(|c, _| c.list_rooms());
    assert_eq!(link.take_sent(), ["LIST"]);
    link.says(":irc.example 322 anna #lobby 2 :Everybody");
    link.says(":irc.example 323 anna :End");
    let listed = Event::RoomListed { room: "#lobby".into(), members: 2, topic: "Everybody".into() };
    assert_eq!(link.take_events(), [listed, Event::RoomListEnd]);
}

#[test]
fn topics_are_known_and_told() {
    let mut link = Link::in_lobby();
    link.says(":irc.example 332 anna #lobby :Everybody");
    link.says(":bo!b@host TOPIC #lobby :Nobody");
    assert_eq!(link.client.conversation("#lobby").unwrap().topic().text, "Nobody");
    assert_eq!(link.take_events().len(), 2);
}
