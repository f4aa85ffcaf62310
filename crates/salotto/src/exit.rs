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

    /// Tells the person, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if is_broken_pipe(&self.error) {
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
        Self { code: 1, error: error.into() }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
