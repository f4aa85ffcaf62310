//! Numeric replies.

use salotto_wire::Message;

use super::Client;
use crate::event::{Event, RefusalReason};
use crate::state::State;
use crate::time::Time;

impl Client {
    pub(super) fn on_numeric(&mut self, now: Time, code: u16, message: &Message<'_>, label: Option<&str>) {
        let param = |index: usize| message.param(index).unwrap_or_default();
        let last = message.last_param().unwrap_or_default();
        match code {
            1 => self.on_welcome(message),
            5 => self.on_isupport(message),
            376 | 422 => self.on_greeted(now),
            372 => self.emit(Event::ServerText { text: last.strip_prefix("- ").unwrap_or(last).to_owned() }),
            322 => self.emit(Event::RoomListed {
                room: param(1).to_owned(),
                members: param(2).parse().unwrap_or(0),
                topic: last.to_owned(),
            }),
            323 => self.emit(Event::RoomListEnd),
            331 => self.on_topic_known(param(1), ""),
            332 => self.on_topic_known(param(1), last),
            353 => self.on_names(param(2), last),
            366 => self.on_names_end(now, param(1)),
            900 => self.on_signed_in_to_account(message),
            901 => self.account = None,
            903 => self.on_sasl_success(),
            902 | 904..=906 => self.on_sasl_failure(now, message),
            431 | 432 => {
                self.on_nick_refused(now, RefusalReason::NotValid, &self.refused_name(message), last);
            }
            433 | 436 => self.on_nick_refused(now, RefusalReason::Taken, &self.refused_name(message), last),
            437 if !self.is_room(param(1)) => {
                self.on_nick_refused(now, RefusalReason::Taken, &self.refused_name(message), last);
            }
            465 => {
                self.banned = Some(last.to_owned());
            }
            // WHOIS and WHOWAS, for a person to read.
            307 | 311..=314 | 317 | 319 | 320 | 330 | 335 | 338 | 378 | 379 | 671 => {
                let text = message.params().get(1..).unwrap_or_default().join(" ");
                self.emit(Event::ServerText { text });
            }
            301 => self.emit(Event::ServerText { text: format!("{}: {last}", param(1)) }),
            _ if (400..600).contains(&code) || matches!(code, 696 | 723 | 734) => {
                self.on_error_numeric(now, code, message, label);
            }
            _ => {}
        }
    }

    fn refused_name(&self, message: &Message<'_>) -> String {
        match message.params() {
            // A server cannot say a name with a space as it was asked for.
            [_, name, _, ..] if *name != self.name.replace(' ', "_") => (*name).to_owned(),
            _ => self.name.clone(),
        }
    }

    fn on_error_numeric(&mut self, now: Time, code: u16, message: &Message<'_>, label: Option<&str>) {
        let params = message.params();
        let text = params.last().copied().unwrap_or_default();
        let context = params.get(1..params.len().saturating_sub(1)).unwrap_or_default();
        let target = context.first().copied().unwrap_or_default();
        // A server without a capability negotiation or without PING before sign-in says so this way.
        if matches!(code, 421 | 451) && self.state != State::Online {
            return;
        }
        if matches!(code, 403 | 405 | 437 | 471 | 473..=477 | 479) {
            self.join_refused(now, target);
        }
        let about_message = matches!(code, 401 | 403 | 404 | 407 | 411 | 412 | 417 | 442 | 477 | 489);
        if (about_message || label.is_some()) && self.refuse_message(now, label, target, text) {
            return;
        }
        self.emit(Event::Failed {
            command: format!("{code:03}"),
            code: String::new(),
            context: context.join(" "),
            text: text.to_owned(),
        });
    }
}
