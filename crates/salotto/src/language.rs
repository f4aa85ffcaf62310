//! The language the program speaks to the person who starts it.

/// English or Italian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The default.
    English,
    /// When the environment asks for it.
    Italian,
}

impl Language {
    /// The language of the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that says something decides,
    /// as POSIX has it.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let chosen = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .unwrap_or_default();
        let name = chosen.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("it") { Self::Italian } else { Self::English }
    }

    /// One of the two.
    pub fn pick<T>(self, english: T, italian: T) -> T {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        let check = |values: &[(&str, &str)]| {
            Language::of_environment(|name| {
                values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(check(&[]), Language::English);
        assert_eq!(check(&[("LANG", "it_IT.UTF-8")]), Language::Italian);
        assert_eq!(check(&[("LANG", "it_IT.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(check(&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "it")]), Language::Italian);
        assert_eq!(check(&[("LC_ALL", ""), ("LANG", "it-CH")]), Language::Italian);
        assert_eq!(check(&[("LANG", "item")]), Language::English);
    }
}
