//! CTCP, as far as a chat needs it: the `ACTION` of `/me`.

const DELIMITER: char = '\u{1}';

/// The text of an action, or `None` when a message is no `ACTION`. The closing delimiter may be missing.
pub fn action(text: &str) -> Option<&str> {
    let (name, body) = request(text)?;
    name.eq_ignore_ascii_case("ACTION").then_some(body)
}

/// The name and body of any CTCP request or reply.
pub fn request(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(DELIMITER)?;
    let inner = inner.strip_suffix(DELIMITER).unwrap_or(inner);
    let (name, body) = inner.split_once(' ').unwrap_or((inner, ""));
    (!name.is_empty()).then_some((name, body))
}

/// Wraps a text as an `ACTION`. Delimiters inside it are dropped.
pub fn to_action(text: &str) -> String {
    let body: String = text.chars().filter(|&c| c != DELIMITER).collect();
    format!("{DELIMITER}ACTION {body}{DELIMITER}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_goes_both_ways() {
        assert_eq!(action(&to_action("waves \u{1}at all")), Some("waves at all"));
        assert_eq!(action("\u{1}ACTION waves"), Some("waves"));
        assert_eq!(action("\u{1}action\u{1}"), Some(""));
    }

    #[test]
    fn other_texts_are_no_action() {
        assert_eq!(action("ACTION waves"), None);
        assert_eq!(action("\u{1}VERSION\u{1}"), None);
        assert_eq!(request("\u{1}VERSION\u{1}"), Some(("VERSION", "")));
        assert_eq!(request("\u{1}\u{1}"), None);
    }
}
