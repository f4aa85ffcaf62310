//! Lines of standard input.

use std::io::BufRead;

use tokio::sync::mpsc;

/// How many lines are read ahead.
const AHEAD: usize = 64;
/// The most bytes of a line that are kept; the rest of a longer one is its own line.
const LINE_MAX: u64 = 64 * 1024;

/// Starts to read lines; the channel closes at the end of the input.
///
/// Reading blocks, so a thread does it. It is left behind when the program ends.
pub(crate) fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match std::io::Read::take(&mut input, LINE_MAX).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&bytes);
            if sender.blocking_send(line.trim_end_matches(['\r', '\n']).to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}
