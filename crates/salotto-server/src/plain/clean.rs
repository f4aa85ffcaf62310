//! Text made fit for a terminal, on its way in and on its way out.

use std::borrow::Cow;

use salotto_wire::formatting;

use super::telnet::{ERASE_CHARACTER, ERASE_LINE, INTERRUPT};

const BACKSPACE: char = '\u{8}';
const ESCAPE: char = '\u{1b}';
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a person meant by a line: erased characters are gone, and so are arrow keys and other control characters.
///
/// `None` means that they pressed the interrupt key.
pub fn typed(line: &str) -> Option<Cow<'_, str>> {
    if line.ends_with(INTERRUPT) {
        return None;
    }
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    if !line.chars().any(char::is_control) {
        return Some(Cow::Borrowed(line.trim()));
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            BACKSPACE | ERASE_CHARACTER => drop(text.pop()),
            ERASE_LINE => text.clear(),
            ESCAPE => rest = after_key(rest),
            '\t' => text.push(' '),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    Some(Cow::Owned(text.trim().to_owned()))
}

/// Skips what a function key sends behind ESC: `[`, parameters and a final character, or `O` and one character.
fn after_key(mut rest: std::str::Chars<'_>) -> std::str::Chars<'_> {
    let before = rest.clone();
    match rest.next() {
        Some('[') => {
            let _ = rest.find(|c| matches!(c, '\u{40}'..='\u{7e}'));
            rest
        }
        Some('O') => {
            rest.next();
            rest
        }
        _ => before,
    }
}

/// What somebody else wrote, without anything that a terminal would obey.
pub fn shown(text: &str) -> Cow<'_, str> {
    let text = formatting::strip(text);
    if !text.chars().any(is_obeyed) {
        return text;
    }
    let kept = text.chars().filter_map(|c| match c {
        '\t' => Some(' '),
        c => (!is_obeyed(c)).then_some(c),
    });
    Cow::Owned(kept.collect())
}

/// C0, DEL and C1, and the line ends of Unicode.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_line_is_what_was_meant() {
        for (line, meant) in [
            ("  ciao ", "ciao"),
            ("\u{feff}anna", "anna"),
            ("anma\u{8}\u{8}na", "anna"),
            ("caffè\u{7f}é", "caffé"),
            ("\u{7f}a", "a"),
            ("wrong\u{15}right", "right"),
            ("ci\u{1b}[Da\u{1b}[1;5Co\u{1b}OP", "ciao"),
            ("a\u{1b}b\u{7}c\td", "abc d"),
            ("an\rna", "anna"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(typed(line).as_deref(), Some(meant), "{line:?}");
        }
    }

    #[test]
    fn the_interrupt_key_is_no_line() {
        assert_eq!(typed("half a line\0"), None);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        for (text, safe) in [
            ("città 😀", "città 😀"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("\u{1b}[2Jx\u{9b}31m", "[2Jx31m"),
            ("\u{3}4,5red\u{f} \u{2}bold", "red bold"),
            ("a\tb\u{2028}c\u{7f}", "a bc"),
        ] {
            assert_eq!(shown(text), safe, "{text:?}");
        }
    }
}
