//! Going to a room or a person by a few letters (Ctrl-K).

use salotto_client::{Client, Conversation};

use crate::command::room_name;
use crate::screen::editor::Editor;

/// The most rows that are offered.
const ROWS_MAX: usize = 24;

/// The switcher while it is open.
#[derive(Debug, Default)]
pub(crate) struct Switcher {
    pub(crate) editor: Editor,
    pub(crate) chosen: usize,
}

/// Where the switcher leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A conversation that is there.
    Conversation(String),
    /// A room to enter.
    Join(String),
    /// A person to write to.
    Message(String),
}

impl Switcher {
    /// What fits the text: unread first, then the most recent; something to join or to begin if nothing does.
    pub(crate) fn rows(&self, client: &Client, current: Option<&str>, recent: &[String]) -> Vec<Destination> {
        let text = self.editor.text().trim().to_lowercase();
        let recency = |c: &Conversation| recent.iter().rposition(|r| r == c.name()).map_or(0, |at| at + 1);
        let mut found: Vec<(u8, &Conversation)> = client
            .conversations()
            .filter(|c| current.is_none_or(|here| !client.same_name(here, c.name())))
            .filter_map(|c| Some((rank(&c.name().to_lowercase(), &text)?, c)))
            .collect();
        found.sort_by_key(|(rank, c)| {
            let newest = std::cmp::Reverse((c.mentions() > 0, c.unread() > 0, recency(c)));
            (*rank, newest, c.name().to_lowercase())
        });
        let mut rows: Vec<Destination> = found
            .into_iter()
            .map(|(_, c)| Destination::Conversation(c.name().to_owned()))
            .take(ROWS_MAX)
            .collect();
        let word = self.editor.text().split_whitespace().next().unwrap_or_default();
        if rows.is_empty() && !word.is_empty() && !word.starts_with('/') {
            rows.push(Destination::Join(room_name(word)));
            if !word.starts_with('#') {
                rows.push(Destination::Message(word.to_owned()));
            }
        }
        rows
    }

    /// Moves the choice, around at the ends.
    pub(crate) fn step(&mut self, rows: usize, up: bool) {
        if rows > 0 {
            self.chosen = (self.chosen.min(rows - 1) + if up { rows - 1 } else { 1 }) % rows;
        }
    }
}

/// How well a name fits: exact, beginning, middle, letters in order; `None` when it does not.
fn rank(name: &str, text: &str) -> Option<u8> {
    let bare = name.trim_start_matches('#');
    let wanted = text.trim_start_matches('#');
    if text.starts_with('#') && !name.starts_with('#') {
        return None;
    }
    if wanted.is_empty() {
        return Some(1);
    }
    if bare == wanted {
        Some(0)
    } else if bare.starts_with(wanted) {
        Some(1)
    } else if bare.contains(wanted) {
        Some(2)
    } else {
        let mut letters = bare.chars();
        wanted.chars().all(|w| letters.any(|l| l == w)).then_some(3)
    }
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn the_better_match_comes_first() {
        for (name, text, expected) in [
            ("#tea", "", Some(1)),
            ("#tea", "tea", Some(0)),
            ("#teapot", "#tea", Some(1)),
            ("#green-tea", "tea", Some(2)),
            ("#green-tea", "gt", Some(3)),
            ("#green-tea", "tg", None),
            ("tea", "#tea", None),
        ] {
            assert_eq!(rank(name, text), expected, "{name} {text}");
        }
    }
}
