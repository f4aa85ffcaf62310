//! Several servers in turn: interleaved runs, medians, and ratios to the first and to the floor.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value as Json, json};

use crate::args::{Load, Target};
use crate::figure::{Better, meaning_of};
use crate::floor::FloorProcess;
use crate::picture::{Bar, Chart, Curve, Drawing, svg};
use crate::report::{Report, human};
use crate::text::Language;

/// Several servers in turn.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// A server: `NAME=HOST:PORT[:PID]`, may be given several times; the first is the measure of the others
    #[arg(long = "server", value_name = "NAME=HOST:PORT[:PID]", value_parser = parse_server, required = true)]
    pub servers: Vec<Server>,
    /// Runs against each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,
    /// Also against the bare server that writes at once what is due
    #[arg(long)]
    pub floor: bool,
    /// Also against the bare server that writes each message alone
    #[arg(long)]
    pub floor_single: bool,
    /// Write all runs and the medians to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Repeat for growing sizes of the load: members (fanout, slow, churn --sequence), rooms (rooms), connections (idle),
    /// people (storm), readers (history)
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub sizes: Vec<usize>,
    /// Draw this figure into the file given with --svg: curves over the sizes, or a bar for each server
    #[arg(long, value_name = "NAME", default_value = "deliveries_per_server_cpu_s")]
    pub figure: String,
    /// Where to draw (SVG)
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// The load
    #[command(subcommand)]
    pub load: Load,
}

/// A server to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it is called in the table.
    pub name: String,
    host: String,
    port: u16,
    pid: Option<u32>,
}

/// Runs the load against all servers in turn and prints the comparison.
///
/// # Errors
///
/// When a run cannot be made, or when one of them found a fault.
pub fn run(args: &CompareArgs, run_load: impl Fn(&Load, &str) -> Result<Report>) -> Result<()> {
    let language = Language::from_environment();
    let floors: Vec<FloorProcess> = [(args.floor, false), (args.floor_single, true)]
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, single)| FloorProcess::start("compare", single, None))
        .collect::<Result<_>>()?;
    let runs = args.runs as usize;
    // Without sizes it is one round with the load as it is.
    let sizes: Vec<Option<usize>> =
        if args.sizes.is_empty() { vec![None] } else { args.sizes.iter().copied().map(Some).collect() };
    let mut rounds = Vec::new();
    for size in sizes {
        let mut load = args.load.clone();
        if let Some(size) = size {
            load.set_size(size)?;
        }
        let mut columns: Vec<Column> =
            args.servers.iter().map(|server| Column::of_server(server, &load)).collect();
        columns.extend(floors.iter().map(|floor| Column::new(floor.name(), floor.target(), &load)));
        for run in 1..=runs {
            for column in &mut columns {
                eprintln!("{}", language.run_begins(run, runs, &column.name));
                let report = run_load(&column.load, &column.name)
                    .with_context(|| format!("run {run} against {} failed", column.name))?;
                for fault in report.faults() {
                    eprintln!("{}: {fault}", language.fault());
                }
                column.reports.push(report);
            }
        }
        print!("{}", table(&columns, floors.len(), runs, language));
        rounds.push(Round { size, columns });
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&json_of(&rounds)).context("cannot write JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.svg {
        let chart = chart(&rounds, &args.figure, language)?;
        let scenario =
            rounds.iter().flat_map(|round| &round.columns).flat_map(|column| &column.reports).next();
        let title = scenario.map_or("", |report| report.scenario.split('-').next().unwrap_or_default());
        std::fs::write(path, svg(title, &[chart]))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let faults: usize = rounds
        .iter()
        .flat_map(|round| &round.columns)
        .flat_map(|column| &column.reports)
        .map(|report| report.faults().len())
        .sum();
    if faults > 0 {
        bail!("{faults} faults were found");
    }
    Ok(())
}

/// All servers under one size of the load.
struct Round {
    size: Option<usize>,
    columns: Vec<Column>,
}

