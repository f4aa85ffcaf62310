//! Putting the view on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout as Areas, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use salotto_client::{Client, Conversation, ConversationKind, EntryState, Member, State, Time};
use unicode_segmentation::UnicodeSegmentation;

use crate::sanitise::{line, short};
use crate::screen::editor::Editor;
use crate::screen::scroll::Scroll;
use crate::screen::switcher::Destination;
use crate::screen::view::View;
use crate::screen::wrap::{cut, width, wrap};

/// The list of rooms and people.
const LIST_COLUMNS: u16 = 18;
/// The members of the room.
const MEMBERS_COLUMNS: u16 = 16;
/// From this width on the list is shown.
const LIST_FROM: u16 = 80;
/// From this width on the members are shown.
const MEMBERS_FROM: u16 = 110;
/// The input grows to so many rows.
const INPUT_ROWS_MAX: usize = 5;
/// Below this nothing sensible can be shown.
const SMALLEST: (u16, u16) = (24, 6);
/// A lag below this is nobody's concern.
const LAG_SHOWN_MS: u128 = 1000;
/// What stands before the input.
const PROMPT: &str = "› ";

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &mut View, client: Option<&Client>, now: Time) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new(view.language.too_small()), area);
        return;
    }
    if view.ask.is_some() {
        draw_form(frame, area, view);
        return;
    }
    let list = if area.width >= LIST_FROM { LIST_COLUMNS } else { 0 };
    let room = client.zip(view.current.as_deref()).and_then(|(c, t)| c.conversation(t));
    let with_members = room.is_some_and(|c| c.kind() == ConversationKind::Room);
    let members = if area.width >= MEMBERS_FROM && with_members { MEMBERS_COLUMNS } else { 0 };
    let input_columns = usize::from(area.width).saturating_sub(width(PROMPT)).max(1);
    let input = input_lines(&view.editor, input_columns);
    let input_rows = input.lines.len().clamp(1, INPUT_ROWS_MAX) as u16;
    let [middle, status, below] =
        Areas::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(input_rows)])
            .areas(area);
    let [left, centre, right] =
        Areas::horizontal([Constraint::Length(list), Constraint::Fill(1), Constraint::Length(members)])
            .areas(middle);
    if let Some(client) = client.filter(|_| list > 0) {
        draw_list(frame, left, view, client);
    }
    draw_timeline(frame, centre, view, client, now);
    if let Some(conversation) = room.filter(|_| members > 0) {
        draw_members(frame, right, view, conversation);
    }
    draw_status(frame, status, view, client, now);
    draw_input(frame, below, view, &input);
    if view.switcher.is_some() {
        draw_switcher(frame, centre, view, client);
    }
}

fn draw_form(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let columns = area.width.min(60);
    let inner_columns = usize::from(columns).saturating_sub(4);
    let mut lines = vec![Line::raw("")];
    let label = format!("{}: ", view.language.user_name());
    let room = inner_columns.saturating_sub(width(&label) + 1);
    let (shown, cursor) = window(view.editor.text(), view.editor.cursor(), room);
    lines.push(Line::from(vec![Span::styled(label.clone(), view.theme.bold()), Span::raw(shown)]));
    lines.push(Line::raw(""));
    if let Some(Some(error)) = &view.ask {
        lines.extend(
            wrap(error, inner_columns, inner_columns)
                .into_iter()
                .map(|l| Line::styled(l, view.theme.danger())),
        );
        lines.push(Line::raw(""));
    }
    lines.push(Line::styled(view.language.ask_name_help(), view.theme.muted()));
    let rows = (lines.len() as u16 + 2).min(area.height);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    let title = format!(" {}:{} ", line(&view.host), view.port);
    let block = Block::bordered().title(title).padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).block(block), place);
    let x = place.x + 2 + (width(&label) + cursor) as u16;
    frame.set_cursor_position(Position { x: x.min(place.right().saturating_sub(2)), y: place.y + 2 });
}

