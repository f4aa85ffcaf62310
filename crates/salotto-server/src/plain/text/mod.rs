//! Everything a bare terminal is told, in English and Italian.
//!
//! Each text is one arm with both languages side by side, so none can be missing. Italian is in the present tense
//! or with *avere*, and never tells what sex it takes somebody for. No text could be taken for a message: before its
//! first colon there is always more than one word, and names are one.

mod help;
mod modes;
mod reason;
mod refusal;

use salotto_core::{JoinBar, ModeChange, NameError, Refusal, SpeakBar};

use super::command::Command;
use crate::config::Language;

/// Gives a text in one of the languages.
macro_rules! say {
    ($tongue:expr, $english:literal, $italian:literal) => {
        match $tongue {
            $crate::plain::text::Tongue::English => format!($english),
            $crate::plain::text::Tongue::Italian => format!($italian),
        }
    };
}
use say;

/// A language that texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    English,
    Italian,
}

/// Something that a bare terminal is told. Names and texts of others must be fit for a terminal already.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    /// The first line of all.
    Greeting { network: &'a str },
    /// How to choose a language.
    Languages,
    /// Asks for the server's password.
    AskPassword,
    /// It was not right.
    WrongPassword,
    /// Asks for a name.
    AskName,
    /// Something else was typed.
    NameFirst,
    /// Signed in.
    Welcome { name: &'a str },
    /// The two commands everybody needs.
    HowToLeave,
    /// In this room now, and talking there.
    Here { room: &'a str },
    /// In this room too, not talking there.
    AlsoIn { room: &'a str },
    /// In no room.
    Nowhere,
    /// Who is in a room.
    Members { room: &'a str, count: usize, names: &'a str },
    /// The room's topic.
    Topic { room: &'a str, topic: &'a str },
    /// It has none.
    NoTopic { room: &'a str },
    /// Messages from before follow.
    Earlier,
    /// And the present begins.
    Now,
    /// Somebody came in.
    Joined { name: &'a str, room: &'a str },
    /// Somebody left a room.
    Parted { name: &'a str, room: &'a str, reason: Option<&'a str> },
    /// So did the reader.
    PartedYou { room: &'a str },
    /// Somebody left on purpose.
    Quit { name: &'a str, word: Option<&'a str> },
    /// Somebody's connection broke.
    Lost { name: &'a str, reason: &'a str },
    /// Somebody's server of several is gone.
    NodeLost { name: &'a str },
    /// Somebody was put off the server.
    Killed { name: &'a str, by: &'a str, reason: &'a str },
    /// Somebody was put out of a room.
    Kicked { name: &'a str, room: &'a str, by: &'a str, reason: Option<&'a str> },
    /// So was the reader.
    KickedYou { room: &'a str, by: &'a str, reason: Option<&'a str> },
    /// Somebody has another name.
    Renamed { before: &'a str, after: &'a str },
    /// So has the reader.
    RenamedYou { name: &'a str },
    /// A room's topic changed, the server did it where nobody is named; empty when it was taken away.
    TopicChanged { room: &'a str, by: Option<&'a str>, topic: &'a str },
    /// A room's mode changed.
    ModeChanged { room: &'a str, change: &'a ModeChange },
    /// The reader is asked in.
    InvitedYou { room: &'a str, by: &'a str },
    /// Somebody else is.
    Invited { name: &'a str, room: &'a str, by: &'a str },
    /// Whom one wrote to is away.
    Away { name: &'a str, message: &'a str },
    /// The mark of a direct message.
    Private,
    /// The mark of one's own direct message.
    PrivateTo { name: &'a str },
    /// An account was made.
    Registered { account: &'a str },
    /// Signed in to an account.
    LoggedIn { account: &'a str },
    /// Account or password are wrong.
    LoginFailed,
    /// Too many wrong passwords came from there.
    TooManyGuesses,
    /// Too many accounts were made from there.
    TooManyAccounts,
    /// Accounts cannot be made here.
    NoRegistration,
    /// The password for a new account will not do.
    BadPassword { min: usize, max: usize },
    /// The language was chosen.
    Language,
    /// The heading of the list of rooms.
    Rooms,
    /// There are none to list.
    NoRooms,
    /// The list has more.
    More { count: usize },
    /// The line is too long.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
    /// No such command.
    Unknown { word: &'a str },
    /// The command lacks something.
    Usage(Command),
    /// One line of the help.
    Help(Command),
    /// The last line of the help.
    HelpSlash,
    /// The disk refuses.
    ReadOnly,
    /// Too much to do.
    Busy,
    /// Not a name.
    BadName(NameError, usize),
    /// The chat says no.
    Refused(&'a Refusal),
    /// Left on purpose.
    Goodbye { name: Option<&'a str> },
    /// The server closes.
    ServerClosed { reason: &'a str },
    /// The connection closes.
    Closing { reason: &'a str },
    /// A newer connection took over.
    Replaced,
    /// The account was signed out here from another device.
    SignedOut,
    /// Put off the server.
    KilledYou { by: &'a str, reason: &'a str },
}

impl Text<'_> {
    /// The text in one language, in one line.
    pub fn say(&self, tongue: Tongue) -> String {
        match *self {
            Text::Greeting { network } => {
                say!(tongue, "Welcome to {network}.", "{network} ti dà il benvenuto.")
            }
            Text::Languages => "For English type /lang en. Per l'italiano scrivi /lang it.".into(),
            Text::AskPassword => {
                say!(tongue, "This server asks for a password:", "Questo server chiede una password:")
            }
            Text::WrongPassword => say!(tongue, "That is not the password.", "La password non è quella."),
            Text::AskName => say!(tongue, "Choose a name:", "Scegli un nome:"),
            Text::NameFirst => say!(tongue, "First choose a name.", "Prima scegli un nome."),
            Text::Welcome { name } => say!(tongue, "Welcome, {name}!", "Ciao, {name}!"),
            Text::HowToLeave => say!(
                tongue,
                "To leave, type /quit. For all commands, type /help.",
                "Per uscire scrivi /quit. Per tutti i comandi scrivi /help."
            ),
            Text::Here { room } => say!(tongue, "You are in {room}.", "Sei in {room}."),
            Text::AlsoIn { room } => say!(
                tongue,
                "You are also in {room}. To talk there, type /room {room}.",
                "Sei anche in {room}. Per parlare lì scrivi /room {room}."
            ),
            Text::Nowhere => say!(
                tongue,
                "You are in no room. To see the rooms, type /rooms; to enter one, type /join #room.",
                "Non sei in nessuna stanza. Per vedere le stanze scrivi /rooms, per entrare scrivi /join #stanza."
            ),
            Text::Members { room, count, names } => {
                say!(tongue, "In {room} ({count}): {names}", "In {room} ({count}): {names}")
            }
            Text::Topic { room, topic } => {
                say!(tongue, "Topic of {room}: {topic}", "Argomento di {room}: {topic}")
            }
            Text::NoTopic { room } => say!(tongue, "{room} has no topic.", "{room} non ha un argomento."),
            Text::Earlier => say!(tongue, "Earlier messages (UTC):", "Messaggi precedenti (UTC):"),
            Text::Now => say!(tongue, "Now:", "Ora:"),
            Text::Joined { name, room } => say!(tongue, "{name} joined {room}", "{name} entra in {room}"),
            Text::Parted { name, room, reason } => {
                let reason = bracketed(reason);
                say!(tongue, "{name} left {room}{reason}", "{name} lascia {room}{reason}")
            }
            Text::PartedYou { room } => say!(tongue, "You left {room}.", "Hai lasciato {room}."),
            Text::Quit { name, word } => {
                let word = bracketed(word);
                say!(tongue, "{name} left{word}", "{name} esce{word}")
            }
            Text::Lost { name, reason } => {
                let reason = reason::say(reason, tongue);
                say!(
                    tongue,
                    "{name} left, connection lost: {reason}",
                    "{name} esce, connessione persa: {reason}"
                )
            }
            Text::NodeLost { name } => Text::Lost { name, reason: reason::SERVER_LOST }.say(tongue),
            Text::Killed { name, by, reason } => say!(
                tongue,
                "{by} put {name} off the server ({reason})",
                "{by} allontana {name} dal server ({reason})"
            ),
            Text::Kicked { name, room, by, reason } => {
                let reason = bracketed(reason);
                say!(
                    tongue,
                    "{by} put {name} out of {room}{reason}",
                    "{by} allontana {name} da {room}{reason}"
                )
            }
            Text::KickedYou { room, by, reason } => {
                let reason = bracketed(reason);
                say!(tongue, "{by} put you out of {room}{reason}", "{by} ti allontana da {room}{reason}")
            }
            Text::Renamed { before, after } => {
                say!(tongue, "{before} is now {after}", "{before} ora si chiama {after}")
            }
            Text::RenamedYou { name } => say!(tongue, "You are now {name}.", "Ora ti chiami {name}."),
            Text::TopicChanged { room, by, topic: "" } => {
                let by = actor(by, tongue);
                say!(tongue, "{by} removed the topic of {room}", "{by} toglie l'argomento di {room}")
            }
            Text::TopicChanged { room, by, topic } => {
                let by = actor(by, tongue);
                say!(
                    tongue,
                    "{by} set the topic of {room}: {topic}",
                    "{by} cambia l'argomento di {room}: {topic}"
                )
            }
            Text::ModeChanged { room, change } => modes::say(room, change, tongue),
            Text::InvitedYou { room, by } => say!(
                tongue,
                "{by} invites you to {room}. To go there, type /join {room}.",
                "{by} ti invita in {room}. Per entrare scrivi /join {room}."
            ),
            Text::Invited { name, room, by } => {
                say!(tongue, "{by} invites {name} to {room}", "{by} invita {name} in {room}")
            }
            Text::Away { name, message } => {
                say!(tongue, "{name} is away: {message}", "{name} non c'è ora: {message}")
            }
            Text::Private => say!(tongue, "private", "privato"),
            Text::PrivateTo { name } => say!(tongue, "private to {name}", "privato a {name}"),
            Text::Registered { account } => say!(
                tongue,
                "The account {account} is yours. Next time, type /login {account} and your password.",
                "L'account {account} è tuo. La prossima volta scrivi /login {account} e la tua password."
            ),
            Text::LoggedIn { account } => {
                say!(tongue, "You are signed in to the account {account}.", "Ora usi l'account {account}.")
            }
            Text::LoginFailed => {
                say!(
                    tongue,
                    "That is not the account's password.",
                    "La password di questo account non è quella."
                )
            }
            Text::TooManyGuesses => say!(
                tongue,
                "Too many wrong passwords. Try again in a minute.",
                "Troppe password sbagliate. Riprova tra un minuto."
            ),
            Text::TooManyAccounts => say!(
                tongue,
                "Too many accounts were made from your address. Try again in an hour.",
                "Dal tuo indirizzo sono stati creati troppi account. Riprova tra un'ora."
            ),
            Text::NoRegistration => {
                say!(tongue, "This server takes no new accounts.", "Questo server non accetta nuovi account.")
            }
            Text::BadPassword { min, max } => {
                say!(tongue, "A password has {min} to {max} bytes.", "Una password ha da {min} a {max} byte.")
            }
            Text::Language => say!(tongue, "From now on in English.", "D'ora in poi in italiano."),
            Text::Rooms => say!(tongue, "The rooms:", "Le stanze:"),
            Text::NoRooms => say!(tongue, "There is no room yet.", "Non c'è ancora nessuna stanza."),
            Text::More { count } => say!(tongue, "… and {count} more", "… e altre {count}"),
            Text::TooLong => say!(
                tongue,
                "That is too long. Nothing was sent.",
                "È troppo lungo. Non è stato inviato nulla."
            ),
            Text::NotUtf8 => say!(
                tongue,
                "That line is not UTF-8. Nothing was sent.",
                "Questa riga non è UTF-8. Non è stato inviato nulla."
            ),
            Text::Unknown { word } => say!(
                tongue,
                "There is no command /{word}. All commands: /help. To say a line that starts with /, type // instead.",
                "Non c'è un comando /{word}. Tutti i comandi: /help. Per dire una riga che inizia con / scrivi //."
            ),
            Text::Usage(command) => {
                let usage = help::usage(command, tongue);
                say!(tongue, "It goes like this: {usage}", "Si scrive così: {usage}")
            }
            Text::Help(command) => help::line(command, tongue),
            Text::HelpSlash => {
                say!(tongue, "  //text - says /text", "  //testo - dice /testo")
            }
            Text::ReadOnly => say!(
                tongue,
                "The server cannot write to its disk now. Nothing was sent.",
                "Ora il server non può scrivere sul disco. Non è stato inviato nulla."
            ),
            Text::Busy => say!(
                tongue,
                "The server has too much to do. Try again in a moment.",
                "Il server ha troppo da fare. Riprova tra poco."
            ),
            Text::BadName(error, len_max) => refusal::name(error, len_max, tongue),
            Text::Refused(refusal) => refusal::say(refusal, tongue),
            Text::Goodbye { name: Some(name) } => say!(tongue, "Goodbye, {name}.", "Arrivederci, {name}."),
            Text::Goodbye { name: None } => say!(tongue, "Goodbye.", "Arrivederci."),
            Text::ServerClosed { reason } => {
                let reason = reason::say(reason, tongue);
                say!(tongue, "The server has closed: {reason}", "Il server ha chiuso: {reason}")
            }
            Text::Closing { reason } => {
                let reason = reason::say(reason, tongue);
                say!(tongue, "The connection closes: {reason}", "La connessione si chiude: {reason}")
            }
            Text::SignedOut => say!(
                tongue,
                "You were signed out from another device.",
                "Un altro dispositivo ha chiuso questa sessione."
            ),
            Text::Replaced => say!(
                tongue,
                "A newer connection has taken the place of this one.",
                "Una connessione più recente ha preso il posto di questa."
            ),
            Text::KilledYou { by, reason } => {
                say!(
                    tongue,
                    "{by} put you off the server: {reason}",
                    "{by} ti allontana dal server: {reason}"
                )
            }
        }
    }

    /// The text in a language, or in both where none was chosen.
    pub fn speak(&self, language: Language) -> String {
        match language {
            Language::English => self.say(Tongue::English),
            Language::Italian => self.say(Tongue::Italian),
            Language::Auto => {
                let (english, italian) = (self.say(Tongue::English), self.say(Tongue::Italian));
                if english == italian { english } else { format!("{english} / {italian}") }
            }
        }
    }

    /// Appends the text as a line behind a mark.
    pub fn line(&self, mark: &str, language: Language, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(mark.as_bytes());
        bytes.extend_from_slice(self.speak(language).as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}

/// A reason behind something that happened, where there is one.
fn bracketed(reason: Option<&str>) -> String {
    reason.filter(|reason| !reason.is_empty()).map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// Who did something: the server where nobody is named.
fn actor(by: Option<&str>, tongue: Tongue) -> String {
    by.map_or_else(|| say!(tongue, "The server", "Il server"), str::to_owned)
}

#[cfg(test)]
mod tests;
