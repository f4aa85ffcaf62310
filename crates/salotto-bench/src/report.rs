//! What a run found: figures in order, warnings, faults; as a table for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::figure::meaning_of;
use crate::histogram::Histogram;
use crate::order::Tally;
use crate::process::CpuUse;
use crate::text::Language;

/// Above this share of a core (in per cent) the client counts as the limit of the run.
const CLIENT_CPU_PCT_MAX: f64 = 85.0;

/// One figure's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A measured number.
    Number(f64),
    /// A statement.
    Text(String),
}

impl Value {
    /// The value as number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Count(count) => json!(count),
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }

    fn human(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => human(other.number().unwrap_or_default()),
        }
    }
}

/// How something went over the time of a run.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name. The unit, where there is one, ends it.
    pub name: String,
    /// Seconds from the beginning, and the value then.
    pub points: Vec<(f64, f64)>,
}

/// The findings of one run against one server.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scenario and its size, such as `fanout-1000`.
    pub scenario: String,
    /// Whom the load was for.
    pub server: String,
    language: Language,
    figures: Vec<(String, Value)>,
    series: Vec<Series>,
    warnings: Vec<String>,
    faults: Vec<String>,
}

impl Report {
    /// Begins an empty report.
    pub fn new(scenario: String, server: String) -> Self {
        Self {
            scenario,
            server,
            language: Language::from_environment(),
            figures: Vec::new(),
            series: Vec::new(),
            warnings: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The language of the report's sentences.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The figures in order.
    pub fn figures(&self) -> &[(String, Value)] {
        &self.figures
    }

    /// The figure with a name.
    pub fn figure(&self, name: &str) -> Option<&Value> {
        self.figures.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// What makes the run a failure.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Adds a count.
    pub fn count(&mut self, name: impl Into<String>, count: u64) {
        self.figures.push((name.into(), Value::Count(count)));
    }

    /// Adds a number, if there is one.
    pub fn number(&mut self, name: impl Into<String>, number: impl Into<Option<f64>>) {
        if let Some(number) = number.into().filter(|number| number.is_finite()) {
            self.figures.push((name.into(), Value::Number(number)));
        }
    }

    /// Adds a statement.
    pub fn text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.figures.push((name.into(), Value::Text(text.into())));
    }

    /// Adds a count that makes the run fail unless it is zero.
    pub fn must_be_zero(&mut self, name: &str, count: u64) {
        self.count(name, count);
        if count > 0 {
            self.faults.push(self.language.must_be_zero(name, count));
        }
    }

    /// Adds the usual quantiles of durations in nanoseconds, in milliseconds.
    pub fn latencies(&mut self, phase: &str, latency: &Histogram) {
        for (name, quantile) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)] {
            self.number(format!("{phase}{name}"), quantile_ms(latency, quantile));
        }
        self.number(
            format!("{phase}max_ms"),
            Some(latency.max() as f64 / 1e6).filter(|_| !latency.is_empty()),
        );
    }

    /// Adds losses, repetitions and orders.
    ///
    /// An order of several senders that is not the same for all members is a fault only with `require_total_order`:
    /// IRC does not promise it.
    pub fn tally(&mut self, tally: &Tally, require_total_order: bool) {
        self.must_be_zero("lost", tally.lost);
        self.must_be_zero("repeated", tally.repeated);
        self.must_be_zero("out_of_order", tally.out_of_order);
        let words = if tally.receivers_compared == 0 {
            self.language.not_comparable().to_owned()
        } else {
            self.language.total_order(tally.receivers_in_other_order, tally.receivers_compared)
        };
        if require_total_order && (tally.receivers_compared == 0 || tally.receivers_in_other_order > 0) {
            self.faults.push(format!("order_across_senders: {words}"));
        }
        self.text("order_across_senders", words);
    }

