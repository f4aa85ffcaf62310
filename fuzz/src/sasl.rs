//! CAP and SASL: lists of capabilities, and payloads that come in chunks.

use salotto_wire::capability::{self, Capability, CapabilitySet};
use salotto_wire::sasl::{CHUNK_LEN, ChunkBuffer, encode_chunks, parse_plain, plain};

/// The input once as lines of parameters to `CAP` and `AUTHENTICATE`, and once as a payload to be sent.
pub fn run(data: &[u8]) {
    if let Some(text) = crate::text(data) {
        list(text);
        chunks(text);
    }
    payload(data);
}

fn list(text: &str) {
    let mut set = CapabilitySet::EMPTY;
    for token in capability::parse_list(text) {
        assert!(!token.name.is_empty() && !token.name.contains(|c: char| c.is_ascii_whitespace()));
        let Some(capability) = Capability::from_name(token.name) else { continue };
        if token.disable {
            set.remove(capability);
        } else {
            set.insert(capability);
        }
        assert_eq!(set.contains(capability), !token.disable);
    }
    let names: Vec<&str> = set.iter().map(Capability::name).collect();
    assert_eq!(names.len(), set.len());
    let again: CapabilitySet = capability::parse_list(&names.join(" "))
        .filter_map(|token| Capability::from_name(token.name))
        .collect();
    assert_eq!(again, set);
}

fn chunks(text: &str) {
    let mut buffer = ChunkBuffer::default();
    for chunk in text.split('\n') {
        if let Ok(Some(payload)) = buffer.push(chunk) {
            assert!(payload.len() <= ChunkBuffer::ENCODED_LEN_MAX);
            let _ = parse_plain(&payload);
        }
    }
}

fn payload(data: &[u8]) {
    let chunks = encode_chunks(data);
    assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_LEN));
    let mut buffer = ChunkBuffer::default();
    let (last, first) = chunks.split_last().expect("there is always a chunk");
    // What the bound keeps out is not asked for back.
    if data.len() * 4 / 3 + 4 <= ChunkBuffer::ENCODED_LEN_MAX {
        for chunk in first {
            assert_eq!(buffer.push(chunk), Ok(None));
        }
        assert_eq!(buffer.push(last), Ok(Some(data.to_vec())));
    }
    if let Ok(claim) = parse_plain(data) {
        let sent = plain(&claim.account, &claim.password);
        let again = parse_plain(&sent).expect("what is sent is read");
        assert_eq!((again.account, again.password), (claim.account, claim.password));
    }
}
