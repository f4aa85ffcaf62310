//! Text from people, kept within bounds.

/// The longest beginning of a text that has at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