/// One figure of all servers, as bars or over the sizes.
fn chart(rounds: &[Round], figure: &str, language: Language) -> Result<Chart> {
    let Some(first) =
        rounds.first().filter(|round| round.columns.iter().any(|column| column.spread(figure).is_some()))
    else {
        bail!("no run has a figure {figure}");
    };
    let sized: Vec<(f64, &Round)> =
        rounds.iter().filter_map(|round| Some((round.size? as f64, round))).collect();
    let drawing = if sized.is_empty() {
        let bar = |column: &Column| {
            let Spread { median, lowest, highest } = column.spread(figure)?;
            Some(Bar { name: column.name.clone(), value: median, lowest, highest })
        };
        Drawing::Bars(first.columns.iter().filter_map(bar).collect())
    } else {
        let curve = |at: usize| Curve {
            name: first.columns[at].name.clone(),
            points: sized
                .iter()
                .filter_map(|(size, round)| Some((*size, round.columns[at].spread(figure)?.median)))
                .collect(),
        };
        Drawing::Curves((0..first.columns.len()).map(curve).collect())
    };
    Ok(Chart {
        title: figure.to_owned(),
        x_label: if sized.is_empty() { String::new() } else { first.columns[0].load.size_name().to_owned() },
        y_label: meaning_of(figure).map_or("", |meaning| meaning.text(language)).to_owned(),
        drawing,
    })
}

struct Column {
    name: String,
    load: Load,
    reports: Vec<Report>,
}

impl Column {
    fn of_server(server: &Server, load: &Load) -> Self {
        let local = Target::local(server.port);
        Self::new(&server.name, Target { host: server.host.clone(), pid: server.pid, ..local }, load)
    }

    /// The load's own options about connecting stay.
    fn new(name: &str, target: Target, load: &Load) -> Self {
        let mut load = load.clone();
        let own = load.target_mut();
        (own.host, own.port, own.pid) = (target.host, target.port, target.pid);
        Self { name: name.to_owned(), load, reports: Vec::new() }
    }

    fn json(&self, names: &[String]) -> Json {
        let medians: Map<String, Json> = names
            .iter()
            .filter_map(|name| {
                let Spread { median, lowest, highest } = self.spread(name)?;
                Some((name.clone(), json!({ "median": median, "lowest": lowest, "highest": highest })))
            })
            .collect();
        let runs: Vec<Json> = self.reports.iter().map(Report::json).collect();
        json!({ "server": self.name, "figures": medians, "runs": runs })
    }

    fn spread(&self, figure: &str) -> Option<Spread> {
        let numbers = self.reports.iter().filter_map(|report| report.figure(figure)?.number());
        Spread::of(numbers.collect())
    }

    fn cell(&self, figure: &str) -> String {
        if let Some(spread) = self.spread(figure) {
            return spread.to_string();
        }
        let mut texts: Vec<&str> = Vec::new();
        for report in &self.reports {
            if let Some(crate::report::Value::Text(text)) = report.figure(figure)
                && !texts.contains(&text.as_str())
            {
                texts.push(text);
            }
        }
        if texts.is_empty() { "-".to_owned() } else { texts.join(" / ") }
    }
}

/// Median, lowest and highest of some runs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let (lowest, highest) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            (numbers[middle - 1] + numbers[middle]) / 2.0
        };
        Some(Self { median, lowest, highest })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [median, lowest, highest] = [self.median, self.lowest, self.highest].map(human);
        if lowest == highest { f.pad(&median) } else { f.pad(&format!("{median} ({lowest} - {highest})")) }
    }
}

