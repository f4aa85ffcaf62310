//! Labelled responses (IRCv3 `labeled-response`): all lines that answer one line carry its label.

use salotto_wire::Line;
use salotto_wire::tag::escape_into;

use crate::shard::Outgoing;

/// The reference of the batch that holds a response; batches end before the next begins, so one name serves all.
const BATCH: &str = "r";

/// Writes the lines that were put aside for an answer, each ended by CR LF, under their label where there is one.
pub(crate) fn emit(label: Option<&str>, lines: &[u8], out: &mut Outgoing) {
    let mut rest = lines.split_inclusive(|&byte| byte == b'\n');
    let Some(label) = label else {
        for line in rest {
            out.line(|bytes| bytes.extend_from_slice(line));
        }
        return;
    };
    match lines.iter().filter(|&&byte| byte == b'\n').count() {
        0 => out.line(|bytes| Line::new(bytes).tag("label", label).command("ACK").end()),
        1 => {
            if let Some(line) = rest.next() {
                out.line(|bytes| with_tag(line, "label", label, bytes));
            }
        }
        _ => {
            let open = format!("+{BATCH}");
            out.line(|bytes| {
                Line::new(bytes)
                    .tag("label", label)
                    .command("BATCH")
                    .param(&open)
                    .param("labeled-response")
                    .end();
            });
            let mut inner = false;
            for line in rest {
                // Lines of a batch inside this one already say where they belong; its ends belong here.
                let is_end = is_batch_line(line);
                if inner && !is_end {
                    out.line(|bytes| bytes.extend_from_slice(line));
                } else {
                    out.line(|bytes| with_tag(line, "batch", BATCH, bytes));
                }
                inner ^= is_end;
            }
            let close = format!("-{BATCH}");
            out.line(|bytes| Line::new(bytes).command("BATCH").param(&close).end());
        }
    }
}

fn is_batch_line(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .ok()
        .and_then(|line| salotto_wire::Message::parse(line.trim_end()).ok())
        .is_some_and(|message| message.command() == "BATCH")
}

/// Appends a line with one more tag in front of those it has.
fn with_tag(line: &[u8], key: &str, value: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'@');
    bytes.extend_from_slice(key.as_bytes());
    bytes.push(b'=');
    escape_into(value, bytes);
    match line.strip_prefix(b"@") {
        Some(rest) => {
            bytes.push(b';');
            bytes.extend_from_slice(rest);
        }
        None => {
            bytes.push(b' ');
            bytes.extend_from_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Framing;

    fn check(label: Option<&str>, lines: &str, expected: &str) {
        let mut out = Outgoing::new(Framing::Lines);
        emit(label, lines.as_bytes(), &mut out);
        let mut written = Vec::new();
        assert!(out.write_to(&mut written).unwrap());
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn answers_are_labelled_by_their_number_of_lines() {
        check(Some("a"), "", "@label=a ACK\r\n");
        check(Some("a b"), "X\r\n", "@label=a\\sb X\r\n");
        check(Some("a"), "@t=1 X\r\n", "@label=a;t=1 X\r\n");
        check(
            Some("a"),
            "X\r\n@t=1 Y\r\n",
            "@label=a BATCH +r labeled-response\r\n@batch=r X\r\n@batch=r;t=1 Y\r\nBATCH -r\r\n",
        );
        check(None, "X\r\nY\r\n", "X\r\nY\r\n");
    }

    #[test]
    fn a_batch_in_a_response_keeps_its_own_lines() {
        check(
            Some("a"),
            ":s BATCH +h chathistory #a\r\n@batch=h X\r\n:s BATCH -h\r\n",
            "@label=a BATCH +r labeled-response\r\n@batch=r :s BATCH +h chathistory #a\r\n@batch=h X\r\n\
             @batch=r :s BATCH -h\r\nBATCH -r\r\n",
        );
    }
}
