//! Messages at a steady rate, whatever the server does. Each has a time at which it is meant to leave, and its
//! latency counts from there, so that a server that stands still cannot hide it by holding up the client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::ns;
use crate::histogram::Histogram;
use crate::line::Line;
use crate::order::{Heard, OrderCheck};
use crate::payload::Payload;
use crate::process::{CpuSample, CpuUse, Memory};
use crate::report::{Report, quantile_ms};

/// How long what is under way at the end of a phase may take to arrive.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// How long nothing may arrive before what is missing counts as lost.
const STALL_LIMIT: Duration = Duration::from_secs(15);

/// How often the server's memory is looked at, and whether a phase without a set end is to end.
const MEMORY_EVERY_NS: u64 = 50_000_000;

/// Messages that are sent between two looks at what has arrived.
const BURST_MAX: usize = 512;

/// Where messages are held back, one that is so late is left out: the client is not faster.
const LAG_NS_MAX: u64 = 200_000_000;

/// A lag that belongs into the warnings: from one millisecond and a fifth of the latency itself.
const LAG_MS_MAX: f64 = 1.0;
const LAG_SHARE_MAX: f64 = 0.2;

/// What one phase found, or several together.
#[derive(Default)]
pub struct PhaseFigures {
    /// CPU used while measuring.
    pub cpu: CpuUse,
    /// Deliveries that arrived while measuring.
    pub deliveries: u64,
    /// Members who read, without the sender, times messages, while measuring: what arrives when all is well.
    pub due: u64,
    /// Messages sent while measuring.
    pub sent: u64,
    /// Messages that were not sent while measuring, because those before them were not taken yet.
    pub held_back: u64,
    /// The most memory that was resident, if the server's process is known.
    pub resident_max: Option<u64>,
    /// From the moment a message was meant to leave until a member had it.
    pub latency: Histogram,
    /// From the moment a message was meant to leave until it left.
    pub lag: Histogram,
}

impl PhaseFigures {
    /// Readers of a message, without its sender, on average.
    pub fn readers(&self) -> f64 {
        self.due as f64 / (self.sent as f64).max(1.0)
    }

    /// Adds those of another phase.
    pub fn add(&mut self, other: &Self) {
        self.cpu.add(&other.cpu);
        self.deliveries += other.deliveries;
        self.due += other.due;
        self.sent += other.sent;
        self.held_back += other.held_back;
        self.resident_max = self.resident_max.max(other.resident_max);
        self.latency.add(&other.latency);
        self.lag.add(&other.lag);
    }
}

/// When a phase ends.
#[derive(Clone, Copy, Debug)]
pub enum Until<'a> {
    /// After so many seconds.
    Seconds(f64),
    /// When somebody says so.
    Told(&'a AtomicBool),
}

/// The latencies of some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When it ended, in nanoseconds of the crowd's clock.
    pub end_ns: u64,
    /// Half of them took at most, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took at most, in milliseconds.
    pub p99_ms: f64,
}

/// Latencies, window by window.
struct Windows {
    every_ns: u64,
    end_ns: u64,
    latency: Histogram,
    found: Vec<Window>,
}

/// Rooms of equal size in which all but the last members speak in turn.
pub struct OpenLoop {
    check: OrderCheck,
    rooms: usize,
    members: usize,
    senders: usize,
    interval_ns: f64,
    /// Messages sent, by room and slot.
    sent: Vec<u32>,
    /// Messages sent in all phases, and those that were meant to be sent and were not.
    sent_len: u64,
    passed_over: u64,
    /// Deliveries that are due to members who read.
    due: u64,
    /// Deliveries to members who read.
    arrived: u64,
    /// Messages meant to leave within these times are measured.
    measured_ns: std::ops::Range<u64>,
    latency: Histogram,
    lag: Histogram,
    deliveries: u64,
    damaged: u64,
    closed: u64,
    last_heard_ns: u64,
    stopped: Vec<Stopped>,
    /// For each member its place in [`OpenLoop::stopped`], if it is there.
    stopped_at: Vec<Option<u32>>,
    /// How many of a room's members are.
    stopped_len: Vec<usize>,
    due_measured: u64,
    sent_measured: u64,
    held_back: u64,
    hold_back_above: usize,
    /// Who has something to send that is not with the system yet, and since when.
    unflushed: Vec<(usize, u64)>,
    windows: Option<Windows>,
}

