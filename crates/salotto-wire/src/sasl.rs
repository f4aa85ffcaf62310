//! The `AUTHENTICATE` payloads of SASL PLAIN (IRCv3 `sasl-3.1`, RFC 4616).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// The most characters one `AUTHENTICATE` line carries; a full chunk says that another follows.
pub const CHUNK_LEN: usize = 400;

/// Encodes a payload as the parameters of the `AUTHENTICATE` lines that carry it, in order.
///
/// A payload whose encoding fills its last chunk, or is empty, is closed by `+`.
pub fn encode_chunks(payload: &[u8]) -> Vec<String> {
    let encoded = STANDARD.encode(payload);
    let mut chunks: Vec<String> = encoded
        .as_bytes()
        .chunks(CHUNK_LEN)
        .map(|chunk| chunk.iter().copied().map(char::from).collect())
        .collect();
    if encoded.len().is_multiple_of(CHUNK_LEN) {
        chunks.push("+".to_owned());
    }
    chunks
}

/// The PLAIN response for an account name and a password.
pub fn plain(account: &str, password: &str) -> Vec<u8> {
    format!("\0{account}\0{password}").into_bytes()
}

/// What a client claims with PLAIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// The identity to act as; empty means the same as `account`.
    pub acting_as: String,
    /// The account whose password follows.
    pub account: String,
    /// The password in clear.
    pub password: String,
}

/// Why a SASL payload cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SaslError {
    /// A chunk has more than 400 characters.
    #[error("the chunk is longer than {CHUNK_LEN} characters")]
    ChunkTooLong,
    /// All chunks together have more characters than the bound.
    #[error("the payload is longer than the bound")]
    PayloadTooLong,
    /// The payload is not base64.
    #[error("the payload is not base64")]
    NotBase64,
    /// The payload is not three UTF-8 fields with NUL between them.
    #[error("the payload is not a PLAIN response")]
    NotPlain,
}

/// Reads a decoded PLAIN response.
pub fn parse_plain(payload: &[u8]) -> Result<Plain, SaslError> {
    let text = std::str::from_utf8(payload).map_err(|_| SaslError::NotPlain)?;
    let mut fields = text.split('\0');
    let (Some(acting_as), Some(account), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(SaslError::NotPlain);
    };
    if account.is_empty() {
        return Err(SaslError::NotPlain);
    }
    Ok(Plain { acting_as: acting_as.to_owned(), account: account.to_owned(), password: password.to_owned() })
}

/// Gathers the chunks of a payload, up to a bound.
#[derive(Debug, Default)]
pub struct ChunkBuffer {
    encoded: String,
}

impl ChunkBuffer {
    /// The most characters of base64 that are gathered for one payload.
    pub const ENCODED_LEN_MAX: usize = 8192;

    /// Takes the parameter of one `AUTHENTICATE` line; gives the decoded payload when it is complete.
    ///
    /// After an error or a payload the buffer is empty again.
    pub fn push(&mut self, chunk: &str) -> Result<Option<Vec<u8>>, SaslError> {
        if chunk.len() > CHUNK_LEN {
            self.encoded.clear();
            return Err(SaslError::ChunkTooLong);
        }
        if chunk != "+" {
            self.encoded.push_str(chunk);
        }
        if self.encoded.len() > Self::ENCODED_LEN_MAX {
            self.encoded.clear();
            return Err(SaslError::PayloadTooLong);
        }
        if chunk.len() == CHUNK_LEN {
            return Ok(None);
        }
        let encoded = std::mem::take(&mut self.encoded);
        STANDARD.decode(encoded).map(Some).map_err(|_| SaslError::NotBase64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(chunks: &[String]) -> Result<Option<Vec<u8>>, SaslError> {
        let mut buffer = ChunkBuffer::default();
        let (last, first) = chunks.split_last().unwrap();
        for chunk in first {
            assert_eq!(buffer.push(chunk), Ok(None));
        }
        buffer.push(last)
    }

    #[test]
    fn payloads_of_every_length_come_back() {
        for len in [0, 1, 299, 300, 301, 600, 1000] {
            let payload = vec![7; len];
            assert_eq!(join(&encode_chunks(&payload)), Ok(Some(payload)), "{len}");
        }
        assert_eq!(encode_chunks(&[]), ["+"]);
        assert_eq!(encode_chunks(&vec![0; 300]).len(), 2);
    }

    #[test]
    fn plain_comes_back() {
        let claim = parse_plain(&plain("anna", "pass word")).unwrap();
        assert_eq!((claim.account.as_str(), claim.password.as_str()), ("anna", "pass word"));
        for bad in [&b"anna"[..], b"a\0b", b"\0\0pw", b"\0a\0b\0c", b"\0a\0\xFF"] {
            assert_eq!(parse_plain(bad), Err(SaslError::NotPlain));
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        let mut buffer = ChunkBuffer::default();
        assert_eq!(buffer.push(&"a".repeat(401)), Err(SaslError::ChunkTooLong));
        assert_eq!(buffer.push("%%%"), Err(SaslError::NotBase64));
        let chunk = "a".repeat(400);
        let outcome = (0..30).find_map(|_| buffer.push(&chunk).err());
        assert_eq!(outcome, Some(SaslError::PayloadTooLong));
    }
}
