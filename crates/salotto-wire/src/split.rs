//! Cutting a long text into pieces that fit a line.

/// Cuts a text into pieces of at most `bytes_max` bytes, at word ends where that is possible.
///
/// The space at a cut is dropped. A word longer than the budget is cut between characters. Line
/// breaks in the text always cut. A budget below 4 bytes counts as 4, the longest character.
pub fn split_text(text: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    text.lines().flat_map(move |line| Pieces { rest: line, bytes_max: bytes_max.max(4) })
}

struct Pieces<'a> {
    rest: &'a str,
    bytes_max: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        if self.rest.len() <= self.bytes_max {
            return Some(std::mem::take(&mut self.rest));
        }
        let mut cut = self.bytes_max;
        while !self.rest.is_char_boundary(cut) {
            cut -= 1;
        }
        // A space right at the cut also ends a word.
        let word_end =
            if self.rest[cut..].starts_with(' ') { Some(cut) } else { self.rest[..cut].rfind(' ') };
        match word_end.filter(|&end| !self.rest[..end].trim().is_empty()) {
            Some(end) => {
                let piece = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                Some(piece)
            }
            None => {
                let (piece, rest) = self.rest.split_at(cut);
                self.rest = rest;
                Some(piece)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split_text;

    #[test]
    fn cuts_at_word_ends() {
        for (text, max, pieces) in [
            ("", 10, &[][..]),
            ("short", 10, &["short"][..]),
            ("one two three", 7, &["one two", "three"][..]),
            ("one two three", 8, &["one two", "three"][..]),
            ("abcdefgh", 4, &["abcd", "efgh"][..]),
            ("àèìòù", 5, &["àè", "ìò", "ù"][..]),
            ("a\nb\r\n\nc", 10, &["a", "b", "c"][..]),
            ("    abcdef", 6, &["    ab", "cdef"][..]),
            ("😀😀", 1, &["😀", "😀"][..]),
        ] {
            assert_eq!(split_text(text, max).collect::<Vec<_>>(), pieces, "{text:?}");
        }
    }
}
