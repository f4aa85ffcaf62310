//! Signing in by a device's token instead of the password, and looking after the devices of an account
//! (`docs/protocol.md`, "Resuming a session, and the devices of an account").

use salotto_wire::{Capability, Line, Message, server_time};

use super::Client;
use crate::event::{Device, Event};
use crate::state::{State, StopReason};

/// The most devices of a list; a server has fewer for an account.
const DEVICES_MAX: usize = 256;

/// What a device signs in to its account with: worth as much as the password, and to be kept like one.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// The account's name.
    pub account: String,
    /// The token, without the part that is a session's.
    pub token: String,
}

impl std::fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceToken").field("account", &self.account).finish_non_exhaustive()
    }
}

/// How far showing the token has come on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Recall {
    #[default]
    NotYet,
    Asked,
    /// The server has signed us in by it.
    Known,
    /// The server does not know it.
    Unknown,
}

impl Client {
    /// The token that signs this device in; where it is kept, it is kept like a password.
    pub fn device_token(&self) -> Option<&DeviceToken> {
        self.device.as_ref()
    }

    /// Gives the token that an earlier client was told of by [`Event::DeviceToken`], for the next connection.
    pub fn set_device_token(&mut self, token: Option<DeviceToken>) {
        self.device = token;
    }

    /// Asks for the list of devices; it comes as [`Event::Devices`].
    pub fn list_devices(&mut self) {
        self.command("RESUME", &["LIST"], None);
    }

    /// Signs a device out by its id, or all others by `*`; each is told by [`Event::DeviceRevoked`].
    pub fn revoke_device(&mut self, id: &str) {
        self.command("RESUME", &["REVOKE", id], None);
    }

    /// Changes the password of our account, which signs out all other devices.
    pub fn change_password(&mut self, old: &str, new: &str) {
        self.command("PASSWD", &[old], Some(new));
    }

    /// Whether there is a token to sign in to our account with.
    fn may_recall(&self) -> bool {
        let Some(device) = &self.device else { return false };
        let wanted = self.options.credentials.as_ref();
        self.has(Capability::Resume)
            && wanted.is_none_or(|wanted| self.same_name(&wanted.account, &device.account))
    }

    /// Shows the token once the capabilities are settled; says whether the answer has to be waited for.
    pub(super) fn recall(&mut self) -> bool {
        match self.recall {
            Recall::Asked => true,
            Recall::NotYet if self.may_recall() => {
                self.introduce_device();
                // With the session's part, the session that is still there makes way.
                let whole = self.resume_token.take();
                if let Some(token) = whole.or_else(|| self.device.as_ref().map(|device| device.token.clone()))
                {
                    Line::new(&mut self.out).command("RESUME").param(&token).end();
                    // The server gives us our name back; if it is taken all the same, it is by somebody else.
                    self.nick_retries_left = 0;
                }
                self.recall = Recall::Asked;
                true
            }
            Recall::NotYet | Recall::Known | Recall::Unknown => false,
        }
    }

    /// Says what this device is called, for the list of devices.
    pub(super) fn introduce_device(&mut self) {
        if self.has(Capability::Resume) && !self.options.device_name.is_empty() && !self.device_introduced {
            self.device_introduced = true;
            Line::new(&mut self.out).command("RESUME").param("AS").trailing(&self.options.device_name).end();
        }
    }

    /// The server has signed us in to an account on this connection.
    pub(super) fn on_account_proved(&mut self, account: Option<&str>) {
        self.proved_account = account.map(str::to_owned);
        if self.recall == Recall::Asked {
            self.recall = Recall::Known;
            self.capabilities_answered();
        }
    }

    pub(super) fn on_resume(&mut self, message: &Message<'_>) {
        let param = |index: usize| message.param(index).unwrap_or_default();
        match param(0).to_ascii_uppercase().as_str() {
            "TOKEN" => self.take_token(param(1)),
            "DEVICE" if self.devices.len() < DEVICES_MAX => self.devices.push(Device {
                id: param(1).to_owned(),
                made_ms: server_time::parse(param(2)).unwrap_or_default(),
                used_ms: server_time::parse(param(3)).unwrap_or_default(),
                own: param(4) == "*",
                name: message.last_param().unwrap_or_default().to_owned(),
            }),
            "END" => {
                let devices = std::mem::take(&mut self.devices);
                if !devices.is_empty() {
                    self.emit(Event::Devices(devices));
                }
            }
            "REVOKED" => self.emit(Event::DeviceRevoked { id: param(1).to_owned() }),
            _ => {}
        }
    }

    fn take_token(&mut self, token: &str) {
        self.resume_token = Some(token.to_owned());
        let Some(account) = self.proved_account.clone() else { return };
        // A server without devices gives a token that is the session's alone.
        let Some((stem, _)) = token.split_once('.') else { return };
        self.keep_device(Some(DeviceToken { account, token: stem.to_owned() }));
    }

    fn keep_device(&mut self, device: Option<DeviceToken>) {
        if self.device != device {
            self.device.clone_from(&device);
            self.emit(Event::DeviceToken(device));
        }
    }

    /// `FAIL RESUME`; says whether that is all there is to it.
    pub(super) fn on_resume_failed(&mut self, code: &str, text: &str) -> bool {
        match code {
            "UNKNOWN_TOKEN" => {
                self.resume_token = None;
                if self.recall == Recall::Asked {
                    self.recall = Recall::Unknown;
                    self.keep_device(None);
                    self.after_unknown_device(text);
                }
                true
            }
            "REVOKED" => {
                self.resume_token = None;
                self.keep_device(None);
                self.signed_out = Some(text.to_owned());
                true
            }
            _ => false,
        }
    }

    /// The password is there for this. Without one nobody is signed in as a guest who believes to be an account.
    fn after_unknown_device(&mut self, text: &str) {
        if !matches!(self.state, State::Registering | State::NameNeeded) {
            return;
        }
        if self.options.credentials.is_some() {
            return self.capabilities_answered();
        }
        self.close();
        self.stop(StopReason::SignInRefused(text.to_owned()));
    }
}
