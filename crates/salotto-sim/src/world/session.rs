//! A small model of the server's side of a connection: lines in, commands and questions out.
//!
//! The real one is bound to sockets (`salotto-server`, `shard` and `irc`). This one knows what the client needs to
//! sign in, resume, take part in rooms and fetch history.

use salotto_core::{
    AccountId, Command, Leaving, Nick, NodeId, Post, PostKind, RoomName, Seq, SessionId, SignIn,
};
use salotto_wire::{Message, sasl, server_time};

use super::agenda::{HistoryRequest, Moment};
use super::render::{SERVER, line};
use crate::script::room;

/// The tag that carries a post's token.
const TOKEN_TAG: &str = "+salotto.chat/token";
const CAPABILITIES: &str = "message-tags server-time batch echo-message labeled-response standard-replies \
    sasl=PLAIN draft/chathistory salotto.chat/resume";
/// How many messages a page has at most.
const PAGE_MAX: usize = 100;

/// What a session asks of the core's thread.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Command(Command),
    /// The conversation under the request's target, if it may be read.
    History(HistoryRequest),
}

/// What comes of one line.
#[derive(Debug, Default)]
pub(super) struct Reaction {
    /// Answers that need nobody else.
    pub lines: Vec<String>,
    /// Each with the label of the line.
    pub asks: Vec<(Ask, Option<String>)>,
    /// The client says goodbye.
    pub quits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Registering,
    SigningIn,
    Online,
}

/// The server's side of a connection.
#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub stage: Stage,
    /// Whether the client speaks the protocol; a hostile one that only sends commands reads nothing.
    pub reads: bool,
    pub heard_at: Moment,
    pub pinged: bool,
    nick_wish: Option<Nick>,
    introduced: bool,
    negotiating: bool,
    account: Option<AccountId>,
    resume: Option<[u8; 32]>,
    token: String,
}

impl Session {
    pub fn new(id: SessionId, reads: bool, now: Moment, token: String) -> Session {
        Session {
            id,
            stage: Stage::Registering,
            reads,
            heard_at: now,
            pinged: false,
            nick_wish: None,
            introduced: false,
            negotiating: false,
            account: None,
            resume: None,
            token,
        }
    }

    /// Takes a line. `account` finds an account by its name; every password is right.
    pub fn line(&mut self, text: &str, account: impl Fn(&str) -> Option<AccountId>) -> Reaction {
        let mut reaction = Reaction::default();
        let Ok(message) = Message::parse(text) else { return reaction };
        let session = self.id;
        let param = |index: usize| message.param(index).unwrap_or_default();
        let label = message.tag("label").map(|label| label.into_owned());
        let mut ask = |command| reaction.asks.push((Ask::Command(command), label.clone()));
        match (message.command(), self.stage) {
            ("CAP", _) => self.capabilities(param(0), message.last_param(), &mut reaction),
            ("NICK", Stage::Registering) => self.nick_wish = Nick::new(param(0)).ok(),
            ("NICK", Stage::Online) => {
                if let Ok(nick) = Nick::new(param(0)) {
                    ask(Command::Rename { session, nick });
                }
            }
            ("USER", _) => self.introduced = true,
            ("AUTHENTICATE", _) => self.authenticate(param(0), account, &mut reaction),
            ("RESUME", Stage::Registering) => self.resume = Some(hash(param(0))),
            ("PING", Stage::Online) => ask(Command::Ping { session, token: param(0).into() }),
            ("QUIT", _) => reaction.quits = true,
            ("JOIN", Stage::Online) => {
                for name in param(0).split(',') {
                    if let Ok(room) = RoomName::new(name) {
                        ask(Command::Join { session, room, key: message.param(1).map(Into::into) });
                    }
                }
            }
            ("PART", Stage::Online) => {
                if let Ok(room) = RoomName::new(param(0)) {
                    ask(Command::Part { session, room, reason: None });
                }
            }
            ("PRIVMSG" | "NOTICE", Stage::Online) => {
                let notice = message.command() == "NOTICE";
                let tags: Vec<&str> =
                    message.raw_tags().split(';').filter(|tag| tag.starts_with('+')).collect();
                ask(Command::Post(Box::new(Post {
                    session,
                    target: param(0).into(),
                    kind: if notice { PostKind::Notice } else { PostKind::Message },
                    text: param(1).into(),
                    tags: tags.join(";").into(),
                    token: message.tag(TOKEN_TAG).map(|token| token.as_ref().into()),
                })));
            }
            ("CHATHISTORY", Stage::Online) => chathistory(&message, &mut reaction),
            _ => {}
        }
        self.try_sign_in(&mut reaction);
        reaction
    }

