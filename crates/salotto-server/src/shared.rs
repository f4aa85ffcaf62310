//! What all threads of the server share: configuration, counters, the ways to other threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use salotto_core::{NodeId, Timestamp};

use crate::ambient::Ambient;
use crate::config::Config;
use crate::hub::Submission;
use crate::jobs::Jobs;
use crate::throttle::Throttle;

/// What all threads of the server share.
pub(crate) struct Shared {
    /// Time and chance.
    pub ambient: Ambient,
    /// How the server is set up.
    pub config: Config,
    /// This machine.
    pub node: NodeId,
    /// When the server started.
    pub started: Timestamp,
    /// The message of the day, in lines.
    pub motd: Vec<String>,
    /// The key under which addresses are hashed for others to see.
    pub cloak_key: [u8; 32],
    /// To the engine.
    pub hub: Sender<Vec<Submission>>,
    /// Password hashing and history reading.
    pub jobs: Jobs,
    /// The disk refuses; nothing that must last is taken.
    pub read_only: AtomicBool,
    /// New accounts, by address.
    pub registrations: Throttle,
    /// Wrong passwords, by address.
    pub failures: Throttle,
    /// Counters.
    pub metrics: Metrics,
}

/// Counters, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Connections open now.
    pub connections: AtomicU64,
    /// Sessions signed in now.
    pub sessions: AtomicU64,
    /// Connections that are far behind with reading now.
    pub lagged: AtomicU64,
    /// Connections ever accepted.
    pub accepted: AtomicU64,
    /// Lines taken from clients.
    pub lines_in: AtomicU64,
    /// Bytes written to clients.
    pub bytes_out: AtomicU64,
    /// Records written.
    pub records: AtomicU64,
    /// Transactions.
    pub commits: AtomicU64,
    /// Time spent in transactions, in microseconds.
    pub commit_micros: AtomicU64,
}

impl Shared {
    /// What a server begins with.
    pub fn new(
        config: Config,
        ambient: Ambient,
        node: NodeId,
        cloak_key: [u8; 32],
        hub: Sender<Vec<Submission>>,
        jobs: Jobs,
    ) -> Shared {
        let limits = &config.limits;
        Shared {
            registrations: Throttle::new(limits.account_registrations_per_hour, Duration::from_secs(3600)),
            failures: Throttle::new(limits.password_failures_per_minute, Duration::from_secs(60)),
            started: ambient.wall(),
            ambient,
            node,
            motd: config.server.motd.lines().map(str::to_owned).collect(),
            config,
            cloak_key,
            hub,
            jobs,
            read_only: AtomicBool::new(false),
            metrics: Metrics::default(),
        }
    }
}

impl Metrics {
    /// Counts one transaction.
    pub fn committed(&self, records: usize, took: Duration) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The counters as Prometheus text.
    pub fn prometheus(&self, read_only: bool) -> String {
        let mut text = String::new();
        let rows: [(&str, &str, &str, u64); 10] = [
            (
                "salotto_connections",
                "gauge",
                "Connections open now.",
                self.connections.load(Ordering::Relaxed),
            ),
            ("salotto_sessions", "gauge", "Sessions signed in now.", self.sessions.load(Ordering::Relaxed)),
            (
                "salotto_lagged",
                "gauge",
                "Connections that are far behind with reading now.",
                self.lagged.load(Ordering::Relaxed),
            ),
            (
                "salotto_accepted_total",
                "counter",
                "Connections ever accepted.",
                self.accepted.load(Ordering::Relaxed),
            ),
            (
                "salotto_lines_in_total",
                "counter",
                "Lines taken from clients.",
                self.lines_in.load(Ordering::Relaxed),
            ),
            (
                "salotto_bytes_out_total",
                "counter",
                "Bytes written to clients.",
                self.bytes_out.load(Ordering::Relaxed),
            ),
            (
                "salotto_records_total",
                "counter",
                "Records written to the store.",
                self.records.load(Ordering::Relaxed),
            ),
            (
                "salotto_commits_total",
                "counter",
                "Transactions of the store.",
                self.commits.load(Ordering::Relaxed),
            ),
            (
                "salotto_commit_microseconds_total",
                "counter",
                "Time spent in transactions.",
                self.commit_micros.load(Ordering::Relaxed),
            ),
            ("salotto_read_only", "gauge", "1 while the disk refuses writes.", u64::from(read_only)),
        ];
        for (name, kind, help, value) in rows {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
        text
    }
}
