//! Members of a room, whatever they talk with: plain IRC, IRC with every capability, a WebSocket, a bare terminal, or
//! the client library.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use salotto_client::{Client as Library, Driver, Endpoint, Event, MessageKind, Options};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

use crate::irc::{ALL_CAPABILITIES, Irc, short};
use crate::support::{Client, PATIENCE, Server};

/// Something said in the lobby: who, and what.
pub type Said = (String, String);

/// How somebody talks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IRC without any capability.
    Plain,
    /// IRC with all of them.
    Capable,
    /// IRC over a WebSocket, as a browser does it.
    Web,
    /// Lines at a bare terminal.
    Terminal,
    /// The client library over TCP.
    Library,
}

/// Every way there is.
pub const KINDS: [Kind; 5] = [Kind::Plain, Kind::Capable, Kind::Web, Kind::Terminal, Kind::Library];

/// Somebody in the lobby.
pub struct Member {
    /// Their name.
    pub name: String,
    /// How they talk.
    pub kind: Kind,
    line: Connection,
}

enum Connection {
    Irc(Irc),
    Web(Box<WebSocket<TcpStream>>),
    Terminal(Client),
    Library(Attended),
}

/// A client of the library on a thread of its own, which goes on as long as this exists.
struct Attended {
    say: Option<UnboundedSender<String>>,
    heard: Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
}

/// What the library told its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something was said, live or fetched after a loss.
    Said(Said),
    /// Signed in, with all that belongs to it.
    Online,
    /// The server said that it closes.
    Closed(String),
    /// The connection is down.
    Offline,
    /// Everything that was to be said has a receipt.
    Delivered,
}

/// What a line says, if it is one that somebody said.
type SaidIn = fn(&str) -> Option<Said>;

impl Member {
    /// Signs in and enters the lobby.
    pub fn enter(server: &Server, name: &str, kind: Kind) -> Member {
        let line = match kind {
            Kind::Plain => Connection::Irc(Irc::sign_in(server, name, "")),
            Kind::Capable => Connection::Irc(Irc::sign_in(server, name, ALL_CAPABILITIES)),
            Kind::Terminal => Connection::Terminal(server.signed_in(name)),
            Kind::Web => Connection::Web(Box::new(web(server, name))),
            Kind::Library => Connection::Library(Attended::sign_in(server.address("irc"), name)),
        };
        Member { name: name.to_owned(), kind, line }
    }

    /// Says something in the lobby; gives whether there is still a connection to say it on. The library has none or
    /// makes a new one, and never forgets.
    pub fn say(&mut self, text: &str) -> bool {
        let line = format!("PRIVMSG #lobby :{text}");
        match &mut self.line {
            Connection::Irc(irc) => irc.try_send(&line),
            Connection::Web(socket) => socket.send(Message::text(line)).is_ok(),
            Connection::Terminal(terminal) => terminal.try_send(text),
            Connection::Library(library) => {
                library.say(text);
                true
            }
        }
    }

    /// Whether their own words come back to them.
    pub fn hears_oneself(&self) -> bool {
        self.kind != Kind::Plain
    }

    /// The next thing that anybody says in the lobby, as it is shown to this member.
    pub fn hear(&mut self) -> Said {
        loop {
            let said = match &mut self.line {
                Connection::Irc(irc) => said_in_irc(&irc.next_raw()),
                Connection::Web(socket) => said_in_irc(&text_of(socket).expect("a line")),
                Connection::Terminal(terminal) => said_at_terminal(&terminal.next()),
                Connection::Library(library) => match library.next() {
                    Heard::Said(said) => Some(said),
                    _ => None,
                },
            };
            if let Some(said) = said {
                return said;
            }
        }
    }

    /// Reads to the end of the connection, however it ends: what was said, and the very last line. The library does
    /// not end; for it this is up to the first word that it is offline.
    pub fn hear_to_the_end(&mut self) -> (Vec<Said>, String) {
        let (said_in, lines): (SaidIn, Vec<String>) = match &mut self.line {
            Connection::Irc(irc) => (said_in_irc, irc.rest_of_broken()),
            Connection::Web(socket) => (said_in_irc, std::iter::from_fn(|| text_of(socket)).collect()),
            Connection::Terminal(terminal) => (said_at_terminal, terminal.rest_of_broken()),
            Connection::Library(library) => {
                let (mut said, mut last) = (Vec::new(), String::new());
                loop {
                    match library.next() {
                        Heard::Said(word) => said.push(word),
                        Heard::Closed(reason) => last = reason,
                        Heard::Offline => return (said, last),
                        Heard::Online | Heard::Delivered => {}
                    }
                }
            }
        };
        let said = lines.iter().filter_map(|line| said_in(line)).collect();
        (said, lines.last().cloned().unwrap_or_default())
    }

