//! `salotto hash-password`: from a password to the line that goes into the configuration.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::Context;
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use crossterm::{
    event::{Event, KeyCode, KeyEventKind, KeyModifiers},
    terminal,
};
use salotto_server::config::Accounts;

use crate::{
    cli::HashPasswordOptions,
    exit::Failure,
    language::{Language, Pick},
    places,
};

/// Characters of a password; longer ones are a paste gone wrong.
const PASSWORD_LEN_MAX: usize = 1024;

/// Reads a password, from the terminal without showing it or from the first line of a pipe, and prints its hash.
pub fn run(options: &HashPasswordOptions, language: Language) -> Result<(), Failure> {
    let cost = places::load_config(options.config.as_deref(), Vec::new())?.accounts;
    let password = if io::stdin().is_terminal() {
        let password = ask_hidden(language.pick("Password: ", "Password: "))?;
        if password != ask_hidden(language.pick("Once more: ", "Ancora una volta: "))? {
            return Err(
                anyhow::anyhow!(language.pick("the two are not the same", "le due non coincidono")).into()
            );
        }
        password
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if password.is_empty() {
        return Err(anyhow::anyhow!(language.pick("an empty password", "la password è vuota")).into());
    }
    writeln!(io::stdout(), "{}", hash(&password, &cost)?)?;
    Ok(())
}

fn hash(password: &str, cost: &Accounts) -> anyhow::Result<String> {
    let params = Params::new(cost.hash_m_kib, cost.hash_t, cost.hash_p, None)
        .map_err(|error| anyhow::anyhow!("the cost in [accounts] is not possible: {error}"))?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("cannot hash the password: {error}"))?;
    Ok(hash.to_string())
}

/// Reads a line from the terminal without showing it. The prompt goes to standard error, because only the answer
/// belongs on standard output.
pub fn ask_hidden(prompt: &str) -> anyhow::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{prompt}")?;
    stderr.flush()?;
    terminal::enable_raw_mode().context("cannot hide what is typed")?;
    let read = read_hidden();
    terminal::disable_raw_mode().context("cannot show again what is typed")?;
    writeln!(stderr)?;
    read
}

fn read_hidden() -> anyhow::Result<String> {
    let mut password = String::new();
    loop {
        let Event::Key(key) = crossterm::event::read().context("cannot read the password")? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
            (KeyCode::Enter, _) | (KeyCode::Char('j' | 'm'), true) => return Ok(password),
            (KeyCode::Char('c' | 'd'), true) => {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted").into());
            }
            (KeyCode::Char('u'), true) => password.clear(),
            (KeyCode::Backspace, _) => drop(password.pop()),
            (KeyCode::Char(character), false) if password.len() < PASSWORD_LEN_MAX => {
                password.push(character);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use salotto_server::config::Password;

    use super::*;

    #[test]
    fn a_hash_is_one_that_the_server_believes() {
        let cost = Accounts { hash_m_kib: 8, hash_t: 1, hash_p: 1, ..Accounts::default() };
        let made = Password::new(hash("sésamo", &cost).expect("hashes"));
        assert!(made.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(made.is_hash() && made.verify("sésamo") && !made.verify("sesamo"));
        assert_ne!(made, Password::new(hash("sésamo", &cost).expect("hashes")), "salted");
    }
}
