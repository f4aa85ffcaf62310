//! For a long time everything at once: people talk, others come and go, read history, stop reading now and then; and
//! the server's memory, files and threads are looked at every few seconds.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::args::{Target, rate, seconds, text_len};
use crate::files::make_room_for;
use crate::open_loop::Window;
use crate::picture::{Chart, Curve, Drawing, svg};
use crate::process::{CpuSample, Memory, load_average, open_files};
use crate::report::{Report, Series};
use crate::steady::{Steady, Talk};
use crate::visitors::{Place, Tally, Visitors};

/// For a long time everything at once
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// Where to
    #[command(flatten)]
    pub target: Target,
    /// Minutes
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    pub minutes: f64,
    /// Rooms
    #[arg(long, default_value_t = 20)]
    pub rooms: usize,
    /// People in each room who stay and talk
    #[arg(long, default_value_t = 20)]
    pub members: usize,
    /// Messages a second in all rooms together
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    pub rate: f64,
    /// Bytes of a text
    #[arg(long, default_value_t = 100, value_parser = text_len)]
    pub size: usize,
    /// People who come and go
    #[arg(long, default_value_t = 100)]
    pub visitors: usize,
    /// How many of these have accounts
    #[arg(long, default_value_t = 50)]
    pub accounts: usize,
    /// Seconds between two looks at the server
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub every: f64,
    /// Draw the course of the run into this file (SVG)
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// What one look at the server shows.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at_s: f64,
    memory: Option<Memory>,
    files: Option<u64>,
    server_cpu_pct: Option<f64>,
    visitors: usize,
}

