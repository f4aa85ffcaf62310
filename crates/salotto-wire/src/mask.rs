//! Masks with `*` and `?` (Modern IRC, "Wildcard Expressions").

/// Tells whether a mask covers a whole text: `*` stands for any run, `?` for one character, `\` takes the next literally.
///
/// Works without recursion, in time proportional to the product of the lengths at worst. Case counts;
/// fold both sides first.
pub fn matches(mask: &str, text: &str) -> bool {
    let mut mask_rest = mask;
    let mut text_rest = text;
    // Where to go on when the run that the last star covers has to be one character longer.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut mask_chars = mask_rest.chars();
        let mut text_chars = text_rest.chars();
        let (wanted, literal) = match mask_chars.next() {
            Some('\\') => match mask_chars.clone().next() {
                Some(next @ ('*' | '?' | '\\')) => {
                    mask_chars.next();
                    (Some(next), true)
                }
                _ => (Some('\\'), true),
            },
            other => (other, false),
        };
        if wanted == Some('*') && !literal {
            mask_rest = mask_chars.as_str();
            if mask_rest.is_empty() {
                return true;
            }
            retry = Some((mask_rest, text_rest));
            continue;
        }
        match (wanted, text_chars.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found || (wanted == '?' && !literal) => {
                mask_rest = mask_chars.as_str();
                text_rest = text_chars.as_str();
            }
            _ => {
                let Some((star_mask, star_text)) = retry else { return false };
                let mut chars = star_text.chars();
                if chars.next().is_none() {
                    return false;
                }
                mask_rest = star_mask;
                text_rest = chars.as_str();
                retry = Some((star_mask, text_rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_as_documented() {
        for (mask, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a?b", "acb"),
            ("a?b", "aàb"),
            ("a*b*c", "a1b2bc"),
            ("*!*@host.example", "anna!a@host.example"),
            ("**a**", "a"),
            ("a\\*", "a*"),
            ("\\?", "?"),
            ("*.example", "a.example.example"),
            ("a\\", "a\\"),
        ] {
            assert!(matches(mask, text), "{mask:?} {text:?}");
        }
        for (mask, text) in [
            ("", "a"),
            ("?", ""),
            ("a?b", "ab"),
            ("a\\*", "ab"),
            ("a*b", "abc"),
            ("*a", "b"),
            ("?", "ab"),
            ("abc", "ab"),
        ] {
            assert!(!matches(mask, text), "{mask:?} {text:?}");
        }
    }

    #[test]
    fn a_hostile_mask_is_not_slow() {
        let mask = "*a".repeat(200);
        let text = "b".repeat(2000);
        assert!(!matches(&mask, &text));
    }
}
