//! Colours, by what the terminal can show and the user wants to see.

use ratatui::style::{Color, Modifier, Style};

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    None,
    Ansi,
    Indexed,
}

/// The roles that text plays, as styles. No role is told by colour alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    depth: Depth,
}

/// Twelve hues that can be read on a dark and on a light ground.
const NICKS: [u8; 12] = [167, 172, 136, 106, 71, 36, 37, 38, 68, 105, 134, 169];
/// The same with sixteen colours.
const NICKS_ANSI: [Color; 6] =
    [Color::Red, Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];

impl Theme {
    /// The theme that the environment asks for: `NO_COLOR`, `COLORTERM`, `TERM`.
    pub(crate) fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        let depth = if set("NO_COLOR") || term == "dumb" {
            Depth::None
        } else if set("COLORTERM") || term.contains("256color") || term.contains("direct") {
            Depth::Indexed
        } else {
            Depth::Ansi
        };
        Self { depth }
    }

    fn color(self, indexed: u8, ansi: Color) -> Style {
        match self.depth {
            Depth::None => Style::new(),
            Depth::Ansi => Style::new().fg(ansi),
            Depth::Indexed => Style::new().fg(Color::Indexed(indexed)),
        }
    }

    pub(crate) fn muted(self) -> Style {
        match self.depth {
            Depth::None | Depth::Ansi => Style::new().add_modifier(Modifier::DIM),
            Depth::Indexed => Style::new().fg(Color::Indexed(245)),
        }
    }

    pub(crate) fn accent(self) -> Style {
        self.color(69, Color::Blue)
    }

    pub(crate) fn danger(self) -> Style {
        self.color(167, Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn warn(self) -> Style {
        self.color(172, Color::Yellow)
    }

    pub(crate) fn mention(self) -> Style {
        self.color(172, Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn unread_line(self) -> Style {
        self.color(167, Color::Red)
    }

    pub(crate) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The colour of a name, always the same for the same name.
    pub(crate) fn nick(self, name: &str) -> Style {
        // FNV-1a: the same on every machine and in every version.
        let hash = name.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let style = match self.depth {
            Depth::None => Style::new(),
            Depth::Ansi => Style::new().fg(NICKS_ANSI[(hash % 6) as usize]),
            Depth::Indexed => Style::new().fg(Color::Indexed(NICKS[(hash % 12) as usize])),
        };
        style.add_modifier(Modifier::BOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides() {
        for (variables, depth) in [
            (&[("TERM", "xterm-256color")][..], Depth::Indexed),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")][..], Depth::None),
            (&[("TERM", "xterm"), ("NO_COLOR", "")][..], Depth::Ansi),
            (&[("TERM", "xterm"), ("COLORTERM", "truecolor")][..], Depth::Indexed),
            (&[("TERM", "dumb")][..], Depth::None),
        ] {
            let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            assert_eq!(Theme::from_variables(find).depth, depth, "{variables:?}");
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme { depth: Depth::None };
        for style in [theme.muted(), theme.accent(), theme.danger(), theme.warn(), theme.nick("anna")] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
