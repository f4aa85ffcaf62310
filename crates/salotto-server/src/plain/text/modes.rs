//! What a change of a room's mode means.

use salotto_core::{ModeChange, Role, RoomFlag};

use super::super::clean::shown;
use super::{Tongue, say};

/// One change.
pub(super) fn say(room: &str, change: &ModeChange, tongue: Tongue) -> String {
    match change {
        ModeChange::Flag(flag, on) => flag_changed(room, *flag, *on, tongue),
        ModeChange::Key(Some(_)) => say!(tongue, "{room} has a key now", "{room} ora ha una chiave"),
        ModeChange::Key(None) => say!(tongue, "{room} has no key any more", "{room} non ha più una chiave"),
        ModeChange::Limit(Some(limit)) => {
            say!(
                tongue,
                "{room} has room for {limit} people now",
                "in {room} ora c'è posto per {limit} persone"
            )
        }
        ModeChange::Limit(None) => {
            say!(tongue, "{room} has room for everybody again", "in {room} c'è di nuovo posto per chiunque")
        }
        ModeChange::Role { role: Role::Operator, nick, on: true } => {
            say!(tongue, "{nick} is now an operator of {room}", "{nick} ora modera {room}")
        }
        ModeChange::Role { role: Role::Operator, nick, on: false } => {
            say!(tongue, "{nick} is no longer an operator of {room}", "{nick} non modera più {room}")
        }
        ModeChange::Role { role: Role::Voice, nick, on: true } => {
            say!(tongue, "{nick} now has a voice in {room}", "{nick} ora ha voce in {room}")
        }
        ModeChange::Role { role: Role::Voice, nick, on: false } => {
            say!(tongue, "{nick} no longer has a voice in {room}", "{nick} non ha più voce in {room}")
        }
        ModeChange::Ban { mask, on: true } => {
            let mask = shown(mask);
            say!(tongue, "{mask} is banned from {room} now", "per {mask} ora {room} è vietata")
        }
        ModeChange::Ban { mask, on: false } => {
            let mask = shown(mask);
            say!(tongue, "{mask} is no longer banned from {room}", "per {mask} {room} non è più vietata")
        }
    }
}

fn flag_changed(room: &str, flag: RoomFlag, on: bool, tongue: Tongue) -> String {
    match (flag, on) {
        (RoomFlag::InviteOnly, true) => {
            say!(tongue, "{room} is by invitation only now", "in {room} ora si entra solo su invito")
        }
        (RoomFlag::InviteOnly, false) => {
            say!(tongue, "{room} is open to everybody again", "in {room} può di nuovo entrare chiunque")
        }
        (RoomFlag::Moderated, true) => {
            say!(tongue, "{room} is moderated now", "in {room} ora parla solo chi ha voce")
        }
        (RoomFlag::Moderated, false) => {
            say!(tongue, "{room} is no longer moderated", "in {room} può di nuovo parlare chiunque")
        }
        (RoomFlag::NoExternal, true) => {
            say!(
                tongue,
                "only people in {room} can write to it now",
                "in {room} ora scrive solo chi è dentro"
            )
        }
        (RoomFlag::NoExternal, false) => {
            say!(tongue, "people outside can write to {room} now", "in {room} ora scrive anche chi è fuori")
        }
        (RoomFlag::Secret, true) => {
            say!(tongue, "{room} is not listed any more", "{room} ora non appare negli elenchi")
        }
        (RoomFlag::Secret, false) => {
            say!(tongue, "{room} is listed now", "{room} ora appare negli elenchi")
        }
        (RoomFlag::TopicLocked, true) => say!(
            tongue,
            "only operators of {room} can change its topic now",
            "ora solo chi modera {room} ne cambia l'argomento"
        ),
        (RoomFlag::TopicLocked, false) => {
            say!(
                tongue,
                "everybody in {room} can change its topic now",
                "ora chiunque in {room} ne cambia l'argomento"
            )
        }
    }
}
