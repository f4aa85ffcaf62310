//! The Salotto chat server: listeners, sessions, shards and adapters.
//!
//! ```text
//! submit ──▶ order ──▶ apply ──▶ commit ──▶ deliver
//! (session)  (sequencer)  (core)    (store)   (shards)
//! ```
//!
//! [`Server::start`] opens the store, restores the chat, and starts the threads: one that orders, carries out and commits
//! ([`engine`]), some that own the connections ([`shard`]), and a few for jobs that take long ([`jobs`]). Threads talk by messages; no lock is held while anything waits.
#![forbid(unsafe_code)]

mod adapter;
mod ambient;
mod cloak;
mod commit;
pub mod config;
mod engine;
mod hashing;
pub mod http;
mod hub;
mod irc;
mod jobs;
pub mod listen;
pub mod lockstep;
pub mod plain;
mod shard;
mod shared;
mod text;
mod throttle;
pub mod tls;
pub mod websocket;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use salotto_core::{Command, Core, NodeId, RequestId, RoomName, SessionId};
use salotto_store::{Durability, Store, StoreError, Writer};
use thiserror::Error;

use crate::ambient::Ambient;
use crate::commit::Commits;
use crate::config::Config;
use crate::engine::Engine;
use crate::hub::{Ask, Hub, Submission};
use crate::jobs::{Hasher, Jobs};
use crate::listen::{Adopt, BoundListener, Incoming, ListenError, Listening};
use crate::shard::{News, Shard, ShardHandle};
use crate::shared::Shared;

