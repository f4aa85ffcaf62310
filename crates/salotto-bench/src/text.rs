//! The sentences for people, in English and Italian.

use std::env;
use std::fmt::Display;

/// A language of the output. Names of figures and the JSON file are the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, also for every language that is not here.
    English,
    /// Italian.
    Italian,
}

impl Language {
    /// Chooses by the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set.
    pub fn from_environment() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
            .unwrap_or_default();
        Self::from_locale(&locale)
    }

    /// Chooses by a locale's name such as `it_IT.UTF-8`.
    pub fn from_locale(locale: &str) -> Self {
        match locale.split(['_', '.', '@', '-']).next() {
            Some("it") => Self::Italian,
            _ => Self::English,
        }
    }

    fn pick<'a>(self, english: &'a str, italian: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }

    /// Chooses between a sentence's two versions.
    pub fn choose<T>(self, english: T, italian: T) -> T {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }

    /// Heads the table of one run.
    pub fn heading(self, scenario: &str, server: impl Display) -> String {
        match self {
            Self::English => format!("{scenario} against {server}"),
            Self::Italian => format!("{scenario} contro {server}"),
        }
    }

    /// Heads the comparison.
    pub fn comparison(self, scenario: &str, runs: usize) -> String {
        match self {
            Self::English => format!("{scenario}: medians of {runs} runs (lowest - highest)"),
            Self::Italian => format!("{scenario}: mediane di {runs} prove (minimo - massimo)"),
        }
    }

    /// Heads the ratios of a comparison.
    pub fn ratios(self, to: &str) -> String {
        match self {
            Self::English => format!("ratio to {to}"),
            Self::Italian => format!("rapporto con {to}"),
        }
    }

    /// Announces a run of a comparison.
    pub fn run_begins(self, run: usize, runs: usize, server: &str) -> String {
        match self {
            Self::English => format!("run {run} of {runs}: {server}"),
            Self::Italian => format!("prova {run} di {runs}: {server}"),
        }
    }

    /// Introduces a warning.
    pub fn warning(self) -> &'static str {
        self.pick("warning", "attenzione")
    }

    /// Introduces a fault.
    pub fn fault(self) -> &'static str {
        self.pick("FAULT", "GUASTO")
    }

    /// Says that the client used up its core.
    pub fn client_is_limit(self, percent: f64) -> String {
        match self {
            Self::English => {
                format!(
                    "the client used {percent:.0} % of a core: the server could do more than these figures say"
                )
            }
            Self::Italian => {
                format!(
                    "il client ha usato il {percent:.0} % di un core: il server può fare più di quanto qui si legge"
                )
            }
        }
    }

    /// Says that the client sent late.
    pub fn client_is_late(self, lag_ms: f64) -> String {
        match self {
            Self::English => {
                format!(
                    "one message in a hundred left the client {lag_ms:.1} ms late or later: part of the latency is the client's"
                )
            }
            Self::Italian => {
                format!(
                    "un messaggio su cento è partito dal client con {lag_ms:.1} ms di ritardo o più: parte della latenza è del client"
                )
            }
        }
    }

    /// Says that CPU and memory of the server are missing.
    pub fn no_pid(self) -> &'static str {
        self.pick(
            "without --pid the server's CPU time and memory are not known",
            "senza --pid il tempo di CPU e la memoria del server non sono noti",
        )
    }

    /// Says that the server had other work at the start.
    pub fn was_not_calm(self) -> &'static str {
        self.pick(
            "the server was busy before the run began",
            "il server era occupato prima dell'inizio della prova",
        )
    }

    /// Says that the server's memory did not grow because it had grown before.
    pub fn memory_was_there(self) -> &'static str {
        self.pick(
            "the server held more memory before than now: start it afresh to see what a connection costs",
            "il server aveva già avuto più memoria di ora: va riavviato per vedere quanto costa una connessione",
        )
    }

    /// Asks for the restart that a scenario waits for.
    pub fn restart_now(self) -> &'static str {
        self.pick("ready: restart the server now", "pronto: riavviare ora il server")
    }

    /// Says that not everybody came back.
    pub fn not_all_back(self, back: usize, people: usize, complaint: &str) -> String {
        match self {
            Self::English => format!("only {back} of {people} came back: {complaint}"),
            Self::Italian => format!("sono tornati solo in {back} su {people}: {complaint}"),
        }
    }

    /// Says that the run stood still.
    pub fn stalled(self, seconds: u64) -> String {
        match self {
            Self::English => format!("nothing arrived for {seconds} s: the run was ended"),
            Self::Italian => format!("per {seconds} s non è arrivato nulla: la prova è stata interrotta"),
        }
    }

    /// Says that a count that must be zero is not.
    pub fn must_be_zero(self, figure: &str, count: u64) -> String {
        match self {
            Self::English => format!("{figure} is {count}, and must be 0"),
            Self::Italian => format!("{figure} è {count}, e deve essere 0"),
        }
    }

    /// The result about the order across senders.
    pub fn total_order(self, other: u64, compared: u64) -> String {
        match (self, other) {
            (Self::English, 0) => "one for all".to_owned(),
            (Self::Italian, 0) => "uno per tutti".to_owned(),
            (Self::English, _) => format!("{other} of {compared} saw another"),
            (Self::Italian, _) => format!("{other} di {compared} ne hanno visto un altro"),
        }
    }

    /// The result about the order across senders when it cannot be told.
    pub fn not_comparable(self) -> &'static str {
        self.pick("not comparable", "non confrontabile")
    }

    /// Yes or no.
    pub fn yes_no(self, yes: bool) -> &'static str {
        if yes { self.pick("yes", "sì") } else { self.pick("no", "no") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_the_language() {
        for (locale, language) in [
            ("it_IT.UTF-8", Language::Italian),
            ("it", Language::Italian),
            ("it-CH", Language::Italian),
            ("en_GB.UTF-8", Language::English),
            ("C", Language::English),
            ("italics", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::from_locale(locale), language, "{locale}");
        }
    }
}