/// The names of all figures, in the order of the reports.
fn figure_names(columns: &[Column]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for report in columns.iter().flat_map(|column| &column.reports) {
        for (name, _) in report.figures() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

fn table(columns: &[Column], floors: usize, runs: usize, language: Language) -> String {
    let names = figure_names(columns);
    let scenario = columns[0].reports.first().map_or("", |report| report.scenario.as_str());
    let mut rows = vec![columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()];
    rows.extend(names.iter().map(|name| columns.iter().map(|column| column.cell(name)).collect()));
    let mut heads = vec![String::new()];
    heads.extend(names.iter().cloned());
    let mut text = format!("{}\n", language.comparison(scenario, runs));
    text.push_str(&markdown(&heads, &rows));
    let measures = std::iter::once(0).chain(columns.len() - floors..columns.len());
    for measure in measures.filter(|_| columns.len() > 1) {
        let _ = writeln!(text, "\n{}", language.ratios(&columns[measure].name));
        text.push_str(&ratios(columns, measure, &names));
    }
    text
}

/// Each server's medians divided by those of one of them, for figures with a better side.
fn ratios(columns: &[Column], measure: usize, names: &[String]) -> String {
    let others = || columns.iter().enumerate().filter(|(at, _)| *at != measure).map(|(_, column)| column);
    let mut heads = vec![String::new()];
    let mut rows = vec![others().map(|column| column.name.clone()).collect::<Vec<_>>()];
    for name in names {
        let is_judged = meaning_of(name).is_some_and(|meaning| meaning.better != Better::Neither);
        let base = columns[measure].spread(name).filter(|spread| is_judged && spread.median != 0.0);
        let Some(base) = base else { continue };
        heads.push(name.clone());
        rows.push(
            others()
                .map(|column| match column.spread(name) {
                    Some(spread) => human(spread.median / base.median),
                    None => "-".to_owned(),
                })
                .collect(),
        );
    }
    markdown(&heads, &rows)
}

/// Lays a table out so that it reads well as text and as Markdown.
fn markdown(heads: &[String], rows: &[Vec<String>]) -> String {
    let len = |text: &str| text.chars().count();
    let head_width = heads.iter().map(|head| len(head)).max().unwrap_or(0);
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().map(|row| len(&row[at])).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (at, (head, row)) in heads.iter().zip(rows).enumerate() {
        let _ = write!(text, "| {head:head_width$} |");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, " {cell:width$} |");
        }
        text.push('\n');
        if at == 0 {
            let _ = write!(text, "|{:-<1$}|", "", head_width + 2);
            for width in &widths {
                let _ = write!(text, "{:-<1$}|", "", width + 2);
            }
            text.push('\n');
        }
    }
    text
}

fn json_of(rounds: &[Round]) -> Json {
    let of_round = |round: &Round| {
        let names = figure_names(&round.columns);
        let servers: Vec<Json> = round.columns.iter().map(|column| column.json(&names)).collect();
        (round.size, servers)
    };
    match rounds {
        [only] if only.size.is_none() => json!({ "servers": of_round(only).1 }),
        rounds => {
            let sizes: Vec<Json> = rounds
                .iter()
                .map(of_round)
                .map(|(size, servers)| json!({ "size": size, "servers": servers }))
                .collect();
            json!({ "sizes": sizes })
        }
    }
}

fn parse_server(text: &str) -> Result<Server, String> {
    let shape = || "must be NAME=HOST:PORT or NAME=HOST:PORT:PID".to_owned();
    let (name, place) = text.split_once('=').ok_or_else(shape)?;
    let (host, rest) = match place.strip_prefix('[') {
        Some(v6) => v6.split_once("]:").ok_or_else(shape)?,
        None => place.split_once(':').ok_or_else(shape)?,
    };
    let (port, pid) = match rest.split_once(':') {
        Some((port, pid)) => (port, Some(pid.parse().map_err(|_| format!("{pid} is not a process id"))?)),
        None => (rest, None),
    };
    let port = port.parse().map_err(|_| format!("{port} is not a port"))?;
    if name.is_empty() || host.is_empty() {
        return Err(shape());
    }
    Ok(Server { name: name.to_owned(), host: host.to_owned(), port, pid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_and_without_process() {
        let server =
            |host: &str, pid| Server { name: "a".to_owned(), host: host.to_owned(), port: 6667, pid };
        assert_eq!(parse_server("a=127.0.0.1:6667:42"), Ok(server("127.0.0.1", Some(42))));
        assert_eq!(parse_server("a=localhost:6667"), Ok(server("localhost", None)));
        assert_eq!(parse_server("a=[::1]:6667:42"), Ok(server("::1", Some(42))));
        for wrong in ["a", "a=b", "=b:1", "a=:1", "a=b:x", "a=b:1:x", "a=[::1:6667"] {
            assert!(parse_server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_between() {
        assert_eq!(Spread::of(vec![]), None);
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), Some(Spread { median: 2.0, lowest: 1.0, highest: 3.0 }));
        assert_eq!(Spread::of(vec![4.0, 1.0]), Some(Spread { median: 2.5, lowest: 1.0, highest: 4.0 }));
    }

    #[test]
    fn a_table_is_aligned() {
        let heads = ["".to_owned(), "p99_ms".to_owned()];
        let rows = [vec!["a".to_owned(), "other".to_owned()], vec!["12.5".to_owned(), "7".to_owned()]];
        let text = markdown(&heads, &rows);
        assert_eq!(text, "|        | a    | other |\n|--------|------|-------|\n| p99_ms | 12.5 | 7     |\n");
    }
}
