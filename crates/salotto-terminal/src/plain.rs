//! One event a line: for pipes, screen readers and whoever likes it so.
//!
//! What happens in the chat goes to standard output, what the client has to say to standard error.
//! Neither ever gets an escape sequence. Each line of standard input is sent, or is a command.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use salotto_client::{
    ChatMessage, ConversationKind, EntryState, Event, LeaveKind, LocalId, Loss, MessageKind, State,
    StopReason,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::command::{self, Command, room_name};
use crate::language::Language;
use crate::options::{ChatOptions, ExitStatus};
use crate::sanitise::{line, short};
use crate::session::{Outcome, Session};
use crate::signal::Signals;
use crate::stdin;

/// No more input is read while so many messages wait to be sent.
const UNSENT_MAX: usize = 1000;
/// Leaving in good order may take this long.
const LEAVE_WITHIN: Duration = Duration::from_millis(1500);

pub(crate) async fn run(options: ChatOptions) -> ExitStatus {
    // Signals are taken over before the first question, so that Ctrl-C works there, too.
    let mut signals = Signals::new();
    let interactive = io::stdin().is_terminal();
    let language = options.language.unwrap_or_else(Language::from_environment);
    let mut input = stdin::lines();
    let name = match options.name.clone().filter(|n| !n.trim().is_empty()) {
        Some(name) => name,
        None if !interactive => {
            notice(language.name_missing_in_pipe());
            return ExitStatus::Usage;
        }
        None => match ask_name(language, &mut input, &mut signals).await {
            Ok(name) => name,
            Err(status) => return status,
        },
    };
    let options = ChatOptions { name: Some(name.trim().to_owned()), ..options };
    let session = match Session::new(&options, false, interactive) {
        Ok(session) => session,
        Err(error) => {
            notice(&language.cannot_start(&error.to_string()));
            return ExitStatus::Usage;
        }
    };
    let mut plain = Plain {
        session,
        interactive,
        room: options.room.as_deref().map(room_name),
        current: None,
        waiting: VecDeque::new(),
        input_ended: false,
        quit_reason: String::new(),
        refused_message: false,
        asking: false,
        welcomed: false,
        told_loss: None,
        held: None,
        reader_gone: Cell::new(false),
        ended: None,
    };
    plain.run(&mut input, &mut signals).await
}

async fn ask_name(
    language: Language,
    input: &mut mpsc::Receiver<String>,
    signals: &mut Signals,
) -> Result<String, ExitStatus> {
    loop {
        prompt(language.user_name());
        tokio::select! {
            status = signals.next() => {
                eprintln!();
                return Err(status);
            }
            answer = input.recv() => match answer {
                Some(name) if name.trim().is_empty() => notice(language.choose_name()),
                Some(name) => return Ok(name),
                None => {
                    eprintln!();
                    return Err(ExitStatus::Usage);
                }
            },
        }
    }
}

struct Plain {
    session: Session,
    interactive: bool,
    /// The room that was asked for and is not entered yet.
    room: Option<String>,
    /// Where typed lines go.
    current: Option<String>,
    /// Lines read before there was a room to say them in.
    waiting: VecDeque<String>,
    input_ended: bool,
    quit_reason: String,
    refused_message: bool,
    asking: bool,
    welcomed: bool,
    told_loss: Option<Loss>,
    /// What was said since the return, while what was said before it is still being fetched: a pipe has all of it in order.
    held: Option<Vec<ChatMessage>>,
    /// Nobody reads standard output any more.
    reader_gone: Cell<bool>,
    ended: Option<ExitStatus>,
}

impl Plain {
    async fn run(&mut self, input: &mut mpsc::Receiver<String>, signals: &mut Signals) -> ExitStatus {
        notice(&self.language().connecting(&self.session.host));
        self.session.driver.act(salotto_client::Client::connect);
        while self.ended.is_none() {
            let unsent = self.waiting.len() + self.session.client().outbox().entries().len();
            let reading = !self.input_ended && unsent < UNSENT_MAX;
            tokio::select! {
                status = signals.next() => self.leave("", status),
                event = self.session.driver.next() => self.show(event),
                typed = input.recv(), if reading => match typed {
                    Some(typed) => self.typed(typed),
                    None => self.input_ended = true,
                },
            }
            self.session.keep();
            self.end_if_done();
        }
        let status = self.ended.unwrap_or(ExitStatus::Success);
        self.release();
        self.say_goodbye().await;
        status
    }

