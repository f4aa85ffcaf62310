//! The members of a room, as many to a line as fit.

use salotto_core::{Member, Roster};
use salotto_wire::{BODY_LEN_MAX, Capability, numeric};

use super::{Session, modes, server_name};
use crate::shard::Io;

impl Session {
    /// `353` and `366`.
    pub(super) fn show_names(&self, roster: &Roster, io: &mut Io<'_>) {
        let all = self.capabilities.contains(Capability::MultiPrefix);
        let masks = self.capabilities.contains(Capability::UserhostInNames);
        let room = roster.room.as_str();
        let symbol = if roster.secret { "@" } else { "=" };
        // ":server 353 nick = #room :" and CR LF
        let room_for_names =
            BODY_LEN_MAX - (server_name(io).len() + self.nick.len() + room.len() + 14).min(BODY_LEN_MAX / 2);
        let mut line = String::with_capacity(room_for_names);
        for Member { roles, card, .. } in roster.members.iter() {
            let sign = modes::prefixes(*roles, all);
            let nick = card.nick.as_str();
            let len = sign.len() + nick.len() + if masks { card.user.len() + card.host.len() + 2 } else { 0 };
            if !line.is_empty() && line.len() + 1 + len > room_for_names {
                self.reply(io, numeric::RPL_NAMREPLY, |reply| {
                    reply.param(symbol).param(room).trailing(&line)
                });
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(sign);
            line.push_str(nick);
            if masks {
                line.push('!');
                line.push_str(&card.user);
                line.push('@');
                line.push_str(&card.host);
            }
        }
        if !line.is_empty() {
            self.reply(io, numeric::RPL_NAMREPLY, |reply| reply.param(symbol).param(room).trailing(&line));
        }
        self.end_of_names(room, io);
    }

    pub(super) fn end_of_names(&self, room: &str, io: &mut Io<'_>) {
        self.reply(io, numeric::RPL_ENDOFNAMES, |line| line.param(room).trailing("End of /NAMES list"));
    }
}
