//! Every text that a person reads, in every language.

use jiff::tz::TimeZone;
use salotto_client::{Device, FailReason, LeaveKind, Loss, NickRefusal, RefusalReason, StopReason};

use crate::calendar::day;
use crate::command::CommandError;
use crate::language::Language;
use crate::sanitise::{line, short};

/// The most characters of a name, a reason or a room that a notice shows.
const NAME_MAX: usize = 64;
const REASON_MAX: usize = 300;

fn name(text: &str) -> String {
    short(text, NAME_MAX)
}

fn reason(text: &str) -> String {
    short(text, REASON_MAX)
}

impl Language {
    pub(crate) fn user_name(self) -> &'static str {
        self.pick("User name", "Nome utente")
    }

    pub(crate) fn choose_name(self) -> &'static str {
        self.pick("Choose a user name", "Scegli un nome utente")
    }

    pub(crate) fn ask_name_help(self) -> &'static str {
        self.pick("Enter connects · Ctrl-C leaves", "Invio connette · Ctrl-C esce")
    }

    pub(crate) fn name_missing_in_pipe(self) -> &'static str {
        self.pick("give a user name with --name", "indica un nome utente con --name")
    }

    pub(crate) fn name_refused(self, refusal: &NickRefusal) -> String {
        let (n, text) = (name(&refusal.name), reason(&refusal.text));
        match refusal.reason {
            RefusalReason::Taken => {
                let suggestion = name(&refusal.suggestion);
                self.pick(
                    format!("\"{n}\" is already in use. Try another, for example {suggestion}."),
                    format!("«{n}» è già in uso. Provane un altro, per esempio {suggestion}."),
                )
            }
            RefusalReason::NotValid => self.pick(
                format!("\"{n}\" cannot be used as a user name: {text}"),
                format!("«{n}» non va bene come nome utente: {text}"),
            ),
        }
    }

    pub(crate) fn devices(self, devices: &[Device]) -> Vec<String> {
        let of = |device: &Device| {
            let (id, what) = (short(&device.id, 16), short(&device.name, NAME_MAX));
            let (made, used) = (day(device.made_ms, &TimeZone::UTC), day(device.used_ms, &TimeZone::UTC));
            let own = if device.own { self.pick(", this one", ", questo") } else { "" };
            self.pick(
                format!("{id}  {what} (since {made}, last used {used}{own})"),
                format!("{id}  {what} (dal {made}, usato l'ultima volta il {used}{own})"),
            )
        };
        devices.iter().map(of).collect()
    }

    pub(crate) fn device_revoked(self, id: &str) -> String {
        let id = short(id, 16);
        self.pick(format!("The device {id} is signed out."), format!("Il dispositivo {id} è scollegato."))
    }

    pub(crate) fn welcome(self, who: &str, room: &str) -> String {
        let (who, room) = (name(who), name(room));
        self.pick(
            format!("Welcome, {who}. You are in {room}. /quit leaves, /help tells more."),
            format!(
                "Ti diamo il benvenuto, {who}. Sei in {room}. /quit per uscire, /help per saperne di più."
            ),
        )
    }

    pub(crate) fn connecting(self, host: &str) -> String {
        self.pick(format!("Connecting to {host}…"), format!("Connessione a {host} in corso…"))
    }

    pub(crate) fn signing_in(self) -> &'static str {
        self.pick("Signing in…", "Accesso in corso…")
    }

    pub(crate) fn connected(self) -> &'static str {
        self.pick("Connected", "Connessione attiva")
    }

    pub(crate) fn disconnected(self) -> &'static str {
        self.pick("Disconnected. /connect connects again.", "Disconnesso. /connect per riconnetterti.")
    }

    pub(crate) fn closing(self) -> &'static str {
        self.pick("Leaving…", "Uscita in corso…")
    }

    pub(crate) fn loss(self, loss: &Loss, host: &str, port: u16) -> String {
        match loss {
            Loss::Unreachable(why) => {
                let why = reason(why);
                self.pick(
                    format!("Could not reach {host}:{port}: {why}. Check address and port."),
                    format!("Impossibile raggiungere {host}:{port}: {why}. Controlla indirizzo e porta."),
                )
            }
            Loss::Lost(why) => {
                let why = reason(why);
                self.pick(
                    format!("The connection is lost: {why}"),
                    format!("La connessione si è interrotta: {why}"),
                )
            }
            Loss::ServerClosed(why) => self.server_closed(why),
        }
    }

    pub(crate) fn server_closed(self, why: &str) -> String {
        let why = reason(why);
        let colon = if why.is_empty() { "" } else { ": " };
        self.pick(
            format!("The server has closed the connection{colon}{why}"),
            format!("Il server ha chiuso la connessione{colon}{why}"),
        )
    }

    pub(crate) fn offline(self, seconds: u64) -> String {
        self.pick(
            format!("Offline. Retrying in {seconds} s"),
            format!("Sei offline. Nuovo tentativo tra {seconds} s"),
        )
    }

    pub(crate) fn try_now(self) -> &'static str {
        self.pick("/connect tries now", "/connect riprova ora")
    }

    pub(crate) fn stopped(self, why: &StopReason, host: &str, port: u16) -> String {
        match why {
            StopReason::Quit => self.pick("You left.", "Hai lasciato la chat.").to_owned(),
            StopReason::Certificate { reason: why, fingerprint } => {
                let why = self.certificate_reason(why);
                let shown = fingerprint.as_deref().unwrap_or("?");
                self.pick(
                    format!(
                        "The server's certificate is not trusted ({why}). Nothing was sent. If it is the right one, trust it with --fingerprint {shown}"
                    ),
                    format!(
                        "Il certificato del server non è attendibile ({why}). Non è stato inviato nulla. Se è quello giusto, indicalo con --fingerprint {shown}"
                    ),
                )
            }
            StopReason::SignInRefused(why) => {
                let why = reason(why);
                self.pick(
                    format!("The sign-in was refused: {why}"),
                    format!("L'accesso è stato rifiutato: {why}"),
                )
            }
            StopReason::Banned(why) => {
                let why = reason(why);
                self.pick(
                    format!("The server does not let you in: {why}"),
                    format!("Il server non ti lascia entrare: {why}"),
                )
            }
            StopReason::Lost(loss) => self.loss(loss, host, port),
        }
    }

    fn certificate_reason(self, why: &str) -> String {
        let italian = match why {
            "signed by nobody this system trusts" => "non è firmato da nessuno di cui questo sistema si fidi",
            "expired" => "è scaduto",
            "not valid yet" => "non è ancora valido",
            "made for another name" => "è fatto per un altro nome",
            "not the one with the given fingerprint" => "non è quello con l'impronta indicata",
            other => other,
        };
        reason(self.pick(why, italian))
    }

    pub(crate) fn reconnected(self, new: usize) -> String {
        match new {
            0 => self.pick("Back online.", "Di nuovo online.").to_owned(),
            1 => self.pick("Back online. 1 new message", "Di nuovo online. 1 nuovo messaggio").to_owned(),
            n => self.pick(
                format!("Back online. {n} new messages"),
                format!("Di nuovo online. {n} nuovi messaggi"),
            ),
        }
    }

    pub(crate) fn joined(self, who: &str, room: Option<&str>) -> String {
        let who = name(who);
        match room.map(name) {
            None => self.pick(format!("{who} joined the room"), format!("{who} entra nella stanza")),
            Some(room) => self.pick(format!("{who} joined {room}"), format!("{who} entra in {room}")),
        }
    }

    pub(crate) fn you_joined(self, room: &str) -> String {
        let room = name(room);
        self.pick(format!("You are in {room}"), format!("Sei in {room}"))
    }

    pub(crate) fn you_left(self, room: &str) -> String {
        let room = name(room);
        self.pick(format!("You left {room}"), format!("Hai lasciato {room}"))
    }

    pub(crate) fn left(self, who: &str, kind: &LeaveKind, why: &str, room: Option<&str>) -> String {
        let (who, why) = (name(who), reason(why));
        let place = match room.map(name) {
            None => self.pick("the room".to_owned(), "la stanza".to_owned()),
            Some(room) => room,
        };
        let brackets = if why.is_empty() { String::new() } else { format!(" ({why})") };
        match kind {
            LeaveKind::Quit | LeaveKind::Part => {
                self.pick(format!("{who} left {place}{brackets}"), format!("{who} lascia {place}{brackets}"))
            }
            LeaveKind::Lost => {
                let brackets = if why.is_empty() { String::new() } else { format!(": {why}") };
                self.pick(
                    format!("{who} left {place} (connection lost{brackets})"),
                    format!("{who} lascia {place} (connessione interrotta{brackets})"),
                )
            }
            LeaveKind::Kicked { by } => {
                let by = name(by);
                self.pick(
                    format!("{who} was removed from {place} by {by}{brackets}"),
                    format!("{by} allontana {who} da {place}{brackets}"),
                )
            }
        }
    }

    pub(crate) fn renamed(self, from: &str, to: &str) -> String {
        let (from, to) = (name(from), name(to));
        self.pick(format!("{from} is now {to}"), format!("{from} ora è {to}"))
    }

    pub(crate) fn joined_short(self, who: &[String]) -> String {
        self.pick(format!("{} joined", who.join(", ")), format!("in arrivo: {}", who.join(", ")))
    }

    pub(crate) fn left_short(self, who: &[String]) -> String {
        self.pick(format!("{} left", who.join(", ")), format!("in uscita: {}", who.join(", ")))
    }

    pub(crate) fn and_more(self, count: usize) -> String {
        self.pick(format!("{count} more"), format!("altri {count}"))
    }

    pub(crate) fn topic_is(self, topic: &str) -> String {
        let topic = reason(topic);
        if topic.is_empty() {
            return self.pick("There is no topic", "Non c'è un argomento").to_owned();
        }
        self.pick(format!("Topic: {topic}"), format!("Argomento: {topic}"))
    }

    pub(crate) fn topic_changed(self, by: &str, topic: &str) -> String {
        let (by, topic) = (name(by), reason(topic));
        self.pick(format!("{by} changed the topic: {topic}"), format!("{by} cambia l'argomento: {topic}"))
    }

    pub(crate) fn modes_changed(self, by: &str, change: &str) -> String {
        let (by, change) = (name(by), reason(change));
        self.pick(format!("{by} set {change}"), format!("{by} imposta {change}"))
    }

    pub(crate) fn invited(self, by: &str, room: &str) -> String {
        let (by, room) = (name(by), name(room));
        self.pick(
            format!("{by} invites you to {room}: /join {room}"),
            format!("{by} ti invita in {room}: /join {room}"),
        )
    }

    pub(crate) fn gap(self) -> &'static str {
        self.pick(
            "Some messages are missing here. F5 loads them",
            "Mancano alcuni messaggi. F5 per caricarli",
        )
    }

    pub(crate) fn new_messages(self) -> &'static str {
        self.pick("New messages", "Nuovi messaggi")
    }

    pub(crate) fn start_of(self, target: &str) -> String {
        let target = name(target);
        self.pick(
            format!("This is the start of {target}. Say hello."),
            format!("Questo è l'inizio di {target}. Saluta tutti."),
        )
    }

    pub(crate) fn no_rooms(self) -> &'static str {
        self.pick(
            "You are not in a room yet. /rooms lists them, /join #room enters one.",
            "Non sei ancora in una stanza. /rooms le elenca, /join #stanza per entrare.",
        )
    }

    pub(crate) fn not_in_room(self) -> &'static str {
        self.pick("You are not in a room: /join #room", "Non sei in una stanza: /join #stanza")
    }

    pub(crate) fn queued(self) -> &'static str {
        self.pick("Will be sent when you are back online", "Verrà inviato quando tornerai online")
    }

    pub(crate) fn to_send(self, count: usize) -> String {
        self.pick(format!("{count} to send"), format!("{count} da inviare"))
    }

    pub(crate) fn outbox_full(self) -> &'static str {
        self.pick(
            "Not sent: too many messages wait already",
            "Non inviato: troppi messaggi sono già in attesa",
        )
    }

    pub(crate) fn fail_reason(self, why: &FailReason) -> String {
        match why {
            FailReason::Refused(text) => reason(text),
            FailReason::NoAnswer => {
                self.pick("the server does not answer", "il server non risponde").to_owned()
            }
            FailReason::Stale => self
                .pick("it was written more than an hour ago", "è stato scritto più di un'ora fa")
                .to_owned(),
        }
    }

    pub(crate) fn not_sent(self, why: &FailReason) -> String {
        let why = self.fail_reason(why);
        self.pick(format!("Not sent: {why}"), format!("Non inviato: {why}"))
    }

    pub(crate) fn retry_or_discard(self) -> &'static str {
        self.pick("/retry · /discard", "/retry · /discard")
    }

    pub(crate) fn unsent_lines(self, count: usize) -> String {
        match count {
            1 => self.pick("1 message was not sent", "1 messaggio non è stato inviato").to_owned(),
            n => self
                .pick(format!("{n} messages were not sent"), format!("{n} messaggi non sono stati inviati")),
        }
    }

    pub(crate) fn quit_question(self, count: usize) -> String {
        let messages = match count {
            1 => self.pick("1 message is not sent yet", "1 messaggio non è ancora stato inviato").to_owned(),
            n => self.pick(
                format!("{n} messages are not sent yet"),
                format!("{n} messaggi non sono ancora stati inviati"),
            ),
        };
        self.pick(
            format!("Quit? {messages}. /quit again quits."),
            format!("Uscire? {messages}. Ancora /quit per uscire."),
        )
    }

    pub(crate) fn many_lines_question(self, count: usize) -> String {
        self.pick(
            format!("These are {count} messages. Enter sends them, Esc goes back."),
            format!("Sono {count} messaggi. Invio li manda, Esc torna indietro."),
        )
    }

    pub(crate) fn failed(self, context: &str, text: &str) -> String {
        let (context, text) = (reason(context), reason(text));
        if context.is_empty() { text } else { format!("{context}: {text}") }
    }

    pub(crate) fn command_error(self, error: &CommandError) -> String {
        match error {
            CommandError::Empty => String::new(),
            CommandError::Unknown(command) => {
                let command = name(command);
                self.pick(
                    format!("There is no command /{command}. /help lists them; // says a slash."),
                    format!("Il comando /{command} non esiste. /help li elenca; // per dire una barra."),
                )
            }
            CommandError::Usage(usage) => {
                let usage = self.usage(usage);
                self.pick(format!("Write: {usage}"), format!("Scrivi: {usage}"))
            }
        }
    }

    pub(crate) fn not_online(self) -> &'static str {
        self.pick("That has to wait until you are online", "Bisogna aspettare di essere online")
    }

    pub(crate) fn already_online(self) -> &'static str {
        self.pick("You are connected", "La connessione è attiva")
    }

    pub(crate) fn members_are(self, room: &str, who: &[String]) -> String {
        let room = name(room);
        let (count, list) = (who.len(), who.join(" "));
        self.pick(format!("In {room} ({count}): {list}"), format!("In {room} ({count}): {list}"))
    }

    pub(crate) fn room_listed(self, room: &str, members: usize, topic: &str) -> String {
        let (room, topic) = (name(room), reason(topic));
        let people = match members {
            1 => self.pick("1 person", "1 persona").to_owned(),
            n => self.pick(format!("{n} people"), format!("{n} persone")),
        };
        if topic.is_empty() {
            format!("{room} · {people}")
        } else {
            format!("{room} · {people} · {topic}")
        }
    }

    pub(crate) fn account(self, account: Option<&str>, text: &str) -> String {
        let text = reason(text);
        match account.map(name) {
            Some(account) => {
                self.pick(format!("Account {account}: {text}"), format!("Account {account}: {text}"))
            }
            None => text,
        }
    }

    pub(crate) fn today(self) -> &'static str {
        self.pick("Today", "Oggi")
    }

    pub(crate) fn yesterday(self) -> &'static str {
        self.pick("Yesterday", "Ieri")
    }

    /// A weekday, counted from Monday as 0.
    pub(crate) fn weekday(self, day: usize) -> &'static str {
        const EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        const IT: [&str; 7] = ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"];
        self.pick(EN, IT)[day % 7]
    }

    /// A month, counted from January as 0.
    pub(crate) fn month(self, month: usize) -> &'static str {
        const EN: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        const IT: [&str; 12] = [
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ];
        self.pick(EN, IT)[month % 12]
    }

    pub(crate) fn rooms_title(self) -> &'static str {
        self.pick("Rooms", "Stanze")
    }

    pub(crate) fn people_title(self) -> &'static str {
        self.pick("People", "Persone")
    }

    pub(crate) fn members_title(self, count: usize) -> String {
        self.pick(format!("In the room: {count}"), format!("Presenti: {count}"))
    }

    pub(crate) fn lag(self, ms: u128) -> String {
        let tenths = ms / 100;
        let seconds =
            self.pick(format!("{}.{}", tenths / 10, tenths % 10), format!("{},{}", tenths / 10, tenths % 10));
        self.pick(format!("lag {seconds} s"), format!("ritardo {seconds} s"))
    }

    pub(crate) fn below(self, count: usize) -> String {
        match count {
            0 => self.pick("↓ End: latest", "↓ Fine: ultimi messaggi").to_owned(),
            n => self.pick(format!("↓ End: latest, {n} new"), format!("↓ Fine: ultimi messaggi, {n} nuovi")),
        }
    }

    pub(crate) fn switcher_title(self) -> &'static str {
        self.pick("Go to", "Vai a")
    }

    pub(crate) fn switcher_join(self, room: &str) -> String {
        self.pick(format!("Join {room}"), format!("Entra in {room}"))
    }

    pub(crate) fn switcher_message(self, who: &str) -> String {
        self.pick(format!("Message {who}"), format!("Scrivi a {who}"))
    }

    pub(crate) fn input_hint(self) -> &'static str {
        self.pick("Write a message · /help", "Scrivi un messaggio · /help")
    }

    pub(crate) fn too_small(self) -> &'static str {
        self.pick("The window is too small", "La finestra è troppo piccola")
    }

    pub(crate) fn cannot_start(self, error: &str) -> String {
        let error = line(error);
        self.pick(format!("cannot start: {error}"), format!("impossibile partire: {error}"))
    }

    pub(crate) fn no_terminal(self, error: &str) -> String {
        let error = line(error);
        self.pick(
            format!("the terminal cannot be used full screen ({error}); try --plain"),
            format!("il terminale non si può usare a tutto schermo ({error}); prova --plain"),
        )
    }

    /// One line for each command, and the keys of the full screen.
    pub(crate) fn help(self, keys: bool) -> Vec<String> {
        let mut lines: Vec<String> = crate::command::COMMANDS
            .iter()
            .map(|(command, arguments)| {
                let head = self.usage(&format!("/{command} {arguments}"));
                format!("{:<26} {}", head.trim_end(), self.command_help(command))
            })
            .collect();
        if keys {
            let keys = self.pick(
                [
                    "Tab completes · Up, Down: what you wrote · Alt-Enter: new line",
                    "Ctrl-K goes to a room or a person · Alt-Up, Alt-Down: next · Alt-A: next with news",
                    "PgUp, PgDn, End: scroll · Esc: to the end, all read · F5 loads what is missing",
                    "Ctrl-C clears what you wrote, then leaves",
                ],
                [
                    "Tab completa · Su, Giù: ciò che hai scritto · Alt-Invio: a capo",
                    "Ctrl-K va a una stanza o persona · Alt-Su, Alt-Giù: la prossima · Alt-A: la prossima con novità",
                    "Pag su, Pag giù, Fine: scorri · Esc: alla fine, tutto letto · F5 carica ciò che manca",
                    "Ctrl-C cancella ciò che hai scritto, poi esce",
                ],
            );
            lines.extend(keys.map(str::to_owned));
        }
        lines
    }

    /// A command with its arguments named in this language; the command itself stays.
    fn usage(self, usage: &str) -> String {
        const ITALIAN: [(&str, &str); 4] =
            [(" text", " testo"), (" name", " nome"), ("#room", "#stanza"), ("key", "chiave")];
        let Some((command, arguments)) = usage.split_once(' ').filter(|_| self == Self::Italian) else {
            return usage.to_owned();
        };
        let arguments = format!(" {arguments}").replace("[text]", "[testo]");
        let arguments =
            arguments.replace("device|all", "dispositivo|tutti").replace("old new", "vecchia nuova");
        let arguments =
            ITALIAN.iter().fold(arguments, |text, (english, italian)| text.replace(english, italian));
        format!("{command}{arguments}")
    }

    fn command_help(self, command: &str) -> &'static str {
        match command {
            "away" => self.pick("says that you are away, or back", "dice che sei via, o di ritorno"),
            "connect" => self.pick("connects, or tries at once", "connette, o riprova subito"),
            "devices" => {
                self.pick("lists the devices of your account", "elenca i dispositivi del tuo account")
            }
            "disconnect" => self.pick("goes offline and stays", "va offline e ci resta"),
            "discard" => {
                self.pick("gives up messages that were not sent", "rinuncia ai messaggi non inviati")
            }
            "help" => self.pick("shows this", "mostra questo"),
            "join" => self.pick("enters a room", "entra in una stanza"),
            "me" => self.pick("says what you do", "dice cosa fai"),
            "msg" => self.pick("writes to one person", "scrive a una persona"),
            "nick" => self.pick("changes your name", "cambia il tuo nome"),
            "part" => self.pick("leaves a room", "lascia una stanza"),
            "password" => self.pick(
                "changes the password; other devices are signed out",
                "cambia la password; gli altri dispositivi vengono scollegati",
            ),
            "query" => {
                self.pick("opens a conversation with one person", "apre una conversazione con una persona")
            }
            "quit" => self.pick("leaves the chat", "esce dalla chat"),
            "register" => self.pick("keeps your name for you", "riserva il tuo nome a te"),
            "retry" => self.pick("sends again what was not sent", "rimanda ciò che non è stato inviato"),
            "revoke" => {
                self.pick("signs a device out, or all others", "scollega un dispositivo, o tutti gli altri")
            }
            "rooms" => self.pick("lists the rooms", "elenca le stanze"),
            "topic" => self.pick("shows or changes the topic", "mostra o cambia l'argomento"),
            "who" => self.pick("lists who is in the room", "elenca chi è nella stanza"),
            "whois" => self.pick("tells about a person", "dice di più su una persona"),
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_explained_in_both_languages() {
        for language in [Language::English, Language::Italian] {
            for (command, _) in crate::command::COMMANDS {
                assert!(!language.command_help(command).is_empty(), "{command} in {language:?}");
            }
        }
    }

    #[test]
    fn arguments_are_named_in_the_language_and_commands_stay() {
        assert_eq!(Language::Italian.usage("/msg name text"), "/msg nome testo");
        assert_eq!(Language::Italian.usage("/part [#room] [text]"), "/part [#stanza] [testo]");
        assert_eq!(Language::Italian.usage("/join #room [key]"), "/join #stanza [chiave]");
        assert_eq!(Language::Italian.usage("/help "), "/help ");
        assert_eq!(Language::English.usage("/msg name text"), "/msg name text");
    }

    #[test]
    fn texts_of_peers_are_made_safe() {
        let text = Language::English.left("e\u{1b}vil", &LeaveKind::Quit, "\u{1b}[2Jbye", None);
        assert_eq!(text, "evil left the room ([2Jbye)");
    }

    #[test]
    fn a_server_that_closes_says_why() {
        assert_eq!(Language::English.server_closed("night"), "The server has closed the connection: night");
        assert_eq!(Language::Italian.server_closed(""), "Il server ha chiuso la connessione");
    }
}
