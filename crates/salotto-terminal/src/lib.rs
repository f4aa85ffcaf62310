//! The terminal client of Salotto: full screen and plain lines.
//!
//! [`run`] is the whole program. It fills the screen when it has a terminal; in a pipe, or when asked
//! to, it prints one event a line and sends the lines it reads.
#![forbid(unsafe_code)]

mod calendar;
mod command;
mod device_file;
mod language;
mod options;
mod outbox_file;
mod plain;
mod private_file;
mod sanitise;
mod screen;
mod session;
mod signal;
mod stdin;
mod text;

use std::io::IsTerminal;

pub use language::Language;
pub use options::{ChatOptions, ExitStatus};
pub use salotto_client::{Fingerprint, FingerprintError};

/// Runs the client until the user leaves or it can go no further. Errors are told on standard error.
///
/// It has to be called inside a tokio runtime with I/O and time. A thread that reads standard input
/// may be left behind; the program is expected to end after this.
pub async fn run(options: ChatOptions) -> ExitStatus {
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if options.plain || !on_terminal { plain::run(options).await } else { screen::run(options).await }
}
