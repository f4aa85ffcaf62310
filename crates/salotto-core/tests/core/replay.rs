//! The same commands give the same state and the same outcomes, from the start or from any snapshot.

use proptest::prelude::*;
use salotto_core::{Command, Core, ModeChange, Ordered, Outcome, RoomFlag};

use crate::chat::{Chat, room};
use crate::durable::check_durable;
use crate::script::{command, play, script};

/// How often states are compared: hashing each one would make scripts short.
const EVERY: usize = 50;

/// Outcomes, and the hash of the state at every [`EVERY`]th step and at the end.
fn trace(core: &mut Core, commands: &[Ordered]) -> (Vec<Outcome>, Vec<[u8; 32]>) {
    let (mut outcomes, mut hashes) = (Vec::new(), Vec::new());
    for (step, ordered) in commands.iter().enumerate() {
        let mut outcome = Outcome::default();
        core.apply(ordered.clone(), &mut outcome);
        outcomes.push(outcome);
        if step % EVERY == 0 || step + 1 == commands.len() {
            hashes.push(core.state_hash());
        }
    }
    (outcomes, hashes)
}

/// An evening with something of everything in it.
fn evening() -> Chat {
    let mut chat = Chat::new();
    chat.apply(Command::Establish { room: room("#lobby"), topic: "welcome".into() });
    let alice = chat.sign_up("alice");
    let bob = chat.sign_in("bob");
    for round in 0..40 {
        chat.joins(alice, "#tea");
        chat.joins(bob, "#tea");
        chat.posts(bob, "#tea", "hello", |post| post.token = Some(format!("t{round}").into()));
        chat.sets(alice, "#tea", ModeChange::Flag(RoomFlag::Moderated, round % 2 == 0));
        chat.says(alice, "bob", "psst");
        chat.kicks(alice, "#tea", "bob");
        chat.reads(alice, "#tea", chat.now());
    }
    chat.quits(bob);
    chat
}

#[test]
fn an_evening_played_twice_is_the_same_evening() {
    let chat = evening();
    let first = trace(&mut Core::new(), &chat.log);
    let second = trace(&mut Core::new(), &chat.log);
    assert_eq!(first, second);
    assert_eq!(first.1.last(), Some(&chat.core.state_hash()));
    assert!(first.1.windows(2).all(|pair| pair[0] != pair[1]), "something happens all the time");
}

#[test]
fn an_evening_goes_on_from_a_snapshot() {
    let chat = evening();
    let (before, after) = chat.log.split_at(chat.log.len() / 2);
    let mut core = Core::new();
    trace(&mut core, before);
    let mut woken = Core::from_snapshot(&core.snapshot()).unwrap();
    assert_eq!(woken, core);
    assert_eq!(trace(&mut woken, after), trace(&mut core, after));
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let whole = evening().core.snapshot();
    assert!(Core::from_snapshot(&[]).is_err());
    assert!(Core::from_snapshot(&whole[..whole.len() / 2]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_script_played_twice_is_the_same(lines in script(300)) {
        let chat = play(&lines);
        let first = trace(&mut Core::new(), &chat.log);
        let second = trace(&mut Core::new(), &chat.log);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn any_script_goes_on_from_a_snapshot(lines in script(200), cut in any::<prop::sample::Index>()) {
        let chat = play(&lines);
        let (before, after) = chat.log.split_at(cut.index(chat.log.len()));
        let mut core = Core::new();
        trace(&mut core, before);
        let mut woken = Core::from_snapshot(&core.snapshot()).unwrap();
        prop_assert_eq!(trace(&mut woken, after), trace(&mut core, after));
    }

    /// Names stay unique, events agree with lists, posts rise: [`Chat`] checks it after every command.
    #[test]
    fn records_give_the_durable_part_at_any_moment(lines in script(200)) {
        let mut chat = Chat::new();
        for (step, line) in lines.iter().enumerate() {
            let command = command(&chat, line);
            chat.apply(command);
            if step % 10 == 0 {
                check_durable(&chat);
            }
        }
        check_durable(&chat);
    }

    #[test]
    fn any_script_goes_on_after_a_restart(first in script(120), second in script(120)) {
        let mut chat = play(&first).restarted();
        for line in &second {
            let command = command(&chat, line);
            chat.apply(command);
        }
        check_durable(&chat);
    }
}
