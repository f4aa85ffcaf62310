//! A room.

use salotto_core::{AccountId, Nick, RoomFlag, RoomName};

/// Somebody in a room.
#[derive(Clone, Debug)]
pub struct Member {
    pub person: u64,
    pub operator: bool,
    pub voice: bool,
}

/// A room.
#[derive(Clone, Debug)]
pub struct Room {
    pub number: u64,
    pub name: RoomName,
    pub members: Vec<Member>,
    pub flags: Vec<RoomFlag>,
    pub key: Option<String>,
    pub limit: Option<u32>,
    /// Complete masks.
    pub bans: Vec<String>,
    pub invited: Vec<u64>,
    pub topic: String,
    pub established: bool,
    /// Account, operator, voice.
    pub roles: Vec<(AccountId, bool, bool)>,
}

impl Room {
    pub fn new(number: u64, name: RoomName) -> Room {
        let mut room = Room {
            number,
            name,
            members: Vec::new(),
            flags: Vec::new(),
            key: None,
            limit: None,
            bans: Vec::new(),
            invited: Vec::new(),
            topic: String::new(),
            established: false,
            roles: Vec::new(),
        };
        room.forget_rules();
        room
    }

    /// Everything that somebody decided who is gone, except the topic.
    pub fn forget_rules(&mut self) {
        self.flags = vec![RoomFlag::NoExternal, RoomFlag::TopicLocked];
        self.key = None;
        self.limit = None;
        self.bans.clear();
        self.invited.clear();
        self.roles.clear();
    }

    pub fn has_member(&self, person: u64) -> bool {
        self.members.iter().any(|member| member.person == person)
    }

    pub fn has(&self, flag: RoomFlag) -> bool {
        self.flags.contains(&flag)
    }

    pub fn is_secret(&self) -> bool {
        self.has(RoomFlag::Secret)
    }

    pub fn is_restricted(&self) -> bool {
        self.is_secret() || self.has(RoomFlag::InviteOnly) || self.key.is_some()
    }

    /// Whether an account looks after the room.
    pub fn has_owner(&self) -> bool {
        self.roles.iter().any(|&(_, operator, _)| operator)
    }

    /// Whether somebody of this name, or of one that looks the same, is banned. Masks of scripts are a name, or
    /// everybody.
    pub fn bans(&self, nick: &Nick) -> bool {
        self.bans.iter().any(|mask| {
            let banned = mask.split('!').next().unwrap_or_default();
            banned == "*" || Nick::new(banned).is_ok_and(|banned| banned.skeleton() == nick.skeleton())
        })
    }

    pub fn kept_roles(&self, account: Option<AccountId>) -> (bool, bool) {
        let kept = self.roles.iter().find(|(id, ..)| Some(*id) == account);
        kept.map_or((false, false), |&(_, operator, voice)| (operator, voice))
    }

    pub fn keep_roles(&mut self, account: AccountId, member: &Member) {
        self.roles.retain(|&(id, ..)| id != account);
        if member.operator || member.voice {
            self.roles.push((account, member.operator, member.voice));
        }
    }
}
