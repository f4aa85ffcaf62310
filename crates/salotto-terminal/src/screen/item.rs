//! What the timeline shows, one item after the other, and the lines each takes.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use salotto_client::{ChatMessage, Conversation, Entry, EntryState, LocalId, MessageKind, Row, RowKind};

use crate::calendar::{DaySpan, clock, day, day_name};
use crate::language::Language;
use crate::sanitise::{line, short};
use crate::screen::theme::Theme;
use crate::screen::wrap::{width, wrap};

/// Rooms up to this size show every coming and going; larger ones condense.
const SMALL_ROOM: usize = 10;
/// A leave and a return within this time, in milliseconds, are not worth telling.
const RETURN_WITHIN_MS: i64 = 5 * 60 * 1000;
/// So many names are told in a condensed line.
const NAMES_MAX: usize = 5;
/// The columns of the time and the mark after it.
const GUTTER: usize = 6;

/// A line that the client itself has to say.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) key: u64,
    pub(crate) time_ms: i64,
    pub(crate) text: String,
    pub(crate) error: bool,
    /// The conversation it belongs to; every one without.
    pub(crate) target: Option<String>,
}

/// Something that the timeline shows.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Start(&'a str),
    Day(Date),
    Unread,
    Row(&'a Row),
    /// Comings and goings in one line.
    Presence(Vec<&'a Row>),
    Notice(&'a Notice),
    Pending {
        entry: &'a Entry,
        /// Whether it stands last, where the word about all of them goes.
        last: bool,
    },
}

/// The name of an item that stays the same while others come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKey {
    Start,
    Day(Date),
    Unread,
    Row(u64),
    Notice(u64),
    Pending(LocalId),
}

impl Item<'_> {
    pub(crate) fn key(&self) -> ItemKey {
        match self {
            Self::Start(_) => ItemKey::Start,
            Self::Day(date) => ItemKey::Day(*date),
            Self::Unread => ItemKey::Unread,
            Self::Row(row) => ItemKey::Row(row.key),
            Self::Presence(rows) => rows.first().map_or(ItemKey::Start, |row| ItemKey::Row(row.key)),
            Self::Notice(notice) => ItemKey::Notice(notice.key),
            Self::Pending { entry, .. } => ItemKey::Pending(entry.id),
        }
    }
}

/// What items are made from, beside the conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) zone: &'a TimeZone,
    pub(crate) now_ms: i64,
    pub(crate) own_name: &'a str,
    pub(crate) unread_from: Option<u64>,
    pub(crate) offline: bool,
}

/// The items of a conversation, oldest first; only notices without a conversation.
pub(crate) fn items<'a>(
    conversation: Option<&'a Conversation>,
    notices: &'a [Notice],
    pending: impl Iterator<Item = &'a Entry>,
    context: &Context<'_>,
) -> Vec<Item<'a>> {
    let mut builder = Builder { items: Vec::new(), context, day: None, run: Vec::new(), condense: false };
    let mut notices = notices
        .iter()
        .filter(|n| n.target.as_deref().is_none_or(|t| conversation.is_some_and(|c| c.name() == t)))
        .peekable();
    if let Some(conversation) = conversation {
        builder.condense = conversation.members().len() > SMALL_ROOM;
        if conversation.timeline().start_reached() {
            builder.items.push(Item::Start(conversation.name()));
        }
        for row in conversation.timeline().rows() {
            while let Some(notice) = notices.next_if(|n| n.time_ms < row.time_ms) {
                builder.add(notice.time_ms, Item::Notice(notice));
            }
            builder.add_row(row);
        }
    }
    for notice in notices {
        builder.add(notice.time_ms, Item::Notice(notice));
    }
    builder.end_run();
    let mut items = builder.items;
    let mut pending = pending.peekable();
    while let Some(entry) = pending.next() {
        items.push(Item::Pending { entry, last: pending.peek().is_none() });
    }
    items
}

struct Builder<'a, 'c> {
    items: Vec<Item<'a>>,
    context: &'c Context<'c>,
    day: Option<DaySpan>,
    run: Vec<&'a Row>,
    condense: bool,
}

impl<'a> Builder<'a, '_> {
    fn add_row(&mut self, row: &'a Row) {
        let unread = self.context.unread_from == Some(row.key);
        if unread {
            self.end_run();
        }
        let presence =
            matches!(row.kind, RowKind::Joined { .. } | RowKind::Left { .. } | RowKind::Renamed { .. });
        let kicked =
            matches!(&row.kind, RowKind::Left { kind: salotto_client::LeaveKind::Kicked { .. }, .. });
        if presence && !kicked && self.condense {
            self.turn_day(row.time_ms);
            self.run.push(row);
            return;
        }
        self.end_run();
        self.turn_day(row.time_ms);
        if unread {
            self.items.push(Item::Unread);
        }
        self.items.push(Item::Row(row));
    }

    fn add(&mut self, time_ms: i64, item: Item<'a>) {
        self.end_run();
        self.turn_day(time_ms);
        self.items.push(item);
    }

    fn turn_day(&mut self, time_ms: i64) {
        // Most rows are of the day of the row before.
        if self.day.as_ref().is_some_and(|day| day.contains(time_ms)) {
            return;
        }
        let span = DaySpan::of(time_ms, self.context.zone);
        if self.day.as_ref().map(DaySpan::date) != Some(span.date()) {
            self.end_run();
            self.items.push(Item::Day(span.date()));
        }
        self.day = Some(span);
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.items.push(Item::Presence(std::mem::take(&mut self.run)));
        }
    }
}

