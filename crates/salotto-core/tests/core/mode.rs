//! Modes of rooms: what each bars, and who passes.

use std::sync::Arc;

use salotto_core::{BANS_MAX, JoinBar, ModeChange, Refusal, Role, RoomFlag, RoomName, SessionId, SpeakBar};

use crate::chat::{Chat, room};

/// Alice with `@`, Bob with `+`, Carla without either, all in `#tea`; Dora outside; Olga outside, but a server operator.
struct Tea {
    chat: Chat,
    alice: SessionId,
    bob: SessionId,
    carla: SessionId,
    dora: SessionId,
    olga: SessionId,
}

fn name() -> RoomName {
    room("#tea")
}

fn tea() -> Tea {
    let mut chat = Chat::new();
    let [alice, bob, carla, dora, olga] =
        ["alice", "bob", "carla", "dora", "olga"].map(|nick| chat.sign_in(nick));
    for session in [alice, bob, carla] {
        chat.joins(session, "#tea");
    }
    chat.sets(alice, "#tea", role(Role::Voice, "bob", true));
    chat.trusts(olga);
    chat.hush();
    Tea { chat, alice, bob, carla, dora, olga }
}

fn role(role: Role, nick: &str, on: bool) -> ModeChange {
    ModeChange::Role { role, nick: nick.into(), on }
}

fn ban(mask: &str, on: bool) -> ModeChange {
    ModeChange::Ban { mask: mask.into(), on }
}

impl Tea {
    fn set(&mut self, change: ModeChange) {
        self.chat.sets(self.alice, "#tea", change);
        self.chat.expect_done();
    }

    /// The names of those who can speak.
    fn speakers(&mut self) -> Vec<&'static str> {
        let all = [
            ("alice", self.alice),
            ("bob", self.bob),
            ("carla", self.carla),
            ("dora", self.dora),
            ("olga", self.olga),
        ];
        all.into_iter()
            .filter(|&(_, session)| {
                self.chat.says(session, "#tea", "hello");
                self.chat.refusals().is_empty()
            })
            .map(|(nick, _)| nick)
            .collect()
    }

    /// What keeps Dora out; she leaves again when nothing does.
    fn bar(&mut self, key: Option<&str>) -> Option<JoinBar> {
        match key {
            Some(key) => self.chat.joins_with(self.dora, "#tea", key),
            None => self.chat.joins(self.dora, "#tea"),
        }
        let bar = match self.chat.refusals()[..] {
            [] => None,
            [Refusal::CannotJoin(_, bar)] => Some(*bar),
            ref other => panic!("{other:?}"),
        };
        if bar.is_none() {
            self.chat.parts(self.dora, "#tea");
        }
        bar
    }
}

#[test]
fn a_room_starts_without_outside_lines() {
    let mut tea = tea();
    assert_eq!(tea.speakers(), ["alice", "bob", "carla", "olga"]);
    tea.chat.says(tea.dora, "#tea", "hello");
    tea.chat.expect_refused(&Refusal::CannotSpeak(name(), SpeakBar::NotMember));
    tea.set(ModeChange::Flag(RoomFlag::NoExternal, false));
    assert_eq!(tea.speakers(), ["alice", "bob", "carla", "dora", "olga"]);
}

#[test]
fn who_speaks_from_outside_gets_the_receipt() {
    let mut tea = tea();
    tea.set(ModeChange::Flag(RoomFlag::NoExternal, false));
    tea.chat.hush();
    tea.chat.says(tea.dora, "#tea", "hello from outside");
    for session in [tea.alice, tea.dora] {
        tea.chat.expect(session, &["dora to #tea: hello from outside"]);
    }
}

#[test]
fn no_outsider_speaks_in_a_room_for_some_only() {
    for change in [ModeChange::Flag(RoomFlag::InviteOnly, true), ModeChange::Key(Some("secret".into()))] {
        let mut tea = tea();
        tea.set(ModeChange::Flag(RoomFlag::NoExternal, false));
        tea.set(change);
        assert_eq!(tea.speakers(), ["alice", "bob", "carla", "olga"]);
    }
}

