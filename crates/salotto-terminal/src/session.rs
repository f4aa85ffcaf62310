//! The connection behind both faces of the client, and the commands that both carry out.

use salotto_client::{
    Client, Conversation, ConversationKind, Credentials, Driver, DriverError, Endpoint, EntryState, LocalId,
    MessageKind, Options, Outbox, State, Trust,
};

use crate::command::{Command, room_name};
use crate::device_file::DeviceFile;
use crate::language::Language;
use crate::options::ChatOptions;
use crate::outbox_file::OutboxFile;
use crate::sanitise::short;

/// A connected or connecting client with its settings.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) driver: Driver,
    pub(crate) language: Language,
    pub(crate) host: String,
    pub(crate) port: u16,
    password: Option<String>,
    kept: Option<OutboxFile>,
    device: Option<DeviceFile>,
}

/// What a command has led to, beside what the server will say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to show.
    Done,
    /// Something to show.
    Notice(Vec<String>),
    /// Something to show as an error.
    Error(String),
    /// The view goes to this conversation, which may not be there yet.
    Show(String),
    /// The user leaves.
    Quit(String),
}

impl Session {
    /// Makes the session; nothing is connected yet. `keep` says whether unsent messages are kept.
    pub(crate) fn new(options: &ChatOptions, history_on_join: bool, keep: bool) -> Result<Self, DriverError> {
        let language = options.language.unwrap_or_else(Language::from_environment);
        let name = options.name.clone().unwrap_or_default();
        let credentials =
            options.password.clone().map(|password| Credentials { account: name.clone(), password });
        let mut kept = options
            .state_dir
            .as_ref()
            .filter(|_| keep && !name.is_empty())
            .map(|directory| OutboxFile::new(directory, &options.host, options.port, &name));
        let mut device = options
            .state_dir
            .as_ref()
            .filter(|_| keep)
            .map(|directory| DeviceFile::new(directory.clone(), &options.host, options.port));
        let outbox = kept.as_mut().map_or_else(Outbox::default, OutboxFile::load);
        let client = Client::with_outbox(
            Options {
                device: device.as_mut().filter(|_| !name.is_empty()).and_then(|device| device.load(&name)),
                device_name: format!("Salotto · terminal · {}", std::env::consts::OS),
                name,
                credentials,
                rooms: options.room.iter().map(|room| room_name(room)).collect(),
                seed: Driver::random_seed(),
                history_on_join,
                ..Options::default()
            },
            outbox,
        );
        let tls = match options.fingerprint {
            Some(fingerprint) => Some(Trust::Pinned(fingerprint)),
            None => options.tls.then_some(Trust::System),
        };
        let endpoint = Endpoint { host: options.host.clone(), port: options.port, tls };
        let driver = Driver::new(client, &endpoint)?;
        Ok(Self {
            driver,
            language,
            host: options.host.clone(),
            port: options.port,
            password: options.password.clone(),
            kept,
            device,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        self.driver.client()
    }

    /// Signs in under a name: the first one, or another after a refusal.
    pub(crate) fn sign_in(&mut self, name: &str) {
        let credentials =
            self.password.clone().map(|password| Credentials { account: name.to_owned(), password });
        let device = self.device.as_mut().and_then(|device| device.load(name));
        self.driver.act(|c, now| {
            c.set_device_token(device);
            c.set_credentials(credentials);
            c.set_name(now, name);
            c.connect(now);
        });
    }

    /// Keeps what is unsent, and what signs this device in, where this was asked for. A disk that does not take it is
    /// no reason to stop chatting.
    pub(crate) fn keep(&mut self) {
        if let Some(file) = &mut self.kept {
            let _ = file.save(self.driver.client().outbox());
        }
        if let Some(file) = &mut self.device {
            let _ = file.save(self.driver.client().device_token());
        }
    }

    /// Carries out a command. `current` is the conversation that is shown.
    pub(crate) fn carry_out(&mut self, command: Command, current: Option<&str>) -> Outcome {
        let language = self.language;
        let online = *self.client().state() == State::Online;
        let here = || current.map(str::to_owned).ok_or_else(|| language.not_in_room().to_owned());
        match command {
            Command::Say(text) => self.say(here(), MessageKind::Text, &text),
            Command::Me(text) => self.say(here(), MessageKind::Action, &text),
            Command::Message { target, text } => match self.say(Ok(target.clone()), MessageKind::Text, &text)
            {
                Outcome::Done => Outcome::Show(target),
                other => other,
            },
            Command::Query(name) => {
                self.driver.act(|c, now| c.open_direct(now, &name));
                Outcome::Show(name)
            }
            Command::Quit(reason) => Outcome::Quit(reason),
            Command::Join { room, key } => {
                self.driver.act(|c, _| c.join(&room, key.as_deref()));
                Outcome::Show(room)
            }
            Command::Part { room, reason } => match room.map_or_else(here, Ok) {
                Err(error) => Outcome::Error(error),
                Ok(room) => {
                    let direct = |c: &Conversation| c.kind() == ConversationKind::Direct;
                    if !self.client().conversation(&room).is_some_and(direct) {
                        self.driver.act(|c, _| c.part(&room, &reason));
                    }
                    // A room goes when the server has confirmed.
                    self.driver.act(|c, _| c.close_conversation(&room));
                    Outcome::Done
                }
            },
            Command::Nick(name) if matches!(self.client().state(), State::NameNeeded | State::Online) => {
                self.driver.act(|c, now| c.set_name(now, &name));
                Outcome::Done
            }
            Command::Topic(None) => match current.and_then(|t| self.client().conversation(t)) {
                Some(conversation) => Outcome::Notice(vec![language.topic_is(&conversation.topic().text)]),
                None => Outcome::Error(language.not_in_room().to_owned()),
            },
            Command::Who => match current.and_then(|t| self.client().conversation(t)) {
                Some(conversation) => {
                    let who: Vec<String> = conversation
                        .members()
                        .map(|m| format!("{}{}", short(&m.prefixes, 4), short(&m.name, 64)))
                        .collect();
                    Outcome::Notice(vec![language.members_are(conversation.name(), &who)])
                }
                None => Outcome::Error(language.not_in_room().to_owned()),
            },
            Command::Connect => match self.client().state() {
                State::Online | State::Registering | State::NameNeeded | State::Closing => {
                    Outcome::Notice(vec![language.already_online().to_owned()])
                }
                _ => {
                    self.driver.act(Client::connect);
                    Outcome::Done
                }
            },
            Command::Disconnect => {
                self.driver.act(Client::disconnect);
                Outcome::Done
            }
            Command::Retry => self.each_failed(Client::retry),
            Command::Discard => self.each_failed(Client::discard),
            // What is left needs the server.
            _ if !online => Outcome::Error(language.not_online().to_owned()),
            Command::Topic(Some(topic)) => match here() {
                Err(error) => Outcome::Error(error),
                Ok(room) => self.quietly(|c| c.set_topic(&room, &topic)),
            },
            Command::Rooms => self.quietly(Client::list_rooms),
            Command::Whois(name) => self.quietly(|c| c.command("WHOIS", &[&name], None)),
            Command::Away(text) => {
                let text = Some(text).filter(|t| !t.is_empty());
                self.quietly(|c| c.command("AWAY", &[], text.as_deref()))
            }
            Command::Register { password, email } => {
                self.quietly(|c| c.register_account("*", &email, &password))
            }
            Command::Devices => self.quietly(Client::list_devices),
            Command::Revoke(device) => {
                let id = if device == "all" { "*" } else { &device };
                self.quietly(|c| c.revoke_device(id))
            }
            Command::Password { old, new } => self.quietly(|c| c.change_password(&old, &new)),
            Command::Nick(_) => Outcome::Error(language.not_online().to_owned()),
            Command::Help => Outcome::Notice(language.help(false)),
        }
    }

    fn say(&mut self, target: Result<String, String>, kind: MessageKind, text: &str) -> Outcome {
        let target = match target {
            Ok(target) => target,
            Err(error) => return Outcome::Error(error),
        };
        let ids = self.driver.act(|c, now| c.send(now, &target, kind, text));
        self.keep();
        if ids.is_empty() { Outcome::Error(self.language.outbox_full().to_owned()) } else { Outcome::Done }
    }

    fn quietly(&mut self, command: impl FnOnce(&mut Client)) -> Outcome {
        self.driver.act(|c, _| command(c));
        Outcome::Done
    }

    fn each_failed(&mut self, action: impl Fn(&mut Client, salotto_client::Time, LocalId)) -> Outcome {
        let failed: Vec<LocalId> = self
            .client()
            .outbox()
            .entries()
            .iter()
            .filter(|e| matches!(e.state, EntryState::Failed(_)))
            .map(|e| e.id)
            .collect();
        for id in failed {
            self.driver.act(|c, now| action(c, now, id));
        }
        Outcome::Done
    }
}
