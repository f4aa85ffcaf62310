//! Notifications of the desktop.
//!
//! A system without a notification service, or without D-Bus, shows none; nobody
//! waits for it and nothing fails.

use std::sync::Arc;

use tokio::sync::mpsc;

/// How many orders may wait for a slow notification service; more are dropped,
/// because a person who has missed that many needs no further one.
pub const ORDER_QUEUE_LEN_MAX: usize = 16;

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

/// Called with the tag of a notice that a person has clicked.
type Activated = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Debug)]
enum Order {
    Show(Notice),
    Dismiss(String),
}

/// Hands notices to the desktop, in order.
#[derive(Debug)]
pub struct Notifier {
    orders: mpsc::Sender<Order>,
}

impl Notifier {
    /// Starts the task that talks to the desktop; `activated` is called with the tag
    /// of a notice that a person clicks, where the system reports clicks.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn new(activated: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let (orders, queue) = mpsc::channel(ORDER_QUEUE_LEN_MAX);
        tokio::spawn(platform::carry_out(queue, Arc::new(activated)));
        Self { orders }
    }

    /// Shows a notice in place of the one with the same tag.
    pub fn show(&self, notice: Notice) {
        let _ = self.orders.try_send(Order::Show(notice));
    }

    /// Takes the notice with this tag off the screen, where the system allows it.
    pub fn dismiss(&self, tag: String) {
        let _ = self.orders.try_send(Order::Dismiss(tag));
    }
}

/// macOS and Windows: shown, without tags or clicks.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use notify_rust::Notification;

    use super::{APP_NAME, Activated, Order, mpsc};

    pub async fn carry_out(mut orders: mpsc::Receiver<Order>, _activated: Activated) {
        while let Some(order) = orders.recv().await {
            let Order::Show(notice) = order else { continue };
            let shown = tokio::task::spawn_blocking(move || {
                Notification::new().appname(APP_NAME).summary(&notice.title).body(&notice.body).show()
            });
            // A system that shows none, shows none.
            let _ = shown.await;
        }
    }
}

/// The Desktop Notifications Specification of freedesktop.org, over D-Bus.
#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::collections::{BTreeMap, HashMap};
    use std::time::Duration;

    use futures_util::StreamExt;
    use tokio::time::timeout;
    use zbus::Variant;
    use zbus::proxy::SignalStream;

    use super::{APP_NAME, Activated, Notice, Order, mpsc};

    /// How long the service may take to answer.
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

    /// How many notifications are remembered as being on the screen; with more, older
    /// ones are no longer replaced or taken back.
    const ON_SCREEN_LEN_MAX: usize = 256;

    /// The action of a click on the notification itself ("Actions" in the specification).
    const CLICK: &str = "default";

    /// Lets the service decide how long a notification stays.
    const EXPIRE_DEFAULT: i32 = -1;

    #[zbus::proxy(
        interface = "org.freedesktop.Notifications",
        default_service = "org.freedesktop.Notifications",
        default_path = "/org/freedesktop/Notifications"
    )]
    trait Notifications {
        #[expect(clippy::too_many_arguments, reason = "the form of the specification")]
        fn notify(
            &self,
            app_name: &str,
            replaces_id: u32,
            app_icon: &str,
            summary: &str,
            body: &str,
            actions: &[&str],
            hints: HashMap<&str, Variant<'_>>,
            expire_timeout: i32,
        ) -> zbus::Result<u32>;

        fn close_notification(&self, id: u32) -> zbus::Result<()>;

        fn get_capabilities(&self) -> zbus::Result<Vec<String>>;
    }

    pub async fn carry_out(mut orders: mpsc::Receiver<Order>, activated: Activated) {
        let mut service = None;
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    // Whatever goes wrong, the next order starts afresh.
                    Some(order) => match timeout(ANSWER_TIMEOUT, obey(&mut service, order)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => service = None,
                    },
                    None => return,
                },
                signal = next_signal(&mut service) => match (signal, &mut service) {
                    (Some(signal), Some(service)) => service.heard(&signal, &activated),
                    _ => service = None,
                }
            }
        }
    }

    async fn obey(service: &mut Option<Service>, order: Order) -> zbus::Result<()> {
        let service = match service {
            Some(service) => service,
            None => service.insert(Service::connect().await?),
        };
        match order {
            Order::Show(notice) => service.show(notice).await,
            Order::Dismiss(tag) => service.dismiss(&tag).await,
        }
    }

    /// The next signal of the service, or `None` when the bus is gone.
    async fn next_signal(service: &mut Option<Service>) -> Option<zbus::Message> {
        match service {
            Some(service) => service.signals.next().await,
            None => std::future::pending().await,
        }
    }

    /// The notification service, on the one connection through which everything goes:
    /// some services answer only the connection that asked.
    struct Service {
        proxy: NotificationsProxy<'static>,
        signals: SignalStream<'static>,
        /// Whether the service reads the body as markup.
        body_markup: bool,
        /// The service's number for each tag a person can see.
        on_screen: BTreeMap<String, u32>,
    }

    impl Service {
        async fn connect() -> zbus::Result<Self> {
            let connection = zbus::Connection::session().await?;
            let proxy = NotificationsProxy::new(&connection).await?;
            let signals = proxy.inner().receive_all_signals().await?;
            let capabilities = proxy.get_capabilities().await?;
            Ok(Self {
                proxy,
                signals,
                body_markup: capabilities.iter().any(|name| name == "body-markup"),
                on_screen: BTreeMap::new(),
            })
        }

        async fn show(&mut self, notice: Notice) -> zbus::Result<()> {
            let body = if self.body_markup { escape_markup(&notice.body) } else { notice.body };
            let hints = HashMap::from([
                ("desktop-entry", Variant::from(APP_NAME)),
                ("category", Variant::from("im.received")),
            ]);
            let replaced = self.on_screen.get(&notice.tag).copied().unwrap_or(0);
            let id = self
                .proxy
                .notify(
                    APP_NAME,
                    replaced,
                    "salotto-desktop",
                    &notice.title,
                    &body,
                    &[CLICK, APP_NAME],
                    hints,
                    EXPIRE_DEFAULT,
                )
                .await?;
            if self.on_screen.len() >= ON_SCREEN_LEN_MAX {
                self.on_screen.clear();
            }
            self.on_screen.insert(notice.tag, id);
            Ok(())
        }

        async fn dismiss(&mut self, tag: &str) -> zbus::Result<()> {
            match self.on_screen.get(tag) {
                Some(&id) => self.proxy.close_notification(id).await,
                None => Ok(()),
            }
        }

        /// A click or the end of a notification; both go to everybody on the bus, so
        /// the number says whether it is one of ours.
        fn heard(&mut self, signal: &zbus::Message, activated: &Activated) {
            let header = signal.header();
            let Some(member) = header.member() else { return };
            match member.as_str() {
                "ActionInvoked" => {
                    if let Ok((id, CLICK)) = signal.body().deserialize::<(u32, &str)>()
                        && let Some(tag) = self.tag_of(id)
                    {
                        activated(&tag);
                    }
                }
                "NotificationClosed" => {
                    if let Ok((id, _reason)) = signal.body().deserialize::<(u32, u32)>()
                        && let Some(tag) = self.tag_of(id)
                    {
                        self.on_screen.remove(&tag);
                    }
                }
                _ => {}
            }
        }

        fn tag_of(&self, id: u32) -> Option<String> {
            self.on_screen.iter().find(|&(_, &number)| number == id).map(|(tag, _)| tag.clone())
        }
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
