//! What each command does.

use super::{Command, Tongue, say};

/// How a command is written.
pub(super) fn usage(command: Command, tongue: Tongue) -> String {
    let word = command.word();
    let arguments = match command {
        Command::Rooms | Command::Who | Command::Help => String::new(),
        Command::Join => say!(tongue, " #room [key]", " #stanza [chiave]"),
        Command::Room => say!(tongue, " #room", " #stanza"),
        Command::Part => say!(tongue, " [#room]", " [#stanza]"),
        Command::Msg => say!(tongue, " name text", " nome testo"),
        Command::Me => say!(tongue, " text", " testo"),
        Command::Nick => say!(tongue, " name", " nome"),
        Command::Topic | Command::Quit => say!(tongue, " [text]", " [testo]"),
        Command::Register => " password".into(),
        Command::Login => say!(tongue, " name password", " nome password"),
        Command::Lang => " en|it".into(),
    };
    format!("/{word}{arguments}")
}

/// Its line in the help.
pub(super) fn line(command: Command, tongue: Tongue) -> String {
    let meaning = match command {
        Command::Rooms => say!(tongue, "lists the rooms", "elenca le stanze"),
        Command::Join => say!(tongue, "enters a room", "entra in una stanza"),
        Command::Room => {
            say!(tongue, "talks in another of your rooms", "parla in un'altra delle tue stanze")
        }
        Command::Part => say!(tongue, "leaves a room", "lascia una stanza"),
        Command::Who => say!(tongue, "tells who is in the room", "dice chi c'è nella stanza"),
        Command::Msg => say!(tongue, "writes to one person", "scrive a una persona sola"),
        Command::Me => say!(tongue, "says what you do", "dice che cosa fai"),
        Command::Nick => say!(tongue, "changes your name", "cambia il tuo nome"),
        Command::Topic => say!(tongue, "shows or sets the room's topic", "mostra o cambia l'argomento"),
        Command::Register => {
            say!(tongue, "keeps your name for you", "riserva il tuo nome per te")
        }
        Command::Login => {
            say!(tongue, "signs in to your account", "entra nel tuo account")
        }
        Command::Lang => say!(tongue, "English or Italian", "inglese o italiano"),
        Command::Help => say!(tongue, "shows this", "mostra questo"),
        Command::Quit => say!(
            tongue,
            "leaves; quit, {{quit}} and {{close}} do too",
            "esce; anche quit, {{quit}} e {{close}}"
        ),
    };
    format!("  {} - {meaning}", usage(command, tongue))
}