/// The member that does not read.
pub struct Stopped {
    /// Its number.
    pub member: usize,
    /// Its name, as others see it leave.
    pub nick: String,
    /// When others were told that it left.
    pub gone_ns: Option<u64>,
    /// What it has heard since.
    pub heard: u64,
}

impl OpenLoop {
    /// Prepares `rooms` rooms of `members`, of whom the first `senders` speak, with `rate` messages a second in all.
    pub fn new(rooms: usize, members: usize, senders: usize, rate: f64) -> Self {
        Self {
            check: OrderCheck::new(rooms, members, senders),
            rooms,
            members,
            senders,
            interval_ns: 1e9 / rate,
            sent: vec![0; rooms * senders],
            sent_len: 0,
            passed_over: 0,
            due: 0,
            arrived: 0,
            measured_ns: 0..0,
            latency: Histogram::default(),
            lag: Histogram::default(),
            deliveries: 0,
            damaged: 0,
            closed: 0,
            last_heard_ns: 0,
            stopped: Vec::new(),
            stopped_at: vec![None; rooms * members],
            stopped_len: vec![0; rooms],
            due_measured: 0,
            sent_measured: 0,
            held_back: 0,
            hold_back_above: usize::MAX,
            unflushed: Vec::new(),
            windows: None,
        }
    }

    /// Changes the messages a second, from the next phase on.
    pub fn set_rate(&mut self, rate: f64) {
        self.interval_ns = 1e9 / rate;
    }

    /// Leaves a message out when its sender has more than so many bytes that the system has not taken (people do not
    /// type on while their program hangs), or when this program itself is late.
    pub fn hold_back_above(&mut self, bytes: usize) {
        self.hold_back_above = bytes;
    }

    /// Also sums up the latencies of every so many seconds.
    pub fn keep_windows(&mut self, seconds: f64, now_ns: u64) {
        let every_ns = ns(seconds);
        self.windows = Some(Windows {
            every_ns,
            end_ns: now_ns + every_ns,
            latency: Histogram::default(),
            found: Vec::new(),
        });
    }

    /// What was summed up so far.
    pub fn windows(&self) -> &[Window] {
        self.windows.as_ref().map_or(&[], |windows| &windows.found)
    }

    /// Messages sent so far.
    pub fn sent_len(&self) -> u64 {
        self.sent_len
    }

    /// Messages sent in one room so far.
    pub fn sent_in(&self, room: usize) -> u64 {
        self.sent[room * self.senders..(room + 1) * self.senders].iter().map(|sent| u64::from(*sent)).sum()
    }

    /// Connections that ended so far.
    pub fn closed(&self) -> u64 {
        self.closed
    }

    /// Lets a member count as one that does not read: its latencies are left out.
    pub fn stop(&mut self, member: usize, nick: String) {
        if self.stopped_at[member].is_none() {
            self.stopped_at[member] = Some(self.stopped.len() as u32);
            self.stopped_len[member / self.members] += 1;
            self.stopped.push(Stopped { member, nick, gone_ns: None, heard: 0 });
        }
    }

    /// Lets all members count as ones that read.
    pub fn start_again(&mut self) {
        self.stopped.clear();
        self.stopped_at.fill(None);
        self.stopped_len.fill(0);
    }

    /// The members that do not read.
    pub fn stopped(&self) -> &[Stopped] {
        &self.stopped
    }

    /// Sends for `warmup` seconds and then `until`, measures the second part, and waits for what is under way.
    ///
    /// # Errors
    ///
    /// When the server no longer takes what is sent.
    pub fn phase(
        &mut self,
        crowd: &mut Crowd,
        warmup: f64,
        until: Until<'_>,
        pid: Option<u32>,
    ) -> Result<PhaseFigures> {
        let start_ns = crowd.now_ns();
        let warm_ns = start_ns + ns(warmup);
        let (end_ns, told) = match until {
            Until::Seconds(seconds) => (warm_ns + ns(seconds), None),
            Until::Told(flag) => (u64::MAX, Some(flag)),
        };
        self.measured_ns = warm_ns..end_ns;
        self.latency.clear();
        self.lag.clear();
        (self.deliveries, self.due_measured, self.sent_measured, self.held_back) = (0, 0, 0, 0);
        let mut memory = Peak { pid, next_ns: 0, resident_max: None };
        self.send_until(crowd, start_ns, warm_ns, None, &mut memory)?;
        let cpu = CpuSample::take(pid);
        let held_back = self.held_back;
        self.send_until(crowd, warm_ns, end_ns, told, &mut memory)?;
        let held_back = self.held_back - held_back;
        let cpu = CpuSample::take(pid).since(&cpu);
        let end_ns = end_ns.min(crowd.now_ns());
        // What arrives later belongs to no rate.
        self.measured_ns.end = end_ns;
        self.drain(crowd, end_ns, &mut memory)?;
        Ok(PhaseFigures {
            cpu,
            deliveries: self.deliveries,
            due: self.due_measured,
            sent: self.sent_measured,
            held_back,
            resident_max: memory.resident_max,
            latency: self.latency.clone(),
            lag: self.lag.clone(),
        })
    }