/// The part of a one-line text around the cursor that fits, and the cursor's column in it.
fn window(text: &str, cursor: usize, columns: usize) -> (String, usize) {
    let before = width(&text[..cursor]);
    if before < columns {
        return (text.to_owned(), before);
    }
    let mut skipped = 0;
    let mut start = 0;
    for grapheme in text.graphemes(true) {
        if before - skipped < columns {
            break;
        }
        skipped += width(grapheme);
        start += grapheme.len();
    }
    (text[start..].to_owned(), before - skipped)
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, view: &View, client: &Client) {
    let columns = usize::from(area.width).saturating_sub(1);
    let mut lines = Vec::new();
    let mut chosen = 0;
    for (kind, title) in [
        (ConversationKind::Room, view.language.rooms_title()),
        (ConversationKind::Direct, view.language.people_title()),
    ] {
        let mut conversations = client.conversations().filter(|c| c.kind() == kind).peekable();
        if kind == ConversationKind::Direct && conversations.peek().is_none() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::raw(""));
        }
        lines.push(Line::styled(format!(" {title}"), view.theme.muted()));
        for conversation in conversations {
            let here = view.current.as_deref() == Some(conversation.name());
            if here {
                chosen = lines.len();
            }
            lines.push(list_row(conversation, here, columns, view, client));
        }
    }
    let rows = usize::from(area.height);
    let skip = (chosen + 1).saturating_sub(rows);
    for (y, line) in lines.into_iter().skip(skip).take(rows).enumerate() {
        let row = Rect { x: area.x, y: area.y + y as u16, width: columns as u16, height: 1 };
        frame.render_widget(line, row);
    }
    let edge = Rect { x: area.right().saturating_sub(1), width: 1, ..area };
    frame.render_widget(
        Block::new().borders(ratatui::widgets::Borders::LEFT).border_style(view.theme.muted()),
        edge,
    );
}

fn list_row(c: &Conversation, here: bool, columns: usize, view: &View, client: &Client) -> Line<'static> {
    let failed =
        client.outbox().for_target(c.name()).any(|entry| matches!(entry.state, EntryState::Failed(_)));
    let count = match (failed, c.mentions(), c.unread()) {
        (true, ..) => "!".to_owned(),
        (_, 0, 0) => String::new(),
        (_, 0, unread) => many(unread),
        (_, mentions, _) => format!("@{}", many(mentions)),
    };
    let room = columns.saturating_sub(2 + width(&count));
    let name = cut(&line(c.name()), room);
    let fill = " ".repeat(columns.saturating_sub(2 + width(&name) + width(&count)));
    let online = c.is_joined() || c.kind() == ConversationKind::Direct;
    let style = match (c.unread() > 0, online) {
        (true, _) => view.theme.bold(),
        (false, true) => Style::new(),
        (false, false) => view.theme.muted(),
    };
    let count_style = if failed { view.theme.danger() } else { view.theme.mention() };
    let row = Line::from(vec![
        Span::styled(format!(" {name}{fill}"), style),
        Span::styled(format!("{count} "), if count.starts_with(['@', '!']) { count_style } else { style }),
    ]);
    if here { row.style(view.theme.selected()) } else { row }
}

fn many(count: usize) -> String {
    if count > 99 { "99+".to_owned() } else { count.to_string() }
}

fn draw_timeline(frame: &mut Frame<'_>, area: Rect, view: &mut View, client: Option<&Client>, now: Time) {
    let [head, body] = Areas::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let columns = usize::from(area.width);
    let conversation = client.zip(view.current.as_deref()).and_then(|(c, t)| c.conversation(t));
    let title = match conversation {
        Some(conversation) => {
            let name = line(conversation.name());
            let topic = line(&conversation.topic().text);
            let room = columns.saturating_sub(width(&name) + 4);
            let mut spans = vec![Span::styled(format!(" {name}"), view.theme.bold())];
            if !topic.is_empty() && room > 0 {
                spans.push(Span::styled(format!("  {}", cut(&topic, room)), view.theme.muted()));
            }
            Line::from(spans)
        }
        None => Line::styled(format!(" {}", cut(&line(&view.host), columns)), view.theme.bold()),
    };
    frame.render_widget(title, head);
    let body = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    let rows = usize::from(body.height);
    view.timeline_size = (usize::from(body.width), rows);
    let (lines, top_shown) = {
        let layout = view.layout(client, now.unix_ms());
        layout.visible(view.scroll, rows)
    };
    view.top_shown = top_shown;
    if lines.is_empty() && client.is_some_and(|c| *c.state() == State::Online && c.conversations().len() == 0)
    {
        let text = Paragraph::new(view.language.no_rooms()).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(text, body);
    }
    // The end stands at the bottom, as in every chat.
    let offset = (rows - lines.len()) as u16;
    let place = Rect { y: body.y + offset, height: body.height - offset, ..body };
    frame.render_widget(Paragraph::new(lines), place);
}

