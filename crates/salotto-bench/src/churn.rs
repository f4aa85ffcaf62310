//! People who come and go: workers that connect, register, join a room and quit, again and again.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::ChurnArgs;
use crate::crowd::{Crowd, Event, Listener};
use crate::fanout::ns;
use crate::histogram::Histogram;
use crate::payload::Payload;
use crate::process::CpuSample;
use crate::report::{Report, quantile_ms};
use crate::sequence;

/// How long the cycles that are under way at the end may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);

/// After so many connections that ended before they quit, the server counts as refusing them.
const UNEXPECTED_MAX: u64 = 1_000;

/// Runs the scenario, in one of its two forms.
///
/// # Errors
///
/// When connections cannot be begun. What the server does wrong is in the report.
pub fn run(args: &ChurnArgs, server: &str) -> Result<Report> {
    if let Some(members) = args.sequence {
        return sequence::run(&args.target, members, server);
    }
    if args.workers == 0 {
        bail!("no workers to come and go");
    }
    let pid = args.target.pid;
    let rooms_of = args.rooms_of.max(1);
    let mut report = Report::new(format!("churn-{}", args.workers), server.to_owned());
    let mut crowd = Crowd::new(&args.target, args.workers, 0, |worker| Some(worker / rooms_of))?;
    let mut cycles = Cycles::new(args.workers);
    let start = CpuSample::take(pid);
    let end_ns = crowd.now_ns() + ns(args.seconds);
    for worker in 0..args.workers {
        cycles.begin(worker, &mut crowd)?;
    }
    cycles.go_on(&mut crowd, end_ns, true)?;
    let cpu = CpuSample::take(pid).since(&start);
    let (done, slow) = (cycles.done, crowd.registrations_slow());
    cycles.go_on(&mut crowd, end_ns + DRAIN_LIMIT.as_nanos() as u64, false)?;

    report.number("cycles_per_s", done as f64 / cpu.wall_s);
    let per_cycle = cpu.server_s.filter(|_| done > 0).map(|cpu_s| 1e3 * cpu_s / done as f64);
    report.number("server_cpu_ms_per_cycle", per_cycle);
    report.latencies("", &cycles.took);
    report.number("registration_p50_ms", quantile_ms(crowd.registrations(), 0.5));
    report.number("registration_p99_ms", quantile_ms(crowd.registrations(), 0.99));
    report.cpu("", &cpu);
    report.count("slow_registrations", slow);
    report.count("connect_retries", crowd.connect_retries());
    report.must_be_zero("unexpected_closes", cycles.unexpected);
    if cycles.unexpected > 0 {
        report.warn(crowd.complaint().to_owned());
    }
    if done == 0 {
        report.fail(report.language().stalled(args.seconds as u64));
    }
    crowd.dismiss();
    Ok(report)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    Resting,
    Coming,
    Leaving,
}

struct Cycles {
    workers: Vec<Worker>,
    begun_ns: Vec<u64>,
    joined: Vec<usize>,
    closed: Vec<usize>,
    took: Histogram,
    done: u64,
    unexpected: u64,
}

impl Cycles {
    fn new(workers: usize) -> Self {
        Self {
            workers: vec![Worker::Resting; workers],
            begun_ns: vec![0; workers],
            joined: Vec::with_capacity(workers),
            closed: Vec::with_capacity(workers),
            took: Histogram::default(),
            done: 0,
            unexpected: 0,
        }
    }

    fn begin(&mut self, worker: usize, crowd: &mut Crowd) -> Result<()> {
        self.begun_ns[worker] = crowd.now_ns();
        self.workers[worker] = Worker::Coming;
        crowd.open(worker)
    }

    /// Goes on until `end_ns`, or until all rest when no new cycles are begun.
    fn go_on(&mut self, crowd: &mut Crowd, end_ns: u64, again: bool) -> Result<()> {
        while crowd.now_ns() < end_ns && (again || self.workers.iter().any(|state| *state != Worker::Resting))
        {
            crowd.turn(end_ns, self)?;
            while let Some(worker) = self.joined.pop() {
                self.workers[worker] = Worker::Leaving;
                crowd.send(worker, "QUIT :done");
                crowd.flush(worker, self);
            }
            while let Some(worker) = self.closed.pop() {
                if self.workers[worker] == Worker::Leaving {
                    self.done += 1;
                    self.took.record(crowd.now_ns() - self.begun_ns[worker]);
                } else {
                    self.unexpected += 1;
                    if self.unexpected == UNEXPECTED_MAX {
                        bail!("the server ends the connections: {}", crowd.complaint());
                    }
                }
                self.workers[worker] = Worker::Resting;
                if again {
                    self.begin(worker, crowd)?;
                }
            }
        }
        Ok(())
    }
}

impl Listener for Cycles {
    fn heard(&mut self, _member: usize, _payload: Payload, _now_ns: u64) {}
    fn damaged(&mut self, _member: usize) {}

    fn event(&mut self, member: usize, event: Event) {
        match event {
            Event::Registered(_) => {}
            Event::Joined => self.joined.push(member),
            Event::Closed => self.closed.push(member),
        }
    }
}
