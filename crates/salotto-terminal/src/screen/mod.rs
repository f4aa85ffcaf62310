//! The full screen: rooms, timeline, members, status and input.

mod completion;
mod draw;
mod editor;
mod guard;
mod item;
mod scroll;
mod switcher;
#[cfg(test)]
mod tests;
mod theme;
mod view;
mod wrap;

use std::time::Duration;

use crossterm::event::{Event as Input, EventStream};
use futures_util::{FutureExt, StreamExt};
use jiff::tz::TimeZone;
use salotto_client::{Client, Event, LeaveKind, State, StopReason, Time};
use tokio::time::{Instant, sleep_until, timeout};

use crate::command::{self, Command, CommandError};
use crate::language::Language;
use crate::options::{ChatOptions, ExitStatus};
use crate::session::{Outcome, Session};
use crate::signal::Signals;
use guard::Guard;
use switcher::Destination;
use theme::Theme;
use view::{Action, View};

/// What is shown this long at its end has been read.
const READ_AFTER: Duration = Duration::from_millis(500);
/// While time itself is shown, it is shown so often.
const TICK: Duration = Duration::from_secs(1);
/// Leaving in good order may take this long.
const LEAVE_WITHIN: Duration = Duration::from_millis(1500);
/// So many events are taken in before the screen is drawn again.
const EVENTS_A_FRAME: usize = 256;

pub(crate) async fn run(options: ChatOptions) -> ExitStatus {
    let language = options.language.unwrap_or_else(Language::from_environment);
    let signals = Signals::new();
    let guard = match Guard::new() {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{}", language.no_terminal(&error.to_string()));
            return ExitStatus::Failure;
        }
    };
    let zone = TimeZone::system();
    let view = View::new(language, Theme::from_environment(), zone, &options.host, options.port);
    let mut screen = Screen {
        guard,
        signals,
        keys: EventStream::new(),
        view,
        session: None,
        options,
        read_at: None,
        filled: None,
        ended: None,
    };
    let status = screen.run().await;
    let last_word = screen.last_word();
    drop(screen);
    if let Some(text) = last_word {
        eprintln!("{text}");
    }
    status
}

struct Screen {
    guard: Guard,
    signals: Signals,
    keys: EventStream,
    view: View,
    /// There is none before there is a name.
    session: Option<Session>,
    options: ChatOptions,
    read_at: Option<Instant>,
    /// The conversation and its first message when older ones were last fetched unasked.
    filled: Option<(String, Option<String>)>,
    ended: Option<ExitStatus>,
}

/// What woke the program.
enum Wake {
    Signal(ExitStatus),
    Input(Option<std::io::Result<Input>>),
    Client(Event),
    Tick,
    Read,
}

impl Screen {
    async fn run(&mut self) -> ExitStatus {
        match self.options.name.clone().filter(|n| !n.trim().is_empty()) {
            Some(name) => self.begin(name.trim()),
            None => self.view.ask_name(None, ""),
        }
        while self.ended.is_none() {
            self.draw();
            self.plan_reading();
            self.fill();
            let wake = self.wait().await;
            self.handle(wake);
        }
        self.draw();
        self.say_goodbye().await;
        self.ended.unwrap_or(ExitStatus::Success)
    }

