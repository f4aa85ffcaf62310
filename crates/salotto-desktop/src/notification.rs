//! Notifications of the desktop, shown from a thread of their own.
//!
//! A system without a notification service, or without D-Bus, shows none; nobody
//! waits for it and nothing fails.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many notices may wait for a slow notification service; more are dropped,
/// because a person who has missed that many needs no further one.
pub const NOTICE_QUEUE_LEN_MAX: usize = 16;

/// The name notifications are shown under.
const APP_NAME: &str = "Salotto";

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The first line, plain text.
    pub title: String,
    /// What follows, plain text.
    pub body: String,
    /// What it is about, usually a room: a notice replaces the one before with the
    /// same tag, and a click on it reports the tag.
    pub tag: String,
}

/// Hands notices to the desktop.
#[derive(Debug)]
pub struct Notifier {
    queue: Option<SyncSender<Notice>>,
}

impl Notifier {
    /// Starts the thread; `activated` is called with the tag of a notice that a
    /// person clicks, where the system reports clicks.
    pub fn new(activated: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let (queue, notices) = sync_channel(NOTICE_QUEUE_LEN_MAX);
        let thread = thread::Builder::new()
            .name("notifications".to_owned())
            .spawn(move || show_each(&notices, &(Arc::new(activated) as Activated)));
        Self { queue: thread.is_ok().then_some(queue) }
    }

    /// Queues a notice; a full queue drops it.
    pub fn show(&self, notice: Notice) {
        if let Some(queue) = &self.queue {
            let _ = queue.try_send(notice);
        }
    }
}

type Activated = Arc<dyn Fn(&str) + Send + Sync>;

#[cfg(all(unix, not(target_os = "macos")))]
fn show_each(notices: &Receiver<Notice>, activated: &Activated) {
    freedesktop::Desktop::new(Arc::clone(activated)).show_each(notices);
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn show_each(notices: &Receiver<Notice>, _activated: &Activated) {
    for notice in notices {
        let _ = notify_rust::Notification::new()
            .appname(APP_NAME)
            .summary(&notice.title)
            .body(&notice.body)
            .show();
    }
}

/// The Desktop Notifications Specification of freedesktop.org.
#[cfg(all(unix, not(target_os = "macos")))]
mod freedesktop {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use notify_rust::{Hint, Notification, NotificationHandle};

    use super::{APP_NAME, Activated, Arc, Notice, Receiver, thread};

    /// How many notifications on the screen are watched for a click at once; each
    /// takes a thread.
    const WATCHED_MAX: usize = 16;

    /// The action of a click on the notification itself ("Actions" in the specification).
    const CLICK: &str = "default";

    pub struct Desktop {
        activated: Activated,
        watched: Arc<Mutex<BTreeMap<String, u32>>>,
        /// Whether the service reads the body as markup; unknown until it has answered.
        body_markup: Option<bool>,
    }

    impl Desktop {
        pub fn new(activated: Activated) -> Self {
            Self { activated, watched: Arc::default(), body_markup: None }
        }

        pub fn show_each(mut self, notices: &Receiver<Notice>) {
            for notice in notices {
                self.show(&notice);
            }
        }

        fn show(&mut self, notice: &Notice) {
            let body = if self.reads_markup() { escape_markup(&notice.body) } else { notice.body.clone() };
            let mut notification = Notification::new();
            notification
                .appname(APP_NAME)
                .summary(&notice.title)
                .body(&body)
                .icon("salotto-desktop")
                .hint(Hint::DesktopEntry("Salotto".to_owned()))
                .hint(Hint::Category("im.received".to_owned()))
                // Activating the window is all a click can do; the label is for
                // services that show one.
                .action(CLICK, APP_NAME);
            let shown_before = lock(&self.watched).get(&notice.tag).copied();
            if let Some(id) = shown_before {
                notification.id(id);
            }
            if let Ok(handle) = notification.show()
                && shown_before.is_none()
            {
                self.watch(notice.tag.clone(), handle);
            }
        }

        /// Waits in a thread until the notification is clicked or gone.
        fn watch(&self, tag: String, handle: NotificationHandle) {
            {
                let mut watched = lock(&self.watched);
                if watched.len() >= WATCHED_MAX {
                    return;
                }
                watched.insert(tag.clone(), handle.id());
            }
            let activated = Arc::clone(&self.activated);
            let watched = Arc::clone(&self.watched);
            let forget = tag.clone();
            let thread = thread::Builder::new().name("notification".to_owned()).spawn(move || {
                let mut clicked = false;
                handle.wait_for_action(|action| clicked = action == CLICK);
                lock(&watched).remove(&tag);
                if clicked {
                    activated(&tag);
                }
            });
            if thread.is_err() {
                lock(&self.watched).remove(&forget);
            }
        }

        fn reads_markup(&mut self) -> bool {
            if self.body_markup.is_none() {
                self.body_markup = notify_rust::get_capabilities()
                    .ok()
                    .map(|capabilities| capabilities.iter().any(|name| name == "body-markup"));
            }
            self.body_markup.unwrap_or(false)
        }
    }

    fn lock(watched: &Mutex<BTreeMap<String, u32>>) -> MutexGuard<'_, BTreeMap<String, u32>> {
        watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody wrote must appear as written, not as a link or an image
    /// ("Markup" in the specification).
    fn escape_markup(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_message_cannot_bring_markup_of_its_own() {
            assert_eq!(escape_markup("<a href=\"x\">a & b</a>"), "&lt;a href=\"x\"&gt;a &amp; b&lt;/a&gt;");
        }
    }
}
