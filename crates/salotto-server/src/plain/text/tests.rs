use std::sync::Arc;

use salotto_core::{Nick, Role, RoomFlag, RoomName};

use super::*;

fn refusals() -> Vec<Refusal> {
    let nick = || Nick::new("anna").unwrap();
    let other = || Nick::new("bruno").unwrap();
    let room = || RoomName::new("#tea").unwrap();
    let text = || Arc::<str>::from("carla");
    let mut refusals = vec![
        Refusal::NotSignedIn,
        Refusal::AlreadySignedIn,
        Refusal::NickInUse(nick()),
        Refusal::NickReserved(nick()),
        Refusal::NickLooksLike(nick(), other()),
        Refusal::NoSuchNick(text()),
        Refusal::NoSuchRoom("#tea".into()),
        Refusal::NotInRoom(room()),
        Refusal::TargetNotInRoom(text(), room()),
        Refusal::TargetInRoom(nick(), room()),
        Refusal::NotRoomOperator(room()),
        Refusal::NotOperator,
        Refusal::BanListFull(room(), text()),
        Refusal::AccountExists(nick()),
        Refusal::AccountNameInUse(nick()),
        Refusal::AlreadyLoggedIn(nick()),
        Refusal::NoAccount,
        Refusal::UnknownResumeToken,
    ];
    for bar in [SpeakBar::NotMember, SpeakBar::Moderated, SpeakBar::Banned] {
        refusals.push(Refusal::CannotSpeak(room(), bar));
    }
    for bar in [
        JoinBar::InviteOnly,
        JoinBar::BadKey,
        JoinBar::Full,
        JoinBar::Banned,
        JoinBar::TooManyRooms,
        JoinBar::ServerFull,
    ] {
        refusals.push(Refusal::CannotJoin(room(), bar));
    }
    refusals
}

fn changes() -> Vec<ModeChange> {
    let mut changes = vec![
        ModeChange::Key(Some("k".into())),
        ModeChange::Key(None),
        ModeChange::Limit(Some(3)),
        ModeChange::Limit(None),
    ];
    for on in [true, false] {
        changes.push(ModeChange::Ban { mask: "x!*@*".into(), on });
        for role in [Role::Operator, Role::Voice] {
            changes.push(ModeChange::Role { role, nick: "anna".into(), on });
        }
        for flag in [
            RoomFlag::InviteOnly,
            RoomFlag::Moderated,
            RoomFlag::NoExternal,
            RoomFlag::Secret,
            RoomFlag::TopicLocked,
        ] {
            changes.push(ModeChange::Flag(flag, on));
        }
    }
    changes
}

