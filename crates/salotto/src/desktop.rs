//! `salotto desktop`: the program with the window, which is a separate one because it needs the system's web view.

use std::{env, path::PathBuf, process::Command};

use anyhow::Context;

use crate::{
    cli::DesktopOptions,
    exit::Failure,
    language::{Language, Pick},
};

/// Becomes the desktop program, or says that it is not installed.
pub fn run(options: &DesktopOptions, language: Language) -> Result<(), Failure> {
    let name = format!("salotto-desktop{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let Some(program) = find(&name, beside, in_path) else {
        return Err(anyhow::anyhow!(language.pick(
            "the desktop program is not installed: salotto-desktop is neither beside this program nor in PATH. \
             The web address that `salotto serve` prints does the same in a browser.",
            "il programma desktop non è installato: salotto-desktop non è accanto a questo programma né nel PATH. \
             L'indirizzo web stampato da `salotto serve` fa lo stesso in un browser.",
        ))
        .into());
    };
    let mut command = Command::new(&program);
    command.args(&options.arguments);
    start(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
    Ok(())
}

fn find(name: &str, beside: Option<PathBuf>, in_path: Vec<PathBuf>) -> Option<PathBuf> {
    beside.into_iter().chain(in_path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(unix)]
fn start(command: &mut Command) -> std::io::Result<()> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

#[cfg(not(unix))]
fn start(command: &mut Command) -> std::io::Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}
