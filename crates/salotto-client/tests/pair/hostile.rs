//! Whatever a server says, in whatever order: the client stands, and keeps within its bounds.

use proptest::prelude::*;
use salotto_client::{Client, MessageKind, Outbox};

use crate::link::{ALL_CAPS, Link, options};

/// One thing that may happen to a client.
#[derive(Debug, Clone)]
enum Step {
    Says(String),
    Broken,
    Refused,
    Up,
    Pass(u64),
    Send(String),
    Name(String),
    Connect,
    Disconnect,
    LoadBefore,
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![known_word(), "[^\r\n\0]{0,12}"]
}

fn known_word() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("anna"),
        Just("#lobby"),
        Just("bo"),
        Just("*"),
        Just("+h"),
        Just("-h"),
        Just("chathistory"),
        Just("LS"),
        Just("ACK"),
        Just("NAK"),
        Just("DEL"),
        Just("NEW"),
        Just(ALL_CAPS),
        Just("TOKEN"),
        Just("TARGETS"),
        Just("s1"),
        Just("t1795204800000"),
        Just("+o-v"),
        Just("CASEMAPPING=rfc1459"),
        Just("PREFIX="),
        Just("timestamp=2026-11-20T20:00:00.000Z"),
        Just(""),
    ];
    word.prop_map(str::to_owned)
}

fn line() -> impl Strategy<Value = String> {
    let command = prop_oneof![
        Just("PRIVMSG"),
        Just("NOTICE"),
        Just("JOIN"),
        Just("PART"),
        Just("QUIT"),
        Just("KICK"),
        Just("NICK"),
        Just("MODE"),
        Just("TOPIC"),
        Just("BATCH"),
        Just("CAP"),
        Just("ACK"),
        Just("PING"),
        Just("PONG"),
        Just("ERROR"),
        Just("FAIL"),
        Just("RESUME"),
        Just("MARKREAD"),
        Just("REGISTER"),
        Just("AUTHENTICATE"),
        Just("CHATHISTORY"),
        Just("001"),
        Just("005"),
        Just("353"),
        Just("366"),
        Just("376"),
        Just("401"),
        Just("433"),
        Just("473"),
        Just("900"),
        Just("903"),
        Just("904"),
    ];
    let tags = prop_oneof![
        Just(""),
        Just("@batch=h "),
        Just("@label=m1 "),
        Just("@msgid=1;time=2026-11-20T20:00:00.000Z "),
        Just("@batch=h;msgid=2;time=9999-12-31T23:59:59.999Z "),
    ];
    let source = prop_oneof![Just(""), Just(":anna!a@h "), Just(":bo!b@h "), Just(":irc.example ")];
    (tags, source, command, proptest::collection::vec(word(), 0..5)).prop_map(
        |(tags, source, command, words)| {
            let params: Vec<String> = words.into_iter().map(|w| w.replace([' ', ':'], "")).collect();
            format!("{tags}{source}{command} {}", params.join(" "))
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => line().prop_map(Step::Says),
        1 => Just(Step::Broken),
        1 => Just(Step::Refused),
        3 => Just(Step::Up),
        3 => (0..20_000_u64).prop_map(Step::Pass),
        3 => word().prop_map(Step::Send),
        1 => word().prop_map(Step::Name),
        1 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        2 => Just(Step::LoadBefore),
    ]
}

proptest! {
    // A failing case is shown in full; it belongs into a test of its own, not into a file beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_client_stands(steps in proptest::collection::vec(step(), 0..120)) {
        let mut link = Link::new(options("anna"));
        link.act(Client::connect);
        let mut written = 0;
        for step in steps {
            match step {
                Step::Says(line) => link.says(&line),
                Step::Broken => link.broken("reset"),
                Step::Refused => link.refused(),
                Step::Up => link.up(),
                Step::Pass(ms) => link.pass_ms(ms),
                Step::Send(target) => {
                    written += link.act(|c, now| c.send(now, &target, MessageKind::Text, "text")).len();
                }
                Step::Name(name) => link.act(|c, now| c.set_name(now, &name)),
                Step::Connect => link.act(Client::connect),
                Step::Disconnect => link.act(Client::disconnect),
                Step::LoadBefore => {
                    link.act(|c, now| c.load_before(now, "#lobby"));
                }
            }
            link.pass_ms(0);
            prop_assert!(link.client.poll_timeout().is_none_or(|at| at > link.now));
        }
        prop_assert!(link.client.outbox().entries().len() <= written);
    }

    #[test]
    fn any_text_may_be_a_kept_outbox(text in "(?s).*") {
        let _ = Outbox::load(&text);
    }
}
