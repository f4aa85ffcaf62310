//! The program: `salotto serve | chat | bench | config | log | backup | verify | restore | hash-password | desktop`.
//!
//! Exit codes: 0 done; 1 it could not be done; 2 the command line or the configuration is wrong; 130 interrupted.
//! `serve` is done when it has closed after a signal, and interrupted by a second one. `backup`, `verify`
//! and `restore` end with 1 also when what they have checked is damaged. `chat` adds 3 for a server that cannot be
//! reached, 4 for a name that was refused, 143 for a termination signal.
#![forbid(unsafe_code)]

mod backup_command;
mod chat;
mod cli;
mod config_command;
mod desktop;
mod exit;
mod fill;
mod hash_password;
mod language;
mod log_command;
mod logging;
mod places;
mod serve;
mod welcome;

use std::process::ExitCode;

use cli::{BenchTask, Command};
use language::Language;

fn main() -> ExitCode {
    let language = Language::from_environment();
    let result = match cli::parse(language) {
        Command::Chat(options) => {
            return chat::run(&options, language).unwrap_or_else(|failure| failure.report());
        }
        Command::Serve(options) => serve::run(&options, language),
        Command::Bench(options) => match options.task {
            BenchTask::Scenario(scenario) => {
                salotto_bench::run(salotto_bench::BenchArgs { scenario: *scenario }).map_err(Into::into)
            }
            BenchTask::Fill(options) => fill::run(&options),
        },
        Command::Config(options) => config_command::run(&options),
        Command::Log(options) => log_command::run(&options),
        Command::Backup(options) => backup_command::backup(&options, language),
        Command::Verify(options) => backup_command::verify(&options, language),
        Command::Restore(options) => backup_command::restore(&options, language),
        Command::HashPassword(options) => hash_password::run(&options, language),
        Command::Desktop(options) => desktop::run(&options, language),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
