//! Making text from the network safe to show.

use salotto_wire::formatting;

/// Takes out of a text what could act on the terminal or mislead its reader.
///
/// Formatting codes go; control characters become nothing, tabs and line breaks a space; marks that
/// turn the direction of writing and invisible characters that only disguise go.
pub(crate) fn line(text: &str) -> String {
    formatting::strip(text).chars().filter_map(visible).collect()
}

/// Cuts a name or a reason that is longer than anybody needs, after [`line()`].
pub(crate) fn short(text: &str, chars_max: usize) -> String {
    let clean = line(text);
    match clean.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

fn visible(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => None,
        '\u{061c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_could_act_on_it() {
        for (text, shown) in [
            ("plain à 😀", "plain à 😀"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}hi", "[2J]0;titlehi"),
            ("\u{9b}31mred", "31mred"),
            ("a\tb\r\nc", "a b  c"),
            ("\u{202e}gnp.exe\u{2066}", "gnp.exe"),
            ("\u{2}bold\u{3}4,5red\u{7f}", "boldred"),
            ("👩\u{200d}👧", "👩\u{200d}👧"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
        }
        assert_eq!(short("abcdef", 3), "abc…");
        assert_eq!(short("àbc", 3), "àbc");
    }
}