fn draw_members(frame: &mut Frame<'_>, area: Rect, view: &View, conversation: &Conversation) {
    let columns = usize::from(area.width).saturating_sub(2);
    let mut members: Vec<&Member> = conversation.members().collect();
    // Without a prefix comes last.
    let rank = |m: &Member| m.prefixes.chars().next().map_or(usize::MAX, |p| "~&@%+".find(p).unwrap_or(9));
    members.sort_by_key(|m| (rank(m), m.name.to_lowercase()));
    let rows = usize::from(area.height);
    let mut lines =
        vec![Line::styled(cut(&view.language.members_title(members.len()), columns), view.theme.muted())];
    for (at, member) in members.iter().enumerate() {
        if lines.len() + 1 == rows && at + 1 < members.len() {
            lines.push(Line::styled(format!("+{}", members.len() - at), view.theme.muted()));
            break;
        }
        if lines.len() == rows {
            break;
        }
        let sign: String = member.prefixes.chars().take(1).collect();
        let name = cut(&line(&member.name), columns.saturating_sub(1));
        let style = if member.away { view.theme.muted() } else { view.theme.nick(&member.name) };
        lines.push(Line::from(vec![Span::raw(format!("{sign:<1}")), Span::styled(name, style)]));
    }
    let block = Block::new()
        .borders(ratatui::widgets::Borders::LEFT)
        .border_style(view.theme.muted())
        .padding(ratatui::widgets::Padding::left(1));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_status(frame: &mut Frame<'_>, area: Rect, view: &View, client: Option<&Client>, now: Time) {
    let columns = usize::from(area.width);
    let (text, style) = match view.confirming_lines {
        Some(count) => (view.language.many_lines_question(count), view.theme.warn()),
        None => status(view, client, now),
    };
    let unread = client
        .zip(view.current.as_deref())
        .and_then(|(c, t)| c.conversation(t))
        .map_or(0, Conversation::unread);
    let right = if view.scroll == Scroll::Bottom {
        String::new()
    } else {
        format!("{} ", view.language.below(unread))
    };
    let room = columns.saturating_sub(width(&right) + 1);
    let left = cut(&text, room);
    let fill = " ".repeat(room.saturating_sub(width(&left)));
    let line = Line::from(vec![
        Span::styled(format!(" {left}{fill}"), style),
        Span::styled(right, view.theme.accent()),
    ]);
    frame.render_widget(line.style(view.theme.selected()), area);
}

fn status(view: &View, client: Option<&Client>, now: Time) -> (String, Style) {
    let Some(client) = client else { return (String::new(), Style::new()) };
    let language = view.language;
    let who = short(client.name(), 32);
    let theme = view.theme;
    let (state, style) = match client.state() {
        State::Idle => (language.disconnected().to_owned(), theme.warn()),
        State::Connecting => (language.connecting(&line(&view.host)), Style::new()),
        State::Registering | State::NameNeeded => (language.signing_in().to_owned(), Style::new()),
        State::Online => (language.connected().to_owned(), Style::new()),
        State::Waiting { retry_at, .. } => {
            let seconds = (*retry_at - now).as_millis().div_ceil(1000) as u64;
            (format!("{} · {}", language.offline(seconds), language.try_now()), theme.warn())
        }
        State::Closing => (language.closing().to_owned(), Style::new()),
        State::Stopped(reason) => (language.stopped(reason, &view.host, view.port), theme.danger()),
    };
    let mut parts = vec![who, state];
    if let Some(lag) = client.lag(now).map(|l| l.as_millis()).filter(|ms| *ms >= LAG_SHOWN_MS) {
        parts.push(language.lag(lag));
    }
    let waiting = client.outbox().entries().iter().filter(|e| e.state == EntryState::Queued).count();
    if waiting > 0 && *client.state() != State::Online {
        parts.push(language.to_send(waiting));
    }
    (parts.join(" · "), style)
}

/// The input broken into lines, and where the cursor is.
struct Input {
    lines: Vec<String>,
    row: usize,
    column: usize,
}

fn input_lines(editor: &Editor, columns: usize) -> Input {
    let mut input = Input { lines: vec![String::new()], row: 0, column: 0 };
    let mut used = 0;
    let mut at = 0;
    for grapheme in editor.text().graphemes(true) {
        let wide = width(grapheme);
        let breaks = grapheme == "\n";
        if at == editor.cursor() && used + wide <= columns {
            (input.row, input.column) = (input.lines.len() - 1, used);
        }
        if breaks || used + wide > columns {
            input.lines.push(String::new());
            used = 0;
            if at == editor.cursor() && !breaks {
                (input.row, input.column) = (input.lines.len() - 1, 0);
            }
        }
        if !breaks && let Some(last) = input.lines.last_mut() {
            last.push_str(grapheme);
            used += wide;
        }
        at += grapheme.len();
    }
    if at == editor.cursor() {
        // A cursor behind a full line waits on the next.
        if used == columns {
            input.lines.push(String::new());
            used = 0;
        }
        (input.row, input.column) = (input.lines.len() - 1, used);
    }
    input
}

fn draw_input(frame: &mut Frame<'_>, area: Rect, view: &View, input: &Input) {
    let rows = usize::from(area.height);
    let skip = (input.row + 1).saturating_sub(rows);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (at, text) in input.lines.iter().enumerate().skip(skip).take(rows) {
        let head = if at == 0 { PROMPT } else { "  " };
        let mut spans = vec![Span::styled(head, view.theme.accent()), Span::raw(text.as_str())];
        if view.editor.is_empty() {
            spans.push(Span::styled(view.language.input_hint(), view.theme.muted()));
        }
        lines.push(Line::from(spans));
    }
    frame.render_widget(Paragraph::new(lines), area);
    if view.switcher.is_none() {
        let x = area.x + (width(PROMPT) + input.column) as u16;
        let y = area.y + (input.row - skip) as u16;
        frame.set_cursor_position(Position { x: x.min(area.right().saturating_sub(1)), y });
    }
}

fn draw_switcher(frame: &mut Frame<'_>, area: Rect, view: &View, client: Option<&Client>) {
    let Some(switcher) = &view.switcher else { return };
    let rows = view.switcher_rows(client);
    let columns = area.width.saturating_sub(4).min(40);
    let height = (rows.len() as u16 + 3).min(area.height);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + 1.min(area.height.saturating_sub(height)),
        width: columns,
        height,
    };
    let inner = usize::from(columns).saturating_sub(4);
    let (shown, cursor) = window(switcher.editor.text(), switcher.editor.cursor(), inner.saturating_sub(1));
    let mut lines = vec![Line::from(vec![Span::styled(PROMPT, view.theme.accent()), Span::raw(shown)])];
    let chosen = switcher.chosen.min(rows.len().saturating_sub(1));
    let room = usize::from(height).saturating_sub(3);
    let skip = (chosen + 1).saturating_sub(room);
    for (at, row) in rows.iter().enumerate().skip(skip).take(room) {
        let (text, unread) = match row {
            Destination::Conversation(name) => {
                let unread = client.and_then(|c| c.conversation(name)).map_or(0, Conversation::unread);
                (line(name), unread)
            }
            Destination::Join(room) => (view.language.switcher_join(&line(room)), 0),
            Destination::Message(name) => (view.language.switcher_message(&line(name)), 0),
        };
        let count = if unread > 0 { many(unread) } else { String::new() };
        let text = cut(&text, inner.saturating_sub(width(&count) + 1));
        let fill = " ".repeat(inner.saturating_sub(width(&text) + width(&count)));
        let style = if at == chosen { view.theme.selected() } else { Style::new() };
        lines.push(Line::styled(format!("{text}{fill}{count}"), style));
    }
    frame.render_widget(Clear, place);
    let block = Block::bordered()
        .title(format!(" {} ", view.language.switcher_title()))
        .padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).block(block), place);
    let x = place.x + 2 + (width(PROMPT) + cursor) as u16;
    frame.set_cursor_position(Position { x, y: place.y + 1 });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str, cursor: usize, columns: usize) -> (Vec<String>, usize, usize) {
        let mut editor = Editor::default();
        editor.set_with_cursor(text.to_owned(), cursor);
        let input = input_lines(&editor, columns);
        (input.lines, input.row, input.column)
    }

    #[test]
    fn the_cursor_is_where_the_next_letter_goes() {
        for (text, cursor, lines, row, column) in [
            ("", 0, &[""][..], 0, 0),
            ("abc", 3, &["abc"][..], 0, 3),
            ("abcd", 4, &["abcd", ""][..], 1, 0),
            ("abcde", 4, &["abcd", "e"][..], 1, 0),
            ("abcde", 2, &["abcd", "e"][..], 0, 2),
            ("a\nb", 1, &["a", "b"][..], 0, 1),
            ("a\nb", 2, &["a", "b"][..], 1, 0),
            ("日本語", 6, &["日本", "語"][..], 1, 0),
            ("a\n", 2, &["a", ""][..], 1, 0),
        ] {
            let (l, r, c) = input(text, cursor, 4);
            assert_eq!(
                (&l[..], r, c),
                (&lines.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], row, column),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_long_name_is_shown_around_the_cursor() {
        assert_eq!(window("abcdef", 6, 4), ("def".to_owned(), 3));
        assert_eq!(window("abc", 3, 4), ("abc".to_owned(), 3));
    }
}
