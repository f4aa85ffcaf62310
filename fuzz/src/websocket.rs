//! WebSocket frames: any bytes are messages, a close or not yet anything; messages that a client sends come out as sent.

use salotto_server::websocket::{Frame, Frames};
use salotto_wire::LINE_LEN_MAX;

const MESSAGE_LEN_MAX: usize = LINE_LEN_MAX * 2;

/// A stream of bytes, read in pieces of the length that the first byte says; then the same as messages to be sent.
pub fn run(data: &[u8]) {
    let stream = data.get(1..).unwrap_or_default();
    let (messages, answers) = received(crate::pieces(data));
    assert_eq!(received(stream.chunks(1)).0, messages, "byte by byte");
    control_frames(&answers);
    assert!(answers.len() <= stream.len() * 2 + 16, "{} bytes for {}", answers.len(), stream.len());

    let piece_len = usize::from(data.first().copied().unwrap_or(0)).max(1);
    let sent: Vec<&[u8]> = stream.split(|byte| *byte == 0).collect();
    let mut wire = Vec::new();
    for message in &sent {
        client_message(message, piece_len, &mut wire);
    }
    let (messages, answers) = received(wire.chunks(piece_len));
    control_frames(&answers);
    let received: Vec<&[u8]> = messages.iter().filter_map(|message| message.as_deref()).collect();
    assert_eq!(received, sent);
}

/// The messages of a stream, a close as `None`, and what is answered.
fn received<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Option<Vec<u8>>>, Vec<u8>) {
    let mut frames = Frames::new(MESSAGE_LEN_MAX);
    let mut messages = Vec::new();
    let mut answers = Vec::new();
    for piece in pieces {
        frames.feed(piece);
        loop {
            let next = frames.next_frame();
            answers.extend(frames.answers());
            match next {
                Some(Frame::Payload(payload)) => {
                    assert!(payload.len() <= MESSAGE_LEN_MAX);
                    messages.push(Some(payload));
                }
                Some(Frame::Closed(reason)) => {
                    assert!(!reason.is_empty());
                    messages.push(None);
                    return (messages, answers);
                }
                None => break,
            }
        }
    }
    (messages, answers)
}

/// A server answers by itself with pongs and closes only, unmasked and whole (RFC 6455 sections 5.1 and 5.5).
fn control_frames(mut answers: &[u8]) {
    while let [first, len, rest @ ..] = answers {
        assert!(matches!(first, 0x88 | 0x8a) && *len <= 125, "{answers:?}");
        answers = rest.get(usize::from(*len)..).expect("a whole frame");
    }
    assert!(answers.is_empty(), "{answers:?}");
}

/// A binary message as a client sends it: masked, in fragments, with a ping between them.
pub(crate) fn client_message(payload: &[u8], fragment_len: usize, wire: &mut Vec<u8>) {
    let mut fragments = payload.chunks(fragment_len).peekable();
    let mut opcode = 0x2;
    loop {
        let fragment = fragments.next().unwrap_or_default();
        let fin = if fragments.peek().is_none() { 0x80 } else { 0 };
        client_frame(fin | opcode, fragment, wire);
        if fin != 0 {
            return;
        }
        client_frame(0x89, b"?", wire);
        opcode = 0;
    }
}

/// One masked frame.
pub(crate) fn client_frame(first: u8, payload: &[u8], wire: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0xa5, 0x5a, 0x3c, 0xc3];
    wire.push(first);
    match payload.len() {
        len @ 0..=125 => wire.push(0x80 | len as u8),
        len => {
            wire.push(0x80 | 126);
            wire.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    wire.extend_from_slice(&MASK);
    wire.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}
