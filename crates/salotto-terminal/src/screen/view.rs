//! What the screen shows and how keys change it. It knows the client's state but sends nothing itself.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::tz::TimeZone;
use salotto_client::{Client, ConversationKind, Event, LeaveKind, Loss, RowKind, State};

use crate::language::Language;
use crate::sanitise::line;
use crate::screen::completion::Completion;
use crate::screen::editor::{Editor, History};
use crate::screen::item::{Context, ItemKey, Notice, items};
use crate::screen::scroll::{Layout, Scroll};
use crate::screen::switcher::{Destination, Switcher};
use crate::screen::theme::Theme;

/// The most lines of its own that the client keeps on the screen.
const NOTICES_MAX: usize = 500;
/// A text of more lines than this is sent only after a question.
const LINES_UNASKED: usize = 5;
/// The most texts that wait for the first room.
const WAITING_MAX: usize = 100;
/// How many conversations are remembered as recent.
const RECENT_MAX: usize = 50;

/// What a key asks of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A typed line, to be carried out.
    Submit(String),
    /// A name to sign in under.
    SignIn(String),
    /// Go to a room or person.
    Go(Destination),
    /// Fetch what is older.
    LoadBefore(String),
    /// Fetch what is missing after a message.
    LoadGap { target: String, after: String },
    /// Ctrl-C with nothing left to clear.
    Interrupt,
    /// Ctrl-D with nothing written.
    Leave,
    /// Draw everything anew.
    Redraw,
}

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The conversation that is shown.
    pub(crate) current: Option<String>,
    pub(crate) editor: Editor,
    pub(crate) scroll: Scroll,
    /// The form that asks for a name, with what was wrong with the last one.
    pub(crate) ask: Option<Option<String>>,
    pub(crate) switcher: Option<Switcher>,
    pub(crate) notices: Vec<Notice>,
    /// A question about many lines is open.
    pub(crate) confirming_lines: Option<usize>,
    pub(crate) focused: bool,
    /// Columns and rows of the timeline, as last drawn.
    pub(crate) timeline_size: (usize, usize),
    pub(crate) top_shown: bool,
    pub(crate) recent: Vec<String>,
    // Texts written before there was a room to say them in, each with the notice that shows it.
    waiting: Vec<(String, u64)>,
    // What was being written when a name was asked for.
    unfinished: Editor,
    drafts: BTreeMap<String, Editor>,
    scrolls: BTreeMap<String, Scroll>,
    // The first unread row of a conversation, as it was when the conversation was opened.
    unread_from: BTreeMap<String, u64>,
    history: History,
    completion: Option<Completion>,
    wanted: Option<String>,
    told_loss: Option<Loss>,
    next_notice: u64,
    quit_asked: bool,
    welcomed: bool,
}

impl View {
    pub(crate) fn new(language: Language, theme: Theme, zone: TimeZone, host: &str, port: u16) -> Self {
        Self {
            language,
            theme,
            zone,
            host: host.to_owned(),
            port,
            current: None,
            editor: Editor::default(),
            scroll: Scroll::Bottom,
            ask: None,
            switcher: None,
            notices: Vec::new(),
            confirming_lines: None,
            focused: true,
            timeline_size: (0, 0),
            top_shown: false,
            recent: Vec::new(),
            waiting: Vec::new(),
            unfinished: Editor::default(),
            drafts: BTreeMap::new(),
            scrolls: BTreeMap::new(),
            unread_from: BTreeMap::new(),
            history: History::default(),
            completion: None,
            wanted: None,
            told_loss: None,
            next_notice: 0,
            quit_asked: false,
            welcomed: false,
        }
    }

