//! Completing names, rooms and commands.

use salotto_client::{Client, Conversation, RowKind};

use crate::command::COMMANDS;
use crate::sanitise::line;
use crate::screen::editor::Editor;

/// A completion under way: Tab goes on, Shift-Tab back, Esc undoes.
#[derive(Debug)]
pub(crate) struct Completion {
    typed: String,
    typed_cursor: usize,
    start: usize,
    candidates: Vec<String>,
    chosen: usize,
}

impl Completion {
    /// Begins to complete the word before the cursor; `None` when nothing fits.
    pub(crate) fn begin(editor: &mut Editor, client: &Client, current: Option<&str>) -> Option<Self> {
        let typed = editor.text().to_owned();
        let typed_cursor = editor.cursor();
        let start = typed[..typed_cursor]
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
        let word = &typed[start..typed_cursor];
        let candidates = candidates(word, start == 0, client, current);
        if candidates.is_empty() {
            return None;
        }
        let completion = Self { typed, typed_cursor, start, candidates, chosen: 0 };
        completion.show(editor);
        Some(completion)
    }

    /// Goes to the next candidate, or to the one before.
    pub(crate) fn turn(&mut self, editor: &mut Editor, back: bool) {
        let count = self.candidates.len();
        self.chosen = (self.chosen + if back { count - 1 } else { 1 }) % count;
        self.show(editor);
    }

    /// Puts back exactly what was typed.
    pub(crate) fn undo(self, editor: &mut Editor) {
        editor.set_with_cursor(self.typed, self.typed_cursor);
    }

    fn show(&self, editor: &mut Editor) {
        let candidate = &self.candidates[self.chosen];
        let text = format!("{}{candidate}{}", &self.typed[..self.start], &self.typed[self.typed_cursor..]);
        editor.set_with_cursor(text, self.start + candidate.len());
    }
}

fn candidates(word: &str, at_start: bool, client: &Client, current: Option<&str>) -> Vec<String> {
    if let Some(command) = word.strip_prefix('/').filter(|_| at_start) {
        let fits = COMMANDS.iter().filter(|(name, _)| name.starts_with(command));
        return fits.map(|(name, _)| format!("/{name} ")).collect();
    }
    if word.starts_with('#') {
        let rooms = client.conversations().map(Conversation::name).filter(|name| starts(name, word));
        return rooms.map(|name| format!("{} ", line(name))).collect();
    }
    let prefix = word.strip_prefix('@').unwrap_or(word);
    if prefix.is_empty() && !word.starts_with('@') {
        return Vec::new();
    }
    let Some(conversation) = current.and_then(|target| client.conversation(target)) else {
        return Vec::new();
    };
    let suffix = if at_start { ": " } else { " " };
    let mut names: Vec<(usize, &str)> = conversation
        .members()
        .map(|m| m.name.as_str())
        .filter(|name| starts(name, prefix) && !client.same_name(name, client.name()))
        .map(|name| (last_spoke(conversation, client, name), name))
        .collect();
    names.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.to_lowercase().cmp(&b.1.to_lowercase())));
    names.into_iter().map(|(_, name)| format!("{}{suffix}", line(name))).collect()
}

fn starts(name: &str, prefix: &str) -> bool {
    name.to_lowercase().starts_with(&prefix.to_lowercase())
}

/// How many rows ago somebody spoke; very many for who has not.
fn last_spoke(conversation: &Conversation, client: &Client, name: &str) -> usize {
    /// Who spoke longer ago counts as silent.
    const LOOK_BACK: usize = 200;
    conversation
        .timeline()
        .rows()
        .iter()
        .rev()
        .take(LOOK_BACK)
        .position(|row| matches!(&row.kind, RowKind::Message(m) if client.same_name(&m.sender, name)))
        .unwrap_or(usize::MAX)
}