    /// Adds what is under the name of each phase.
    pub fn report_phase(&self, phase: &str, figures: &PhaseFigures, report: &mut Report) {
        let readers = figures.readers();
        let deliveries_per_s = figures.deliveries as f64 / figures.cpu.wall_s;
        report.number(format!("{phase}achieved_rate"), deliveries_per_s / readers);
        report.number(format!("{phase}deliveries_per_s"), deliveries_per_s);
        report.latencies(phase, &figures.latency);
        if let Some(server_s) = figures.cpu.server_s.filter(|_| figures.deliveries > 0) {
            let per_million = 1e6 * server_s / figures.deliveries as f64;
            report.number(format!("{phase}server_cpu_s_per_million"), per_million);
        }
        report.cpu(phase, &figures.cpu);
        let lag_ms = quantile_ms(&figures.lag, 0.99);
        report.number(format!("{phase}client_lag_p99_ms"), lag_ms);
        report.number(format!("{phase}client_lag_max_ms"), Some(figures.lag.max() as f64 / 1e6));
        let p99_ms = quantile_ms(&figures.latency, 0.99).unwrap_or(0.0);
        if let Some(lag_ms) = lag_ms.filter(|lag_ms| *lag_ms > LAG_MS_MAX && *lag_ms > LAG_SHARE_MAX * p99_ms)
        {
            report.warn(report.language().client_is_late(lag_ms));
        }
    }

    /// Adds the counts of the whole run.
    pub fn report_counts(&self, crowd: &Crowd, require_total_order: bool, report: &mut Report) {
        report.count("sent", self.sent_len);
        let tally = self
            .check
            .tally(|room, slot| self.sent[room * self.senders + slot], |member| crowd.is_connected(member));
        report.tally(&tally, require_total_order);
        report.must_be_zero("damaged", self.damaged);
    }

    fn send_until(
        &mut self,
        crowd: &mut Crowd,
        start_ns: u64,
        end_ns: u64,
        told: Option<&AtomicBool>,
        memory: &mut Peak,
    ) -> Result<()> {
        // Counted from the phase's own start, so that rounding does not add up.
        let mut sent = 0u64;
        loop {
            let now_ns = crowd.now_ns();
            memory.look(now_ns);
            if told.is_some_and(|told| told.load(Ordering::Relaxed)) {
                return Ok(());
            }
            let mut next_ns = start_ns + (sent as f64 * self.interval_ns) as u64;
            let mut burst = 0;
            while next_ns <= now_ns && next_ns < end_ns && burst < BURST_MAX {
                self.send(crowd, next_ns)?;
                sent += 1;
                burst += 1;
                next_ns = start_ns + (sent as f64 * self.interval_ns) as u64;
            }
            self.flush(crowd);
            if now_ns >= end_ns {
                return Ok(());
            }
            let look_ns = if told.is_some() { now_ns + MEMORY_EVERY_NS } else { end_ns };
            crowd.turn(next_ns.min(end_ns).min(look_ns), self)?;
        }
    }

    fn send(&mut self, crowd: &mut Crowd, intended_ns: u64) -> Result<()> {
        let at = (self.sent_len + self.passed_over) as usize;
        let (room, slot) = (at % self.rooms, at / self.rooms % self.senders);
        let sender = room * self.members + slot;
        let lag_ns = crowd.now_ns().saturating_sub(intended_ns);
        if !crowd.is_connected(sender)
            || crowd.unsent(sender) > self.hold_back_above
            || (self.hold_back_above < usize::MAX && lag_ns > LAG_NS_MAX)
        {
            self.passed_over += 1;
            self.held_back += 1;
            return Ok(());
        }
        self.sent_len += 1;
        let sent = &mut self.sent[room * self.senders + slot];
        let payload = Payload { sender: sender as u32, seq: u64::from(*sent), intended_ns };
        *sent += 1;
        let readers = self.members - self.stopped_len[room] - usize::from(self.stopped_at[sender].is_none());
        self.due += readers as u64;
        if self.measured_ns.contains(&intended_ns) {
            self.due_measured += readers as u64;
            self.sent_measured += 1;
        }
        crowd.say(sender, payload)?;
        self.unflushed.push((sender, intended_ns));
        Ok(())
    }

