//! Records to write.
#![allow(dead_code, reason = "every test takes what it needs")]

use salotto_core::{
    AccountId, AccountRecord, Conversation, DeviceId, DeviceRecord, Nick, PostKind, PostRecord, RoomId,
    RoomName, RoomRecord, Seq, Timestamp,
};

pub const LOBBY: Conversation = Conversation::Room(RoomId(1));

pub fn post(seq: u64, at: u64, conversation: Conversation) -> PostRecord {
    PostRecord {
        seq: Seq(seq),
        at: Timestamp(at),
        conversation,
        kind: PostKind::Message,
        nick: "Ada".into(),
        address: "ada@host.example".into(),
        account: Some("ada".into()),
        to: if matches!(conversation, Conversation::Room(_)) { "".into() } else { "bruno".into() },
        text: format!("line {seq}: buon giorno, come va?").into(),
        tags: "".into(),
        token: None,
    }
}

pub fn room(id: u64, name: &str) -> RoomRecord {
    RoomRecord {
        id: RoomId(id),
        name: RoomName::new(name).unwrap(),
        created: Timestamp(id),
        topic: None,
        flags: Vec::new(),
        key: None,
        limit: None,
        bans: Vec::new(),
        roles: Vec::new(),
        established: false,
    }
}

pub fn account(id: u64, name: &str) -> AccountRecord {
    AccountRecord {
        id: AccountId(id),
        name: Nick::new(name).unwrap(),
        created: Timestamp(id),
        verifier: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(),
    }
}

pub fn device(id: u64, account: AccountId) -> DeviceRecord {
    DeviceRecord {
        id: DeviceId(id),
        account,
        token: [id as u8; 32],
        made: Timestamp(id),
        used: Timestamp(0),
        about: "a client on a shelf".into(),
    }
}