#[test]
fn a_moderated_room_hears_those_with_a_role() {
    let mut tea = tea();
    tea.set(ModeChange::Flag(RoomFlag::Moderated, true));
    assert_eq!(tea.speakers(), ["alice", "bob", "olga"]);
    tea.chat.says(tea.carla, "#tea", "hello");
    tea.chat.expect_refused(&Refusal::CannotSpeak(name(), SpeakBar::Moderated));
    tea.set(role(Role::Voice, "carla", true));
    assert_eq!(tea.speakers(), ["alice", "bob", "carla", "olga"]);
}

#[test]
fn a_ban_keeps_out_and_silent_but_not_those_with_a_role() {
    let mut tea = tea();
    for nick in ["bob", "carla", "dora"] {
        tea.set(ban(nick, true));
    }
    assert_eq!(tea.speakers(), ["alice", "bob", "olga"]);
    tea.chat.says(tea.carla, "#tea", "hello");
    tea.chat.expect_refused(&Refusal::CannotSpeak(name(), SpeakBar::Banned));
    assert_eq!(tea.bar(None), Some(JoinBar::Banned));
    tea.set(ban("dora", false));
    assert_eq!(tea.bar(None), None);
}

#[test]
fn bans_match_name_user_and_host() {
    for (mask, bars) in [("dora", true), ("D?RA!*@*", true), ("*!u@*", true), ("*@h", true), ("*@x", false)] {
        let mut tea = tea();
        tea.set(ban(mask, true));
        assert_eq!(tea.bar(None).is_some(), bars, "{mask}");
    }
}

#[test]
fn a_ban_holds_however_the_name_is_written() {
    let mut tea = tea();
    tea.set(ban("Émile", true));
    let emile = tea.chat.sign_in("émile");
    tea.chat.joins(emile, "#tea");
    tea.chat.expect_refused(&Refusal::CannotJoin(name(), JoinBar::Banned));
}

#[test]
fn the_list_of_bans_is_bounded() {
    let mut tea = tea();
    for number in 0..BANS_MAX {
        tea.set(ban(&format!("n{number}"), true));
    }
    tea.set(ban("n0", true));
    tea.chat.sets(tea.alice, "#tea", ban("one-more", true));
    tea.chat.expect_refused(&Refusal::BanListFull(name(), "one-more!*@*".into()));
    assert_eq!(tea.chat.core.view(tea.alice).bans("#tea").unwrap().1.len(), BANS_MAX);
}

#[test]
fn an_invite_only_room_takes_who_was_asked_once() {
    let mut tea = tea();
    tea.set(ModeChange::Flag(RoomFlag::InviteOnly, true));
    assert_eq!(tea.bar(None), Some(JoinBar::InviteOnly));
    tea.chat.invites(tea.alice, "#tea", "dora");
    assert_eq!(tea.bar(None), None);
    assert_eq!(tea.bar(None), Some(JoinBar::InviteOnly), "an invitation is good for once");
}

#[test]
fn a_key_must_be_known() {
    let mut tea = tea();
    tea.set(ModeChange::Key(Some("kettle".into())));
    assert_eq!(tea.bar(None), Some(JoinBar::BadKey));
    assert_eq!(tea.bar(Some("KETTLE")), Some(JoinBar::BadKey));
    assert_eq!(tea.bar(Some("kettle")), None);
    let modes = |session| tea.chat.core.view(session).room_modes("#tea").unwrap().key;
    assert_eq!(modes(tea.carla), Some(Some("kettle".into())));
    assert_eq!(modes(tea.dora), Some(None), "an outsider learns that there is one, not which");
}

#[test]
fn a_ban_on_a_name_covers_what_looks_like_it() {
    for (mask, nick, bars) in [
        ("dora", "d0ra", true),
        ("d*", "d\u{43e}ra", true),
        ("paypal!*@*", "paypa1", true),
        ("dora!*@elsewhere", "d0ra", false),
        ("dora", "dara", false),
        ("?ora", "d0ra", true),
    ] {
        let mut tea = tea();
        tea.set(ban(mask, true));
        // Two who look the same are never here at once.
        tea.chat.quits(tea.dora);
        let other = tea.chat.sign_in(nick);
        tea.chat.joins(other, "#tea");
        assert_eq!(tea.chat.is_in(other, "#tea"), !bars, "{mask} {nick}");
    }
}

