//! The input: a text, a cursor, and what was written before.

use std::collections::VecDeque;

use unicode_segmentation::UnicodeSegmentation;

/// The most texts that can be called back.
const HISTORY_MAX: usize = 100;
/// The most bytes the input takes; what is pasted beyond is cut off.
const TEXT_MAX: usize = 64 * 1024;

/// A text being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Editor {
    text: String,
    /// A byte offset, always between two characters as a person counts them.
    cursor: usize,
    /// How far back in history we are; 0 is what is being written.
    back: usize,
    draft: String,
}

/// The texts that were sent, newest last, shared by all conversations.
#[derive(Debug, Default)]
pub(crate) struct History {
    texts: VecDeque<String>,
}

impl History {
    /// Keeps a text; the same text twice in a row is kept once.
    pub(crate) fn add(&mut self, text: &str) {
        if text.trim().is_empty() || self.texts.back().is_some_and(|last| last == text) {
            return;
        }
        if self.texts.len() == HISTORY_MAX {
            self.texts.pop_front();
        }
        self.texts.push_back(text.to_owned());
    }
}

impl Editor {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the text and puts the cursor at its end.
    pub(crate) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.cursor = self.text.len();
    }

    /// Replaces the text and the cursor.
    pub(crate) fn set_with_cursor(&mut self, text: String, cursor: usize) {
        self.text = text;
        self.cursor = cursor.min(self.text.len());
    }

    /// Takes the text, leaving nothing.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Puts text in at the cursor, without control characters other than line breaks.
    pub(crate) fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        for c in text.chars().filter(|c| *c == '\n' || !c.is_control()) {
            if self.text.len() + c.len_utf8() > TEXT_MAX {
                break;
            }
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
        self.back = 0;
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.before();
    }

    pub(crate) fn right(&mut self) {
        self.cursor = self.after();
    }

    /// To the beginning of the line.
    pub(crate) fn home(&mut self) {
        self.cursor = self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1);
    }

    /// To the end of the line.
    pub(crate) fn end(&mut self) {
        self.cursor = self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at);
    }

    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_start();
    }

    pub(crate) fn word_right(&mut self) {
        let rest = &self.text[self.cursor..];
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |at| word + at);
        self.cursor += end;
    }

    pub(crate) fn backspace(&mut self) {
        let start = self.before();
        self.remove(start, self.cursor);
    }

    pub(crate) fn delete(&mut self) {
        let end = self.after();
        self.remove(self.cursor, end);
    }

    pub(crate) fn delete_word(&mut self) {
        let start = self.word_start();
        self.remove(start, self.cursor);
    }

    pub(crate) fn delete_to_start(&mut self) {
        let cursor = self.cursor;
        self.home();
        self.remove(self.cursor, cursor);
    }

    pub(crate) fn delete_to_end(&mut self) {
        let cursor = self.cursor;
        self.end();
        let end = self.cursor;
        self.remove(cursor, end);
    }

    /// To the line above, or to the text written before this one.
    pub(crate) fn up(&mut self, history: &History) {
        if self.back == 0 && self.text[..self.cursor].contains('\n') {
            return self.move_line(true);
        }
        if self.back < history.texts.len() {
            if self.back == 0 {
                self.draft = self.text.clone();
            }
            self.back += 1;
            self.recall(history);
        }
    }

    /// To the line below, or to the text written after this one.
    pub(crate) fn down(&mut self, history: &History) {
        if self.back == 0 {
            if self.text[self.cursor..].contains('\n') {
                self.move_line(false);
            }
            return;
        }
        self.back -= 1;
        self.recall(history);
    }

    fn recall(&mut self, history: &History) {
        let text = match self.back {
            0 => std::mem::take(&mut self.draft),
            back => history.texts.get(history.texts.len() - back).cloned().unwrap_or_default(),
        };
        self.set(&text);
    }

    fn move_line(&mut self, up: bool) {
        let cursor = self.cursor;
        self.home();
        let column = self.text[self.cursor..cursor].graphemes(true).count();
        if up {
            self.cursor = self.cursor.saturating_sub(1);
            self.home();
        } else {
            self.end();
            self.cursor = (self.cursor + 1).min(self.text.len());
        }
        let start = self.cursor;
        self.end();
        let line = &self.text[start..self.cursor];
        self.cursor = start + line.graphemes(true).take(column).map(str::len).sum::<usize>();
    }

    fn before(&self) -> usize {
        let last = self.text[..self.cursor].graphemes(true).next_back();
        self.cursor - last.map_or(0, str::len)
    }

    fn after(&self) -> usize {
        let next = self.text[self.cursor..].graphemes(true).next();
        self.cursor + next.map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let before = self.text[..self.cursor].trim_end();
        before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8))
    }

    fn remove(&mut self, start: usize, end: usize) {
        self.text.replace_range(start..end, "");
        self.cursor = start;
        self.back = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(text);
        editor
    }

    /// The text with `|` where the cursor is.
    fn show(editor: &Editor) -> String {
        let (before, after) = editor.text().split_at(editor.cursor());
        format!("{before}|{after}")
    }

    #[test]
    fn moves_and_deletes_by_what_a_person_calls_a_character() {
        let mut e = editor("a👩\u{200d}👧è");
        e.left();
        e.left();
        assert_eq!(show(&e), "a|👩\u{200d}👧è");
        e.delete();
        assert_eq!(show(&e), "a|è");
        e.backspace();
        e.backspace();
        assert_eq!(show(&e), "|è");
    }

    #[test]
    fn moves_and_deletes_by_words_and_lines() {
        let mut e = editor("one two  three");
        e.word_left();
        e.delete_word();
        assert_eq!(show(&e), "one |three");
        e.word_right();
        assert_eq!(show(&e), "one three|");
        e.home();
        e.word_right();
        e.delete_to_end();
        assert_eq!(show(&e), "one|");
        e.delete_to_start();
        assert_eq!(show(&e), "|");
    }

    #[test]
    fn walks_through_what_was_written_and_comes_back() {
        let mut history = History::default();
        for text in ["one", "two", "two", " "] {
            history.add(text);
        }
        let mut e = editor("draft");
        e.up(&history);
        assert_eq!(show(&e), "two|");
        e.up(&history);
        e.up(&history);
        assert_eq!(show(&e), "one|");
        e.down(&history);
        e.down(&history);
        assert_eq!(show(&e), "draft|");
        e.down(&history);
        assert_eq!(show(&e), "draft|");
    }

    #[test]
    fn several_lines_are_walked_first() {
        let mut history = History::default();
        history.add("old");
        let mut e = editor("long line\nab");
        e.up(&history);
        assert_eq!(show(&e), "lo|ng line\nab");
        e.down(&history);
        assert_eq!(show(&e), "long line\nab|");
        e.up(&history);
        e.up(&history);
        assert_eq!(show(&e), "old|");
    }

    #[test]
    fn what_is_pasted_cannot_act_on_the_terminal() {
        assert_eq!(editor("a\u{1b}[2J\tb\r\nc\rd\u{7}").text(), "a[2J    b\nc\nd");
        assert_eq!(editor(&"x".repeat(TEXT_MAX + 5)).text().len(), TEXT_MAX);
    }
}