    async fn wait(&mut self) -> Wake {
        // The seconds until the next attempt are counted down; all else that changes is told.
        let counting = self.client().is_some_and(|c| matches!(c.state(), State::Waiting { .. }));
        let tick = counting.then(|| Instant::now() + TICK);
        let session = &mut self.session;
        let client = async {
            match session {
                Some(session) => session.driver.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.signals.next() => Wake::Signal(status),
            input = self.keys.next() => Wake::Input(input),
            event = client => Wake::Client(event),
            () = sleep_or_never(tick) => Wake::Tick,
            () = sleep_or_never(self.read_at) => Wake::Read,
        }
    }

    fn handle(&mut self, wake: Wake) {
        match wake {
            Wake::Signal(status) => self.leave("", status),
            // The terminal is gone.
            Wake::Input(None | Some(Err(_))) => self.leave("", ExitStatus::Terminated),
            Wake::Input(Some(Ok(input))) => self.input(input),
            Wake::Client(event) => {
                self.event(&event);
                for _ in 0..EVENTS_A_FRAME {
                    let session = self.session.as_mut();
                    let Some(event) = session.and_then(|s| s.driver.next().now_or_never()) else { break };
                    self.event(&event);
                }
                if let Some(session) = &mut self.session {
                    session.keep();
                }
            }
            Wake::Tick => {}
            Wake::Read => {
                self.read_at = None;
                if let (Some(session), Some(target)) = (&mut self.session, &self.view.current) {
                    session.driver.act(|c, _| c.mark_read(target));
                }
            }
        }
    }

    fn client(&self) -> Option<&Client> {
        self.session.as_ref().map(Session::client)
    }

    fn now(&self) -> Time {
        match &self.session {
            Some(session) => session.driver.now(),
            None => Time::from_unix_ms(jiff::Timestamp::now().as_millisecond()),
        }
    }

    /// Connects under the first name.
    fn begin(&mut self, name: &str) {
        let options = ChatOptions { name: Some(name.to_owned()), ..self.options.clone() };
        match Session::new(&options, true, true) {
            Ok(mut session) => {
                session.driver.act(Client::connect);
                self.session = Some(session);
            }
            Err(error) => {
                let text = self.view.language.cannot_start(&error.to_string());
                self.view.ask_name(Some(text), name);
            }
        }
        if let Some(room) = &self.options.room {
            let (room, now) = (command::room_name(room), self.now().unix_ms());
            if let Some(session) = &self.session {
                self.view.want(session.client(), &room, now);
            }
        }
    }

    fn draw(&mut self) {
        let now = self.now();
        let client = self.session.as_ref().map(Session::client);
        let view = &mut self.view;
        // A terminal that does not take it is found gone by its input.
        let _ = self.guard.terminal.draw(|frame| draw::draw(frame, view, client, now));
    }

    /// Fetches what is older while its place is in view. Each beginning is asked about once.
    fn fill(&mut self) {
        let Some(target) = self.view.current.clone().filter(|_| self.view.top_shown) else { return };
        let Some(session) = &mut self.session else { return };
        let Some(conversation) = session.client().conversation(&target) else { return };
        let first = conversation.timeline().first_message().and_then(|m| m.msgid.clone());
        let asked = Some((target.clone(), first));
        if conversation.timeline().first_message().is_some()
            && self.filled != asked
            && session.driver.act(|c, now| c.load_before(now, &target))
        {
            self.filled = asked;
        }
    }

    /// What is shown long enough counts as read.
    fn plan_reading(&mut self) {
        let reading = self.client().is_some_and(|c| self.view.is_reading(c));
        self.read_at = match (reading, self.read_at) {
            (true, None) => Some(Instant::now() + READ_AFTER),
            (true, planned) => planned,
            (false, _) => None,
        };
    }

    fn event(&mut self, event: &Event) {
        let now_ms = self.now().unix_ms();
        let Some(session) = &mut self.session else { return };
        if let Event::StateChanged(State::Stopped(StopReason::Quit)) = event {
            self.ended.get_or_insert(ExitStatus::Success);
            return;
        }
        self.view.event(event, session.client(), now_ms);
        for text in self.view.take_waiting() {
            let said = session.carry_out(Command::Say(text.clone()), self.view.current.as_deref());
            if let Outcome::Error(error) = said {
                self.view.notice_here(now_ms, &format!("{error} ({text})"), true);
            }
        }
        if let Event::Left { rooms, kind: LeaveKind::Part, own: true, .. } = event {
            for room in rooms {
                session.driver.act(|c, _| c.close_conversation(room));
            }
        }
    }

    fn input(&mut self, input: Input) {
        let now_ms = self.now().unix_ms();
        let client = self.session.as_ref().map(Session::client);
        let action = match input {
            Input::Key(key) => self.view.key(key, client, now_ms),
            Input::Paste(text) => {
                self.view.paste(&text);
                None
            }
            Input::FocusGained => {
                self.view.focus(true, client);
                None
            }
            Input::FocusLost => {
                self.view.focus(false, client);
                None
            }
            Input::Resize(..) | Input::Mouse(_) => None,
        };
        if let Some(action) = action {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Interrupt => self.leave("", ExitStatus::Interrupted),
            Action::Leave => self.quit(""),
            Action::Redraw => {
                // As with drawing: a terminal that is gone is found by its input.
                let _ = self.guard.terminal.clear();
            }
            Action::SignIn(name) => match &mut self.session {
                Some(session) => session.sign_in(&name),
                None => self.begin(&name),
            },
            Action::Submit(text) => self.submit(&text),
            Action::Go(destination) => self.go(destination),
            Action::LoadBefore(target) => {
                if let Some(session) = &mut self.session {
                    session.driver.act(|c, now| c.load_before(now, &target));
                }
            }
            Action::LoadGap { target, after } => {
                if let Some(session) = &mut self.session {
                    session.driver.act(|c, now| c.load_gap(now, &target, &after));
                }
            }
        }
    }

    fn submit(&mut self, text: &str) {
        let now_ms = self.now().unix_ms();
        let language = self.view.language;
        let command = match command::parse(text) {
            Ok(command) => command,
            Err(CommandError::Empty) => return,
            // The text stays, to be put right.
            Err(error) => return self.view.notice_here(now_ms, &language.command_error(&error), true),
        };
        let secret = matches!(command, Command::Register { .. });
        if command == Command::Help {
            self.view.accepted(text, false);
            for line in language.help(true) {
                self.view.notice_here(now_ms, &line, false);
            }
            return;
        }
        let Some(session) = &mut self.session else { return };
        let current = self.view.current.clone();
        if let (Command::Say(said), None, true) =
            (&command, &current, *session.client().state() != State::Online)
        {
            return match self.view.keep_waiting(said, now_ms) {
                true => self.view.accepted(text, false),
                false => self.view.notice_here(now_ms, language.outbox_full(), true),
            };
        }
        match session.carry_out(command, current.as_deref()) {
            Outcome::Error(error) => return self.view.notice_here(now_ms, &error, true),
            Outcome::Done => {}
            Outcome::Notice(lines) => {
                for line in lines {
                    self.view.notice_here(now_ms, &line, false);
                }
            }
            Outcome::Show(target) => {
                self.view.accepted(text, secret);
                self.view.want(session.client(), &target, now_ms);
            }
            Outcome::Quit(reason) => {
                self.view.accepted(text, secret);
                return self.quit(&reason);
            }
        }
        self.view.accepted(text, secret);
        if let Some(gone) = self.view.current.clone()
            && session.client().conversation(&gone).is_none()
        {
            self.view.closed(session.client(), now_ms);
        }
    }

    fn go(&mut self, destination: Destination) {
        let now_ms = self.now().unix_ms();
        let Some(session) = &mut self.session else { return };
        match destination {
            Destination::Conversation(name) => self.view.show(session.client(), &name, now_ms),
            Destination::Join(room) => {
                session.driver.act(|c, _| c.join(&room, None));
                self.view.want(session.client(), &room, now_ms);
            }
            Destination::Message(name) => {
                session.driver.act(|c, now| c.open_direct(now, &name));
                self.view.want(session.client(), &name, now_ms);
            }
        }
    }

    fn unsent(&self) -> usize {
        self.view.waiting() + self.client().map_or(0, |c| c.outbox().entries().len())
    }

    /// Leaves because the user said so; asks when something would be left behind.
    fn quit(&mut self, reason: &str) {
        let unsent = self.unsent();
        let now_ms = self.now().unix_ms();
        if self.view.may_quit(unsent, now_ms) {
            self.leave(reason, ExitStatus::Success);
        }
    }

    fn leave(&mut self, reason: &str, status: ExitStatus) {
        self.ended = Some(status);
        if let Some(session) = &mut self.session {
            session.driver.act(|c, now| c.quit(now, reason));
        }
    }

    /// Waits for the server to close, so that the others are told why we left.
    async fn say_goodbye(&mut self) {
        let Some(session) = &mut self.session else { return };
        let closed = async {
            while *session.client().state() == State::Closing {
                session.driver.next().await;
            }
        };
        // The client itself waits for a second; this is the bound if it does not.
        let _ = timeout(LEAVE_WITHIN, closed).await;
        session.keep();
    }

    /// What the user should still know when the screen is gone.
    fn last_word(&self) -> Option<String> {
        let unsent = self.unsent();
        (unsent > 0).then(|| self.view.language.unsent_lines(unsent))
    }
}

async fn sleep_or_never(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
