//! Numeric replies with their names, in one table (Modern IRC, "Numerics"; IRCv3 `sasl-3.1`, `monitor`).

use std::fmt;

/// A numeric reply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numeric {
    /// The three digits as a number, 1 to 999.
    pub code: u16,
    /// The name by which the specifications call it.
    pub name: &'static str,
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {}", self.code, self.name)
    }
}

/// Reads a command of three digits as the code of a numeric.
pub fn code(command: &str) -> Option<u16> {
    (command.len() == 3 && command.bytes().all(|b| b.is_ascii_digit()))
        .then(|| command.parse().ok())
        .flatten()
}

macro_rules! numerics {
    ($($code:literal $name:ident,)+) => {
        $(
            #[doc = concat!("`", stringify!($code), " ", stringify!($name), "`.")]
            pub const $name: Numeric = Numeric { code: $code, name: stringify!($name) };
        )+

        /// Every numeric of the table, by code.
        pub const ALL: &[Numeric] = &[$($name,)+];
    };
}

numerics! {
    1 RPL_WELCOME,
    2 RPL_YOURHOST,
    3 RPL_CREATED,
    4 RPL_MYINFO,
    5 RPL_ISUPPORT,
    10 RPL_BOUNCE,
    211 RPL_STATSLINKINFO,
    212 RPL_STATSCOMMANDS,
    219 RPL_ENDOFSTATS,
    221 RPL_UMODEIS,
    242 RPL_STATSUPTIME,
    251 RPL_LUSERCLIENT,
    252 RPL_LUSEROP,
    253 RPL_LUSERUNKNOWN,
    254 RPL_LUSERCHANNELS,
    255 RPL_LUSERME,
    256 RPL_ADMINME,
    257 RPL_ADMINLOC1,
    258 RPL_ADMINLOC2,
    259 RPL_ADMINEMAIL,
    263 RPL_TRYAGAIN,
    265 RPL_LOCALUSERS,
    266 RPL_GLOBALUSERS,
    276 RPL_WHOISCERTFP,
    300 RPL_NONE,
    301 RPL_AWAY,
    302 RPL_USERHOST,
    303 RPL_ISON,
    305 RPL_UNAWAY,
    306 RPL_NOWAWAY,
    307 RPL_WHOISREGNICK,
    311 RPL_WHOISUSER,
    312 RPL_WHOISSERVER,
    313 RPL_WHOISOPERATOR,
    314 RPL_WHOWASUSER,
    315 RPL_ENDOFWHO,
    317 RPL_WHOISIDLE,
    318 RPL_ENDOFWHOIS,
    319 RPL_WHOISCHANNELS,
    320 RPL_WHOISSPECIAL,
    321 RPL_LISTSTART,
    322 RPL_LIST,
    323 RPL_LISTEND,
    324 RPL_CHANNELMODEIS,
    329 RPL_CREATIONTIME,
    330 RPL_WHOISACCOUNT,
    331 RPL_NOTOPIC,
    332 RPL_TOPIC,
    333 RPL_TOPICWHOTIME,
    335 RPL_WHOISBOT,
    336 RPL_INVITELIST,
    337 RPL_ENDOFINVITELIST,
    338 RPL_WHOISACTUALLY,
    341 RPL_INVITING,
    346 RPL_INVEXLIST,
    347 RPL_ENDOFINVEXLIST,
    348 RPL_EXCEPTLIST,
    349 RPL_ENDOFEXCEPTLIST,
    351 RPL_VERSION,
    352 RPL_WHOREPLY,
    353 RPL_NAMREPLY,
    354 RPL_WHOSPCRPL,
    364 RPL_LINKS,
    365 RPL_ENDOFLINKS,
    366 RPL_ENDOFNAMES,
    367 RPL_BANLIST,
    368 RPL_ENDOFBANLIST,
    369 RPL_ENDOFWHOWAS,
    371 RPL_INFO,
    372 RPL_MOTD,
    374 RPL_ENDOFINFO,
    375 RPL_MOTDSTART,
    376 RPL_ENDOFMOTD,
    378 RPL_WHOISHOST,
    379 RPL_WHOISMODES,
    381 RPL_YOUREOPER,
    382 RPL_REHASHING,
    391 RPL_TIME,
    400 ERR_UNKNOWNERROR,
    401 ERR_NOSUCHNICK,
    402 ERR_NOSUCHSERVER,
    403 ERR_NOSUCHCHANNEL,
    404 ERR_CANNOTSENDTOCHAN,
    405 ERR_TOOMANYCHANNELS,
    406 ERR_WASNOSUCHNICK,
    407 ERR_TOOMANYTARGETS,
    409 ERR_NOORIGIN,
    410 ERR_INVALIDCAPCMD,
    411 ERR_NORECIPIENT,
    412 ERR_NOTEXTTOSEND,
    417 ERR_INPUTTOOLONG,
    421 ERR_UNKNOWNCOMMAND,
    422 ERR_NOMOTD,
    431 ERR_NONICKNAMEGIVEN,
    432 ERR_ERRONEUSNICKNAME,
    433 ERR_NICKNAMEINUSE,
    436 ERR_NICKCOLLISION,
    437 ERR_UNAVAILRESOURCE,
    441 ERR_USERNOTINCHANNEL,
    442 ERR_NOTONCHANNEL,
    443 ERR_USERONCHANNEL,
    447 ERR_NONICKCHANGE,
    451 ERR_NOTREGISTERED,
    461 ERR_NEEDMOREPARAMS,
    462 ERR_ALREADYREGISTERED,
    464 ERR_PASSWDMISMATCH,
    465 ERR_YOUREBANNEDCREEP,
    471 ERR_CHANNELISFULL,
    472 ERR_UNKNOWNMODE,
    473 ERR_INVITEONLYCHAN,
    474 ERR_BANNEDFROMCHAN,
    475 ERR_BADCHANNELKEY,
    476 ERR_BADCHANMASK,
    477 ERR_NEEDREGGEDNICK,
    478 ERR_BANLISTFULL,
    479 ERR_BADCHANNAME,
    481 ERR_NOPRIVILEGES,
    482 ERR_CHANOPRIVSNEEDED,
    483 ERR_CANTKILLSERVER,
    491 ERR_NOOPERHOST,
    501 ERR_UMODEUNKNOWNFLAG,
    502 ERR_USERSDONTMATCH,
    524 ERR_HELPNOTFOUND,
    525 ERR_INVALIDKEY,
    670 RPL_STARTTLS,
    671 RPL_WHOISSECURE,
    691 ERR_STARTTLS,
    696 ERR_INVALIDMODEPARAM,
    704 RPL_HELPSTART,
    705 RPL_HELPTXT,
    706 RPL_ENDOFHELP,
    723 ERR_NOPRIVS,
    730 RPL_MONONLINE,
    731 RPL_MONOFFLINE,
    732 RPL_MONLIST,
    733 RPL_ENDOFMONLIST,
    734 ERR_MONLISTFULL,
    900 RPL_LOGGEDIN,
    901 RPL_LOGGEDOUT,
    902 ERR_NICKLOCKED,
    903 RPL_SASLSUCCESS,
    904 ERR_SASLFAIL,
    905 ERR_SASLTOOLONG,
    906 ERR_SASLABORTED,
    907 ERR_SASLALREADY,
    908 RPL_SASLMECHS,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_so_no_code_occurs_twice() {
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
        assert!(ALL.iter().all(|n| (1..1000).contains(&n.code)));
    }

    #[test]
    fn reads_a_code() {
        assert_eq!(code("001"), Some(1));
        assert_eq!(code("433"), Some(433));
        for command in ["1", "0001", "PING", "+01", "４33"] {
            assert_eq!(code(command), None, "{command}");
        }
    }
}
