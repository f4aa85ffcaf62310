//! Cutting a stream of bytes into lines.

use thiserror::Error;

/// What is wrong with a line that could not be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineError {
    /// The line has more bytes than the bound; it is skipped up to its line ending.
    #[error("the line is longer than {max} bytes")]
    Overlong {
        /// The bound in bytes, without the line ending.
        max: usize,
    },
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    InvalidUtf8,
}

/// An incremental splitter: bytes in, lines out, with a bound on what it keeps.
///
/// A line ends with LF or CR LF. A line that lies whole in the input is borrowed from it; only the
/// beginning of an unfinished line is copied, so the buffer never holds more than its bound.
/// Each faulty line is reported once and the lines after it are unharmed.
///
/// ```
/// use salotto_wire::LineBuffer;
///
/// let mut buffer = LineBuffer::new(512);
/// let mut input: &[u8] = b"PING a\r\nPI";
/// assert_eq!(buffer.next(&mut input), Some(Ok("PING a")));
/// assert_eq!(buffer.next(&mut input), None);
/// let mut input: &[u8] = b"NG b\n";
/// assert_eq!(buffer.next(&mut input), Some(Ok("PING b")));
/// ```
#[derive(Debug)]
pub struct LineBuffer {
    pending: Vec<u8>,
    max: usize,
    // The pending bytes were handed out by the last call and go with the next one.
    handed_out: bool,
    // An overlong line was reported; bytes up to the next LF belong to it.
    skipping: bool,
}

impl LineBuffer {
    /// Makes a splitter for lines of at most `max` bytes, without their line ending.
    pub fn new(max: usize) -> Self {
        Self { pending: Vec::new(), max, handed_out: false, skipping: false }
    }

    /// Takes the next line from what was kept and from `input`, which is moved past what was used.
    ///
    /// `None` means that all input was used and more is needed.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Result<&'s str, LineError>> {
        if self.handed_out {
            self.pending.clear();
            self.handed_out = false;
        }
        if self.skipping {
            let Some(end) = input.iter().position(|&b| b == b'\n') else {
                *input = &[];
                return None;
            };
            *input = &input[end + 1..];
            self.skipping = false;
        }
        let Some(end) = input.iter().position(|&b| b == b'\n') else {
            return self.keep(input);
        };
        let (head, rest) = input.split_at(end);
        *input = &rest[1..];
        // The CR of a line ending does not count against the bound.
        if self.pending.len() + head.len() > self.max + 1 {
            self.pending.clear();
            return Some(Err(LineError::Overlong { max: self.max }));
        }
        let line = if self.pending.is_empty() {
            head
        } else {
            self.pending.extend_from_slice(head);
            self.handed_out = true;
            &self.pending
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.max {
            return Some(Err(LineError::Overlong { max: self.max }));
        }
        Some(std::str::from_utf8(line).map_err(|_| LineError::InvalidUtf8))
    }

    /// Bytes of an unfinished line that are kept.
    pub fn pending_len(&self) -> usize {
        if self.handed_out { 0 } else { self.pending.len() }
    }

    fn keep(&mut self, input: &mut &[u8]) -> Option<Result<&str, LineError>> {
        if self.pending.len() + input.len() > self.max + 1 {
            *input = &[];
            self.pending = Vec::new();
            self.skipping = true;
            return Some(Err(LineError::Overlong { max: self.max }));
        }
        self.pending.extend_from_slice(input);
        *input = &[];
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(max: usize, chunks: &[&[u8]]) -> Vec<Result<String, LineError>> {
        let mut buffer = LineBuffer::new(max);
        let mut lines = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(line) = buffer.next(&mut input) {
                lines.push(line.map(str::to_owned));
            }
            assert!(input.is_empty());
            assert!(buffer.pending_len() <= max + 1);
        }
        lines
    }

    fn ok(line: &str) -> Result<String, LineError> {
        Ok(line.to_owned())
    }

    const OVERLONG: Result<String, LineError> = Err(LineError::Overlong { max: 4 });

    #[test]
    fn joins_chunks_and_takes_both_line_endings() {
        let lines = all(9, &[b"ab\r", b"\ncd\n\ne", b"f", b"\r\n", b"rest"]);
        assert_eq!(lines, [ok("ab"), ok("cd"), ok(""), ok("ef")]);
    }

    #[test]
    fn reports_an_overlong_line_once_and_goes_on() {
        assert_eq!(all(4, &[b"12345\nab\n"]), [OVERLONG, ok("ab")]);
        assert_eq!(all(4, &[b"123", b"456", b"789", b"0\nab\n"]), [OVERLONG, ok("ab")]);
        assert_eq!(all(4, &[b"123", b"45\nab\n"]), [OVERLONG, ok("ab")]);
        assert_eq!(all(4, &[b"1234\r\n", b"1234", b"\r\n"]), [ok("1234"), ok("1234")]);
    }

    #[test]
    fn reports_bad_utf8_and_goes_on() {
        assert_eq!(all(9, &[b"a\xFF\nb\xC3", b"\xA0\n"]), [Err(LineError::InvalidUtf8), ok("bà")]);
    }
}
