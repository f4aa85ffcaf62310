//! Lines: cut out of a byte stream when they arrive, checked before they leave.

/// The longest line taken from a server, in bytes without its ending. IRCv3 allows
/// 8191 bytes of tags and 512 of message; some servers announce longer ones.
pub const LINE_SIZE_MAX: usize = 64 * 1024;

/// A peer sent more than [`LINE_SIZE_MAX`] bytes without a line ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a line longer than {LINE_SIZE_MAX} bytes")]
pub struct LineTooLong;

/// A line that must not be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It holds a carriage return, a line feed or a NUL, which would make it
    /// another command or cut it short (RFC 1459, section 2.3).
    #[error("the line holds a carriage return, a line feed or a NUL")]
    ControlByte,
    /// It is longer than [`LINE_SIZE_MAX`] bytes.
    #[error("the line is longer than {LINE_SIZE_MAX} bytes")]
    TooLong,
}

/// Checks a line before it is sent.
///
/// # Errors
///
/// The rule it breaks.
pub fn check_outgoing(line: &str) -> Result<(), BadLine> {
    if line.len() > LINE_SIZE_MAX {
        return Err(BadLine::TooLong);
    }
    if line.contains(['\r', '\n', '\0']) {
        return Err(BadLine::ControlByte);
    }
    Ok(())
}

/// Whether a line is the command `QUIT` (RFC 1459, section 4.1.6), tags or not.
pub fn is_quit(line: &str) -> bool {
    let command = match line.strip_prefix('@') {
        Some(tagged) => tagged.split_once(' ').map_or("", |(_, rest)| rest),
        None => line,
    };
    command.trim_start_matches(' ').split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("QUIT"))
}

/// Collects bytes and hands out whole lines. Holds at most [`LINE_SIZE_MAX`] bytes.
#[derive(Debug, Default)]
pub struct LineBuffer {
    partial: Vec<u8>,
}

impl LineBuffer {
    /// Takes the next bytes and calls `deliver` for each line they complete, in order.
    ///
    /// Lines end with LF or CR LF; empty ones are passed over, as RFC 1459 section
    /// 2.3.1 asks. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    ///
    /// [`LineTooLong`]; the lines before the long one have been delivered.
    pub fn push(&mut self, mut bytes: &[u8], mut deliver: impl FnMut(String)) -> Result<(), LineTooLong> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.append(&bytes[..end])?;
            bytes = &bytes[end + 1..];
            let line = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
            if !line.is_empty() {
                deliver(String::from_utf8_lossy(line).into_owned());
            }
            self.partial.clear();
        }
        self.append(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.partial.len() + bytes.len() > LINE_SIZE_MAX {
            return Err(LineTooLong);
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.push(chunk, |line| lines.push(line)).expect("no line is too long");
        }
        lines
    }

    #[test]
    fn lines_are_the_same_wherever_the_stream_is_cut() {
        let text = "PING :a\r\n\r\n:anna PRIVMSG #lobby :perché 👋\nPONG\r\n".as_bytes();
        let expected = ["PING :a", ":anna PRIVMSG #lobby :perché 👋", "PONG"];
        for cut in 0..=text.len() {
            assert_eq!(lines_of(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(lines_of(&[b"caff\xe8\r\n"]), ["caff\u{fffd}"]);
    }

    #[test]
    fn an_unfinished_line_is_held_back() {
        assert_eq!(lines_of(&[b"one\r\ntwo"]), ["one"]);
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_the_lines_before_it_are_kept() {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        let mut bytes = b"first\r\n".to_vec();
        bytes.resize(bytes.len() + LINE_SIZE_MAX + 1, b'x');
        assert_eq!(buffer.push(&bytes, |line| lines.push(line)), Err(LineTooLong));
        assert_eq!(lines, ["first"]);
    }

    #[test]
    fn the_longest_line_is_taken() {
        let mut bytes = vec![b'x'; LINE_SIZE_MAX];
        bytes.push(b'\n');
        assert_eq!(lines_of(&[&bytes])[0].len(), LINE_SIZE_MAX);
    }

    #[test]
    fn a_line_that_would_be_two_is_not_sent() {
        for bad in ["a\rb", "a\nQUIT", "a\0"] {
            assert_eq!(check_outgoing(bad), Err(BadLine::ControlByte), "{bad:?}");
        }
        assert_eq!(check_outgoing(&"x".repeat(LINE_SIZE_MAX + 1)), Err(BadLine::TooLong));
        assert_eq!(check_outgoing("PRIVMSG #lobby :perché no"), Ok(()));
    }

    #[test]
    fn quit_is_recognised_by_its_command_alone() {
        for quit in ["QUIT", "quit :bye", "@label=1 QUIT :bye", "QUIT "] {
            assert!(is_quit(quit), "{quit}");
        }
        for other in ["PRIVMSG #lobby :QUIT", "QUITTER", "@label=QUIT PING 1", "", "@QUIT"] {
            assert!(!is_quit(other), "{other}");
        }
    }
}
