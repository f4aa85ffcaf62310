//! What a message of the load says: who sent it, its place, and when it was meant to leave.
//!
//! The text is plain printable ASCII of a fixed length, so that every IRC server passes it on as it is. It is
//! found from the end of the line, because servers differ in what they put in front. This module knows nothing of
//! IRC or sockets.

/// The least length of a text in bytes: the header and one byte of filling.
pub const TEXT_LEN_MIN: usize = HEADER_LEN + 1;

/// The greatest length of a text in bytes: with prefix, command and room it still fits a line of 512 bytes.
pub const TEXT_LEN_MAX: usize = 400;

/// Magic and run (4 characters), sender (4), sequence (8), intended time (8).
const HEADER_LEN: usize = 24;

/// The first two characters of every text.
const MAGIC: [u8; 2] = *b"~=";

/// Digits are the 64 characters from `0` to `o`: six bits each, printable, and a subtraction to read.
const DIGIT_ZERO: u8 = b'0';

const FILLING: &[u8] = b" every word that is said in the room is heard by each of its members";

/// The numbers that a text carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The sender's number among all members, at most 24 bits.
    pub sender: u32,
    /// The message's place among those of its sender, counted from zero, at most 48 bits.
    pub seq: u64,
    /// When the message was meant to leave, in nanoseconds of the run's clock, at most 48 bits (three days).
    pub intended_ns: u64,
}

/// What a line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A message of this run, whole.
    Payload(Payload),
    /// A message of this run with bytes in it that nobody sent.
    Damaged,
    /// Any other line.
    Other,
}

/// Writes and reads the texts of one run.
pub struct Codec {
    head: [u8; 4],
    filling: Vec<u8>,
}

impl Codec {
    /// Makes the codec of run number `run` (its lowest 12 bits count) for texts of `text_len` bytes.
    ///
    /// The length is brought into [`TEXT_LEN_MIN`]`..=`[`TEXT_LEN_MAX`].
    pub fn new(run: u64, text_len: usize) -> Self {
        let text_len = text_len.clamp(TEXT_LEN_MIN, TEXT_LEN_MAX);
        let mut filling: Vec<u8> = FILLING.iter().copied().cycle().take(text_len - HEADER_LEN).collect();
        // A blank at the end might be trimmed on the way.
        filling[text_len - HEADER_LEN - 1] = b'.';
        let head = [MAGIC[0], MAGIC[1], digit(run), digit(run >> 6)];
        Self { head, filling }
    }

    /// The length of every text in bytes.
    pub fn text_len(&self) -> usize {
        HEADER_LEN + self.filling.len()
    }

    /// Appends the text for `payload`; numbers beyond their widths lose their upper bits.
    pub fn encode(&self, payload: Payload, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&digits::<4>(u64::from(payload.sender)));
        out.extend_from_slice(&digits::<8>(payload.seq));
        out.extend_from_slice(&digits::<8>(payload.intended_ns));
        out.extend_from_slice(&self.filling);
    }

    /// Reads the text at the end of `line`, which comes without its line ending.
    #[inline]
    pub fn decode(&self, line: &[u8]) -> Decoded {
        let Some(start) = line.len().checked_sub(self.text_len()) else {
            return Decoded::Other;
        };
        let text = &line[start..];
        let (header, filling) = text.split_at(HEADER_LEN);
        if header[..4] != self.head {
            return Decoded::Other;
        }
        if filling != self.filling {
            return Decoded::Damaged;
        }
        let sender = number::<4>(&header[4..8]);
        let (Some(sender), Some(seq), Some(intended_ns)) =
            (sender, word(&header[8..16]), word(&header[16..24]))
        else {
            return Decoded::Damaged;
        };
        Decoded::Payload(Payload { sender: sender as u32, seq, intended_ns })
    }
}

fn digit(value: u64) -> u8 {
    DIGIT_ZERO + (value & 63) as u8
}

/// The lowest digit comes first, as the lowest byte does in [`word`].
fn digits<const N: usize>(value: u64) -> [u8; N] {
    std::array::from_fn(|place| digit(value >> (6 * place)))
}

fn number<const N: usize>(digits: &[u8]) -> Option<u64> {
    let mut padded = [DIGIT_ZERO; 8];
    padded[..N].copy_from_slice(digits);
    word(&padded)
}

/// Reads eight digits at once: 8 x 6 bits are pushed together in three steps.
#[inline]
fn word(digits: &[u8]) -> Option<u64> {
    let raw = u64::from_le_bytes(digits.try_into().ok()?);
    let six = raw.wrapping_sub(u64::from_le_bytes([DIGIT_ZERO; 8]));
    // A byte below `0` borrows and ends above 63, as does one above `o`.
    if six & 0xC0C0_C0C0_C0C0_C0C0 != 0 {
        return None;
    }
    let twelve = (six & 0x003F_003F_003F_003F) | ((six & 0x3F00_3F00_3F00_3F00) >> 2);
    let twentyfour = (twelve & 0x0000_0FFF_0000_0FFF) | ((twelve & 0x0FFF_0000_0FFF_0000) >> 4);
    Some((twentyfour & 0x00FF_FFFF) | ((twentyfour & 0x00FF_FFFF_0000_0000) >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Payload = Payload { sender: 4_999, seq: 123_456_789_012, intended_ns: 98_765_432_101_234 };

    fn line(codec: &Codec, payload: Payload) -> Vec<u8> {
        let mut line = b":bob!b@host PRIVMSG #room :".to_vec();
        codec.encode(payload, &mut line);
        line
    }

    #[test]
    fn what_is_written_is_read_back_at_every_length() {
        for text_len in [0, TEXT_LEN_MIN, 64, 100, TEXT_LEN_MAX, 9_999] {
            let codec = Codec::new(77, text_len);
            for payload in [
                EXAMPLE,
                Payload { sender: 0, seq: 0, intended_ns: 0 },
                Payload { sender: (1 << 24) - 1, seq: (1 << 48) - 1, intended_ns: (1 << 48) - 1 },
            ] {
                let line = line(&codec, payload);
                assert_eq!(codec.decode(&line), Decoded::Payload(payload));
            }
        }
    }

    #[test]
    fn a_text_is_printable_and_has_the_stated_length() {
        let codec = Codec::new(1, 100);
        let mut text = Vec::new();
        codec.encode(EXAMPLE, &mut text);
        assert_eq!(text.len(), 100);
        assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
        assert_ne!(text.last(), Some(&b' '));
    }

    #[test]
    fn lines_of_other_runs_and_of_the_server_are_other() {
        let codec = Codec::new(1, 100);
        let foreign = line(&Codec::new(2, 100), EXAMPLE);
        assert_eq!(codec.decode(&foreign), Decoded::Other);
        assert_eq!(codec.decode(b":server 001 bob :Welcome"), Decoded::Other);
        assert_eq!(codec.decode(b""), Decoded::Other);
    }

    #[test]
    fn any_changed_byte_of_the_text_is_noticed() {
        let codec = Codec::new(1, 100);
        let whole = line(&codec, EXAMPLE);
        let start = whole.len() - 100;
        for at in start..whole.len() {
            let mut changed = whole.clone();
            changed[at] = 0xFF;
            assert!(!matches!(codec.decode(&changed), Decoded::Payload(_)), "byte {at}");
        }
    }

    #[test]
    fn a_text_cut_short_is_not_taken_for_a_message() {
        let codec = Codec::new(1, 100);
        let whole = line(&codec, EXAMPLE);
        assert!(!matches!(codec.decode(&whole[..whole.len() - 1]), Decoded::Payload(_)));
    }
}
