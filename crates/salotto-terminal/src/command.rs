//! What a typed line asks for. The same in full screen and plain lines.

/// A typed line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Say it where we are.
    Say(String),
    /// `/me`.
    Me(String),
    /// `/msg`.
    Message { target: String, text: String },
    /// `/query`: open a direct conversation.
    Query(String),
    /// `/quit`.
    Quit(String),
    /// `/join`.
    Join { room: String, key: Option<String> },
    /// `/part`; the present room without a name.
    Part { room: Option<String>, reason: String },
    /// `/nick`.
    Nick(String),
    /// `/topic`; shows it without a text.
    Topic(Option<String>),
    /// `/who`.
    Who,
    /// `/rooms`.
    Rooms,
    /// `/whois`.
    Whois(String),
    /// `/away`; back without a text.
    Away(String),
    /// `/register`.
    Register { password: String, email: String },
    /// `/devices`.
    Devices,
    /// `/revoke`: sign a device out, or `all` others.
    Revoke(String),
    /// `/password`.
    Password { old: String, new: String },
    /// `/connect`.
    Connect,
    /// `/disconnect`.
    Disconnect,
    /// `/retry`: send failed messages again.
    Retry,
    /// `/discard`: give failed messages up.
    Discard,
    /// `/help`.
    Help,
}

/// Why a line is no command that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandError {
    /// Nothing was typed.
    Empty,
    /// There is no such command.
    Unknown(String),
    /// The command needs more.
    Usage(&'static str),
}

/// Every command with its arguments, for help and completion.
pub(crate) const COMMANDS: &[(&str, &str)] = &[
    ("away", "[text]"),
    ("connect", ""),
    ("devices", ""),
    ("disconnect", ""),
    ("discard", ""),
    ("help", ""),
    ("join", "#room [key]"),
    ("me", "text"),
    ("msg", "name text"),
    ("nick", "name"),
    ("part", "[#room] [text]"),
    ("password", "old new"),
    ("query", "name"),
    ("quit", "[text]"),
    ("register", "password [email]"),
    ("retry", ""),
    ("revoke", "device|all"),
    ("rooms", ""),
    ("topic", "[text]"),
    ("who", ""),
    ("whois", "name"),
];

/// Understands a line. `//` at the beginning says a slash; no other line with a slash is ever said.
pub(crate) fn parse(line: &str) -> Result<Command, CommandError> {
    if line.trim().is_empty() {
        return Err(CommandError::Empty);
    }
    let Some(rest) = line.strip_prefix('/') else { return Ok(Command::Say(line.to_owned())) };
    if rest.starts_with('/') {
        return Ok(Command::Say(rest.to_owned()));
    }
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let (first, more) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    let more = more.trim_start();
    let needed = |text: &str, usage: &'static str| {
        if text.is_empty() { Err(CommandError::Usage(usage)) } else { Ok(text.to_owned()) }
    };
    Ok(match name.to_lowercase().as_str() {
        "quit" | "exit" | "q" => Command::Quit(argument.to_owned()),
        "join" | "j" => Command::Join {
            room: room_name(&needed(first, "/join #room")?),
            key: (!more.is_empty()).then(|| more.to_owned()),
        },
        "part" | "leave" if first.starts_with('#') => {
            Command::Part { room: Some(first.to_owned()), reason: more.to_owned() }
        }
        "part" | "leave" => Command::Part { room: None, reason: argument.to_owned() },
        "msg" => Command::Message {
            target: needed(first, "/msg name text")?,
            text: needed(more, "/msg name text")?,
        },
        "query" => Command::Query(needed(first, "/query name")?),
        "nick" | "name" => Command::Nick(needed(first, "/nick name")?),
        "me" => Command::Me(needed(argument, "/me text")?),
        "topic" => Command::Topic((!argument.is_empty()).then(|| argument.to_owned())),
        "who" | "names" => Command::Who,
        "rooms" | "list" => Command::Rooms,
        "whois" => Command::Whois(needed(first, "/whois name")?),
        "away" => Command::Away(argument.to_owned()),
        "register" => Command::Register {
            password: needed(first, "/register password [email]")?,
            email: more.to_owned(),
        },
        "devices" => Command::Devices,
        "revoke" => Command::Revoke(match first.to_lowercase().as_str() {
            "*" | "all" | "tutti" => "all".to_owned(),
            _ => needed(first, "/revoke device")?,
        }),
        "password" => Command::Password {
            old: needed(first, "/password old new")?,
            new: needed(more, "/password old new")?,
        },
        "connect" => Command::Connect,
        "disconnect" => Command::Disconnect,
        "retry" => Command::Retry,
        "discard" => Command::Discard,
        "help" | "h" | "?" => Command::Help,
        _ => return Err(CommandError::Unknown(name.to_owned())),
    })
}

/// A room's name, with its sign put in front when it was left out.
pub(crate) fn room_name(name: &str) -> String {
    if name.starts_with(['#', '&']) { name.to_owned() } else { format!("#{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> String {
        s.to_owned()
    }

    #[test]
    fn understands_lines() {
        for (line, command) in [
            ("hello", Command::Say(text("hello"))),
            (" /hello", Command::Say(text(" /hello"))),
            ("//path", Command::Say(text("/path"))),
            ("/quit", Command::Quit(text(""))),
            ("/QUIT good night", Command::Quit(text("good night"))),
            ("/join tea", Command::Join { room: text("#tea"), key: None }),
            ("/join #tea key", Command::Join { room: text("#tea"), key: Some(text("key")) }),
            ("/part", Command::Part { room: None, reason: text("") }),
            ("/part bye all", Command::Part { room: None, reason: text("bye all") }),
            ("/part #tea bye all", Command::Part { room: Some(text("#tea")), reason: text("bye all") }),
            ("/msg bo  hello there", Command::Message { target: text("bo"), text: text("hello there") }),
            ("/me waves  twice", Command::Me(text("waves  twice"))),
            ("/topic", Command::Topic(None)),
            ("/register secret", Command::Register { password: text("secret"), email: text("") }),
        ] {
            assert_eq!(parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_never_said() {
        assert_eq!(parse("/qiut"), Err(CommandError::Unknown(text("qiut"))));
        assert_eq!(parse("/ quit"), Err(CommandError::Unknown(text(""))));
        assert_eq!(parse("/msg bo"), Err(CommandError::Usage("/msg name text")));
        assert_eq!(parse("/join"), Err(CommandError::Usage("/join #room")));
        assert_eq!(parse("  "), Err(CommandError::Empty));
    }

    #[test]
    fn every_listed_command_is_known() {
        for (name, _) in COMMANDS {
            let parsed = parse(&format!("/{name} a b"));
            assert!(parsed.is_ok(), "{name}: {parsed:?}");
        }
    }
}