impl Item<'_> {
    /// The lines of the item in so many columns.
    pub(crate) fn lines(&self, columns: usize, context: &Context<'_>) -> Vec<Line<'static>> {
        let Context { language, theme, .. } = *context;
        match self {
            Self::Start(target) => vec![centred(&language.start_of(target), columns, theme.muted())],
            Self::Day(date) => {
                let today = day(context.now_ms, context.zone);
                vec![rule(&day_name(*date, today, language), columns, theme.muted())]
            }
            Self::Unread => vec![rule(language.new_messages(), columns, theme.unread_line())],
            Self::Row(row) => row_lines(row, columns, context),
            Self::Presence(rows) => {
                let text = condensed(rows, language);
                if text.is_empty() {
                    return Vec::new();
                }
                let time = rows.last().map_or(0, |row| row.time_ms);
                spoken(&gutter(time, ' ', context), &[], &text, theme.muted(), columns, theme)
            }
            Self::Notice(notice) => {
                let (style, mark) = if notice.error { (theme.danger(), '!') } else { (theme.muted(), ' ') };
                spoken(&gutter(notice.time_ms, mark, context), &[], &notice.text, style, columns, theme)
            }
            Self::Pending { entry, last } => pending_lines(entry, *last, columns, context),
        }
    }
}

