//! The program: `salotto serve | chat | bench | config | log | hash-password | desktop`.
//!
//! Exit codes: 0 done; 1 it could not be done; 2 the command line or the configuration is wrong; 130 interrupted a
//! second time while closing.
#![forbid(unsafe_code)]

mod cli;
mod config_command;
mod desktop;
mod exit;
mod hash_password;
mod language;
mod log_command;
mod logging;
mod places;
mod serve;
mod welcome;

use std::process::ExitCode;

use cli::Command;
use language::Language;

fn main() -> ExitCode {
    let language = Language::of_environment(|name| std::env::var(name).ok());
    let result = match cli::parse(language) {
        Command::Serve(options) => serve::run(&options, language),
        Command::Bench(args) => salotto_bench::run(args).map_err(Into::into),
        Command::Config(options) => config_command::run(&options),
        Command::Log(options) => log_command::run(&options),
        Command::HashPassword(options) => hash_password::run(&options, language),
        Command::Desktop(options) => desktop::run(&options, language),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
