//! Each kind of broken promise is found, and a good evening is found good.

use super::*;

const TEA: Room = Room(1);
const DEN: Room = Room(2);
const ALICE: Reader = Reader(1);
const BOB: Reader = Reader(2);
const CARL: Reader = Reader(3);

fn hears(msgid: u64) -> What {
    What::Hears {
        room: TEA,
        msgid: MsgId(msgid),
        mark: Mark(msgid * 100),
        said_ms: msgid,
        own: false,
        again: false,
    }
}

fn shows(msgid: u64) -> What {
    What::Shows(TEA, MsgId(msgid), Mark(msgid * 100))
}

fn kept(msgid: u64) -> Kept {
    Kept { room: TEA, msgid: MsgId(msgid), mark: Some(Mark(msgid * 100)) }
}

/// Alice says two things in a room, Bob hears both, loses his connection, and fetches the third.
fn evening() -> History {
    let mut history = History { kept: vec![kept(1), kept(2), kept(3)], ..History::default() };
    for reader in [ALICE, BOB] {
        history.note(reader, What::Connects);
        history.note(reader, What::Enters(TEA));
    }
    for msgid in [1, 2] {
        history.note(ALICE, What::Sends(TEA, Mark(msgid * 100)));
        let own = What::Hears {
            room: TEA,
            msgid: MsgId(msgid),
            mark: Mark(msgid * 100),
            said_ms: msgid,
            own: true,
            again: false,
        };
        history.note(ALICE, own);
        history.note(ALICE, shows(msgid));
        history.note(ALICE, What::Receipt(Mark(msgid * 100)));
        history.note(BOB, hears(msgid));
        history.note(BOB, shows(msgid));
    }
    history.note(BOB, What::Connects);
    history.note(BOB, What::Enters(TEA));
    history.note(BOB, What::Asks(TEA));
    history.note(BOB, What::Answered(TEA, Some(MsgId(3))));
    history.note(BOB, shows(3));
    let rows = vec![Some(MsgId(1)), Some(MsgId(2)), Some(MsgId(3))];
    history.screens.push(Screen { reader: BOB, room: TEA, rows });
    history.names = vec![
        NameChange::Takes { person: 1, name: 7 },
        NameChange::Refused { name: 7 },
        NameChange::Frees { person: 1, name: 7 },
        NameChange::Takes { person: 2, name: 7 },
        NameChange::Restart,
        NameChange::Takes { person: 3, name: 7 },
    ];
    history
}

#[track_caller]
fn check(change: impl FnOnce(&mut History), expected: Violation) {
    let mut history = evening();
    change(&mut history);
    let found = history.check();
    assert!(found.contains(&expected), "{expected} is not among {found:?}");
    assert!(!expected.to_string().is_empty());
}

#[test]
fn a_good_evening_is_found_good() {
    assert_eq!(evening().check(), []);
}

#[test]
fn two_orders_are_noticed() {
    check(
        |history| {
            history.kept.push(kept(4));
            history.note(BOB, hears(4));
            history.note(BOB, hears(3));
        },
        Violation::OutOfOrder { reader: BOB, room: TEA, before: MsgId(4), after: MsgId(3) },
    );
}

#[test]
fn an_answer_to_something_sent_again_may_be_older() {
    let mut history = evening();
    history.note(
        ALICE,
        What::Hears { room: TEA, msgid: MsgId(1), mark: Mark(100), said_ms: 1, own: true, again: true },
    );
    assert_eq!(history.check(), []);
}

#[test]
fn a_lost_receipt_is_noticed() {
    check(|history| history.note(ALICE, What::Receipt(Mark(9))), Violation::ReceiptLost(ALICE, Mark(9)));
}

#[test]
fn a_message_heard_twice_is_noticed() {
    check(|history| history.note(BOB, hears(2)), Violation::SeenTwice(BOB, TEA, MsgId(2)));
}

#[test]
fn a_message_shown_twice_is_noticed() {
    check(|history| history.note(BOB, shows(1)), Violation::SeenTwice(BOB, TEA, MsgId(1)));
}

#[test]
fn a_copy_under_another_id_is_noticed() {
    let copy = Kept { room: TEA, msgid: MsgId(5), mark: Some(Mark(100)) };
    check(|history| history.kept.push(copy), Violation::KeptTwice(TEA, Mark(100)));
    check(
        |history| {
            history.kept.push(copy);
            history.note(BOB, What::Shows(TEA, MsgId(5), Mark(100)));
        },
        Violation::SeenTwice(BOB, TEA, MsgId(5)),
    );
}

#[test]
fn what_a_crash_took_back_is_noticed() {
    check(|history| history.note(BOB, hears(4)), Violation::SeenButNotKept(BOB, TEA, MsgId(4)));
    check(|history| history.kept.retain(|kept| kept.msgid.0 != 2), Violation::ReceiptLost(ALICE, Mark(200)));
}

#[test]
fn a_message_in_the_wrong_room_is_noticed() {
    check(|history| history.kept[0].room = DEN, Violation::InWrongRoom(DEN, Mark(100)));
    check(
        |history| history.note(BOB, What::Shows(DEN, MsgId(1), Mark(100))),
        Violation::InWrongRoom(DEN, Mark(100)),
    );
}

