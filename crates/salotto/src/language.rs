//! The language the program speaks to the person who starts it.

pub use salotto_terminal::Language;

/// Choosing between two texts.
pub trait Pick {
    /// One of the two.
    fn pick<T>(self, english: T, italian: T) -> T;
}

impl Pick for Language {
    fn pick<T>(self, english: T, italian: T) -> T {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }
}