    fn language(&self) -> Language {
        self.session.language
    }

    /// A pipe that has been sent to its end, or can get no further, ends the client.
    fn end_if_done(&mut self) {
        if self.ended.is_none() && self.reader_gone.get() {
            return self.leave("", ExitStatus::Success);
        }
        if self.ended.is_some() || !self.input_ended {
            return;
        }
        let outbox = self.session.client().outbox();
        let online = *self.session.client().state() == State::Online;
        if online && self.current.is_some() && self.waiting.is_empty() && outbox.is_settled() {
            let status = if self.refused_message { ExitStatus::Failure } else { ExitStatus::Success };
            let reason = std::mem::take(&mut self.quit_reason);
            self.leave(&reason, status);
        }
    }

    /// Leaves when all that was said before has arrived; at once where that cannot be.
    fn leave_after_all(&mut self, reason: String) {
        let online = *self.session.client().state() == State::Online;
        if self.interactive && (!online || self.session.client().outbox().is_settled()) {
            return self.leave(&reason, ExitStatus::Success);
        }
        self.quit_reason = reason;
        self.input_ended = true;
        // Nothing is said after a farewell.
        self.waiting.clear();
    }

    fn leave(&mut self, reason: &str, status: ExitStatus) {
        self.ended = Some(status);
        self.session.driver.act(|c, now| c.quit(now, reason));
    }

    /// Waits for the server to close, so that the others are told why we left.
    async fn say_goodbye(&mut self) {
        let closed = async {
            while *self.session.client().state() == State::Closing {
                let event = self.session.driver.next().await;
                if let Event::Message(message) = event {
                    self.print_message(&message);
                }
            }
        };
        // The client itself waits for a second; this is the bound if it does not.
        let _ = timeout(LEAVE_WITHIN, closed).await;
        let unsent = self.waiting.len() + self.session.client().outbox().entries().len();
        if unsent > 0 {
            notice(&self.session.language.unsent_lines(unsent));
        }
        self.session.keep();
    }

    fn typed(&mut self, typed: String) {
        if self.asking {
            let name = typed.trim();
            match command::parse(name) {
                Ok(Command::Quit(reason)) => return self.leave(&reason, ExitStatus::Success),
                _ if name.is_empty() => return self.ask(),
                _ => {}
            }
            self.asking = false;
            let name = name.to_owned();
            return self.session.sign_in(&name);
        }
        let is_text = !typed.starts_with('/') || typed.starts_with("//");
        let room_ready = self.current.is_some() && self.room.is_none();
        // In a pipe commands keep their place among the texts; a person's are carried out at once.
        if !room_ready && (is_text || !self.interactive) {
            if !typed.trim().is_empty() {
                self.waiting.push_back(typed);
            }
            return;
        }
        let current = self.current.clone();
        match command::parse(&typed) {
            Ok(command) => {
                let outcome = self.session.carry_out(command, current.as_deref());
                self.show_outcome(outcome);
            }
            Err(command::CommandError::Empty) => {}
            Err(error) => {
                self.refused_message |= !self.interactive;
                notice(&self.language().command_error(&error));
            }
        }
    }

