//! What a typed line asks for.

use crate::config::Language;

/// What a typed line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input<'a> {
    /// Say this where one is.
    Say(&'a str),
    /// Say that one does this.
    Act(&'a str),
    /// Leave, perhaps with a word.
    Leave(Option<&'a str>),
    /// List the rooms.
    Rooms,
    /// Enter a room.
    Join {
        /// Its name, perhaps without `#`.
        room: &'a str,
        /// Its key.
        key: Option<&'a str>,
    },
    /// Leave this room, or the present one.
    Part(Option<&'a str>),
    /// Talk in this room from now on.
    Room(&'a str),
    /// Who is in the present room.
    Who,
    /// Say something to one person.
    Message {
        /// To whom.
        to: &'a str,
        /// What.
        text: &'a str,
    },
    /// Take another name.
    Rename(&'a str),
    /// Set this topic, or show the present one.
    Topic(Option<&'a str>),
    /// Prove that an account is one's own.
    LogIn {
        /// The account.
        name: &'a str,
        /// Its password.
        password: &'a str,
    },
    /// Make an account of one's name.
    Register {
        /// The new account's password.
        password: &'a str,
    },
    /// Speak this language.
    Speak(Language),
    /// Show the commands.
    Help,
    /// A command without what it needs.
    Incomplete(Command),
    /// No command.
    Unknown(&'a str),
}

/// A command, as the help shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Rooms,
    Join,
    Part,
    Room,
    Who,
    Msg,
    Me,
    Nick,
    Topic,
    Login,
    Register,
    Lang,
    Help,
    Quit,
}

impl Command {
    /// All commands, in the order of the help.
    pub const ALL: [Command; 14] = [
        Command::Rooms,
        Command::Join,
        Command::Room,
        Command::Part,
        Command::Who,
        Command::Msg,
        Command::Me,
        Command::Nick,
        Command::Topic,
        Command::Register,
        Command::Login,
        Command::Lang,
        Command::Help,
        Command::Quit,
    ];

    /// The word behind the slash.
    pub fn word(self) -> &'static str {
        match self {
            Command::Rooms => "rooms",
            Command::Join => "join",
            Command::Part => "part",
            Command::Room => "room",
            Command::Who => "who",
            Command::Msg => "msg",
            Command::Me => "me",
            Command::Nick => "nick",
            Command::Topic => "topic",
            Command::Login => "login",
            Command::Register => "register",
            Command::Lang => "lang",
            Command::Help => "help",
            Command::Quit => "quit",
        }
    }
}

/// Reads one line that is not empty.
pub(crate) fn read(line: &str) -> Input<'_> {
    if ["quit", "{quit}", "{close}"].iter().any(|word| line.eq_ignore_ascii_case(word)) {
        return Input::Leave(None);
    }
    let Some(rest) = line.strip_prefix('/') else { return Input::Say(line) };
    if rest.starts_with('/') {
        return Input::Say(rest);
    }
    let (word, rest) = cut(rest);
    let Some(command) = Command::ALL.into_iter().find(|command| word.eq_ignore_ascii_case(command.word()))
    else {
        return Input::Unknown(word);
    };
    arguments(command, rest).unwrap_or(Input::Incomplete(command))
}

/// Reads what is behind a command; `None` when something is missing.
fn arguments(command: Command, rest: &str) -> Option<Input<'_>> {
    let some = (!rest.is_empty()).then_some(rest);
    let (first, behind) = cut(rest);
    Some(match command {
        Command::Rooms => Input::Rooms,
        Command::Who => Input::Who,
        Command::Help => Input::Help,
        Command::Quit => Input::Leave(some),
        Command::Topic => Input::Topic(some),
        Command::Part => Input::Part(some.map(|_| first)),
        Command::Join => {
            Input::Join { room: some.map(|_| first)?, key: (!behind.is_empty()).then_some(behind) }
        }
        Command::Room => Input::Room(some.map(|_| first)?),
        Command::Me => Input::Act(some?),
        Command::Nick => Input::Rename(some?),
        Command::Register => Input::Register { password: some? },
        Command::Msg if !behind.is_empty() => Input::Message { to: first, text: behind },
        Command::Login if !behind.is_empty() => Input::LogIn { name: first, password: behind },
        Command::Msg | Command::Login => return None,
        Command::Lang => match first.to_ascii_lowercase().as_str() {
            "en" | "english" => Input::Speak(Language::English),
            "it" | "italiano" => Input::Speak(Language::Italian),
            _ => return None,
        },
    })
}

/// The first word, and what is behind it.
fn cut(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_and_slashes_can_be() {
        assert_eq!(read("ciao a tutti"), Input::Say("ciao a tutti"));
        assert_eq!(read("//etc/hosts"), Input::Say("/etc/hosts"));
        assert_eq!(read("I quit"), Input::Say("I quit"));
        assert_eq!(read("quit smoking"), Input::Say("quit smoking"));
    }

    #[test]
    fn four_ways_to_leave() {
        for line in ["/quit", "{quit}", "{close}", "quit", "/QUIT", "Quit"] {
            assert_eq!(read(line), Input::Leave(None), "{line}");
        }
        assert_eq!(read("/quit a domani, sera"), Input::Leave(Some("a domani, sera")));
    }

    #[test]
    fn commands_take_their_arguments() {
        for (line, input) in [
            ("/rooms", Input::Rooms),
            ("/join #tea", Input::Join { room: "#tea", key: None }),
            ("/Join  tea  green leaf", Input::Join { room: "tea", key: Some("green leaf") }),
            ("/part", Input::Part(None)),
            ("/part #tea", Input::Part(Some("#tea"))),
            ("/room #tea", Input::Room("#tea")),
            ("/who", Input::Who),
            ("/msg bruno  ciao, come va?", Input::Message { to: "bruno", text: "ciao, come va?" }),
            ("/me waves", Input::Act("waves")),
            ("/nick anna", Input::Rename("anna")),
            ("/topic", Input::Topic(None)),
            ("/topic tea and cake", Input::Topic(Some("tea and cake"))),
            ("/login anna a b", Input::LogIn { name: "anna", password: "a b" }),
            ("/register a b", Input::Register { password: "a b" }),
            ("/lang IT", Input::Speak(Language::Italian)),
            ("/lang en", Input::Speak(Language::English)),
            ("/help", Input::Help),
        ] {
            assert_eq!(read(line), input, "{line}");
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_never_said() {
        for (line, command) in [
            ("/join", Command::Join),
            ("/room", Command::Room),
            ("/msg bruno", Command::Msg),
            ("/me", Command::Me),
            ("/nick", Command::Nick),
            ("/login anna", Command::Login),
            ("/register", Command::Register),
            ("/lang", Command::Lang),
            ("/lang fr", Command::Lang),
        ] {
            assert_eq!(read(line), Input::Incomplete(command), "{line}");
        }
        assert_eq!(read("/dance now"), Input::Unknown("dance"));
        assert_eq!(read("/"), Input::Unknown(""));
        assert_eq!(read("/ join"), Input::Unknown(""));
    }
}