#[test]
fn whoever_is_put_out_loses_the_role_for_good() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    let bob = chat.sign_up("bob");
    chat.joins(alice, "#tea");
    chat.joins(bob, "#tea");
    chat.sets(alice, "#tea", role(Role::Operator, "bob", true));
    assert_eq!(chat.members(alice, "#tea"), ["@alice", "@bob"]);
    chat.kicks(alice, "#tea", "bob");
    chat.joins(bob, "#tea");
    assert_eq!(chat.members(alice, "#tea"), ["@alice", "bob"]);
    // Not after a restart either, nor past a ban by means of it.
    chat.kicks(alice, "#tea", "bob");
    chat.sets(alice, "#tea", ban("bob", true));
    let mut chat = chat.restarted();
    let bob = chat.sign_in_to("bob", "bob");
    chat.joins(bob, "#tea");
    chat.expect_refused(&Refusal::CannotJoin(name(), JoinBar::Banned));
}

#[test]
fn a_limit_holds() {
    let mut tea = tea();
    tea.set(ModeChange::Limit(Some(3)));
    assert_eq!(tea.bar(None), Some(JoinBar::Full));
    tea.set(ModeChange::Limit(Some(4)));
    assert_eq!(tea.bar(None), None);
}

#[test]
fn nothing_bars_a_server_operator() {
    let mut tea = tea();
    tea.set(ModeChange::Flag(RoomFlag::InviteOnly, true));
    tea.set(ModeChange::Key(Some("kettle".into())));
    tea.set(ModeChange::Limit(Some(1)));
    tea.set(ban("olga", true));
    tea.chat.joins(tea.olga, "#tea");
    tea.chat.expect_done();
}

#[test]
fn nothing_bars_an_account_that_looks_after_the_room() {
    let mut chat = Chat::new();
    let alice = chat.sign_up("alice");
    let bob = chat.sign_in("bob");
    chat.joins(alice, "#tea");
    chat.joins(bob, "#tea");
    chat.sets(alice, "#tea", ModeChange::Flag(RoomFlag::InviteOnly, true));
    chat.sets(alice, "#tea", ModeChange::Key(Some("kettle".into())));
    chat.parts(alice, "#tea");
    chat.joins(alice, "#tea");
    assert_eq!(chat.members(bob, "#tea"), ["@alice", "bob"]);
}

#[test]
fn only_room_operators_change_modes() {
    let mut tea = tea();
    for session in [tea.bob, tea.carla, tea.dora] {
        tea.chat.sets(session, "#tea", ModeChange::Flag(RoomFlag::Moderated, true));
        tea.chat.expect_refused(&Refusal::NotRoomOperator(name()));
    }
    tea.chat.sets(tea.olga, "#tea", ModeChange::Flag(RoomFlag::Moderated, true));
    tea.chat.expect_done();
    assert!(tea.chat.core.view(tea.bob).room_modes("#tea").unwrap().flags.contains(&RoomFlag::Moderated));
}

#[test]
fn a_change_that_changes_nothing_is_not_told() {
    let mut tea = tea();
    for change in [
        ModeChange::Flag(RoomFlag::NoExternal, true),
        ModeChange::Key(None),
        ModeChange::Limit(None),
        role(Role::Voice, "bob", true),
        ban("nobody", false),
    ] {
        tea.set(change);
        assert!(tea.chat.last.effects.is_empty() && tea.chat.last.records.is_empty());
    }
}

#[test]
fn a_role_is_for_members() {
    let mut tea = tea();
    tea.chat.sets(tea.alice, "#tea", role(Role::Voice, "dora", true));
    tea.chat.expect_refused(&Refusal::TargetNotInRoom("dora".into(), name()));
    tea.chat.sets(tea.alice, "#tea", role(Role::Voice, "nobody", true));
    tea.chat.expect_refused(&Refusal::NoSuchNick("nobody".into()));
}

