//! What each fuzz target does with its input: one module a target, one function `run` in each.
//!
//! `run` panics when a promise does not hold; the targets in `fuzz_targets/` only call it. Inputs are kept in
//! `corpus/`. How to run them is in `scripts/fuzz`, what came of it in `docs/reliability.md`.
#![forbid(unsafe_code)]

pub mod config;
pub mod http;
pub mod line;
pub mod sasl;
pub mod session;
pub mod store;
pub mod tags;
pub mod terminal;
pub mod websocket;

/// Cuts a stream into pieces: the first byte of the input says how long they are, 0 meaning one piece.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (&piece_len, stream) = data.split_first().unwrap_or((&0, &[]));
    stream.chunks(if piece_len == 0 { usize::MAX } else { usize::from(piece_len) })
}

/// The input as text, where it is text.
pub fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
