//! Links: which pages are the program's own, and how the others reach the person's browser.

use tauri::Url;

/// Why a link was not opened.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is not an absolute URL.
    #[error("{0:?} is not a link")]
    NotALink(String),
    /// Links of this kind could start programs or read files.
    #[error("links of the kind {0:?} are not opened")]
    Forbidden(String),
    /// The system has no program for it.
    #[error("cannot open a browser: {0}")]
    NoBrowser(#[from] std::io::Error),
}

/// Gives a link to the person's own browser or mail program.
///
/// # Errors
///
/// [`LinkError`]; nothing was opened.
pub fn open_outside(url: &Url) -> Result<(), LinkError> {
    if !may_leave(url) {
        return Err(LinkError::Forbidden(url.scheme().to_owned()));
    }
    Ok(open::that_detached(url.as_str())?)
}

/// Whether a link is of a kind that only shows something.
fn may_leave(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "mailto")
}

/// Whether a page belongs to the program and may be shown in its window.
pub fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => true,
        "about" => url.path() == "blank",
        // How the pages are called where web views know no schemes of their own.
        "http" | "https" if url.host_str() == Some("tauri.localhost") => true,
        "http" => tauri::is_dev() && url.host_str() == Some("localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn only_the_programs_own_pages_are_shown_in_its_window() {
        for own in ["tauri://localhost/index.html", "http://tauri.localhost/", "about:blank"] {
            assert!(is_own_page(&url(own)), "{own}");
        }
        for foreign in [
            "https://example.org/",
            "https://tauri.localhost.example.org/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,hello",
        ] {
            assert!(!is_own_page(&url(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_link_can_show_a_page_and_do_nothing_else() {
        for harmless in ["https://example.org/", "http://[::1]:8080/", "mailto:anna@example.org"] {
            assert!(may_leave(&url(harmless)), "{harmless}");
        }
        for text in
            ["file:///bin/sh", "javascript:alert(1)", "smb://host/share", "vscode://x", "tauri://localhost/"]
        {
            assert!(matches!(open_outside(&url(text)), Err(LinkError::Forbidden(_))), "{text}");
        }
    }
}
