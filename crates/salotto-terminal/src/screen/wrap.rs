//! Breaking text into lines that fit.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Breaks a text at word ends into lines of at most `first` columns for the first and `rest` for the others.
///
/// A word that is longer than a line is broken between characters. Without text there is one empty line.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let mut room = first.max(1);
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        let bare_width = width(bare);
        if used > 0 && used + bare_width > room {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
            room = rest.max(1);
        }
        if bare_width > room {
            for grapheme in word.graphemes(true) {
                let columns = UnicodeWidthStr::width(grapheme);
                if used > 0 && used + columns > room {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                    room = rest.max(1);
                }
                line.push_str(grapheme);
                used += columns;
            }
        } else {
            line.push_str(word);
            used += width(word);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Cuts a text to a number of columns, with `…` where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += UnicodeWidthStr::width(grapheme);
        if used + 1 > columns {
            break;
        }
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_word_ends_and_never_exceeds() {
        for (text, first, rest, lines) in [
            ("", 5, 5, &[""][..]),
            ("one two three", 7, 7, &["one two", "three"][..]),
            ("one two three", 3, 9, &["one", "two three"][..]),
            ("abcdefgh", 3, 4, &["abc", "defg", "h"][..]),
            ("a abcdefgh", 4, 4, &["a", "abcd", "efgh"][..]),
            ("日本語 テスト", 6, 6, &["日本語", "テスト"][..]),
            ("日本語", 5, 5, &["日本", "語"][..]),
            ("👩\u{200d}👧👩\u{200d}👧", 3, 3, &["👩\u{200d}👧", "👩\u{200d}👧"][..]),
        ] {
            let wrapped = wrap(text, first, rest);
            assert_eq!(wrapped, lines, "{text:?}");
        }
    }

    #[test]
    fn cuts_with_a_mark() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("hello", 0), "");
    }
}
