//! Lines that belong together.

use salotto_wire::Message;

use super::{Client, TOKEN_TAG};
use crate::event::Event;
use crate::history::{Batch, Batches};
use crate::time::Time;

impl Client {
    pub(super) fn on_batch(&mut self, now: Time, message: &Message<'_>, label: Option<&str>) {
        let Some(reference) = message.param(0) else { return };
        if let Some(reference) = reference.strip_prefix('+') {
            let batch = match message.param(1).unwrap_or_default() {
                "chathistory" => Batch::History {
                    target: message.param(2).unwrap_or_default().to_owned(),
                    messages: Vec::new(),
                    lines: 0,
                },
                "draft/chathistory-targets" | "chathistory-targets" => Batch::Targets { targets: Vec::new() },
                _ => Batch::Plain { label: label.map(str::to_owned) },
            };
            self.batches.begin(reference, batch);
        } else if let Some(reference) = reference.strip_prefix('-') {
            match self.batches.end(reference) {
                Some(Batch::History { target, messages, lines }) => {
                    self.history_answered(now, &target, messages, lines);
                }
                Some(Batch::Targets { targets }) => self.targets_answered(now, &targets),
                Some(Batch::Plain { .. }) | None => {}
            }
        }
    }

    /// A line of a batch that is gathered before it is acted upon.
    pub(super) fn on_batched(&mut self, reference: &str, message: &Message<'_>) {
        // Without a time of its own a message of history belongs to the beginning of time.
        let chat = self.read_message(Time::default(), message);
        let delivered = chat.as_ref().filter(|c| c.own).and_then(|c| {
            let token = message.tag(TOKEN_TAG);
            self.match_outbox_in_history(token.as_deref(), c)
        });
        match self.batches.get_mut(reference) {
            Some(Batch::History { messages, lines, .. }) => {
                *lines += 1;
                if let Some(mut chat) = chat.filter(|_| messages.len() < Batches::MESSAGES_MAX) {
                    chat.local_id = delivered;
                    messages.push(chat);
                }
            }
            Some(Batch::Targets { targets }) => {
                if message.param(0) == Some("TARGETS") && targets.len() < Batches::MESSAGES_MAX {
                    targets.extend(message.param(1).map(str::to_owned));
                }
                return;
            }
            _ => return,
        }
        if let Some(id) = delivered {
            self.outbox.remove(id);
            self.emit(Event::Outbox { id, state: None });
        }
    }
}
