//! Bytes to messages and back.

use std::hint::black_box;

use salotto_wire::{LINE_LEN_MAX, Line, LineBuffer, Message};

use super::Work;

/// What clients send in a while of chatting.
const INPUT: &[u8] = b"\
PRIVMSG #lobby :every word that is said in the room is heard by each of its members\r\n\
@+salotto.chat/token=3k9d2m1x PRIVMSG #lobby :the kettle is on, and so is the radio\r\n\
PING 1763692800\r\n\
@+typing=active TAGMSG #lobby\r\n\
@label=7 CHATHISTORY AFTER #lobby msgid=f60v 100\r\n\
JOIN #garden\r\n\
MARKREAD #lobby timestamp=2026-11-21T03:00:00.000Z\r\n\
PRIVMSG anna :\xE2\x80\xA6 and one to you alone\r\n\
WHO #garden %tcuhnfar,1\r\n\
MODE #garden +b *!*@*.example\r\n";

/// Cuts the lines out and takes them apart.
pub fn parse() -> Work {
    let mut buffer = LineBuffer::new(LINE_LEN_MAX);
    Box::new(move || {
        let mut input = black_box(INPUT);
        while let Some(line) = buffer.next(&mut input) {
            let message = Message::parse(line.expect("a whole line")).expect("a message");
            black_box((message.command(), message.params(), message.tags()));
        }
    })
}

/// Writes a post with its tags, as readers see it.
pub fn write() -> Work {
    let mut bytes = Vec::with_capacity(1024);
    Box::new(move || {
        bytes.clear();
        Line::new(&mut bytes)
            .tag("time", black_box("2026-11-21T03:00:00.000Z"))
            .tag("msgid", black_box("f60v"))
            .raw_tags(black_box("+salotto.chat/token=3k9d2m1x"))
            .source_parts("anna", "~anna", "85f1c072096f.cloak")
            .command("PRIVMSG")
            .param("#lobby")
            .trailing(black_box("every word that is said in the room is heard by each of its members"))
            .end();
        black_box(&bytes);
    })
}
