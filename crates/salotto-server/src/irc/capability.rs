//! Capability negotiation (IRCv3 `capability-negotiation`, version 302).

use salotto_wire::capability::parse_list;
use salotto_wire::{BODY_LEN_MAX, Capability, Line, Message};

use super::{Session, Stage, server_name};
use crate::shard::Io;

/// What is offered, in the order it is listed.
const OFFERED: &[Capability] = &[
    Capability::AccountNotify,
    Capability::AccountTag,
    Capability::AwayNotify,
    Capability::Batch,
    Capability::CapNotify,
    Capability::ChgHost,
    Capability::EchoMessage,
    Capability::ExtendedJoin,
    Capability::InviteNotify,
    Capability::LabeledResponse,
    Capability::MessageTags,
    Capability::MultiPrefix,
    Capability::ServerTime,
    Capability::Setname,
    Capability::StandardReplies,
    Capability::UserhostInNames,
    Capability::AccountRegistration,
    Capability::ChatHistory,
    Capability::NoImplicitNames,
    Capability::NoImplicitNamesDraft,
    Capability::ReadMarker,
    Capability::Sasl,
    Capability::Resume,
];

/// How long one line of a list may be.
const LIST_LEN_MAX: usize = 400;

impl Session {
    /// `CAP`.
    pub(super) fn cap(&mut self, message: &Message<'_>, io: &mut Io<'_>) {
        let subcommand = message.param(0).unwrap_or_default().to_ascii_uppercase();
        match subcommand.as_str() {
            "LS" => {
                self.cap_302 |= message.param(1).and_then(|version| version.parse::<u32>().ok()) >= Some(302);
                if self.cap_302 {
                    // Version 302 implies it, and it cannot be switched off (capability-negotiation, "cap-notify").
                    self.capabilities.insert(Capability::CapNotify);
                }
                self.negotiating |= self.stage == Stage::Registering;
                let names: Vec<String> =
                    offered(io).map(|capability| self.with_value(capability, io)).collect();
                self.cap_list("LS", &names, io);
            }
            "LIST" => {
                let names: Vec<String> =
                    self.capabilities.iter().map(|known| known.name().to_owned()).collect();
                self.cap_list("LIST", &names, io);
            }
            "REQ" => {
                self.negotiating |= self.stage == Stage::Registering;
                self.cap_request(message.param(1).unwrap_or_default(), io);
            }
            "END" => {
                self.negotiating = false;
                self.try_sign_in(io);
            }
            _ => self.reply(io, salotto_wire::numeric::ERR_INVALIDCAPCMD, |line| {
                line.param(&subcommand).trailing("Invalid CAP command")
            }),
        }
    }

    fn cap_request(&mut self, list: &str, io: &mut Io<'_>) {
        let mut wished = self.capabilities;
        for token in parse_list(list) {
            let known =
                Capability::from_name(token.name).filter(|known| offered(io).any(|other| other == *known));
            // All or nothing: one that cannot be had refuses the whole request.
            let Some(known) =
                known.filter(|known| !(token.disable && *known == Capability::CapNotify && self.cap_302))
            else {
                return self.cap_line("NAK", None, list, io);
            };
            if token.disable {
                wished.remove(known);
            } else {
                wished.insert(known);
            }
        }
        self.capabilities = wished;
        self.cap_line("ACK", None, list, io);
    }

    fn cap_list(&self, subcommand: &str, names: &[String], io: &mut Io<'_>) {
        let mut rest = names;
        loop {
            let mut len = 0;
            let fits = rest.iter().take_while(|name| {
                len += name.len() + 1;
                !self.cap_302 || len <= LIST_LEN_MAX
            });
            let (now, later) = rest.split_at(fits.count());
            let more = (!later.is_empty()).then_some("*");
            self.cap_line(subcommand, more, &now.join(" "), io);
            rest = later;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn cap_line(&self, subcommand: &str, more: Option<&str>, list: &str, io: &mut Io<'_>) {
        let server = server_name(io).to_owned();
        io.line(|bytes| {
            let mut line =
                Line::new(bytes).source(&server).command("CAP").param(&self.nick).param(subcommand);
            if let Some(more) = more {
                line = line.param(more);
            }
            line.trailing(list).end_within(BODY_LEN_MAX);
        });
    }

    fn with_value(&self, capability: Capability, io: &Io<'_>) -> String {
        let name = capability.name();
        if !self.cap_302 {
            return name.to_owned();
        }
        match capability {
            Capability::Sasl => format!("{name}=PLAIN"),
            Capability::AccountRegistration if io.shared.config.accounts.registration => {
                format!("{name}=before-connect,custom-account-name")
            }
            _ => name.to_owned(),
        }
    }

    /// Whether the client asked for a capability.
    pub(super) fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(capability)
    }
}

fn offered(io: &Io<'_>) -> impl Iterator<Item = Capability> + use<> {
    let registration = io.shared.config.accounts.registration;
    OFFERED.iter().copied().filter(move |&known| registration || known != Capability::AccountRegistration)
}
