//! One room in a closed loop: each sender keeps a number of messages under way, and a message is done when every
//! other member has it.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::{FanoutArgs, FanoutLoad};
use crate::crowd::{Crowd, Event, Listener};
use crate::histogram::Histogram;
use crate::order::{Heard, OrderCheck};
use crate::payload::Payload;
use crate::process::{CpuSample, CpuUse};
use crate::report::{Report, quantile_ms};

/// How long nothing may come before the notices of all the joins count as through, and how long that may take.
pub const SETTLE_QUIET: Duration = Duration::from_millis(200);
/// See [`SETTLE_QUIET`].
pub const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// A sender's messages complete nearly in order; so many windows of room are kept for those that do not.
const WINDOWS_KEPT: usize = 4;

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &FanoutArgs, server: &str) -> Result<Report> {
    let load = &args.load;
    if load.senders == 0 || load.senders >= load.members {
        bail!("at least one member must speak and at least one must only listen: 0 < senders < members");
    }
    if load.window == 0 {
        bail!("a window of 0 messages sends nothing");
    }
    let mut report = Report::new(format!("fanout-{}", load.members), server.to_owned());
    let mut crowd = Crowd::new(&args.target, load.members, load.size, |_| Some(0))?;
    let mut closed_loop = ClosedLoop::new(load);
    let gathered = crowd.gather(
        args.target.in_flight,
        Duration::from_secs(args.target.gather_limit),
        &mut closed_loop,
    )?;
    crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut closed_loop)?;
    let measured = measure(&mut crowd, &mut closed_loop, load, args.target.pid, &mut report)?;
    closed_loop.report(&measured, &crowd, load, &mut report);
    report.number("gather_s", gathered.took_s);
    crowd.dismiss();
    Ok(report)
}

/// What was used and read while the figures were taken.
struct Measured {
    cpu: CpuUse,
    reads: u64,
    messages: u64,
    deliveries: u64,
}

enum Phase {
    Warmup,
    Measuring { cpu: CpuSample, reads: u64 },
    Draining(Measured),
}

fn measure(
    crowd: &mut Crowd,
    closed_loop: &mut ClosedLoop,
    load: &FanoutLoad,
    pid: Option<u32>,
    report: &mut Report,
) -> Result<Measured> {
    let start_ns = crowd.now_ns();
    let warm_ns = start_ns + ns(load.warmup);
    let end_ns = warm_ns + ns(load.seconds);
    closed_loop.last_heard_ns = start_ns;
    let mut phase = Phase::Warmup;
    loop {
        let now_ns = crowd.now_ns();
        phase = match phase {
            Phase::Warmup if now_ns >= warm_ns => {
                closed_loop.begin_measuring();
                Phase::Measuring { cpu: CpuSample::take(pid), reads: crowd.reads() }
            }
            Phase::Measuring { cpu, reads } if now_ns >= end_ns => {
                closed_loop.measuring = false;
                Phase::Draining(Measured {
                    cpu: CpuSample::take(pid).since(&cpu),
                    reads: crowd.reads() - reads,
                    messages: closed_loop.messages,
                    deliveries: closed_loop.deliveries,
                })
            }
            other => other,
        };
        let stalled_ns = closed_loop.last_heard_ns.max(start_ns) + ns(load.stall_limit);
        if let Phase::Draining(measured) = phase {
            if closed_loop.is_done() || now_ns >= stalled_ns {
                return Ok(measured);
            }
            phase = Phase::Draining(measured);
        } else if now_ns >= stalled_ns {
            report.fail(report.language().stalled(load.stall_limit as u64));
            // The rest of the run would only wait; its figures are those of the time until now.
            return Ok(match phase {
                Phase::Measuring { cpu, reads } => Measured {
                    cpu: CpuSample::take(pid).since(&cpu),
                    reads: crowd.reads() - reads,
                    messages: closed_loop.messages,
                    deliveries: closed_loop.deliveries,
                },
                _ => Measured { cpu: CpuUse::default(), reads: 0, messages: 0, deliveries: 0 },
            });
        } else {
            closed_loop.serve(crowd)?;
        }
        let boundary_ns = match phase {
            Phase::Warmup => warm_ns,
            Phase::Measuring { .. } => end_ns,
            Phase::Draining(_) => stalled_ns,
        };
        crowd.turn(boundary_ns.min(stalled_ns), closed_loop)?;
    }
}

/// Seconds in nanoseconds.
pub fn ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// The senders' windows and what the members have heard.
struct ClosedLoop {
    check: OrderCheck,
    senders: usize,
    readers: u32,
    window: u32,
    /// How many messages the ring of one sender holds: a power of two.
    ring_len: usize,
    /// How many readers each message under way still lacks, by sender and sequence modulo the ring.
    lacking: Vec<u32>,
    under_way: Vec<u32>,
    sent: Vec<u32>,
    /// Senders with room in their window.
    hungry: Vec<usize>,
    is_hungry: Vec<bool>,
    measuring: bool,
    latency: Histogram,
    all_have: Histogram,
    messages: u64,
    deliveries: u64,
    damaged: u64,
    closed: u64,
    last_heard_ns: u64,
}

