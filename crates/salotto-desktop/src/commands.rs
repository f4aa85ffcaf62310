//! The commands the interface calls, and the form in which they fail.
//!
//! The names, arguments and results here are a contract with the TypeScript side
//! (`web/`); they carry values across and decide nothing.

use std::sync::Arc;

use serde::Serialize;
use tauri::ipc::Channel;
use tauri::{State, Url, WebviewWindow};
use tokio::sync::Notify;

use crate::connection::{ConnectError, Endpoint, Event, EventSink};
use crate::controller::{ConnectionId, Controller, OpenError, SendError};
use crate::link::{self, LinkError};
use crate::notification::{Notice, Notifier};
use crate::settings::{SaveError, Settings, SettingsFile};
use crate::tls::TlsError;

/// How a command fails, as the interface sees it.
///
/// `message` is the system's own wording, for details and logs; what a person
/// reads is chosen by the interface from `kind`, in its language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandError {
    /// Which failure it is.
    pub kind: ErrorKind,
    /// The cause in technical words.
    pub message: String,
    /// The SHA-256 fingerprint of the certificate that is not trusted; present
    /// with [`ErrorKind::Certificate`] alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// The failures the interface tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// Nobody listens on that port.
    Refused,
    /// The name has no address.
    Dns,
    /// Nobody answered in time.
    Timeout,
    /// The certificate is not trusted; nothing was sent.
    Certificate,
    /// The server does not speak TLS, or not the same one.
    Tls,
    /// Everything else.
    Other,
}

impl CommandError {
    fn other(error: &impl ToString) -> Self {
        Self { kind: ErrorKind::Other, message: error.to_string(), fingerprint: None }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        let (kind, fingerprint) = match &error {
            OpenError::Connect(ConnectError::Refused) => (ErrorKind::Refused, None),
            OpenError::Connect(ConnectError::Dns(_)) => (ErrorKind::Dns, None),
            OpenError::Connect(ConnectError::Timeout) => (ErrorKind::Timeout, None),
            OpenError::Connect(ConnectError::Tls(TlsError::Certificate { fingerprint, .. })) => {
                (ErrorKind::Certificate, Some(fingerprint.to_string()))
            }
            OpenError::Connect(ConnectError::Tls(_)) => (ErrorKind::Tls, None),
            OpenError::Connect(ConnectError::Other(_)) | OpenError::TooMany | OpenError::Closing => {
                (ErrorKind::Other, None)
            }
        };
        Self { kind, message: error.to_string(), fingerprint }
    }
}

impl From<SendError> for CommandError {
    fn from(error: SendError) -> Self {
        Self::other(&error)
    }
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
        Self::other(&error)
    }
}

impl From<SaveError> for CommandError {
    fn from(error: SaveError) -> Self {
        Self::other(&error)
    }
}

/// Opens a connection. Lines may arrive on `on_event` before this returns.
#[tauri::command]
pub async fn open_connection(
    window: WebviewWindow,
    controller: State<'_, Controller>,
    host: String,
    port: u16,
    tls: bool,
    fingerprint: Option<String>,
    on_event: Channel<Event>,
) -> Result<ConnectionId, CommandError> {
    let endpoint = Endpoint { host, port, tls, fingerprint };
    let sink = Interface { window, events: on_event };
    Ok(controller.open(&endpoint, sink).await?)
}

/// Queues one line. Not `async`, so that lines are taken in the order in which the
/// interface sent them.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn send_line(
    controller: State<'_, Controller>,
    id: ConnectionId,
    line: String,
) -> Result<(), CommandError> {
    Ok(controller.send_line(id, line)?)
}

/// Sends what is queued, then ends the connection; returns when it has ended.
#[tauri::command]
pub async fn close_connection(
    controller: State<'_, Controller>,
    id: ConnectionId,
) -> Result<(), CommandError> {
    controller.close(id).await;
    Ok(())
}

/// The settings of the last start, or defaults.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn load_settings(file: State<'_, SettingsFile>) -> Settings {
    file.load()
}

/// Saves the settings whole or not at all.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn save_settings(file: State<'_, SettingsFile>, settings: Settings) -> Result<(), CommandError> {
    Ok(file.save(&settings)?)
}

/// Shows a notification; it replaces the one with the same tag. Where the system
/// shows none, nothing happens.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn notify(notifier: State<'_, Notifier>, title: String, body: String, tag: String) {
    notifier.show(Notice { title, body, tag });
}

/// Takes a notification off the screen: what it announced has been read.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn dismiss_notification(notifier: State<'_, Notifier>, tag: String) {
    notifier.dismiss(tag);
}

/// Opens a link in the person's browser or mail program.
#[tauri::command]
pub fn open_link(url: String) -> Result<(), CommandError> {
    let url = Url::parse(&url).map_err(|_| LinkError::NotALink(url))?;
    Ok(link::open_outside(&url)?)
}

/// The answer to the event `window-closing`: the last lines have been sent.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form of a command")]
pub fn ready_to_close(controller: State<'_, Controller>) {
    controller.ready_to_close();
}

/// The page as a place where events go.
struct Interface {
    window: WebviewWindow,
    events: Channel<Event>,
}

impl EventSink for Interface {
    fn deliver(&self, event: Event) {
        // A page that is gone needs no events; its connections are closed with it.
        let _ = self.events.send(event);
    }

    async fn drained(&self) {
        let taken_in = Arc::new(Notify::new());
        let signal = Arc::clone(&taken_in);
        // The page runs scripts in order: this one after all events before it.
        let asked = self.window.eval_with_callback("0", move |_| signal.notify_one());
        if asked.is_ok() {
            taken_in.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Fingerprint;

    #[test]
    fn an_untrusted_certificate_is_reported_with_its_fingerprint() {
        let printed = ["AB"; 32].join(":");
        let error = CommandError::from(OpenError::Connect(ConnectError::Tls(TlsError::Certificate {
            fingerprint: Fingerprint::parse(&printed).expect("a fingerprint"),
            reason: "unknown issuer".to_owned(),
        })));
        let json = serde_json::to_value(&error).expect("json");
        assert_eq!(
            json,
            serde_json::json!({
                "kind": "certificate",
                "message": "the certificate is not trusted: unknown issuer",
                "fingerprint": printed,
            })
        );
    }

    #[test]
    fn a_refusal_carries_no_fingerprint() {
        let error = CommandError::from(OpenError::Connect(ConnectError::Refused));
        let json = serde_json::to_value(&error).expect("json");
        assert_eq!(json, serde_json::json!({ "kind": "refused", "message": "connection refused" }));
    }

    #[test]
    fn events_have_the_form_the_interface_reads() {
        let line = Event::Line { line: "PING :1".to_owned() };
        let closed = Event::Closed {
            reason: crate::connection::CloseReason::Reset,
            message: "connection reset".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&[line, closed]).expect("json"),
            r#"[{"type":"line","line":"PING :1"},{"type":"closed","reason":"reset","message":"connection reset"}]"#
        );
    }
}