/// How long everything may take to end.
const SHUTDOWN_MAX: Duration = Duration::from_millis(2500);
/// The name of the store's value that hides addresses.
const CLOAK_KEY: &str = "cloak_key";
/// The session that the server itself submits under; no connection ever has it.
const SERVER_SESSION: SessionId = SessionId(u64::MAX);

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data cannot be opened.
    #[error("failed to open the data")]
    Store(#[from] StoreError),
    /// A listener cannot be opened.
    #[error("failed to listen")]
    Listen(#[from] ListenError),
    /// The certificate cannot be used.
    #[error("failed to set up TLS")]
    Tls(#[from] tls::TlsError),
    /// The system refuses something that every server needs: a thread, a poller, random bits.
    #[error("failed to start")]
    System(#[from] io::Error),
}

/// A running server.
pub struct Server {
    listening: Listening,
    threads: Threads,
}

/// The threads behind the listeners.
struct Threads {
    shared: Arc<Shared>,
    shards: Vec<ShardHandle>,
    shard_threads: Vec<JoinHandle<()>>,
    engine_thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with its data in `data`.
    ///
    /// # Errors
    /// [`StartError`] says what stands in the way; nothing is left running then.
    pub fn start(config: Config, data: PathBuf) -> Result<Server, StartError> {
        let durability = match config.history.durability {
            config::Durability::Power => Durability::Power,
            config::Durability::Process => Durability::Process,
        };
        let (store, durable) = Store::open(&data, durability)?;
        let mut writer = store.writer()?;
        let ambient = Ambient::System;
        let cloak_key = cloak_key(&mut writer, &ambient)?;
        let needs_tls =
            config.listen.tls_port != config::Port::Off || config.listen.web_tls != config::Port::Off;
        let tls = needs_tls.then(|| tls::Tls::load(&config.tls, &data, &config.listen.host)).transpose()?;

        let node = NodeId(1);
        let written = (durable.seq, durable.at);
        let core = Core::restore(durable);
        let (hub_sender, hub_inbox) = channel();
        let (jobs, work) = Jobs::new();
        let hasher = Hasher::new(&config.accounts, ambient.clone());
        let shared = Arc::new(Shared::new(config, ambient.clone(), node, cloak_key, hub_sender, jobs));
        establish_lobby(&shared);

        let count = shared.config.shards();
        let (idle_shards, shards): (Vec<Shard>, Vec<ShardHandle>) =
            (0..count).map(|_| Shard::new()).collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        work.start(hasher, || store.reader(), &shards)?;
        let files = (writer, store.reader()?);
        let commits = Commits::new(shared.clone(), written.0);
        let hub = Hub::new(core, written, node, ambient);
        let mut engine = Some(Engine::new(hub_inbox, hub, commits, files, shared.clone()));
        // A shard must not stand still while the disk writes; where nobody waits for the disk, waking another thread
        // is most of what a lone message costs.
        let mut engine_thread = None;
        if (count > 1 || durability == Durability::Power)
            && let Some(engine) = engine.take()
        {
            let shards = shards.clone();
            engine_thread = Some(spawn("engine", move || engine.run(&shards))?);
        }
        let mut shard_threads = Vec::new();
        for (index, shard) in idle_shards.into_iter().enumerate() {
            let (shared, engine) = (shared.clone(), engine.take());
            let run = move || shard.run(index as u64, count as u64, shared, engine);
            shard_threads.push(spawn("shard", run)?);
        }

        let metrics_of = shared.clone();
        let metrics =
            Arc::new(move || metrics_of.metrics.prometheus(metrics_of.read_only.load(Ordering::Relaxed)));
        let adopt = Arc::new(Spread { shards: shards.clone(), next: AtomicUsize::new(0) });
        let mut threads = Threads { shared: shared.clone(), shards, shard_threads, engine_thread };
        match Listening::start(&shared.config, tls, adopt, metrics) {
            Ok(listening) => Ok(Server { listening, threads }),
            Err(error) => {
                threads.shutdown("not started");
                Err(error.into())
            }
        }
    }

    /// What listens where.
    pub fn listeners(&self) -> &[BoundListener] {
        self.listening.listeners()
    }

    /// The counters as Prometheus text.
    pub fn metrics(&self) -> String {
        self.threads.shared.metrics.prometheus(self.threads.shared.read_only.load(Ordering::Relaxed))
    }

    /// Closes in good order: nobody new is let in, everybody is told, what was taken is committed, and the
    /// connections close. Takes at most about 3 seconds.
    pub fn shutdown(&mut self, reason: &str) {
        self.listening.stop();
        self.threads.shutdown(reason);
    }
}

impl Threads {
    fn shutdown(&mut self, reason: &str) {
        let give_up = Instant::now() + SHUTDOWN_MAX;
        for shard in &self.shards {
            shard.send(News::Shutdown(reason.into()));
        }
        for thread in self.shard_threads.drain(..) {
            join_until(thread, give_up);
        }
        // Nobody submits any more: the engine ends at the empty group.
        let _ = self.shared.hub.send(Vec::new());
        if let Some(thread) = self.engine_thread.take() {
            join_until(thread, give_up);
        }
    }
}

/// Gives each connection to the next shard.
struct Spread {
    shards: Vec<ShardHandle>,
    next: AtomicUsize,
}

impl Adopt for Spread {
    fn adopt(&self, incoming: Incoming) {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        self.shards[next].adopt(incoming);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// Waits for a thread, but not for ever: a stuck disk must not keep the program from ending.
fn join_until(thread: JoinHandle<()>, give_up: Instant) {
    while !thread.is_finished() {
        if Instant::now() >= give_up {
            tracing::warn!(target: "salotto::server", event = "error", reason = "a thread did not end in time");
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if thread.join().is_err() {
        tracing::error!(target: "salotto::server", event = "error", reason = "a thread panicked");
    }
}

fn cloak_key(writer: &mut Writer, ambient: &Ambient) -> Result<[u8; 32], StartError> {
    if let Some(key) = writer.meta_get(CLOAK_KEY)?.and_then(|key| key.try_into().ok()) {
        return Ok(key);
    }
    let key = ambient.secret().ok_or_else(|| io::Error::other("the system gives no random bits"))?;
    writer.meta_set(CLOAK_KEY, &key)?;
    Ok(key)
}

/// The lobby is the server's own room: it exists before anybody comes.
fn establish_lobby(shared: &Shared) {
    let rooms = &shared.config.rooms;
    if let (true, Ok(room)) = (rooms.lobby_join, RoomName::new(&rooms.lobby)) {
        establish(shared, Command::Establish { room, topic: rooms.lobby_topic.as_str().into() });
    }
}

/// Submits a command in the server's own name.
fn establish(shared: &Shared, command: Command) {
    let ask = Ask::Command(command);
    let _ = shared.hub.send(vec![Submission { session: SERVER_SESSION, request: RequestId(0), ask }]);
}