impl ClosedLoop {
    fn new(load: &FanoutLoad) -> Self {
        let ring_len = (load.window * WINDOWS_KEPT).next_power_of_two();
        Self {
            check: OrderCheck::new(1, load.members, load.senders),
            senders: load.senders,
            readers: (load.members - 1) as u32,
            window: load.window as u32,
            ring_len,
            lacking: vec![0; ring_len * load.senders],
            under_way: vec![0; load.senders],
            sent: vec![0; load.senders],
            hungry: (0..load.senders).collect(),
            is_hungry: vec![true; load.senders],
            measuring: false,
            latency: Histogram::default(),
            all_have: Histogram::default(),
            messages: 0,
            deliveries: 0,
            damaged: 0,
            closed: 0,
            last_heard_ns: 0,
        }
    }

    fn begin_measuring(&mut self) {
        self.measuring = true;
        self.messages = 0;
        self.deliveries = 0;
        self.latency.clear();
        self.all_have.clear();
    }

    fn is_done(&self) -> bool {
        self.under_way.iter().all(|under_way| *under_way == 0)
    }

    fn at(&self, sender: usize, seq: u32) -> usize {
        sender * self.ring_len + (seq as usize & (self.ring_len - 1))
    }

    /// Fills the windows of all senders that have room.
    fn serve(&mut self, crowd: &mut Crowd) -> Result<()> {
        while let Some(sender) = self.hungry.pop() {
            self.is_hungry[sender] = false;
            if !crowd.is_connected(sender) {
                continue;
            }
            let intended_ns = crowd.now_ns();
            while self.under_way[sender] < self.window {
                let seq = self.sent[sender];
                let at = self.at(sender, seq);
                if self.lacking[at] > 0 {
                    break;
                }
                crowd.say(sender, Payload { sender: sender as u32, seq: seq.into(), intended_ns })?;
                self.lacking[at] = self.readers;
                self.under_way[sender] += 1;
                self.sent[sender] += 1;
            }
            crowd.flush(sender, self);
        }
        Ok(())
    }

    fn report(&self, measured: &Measured, crowd: &Crowd, load: &FanoutLoad, report: &mut Report) {
        let Measured { cpu, reads, messages, deliveries } = measured;
        let deliveries = *deliveries as f64;
        report.number("messages_per_s", *messages as f64 / cpu.wall_s);
        report.number("deliveries_per_s", deliveries / cpu.wall_s);
        per_cpu(deliveries, cpu, report);
        report.cpu("", cpu);
        report.number("deliveries_per_read", deliveries / *reads as f64);
        report.latencies("", &self.latency);
        report.number("all_have_p50_ms", quantile_ms(&self.all_have, 0.5));
        report.number("all_have_p99_ms", quantile_ms(&self.all_have, 0.99));
        report.count("sent", self.sent.iter().map(|sent| u64::from(*sent)).sum());
        let tally = self.check.tally(|_, slot| self.sent[slot], |member| crowd.is_connected(member));
        report.tally(&tally, load.require_total_order);
        report.must_be_zero("damaged", self.damaged);
        report.must_be_zero("closed", self.closed);
    }
}

/// Adds the figures that compare servers best where server and client share the machine.
pub fn per_cpu(deliveries: f64, cpu: &CpuUse, report: &mut Report) {
    if let Some(server_s) = cpu.server_s.filter(|server_s| *server_s > 0.0 && deliveries > 0.0) {
        report.number("deliveries_per_server_cpu_s", deliveries / server_s);
        report.number("server_cpu_s_per_million", 1e6 * server_s / deliveries);
    }
}

impl Listener for ClosedLoop {
    #[inline]
    fn heard(&mut self, member: usize, payload: Payload, now_ns: u64) {
        let sender = payload.sender as usize;
        if sender >= self.senders || payload.seq >= u64::from(self.sent[sender]) {
            self.damaged += 1;
            return;
        }
        // Some servers echo what a member said itself.
        if sender == member || self.check.heard(member, sender, payload.seq) == Heard::Repeated {
            return;
        }
        self.last_heard_ns = now_ns;
        let took_ns = now_ns.saturating_sub(payload.intended_ns);
        if self.measuring {
            self.deliveries += 1;
            self.latency.record(took_ns);
        }
        let at = self.at(sender, payload.seq as u32);
        self.lacking[at] = self.lacking[at].saturating_sub(1);
        if self.lacking[at] == 0 {
            self.under_way[sender] -= 1;
            if self.measuring {
                self.messages += 1;
                self.all_have.record(took_ns);
            }
            if !self.is_hungry[sender] {
                self.is_hungry[sender] = true;
                self.hungry.push(sender);
            }
        }
    }

    fn damaged(&mut self, _member: usize) {
        self.damaged += 1;
    }

    fn event(&mut self, _member: usize, event: Event) {
        self.closed += u64::from(event == Event::Closed);
    }
}