    /// The timeline as it stands, in the columns it was last drawn in.
    pub(crate) fn layout<'a>(&'a self, client: Option<&'a Client>, now_ms: i64) -> Layout<'a> {
        let target = self.current.as_deref();
        let conversation = client.zip(target).and_then(|(c, t)| c.conversation(t));
        let context = Context {
            language: self.language,
            theme: self.theme,
            zone: &self.zone,
            now_ms,
            own_name: client.map_or("", Client::name),
            unread_from: target.and_then(|t| self.unread_from.get(t)).copied(),
            offline: client.is_some_and(|c| *c.state() != State::Online),
        };
        let pending = client.zip(target).map(|(c, t)| c.outbox().for_target(t));
        let items = items(conversation, &self.notices, pending.into_iter().flatten(), &context);
        Layout { items, columns: self.timeline_size.0, context }
    }

    /// Adds a line of the client's own.
    pub(crate) fn notice(&mut self, now_ms: i64, text: &str, error: bool, target: Option<&str>) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.remove(0);
        }
        self.next_notice += 1;
        let target = target.map(str::to_owned);
        self.notices.push(Notice {
            key: self.next_notice,
            time_ms: now_ms,
            text: text.to_owned(),
            error,
            target,
        });
    }

    /// Adds a line of the client's own to what is shown now.
    pub(crate) fn notice_here(&mut self, now_ms: i64, text: &str, error: bool) {
        let current = self.current.clone();
        self.notice(now_ms, text, error, current.as_deref());
    }

    /// Goes to a conversation as soon as it is there.
    pub(crate) fn want(&mut self, client: &Client, target: &str, now_ms: i64) {
        self.wanted = Some(target.to_owned());
        self.follow_wanted(client, now_ms);
    }

    fn follow_wanted(&mut self, client: &Client, now_ms: i64) {
        let Some(conversation) = self.wanted.as_deref().and_then(|t| client.conversation(t)) else { return };
        if conversation.is_joined() || conversation.kind() == ConversationKind::Direct {
            let name = conversation.name().to_owned();
            self.wanted = None;
            self.show(client, &name, now_ms);
        }
    }

    /// Shows a conversation, where it was left or where it has news.
    pub(crate) fn show(&mut self, client: &Client, target: &str, now_ms: i64) {
        if self.current.as_deref() == Some(target) {
            return;
        }
        if let Some(before) = self.current.take() {
            self.drafts.insert(before.clone(), std::mem::take(&mut self.editor));
            self.scrolls.insert(before.clone(), self.scroll);
            self.unread_from.remove(&before);
        }
        self.completion = None;
        self.confirming_lines = None;
        self.editor = self.drafts.remove(target).unwrap_or_default();
        self.scroll = self.scrolls.remove(target).unwrap_or_default();
        self.recent.retain(|r| r != target);
        self.recent.push(target.to_owned());
        if self.recent.len() > RECENT_MAX {
            self.recent.remove(0);
        }
        self.current = Some(target.to_owned());
        self.mark_unread(client);
        if self.unread_from.contains_key(target) {
            let layout = self.layout(Some(client), now_ms);
            self.scroll = layout.landing(ItemKey::Unread, self.timeline_size.1);
        }
    }

    /// Draws the line before what has not been read, if there is none yet.
    fn mark_unread(&mut self, client: &Client) {
        let Some(target) = self.current.clone() else { return };
        let Some(conversation) = client.conversation(&target) else { return };
        if conversation.unread() == 0 || self.unread_from.contains_key(&target) {
            return;
        }
        let mut rows = conversation.timeline().rows().iter().rev();
        let foreign = |kind: &RowKind| matches!(kind, RowKind::Message(m) if !m.own);
        if let Some(row) = rows.by_ref().filter(|r| foreign(&r.kind)).nth(conversation.unread() - 1) {
            self.unread_from.insert(target, row.key);
        }
    }

    /// Whether what is shown has just been read: somebody is looking, at the end.
    pub(crate) fn is_reading(&self, client: &Client) -> bool {
        let conversation = self.current.as_deref().and_then(|t| client.conversation(t));
        self.focused && self.scroll == Scroll::Bottom && conversation.is_some_and(|c| c.unread() > 0)
    }

    /// The terminal got or lost the keyboard.
    pub(crate) fn focus(&mut self, focused: bool, client: Option<&Client>) {
        self.focused = focused;
        if focused && let Some(client) = client {
            self.mark_unread(client);
        }
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, text: &str) {
        self.completion = None;
        if let Some(switcher) = &mut self.switcher {
            switcher.editor.insert(text.lines().next().unwrap_or_default());
        } else if self.ask.is_some() {
            self.editor.insert(text.lines().next().unwrap_or_default());
        } else {
            self.editor.insert(text.trim_end_matches(['\r', '\n']));
        }
    }

    /// Takes what the client tells.
    pub(crate) fn event(&mut self, event: &Event, client: &Client, now_ms: i64) {
        let language = self.language;
        match event {
            Event::StateChanged(State::Online) => self.told_loss = None,
            Event::StateChanged(State::Stopped(reason)) => {
                let text = language.stopped(reason, &self.host, self.port);
                self.notice(now_ms, &text, true, None);
            }
            Event::NickRefused(refusal) => {
                let text = language.name_refused(refusal);
                if refusal.signing_in {
                    self.ask_name(Some(text), &refusal.name);
                } else {
                    self.notice_here(now_ms, &text, true);
                }
            }
            Event::SignedIn { .. } if self.ask.take().is_some() => {
                self.editor = std::mem::take(&mut self.unfinished);
            }
            // Each further attempt that fails in the same way is no news.
            Event::Offline { loss, .. } if self.told_loss.as_ref() != Some(loss) => {
                let text = language.loss(loss, &self.host, self.port);
                self.notice(now_ms, &text, true, None);
                self.told_loss = Some(loss.clone());
            }
            Event::Reconnected { new_messages } => {
                self.notice(now_ms, &language.reconnected(*new_messages), false, None);
                if let Some(target) = &self.current {
                    // What came while we were away is news even to who was looking.
                    self.unread_from.remove(target);
                    self.mark_unread(client);
                }
            }
            Event::Joined { room, name, own: true } => self.entered(client, room, name, now_ms),
            Event::Left { rooms, kind: LeaveKind::Part, own: true, .. }
                if self.current.is_some() && rooms.first() == self.current.as_ref() =>
            {
                self.closed(client, now_ms);
            }
            Event::Renamed { from, to, .. }
                if self.current.as_ref() == Some(from) && client.conversation(from).is_none() =>
            {
                self.current = Some(to.clone());
            }
            Event::Invited { room, by } => self.notice_here(now_ms, &language.invited(by, room), false),
            Event::RoomListed { room, members, topic } => {
                self.notice_here(now_ms, &language.room_listed(room, *members, topic), false);
            }
            Event::Account { account, text } => {
                self.notice_here(now_ms, &language.account(account.as_deref(), text), false);
            }
            Event::Failed { context, text, .. } => {
                self.wanted = None;
                self.notice_here(now_ms, &language.failed(context, text), true);
                // What was meant for that room is said in no other unasked.
                let unsaid = self.drain_waiting().join("\n");
                self.editor.insert(&unsaid);
            }
            Event::Devices(devices) => {
                for text in language.devices(devices) {
                    self.notice_here(now_ms, &text, false);
                }
            }
            Event::DeviceRevoked { id } => self.notice_here(now_ms, &language.device_revoked(id), false),
            Event::ServerText { text } => self.notice(now_ms, &line(text), false, None),
            _ => {}
        }
        self.follow_wanted(client, now_ms);
    }

    /// Keeps a text until there is a room to say it in; says whether there was room for it.
    pub(crate) fn keep_waiting(&mut self, text: &str, now_ms: i64) -> bool {
        let fits = self.waiting.len() < WAITING_MAX;
        if fits {
            let notice = format!("{} · {}", line(text), self.language.queued());
            self.notice(now_ms, &notice, false, None);
            self.waiting.push((text.to_owned(), self.next_notice));
        }
        fits
    }

    /// What was written before there was a room, as soon as there is the right one.
    pub(crate) fn take_waiting(&mut self) -> Vec<String> {
        let ready = self.current.is_some() && self.wanted.is_none();
        if ready { self.drain_waiting() } else { Vec::new() }
    }

    /// How many texts wait for a room.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn drain_waiting(&mut self) -> Vec<String> {
        let (texts, notices): (Vec<String>, Vec<u64>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        self.notices.retain(|notice| !notices.contains(&notice.key));
        texts
    }

    /// We are in a room: the first one, or the one that was asked for, is shown and says welcome.
    fn entered(&mut self, client: &Client, room: &str, name: &str, now_ms: i64) {
        let asked_for = match self.wanted.as_deref() {
            Some(wanted) => client.same_name(wanted, room),
            None => self.current.is_none(),
        };
        if !asked_for {
            return;
        }
        self.wanted = None;
        self.show(client, room, now_ms);
        if !std::mem::replace(&mut self.welcomed, true) {
            let text = self.language.welcome(name, room);
            self.notice(now_ms, &text, false, Some(room));
        }
    }

    /// Shows the form that asks for a name.
    pub(crate) fn ask_name(&mut self, error: Option<String>, name: &str) {
        if self.ask.is_none() {
            self.unfinished = std::mem::take(&mut self.editor);
        }
        self.ask = Some(error);
        self.switcher = None;
        self.editor.set(name);
    }

    /// The conversation that was shown is there no more: the one before it comes back.
    pub(crate) fn closed(&mut self, client: &Client, now_ms: i64) {
        let gone = self.current.take();
        if let Some(gone) = &gone {
            self.recent.retain(|r| r != gone);
            self.unread_from.remove(gone);
        }
        self.editor = Editor::default();
        self.scroll = Scroll::Bottom;
        let other = |name: &&str| gone.as_deref() != Some(*name);
        let recent = self.recent.iter().rev().map(String::as_str).find(|r| client.conversation(r).is_some());
        let any = || client.conversations().map(|c| c.name()).find(other);
        if let Some(next) = recent.or_else(any).map(str::to_owned) {
            self.show(client, &next, now_ms);
        }
    }

    /// Takes a key.
    pub(crate) fn key(&mut self, key: KeyEvent, client: Option<&Client>, now_ms: i64) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if ctrl && key.code == KeyCode::Char('c') {
            return self.interrupt();
        }
        if ctrl && key.code == KeyCode::Char('l') {
            return Some(Action::Redraw);
        }
        if self.ask.is_some() {
            return self.key_in_form(key);
        }
        if self.switcher.is_some() {
            return self.key_in_switcher(key, client);
        }
        let client = client?;
        if self.confirming_lines.is_some() {
            match key.code {
                KeyCode::Enter => return self.submit(),
                _ => self.confirming_lines = None,
            }
            if key.code == KeyCode::Esc {
                return None;
            }
        }
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => {
                self.complete(client, key.code == KeyCode::BackTab);
                return None;
            }
            KeyCode::Esc if self.completion.is_some() => {
                if let Some(completion) = self.completion.take() {
                    completion.undo(&mut self.editor);
                }
                return None;
            }
            _ => self.completion = None,
        }
        self.key_in_chat(key, client, now_ms)
    }

    fn interrupt(&mut self) -> Option<Action> {
        if self.switcher.take().is_some() {
            return None;
        }
        if self.ask.is_some() || self.editor.is_empty() {
            return Some(Action::Interrupt);
        }
        self.editor.take();
        self.confirming_lines = None;
        self.completion = None;
        None
    }

    fn key_in_form(&mut self, key: KeyEvent) -> Option<Action> {
        if key.code != KeyCode::Enter {
            edit(&mut self.editor, key);
            return None;
        }
        let name = self.editor.text().trim().to_owned();
        if name.is_empty() {
            self.ask = Some(Some(self.language.choose_name().to_owned()));
            return None;
        }
        self.editor = std::mem::take(&mut self.unfinished);
        self.ask = None;
        Some(Action::SignIn(name))
    }

    fn key_in_switcher(&mut self, key: KeyEvent, client: Option<&Client>) -> Option<Action> {
        let rows = self.switcher_rows(client);
        let switcher = self.switcher.as_mut()?;
        match key.code {
            KeyCode::Esc => self.switcher = None,
            KeyCode::Char('k') if key.modifiers.contains(KeyModifiers::CONTROL) => self.switcher = None,
            KeyCode::Up => switcher.step(rows.len(), true),
            KeyCode::Down | KeyCode::Tab => switcher.step(rows.len(), false),
            KeyCode::Enter => {
                let chosen = rows.get(switcher.chosen.min(rows.len().saturating_sub(1))).cloned();
                self.switcher = None;
                return chosen.map(Action::Go);
            }
            _ => {
                edit(&mut switcher.editor, key);
                switcher.chosen = 0;
            }
        }
        None
    }

    /// The rows that the switcher offers.
    pub(crate) fn switcher_rows(&self, client: Option<&Client>) -> Vec<Destination> {
        match (&self.switcher, client) {
            (Some(switcher), Some(client)) => switcher.rows(client, self.current.as_deref(), &self.recent),
            _ => Vec::new(),
        }
    }

    fn key_in_chat(&mut self, key: KeyEvent, client: &Client, now_ms: i64) -> Option<Action> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let page = self.timeline_size.1.saturating_sub(2).max(1);
        match key.code {
            KeyCode::Enter if alt || key.modifiers.contains(KeyModifiers::SHIFT) => self.editor.insert("\n"),
            KeyCode::Char('j') if ctrl => self.editor.insert("\n"),
            KeyCode::Enter => return self.enter(client),
            KeyCode::Char('k') if ctrl => self.switcher = Some(Switcher::default()),
            KeyCode::Char('d') if ctrl && self.editor.is_empty() => return Some(Action::Leave),
            KeyCode::Up if alt => self.step_conversation(client, true, false, now_ms),
            KeyCode::Down if alt => self.step_conversation(client, false, false, now_ms),
            KeyCode::Char('a') if alt => self.step_conversation(client, false, true, now_ms),
            KeyCode::Up => self.editor.up(&self.history),
            KeyCode::Down => self.editor.down(&self.history),
            KeyCode::PageUp => return self.page_up(client, page, now_ms),
            KeyCode::PageDown => {
                self.scroll = self.layout(Some(client), now_ms).down(self.scroll, page);
            }
            KeyCode::End if self.editor.is_empty() || ctrl => self.scroll = Scroll::Bottom,
            KeyCode::Esc => {
                self.scroll = Scroll::Bottom;
                if let Some(target) = &self.current {
                    self.unread_from.remove(target);
                }
            }
            KeyCode::F(5) => return self.load_gap(client),
            _ => edit(&mut self.editor, key),
        }
        None
    }

    fn enter(&mut self, client: &Client) -> Option<Action> {
        let lines = self.editor.text().lines().filter(|l| !l.trim().is_empty()).count();
        if lines > LINES_UNASKED {
            self.confirming_lines = Some(lines);
            return None;
        }
        if let Some(target) = self.current.clone().filter(|t| client.conversation(t).is_some()) {
            self.scroll = Scroll::Bottom;
            self.unread_from.remove(&target);
        }
        self.submit()
    }

    fn submit(&mut self) -> Option<Action> {
        self.confirming_lines = None;
        let text = self.editor.text().to_owned();
        if text.trim().is_empty() {
            return None;
        }
        Some(Action::Submit(text))
    }

    /// What was submitted has been accepted: the input is free for the next text.
    pub(crate) fn accepted(&mut self, text: &str, secret: bool) {
        if !secret {
            self.history.add(text);
        }
        if self.editor.text() == text {
            self.editor.take();
        }
    }

    /// Asks before unsent messages are left; says whether to leave now.
    pub(crate) fn may_quit(&mut self, unsent: usize, now_ms: i64) -> bool {
        if unsent == 0 || self.quit_asked {
            return true;
        }
        self.quit_asked = true;
        let text = self.language.quit_question(unsent);
        self.notice_here(now_ms, &text, true);
        false
    }

    fn page_up(&mut self, client: &Client, page: usize, now_ms: i64) -> Option<Action> {
        let rows = self.timeline_size.1;
        let layout = self.layout(Some(client), now_ms);
        let scroll = layout.up(self.scroll, page, rows);
        let at_top = layout.visible(scroll, rows).1;
        self.scroll = scroll;
        self.current.clone().filter(|_| at_top).map(Action::LoadBefore)
    }

    fn load_gap(&self, client: &Client) -> Option<Action> {
        let target = self.current.clone()?;
        let rows = client.conversation(&target)?.timeline().rows();
        rows.iter().rev().find_map(|row| match &row.kind {
            RowKind::Gap { after } => Some(Action::LoadGap { target: target.clone(), after: after.clone() }),
            _ => None,
        })
    }

    fn complete(&mut self, client: &Client, back: bool) {
        match &mut self.completion {
            Some(completion) => completion.turn(&mut self.editor, back),
            None => self.completion = Completion::begin(&mut self.editor, client, self.current.as_deref()),
        }
    }

    /// Goes to the conversation above or below in the list, or to the next with news.
    fn step_conversation(&mut self, client: &Client, up: bool, news: bool, now_ms: i64) {
        let names = self.listed(client);
        let here = names.iter().position(|n| Some(n) == self.current.as_ref());
        let count = names.len();
        let step = if up { count.saturating_sub(1) } else { 1 };
        let mut at = here.unwrap_or(count.saturating_sub(1));
        for _ in 0..count {
            at = (at + step) % count;
            let unread = client.conversation(&names[at]).is_some_and(|c| c.unread() > 0);
            if !news || unread {
                return self.show(client, &names[at].clone(), now_ms);
            }
        }
    }

    /// The conversations in the order of the list: rooms, then people.
    pub(crate) fn listed(&self, client: &Client) -> Vec<String> {
        let of = |kind| client.conversations().filter(move |c| c.kind() == kind).map(|c| c.name().to_owned());
        of(ConversationKind::Room).chain(of(ConversationKind::Direct)).collect()
    }
}

