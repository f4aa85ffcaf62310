//! Devices of accounts: what signs in by a token, the list of them, and how they are revoked.

use std::sync::Arc;

use super::{Done, Turn};
use crate::command::{Leaving, SignIn};
use crate::event::{Audience, DeviceSummary, Ending, Event, Refusal};
use crate::id::{AccountId, DeviceId, PersonId, SessionId, Timestamp};
use crate::record::{AccountRecord, DeviceRecord, Record};
use crate::state::DEVICES_MAX;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The beginning of the day, UTC.
fn day(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0 % DAY_MS)
}

impl Turn<'_> {
    pub(super) fn recognise(&mut self, session: SessionId, resume: Option<[u8; 32]>, stem: [u8; 32]) -> Done {
        let device = self.state.devices.get(&stem).map(|&(account, _)| account);
        let old = resume.and_then(|token| self.state.resumable.get(&token)).copied();
        if device.is_none() && old.is_none() {
            return Err(Refusal::UnknownResumeToken);
        }
        // The session of a device that had to make room is good for the account as long as it is there.
        let account = device.or_else(|| self.state.person_of(old?)?.account);
        let account = account.map(|account| self.state.accounts[&account].name.clone());
        self.tell(Audience::Session(session), Event::Recognised { account, device: device.is_some() });
        Ok(())
    }

    /// The device whose token a connection has shown. One of another account than the connection has proved by a
    /// password does not count.
    pub(super) fn device_of(&self, wish: &SignIn) -> Option<(AccountId, DeviceId)> {
        let device = self.state.devices.get(&wish.stem?).copied()?;
        wish.account.is_none_or(|account| account == device.0).then_some(device)
    }

    /// A device has signed in. That is written once a day, not once a connection.
    pub(super) fn device_used(&mut self, account: AccountId, device: DeviceId) {
        let today = day(self.at);
        let account = self.state.accounts.get_mut(&account);
        let Some(device) = account.and_then(|account| account.devices.get_mut(&device)) else { return };
        if device.used < today {
            device.used = today;
            let record = device.clone();
            self.keep(Record::Device(record));
        }
    }

    pub(super) fn add_device(&mut self, session: SessionId, token: [u8; 32], about: Arc<str>) -> Done {
        let account = self.asker(session)?.account.ok_or(Refusal::NoAccount)?;
        if self.state.devices.contains_key(&token) {
            return Err(Refusal::UnknownResumeToken);
        }
        if self.state.accounts[&account].devices.len() >= DEVICES_MAX {
            self.forget_least_used(account);
        }
        let id = DeviceId(self.seq.0);
        let device = DeviceRecord { id, account, token, made: self.at, used: day(self.at), about };
        self.state.add_device(device.clone());
        self.keep(Record::Device(device));
        if let Some(session) = self.state.sessions.get_mut(&session) {
            session.device = Some(id);
        }
        self.tell(Audience::Session(session), Event::DeviceAdded { id });
        Ok(())
    }

    /// Makes room for a device: the one unused for longest goes, and one that is here last of all.
    fn forget_least_used(&mut self, account: AccountId) {
        let here: Vec<DeviceId> = self
            .sessions_of(account)
            .iter()
            .filter_map(|session| self.state.sessions[session].device)
            .collect();
        let devices = self.state.accounts[&account].devices.values();
        let Some(least) = devices.min_by_key(|device| (here.contains(&device.id), device.used, device.id))
        else {
            return;
        };
        let least = least.id;
        self.state.remove_device(account, least);
        self.keep(Record::DeviceRevoked(least));
    }

    pub(super) fn list_devices(&mut self, session: SessionId) -> Done {
        let account = self.asker(session)?.account.ok_or(Refusal::NoAccount)?;
        let own = self.state.sessions[&session].device;
        let devices = self.state.accounts[&account].devices.values();
        let devices = devices.map(|device| DeviceSummary {
            id: device.id,
            made: device.made,
            used: device.used,
            about: device.about.clone(),
            own: own == Some(device.id),
        });
        let event = Event::Devices(devices.collect());
        self.tell(Audience::Session(session), event);
        Ok(())
    }

    pub(super) fn revoke_devices(&mut self, session: SessionId, which: Option<DeviceId>) -> Done {
        let account = self.asker(session)?.account.ok_or(Refusal::NoAccount)?;
        let Some(id) = which else {
            self.revoke_others(session, account);
            return Ok(());
        };
        if !self.state.remove_device(account, id) {
            return Err(Refusal::NoSuchDevice(id));
        }
        self.keep(Record::DeviceRevoked(id));
        let revoked = Event::DevicesRevoked { ids: vec![id], others: false };
        self.tell(Audience::Session(session), revoked);
        let mut sessions = self.sessions_of(account);
        sessions.retain(|session| self.state.sessions[session].device == Some(id));
        self.sign_out(sessions);
        Ok(())
    }

    /// Revokes all devices of an account but the asker's, and closes all other sessions, with a device or without.
    fn revoke_others(&mut self, session: SessionId, account: AccountId) {
        let own = self.state.sessions[&session].device;
        let devices = self.state.accounts[&account].devices.keys().copied();
        let others: Vec<DeviceId> = devices.filter(|&id| Some(id) != own).collect();
        for &id in &others {
            self.state.remove_device(account, id);
            self.keep(Record::DeviceRevoked(id));
        }
        self.tell(Audience::Session(session), Event::DevicesRevoked { ids: others, others: true });
        let mut sessions = self.sessions_of(account);
        sessions.retain(|&other| {
            let device = self.state.sessions[&other].device;
            other != session && (device.is_none() || device != own)
        });
        self.sign_out(sessions);
    }

    pub(super) fn change_password(
        &mut self,
        session: SessionId,
        account: AccountId,
        verifier: Arc<str>,
    ) -> Done {
        if self.asker(session)?.account != Some(account) {
            return Err(Refusal::NoAccount);
        }
        let known = &self.state.accounts[&account];
        let (name, created) = (known.name.clone(), known.created);
        self.keep(Record::Account(AccountRecord { id: account, name: name.clone(), created, verifier }));
        self.tell(Audience::Session(session), Event::PasswordChanged { account: name });
        self.revoke_others(session, account);
        Ok(())
    }

    /// The sessions that are signed in to an account, under whatever name.
    fn sessions_of(&self, account: AccountId) -> Vec<SessionId> {
        let people = self.state.people.values().filter(|person| person.account == Some(account));
        people.flat_map(|person| person.sessions.iter().copied()).collect()
    }

    /// Closes sessions. Others see somebody leave, where it was the last of theirs, and not why.
    fn sign_out(&mut self, sessions: Vec<SessionId>) {
        for session in sessions {
            let Some(person) = self.drop_session(session) else { continue };
            let ended = Event::Ended { session, person, why: Ending::Revoked };
            self.tell(Audience::Session(session), ended);
            if self.state.people[&person].sessions.is_empty() {
                self.remove_person(person, Leaving::Quit(None));
            }
        }
    }

    /// A person's sessions are no devices of the account that they were signed in to.
    pub(super) fn forget_devices_of_sessions(&mut self, person: PersonId) {
        for session in &self.state.people[&person].sessions {
            if let Some(session) = self.state.sessions.get_mut(session) {
                session.device = None;
            }
        }
    }
}
