//! The first lines after signing in: welcome, what the server can do, the message of the day.

use salotto_core::Card;
use salotto_wire::{BODY_LEN_MAX, numeric};

use super::{Session, chathistory, modes, render, server_name};
use crate::shard::Io;

/// The name and version that the server gives itself.
pub(super) const VERSION: &str = concat!("salotto-", env!("CARGO_PKG_VERSION"));
/// How many tokens one line of ISUPPORT may have.
const TOKENS_MAX: usize = 13;
/// How many modes with an argument one `MODE` may change.
const MODES_MAX: usize = 12;

impl Session {
    pub(super) fn welcome(&self, card: &Card, io: &mut Io<'_>) {
        let shared = io.shared.clone();
        let network = &shared.config.server.network;
        let server = &shared.config.server.name;
        self.reply(io, numeric::RPL_WELCOME, |line| {
            line.trailing_fmt(format_args!("Welcome to {network}, {}! Type /quit to leave.", card.mask()))
        });
        self.reply(io, numeric::RPL_YOURHOST, |line| {
            line.trailing_fmt(format_args!("Your host is {server}, running version {VERSION}"))
        });
        self.reply(io, numeric::RPL_CREATED, |line| {
            line.trailing_fmt(format_args!("This server was started {}", render::time(shared.started)))
        });
        self.reply(io, numeric::RPL_MYINFO, |line| {
            line.param(server)
                .param(VERSION)
                .param(modes::USER_MODES)
                .param(modes::CHANNEL_MODES)
                .param(modes::CHANNEL_MODES_WITH_ARGUMENT)
        });
        self.isupport(io);
        self.motd(io);
    }

    /// `005` (modern IRC, "RPL_ISUPPORT").
    pub(super) fn isupport(&self, io: &mut Io<'_>) {
        let limits = io.shared.config.limits.clone();
        let network = &io.shared.config.server.network;
        let tokens = [
            format!("AWAYLEN={}", limits.away_len),
            "BOT=B".into(),
            "CASEMAPPING=ascii".into(),
            format!("CHANLIMIT=#:{}", salotto_core::ROOMS_PER_PERSON_MAX),
            format!("CHANMODES={}", modes::CHANMODES),
            format!("CHANNELLEN={}", limits.room_len),
            "CHANTYPES=#".into(),
            format!("CHATHISTORY={}", chathistory::LIMIT_MAX),
            "ELIST=MNU".into(),
            format!("HOSTLEN={}", 64),
            format!("KICKLEN={}", limits.kick_len),
            format!("MAXLIST=b:{}", salotto_core::BANS_MAX),
            "MAXTARGETS=4".into(),
            format!("MODES={MODES_MAX}"),
            "MSGREFTYPES=msgid,timestamp".into(),
            format!("NAMELEN={}", super::registration::REALNAME_LEN_MAX),
            format!("NETWORK={}", escape(network)),
            format!("NICKLEN={}", limits.nick_len),
            format!("PREFIX={}", modes::PREFIX),
            "SAFELIST".into(),
            "TARGMAX=NAMES:1,LIST:1,KICK:1,WHOIS:1,PRIVMSG:4,NOTICE:4,JOIN:,PART:".into(),
            format!("TOPICLEN={}", limits.topic_len),
            "USERLEN=20".into(),
            "UTF8ONLY".into(),
            "WHOX".into(),
        ];
        for tokens in tokens.chunks(TOKENS_MAX) {
            self.reply(io, numeric::RPL_ISUPPORT, |line| {
                tokens
                    .iter()
                    .fold(line, |line, token| line.param(token))
                    .trailing("are supported by this server")
            });
        }
    }

    /// `MOTD`.
    pub(super) fn motd(&self, io: &mut Io<'_>) {
        let shared = io.shared.clone();
        if shared.motd.is_empty() {
            return self.reply(io, numeric::ERR_NOMOTD, |line| line.trailing("MOTD File is missing"));
        }
        let server = server_name(io).to_owned();
        self.reply(io, numeric::RPL_MOTDSTART, |line| {
            line.trailing_fmt(format_args!("- {server} Message of the day -"))
        });
        for text in &shared.motd {
            let text = crate::text::cut(text, BODY_LEN_MAX / 2);
            self.reply(io, numeric::RPL_MOTD, |line| line.trailing_fmt(format_args!("- {text}")));
        }
        self.reply(io, numeric::RPL_ENDOFMOTD, |line| line.trailing("End of /MOTD command"));
    }
}

/// A value of ISUPPORT: a space in it is written as `\x20`.
fn escape(value: &str) -> String {
    value.replace('\\', "\\x5C").replace(' ', "\\x20").replace('=', "\\x3D")
}
