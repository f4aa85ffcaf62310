//! Commands that come twice or too early: a node's commands are applied in the order of their numbers, each once.

use proptest::prelude::*;
use salotto_core::{
    Command, Core, Event, NodeId, Ordered, Origin, Outcome, Post, PostKind, Seq, SessionId, Timestamp,
};

use crate::chat::{Chat, NODE, room, say, wish};
use crate::script::{play, script};

const FAR: NodeId = NodeId(9);

fn ping(seq: u64, node: NodeId, number: u64) -> Ordered {
    let token = format!("{number}").into();
    Ordered {
        seq: Seq(seq),
        at: Timestamp(seq),
        origin: Origin { node, number },
        command: Command::Ping { session: SessionId(1), token },
    }
}

/// The tokens of the pings that had an effect.
fn pongs(core: &mut Core, ordered: Ordered) -> Vec<String> {
    let mut out = Outcome::default();
    core.apply(ordered, &mut out);
    out.effects.iter().map(|effect| say(&effect.event)).collect()
}

#[test]
fn a_command_that_comes_twice_is_applied_once() {
    let mut core = Core::new();
    assert_eq!(pongs(&mut core, ping(1, FAR, 1)), ["pong 1"]);
    let before = core.state_hash();
    assert_eq!(pongs(&mut core, ping(2, FAR, 1)), [""; 0]);
    assert_eq!(core.state_hash(), before);
}

#[test]
fn a_command_that_comes_early_waits_for_those_before_it() {
    let mut core = Core::new();
    assert_eq!(pongs(&mut core, ping(1, FAR, 1)), ["pong 1"]);
    assert_eq!(pongs(&mut core, ping(2, FAR, 4)), [""; 0]);
    assert_eq!(pongs(&mut core, ping(3, FAR, 3)), [""; 0]);
    assert_eq!(pongs(&mut core, ping(4, FAR, 2)), ["pong 2", "pong 3", "pong 4"]);
    assert_eq!(pongs(&mut core, ping(5, FAR, 3)), [""; 0], "held back once, applied once");
}

#[test]
fn one_node_does_not_wait_for_another() {
    let mut core = Core::new();
    assert_eq!(pongs(&mut core, ping(1, FAR, 1)), ["pong 1"]);
    assert_eq!(pongs(&mut core, ping(2, FAR, 3)), [""; 0]);
    assert_eq!(pongs(&mut core, ping(3, NodeId(2), 1)), ["pong 1"]);
}

#[test]
fn what_waits_survives_a_snapshot() {
    let mut core = Core::new();
    pongs(&mut core, ping(1, FAR, 1));
    pongs(&mut core, ping(2, FAR, 3));
    let mut core = Core::from_snapshot(&core.snapshot()).unwrap();
    assert_eq!(pongs(&mut core, ping(3, FAR, 2)), ["pong 2", "pong 3"]);
}

#[test]
fn what_was_held_back_is_said_after_what_was_said_meanwhile() {
    let mut chat = Chat::new();
    let alice = chat.sign_in("alice");
    chat.joins(alice, "#tea");
    let bob = SessionId(100);
    let says = |session, text: &str| {
        let (target, kind) = ("#tea".into(), PostKind::Message);
        let (text, tags, token) = (text.into(), "".into(), None);
        Command::Post(Box::new(Post { session, target, kind, text, tags, token }))
    };
    let place = |seq, node, number, command| {
        let at = Timestamp(2_000_000 + seq);
        Ordered { seq: Seq(seq), at, origin: Origin { node, number }, command }
    };
    chat.apply_ordered(place(10, FAR, 1, Command::SignIn(Box::new(wish(bob, "bob")))));
    chat.apply_ordered(place(11, FAR, 2, Command::Join { session: bob, room: room("#tea"), key: None }));
    chat.hush();
    chat.apply_ordered(place(12, FAR, 4, says(bob, "second")));
    chat.expect(alice, &[]);
    chat.apply_ordered(place(13, NODE, 3, says(alice, "meanwhile")));
    chat.apply_ordered(place(14, FAR, 3, says(bob, "first")));
    chat.expect(alice, &["alice to #tea: meanwhile", "bob to #tea: first", "bob to #tea: second"]);

    let history: Vec<&str> = chat.kept.posts.values().map(|post| &*post.text).collect();
    assert_eq!(history, ["meanwhile", "first", "second"], "history has the order that readers saw");
    assert!(chat.kept.posts.values().is_sorted_by_key(|post| post.at), "time never goes back");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is sent twice, and however late, nothing changes.
    #[test]
    fn repeats_change_nothing(lines in script(120), twice in prop::collection::vec(any::<prop::sample::Index>(), 20)) {
        let chat = play(&lines);
        let mut core = Core::new();
        for (step, ordered) in chat.log.iter().enumerate() {
            core.apply(ordered.clone(), &mut Outcome::default());
            for index in &twice {
                let again = &chat.log[index.index(step + 1)];
                let mut out = Outcome::default();
                core.apply(again.clone(), &mut out);
                prop_assert_eq!(out, Outcome::default());
            }
        }
        prop_assert_eq!(core.state_hash(), chat.core.state_hash());
    }

    /// Commands that come in any order, behind the first, bring about what they bring about in theirs.
    #[test]
    fn any_order_of_arrival_comes_to_the_same(lines in script(60), keys in prop::collection::vec(any::<u32>(), 60)) {
        let log: Vec<Ordered> = play(&lines).log.into_iter().filter(names_no_number).collect();
        let straight = log.iter().cloned().zip(1..);
        let mut arrivals: Vec<(Ordered, u64)> = straight.clone().collect();
        if let Some((_, late)) = arrivals.split_first_mut() {
            late.sort_by_key(|(_, number)| keys[*number as usize % keys.len()]);
        }
        prop_assert_eq!(effects_of(arrivals), effects_of(straight));
    }
}

/// Accounts and devices are asked for by their number, which depends on the place in the order.
fn names_no_number(ordered: &Ordered) -> bool {
    match &ordered.command {
        Command::SignIn(wish) => wish.account.is_none(),
        Command::LogIn { .. }
        | Command::ChangePassword { .. }
        | Command::RevokeDevices { which: Some(_), .. } => false,
        _ => true,
    }
}

/// What commands of one node bring about, in words, when they arrive in this order with these numbers of the node.
fn effects_of(arrivals: impl IntoIterator<Item = (Ordered, u64)>) -> Vec<String> {
    let mut core = Core::new();
    let mut effects = Vec::new();
    for ((ordered, number), seq) in arrivals.into_iter().zip(1..) {
        let origin = Origin { node: FAR, number };
        let mut out = Outcome::default();
        core.apply(Ordered { seq: Seq(seq), at: Timestamp(1), origin, ..ordered }, &mut out);
        effects.extend(out.effects.iter().map(|effect| match &effect.event {
            // Names the number of the first post, which depends on the arrival.
            Event::Repeated(posted) => format!("again: {}", posted.text),
            event => say(event),
        }));
    }
    effects
}