    fn capabilities(&mut self, subcommand: &str, list: Option<&str>, reaction: &mut Reaction) {
        match subcommand {
            "LS" => {
                self.negotiating = true;
                reaction.lines.push(line(|line| {
                    line.source(SERVER).command("CAP").param("*").param("LS").trailing(CAPABILITIES).end();
                }));
            }
            "REQ" => reaction.lines.push(line(|line| {
                let line = line.source(SERVER).command("CAP").param("*").param("ACK");
                line.trailing(list.unwrap_or_default()).end();
            })),
            "END" => self.negotiating = false,
            _ => {}
        }
    }

    fn authenticate(
        &mut self,
        chunk: &str,
        account: impl Fn(&str) -> Option<AccountId>,
        reaction: &mut Reaction,
    ) {
        if chunk == "PLAIN" {
            return reaction.lines.push("AUTHENTICATE +".to_owned());
        }
        let payload = sasl::ChunkBuffer::default().push(chunk).ok().flatten();
        let plain = payload.and_then(|payload| sasl::parse_plain(&payload).ok());
        self.account = plain.and_then(|plain| account(&plain.account));
        let code = if self.account.is_some() { "903" } else { "904" };
        reaction.lines.push(line(|line| {
            line.source(SERVER).command(code).param("*").trailing("SASL").end();
        }));
    }

    fn try_sign_in(&mut self, reaction: &mut Reaction) {
        if self.stage != Stage::Registering || self.negotiating || !self.introduced {
            return;
        }
        let Some(nick) = self.nick_wish.take() else { return };
        self.stage = Stage::SigningIn;
        let wish = SignIn {
            session: self.id,
            node: NodeId(1),
            user: "u".into(),
            host: "h".into(),
            realname: nick.as_str().into(),
            nick,
            account: self.account,
            resumable: Some(hash(&self.token)),
            resume: self.resume.take(),
            rooms: vec![room("#lobby")],
            rejoin: true,
        };
        reaction.asks.push((Ask::Command(Command::SignIn(Box::new(wish))), None));
    }

    /// The greeting, once signed in under a name.
    pub fn welcome(&mut self, nick: &str) -> Vec<String> {
        self.stage = Stage::Online;
        let numeric = |code: &str, text: &str| {
            line(|line| line.source(SERVER).command(code).param(nick).trailing(text).end())
        };
        let isupport = line(|line| {
            let line = line.source(SERVER).command("005").param(nick).param("CASEMAPPING=ascii");
            let line = line.param("CHANTYPES=#").param("PREFIX=(ov)@+").param("CHATHISTORY=100");
            line.trailing("are supported by this server").end();
        });
        let token = line(|line| {
            line.source(SERVER).command("RESUME").param("TOKEN").param(&self.token).end();
        });
        vec![numeric("001", "Welcome"), isupport, numeric("422", "No MOTD"), token]
    }

    /// The name was refused: another one may be tried on this connection.
    pub fn back_to_registering(&mut self) {
        if self.stage == Stage::SigningIn {
            self.stage = Stage::Registering;
        }
    }
}

/// The command by which a session ends.
pub(super) fn close(session: SessionId, why: Leaving) -> Command {
    Command::Close { session, why }
}

fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

fn chathistory(message: &Message<'_>, reaction: &mut Reaction) {
    let param = |index: usize| message.param(index).unwrap_or_default();
    if param(0) == "TARGETS" {
        // Direct messages are not part of the model, so nobody has written meanwhile.
        reaction.lines.push(format!(":{SERVER} BATCH +t draft/chathistory-targets"));
        reaction.lines.push(format!(":{SERVER} BATCH -t"));
        return;
    }
    let reference = param(2).strip_prefix("msgid=").and_then(Seq::from_msgid).map(|seq| seq.0);
    let stamp = param(2).strip_prefix("timestamp=").and_then(server_time::parse);
    let request = HistoryRequest {
        after_time: stamp.filter(|_| param(0) == "AFTER").and_then(|ms| u64::try_from(ms).ok()),
        target: param(1).to_owned(),
        conversation: None,
        after: reference.filter(|_| param(0) == "AFTER"),
        before: reference.filter(|_| param(0) == "BEFORE"),
        limit: param(3).parse().unwrap_or(0).min(PAGE_MAX),
    };
    reaction.asks.push((Ask::History(request), None));
}
