//! People who say everything until there is a receipt for it, however often the server goes away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::irc::tag;
use crate::support::PATIENCE;

/// How long somebody waits before trying to connect again.
const AGAIN: Duration = Duration::from_millis(5);

/// What somebody is told by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// They are signed in.
    Welcome,
    /// Something they said is kept.
    Receipt,
    /// The disk refuses.
    Refused,
}

/// Somebody who says everything in the lobby until there is a receipt for it.
pub struct Stubborn {
    /// Their name.
    pub name: String,
    /// For each word the id that its receipt gave, once there is one.
    pub receipts: Vec<Option<String>>,
    /// How many words may be without a receipt.
    under_way_max: usize,
}

impl Stubborn {
    /// Somebody who has so many words to say.
    pub fn new(name: &str, words: usize) -> Stubborn {
        Stubborn { name: name.to_owned(), receipts: vec![None; words], under_way_max: 8 }
    }

    /// Says one word at a time. Of several, one may be refused and the next one taken.
    pub fn careful(self) -> Stubborn {
        Stubborn { under_way_max: 1, ..self }
    }

    /// The word of a number.
    pub fn word(&self, number: usize) -> String {
        format!("{} says {number}", self.name)
    }

    /// Talks over as many connections as it takes until everything has a receipt.
    pub fn talk_to_the_end(&mut self, port: u16, on_told: &impl Fn(Told)) {
        let mut give_up = Instant::now() + PATIENCE;
        loop {
            let before = self.receipts.iter().flatten().count();
            if self.talk(port, on_told) {
                return;
            }
            if self.receipts.iter().flatten().count() > before {
                give_up = Instant::now() + PATIENCE;
            }
            assert!(Instant::now() < give_up, "{} gets no receipts any more", self.name);
            std::thread::sleep(AGAIN);
        }
    }

    /// Talks over one connection until it breaks; gives whether everything has a receipt.
    pub fn talk(&mut self, port: u16, on_told: &impl Fn(Told)) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let say = |line: String| (&stream).write_all(line.as_bytes()).is_ok();
        let name = self.name.clone();
        if !say(format!("CAP REQ :message-tags echo-message\r\nNICK {name}\r\nUSER s 0 * :s\r\nCAP END\r\n"))
        {
            return false;
        }
        // Nothing that was said over an earlier connection is under way any more.
        let mut next = 0;
        let mut inside = false;
        let mut refused = false;
        loop {
            let under_way = self.receipts[..next].iter().filter(|receipt| receipt.is_none()).count();
            if inside && under_way < self.under_way_max {
                let wanted = (next..self.receipts.len()).find(|&number| self.receipts[number].is_none());
                match wanted {
                    Some(number) => {
                        next = number + 1;
                        let token = format!("@+salotto.chat/token={name}-{number}");
                        if !say(format!("{token} PRIVMSG #lobby :{}\r\n", self.word(number))) {
                            return false;
                        }
                        continue;
                    }
                    None if under_way == 0 => return true,
                    None => {}
                }
            }
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(len) if len > 0 && line.ends_with('\n') => {}
                _ => return false,
            }
            if line.contains(" 001 ") {
                on_told(Told::Welcome);
            }
            if line.contains("The server cannot write to its disk. Nothing is lost") {
                on_told(Told::Refused);
            }
            inside |= line.contains(" 366 ");
            refused |= line.contains("cannot write to its disk; please try again later");
            if refused && line.contains("The server can write again") {
                (refused, next) = (false, 0);
            }
            assert!(!line.contains(" 433 "), "the name of somebody who is gone is taken: {line}");
            let number = tag(&line, "+salotto.chat/token")
                .and_then(|token| token.strip_prefix(&format!("{name}-"))?.parse::<usize>().ok());
            if let Some(number) = number {
                let id = tag(&line, "msgid").expect("an id").to_owned();
                match &self.receipts[number] {
                    Some(known) => assert_eq!(*known, id, "one word, one id"),
                    None => {
                        self.receipts[number] = Some(id);
                        on_told(Told::Receipt);
                    }
                }
            }
        }
    }
}

/// Counts what people are told, for somebody who waits until it is enough.
#[derive(Default)]
pub struct Ear {
    told: Mutex<Heard>,
    more: Condvar,
}

#[derive(Default)]
struct Heard {
    receipts: usize,
    refused: bool,
    /// When somebody was welcomed.
    welcomes: Vec<Instant>,
}

impl Ear {
    /// Takes note of something.
    pub fn hear(&self, told: Told) {
        let mut heard = self.told.lock().expect("whole");
        match told {
            Told::Receipt => heard.receipts += 1,
            Told::Refused => heard.refused = true,
            Told::Welcome => heard.welcomes.push(Instant::now()),
        }
        self.more.notify_all();
    }

    /// Waits until there are so many receipts.
    pub fn wait_for_receipts(&self, wanted: usize) {
        self.wait(|heard| heard.receipts >= wanted);
    }

    /// Waits until somebody is told that the disk refuses.
    #[cfg(target_os = "linux")]
    pub fn wait_for_refusal(&self) {
        self.wait(|heard| heard.refused);
    }

    /// Waits until somebody is welcomed after a moment, and says when somebody was.
    pub fn wait_for_welcome(&self, after: Instant) -> Instant {
        self.wait(|heard| heard.welcomes.iter().any(|at| *at > after));
        let heard = self.told.lock().expect("whole");
        *heard.welcomes.iter().find(|at| **at > after).expect("there was one")
    }

    fn wait(&self, enough: impl Fn(&Heard) -> bool) {
        let heard = self.told.lock().expect("whole");
        let (heard, timeout) =
            self.more.wait_timeout_while(heard, PATIENCE, |heard| !enough(heard)).expect("whole");
        assert!(!timeout.timed_out(), "{} receipts, and no more", heard.receipts);
    }
}
