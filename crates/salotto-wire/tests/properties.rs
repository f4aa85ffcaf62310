//! Parsing and printing are each other's inverse, and nothing a peer sends panics.

use proptest::prelude::*;
use salotto_wire::split::split_text;
use salotto_wire::{Line, LineBuffer, LineError, Message, formatting, mask, server_time};

/// The parts of a line that the grammar allows.
#[derive(Debug, Clone)]
struct Parts {
    tags: Vec<(String, String)>,
    source: Option<String>,
    command: String,
    middles: Vec<String>,
    trailing: Option<String>,
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        proptest::collection::vec(("\\+?([a-z.]{1,5}/)?[a-zA-Z0-9-]{1,6}", "[^\0]{0,10}"), 0..4),
        proptest::option::of("[^ \0\r\n]{1,20}"),
        "[A-Z]{1,8}|[0-9]{3}",
        proptest::collection::vec("[^ :\0\r\n][^ \0\r\n]{0,8}", 0..14),
        proptest::option::of("[^\0\r\n]{0,30}"),
    )
        .prop_map(|(tags, source, command, middles, trailing)| Parts {
            tags,
            source,
            command,
            middles,
            trailing,
        })
}

fn print(parts: &Parts) -> String {
    let mut out = Vec::new();
    let mut line = Line::new(&mut out);
    for (key, value) in &parts.tags {
        line = line.tag(key, value);
    }
    line = line.source(parts.source.as_deref().unwrap_or("")).command(&parts.command);
    for middle in &parts.middles {
        line = line.param(middle);
    }
    if let Some(trailing) = &parts.trailing {
        line = line.trailing(trailing);
    }
    line.end();
    let text = String::from_utf8(out).unwrap();
    text.strip_suffix("\r\n").unwrap().to_owned()
}

/// Prints a message from what parsing gave.
fn reprint(message: &Message<'_>) -> String {
    let mut out = Vec::new();
    let mut line = Line::new(&mut out)
        .raw_tags(message.raw_tags())
        .source(message.source().unwrap_or(""))
        .command(message.command());
    if let Some((last, middles)) = message.params().split_last() {
        for middle in middles {
            line = line.param(middle);
        }
        line = line.trailing(last);
    }
    line.end();
    String::from_utf8(out).unwrap().trim_end_matches("\r\n").to_owned()
}

proptest! {
    // A failing case is shown in full; it belongs into a table, not into a file beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_parsed_back(parts in parts()) {
        let line = print(&parts);
        let message = Message::parse(&line).unwrap();
        let tags: Vec<(String, String)> = message
            .tags()
            .map(|(k, v)| (k.to_owned(), v.map(|v| v.into_owned()).unwrap_or_default()))
            .collect();
        prop_assert_eq!(tags, parts.tags.clone());
        prop_assert_eq!(message.source(), parts.source.as_deref());
        prop_assert_eq!(message.command(), &parts.command);
        let params: Vec<&str> = parts.middles.iter().chain(&parts.trailing).map(String::as_str).collect();
        prop_assert_eq!(message.params(), &params[..]);
    }

    #[test]
    fn what_is_parsed_is_printed_back(line in "[@: ;=\\\\a-c#àZ]{0,40}") {
        if let Ok(message) = Message::parse(&line)
            && message.source() != Some("")
        {
            let printed = reprint(&message);
            let again = Message::parse(&printed).unwrap();
            prop_assert_eq!(again, message, "{}", printed);
        }
    }

    #[test]
    fn a_line_written_from_any_text_stays_one_line(key in ".*", value in ".*", a in ".*", b in ".*", c in "(?s).*") {
        let mut out = Vec::new();
        Line::new(&mut out).tag(&key, &value).source(&a).command(&b).param(&a).param(&b).trailing(&c).end();
        let text = String::from_utf8(out).unwrap();
        let line = text.strip_suffix("\r\n").unwrap();
        let message = Message::parse(line).unwrap();
        prop_assert_eq!(message.params().len(), 3);
    }

    #[test]
    fn any_text_parses_or_is_refused(line in "(?s).*") {
        let _ = Message::parse(&line).map(|m| m.tags().count());
    }

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200),
        cuts in proptest::collection::vec(0..200_usize, 0..6),
    ) {
        let whole = lines(&[&bytes]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        let mut parts = lines(&chunks);
        let mut whole = whole;
        // An unfinished line may be found too long only by the way that saw more of it at once.
        let ends_open = bytes.last() != Some(&b'\n');
        if ends_open {
            let count = bytes.iter().filter(|b| **b == b'\n').count();
            parts.truncate(count);
            whole.truncate(count);
        }
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn times_come_back(ms in 0..253_402_300_799_999_i64) {
        prop_assert_eq!(server_time::parse(&server_time::format(ms)), Some(ms));
    }

    #[test]
    fn any_text_may_be_a_time_or_a_mask_or_formatted(a in "(?s).*", b in "(?s).*") {
        let _ = server_time::parse(&a);
        let _ = mask::matches(&a, &b);
        let _ = formatting::strip(&a);
    }

    #[test]
    fn a_split_text_keeps_its_words_and_its_budget(text in "[a-zà😀 ]{0,80}", max in 4..30_usize) {
        let pieces: Vec<&str> = split_text(&text, max).collect();
        prop_assert!(pieces.iter().all(|p| p.len() <= max));
        let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        prop_assert_eq!(letters(&pieces.concat()), letters(&text));
    }
}

fn lines(chunks: &[&[u8]]) -> Vec<Result<String, LineError>> {
    let mut buffer = LineBuffer::new(10);
    let mut lines = Vec::new();
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(line) = buffer.next(&mut input) {
            lines.push(line.map(str::to_owned));
        }
    }
    lines
}
