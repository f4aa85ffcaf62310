//! How the program ends when it does not end well.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// A failure and the exit code it ends the program with.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// The command line or the configuration asks for something wrong.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 2, error: error.into() }
    }

    /// A signal asks the program to end.
    pub fn terminated() -> Self {
        Self { code: 143, error: anyhow::anyhow!("terminated") }
    }

    /// Tells the person, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if is_io_error(&self.error, io::ErrorKind::BrokenPipe) {
            // Whoever was reading has read enough.
            return ExitCode::SUCCESS;
        }
        // When nobody reads standard error either, the exit code has to say it all.
        let _ = writeln!(io::stderr(), "salotto: {:#}", self.error);
        ExitCode::from(self.code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        // The shell's way to tell an end by Ctrl-C.
        let code = if is_io_error(&error, io::ErrorKind::Interrupted) { 130 } else { 1 };
        Self { code, error }
    }
}

fn is_io_error(error: &anyhow::Error, kind: io::ErrorKind) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind)
}