    /// Adds the shares of the CPU, and warns when the client was the limit.
    pub fn cpu(&mut self, phase: &str, cpu: &CpuUse) {
        self.number(format!("{phase}server_cpu_pct"), cpu.percent(cpu.server_s));
        let client_pct = cpu.percent(cpu.client_s);
        self.number(format!("{phase}client_cpu_pct"), client_pct);
        self.number(format!("{phase}other_cpu_pct"), cpu.percent(cpu.other_s));
        if let Some(percent) = client_pct.filter(|percent| *percent > CLIENT_CPU_PCT_MAX) {
            self.warn(self.language.client_is_limit(percent));
        }
        if cpu.server_s.is_none() {
            self.warn(self.language.no_pid().to_owned());
        }
    }

    /// Adds how something went over time; it is in the JSON only.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Adds a warning, once.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a fault that no figure shows.
    pub fn fail(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Adds all of another report, its figures under the name of a phase.
    pub fn append(&mut self, phase: &str, other: Self) {
        self.figures.extend(other.figures.into_iter().map(|(name, value)| (format!("{phase}{name}"), value)));
        self.faults.extend(other.faults.into_iter().map(|fault| format!("{phase}{fault}")));
        other.warnings.into_iter().for_each(|warning| self.warn(warning));
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut table = format!("{}\n", self.language.heading(&self.scenario, &self.server));
        let width = self.figures.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.figures {
            let words = meaning_of(name).map_or("", |meaning| meaning.text(self.language));
            let _ = writeln!(table, "  {name:width$}  {:>12}  {words}", value.human());
        }
        for warning in &self.warnings {
            let _ = writeln!(table, "{}: {warning}", self.language.warning());
        }
        for fault in &self.faults {
            let _ = writeln!(table, "{}: {fault}", self.language.fault());
        }
        table
    }

    /// The same for programs.
    pub fn json(&self) -> Json {
        let figures: Map<String, Json> =
            self.figures.iter().map(|(name, value)| (name.clone(), value.json())).collect();
        let series: Map<String, Json> =
            self.series.iter().map(|series| (series.name.clone(), json!(series.points))).collect();
        json!({
            "scenario": self.scenario,
            "server": self.server,
            "figures": figures,
            "series": series,
            "warnings": self.warnings,
            "faults": self.faults,
        })
    }
}

/// A quantile of durations in nanoseconds, in milliseconds.
pub fn quantile_ms(latency: &Histogram, quantile: f64) -> Option<f64> {
    latency.quantile(quantile).map(|ns| ns as f64 / 1e6)
}

/// Writes a number with three digits that count, and k or M for large ones.
pub fn human(number: f64) -> String {
    let size = number.abs();
    if size >= 1e6 {
        format!("{:.2} M", number / 1e6)
    } else if size >= 1e4 {
        format!("{:.1} k", number / 1e3)
    } else if size >= 100.0 || number.fract() == 0.0 {
        format!("{number:.0}")
    } else if size >= 10.0 {
        format!("{number:.1}")
    } else if size >= 0.1 {
        format!("{number:.2}")
    } else {
        format!("{number:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (0.04093, "0.0409"),
            (1.2345, "1.23"),
            (12.345, "12.3"),
            (123.45, "123"),
            (1_940.0, "1940"),
            (18_900.0, "18.9 k"),
            (25_070_000.0, "25.07 M"),
            (-0.5, "-0.50"),
        ] {
            assert_eq!(human(number), text);
        }
    }

    #[test]
    fn a_count_that_is_not_zero_fails_the_run() {
        let mut report = Report::new("fanout-3".to_owned(), "test".to_owned());
        report.must_be_zero("lost", 0);
        assert!(report.faults().is_empty());
        report.must_be_zero("repeated", 2);
        assert_eq!(report.faults().len(), 1);
        assert!(report.table().contains("repeated"));
        assert_eq!(report.json()["figures"]["repeated"], json!(2));
    }

    #[test]
    fn figures_that_are_not_known_are_left_out() {
        let mut report = Report::new("fanout-3".to_owned(), "test".to_owned());
        report.number("server_cpu_pct", None);
        report.number("deliveries_per_read", f64::NAN);
        assert!(report.figures().is_empty());
    }
}