/// Every text once, and with everything that may be in it or not.
fn with_all(check: impl Fn(&Text<'_>)) {
    let (name, room, by) = ("anna", "#tea", "bruno");
    for text in [
        Text::Greeting { network: "Salotto" },
        Text::Languages,
        Text::AskPassword,
        Text::WrongPassword,
        Text::AskName,
        Text::NameFirst,
        Text::Welcome { name },
        Text::HowToLeave,
        Text::Here { room },
        Text::AlsoIn { room },
        Text::Nowhere,
        Text::Members { room, count: 2, names: "anna, bruno" },
        Text::Topic { room, topic: "cake" },
        Text::NoTopic { room },
        Text::Earlier,
        Text::Now,
        Text::Joined { name, room },
        Text::Parted { name, room, reason: None },
        Text::Parted { name, room, reason: Some("tired") },
        Text::PartedYou { room },
        Text::Quit { name, word: None },
        Text::Quit { name, word: Some("ciao") },
        Text::Lost { name, reason: "connection reset" },
        Text::NodeLost { name },
        Text::Killed { name, by, reason: "spam" },
        Text::Kicked { name, room, by, reason: None },
        Text::KickedYou { room, by, reason: Some("spam") },
        Text::Renamed { before: name, after: by },
        Text::RenamedYou { name },
        Text::TopicChanged { room, by: None, topic: "cake" },
        Text::TopicChanged { room, by: Some(by), topic: "" },
        Text::InvitedYou { room, by },
        Text::Invited { name, room, by },
        Text::Away { name, message: "lunch" },
        Text::Private,
        Text::PrivateTo { name },
        Text::Registered { account: name },
        Text::LoggedIn { account: name },
        Text::LoginFailed,
        Text::TooManyGuesses,
        Text::TooManyAccounts,
        Text::NoRegistration,
        Text::BadPassword { min: 1, max: 600 },
        Text::Language,
        Text::Rooms,
        Text::NoRooms,
        Text::More { count: 3 },
        Text::TooLong,
        Text::NotUtf8,
        Text::Unknown { word: "dance" },
        Text::HelpSlash,
        Text::ReadOnly,
        Text::Busy,
        Text::Goodbye { name: Some(name) },
        Text::Goodbye { name: None },
        Text::ServerClosed { reason: "maintenance" },
        Text::Closing { reason: "ping timeout" },
        Text::Replaced,
        Text::SignedOut,
        Text::KilledYou { by, reason: "spam" },
    ] {
        check(&text);
    }
    for command in Command::ALL {
        check(&Text::Usage(command));
        check(&Text::Help(command));
    }
    for refusal in &refusals() {
        check(&Text::Refused(refusal));
    }
    for change in &changes() {
        check(&Text::ModeChanged { room, change });
    }
    for error in [
        NameError::Empty,
        NameError::TooLong,
        NameError::BadStart,
        NameError::BadCharacter,
        NameError::Reserved,
        NameError::NotARoom,
    ] {
        check(&Text::BadName(error, 32));
    }
}

#[test]
fn every_text_has_both_languages_in_one_line() {
    with_all(|text| {
        let (english, italian) = (text.say(Tongue::English), text.say(Tongue::Italian));
        assert!(!english.trim().is_empty() && !english.contains('\n'), "{text:?}");
        assert!(!italian.trim().is_empty() && !italian.contains('\n'), "{text:?}");
        let alike = matches!(text, Text::Languages | Text::Members { .. });
        assert_eq!(english == italian, alike, "{text:?}: {english}");
        // Names and what people wrote appear in both.
        for given in ["anna", "bruno", "#tea", "cake"] {
            assert_eq!(english.contains(given), italian.contains(given), "{text:?}");
        }
    });
}

#[test]
fn no_text_looks_like_a_message() {
    with_all(|text| {
        // These two are shown behind or between marks.
        if matches!(text, Text::Private | Text::PrivateTo { .. }) {
            return;
        }
        for tongue in [Tongue::English, Tongue::Italian] {
            let said = text.say(tongue);
            let author = said.split_once(": ").map_or("", |(author, _)| author);
            assert!(author.is_empty() || author.contains(' '), "{said}");
        }
    });
}

#[test]
fn without_a_choice_both_languages_are_spoken() {
    let text = Text::AskName;
    assert_eq!(text.speak(Language::English), "Choose a name:");
    assert_eq!(text.speak(Language::Italian), "Scegli un nome:");
    assert_eq!(text.speak(Language::Auto), "Choose a name: / Scegli un nome:");
    let mut bytes = Vec::new();
    Text::Members { room: "#tea", count: 1, names: "anna" }.line("", Language::Auto, &mut bytes);
    assert_eq!(bytes, b"In #tea (1): anna\r\n");
}

#[test]
fn leaving_on_purpose_differs_from_a_broken_connection() {
    let said = |text: Text<'_>| (text.say(Tongue::English), text.say(Tongue::Italian));
    assert_eq!(
        said(Text::Quit { name: "anna", word: Some("a domani") }),
        ("anna left (a domani)".into(), "anna esce (a domani)".into())
    );
    assert_eq!(
        said(Text::Lost { name: "anna", reason: "connection reset" }),
        (
            "anna left, connection lost: connection reset".into(),
            "anna esce, connessione persa: interrotta dall'altra parte".into()
        )
    );
}
