//! The token that signs this device in to an account, in a file, so that the password is asked for once.

use std::fs;
use std::io;
use std::path::PathBuf;

use salotto_client::DeviceToken;

use crate::private_file;

/// The files of one server's accounts. Each holds the account's name and the token, a line each.
#[derive(Debug)]
pub(crate) struct DeviceFile {
    directory: PathBuf,
    host: String,
    port: u16,
    /// What is in the files, as far as this client knows.
    kept: Option<DeviceToken>,
}

impl DeviceFile {
    /// The files for a server. Nothing is read or written yet.
    pub(crate) fn new(directory: PathBuf, host: &str, port: u16) -> Self {
        Self { directory, host: host.to_owned(), port, kept: None }
    }

    fn path(&self, account: &str) -> PathBuf {
        private_file::path(&self.directory, "device", &self.host, self.port, &account.to_lowercase())
    }

    /// The token for an account, if there is one.
    pub(crate) fn load(&mut self, account: &str) -> Option<DeviceToken> {
        let text = fs::read_to_string(self.path(account)).unwrap_or_default();
        let mut lines = text.lines();
        let (name, token) = (lines.next()?, lines.next()?);
        let same = name.to_lowercase() == account.to_lowercase();
        self.kept = same.then(|| DeviceToken { account: name.to_owned(), token: token.to_owned() });
        self.kept.clone()
    }

    /// Writes the token, if it has changed. The file goes when the token does.
    pub(crate) fn save(&mut self, token: Option<&DeviceToken>) -> io::Result<()> {
        if self.kept.as_ref() == token {
            return Ok(());
        }
        match (&self.kept, token) {
            (_, Some(DeviceToken { account, token })) => {
                private_file::write(&self.path(account), format!("{account}\n{token}\n").as_bytes())?;
            }
            (Some(old), None) => private_file::write(&self.path(&old.account), b"")?,
            (None, None) => {}
        }
        self.kept = token.cloned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_for_its_account_alone_and_for_its_owners_eyes() {
        let directory = tempfile::tempdir().unwrap();
        let file = || DeviceFile::new(directory.path().join("new"), "::1", 6667);
        let token = DeviceToken { account: "Anna".into(), token: "stem".into() };
        assert_eq!(file().load("anna"), None);
        file().save(Some(&token)).unwrap();
        assert_eq!(file().load("anna"), Some(token.clone()));
        assert_eq!(file().load("bruno"), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(file().path("anna")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let mut again = file();
        again.load("anna");
        again.save(None).unwrap();
        assert_eq!(file().load("anna"), None);
        assert!(!file().path("anna").exists());
    }
}
