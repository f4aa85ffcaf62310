//! The server's own reasons for closing a connection, which others are told.

use super::Tongue;

/// Whole reasons, in English and Italian.
const WHOLE: [(&str, &str); 12] = [
    ("closed by the client", "chiusa dall'altra parte"),
    ("connection reset", "interrotta dall'altra parte"),
    ("ping timeout", "nessuna risposta"),
    ("registration timeout", "nessun nome in tempo"),
    ("not reading", "non legge"),
    ("send queue exceeded", "non legge abbastanza in fretta"),
    ("bad server password", "password del server sbagliata"),
    ("too many wrong passwords", "troppe password sbagliate"),
    ("this is not a web server", "questo non è un server web"),
    ("replaced", "sostituita da una più recente"),
    (SERVER_LOST, "il suo server non risponde più"),
    ("stopped by its operator", "fermato da chi lo gestisce"),
];

/// What is told where one of several servers is lost.
pub(super) const SERVER_LOST: &str = "server lost";

/// How reasons begin that end with what the system said.
const BEGINNINGS: [(&str, &str); 3] = [
    ("read error: ", "errore di lettura: "),
    ("write error: ", "errore di scrittura: "),
    ("TLS error: ", "errore TLS: "),
];

/// A reason in a language; one that is not known is told as it is.
pub(super) fn say(reason: &str, tongue: Tongue) -> String {
    if tongue == Tongue::English {
        return reason.to_owned();
    }
    if let Some((_, italian)) = WHOLE.iter().find(|(english, _)| *english == reason) {
        return (*italian).to_owned();
    }
    BEGINNINGS
        .iter()
        .find_map(|(english, italian)| Some(format!("{italian}{}", reason.strip_prefix(english)?)))
        .unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_reasons_are_translated_and_others_told() {
        for (reason, italian) in [
            ("connection reset", "interrotta dall'altra parte"),
            ("read error: timed out", "errore di lettura: timed out"),
            ("maintenance", "maintenance"),
        ] {
            assert_eq!(say(reason, Tongue::Italian), italian);
            assert_eq!(say(reason, Tongue::English), reason);
        }
    }
}