    /// Sends what was said since the last time: what one sender has in it goes in one write.
    fn flush(&mut self, crowd: &mut Crowd) {
        let mut unflushed = std::mem::take(&mut self.unflushed);
        for (sender, intended_ns) in unflushed.drain(..) {
            if crowd.unsent(sender) > 0 {
                crowd.flush(sender, self);
            }
            self.lag.record(crowd.now_ns().saturating_sub(intended_ns));
        }
        self.unflushed = unflushed;
    }

    fn drain(&mut self, crowd: &mut Crowd, end_ns: u64, memory: &mut Peak) -> Result<()> {
        let limit_ns = end_ns + DRAIN_LIMIT.as_nanos() as u64;
        loop {
            let now_ns = crowd.now_ns();
            memory.look(now_ns);
            let stalled_ns = self.last_heard_ns.max(end_ns) + STALL_LIMIT.as_nanos() as u64;
            let give_up_ns = limit_ns.min(stalled_ns);
            if self.arrived >= self.due || now_ns >= give_up_ns {
                return Ok(());
            }
            crowd.turn(give_up_ns.min(now_ns + MEMORY_EVERY_NS), self)?;
        }
    }
}

impl Listener for OpenLoop {
    #[inline]
    fn heard(&mut self, member: usize, payload: Payload, now_ns: u64) {
        let sender = payload.sender as usize;
        let (room, slot) = (sender / self.members, sender % self.members);
        if room != member / self.members
            || slot >= self.senders
            || payload.seq >= u64::from(self.sent[room * self.senders + slot])
        {
            self.damaged += 1;
            return;
        }
        if sender == member || self.check.heard(member, slot, payload.seq) == Heard::Repeated {
            return;
        }
        if let Some(at) = self.stopped_at[member] {
            self.stopped[at as usize].heard += 1;
            return;
        }
        self.last_heard_ns = now_ns;
        self.arrived += 1;
        self.deliveries += u64::from(self.measured_ns.contains(&now_ns));
        let took_ns = now_ns.saturating_sub(payload.intended_ns);
        if self.measured_ns.contains(&payload.intended_ns) {
            self.latency.record(took_ns);
        }
        if let Some(windows) = &mut self.windows {
            windows.record(took_ns, now_ns);
        }
    }

    fn damaged(&mut self, _member: usize) {
        self.damaged += 1;
    }

    fn event(&mut self, member: usize, event: Event) {
        self.closed += u64::from(event == Event::Closed && self.stopped_at[member].is_none());
    }

    fn line(&mut self, _member: usize, line: &Line<'_>, now_ns: u64) {
        if self.stopped.is_empty() || !matches!(line.command, b"QUIT" | b"PART" | b"KICK") {
            return;
        }
        let gone = self.stopped.iter_mut().find(|stopped| stopped.nick.as_bytes() == line.nick());
        if let Some(stopped) = gone.filter(|stopped| stopped.gone_ns.is_none()) {
            stopped.gone_ns = Some(now_ns);
        }
    }
}

impl Windows {
    fn record(&mut self, took_ns: u64, now_ns: u64) {
        if now_ns >= self.end_ns {
            let ms = |quantile| quantile_ms(&self.latency, quantile).unwrap_or(0.0);
            let (p50_ms, p99_ms) = (ms(0.5), ms(0.99));
            self.found.push(Window { end_ns: self.end_ns, p50_ms, p99_ms });
            self.latency.clear();
            // Silence leaves windows out.
            self.end_ns += (1 + (now_ns - self.end_ns) / self.every_ns) * self.every_ns;
        }
        self.latency.record(took_ns);
    }
}

/// Looks at the server's memory now and then.
struct Peak {
    pid: Option<u32>,
    next_ns: u64,
    resident_max: Option<u64>,
}

impl Peak {
    fn look(&mut self, now_ns: u64) {
        let Some(pid) = self.pid.filter(|_| now_ns >= self.next_ns) else { return };
        self.next_ns = now_ns + MEMORY_EVERY_NS;
        let resident = Memory::of(pid).map(|memory| memory.resident);
        self.resident_max = self.resident_max.max(resident);
    }
}
