//! Which capabilities a server offers, and which of them we have asked for and been given.

use std::collections::BTreeMap;

use salotto_wire::capability::parse_list;
use salotto_wire::{Capability, CapabilitySet};

/// What this client can make use of.
pub(crate) const WANTED: CapabilitySet = CapabilitySet::of(&[
    Capability::AccountNotify,
    Capability::AccountTag,
    Capability::AwayNotify,
    Capability::Batch,
    Capability::CapNotify,
    Capability::ChatHistory,
    Capability::ChgHost,
    Capability::EchoMessage,
    Capability::ExtendedJoin,
    Capability::InviteNotify,
    Capability::LabeledResponse,
    Capability::MessageTags,
    Capability::MultiPrefix,
    Capability::AccountRegistration,
    Capability::ReadMarker,
    Capability::Resume,
    Capability::ServerTime,
    Capability::Setname,
    Capability::StandardReplies,
    Capability::UserhostInNames,
]);

/// The most bytes of names in one request, so that the line stays within its limit.
const REQUEST_LEN_MAX: usize = 400;

#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    offered: BTreeMap<Capability, String>,
    enabled: CapabilitySet,
    requests_open: usize,
    ended: bool,
}

impl Negotiation {
    pub(crate) fn enabled(&self) -> CapabilitySet {
        self.enabled
    }

    /// Takes a list of `LS` or `NEW`.
    pub(crate) fn offer(&mut self, list: &str) {
        for token in parse_list(list) {
            if let Some(capability) = Capability::from_name(token.name) {
                self.offered.insert(capability, token.value.unwrap_or_default().to_owned());
            }
        }
    }

    /// Takes a list of `DEL`.
    pub(crate) fn withdraw(&mut self, list: &str) {
        for capability in parse_list(list).filter_map(|t| Capability::from_name(t.name)) {
            self.offered.remove(&capability);
            self.enabled.remove(capability);
        }
    }

    /// Takes a list of `ACK`.
    pub(crate) fn accept(&mut self, list: &str) {
        self.requests_open = self.requests_open.saturating_sub(1);
        for token in parse_list(list) {
            if let Some(capability) = Capability::from_name(token.name) {
                if token.disable {
                    self.enabled.remove(capability);
                } else {
                    self.enabled.insert(capability);
                }
            }
        }
    }

    /// Takes a list of `NAK`; gives the requests to make instead, one capability each.
    pub(crate) fn refuse(&mut self, list: &str) -> Vec<String> {
        self.requests_open = self.requests_open.saturating_sub(1);
        let names: Vec<&str> = parse_list(list).map(|t| t.name).collect();
        if names.len() < 2 {
            return Vec::new();
        }
        self.requests_open += names.len();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The requests for all that is wanted, offered and not enabled yet.
    pub(crate) fn requests(&mut self, with_sasl: bool) -> Vec<String> {
        let mut wanted = WANTED;
        if with_sasl && self.offers_plain() {
            wanted.insert(Capability::Sasl);
        }
        let offered: CapabilitySet = self.offered.keys().copied().collect();
        let mut requests: Vec<String> = Vec::new();
        for capability in wanted.intersection(offered).difference(self.enabled).iter() {
            match requests.last_mut() {
                Some(last) if last.len() + 1 + capability.name().len() <= REQUEST_LEN_MAX => {
                    last.push(' ');
                    last.push_str(capability.name());
                }
                _ => requests.push(capability.name().to_owned()),
            }
        }
        self.requests_open += requests.len();
        requests
    }

    /// Whether all requests are answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.requests_open == 0
    }

    /// Says, once, that `CAP END` is to be sent.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    fn offers_plain(&self) -> bool {
        self.offered
            .get(&Capability::Sasl)
            .is_some_and(|mechanisms| mechanisms.is_empty() || mechanisms.split(',').any(|m| m == "PLAIN"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_only_what_is_offered_and_wanted() {
        let mut negotiation = Negotiation::default();
        negotiation.offer("batch server-time=x sts=port=6697 sasl=EXTERNAL unheard/of");
        assert_eq!(negotiation.requests(true), ["batch server-time"]);
        assert!(!negotiation.is_settled());
        negotiation.accept("batch server-time");
        assert!(negotiation.is_settled());
        assert!(negotiation.enabled().contains(Capability::Batch));
        negotiation.offer("sasl=PLAIN,EXTERNAL");
        assert_eq!(negotiation.requests(false), [""; 0]);
        assert_eq!(negotiation.requests(true), ["sasl"]);
        negotiation.withdraw("batch");
        assert!(!negotiation.enabled().contains(Capability::Batch));
    }

    #[test]
    fn a_refused_bundle_is_asked_for_one_by_one() {
        let mut negotiation = Negotiation::default();
        negotiation.offer("batch server-time");
        negotiation.requests(false);
        assert_eq!(negotiation.refuse("batch server-time"), ["batch", "server-time"]);
        negotiation.accept("batch");
        assert_eq!(negotiation.refuse("server-time"), [""; 0]);
        assert!(negotiation.is_settled());
    }

    #[test]
    fn all_wanted_fit_the_line() {
        let mut negotiation = Negotiation::default();
        let all: Vec<&str> = Capability::ALL.iter().map(|c| c.name()).collect();
        negotiation.offer(&all.join(" "));
        let requests = negotiation.requests(true);
        assert!(requests.iter().all(|r| r.len() <= REQUEST_LEN_MAX));
        assert_eq!(requests.join(" ").split(' ').count(), WANTED.len() + 1);
    }
}
