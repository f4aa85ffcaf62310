//! The languages of the interface.

use std::str::FromStr;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Italian.
    Italian,
}

impl Language {
    /// The language that `LC_ALL`, `LC_MESSAGES` or `LANG` name, in this order; English when none does.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// The text in this language.
    pub(crate) fn pick<T>(self, english: T, italian: T) -> T {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }
}

impl FromStr for Language {
    type Err = ();

    /// Reads `it`, `it_IT.UTF-8`, `en`, `en-GB` and the like.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split(['_', '-', '.', '@']).next() {
            Some(code) if code.eq_ignore_ascii_case("it") => Ok(Self::Italian),
            Some(code) if code.eq_ignore_ascii_case("en") => Ok(Self::English),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        for (variables, language) in [
            (&[("LANG", "it_IT.UTF-8")][..], Language::Italian),
            (&[("LANG", "it_IT.UTF-8"), ("LC_ALL", "C")][..], Language::English),
            (&[("LANG", "en_US"), ("LC_MESSAGES", "it")][..], Language::Italian),
            (&[("LC_ALL", ""), ("LANG", "it-CH")][..], Language::Italian),
            (&[("LANG", "de_DE")][..], Language::English),
            (&[][..], Language::English),
        ] {
            let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            assert_eq!(Language::from_variables(find), language, "{variables:?}");
        }
    }
}