    fn show_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done => {}
            Outcome::Notice(lines) => lines.iter().for_each(|text| notice(text)),
            Outcome::Error(text) => {
                self.refused_message |= !self.interactive;
                notice(&text);
            }
            Outcome::Show(target) => {
                let known = self.session.client().conversation(&target);
                if known.is_some_and(|c| c.is_joined()) {
                    self.current = Some(target);
                } else if known.is_none_or(|c| c.kind() == ConversationKind::Room) {
                    self.room = Some(target);
                }
            }
            Outcome::Quit(reason) => self.leave_after_all(reason),
        }
    }

    /// Goes on with what was typed while there was no room for it.
    fn resume_waiting(&mut self) {
        while self.current.is_some() && self.room.is_none() && self.ended.is_none() {
            let Some(typed) = self.waiting.pop_front() else { return };
            self.typed(typed);
        }
    }

    fn ask(&mut self) {
        self.asking = true;
        prompt(self.language().user_name());
    }

    fn show(&mut self, event: Event) {
        let language = self.language();
        match event {
            Event::StateChanged(State::Stopped(reason)) => self.stopped(&reason),
            Event::StateChanged(State::Online) => self.told_loss = None,
            Event::StateChanged(State::Idle) => notice(language.disconnected()),
            Event::NickRefused(refusal) => {
                notice(&language.name_refused(&refusal));
                if refusal.signing_in && self.interactive {
                    self.ask();
                } else if refusal.signing_in {
                    self.leave("", ExitStatus::NameRefused);
                }
            }
            Event::SignedIn { again: true, .. } => self.held = Some(Vec::new()),
            Event::Offline { loss, retry_in_ms } => {
                self.release();
                self.offline(&loss, retry_in_ms);
            }
            Event::Reconnected { new_messages } => {
                self.release();
                notice(&language.reconnected(new_messages));
            }
            Event::Joined { room, name, own } => self.joined(&room, &name, own),
            Event::Left { rooms, name, kind, reason, own } => self.left(&rooms, &name, &kind, &reason, own),
            Event::Renamed { from, to, .. } => self.event_line(&language.renamed(&from, &to)),
            Event::Message(message) => match &mut self.held {
                Some(held) => held.push(message),
                None => self.print_message(&message),
            },
            Event::History { messages, missed: true, .. } => {
                messages.iter().for_each(|message| self.print_message(message));
            }
            Event::Topic { topic, by: None, .. } if !topic.is_empty() => notice(&language.topic_is(&topic)),
            Event::Topic { topic, by: Some(by), .. } => self.event_line(&language.topic_changed(&by, &topic)),
            Event::Modes { by, change, .. } => self.event_line(&language.modes_changed(&by, &change)),
            Event::Invited { room, by } => self.event_line(&language.invited(&by, &room)),
            Event::Outbox { id, state: Some(EntryState::Failed(reason)) } => self.not_sent(id, &reason),
            Event::Outbox { state: Some(EntryState::Queued), .. } if self.interactive => {
                notice(language.queued())
            }
            Event::RoomListed { room, members, topic } => {
                notice(&language.room_listed(&room, members, &topic))
            }
            Event::Account { account, text } => notice(&language.account(account.as_deref(), &text)),
            Event::Failed { context, text, .. } => self.failed(&context, &text),
            Event::ServerText { text } => notice(&line(&text)),
            Event::Devices(devices) => language.devices(&devices).iter().for_each(|text| notice(text)),
            Event::DeviceRevoked { id } => notice(&language.device_revoked(&id)),
            Event::StateChanged(_)
            | Event::SignedIn { .. }
            | Event::ServerClosed { .. }
            | Event::History { .. }
            | Event::Topic { .. }
            | Event::Members { .. }
            | Event::Outbox { .. }
            | Event::ReadMarker { .. }
            | Event::RoomListEnd
            | Event::DeviceToken(_)
            | Event::Lag { .. } => {}
        }
    }

    fn stopped(&mut self, reason: &StopReason) {
        if self.ended.is_some() {
            return;
        }
        notice(&self.language().stopped(reason, &self.session.host, self.session.port));
        self.ended = Some(match reason {
            StopReason::Quit => ExitStatus::Success,
            StopReason::Lost(_) => ExitStatus::Unreachable,
            StopReason::Certificate { .. } | StopReason::SignInRefused(_) | StopReason::Banned(_) => {
                ExitStatus::Failure
            }
        });
    }

    fn offline(&mut self, loss: &Loss, retry_in_ms: Option<u64>) {
        let language = self.language();
        // Each further attempt that fails in the same way is no news.
        if self.told_loss.as_ref() != Some(loss) {
            notice(&language.loss(loss, &self.session.host, self.session.port));
            self.told_loss = Some(loss.clone());
        }
        if self.input_ended {
            self.leave("", ExitStatus::Unreachable);
        } else if let Some(ms) = retry_in_ms {
            notice(&language.offline(ms.div_ceil(1000)));
        }
    }

    fn joined(&mut self, room: &str, name: &str, own: bool) {
        let language = self.language();
        if !own {
            let elsewhere = self.elsewhere(room);
            return self.event_line(&language.joined(name, elsewhere));
        }
        let asked_for = match &self.room {
            Some(wanted) => self.session.client().same_name(wanted, room),
            None => self.current.is_none(),
        };
        if asked_for {
            self.room = None;
            self.current = Some(room.to_owned());
        }
        let own_name = self.session.client().name().to_owned();
        if asked_for && !std::mem::replace(&mut self.welcomed, true) {
            notice(&language.welcome(&own_name, room));
        } else if self.elsewhere(room).is_some() || asked_for {
            notice(&language.you_joined(room));
        }
        self.resume_waiting();
    }

    fn left(&mut self, rooms: &[String], name: &str, kind: &LeaveKind, reason: &str, own: bool) {
        let language = self.language();
        let first = rooms.first().map(String::as_str).unwrap_or_default();
        if !own {
            // A person who leaves the server leaves all rooms with one line.
            let room = match kind {
                LeaveKind::Quit | LeaveKind::Lost => None,
                LeaveKind::Part | LeaveKind::Kicked { .. } => self.elsewhere(first),
            };
            return self.event_line(&language.left(name, kind, reason, room));
        }
        match kind {
            LeaveKind::Kicked { .. } => notice(&language.left(name, kind, reason, Some(first))),
            _ => notice(&language.you_left(first)),
        }
        let client = self.session.client();
        if self.current.as_deref().is_some_and(|current| client.same_name(current, first)) {
            self.current = client.conversations().find(|c| c.is_joined()).map(|c| c.name().to_owned());
        }
    }

    fn not_sent(&mut self, id: LocalId, reason: &salotto_client::FailReason) {
        self.refused_message |= !self.interactive;
        let entry = self.session.client().outbox().entries().iter().find(|e| e.id == id);
        let text = entry.map(|e| short(&e.text, 60)).unwrap_or_default();
        notice(&format!("{} ({text})", self.language().not_sent(reason)));
        if self.interactive {
            notice(self.language().retry_or_discard());
        } else {
            // Nobody is there to decide; the lines after it are still to be said.
            self.session.driver.act(|c, now| c.discard(now, id));
        }
    }

    fn failed(&mut self, context: &str, text: &str) {
        notice(&self.language().failed(context, text));
        let client = self.session.client();
        let room_refused = self.room.as_deref().is_some_and(|room| client.same_name(room, context));
        if room_refused {
            self.room = None;
            if !self.interactive {
                return self.leave("", ExitStatus::Failure);
            }
            // What was meant for that room is said in no other.
            let unsent = std::mem::take(&mut self.waiting).len();
            if unsent > 0 {
                notice(&self.language().unsent_lines(unsent));
            }
        }
    }

    fn print_message(&self, message: &ChatMessage) {
        let sender = short(&message.sender, 64);
        let place = match self.elsewhere(&message.target) {
            Some(target) => format!("[{}] ", short(target, 64)),
            None => String::new(),
        };
        let text = line(&message.text);
        match message.kind {
            MessageKind::Text => self.print(&format!("{place}{sender}: {text}")),
            MessageKind::Action => self.print(&format!("{place}* {sender} {text}")),
            MessageKind::Notice => self.print(&format!("{place}-{sender}- {text}")),
        }
    }

    /// Prints what was held back.
    fn release(&mut self) {
        self.held.take().iter().flatten().for_each(|message| self.print_message(message));
    }

    fn event_line(&self, text: &str) {
        self.print(&format!("* {text}"));
    }

    /// Prints a line at once, so that a pipe has it as it happens.
    fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            self.reader_gone.set(true);
        }
    }

    /// The target, unless it is where the user is.
    fn elsewhere<'a>(&self, target: &'a str) -> Option<&'a str> {
        let client = self.session.client();
        let here = self.current.as_deref().is_some_and(|current| client.same_name(current, target));
        (!here).then_some(target)
    }
}

/// Tells the user something that is not part of the chat.
fn notice(text: &str) {
    // When standard error is closed, nobody wants to be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn prompt(text: &str) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}: ").and_then(|()| out.flush());
}
