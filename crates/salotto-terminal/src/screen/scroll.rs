//! Where the timeline stands: at its end, or held fast by one line.

use ratatui::text::Line;

use crate::screen::item::{Context, Item, ItemKey};

/// The position of the timeline. What comes or goes elsewhere does not move what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scroll {
    /// The end is shown, and what comes is followed.
    #[default]
    Bottom,
    /// The lowest line that is shown is this line of this item.
    At { key: ItemKey, line: usize },
}

/// The items of a timeline in so many columns, broken into lines only where they are looked at.
pub(crate) struct Layout<'a> {
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) columns: usize,
    pub(crate) context: Context<'a>,
}

/// An item and a line in it.
type Place = (usize, usize);

impl Layout<'_> {
    /// The lines to show in so many rows, and whether the first of all is among them.
    pub(crate) fn visible(&self, scroll: Scroll, rows: usize) -> (Vec<Line<'static>>, bool) {
        let mut lines = Vec::with_capacity(rows);
        let Some((mut item, line)) = self.place(scroll) else { return (lines, true) };
        let mut piece = self.lines(item);
        piece.truncate(line + 1);
        loop {
            while let Some(line) = piece.pop() {
                if lines.len() == rows {
                    lines.reverse();
                    return (lines, false);
                }
                lines.push(line);
            }
            if item == 0 {
                lines.reverse();
                return (lines, true);
            }
            item -= 1;
            piece = self.lines(item);
        }
    }

    /// The position so many lines further up, as long as the rows stay filled.
    pub(crate) fn up(&self, scroll: Scroll, by: usize, rows: usize) -> Scroll {
        let Some(place) = self.place(scroll) else { return Scroll::Bottom };
        let mut target = self.step_up(place, by);
        let filled = self.visible(self.at(target), rows).0.len();
        if filled < rows {
            target = self.step_down(target, rows - filled).unwrap_or(place);
        }
        self.at(target)
    }

    /// The position so many lines further down.
    pub(crate) fn down(&self, scroll: Scroll, by: usize) -> Scroll {
        match self.place(scroll).and_then(|place| self.step_down(place, by)) {
            Some(place) if Some(place) != self.end() => self.at(place),
            _ => Scroll::Bottom,
        }
    }

    /// The position that shows an item a third of the rows from above, or the end if that is near.
    pub(crate) fn landing(&self, key: ItemKey, rows: usize) -> Scroll {
        self.down(Scroll::At { key, line: 0 }, rows * 2 / 3)
    }

    fn lines(&self, item: usize) -> Vec<Line<'static>> {
        self.items[item].lines(self.columns, &self.context)
    }

    fn end(&self) -> Option<Place> {
        let item = (0..self.items.len()).rev().find(|item| !self.lines(*item).is_empty())?;
        Some((item, self.lines(item).len() - 1))
    }

    fn place(&self, scroll: Scroll) -> Option<Place> {
        match scroll {
            Scroll::Bottom => self.end(),
            Scroll::At { key, line } => match self.items.iter().position(|i| i.key() == key) {
                Some(item) => Some((item, line.min(self.lines(item).len().saturating_sub(1)))),
                // What held it is gone.
                None => self.end(),
            },
        }
    }

    fn at(&self, (item, line): Place) -> Scroll {
        Scroll::At { key: self.items[item].key(), line }
    }

    fn step_up(&self, (mut item, mut line): Place, mut by: usize) -> Place {
        while by > line {
            if item == 0 {
                return (0, 0);
            }
            by -= line + 1;
            item -= 1;
            match self.lines(item).len() {
                // An item without lines takes no step.
                0 => {
                    line = 0;
                    by += 1;
                }
                count => line = count - 1,
            }
        }
        (item, line - by)
    }

    fn step_down(&self, (mut item, line): Place, by: usize) -> Option<Place> {
        let mut line = line + by;
        loop {
            let count = self.lines(item).len();
            if line < count {
                return Some((item, line));
            }
            line -= count;
            item += 1;
            if item == self.items.len() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::language::Language;
    use crate::screen::item::Notice;
    use crate::screen::theme::Theme;

    fn notices(keys: impl IntoIterator<Item = u64>) -> Vec<Notice> {
        let notice =
            |key| Notice { key, time_ms: 0, text: format!("line {key}"), error: false, target: None };
        keys.into_iter().map(notice).collect()
    }

    fn layout<'a>(notices: &'a [Notice], zone: &'a TimeZone) -> Layout<'a> {
        let context = Context {
            language: Language::English,
            theme: Theme::from_environment(),
            zone,
            now_ms: 0,
            own_name: "anna",
            unread_from: None,
            offline: false,
        };
        Layout { items: notices.iter().map(Item::Notice).collect(), columns: 40, context }
    }

    fn shown(layout: &Layout<'_>, scroll: Scroll, rows: usize) -> String {
        let (lines, _) = layout.visible(scroll, rows);
        let number = |l: &Line<'_>| l.to_string().rsplit(' ').next().unwrap().to_owned();
        lines.iter().map(number).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_shown_stays_while_rows_come_before_and_after() {
        let zone = TimeZone::UTC;
        let few = notices(100..120);
        let before = layout(&few, &zone);
        let scroll = before.up(Scroll::Bottom, 5, 4);
        assert_eq!(shown(&before, scroll, 4), "111 112 113 114");
        let many = notices(0..600);
        let after = layout(&many, &zone);
        assert_eq!(shown(&after, scroll, 4), "111 112 113 114");
        assert_eq!(shown(&after, Scroll::Bottom, 2), "598 599");
    }

    #[test]
    fn the_ends_are_the_ends() {
        let zone = TimeZone::UTC;
        let ten = notices(0..10);
        let layout = layout(&ten, &zone);
        let top = layout.up(Scroll::Bottom, 50, 4);
        assert_eq!(shown(&layout, top, 4), "0 1 2 3");
        assert!(layout.visible(top, 4).1);
        assert!(!layout.visible(Scroll::Bottom, 4).1);
        assert_eq!(layout.down(top, 5), Scroll::At { key: ItemKey::Notice(8), line: 0 });
        assert_eq!(layout.down(top, 6), Scroll::Bottom);
        assert_eq!(layout.down(Scroll::Bottom, 1), Scroll::Bottom);
        assert_eq!(shown(&layout, layout.up(Scroll::Bottom, 1, 50), 50), "0 1 2 3 4 5 6 7 8 9");
    }

    #[test]
    fn without_anything_nothing_is_shown() {
        let zone = TimeZone::UTC;
        let none = Vec::new();
        let layout = layout(&none, &zone);
        assert_eq!(layout.visible(Scroll::Bottom, 4).0.len(), 0);
        assert_eq!(layout.up(Scroll::Bottom, 4, 4), Scroll::Bottom);
        assert_eq!(layout.down(Scroll::Bottom, 4), Scroll::Bottom);
    }
}
