//! When two names are the same name (`CASEMAPPING` in ISUPPORT).

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;

/// How a server compares nicks and room names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaseMapping {
    /// `A`–`Z` are `a`–`z`.
    #[default]
    Ascii,
    /// As [`CaseMapping::Ascii`], and `[]\~` are `{}|^`.
    Rfc1459,
    /// The `UsernameCaseMapped` profile of RFC 8265; a name outside the profile is lower-cased.
    Precis,
}

impl CaseMapping {
    /// The mapping that an ISUPPORT value names; an unknown value counts as `rfc1459`, as Modern IRC advises.
    pub fn from_isupport(value: &str) -> Self {
        match value {
            "ascii" => Self::Ascii,
            "precis" | "rfc8265" | "rfc7613" => Self::Precis,
            _ => Self::Rfc1459,
        }
    }

    /// The value to announce in ISUPPORT.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Rfc1459 => "rfc1459",
            Self::Precis => "precis",
        }
    }

    /// The form under which a name is compared and looked up.
    pub fn fold(self, name: &str) -> String {
        match self {
            Self::Ascii => name.to_ascii_lowercase(),
            Self::Rfc1459 => name
                .chars()
                .map(|c| match c {
                    '[' => '{',
                    ']' => '}',
                    '\\' => '|',
                    '~' => '^',
                    other => other.to_ascii_lowercase(),
                })
                .collect(),
            Self::Precis if name.is_ascii() => name.to_ascii_lowercase(),
            Self::Precis => UsernameCaseMapped::enforce(name)
                .map_or_else(|_| name.to_lowercase(), std::borrow::Cow::into_owned),
        }
    }

    /// Tells whether two names are the same.
    pub fn eq(self, a: &str, b: &str) -> bool {
        a == b || self.fold(a) == self.fold(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_as_each_mapping_says() {
        for (mapping, name, folded) in [
            (CaseMapping::Ascii, "Anna[]À", "anna[]À"),
            (CaseMapping::Rfc1459, "Anna[]\\~", "anna{}|^"),
            (CaseMapping::Precis, "ÀNNA", "ànna"),
            (CaseMapping::Precis, "ＡＮＮＡ", "anna"),
            (CaseMapping::Precis, "#Caffè", "#caffè"),
            (CaseMapping::Precis, "not a name À", "not a name à"),
            (CaseMapping::Precis, "", ""),
        ] {
            assert_eq!(mapping.fold(name), folded, "{mapping:?}");
        }
        assert!(CaseMapping::Ascii.eq("#Lobby", "#lobby"));
        assert!(!CaseMapping::Ascii.eq("a[", "a{"));
    }

    #[test]
    fn names_are_read_back() {
        for mapping in [CaseMapping::Ascii, CaseMapping::Rfc1459, CaseMapping::Precis] {
            assert_eq!(CaseMapping::from_isupport(mapping.name()), mapping);
        }
        assert_eq!(CaseMapping::from_isupport("unheard-of"), CaseMapping::Rfc1459);
    }
}