    /// For the library: reads up to this word of it; gives what was said before it.
    pub fn hear_until(&mut self, wanted: &Heard) -> Vec<Said> {
        let Connection::Library(library) = &mut self.line else { panic!("only the library tells") };
        let mut said = Vec::new();
        loop {
            match library.next() {
                heard if heard == *wanted => return said,
                Heard::Said(word) => said.push(word),
                _ => {}
            }
        }
    }
}

/// What is said in a line of IRC, if it is something said in the lobby.
fn said_in_irc(line: &str) -> Option<Said> {
    let short = short(line);
    let (name, text) = short.split_once(" PRIVMSG #lobby :")?;
    Some((name.to_owned(), text.to_owned()))
}

/// What is said in a line at a bare terminal. Names have no spaces, and lines of the server no such colon.
fn said_at_terminal(line: &str) -> Option<Said> {
    let (name, text) = line.split_once(": ")?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| (name.to_owned(), text.to_owned()))
}

fn web(server: &Server, name: &str) -> WebSocket<TcpStream> {
    let address = server.address("web");
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    let uri = format!("ws://{address}/ws").parse().expect("a URI");
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("text.ircv3.net");
    let (mut socket, _) = tungstenite::client(request, stream).expect("a WebSocket");
    for line in [
        "CAP REQ :message-tags server-time echo-message batch",
        &format!("NICK {name}"),
        &format!("USER {name} 0 * :{name}"),
        "CAP END",
    ] {
        socket.send(Message::text(line)).expect("the server reads");
    }
    while !text_of(&mut socket).expect("the names").contains(" 366 ") {}
    socket
}

/// The next line of a WebSocket; `None` at its end.
fn text_of(socket: &mut WebSocket<TcpStream>) -> Option<String> {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => match text.strip_prefix("PING ") {
                // The end is noticed by reading.
                Some(token) => drop(socket.send(Message::text(format!("PONG {token}")))),
                None => return Some(text.as_str().to_owned()),
            },
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing comes over the WebSocket")
            }
            Err(_) => return None,
        }
    }
}

impl Attended {
    fn sign_in(address: SocketAddr, name: &str) -> Attended {
        let (say, mut to_say) = unbounded_channel::<String>();
        let (hear, heard) = channel();
        let name = name.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let options = Options { name, seed: Driver::random_seed(), ..Options::default() };
                let endpoint = Endpoint { host: address.ip().to_string(), port: address.port(), tls: None };
                let mut driver = Driver::new(Library::new(options), &endpoint).expect("an address");
                driver.act(Library::connect);
                loop {
                    tokio::select! {
                        text = to_say.recv() => match text {
                            Some(text) => {
                                driver.act(|client, now| client.send(now, "#lobby", MessageKind::Text, &text));
                            }
                            None => return,
                        },
                        event = driver.next() => {
                            for heard in heard_in(event, &driver) {
                                // The test may have heard enough.
                                let _ = hear.send(heard);
                            }
                        }
                    }
                }
            });
        });
        let mut attended = Attended { say: Some(say), heard, thread: Some(thread) };
        while attended.next() != Heard::Online {}
        attended
    }

    fn say(&self, text: &str) {
        let say = self.say.as_ref().expect("there until the end");
        say.send(text.to_owned()).expect("the client runs");
    }

    fn next(&mut self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("the library tells something soon")
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        drop(self.say.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn heard_in(event: Event, driver: &Driver) -> Vec<Heard> {
    match event {
        Event::Message(message) => vec![Heard::Said((message.sender, message.text))],
        Event::History { messages, missed: true, .. } => {
            messages.into_iter().map(|message| Heard::Said((message.sender, message.text))).collect()
        }
        Event::Members { .. } => vec![Heard::Online],
        Event::ServerClosed { reason } => vec![Heard::Closed(reason)],
        Event::Offline { .. } => vec![Heard::Offline],
        Event::Outbox { state: None, .. } if driver.client().outbox().is_empty() => vec![Heard::Delivered],
        _ => Vec::new(),
    }
}
