//! What the core's events say, in the same words as the reference.

use salotto_core::{Ending, Event, Member, OwnMode, PostTarget, Posted, Roster};

use super::people::refused;

/// An event in words; `None` for what neither model says.
pub fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::SignedIn { card, resumed: false, .. } => format!("welcome, {}", card.nick),
        Event::SignedIn { card, resumed: true, .. } => format!("welcome back, {}", card.nick),
        Event::Ended { why: Ending::Replaced, .. } => "replaced".into(),
        Event::Ended { why: Ending::Left(_) | Ending::Revoked, .. } => "over".into(),
        Event::Joined { name, card, .. } => format!("{} joins {name}", card.nick),
        Event::Attached { name, card, .. } => format!("{} is in {name}", card.nick),
        Event::Topic { name, topic, .. } => {
            format!("topic of {name} is {}", topic.as_ref().map(|topic| &topic.text)?)
        }
        Event::Names(roster) => format!("names of {}: {}", roster.room, names(roster)),
        Event::Parted { name, card, .. } => format!("{} leaves {name}", card.nick),
        Event::Kicked { name, card, by, .. } => format!("{} puts {} out of {name}", by.nick, card.nick),
        Event::Quit { card, .. } => format!("{} is gone", card.nick),
        Event::Renamed { before, card, .. } => format!("{} is now {}", before.nick, card.nick),
        Event::AwayChanged { card, message, .. } => {
            format!("{} is {}", card.nick, if message.is_some() { "away" } else { "back" })
        }
        Event::AccountChanged { card, .. } => {
            format!("{} has account {}", card.nick, card.account.as_ref()?)
        }
        Event::OwnModeChanged { mode: OwnMode::Operator, on } => format!("operator: {on}"),
        Event::OwnModeChanged { mode: OwnMode::Invisible, on } => format!("invisible: {on}"),
        Event::OwnModeChanged { mode: OwnMode::Bot, .. } => return None,
        Event::Posted(posted) => format!("{}: {}", posted.seq, said(posted)),
        Event::Repeated(posted) => format!("again {}: {}", posted.seq, said(posted)),
        Event::TopicChanged { name, by, topic } => {
            format!("{} sets topic of {name}: {topic}", by.as_ref()?.nick)
        }
        Event::ModesChanged { name, by, changes } => {
            format!("{} sets modes of {name}: {changes:?}", by.as_ref()?.nick)
        }
        Event::Invited { name, card, by } => format!("{} asks {} into {name}", by.nick, card.nick),
        Event::InviteSent { name, nick } => format!("you asked {nick} into {name}"),
        Event::RecipientAway { nick, .. } => format!("{nick} is away, you know"),
        Event::Registered { account, .. } => format!("account {account} made"),
        Event::LoggedIn { account, .. } => format!("signed in as {account}"),
        Event::Pong { token } => format!("pong {token}"),
        Event::Refused(refusal) => refused(refusal),
        Event::ReadMarker { target, at } => marker(target, at.map(|at| at.0)),
        // Devices are not in scripts.
        Event::Recognised { .. }
        | Event::DeviceAdded { .. }
        | Event::Devices(_)
        | Event::DevicesRevoked { .. }
        | Event::PasswordChanged { .. }
        | Event::RealnameChanged { .. } => return None,
    })
}

/// How far a conversation was read.
pub fn marker(target: &str, at: Option<u64>) -> String {
    match at {
        Some(at) => format!("{target} is read up to {at}"),
        None => format!("{target} is not read"),
    }
}

/// The members of a room in order of their names.
pub fn names(roster: &Roster) -> String {
    let mut names: Vec<String> = roster
        .members
        .iter()
        .map(|Member { roles, card, .. }| {
            let operator = if roles.operator { "@" } else { "" };
            let voice = if roles.voice { "+" } else { "" };
            format!("{operator}{voice}{}", card.nick)
        })
        .collect();
    names.sort();
    names.join(" ")
}

fn said(posted: &Posted) -> String {
    let target = match &posted.target {
        PostTarget::Room(_, name) => name.as_str(),
        PostTarget::Person(_, nick) => nick.as_str(),
    };
    format!("{} to {target}: {} ({:?})", posted.card.nick, posted.text, posted.kind)
}