/// Runs the scenario.
///
/// # Errors
///
/// When the load cannot be set up. What the server does wrong is in the report.
pub fn run(args: &SoakArgs, server: &str) -> Result<Report> {
    if args.rooms == 0 || args.members < 2 || args.every <= 0.0 {
        bail!("at least one room of two members is needed, and a look now and then");
    }
    let pid = args.target.pid;
    make_room_for(args.rooms * args.members + args.visitors)?;
    let mut report = Report::new(format!("soak-{}", args.minutes), server.to_owned());
    let talk = Talk {
        rooms: args.rooms,
        members: args.members,
        silent: 1,
        rate: args.rate,
        size: args.size,
        windows_s: Some(args.every),
    };
    let mut steady = Steady::begin(&args.target, &talk)?;
    let (run_number, rooms) = steady.rooms();
    let place = Place { run_number, text_len: args.size, rooms, members: args.members };
    let mut visitors = Visitors::new(&args.target, &place, args.visitors, args.accounts)?;
    report.number("load_average", load_average());
    steady.start()?;

    let begin = CpuSample::take(pid);
    let mut samples = Vec::new();
    let mut before = begin;
    let looks = (args.minutes * 60.0 / args.every).ceil() as usize;
    for look in 1..=looks {
        visitors.go_on(args.every)?;
        let now = CpuSample::take(pid);
        let cpu = now.since(&before);
        before = now;
        samples.push(Sample {
            at_s: look as f64 * args.every,
            memory: pid.and_then(Memory::of),
            files: pid.and_then(open_files),
            server_cpu_pct: cpu.percent(cpu.server_s),
            visitors: visitors.connected(),
        });
    }
    let cpu = CpuSample::take(pid).since(&begin);
    visitors.dismiss();
    let figures = steady.stop()?;
    report.latencies("", &figures.latency);
    report.cpu("", &cpu);
    report_samples(&samples, &mut report);
    report_tally(visitors.tally(), &mut report);
    let mut theirs = Report::new(String::new(), String::new());
    let windows = steady.end(true, &mut theirs)?;
    report.append("others.", theirs);
    let all = series(&samples, &windows, args);
    if let Some(path) = &args.svg {
        let title = format!("{}, {} min", report.scenario, args.minutes);
        std::fs::write(path, svg(&title, &charts(&all)))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    all.into_iter().for_each(|series| report.series(series));
    Ok(report)
}

fn report_samples(samples: &[Sample], report: &mut Report) {
    // The first tenth is getting started; growth is counted after it.
    let started = samples.get(samples.len() / 10).or(samples.first());
    let resident = |sample: Option<&Sample>| Some(sample?.memory?.resident as f64);
    report.number("rss_before_bytes", resident(started));
    report.number("rss_after_bytes", resident(samples.last()));
    let most = samples.iter().filter_map(|sample| sample.memory).map(|memory| memory.resident).max();
    report.number("rss_peak_bytes", most.map(|bytes| bytes as f64));
    for (name, sample) in [("files_before", started), ("files_after", samples.last())] {
        report.number(name, sample.and_then(|sample| sample.files).map(|files| files as f64));
    }
    for (name, sample) in [("threads_before", started), ("threads_after", samples.last())] {
        report.number(name, sample.and_then(|sample| sample.memory).map(|memory| memory.threads as f64));
    }
}

fn report_tally(tally: &Tally, report: &mut Report) {
    report.count("visits", tally.visits);
    report.count("pages", tally.pages);
    report.count("messages_to_visitors", tally.messages);
    report.count("stalls", tally.stalls);
    report.count("by_token", tally.by_token);
    report.count("by_password", tally.by_password);
    report.latencies("entering.", &tally.entered);
    report.must_be_zero("closed", tally.closed);
    report.must_be_zero("stuck", tally.stuck);
    report.must_be_zero("lost", tally.faults.lost);
    report.must_be_zero("repeated", tally.faults.repeated);
    report.must_be_zero("out_of_order", tally.faults.out_of_order);
    report.must_be_zero("damaged", tally.damaged);
}

fn series(samples: &[Sample], windows: &[Window], args: &SoakArgs) -> Vec<Series> {
    let of = |name: &str, value: &dyn Fn(&Sample) -> Option<f64>| Series {
        name: name.to_owned(),
        points: samples.iter().filter_map(|sample| Some((sample.at_s, value(sample)?))).collect(),
    };
    let first_ns = windows.first().map_or(0, |window| window.end_ns);
    let latency = |name: &str, value: &dyn Fn(&Window) -> f64| Series {
        name: name.to_owned(),
        points: windows
            .iter()
            .map(|window| (args.every + (window.end_ns - first_ns) as f64 / 1e9, value(window)))
            .collect(),
    };
    vec![
        of("rss_bytes", &|sample| Some(sample.memory?.resident as f64)),
        of("files", &|sample| Some(sample.files? as f64)),
        of("threads", &|sample| Some(sample.memory?.threads as f64)),
        of("server_cpu_pct", &|sample| sample.server_cpu_pct),
        of("visitors", &|sample| Some(sample.visitors as f64)),
        latency("p50_ms", &|window| window.p50_ms),
        latency("p99_ms", &|window| window.p99_ms),
    ]
}

/// One chart for each question: does it grow, does it become slow.
fn charts(all: &[Series]) -> Vec<Chart> {
    let curve = |name: &str, scale: f64| {
        let points = all.iter().find(|series| series.name == name).map_or(&[][..], |series| &series.points);
        let points = points.iter().map(|(at_s, value)| (at_s / 60.0, value * scale)).collect();
        Curve { name: name.to_owned(), points }
    };
    [
        ("Resident memory of the server", "MiB", vec![curve("rss_bytes", 1.0 / 1_048_576.0)]),
        ("Open files and threads of the server", "number", vec![curve("files", 1.0), curve("threads", 1.0)]),
        ("Latency of a message", "ms", vec![curve("p50_ms", 1.0), curve("p99_ms", 1.0)]),
        ("CPU of the server", "per cent of one core", vec![curve("server_cpu_pct", 1.0)]),
    ]
    .into_iter()
    .map(|(title, y_label, curves)| Chart {
        title: title.to_owned(),
        x_label: "minutes".to_owned(),
        y_label: y_label.to_owned(),
        drawing: Drawing::Curves(curves),
    })
    .collect()
}