#[test]
fn an_ear_at_the_door_is_noticed() {
    check(
        |history| {
            history.kept.push(kept(4));
            history.note(BOB, What::Leaves(TEA, 0));
            history.note(BOB, hears(4));
        },
        Violation::SeenFromOutside(BOB, TEA, MsgId(4)),
    );
    check(
        |history| {
            history.kept.push(kept(4));
            history.note(BOB, What::Connects);
            history.note(BOB, hears(4));
        },
        Violation::SeenFromOutside(BOB, TEA, MsgId(4)),
    );
}

#[test]
fn history_that_lacks_what_was_seen_is_noticed() {
    for answer in [None, Some(MsgId(2))] {
        check(
            |history| {
                history.note(BOB, What::Asks(TEA));
                history.note(BOB, What::Answered(TEA, answer));
            },
            Violation::StaleRead(BOB, TEA, MsgId(3)),
        );
    }
}

#[test]
fn a_hole_that_is_not_shown_is_noticed() {
    check(
        |history| {
            history.screens[0].rows.remove(1);
        },
        Violation::MissedSilently(BOB, TEA, MsgId(2)),
    );
    let mut history = evening();
    history.screens[0].rows[1] = None;
    assert_eq!(history.check(), [], "a gap that is shown is honest");
}

#[test]
fn a_screen_in_disorder_is_noticed() {
    check(|history| history.screens[0].rows.swap(0, 1), Violation::ScreenOutOfOrder(BOB, TEA, MsgId(1)));
}

#[test]
fn one_name_for_two_is_noticed() {
    check(
        |history| history.names.push(NameChange::Takes { person: 4, name: 7 }),
        Violation::NameTwice { name: 7, first: 3, second: 4 },
    );
}

#[test]
fn a_name_that_is_not_freed_is_noticed() {
    check(
        |history| {
            history.names.push(NameChange::Frees { person: 3, name: 7 });
            history.names.push(NameChange::Refused { name: 7 });
        },
        Violation::NameNotFree(7),
    );
}

/// Carl has a bare terminal: he reads everything that others say.
fn reads_all(history: &mut History) {
    history.note(CARL, What::Connects);
    history.note(CARL, What::Reads(TEA, Mark(100)));
    history.note(CARL, What::Reads(TEA, Mark(200)));
    history.note(CARL, What::Reads(TEA, Mark(300)));
    history.note(CARL, What::HasReadAll(TEA));
}

#[test]
fn whoever_reads_everything_is_content() {
    let mut history = evening();
    reads_all(&mut history);
    // What one says oneself is not shown.
    history.kept.push(kept(4));
    history.note(CARL, What::Sends(TEA, Mark(400)));
    history.note(CARL, What::HasReadAll(TEA));
    assert_eq!(history.check(), []);
}

#[test]
fn what_a_terminal_was_not_shown_is_noticed() {
    let skipped = Violation::Skipped(CARL, TEA, MsgId(2));
    check(
        |history| {
            history.note(CARL, What::Reads(TEA, Mark(100)));
            history.note(CARL, What::Reads(TEA, Mark(300)));
        },
        skipped,
    );
    check(
        |history| {
            history.note(CARL, What::Reads(TEA, Mark(100)));
            history.note(CARL, What::HasReadAll(TEA));
        },
        skipped,
    );
}

#[test]
fn what_a_terminal_was_shown_wrongly_is_noticed() {
    let reads = |mark: u64| {
        move |history: &mut History| {
            reads_all(history);
            history.note(CARL, What::Reads(TEA, Mark(mark)));
        }
    };
    check(reads(300), Violation::SeenTwice(CARL, TEA, MsgId(3)));
    check(reads(100), Violation::OutOfOrder { reader: CARL, room: TEA, before: MsgId(3), after: MsgId(1) });
    check(reads(900), Violation::ReadButNotKept(CARL, TEA, Mark(900)));
}

#[test]
fn what_was_said_before_one_left_may_come_afterwards() {
    let mut history = evening();
    history.kept.push(kept(4));
    history.note(BOB, What::Leaves(TEA, 4));
    history.note(BOB, hears(4));
    assert_eq!(history.check(), []);
}

#[test]
fn a_lost_read_marker_is_noticed() {
    check(
        |history| {
            history.note(ALICE, What::ReadUpTo(TEA, 20));
            history.note(ALICE, What::Connects);
            history.note(ALICE, What::ReadUpTo(TEA, 10));
        },
        Violation::MarkerWentBack(ALICE, TEA, 10),
    );
    let marker = |reader, until_ms| Marker { account: 1, reader, room: TEA, until_ms };
    check(
        |history| history.markers = vec![marker(None, 20), marker(Some(ALICE), 20), marker(Some(BOB), 10)],
        Violation::MarkersDiffer(BOB, TEA),
    );
    check(|history| history.markers = vec![marker(Some(BOB), 10)], Violation::MarkersDiffer(BOB, TEA));
}