/// Changes a text by a key, as terminals do.
fn edit(editor: &mut Editor, key: KeyEvent) {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('a') if ctrl => editor.home(),
        KeyCode::Char('e') if ctrl => editor.end(),
        KeyCode::Char('b') if ctrl => editor.left(),
        KeyCode::Char('f') if ctrl => editor.right(),
        KeyCode::Char('w') if ctrl => editor.delete_word(),
        KeyCode::Char('u') if ctrl => editor.delete_to_start(),
        KeyCode::Char('h') if ctrl => editor.backspace(),
        KeyCode::Char('d') if ctrl => editor.delete(),
        KeyCode::Char('b') if alt => editor.word_left(),
        KeyCode::Char('f') if alt => editor.word_right(),
        KeyCode::Char(_) if ctrl || alt => {}
        KeyCode::Char(c) => editor.insert(c.encode_utf8(&mut [0; 4])),
        KeyCode::Left if ctrl || alt => editor.word_left(),
        KeyCode::Right if ctrl || alt => editor.word_right(),
        KeyCode::Left => editor.left(),
        KeyCode::Right => editor.right(),
        KeyCode::Home => editor.home(),
        KeyCode::End => editor.end(),
        KeyCode::Backspace if ctrl || alt => editor.delete_word(),
        KeyCode::Backspace => editor.backspace(),
        KeyCode::Delete if ctrl => editor.delete_to_end(),
        KeyCode::Delete => editor.delete(),
        _ => {}
    }
}
