//! People with accounts, and what they say when they connect.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The capabilities of a client that fetches what it missed.
const CAPABILITIES: &str =
    "message-tags server-time batch sasl draft/chathistory draft/account-registration salotto.chat/resume";

/// The capabilities of a guest that reads history.
const GUEST_CAPABILITIES: &str = "message-tags server-time batch draft/chathistory";

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, which is also the nick.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The latest token that the server gave to it (`RESUME TOKEN`).
    pub token: Option<String>,
}

impl Account {
    /// An account that is to be registered.
    pub fn new(name: String) -> Self {
        let password = format!("password of {name}");
        Self { name, password, token: None }
    }

    /// What it says to sign in: its token where it has one, otherwise nothing that proves who it is.
    pub fn introduction(&self) -> String {
        let mut lines = greeting(CAPABILITIES, &self.name);
        if let Some(token) = &self.token {
            let _ = write!(lines, "RESUME {token}\r\n");
        }
        lines + "CAP END\r\n"
    }

    /// What it says when its password is needed and its name was refused.
    pub fn proof(&self) -> String {
        format!("{}\r\nNICK {}", self.authenticate(), self.name)
    }

    /// What it says to sign in with its password alone.
    pub fn introduction_by_password(&self) -> String {
        format!("{}{}\r\nCAP END\r\n", greeting(CAPABILITIES, &self.name), self.authenticate())
    }

    fn authenticate(&self) -> String {
        let plain = STANDARD.encode(format!("\0{}\0{}", self.name, self.password));
        format!("AUTHENTICATE PLAIN\r\nAUTHENTICATE {plain}")
    }
}

/// What a guest says who wants to read history.
pub fn guest_introduction(nick: &str) -> String {
    greeting(GUEST_CAPABILITIES, nick) + "CAP END\r\n"
}

fn greeting(capabilities: &str, nick: &str) -> String {
    format!("CAP REQ :{capabilities}\r\nNICK {nick}\r\nUSER bench 0 * :bench\r\n")
}

/// Reads accounts that [`write()`] has kept; none when there is no such file.
///
/// # Errors
///
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<Account>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Account> {
    let (name, token) = line.split_once(' ')?;
    Some(Account {
        token: Some(token.to_owned()).filter(|token| !token.is_empty()),
        ..Account::new(name.to_owned())
    })
}

/// Keeps accounts in a file, a name and a token in each line.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path, accounts: &[Account]) -> Result<()> {
    let mut text = String::new();
    for Account { name, token, .. } in accounts {
        let _ = writeln!(text, "{name} {}", token.as_deref().unwrap_or_default());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_as_sasl_has_it() {
        let account = Account { password: "b".to_owned(), ..Account::new("a".to_owned()) };
        assert!(account.proof().contains("AUTHENTICATE AGEAYg==\r\nNICK a"), "{}", account.proof());
        assert!(account.introduction_by_password().ends_with("CAP END\r\n"));
    }

    #[test]
    fn a_token_goes_before_the_end_of_the_negotiation() {
        let account = Account { token: Some("one.two".to_owned()), ..Account::new("a".to_owned()) };
        assert!(account.introduction().ends_with("RESUME one.two\r\nCAP END\r\n"));
    }

    #[test]
    fn accounts_are_read_as_they_were_written() {
        let folder = std::env::temp_dir().join(format!("salotto-bench-{}", std::process::id()));
        let with_token = Account { token: Some("t".to_owned()), ..Account::new("b".to_owned()) };
        let accounts = vec![Account::new("a".to_owned()), with_token];
        write(&folder, &accounts).expect("written");
        assert_eq!(read(&folder).expect("read"), accounts);
        fs::remove_file(&folder).expect("removed");
        assert_eq!(read(&folder).expect("nothing"), []);
    }
}
