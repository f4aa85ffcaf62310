//! The formatting codes that many clients put in text: colours, bold, italics.

use std::borrow::Cow;

const COLOR: char = '\u{3}';
const HEX_COLOR: char = '\u{4}';

/// Takes all formatting out of a text: bold, italics, underline, strike, monospace, reverse, reset,
/// colours with their one or two numbers, and hex colours.
pub fn strip(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_code) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            COLOR => rest = skip_colors(rest, 1, 2, |b| b.is_ascii_digit()),
            HEX_COLOR => rest = skip_colors(rest, 6, 6, |b| b.is_ascii_hexdigit()),
            c if is_code(c) => {}
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

fn is_code(c: char) -> bool {
    matches!(c, '\u{2}' | '\u{3}' | '\u{4}' | '\u{f}' | '\u{11}' | '\u{16}' | '\u{1d}' | '\u{1e}' | '\u{1f}')
}

/// Skips a foreground and, after a comma, a background of `min` to `max` digits each.
fn skip_colors(text: &str, min: usize, max: usize, digit: impl Fn(u8) -> bool) -> &str {
    let run = |text: &str| {
        let len = text.bytes().take(max).take_while(|b| digit(*b)).count();
        if len >= min { len } else { 0 }
    };
    let foreground = run(text);
    let rest = &text[foreground..];
    if foreground == 0 {
        return rest;
    }
    match rest.strip_prefix(',') {
        Some(background) if run(background) > 0 => &background[run(background)..],
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn strips_every_code() {
        for (text, plain) in [
            ("plain à", "plain à"),
            ("\u{2}bold\u{2} \u{1d}it\u{1d}\u{f}", "bold it"),
            ("\u{3}4red", "red"),
            ("\u{3}04,12both", "both"),
            ("\u{3}123", "3"),
            ("\u{3}4,text", ",text"),
            ("\u{3},4", ",4"),
            ("\u{4}FF00aahex", "hex"),
            ("\u{4}FF00aa,00ff00hex", "hex"),
            ("\u{4}FFx", "FFx"),
            ("\u{3}", ""),
            ("\u{3}1à", "à"),
        ] {
            assert_eq!(strip(text), plain, "{text:?}");
        }
    }
}
