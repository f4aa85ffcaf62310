//! The core alone.

use std::hint::black_box;
use std::sync::Arc;

use salotto_core::{
    Command, Core, Nick, NodeId, Ordered, Origin, Outcome, Post, PostKind, RoomName, Seq, SessionId, SignIn,
    Timestamp,
};

use super::Work;

/// People in the room.
const PEOPLE: u64 = 100;

/// A chat, and the place that its next command gets.
struct Chat {
    core: Core,
    outcome: Outcome,
    next: u64,
}

impl Chat {
    /// A room full of people.
    fn new() -> Chat {
        let mut chat = Chat { core: Core::new(), outcome: Outcome::default(), next: 1 };
        for person in 0..PEOPLE {
            chat.apply(Command::SignIn(Box::new(SignIn {
                session: SessionId(person),
                node: NodeId(1),
                nick: Nick::new(&format!("person{person}")).expect("a nick"),
                user: "~bench".into(),
                host: "85f1c072096f.cloak".into(),
                realname: "bench".into(),
                account: None,
                resumable: None,
                resume: None,
                stem: None,
                rooms: vec![RoomName::new("#lobby").expect("a room's name")],
                rejoin: false,
            })));
        }
        chat
    }

    fn apply(&mut self, command: Command) {
        self.outcome.clear();
        let (seq, at) = (Seq(self.next), Timestamp(1_763_692_800_000 + self.next));
        let origin = Origin { node: NodeId(1), number: self.next };
        self.next += 1;
        self.core.apply(Ordered { seq, at, origin, command }, &mut self.outcome);
        black_box(&self.outcome);
    }
}

/// Somebody says something.
pub fn post() -> Work {
    let mut chat = Chat::new();
    let (target, text): (Arc<str>, Arc<str>) =
        ("#lobby".into(), "every word that is said in the room".into());
    Box::new(move || {
        chat.apply(Command::Post(Box::new(Post {
            session: SessionId(chat.next % PEOPLE),
            target: target.clone(),
            kind: PostKind::Message,
            text: text.clone(),
            tags: "".into(),
            token: None,
        })));
        assert_eq!(chat.outcome.records.len(), 1, "it was taken");
    })
}

/// Somebody leaves the room and comes back.
pub fn join_and_part() -> Work {
    let mut chat = Chat::new();
    let room = RoomName::new("#lobby").expect("a room's name");
    Box::new(move || {
        let session = SessionId(chat.next % PEOPLE);
        chat.apply(Command::Part { session, room: room.clone(), reason: None });
        chat.apply(Command::Join { session, room: room.clone(), key: None });
        assert!(!chat.outcome.effects.is_empty(), "it was told");
    })
}
