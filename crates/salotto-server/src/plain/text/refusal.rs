//! Why something cannot be done.

use super::super::clean::shown;
use super::{JoinBar, NameError, Refusal, SpeakBar, Tongue, say};

/// What the chat says no to.
pub(super) fn say(refusal: &Refusal, tongue: Tongue) -> String {
    match refusal {
        Refusal::NotSignedIn => say!(tongue, "You are not signed in.", "Prima scegli un nome."),
        Refusal::AlreadySignedIn => say!(tongue, "You are signed in already.", "Hai già un nome."),
        Refusal::NickInUse(nick) => {
            say!(tongue, "The name {nick} is already in use.", "Il nome {nick} è già in uso.")
        }
        Refusal::NickReserved(nick) => say!(
            tongue,
            "The name {nick} belongs to an account. If it is yours, type /login {nick} and your password.",
            "Il nome {nick} appartiene a un account. Se è tuo scrivi /login {nick} e la tua password."
        ),
        Refusal::NickLooksLike(nick, other) => say!(
            tongue,
            "The name {nick} looks too much like {other}.",
            "Il nome {nick} somiglia troppo a {other}."
        ),
        Refusal::NoSuchNick(nick) => {
            let nick = shown(nick);
            say!(tongue, "There is nobody called {nick}.", "Non c'è nessuno che si chiama {nick}.")
        }
        Refusal::NoSuchRoom(room) => {
            let room = shown(room);
            say!(tongue, "There is no room {room}.", "Non c'è una stanza {room}.")
        }
        Refusal::NotInRoom(room) => say!(
            tongue,
            "You are not in {room}. To enter, type /join {room}.",
            "Non sei in {room}. Per entrare scrivi /join {room}."
        ),
        Refusal::TargetNotInRoom(nick, room) => {
            let nick = shown(nick);
            say!(tongue, "The room {room} does not have {nick} in it.", "Nella stanza {room} non c'è {nick}.")
        }
        Refusal::TargetInRoom(nick, room) => {
            say!(tongue, "The room {room} has {nick} in it already.", "Nella stanza {room} c'è già {nick}.")
        }
        Refusal::CannotSpeak(room, bar) => cannot_speak(room.as_str(), *bar, tongue),
        Refusal::CannotJoin(room, bar) => cannot_join(room.as_str(), *bar, tongue),
        Refusal::NotRoomOperator(room) => {
            say!(tongue, "Only an operator of {room} can do that.", "Può farlo solo chi modera {room}.")
        }
        Refusal::NotOperator => {
            say!(
                tongue,
                "Only an operator of the server can do that.",
                "Può farlo solo chi gestisce il server."
            )
        }
        Refusal::BanListFull(room, _) => {
            say!(tongue, "The list of bans of {room} is full.", "L'elenco dei divieti di {room} è pieno.")
        }
        Refusal::AccountExists(name) => say!(
            tongue,
            "There is an account called {name} already, or one that looks the same.",
            "C'è già un account {name}, o uno che gli somiglia."
        ),
        Refusal::AccountNameInUse(name) => {
            say!(
                tongue,
                "Somebody else is using the name {name}.",
                "Qualcun altro sta usando il nome {name}."
            )
        }
        Refusal::AlreadyLoggedIn(account) => say!(
            tongue,
            "You are signed in to the account {account} already.",
            "Usi già l'account {account}."
        ),
        Refusal::NoSuchDevice(_) => {
            say!(tongue, "There is no such device.", "Non c'è un dispositivo così.")
        }
        Refusal::NoAccount => say!(
            tongue,
            "That takes an account. To make one, type /register and a password.",
            "Per questo ci vuole un account. Per crearne uno scrivi /register e una password."
        ),
        Refusal::UnknownResumeToken => {
            say!(tongue, "That session is gone.", "Quella sessione non c'è più.")
        }
    }
}

fn cannot_speak(room: &str, bar: SpeakBar, tongue: Tongue) -> String {
    match bar {
        SpeakBar::NotMember => {
            say!(tongue, "Only people in {room} can write to it.", "In {room} scrive solo chi è dentro.")
        }
        SpeakBar::Moderated => say!(
            tongue,
            "Not sent, because {room} is moderated and you have no voice there.",
            "Non inviato, perché in {room} parla solo chi ha voce."
        ),
        SpeakBar::Banned => {
            say!(
                tongue,
                "Not sent, because you are banned from {room}.",
                "Non inviato, perché {room} ti è vietata."
            )
        }
    }
}

fn cannot_join(room: &str, bar: JoinBar, tongue: Tongue) -> String {
    match bar {
        JoinBar::InviteOnly => {
            say!(tongue, "One enters {room} by invitation only.", "In {room} si entra solo su invito.")
        }
        JoinBar::BadKey => say!(
            tongue,
            "There is a key to {room}. Type /join {room} and the key.",
            "Per entrare in {room} ci vuole la chiave. Scrivi /join {room} e la chiave."
        ),
        JoinBar::Full => say!(tongue, "The room {room} is full.", "La stanza {room} è piena."),
        JoinBar::Banned => say!(tongue, "You are banned from {room}.", "La stanza {room} ti è vietata."),
        JoinBar::TooManyRooms => {
            say!(tongue, "You are in as many rooms as one may be.", "Sei già nel massimo numero di stanze.")
        }
        JoinBar::TooManyMade => say!(
            tongue,
            "You have made too many rooms that nobody else is in.",
            "Hai creato troppe stanze in cui non c'è nessun altro."
        ),
        JoinBar::ServerFull => {
            say!(tongue, "The server has no room for more rooms.", "Il server non può avere altre stanze.")
        }
    }
}

/// Why a text is not a name.
pub(super) fn name(error: NameError, len_max: usize, tongue: Tongue) -> String {
    match error {
        NameError::Empty => say!(tongue, "That name is empty.", "Questo nome è vuoto."),
        NameError::TooLong => say!(
            tongue,
            "That name is too long. It may have {len_max} bytes, which is {len_max} plain letters.",
            "Questo nome è troppo lungo. Può avere {len_max} byte, cioè {len_max} lettere semplici."
        ),
        NameError::BadStart => say!(
            tongue,
            "A name cannot start with a digit or one of - # & + ~ % $",
            "Un nome non può iniziare con una cifra o uno di questi segni - # & + ~ % $"
        ),
        NameError::BadCharacter => say!(
            tongue,
            "A name is one word of letters, digits, - and _ only.",
            "Un nome è una parola sola, di lettere, cifre, - e _ soltanto."
        ),
        NameError::Reserved => say!(tongue, "That name is reserved.", "Questo nome è riservato."),
        NameError::NotARoom => {
            say!(tongue, "The name of a room starts with #.", "Il nome di una stanza inizia con #.")
        }
    }
}
