//! Unsent messages in a file, so that they survive a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use salotto_client::Outbox;

use crate::private_file;

/// A file of unsent messages for one server and one name.
#[derive(Debug)]
pub(crate) struct OutboxFile {
    path: PathBuf,
    written: Vec<u8>,
}

impl OutboxFile {
    /// The file for a server and a name. Nothing is read or written yet.
    pub(crate) fn new(directory: &Path, host: &str, port: u16, name: &str) -> Self {
        Self { path: private_file::path(directory, "outbox", host, port, name), written: Vec::new() }
    }

    /// Reads what was left; nothing when there is no file.
    pub(crate) fn load(&mut self) -> Outbox {
        self.written = fs::read(&self.path).unwrap_or_default();
        Outbox::load(&String::from_utf8_lossy(&self.written))
    }

    /// Writes what is unsent, if it has changed. The file goes when nothing is.
    pub(crate) fn save(&mut self, outbox: &Outbox) -> io::Result<()> {
        let text = outbox.save();
        if text == self.written {
            return Ok(());
        }
        private_file::write(&self.path, &text)?;
        self.written = text;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use salotto_client::{Client, MessageKind, Options, Time};

    use super::*;

    #[test]
    fn what_is_unsent_is_kept_until_it_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = OutboxFile::new(&directory.path().join("new"), "::1", 6667, "an/na");
        assert!(file.load().is_empty());
        let mut client = Client::new(Options { name: "anna".into(), ..Options::default() });
        client.send(Time::from_unix_ms(0), "#lobby", MessageKind::Text, "hello");
        file.save(client.outbox()).unwrap();

        let mut again = OutboxFile::new(&directory.path().join("new"), "::1", 6667, "an/na");
        assert_eq!(again.load().entries()[0].text, "hello");
        again.save(&Outbox::default()).unwrap();
        assert!(file.load().is_empty());
    }
}
