//! The window: made, led out in good order, and kept to its own pages.

use std::env;

use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Context, Emitter, Manager, RunEvent, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;

use crate::commands;
use crate::controller::{Controller, Shell};
use crate::link;
use crate::notification::Notifier;
use crate::settings::SettingsFile;

/// The label of the one window in tauri.conf.json.
const MAIN_WINDOW: &str = "main";

/// The event that asks the interface for its last lines; it answers with the
/// command `ready_to_close`.
pub const WINDOW_CLOSING: &str = "window-closing";

/// The event that names, by its tag, the notification a person has clicked.
pub const NOTIFICATION_ACTIVATED: &str = "notification-activated";

/// Runs the window until it is closed.
///
/// # Errors
///
/// When the window system or the web view cannot be had.
pub fn run(context: Context) -> tauri::Result<()> {
    let window_state = tauri_plugin_window_state::Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .build();
    let app = tauri::Builder::default()
        .plugin(window_state)
        .manage(Controller::default())
        .invoke_handler(tauri::generate_handler![
            commands::open_connection,
            commands::send_line,
            commands::close_connection,
            commands::load_settings,
            commands::save_settings,
            commands::notify,
            commands::dismiss_notification,
            commands::open_link,
            commands::ready_to_close,
        ])
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                api.prevent_close();
                leave(window.app_handle());
            }
        })
        .setup(|app| {
            // What is set up here starts tasks of its own.
            let runtime = tauri::async_runtime::handle();
            let _entered = runtime.inner().enter();
            app.manage(SettingsFile::in_folder(app.path().app_config_dir()?));
            app.manage(Notifier::new(activated(app.handle().clone())));
            open_window(app.handle())?;
            leave_on_signal(app.handle().clone())?;
            Ok(())
        })
        .build(context)?;
    app.run(|app, event| {
        // The menu's or the system's "quit"; our own exit carries a code.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            api.prevent_exit();
            leave(app);
        }
    });
    Ok(())
}

fn open_window(app: &AppHandle) -> tauri::Result<()> {
    let config = app.config().app.windows.iter();
    let config =
        config.into_iter().find(|window| window.label == MAIN_WINDOW).ok_or(tauri::Error::WindowNotFound)?;
    WebviewWindowBuilder::from_config(app, config)?
        .on_navigation(|url| {
            let own = link::is_own_page(url);
            if !own {
                // A link that cannot be opened leaves everything as it is.
                let _ = link::open_outside(url);
            }
            own
        })
        .on_new_window(|url, _features| {
            let _ = link::open_outside(&url);
            NewWindowResponse::Deny
        })
        // The page counts what is unread in its title.
        .on_document_title_changed(|window, title| {
            let _ = window.set_title(&title);
        })
        .on_page_load(|window, payload| {
            if payload.event() == PageLoadEvent::Started {
                // A page that was loaded again knows nothing of the connections of
                // the one before.
                let app = window.app_handle().clone();
                tauri::async_runtime::spawn(async move {
                    app.state::<Controller>().close_all().await;
                });
            }
        })
        .build()?;
    Ok(())
}

/// Starts the way out; see [`Controller::shut_down`].
fn leave(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        app.state::<Controller>().shut_down(&Window(&app)).await;
    });
}

struct Window<'a>(&'a AppHandle);

impl Shell for Window<'_> {
    fn announce_closing(&self) {
        // An interface that cannot be told is not waited for longer than one that
        // does not answer.
        let _ = self.0.emit(WINDOW_CLOSING, ());
    }

    fn exit(&self) {
        self.0.exit(0);
    }
}

/// What a click on a notification does: the window comes to the front and the
/// interface hears which one it was.
fn activated(app: AppHandle) -> impl Fn(&str) + Send + Sync + 'static {
    move |tag| {
        if let Some(window) = app.get_webview_window(MAIN_WINDOW) {
            let _ = window.unminimize();
            let _ = window.show();
            let _ = window.set_focus();
        }
        let _ = app.emit(NOTIFICATION_ACTIVATED, serde_json::json!({ "tag": tag }));
    }
}

/// SIGTERM, SIGINT and SIGHUP close the window as a person would.
#[cfg(unix)]
fn leave_on_signal(app: AppHandle) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tauri::async_runtime::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        leave(&app);
    });
    Ok(())
}

/// Ctrl-C closes the window as a person would.
#[cfg(not(unix))]
fn leave_on_signal(app: AppHandle) -> std::io::Result<()> {
    tauri::async_runtime::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            leave(&app);
        }
    });
    Ok(())
}

/// Whether there is a screen to open a window on. Only X11 and Wayland systems can
/// be without one.
pub fn has_display() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// What to say when there is no screen, in the language of the environment.
pub fn no_display_text() -> &'static str {
    let language = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    if language.is_some_and(|language| language.starts_with("it")) {
        "salotto-desktop: nessuno schermo (DISPLAY o WAYLAND_DISPLAY). \
         Senza finestra usa il client per terminale: salotto chat"
    } else {
        "salotto-desktop: there is no screen (DISPLAY or WAYLAND_DISPLAY). \
         Without a window use the terminal client: salotto chat"
    }
}
