//! Every figure that a run gives: its name, its unit, which way is better, and what it says.

use crate::text::Language;

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The higher the better.
    Higher,
    /// The lower the better.
    Lower,
    /// A circumstance of the run.
    Neither,
}

/// What a figure means.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The name in tables and JSON. The unit, where there is one, ends it.
    pub name: &'static str,
    /// Which way is better.
    pub better: Better,
    english: &'static str,
    italian: &'static str,
}

impl Meaning {
    /// The sentence for people.
    pub fn text(&self, language: Language) -> &'static str {
        language.choose(self.english, self.italian)
    }
}

const fn meaning(
    name: &'static str,
    better: Better,
    english: &'static str,
    italian: &'static str,
) -> Meaning {
    Meaning { name, better, english, italian }
}

/// Finds the meaning of a figure.
pub fn meaning_of(name: &str) -> Option<&'static Meaning> {
    // Phases of a scenario put their name and a point in front.
    let name = name.rsplit('.').next().unwrap_or(name);
    MEANINGS.iter().find(|meaning| meaning.name == name)
}

use Better::{Higher, Lower, Neither};

/// All figures, in the order of docs/performance.md.
pub const MEANINGS: &[Meaning] = &[
    meaning(
        "messages_per_s",
        Higher,
        "messages that all other members have",
        "messaggi arrivati a tutti gli altri",
    ),
    meaning("deliveries_per_s", Higher, "messages times their readers", "messaggi per i loro lettori"),
    meaning(
        "deliveries_per_server_cpu_s",
        Higher,
        "deliveries for each CPU second of the server",
        "consegne per ogni secondo di CPU del server",
    ),
    meaning(
        "server_cpu_s_per_million",
        Lower,
        "CPU seconds of the server for a million deliveries",
        "secondi di CPU del server per un milione di consegne",
    ),
    meaning("server_cpu_pct", Neither, "server's CPU, 100 = one core", "CPU del server, 100 = un core"),
    meaning("client_cpu_pct", Neither, "client's CPU, 100 = one core", "CPU del client, 100 = un core"),
    meaning("other_cpu_pct", Neither, "everything else's CPU", "CPU di tutto il resto"),
    meaning(
        "deliveries_per_read",
        Neither,
        "messages in one read of the client",
        "messaggi in una lettura del client",
    ),
    meaning(
        "achieved_rate",
        Higher,
        "messages a second that all have",
        "messaggi al secondo arrivati a tutti",
    ),
    meaning(
        "p50_ms",
        Lower,
        "half of the deliveries took at most",
        "metà delle consegne ha impiegato al più",
    ),
    meaning(
        "p99_ms",
        Lower,
        "99 of 100 deliveries took at most",
        "99 consegne su 100 hanno impiegato al più",
    ),
    meaning(
        "p999_ms",
        Lower,
        "999 of 1000 deliveries took at most",
        "999 consegne su 1000 hanno impiegato al più",
    ),
    meaning("max_ms", Lower, "the slowest took", "la più lenta ha impiegato"),
    meaning(
        "all_have_p50_ms",
        Lower,
        "half of the messages were with all after",
        "metà dei messaggi era da tutti dopo",
    ),
    meaning(
        "all_have_p99_ms",
        Lower,
        "99 of 100 messages were with all after",
        "99 messaggi su 100 erano da tutti dopo",
    ),
    meaning(
        "client_lag_p99_ms",
        Neither,
        "99 of 100 messages left at most so late",
        "99 messaggi su 100 partiti con al più questo ritardo",
    ),
    meaning(
        "client_lag_max_ms",
        Neither,
        "the latest message left so late",
        "il messaggio partito più tardi",
    ),
    meaning("lost", Lower, "deliveries that never came", "consegne mai arrivate"),
    meaning("repeated", Lower, "deliveries that came again", "consegne arrivate più volte"),
    meaning(
        "out_of_order",
        Lower,
        "came after a later one of the same sender",
        "arrivate dopo una successiva dello stesso mittente",
    ),
    meaning("damaged", Lower, "lines with bytes that nobody sent", "righe con byte che nessuno ha inviato"),
    meaning(
        "order_across_senders",
        Neither,
        "order of all messages, member by member",
        "ordine di tutti i messaggi, membro per membro",
    ),
    meaning("closed", Lower, "connections that the server ended", "connessioni chiuse dal server"),
    meaning("sent", Neither, "messages sent, warm-up included", "messaggi inviati, con il riscaldamento"),
    meaning("gather_s", Lower, "until all were in their rooms", "finché tutti erano nelle stanze"),
    meaning(
        "connect_s",
        Lower,
        "until all were registered and in their rooms",
        "finché tutti erano registrati e nelle stanze",
    ),
    meaning(
        "registrations_per_s",
        Higher,
        "members a second, registered and in a room",
        "membri al secondo, registrati e in una stanza",
    ),
    meaning(
        "registration_p50_ms",
        Lower,
        "half of the registrations took at most",
        "metà delle registrazioni ha impiegato al più",
    ),
    meaning(
        "registration_p99_ms",
        Lower,
        "99 of 100 registrations took at most",
        "99 registrazioni su 100 hanno impiegato al più",
    ),
    meaning(
        "server_cpu_ms_per_registration",
        Lower,
        "CPU of the server for one member",
        "CPU del server per un membro",
    ),
    meaning(
        "slow_registrations",
        Lower,
        "registrations that took over a second",
        "registrazioni durate oltre un secondo",
    ),
    meaning(
        "connect_retries",
        Lower,
        "connections reset before the server spoke",
        "connessioni annullate prima che il server parlasse",
    ),
    meaning("rss_before_bytes", Lower, "resident memory before", "memoria residente prima"),
    meaning("rss_after_bytes", Lower, "resident memory after", "memoria residente dopo"),
    meaning("rss_peak_bytes", Lower, "the most resident memory", "memoria residente massima"),
    meaning(
        "bytes_per_connection",
        Lower,
        "resident memory for each connection",
        "memoria residente per connessione",
    ),
    meaning(
        "idle_server_cpu_pct",
        Lower,
        "server's CPU while nobody speaks",
        "CPU del server mentre nessuno parla",
    ),
    meaning(
        "held_to_the_end",
        Higher,
        "connections that were there at the end",
        "connessioni presenti alla fine",
    ),
    meaning(
        "cycles_per_s",
        Higher,
        "connect, register, join, quit",
        "connessione, registrazione, ingresso, uscita",
    ),
    meaning(
        "server_cpu_ms_per_cycle",
        Lower,
        "CPU of the server for one cycle",
        "CPU del server per un ciclo",
    ),
    meaning(
        "unexpected_closes",
        Lower,
        "connections that ended before they quit",
        "connessioni finite prima dell'uscita",
    ),
    meaning(
        "sequence_s",
        Lower,
        "until the last notice of a join was delivered",
        "finché l'ultimo avviso d'ingresso è arrivato",
    ),
    meaning(
        "joins_per_s",
        Higher,
        "members a second, one after the other",
        "membri al secondo, uno dopo l'altro",
    ),
    meaning("notices", Neither, "notices of joins that are due", "avvisi d'ingresso dovuti"),
    meaning("notices_per_s", Higher, "notices of joins delivered", "avvisi d'ingresso consegnati"),
    meaning("notices_missing", Lower, "notices of joins that never came", "avvisi d'ingresso mai arrivati"),
    meaning(
        "notices_tail_ms",
        Lower,
        "from the last join to the last notice",
        "dall'ultimo ingresso all'ultimo avviso",
    ),
    meaning(
        "server_cpu_ms_per_join",
        Lower,
        "CPU of the server for one member",
        "CPU del server per un membro",
    ),
    meaning(
        "stopped_disconnected",
        Neither,
        "was the silent reader cut off",
        "chi non leggeva è stato scollegato",
    ),
    meaning("disconnected_after_s", Neither, "after it stopped reading", "da quando ha smesso di leggere"),
    meaning(
        "messages_while_stopped",
        Neither,
        "messages while it did not read",
        "messaggi mentre non leggeva",
    ),
    meaning("of_these_received_later", Neither, "of these, read afterwards", "di questi, letti dopo"),
    meaning("best_rate", Higher, "messages a second that it can bear", "messaggi al secondo che regge"),
    meaning("asked_rate", Neither, "messages a second that were meant", "messaggi al secondo previsti"),
    meaning("sent_rate", Neither, "messages a second that were sent", "messaggi al secondo inviati"),
    meaning(
        "held_back",
        Neither,
        "messages held back: earlier ones were not taken",
        "messaggi trattenuti: i precedenti non erano stati presi",
    ),
    meaning(
        "goodput_ratio",
        Higher,
        "what arrives under too much load, of the best",
        "ciò che arriva sotto troppo carico, rispetto al meglio",
    ),
    meaning(
        "p99_ratio",
        Lower,
        "p99 with those who stopped, of that without",
        "p99 con chi si è fermato, rispetto a senza",
    ),
    meaning(
        "rss_per_stopped_bytes",
        Lower,
        "resident memory for each who stopped",
        "memoria residente per chi si è fermato",
    ),
    meaning("stopped_for_s", Neither, "so long they did not read", "per questo tempo non hanno letto"),
    meaning(
        "caught_up_s",
        Lower,
        "until all who stopped had the rest",
        "finché chi si era fermato ha avuto il resto",
    ),
    meaning(
        "prepared_s",
        Neither,
        "until all had accounts and were in their rooms",
        "finché tutti avevano account e stanza",
    ),
    meaning(
        "all_back_s",
        Lower,
        "until the last one was back and had everything",
        "finché l'ultimo era tornato e aveva tutto",
    ),
    meaning("people_back", Higher, "people who were back and had everything", "persone tornate e con tutto"),
    meaning("back_p50_s", Lower, "half of them were back after", "metà era tornata dopo"),
    meaning("back_p99_s", Lower, "99 of 100 were back after", "99 su 100 erano tornati dopo"),
    meaning("by_token", Neither, "sign-ins by a device's token", "accessi con il token di un dispositivo"),
    meaning("by_password", Neither, "sign-ins by password", "accessi con password"),
    meaning(
        "pages_put_off",
        Lower,
        "pages of history to be asked for again",
        "pagine di storia da richiedere di nuovo",
    ),
    meaning("reconnects", Lower, "attempts beyond the first", "tentativi oltre il primo"),
    meaning("guesses_per_s", Neither, "wrong passwords tried", "password errate provate"),
    meaning("guesses_answered_per_s", Neither, "wrong passwords answered", "password errate con risposta"),
    meaning(
        "guesses_put_off",
        Neither,
        "of these, put off without a check",
        "di queste, rimandate senza verifica",
    ),
    meaning(
        "guesses_unanswered",
        Neither,
        "wrong passwords without an answer",
        "password errate senza risposta",
    ),
    meaning("signed_in", Higher, "honest sign-ins", "accessi onesti"),
    meaning("put_off", Lower, "honest sign-ins told to try again", "accessi onesti da ritentare"),
    meaning("not_signed_in", Lower, "honest sign-ins that failed", "accessi onesti falliti"),
    meaning("pages_per_s", Higher, "pages of history", "pagine di storia"),
    meaning("messages_per_page", Neither, "messages in a page", "messaggi in una pagina"),
    meaning("load_average", Neither, "the machine's load at the start", "carico della macchina all'inizio"),
    meaning(
        "files_before",
        Lower,
        "open files of the server, at the start",
        "file aperti del server, all'inizio",
    ),
    meaning(
        "files_after",
        Lower,
        "open files of the server, at the end",
        "file aperti del server, alla fine",
    ),
    meaning("threads_before", Lower, "threads of the server, at the start", "thread del server, all'inizio"),
    meaning("threads_after", Lower, "threads of the server, at the end", "thread del server, alla fine"),
    meaning("visits", Neither, "people who came and went", "persone venute e andate"),
    meaning("pages", Neither, "pages of history read", "pagine di storia lette"),
    meaning(
        "messages_to_visitors",
        Neither,
        "messages heard and read by them",
        "messaggi sentiti e letti da loro",
    ),
    meaning("stalls", Neither, "pauses without reading", "pause senza lettura"),
    meaning("stuck", Lower, "visits that did not get to their end", "visite non arrivate alla fine"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_figure_is_named_twice_or_without_words() {
        for (at, meaning) in MEANINGS.iter().enumerate() {
            assert!(MEANINGS[..at].iter().all(|earlier| earlier.name != meaning.name), "{}", meaning.name);
            for language in [Language::English, Language::Italian] {
                assert!(!meaning.text(language).is_empty(), "{}", meaning.name);
            }
        }
    }

    #[test]
    fn the_figures_of_a_phase_mean_the_same() {
        let meaning = meaning_of("one_stopped.p99_ms").expect("known");
        assert_eq!((meaning.name, meaning.better), ("p99_ms", Better::Lower));
    }
}
