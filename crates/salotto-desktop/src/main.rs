//! The desktop program: starts the window.

#![forbid(unsafe_code)]
// Without this a release build on Windows would open a console beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

use salotto_desktop::program;

fn main() -> ExitCode {
    if !program::has_display() {
        eprintln!("{}", program::no_display_text());
        return ExitCode::FAILURE;
    }
    match program::run(tauri::generate_context!()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("salotto-desktop: {error}");
            ExitCode::FAILURE
        }
    }
}