fn row_lines(row: &Row, columns: usize, context: &Context<'_>) -> Vec<Line<'static>> {
    let Context { language, theme, .. } = *context;
    let event =
        |text: &str| spoken(&gutter(row.time_ms, ' ', context), &[], text, theme.muted(), columns, theme);
    match &row.kind {
        RowKind::Message(message) => message_lines(message, columns, context),
        RowKind::Joined { name } => event(&language.joined(name, None)),
        RowKind::Left { name, kind, reason } => event(&language.left(name, kind, reason, None)),
        RowKind::Renamed { from, to } => event(&language.renamed(from, to)),
        RowKind::Topic { by, topic } => event(&language.topic_changed(by, topic)),
        RowKind::Modes { by, change } => event(&language.modes_changed(by, change)),
        RowKind::Gap { .. } => vec![rule(language.gap(), columns, theme.warn())],
    }
}

fn message_lines(message: &ChatMessage, columns: usize, context: &Context<'_>) -> Vec<Line<'static>> {
    let theme = context.theme;
    let mark = if message.mentions_me { '*' } else { ' ' };
    let style = if message.mentions_me { theme.mention() } else { Style::new() };
    let style = if message.kind == MessageKind::Notice { style.patch(theme.muted()) } else { style };
    let head = head(&message.sender, message.kind, theme);
    spoken(&gutter(message.time_ms, mark, context), &head, &line(&message.text), style, columns, theme)
}

fn pending_lines(entry: &Entry, last: bool, columns: usize, context: &Context<'_>) -> Vec<Line<'static>> {
    let Context { language, theme, .. } = *context;
    let mark = match &entry.state {
        EntryState::Hidden => gutter(entry.written_at.unix_ms(), ' ', context),
        EntryState::Queued | EntryState::Sending | EntryState::Slow => format!("{:>GUTTER$}", "… "),
        EntryState::Failed(_) => format!("{:>GUTTER$}", "! "),
    };
    let head = head(context.own_name, entry.kind, theme);
    let style = if entry.state == EntryState::Hidden { Style::new() } else { theme.muted() };
    let mut lines = spoken(&mark, &head, &line(&entry.text), style, columns, theme);
    if let EntryState::Failed(reason) = &entry.state {
        let text = format!("{} · {}", language.not_sent(reason), language.retry_or_discard());
        lines.extend(spoken(&" ".repeat(GUTTER), &[], &text, theme.danger(), columns, theme));
    } else if last && context.offline {
        lines.extend(spoken(&" ".repeat(GUTTER), &[], language.queued(), theme.warn(), columns, theme));
    }
    lines
}

fn head(sender: &str, kind: MessageKind, theme: Theme) -> Vec<Span<'static>> {
    let name = Span::styled(short(sender, 32), theme.nick(sender));
    match kind {
        MessageKind::Text => vec![name, Span::raw(": ")],
        MessageKind::Action => vec![Span::raw("* "), name, Span::raw(" ")],
        MessageKind::Notice => vec![Span::raw("-"), name, Span::raw("- ")],
    }
}

fn gutter(time_ms: i64, mark: char, context: &Context<'_>) -> String {
    format!("{}{mark}", clock(time_ms, context.zone))
}

/// Lines that begin with the gutter and a head, and hang below the text.
fn spoken(
    gutter: &str,
    head: &[Span<'static>],
    text: &str,
    style: Style,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let head_width: usize = head.iter().map(|span| width(&span.content)).sum();
    let room = columns.saturating_sub(GUTTER);
    let wrapped = wrap(text, room.saturating_sub(head_width), room);
    let mut lines = Vec::with_capacity(wrapped.len());
    for (at, piece) in wrapped.into_iter().enumerate() {
        let mut spans = Vec::with_capacity(head.len() + 2);
        if at == 0 {
            spans.push(Span::styled(gutter.to_owned(), theme.muted()));
            spans.extend(head.iter().cloned());
        } else {
            spans.push(Span::raw(" ".repeat(GUTTER)));
        }
        spans.push(Span::styled(piece, style));
        lines.push(Line::from(spans));
    }
    lines
}

fn rule(text: &str, columns: usize, style: Style) -> Line<'static> {
    let text = format!(" {text} ");
    let rest = columns.saturating_sub(width(&text));
    let left = rest / 2;
    Line::styled(format!("{}{text}{}", "─".repeat(left), "─".repeat(rest - left)), style)
}

fn centred(text: &str, columns: usize, style: Style) -> Line<'static> {
    let left = columns.saturating_sub(width(text)) / 2;
    Line::styled(format!("{}{text}", " ".repeat(left)), style)
}

/// Who came, who went, who changed name, in a few words. Who left and came back at once is left out.
fn condensed(rows: &[&Row], language: Language) -> String {
    let mut joined: Vec<(String, i64)> = Vec::new();
    let mut left: Vec<(String, i64)> = Vec::new();
    let mut renamed = Vec::new();
    for row in rows {
        match &row.kind {
            RowKind::Joined { name } => {
                let returns =
                    |(who, when): &(String, i64)| who == name && row.time_ms - when <= RETURN_WITHIN_MS;
                match left.iter().position(returns) {
                    Some(at) => {
                        left.remove(at);
                    }
                    None => joined.push((name.clone(), row.time_ms)),
                }
            }
            RowKind::Left { name, .. } => match joined.iter().position(|(who, _)| who == name) {
                Some(at) => {
                    joined.remove(at);
                }
                None => left.push((name.clone(), row.time_ms)),
            },
            RowKind::Renamed { from, to } => renamed.push(format!("{} → {}", short(from, 32), short(to, 32))),
            _ => {}
        }
    }
    let mut parts = Vec::new();
    if !joined.is_empty() {
        parts.push(
            language.joined_short(&few(joined.into_iter().map(|(n, _)| short(&n, 32)).collect(), language)),
        );
    }
    if !left.is_empty() {
        parts.push(
            language.left_short(&few(left.into_iter().map(|(n, _)| short(&n, 32)).collect(), language)),
        );
    }
    if !renamed.is_empty() {
        parts.push(few(renamed, language).join(", "));
    }
    parts.join(" · ")
}

fn few(mut names: Vec<String>, language: Language) -> Vec<String> {
    if names.len() > NAMES_MAX {
        let more = names.len() - (NAMES_MAX - 1);
        names.truncate(NAMES_MAX - 1);
        names.push(language.and_more(more));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time_ms: i64, kind: RowKind) -> Row {
        Row { key: time_ms as u64, time_ms, kind }
    }

    fn joined(time_ms: i64, name: &str) -> Row {
        row(time_ms, RowKind::Joined { name: name.into() })
    }

    fn left(time_ms: i64, name: &str) -> Row {
        let kind = salotto_client::LeaveKind::Quit;
        row(time_ms, RowKind::Left { name: name.into(), kind, reason: String::new() })
    }

    fn check(rows: &[Row], expected: &str) {
        let rows: Vec<&Row> = rows.iter().collect();
        assert_eq!(condensed(&rows, Language::English), expected);
    }

    #[test]
    fn comings_and_goings_are_told_in_one_line() {
        let renamed = row(4, RowKind::Renamed { from: "eva".into(), to: "eva2".into() });
        check(
            &[joined(1, "anna"), left(2, "bo"), joined(3, "luca"), renamed],
            "anna, luca joined · bo left · eva → eva2",
        );
        check(&[left(1, "bo"), joined(2, "bo")], "");
        check(&[joined(1, "bo"), left(2, "bo")], "");
        check(&[left(1, "bo"), joined(RETURN_WITHIN_MS + 2, "bo")], "bo joined · bo left");
        let many: Vec<Row> = (0..9).map(|n| joined(n, &format!("p{n}"))).collect();
        check(&many, "p0, p1, p2, p3, 5 more joined");
    }
}