#[test]
fn the_topic_is_for_operators_while_it_is_locked() {
    let mut tea = tea();
    tea.chat.topic(tea.carla, "#tea", "biscuits");
    tea.chat.expect_refused(&Refusal::NotRoomOperator(name()));
    tea.chat.topic(tea.alice, "#tea", "tea");
    tea.chat.expect(
        tea.carla,
        &["no: NotRoomOperator(RoomName { text: \"#tea\", key: Key(\"#tea\") })", "topic of #tea: tea"],
    );
    tea.set(ModeChange::Flag(RoomFlag::TopicLocked, false));
    tea.chat.topic(tea.carla, "#tea", "biscuits");
    tea.chat.expect_done();
    tea.chat.topic(tea.dora, "#tea", "from outside");
    tea.chat.expect_refused(&Refusal::NotInRoom(name()));
    let topic = |chat: &Chat| chat.core.view(tea.alice).topic("#tea").unwrap().1.map(|topic| topic.text);
    assert_eq!(topic(&tea.chat), Some(Arc::from("biscuits")));
    tea.chat.topic(tea.alice, "#tea", "");
    assert_eq!(topic(&tea.chat), None);
}

#[test]
fn an_operator_puts_a_member_out() {
    let mut tea = tea();
    tea.chat.kicks(tea.bob, "#tea", "carla");
    tea.chat.expect_refused(&Refusal::NotRoomOperator(name()));
    tea.chat.kicks(tea.dora, "#tea", "carla");
    tea.chat.expect_refused(&Refusal::NotInRoom(name()));
    tea.chat.kicks(tea.alice, "#tea", "dora");
    tea.chat.expect_refused(&Refusal::TargetNotInRoom("dora".into(), name()));
    tea.chat.hush();
    tea.chat.kicks(tea.alice, "#tea", "carla");
    for session in [tea.alice, tea.bob, tea.carla] {
        tea.chat.expect(session, &["alice put carla out of #tea"]);
    }
    tea.chat.says(tea.alice, "#tea", "peace");
    tea.chat.expect(tea.carla, &[]);
    assert_eq!(tea.chat.core.view(tea.carla).readable("#tea"), None);
}

#[test]
fn an_invitation_is_told_to_both_and_to_the_operators() {
    let mut tea = tea();
    tea.chat.invites(tea.carla, "#tea", "dora");
    tea.chat.expect(tea.carla, &["you asked dora into #tea"]);
    tea.chat.expect(tea.dora, &["carla asked dora into #tea"]);
    tea.chat.expect(tea.alice, &["carla asked dora into #tea"]);
    tea.chat.expect(tea.bob, &[]);
    tea.chat.invites(tea.carla, "#tea", "bob");
    tea.chat.expect_refused(&Refusal::TargetInRoom(salotto_core::Nick::new("bob").unwrap(), name()));
    tea.chat.invites(tea.dora, "#tea", "olga");
    tea.chat.expect_refused(&Refusal::NotInRoom(name()));
    tea.set(ModeChange::Flag(RoomFlag::InviteOnly, true));
    tea.chat.invites(tea.carla, "#tea", "olga");
    tea.chat.expect_refused(&Refusal::NotRoomOperator(name()));
}

#[test]
fn only_an_operator_asks_in_whom_a_ban_keeps_out() {
    let mut tea = tea();
    tea.set(ban("dora", true));
    tea.chat.invites(tea.carla, "#tea", "dora");
    tea.chat.expect_refused(&Refusal::NotRoomOperator(name()));
    assert_eq!(tea.bar(None), Some(JoinBar::Banned));
    tea.chat.invites(tea.alice, "#tea", "dora");
    assert_eq!(tea.bar(None), None);
}

#[test]
fn a_ban_takes_back_an_invitation() {
    let mut tea = tea();
    tea.chat.invites(tea.carla, "#tea", "dora");
    tea.set(ban("dora", true));
    assert_eq!(tea.bar(None), Some(JoinBar::Banned));
}
