//! Where log events go: standard error for whoever watches, daily files of JSON lines for whoever searches later.

use std::{io::IsTerminal, path::Path};

use anyhow::Context;
use salotto_server::config::{Log, LogFormat};
use tracing_appender::{
    non_blocking::{NonBlockingBuilder, WorkerGuard},
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The log files are called `salotto.2026-11-20.jsonl`, by the date in UTC.
pub const FILE_PREFIX: &str = "salotto";
/// What the names of the log files end with.
pub const FILE_SUFFIX: &str = "jsonl";

/// Lines that wait for the disk. When it is slower than that for long, lines are left out rather than chat held up.
const LINES_WAITING_MAX: usize = 16 * 1024;

/// Begins to log. What is still waiting is written when the guard is dropped.
///
/// # Errors
///
/// When the folder cannot be made or written to, or `RUST_LOG` cannot be read.
pub fn start(config: &Log, folder: Option<&Path>) -> anyhow::Result<Option<WorkerGuard>> {
    let to_stderr = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text).context("RUST_LOG cannot be read")?,
        _ => EnvFilter::new(config.level.name()),
    };
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // When nobody reads standard error any more, that is no reason to stop, nor to complain about it there.
    let stderr = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).log_internal_errors(false);
    let stderr: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Human => stderr.with_filter(to_stderr).boxed(),
        LogFormat::Json => stderr.json().flatten_event(true).with_filter(to_stderr).boxed(),
    };

    let mut guard = None;
    let file = match folder {
        None => None,
        Some(folder) => {
            let appender = RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix(FILE_PREFIX)
                .filename_suffix(FILE_SUFFIX);
            let appender = match config.keep_days {
                0 => appender,
                days => appender.max_log_files(days),
            }
            .build(folder)
            .with_context(|| format!("cannot keep log files in {}", folder.display()))?;
            let (writer, worker) =
                NonBlockingBuilder::default().buffered_lines_limit(LINES_WAITING_MAX).finish(appender);
            guard = Some(worker);
            Some(
                fmt::layer()
                    .with_ansi(false)
                    .json()
                    .flatten_event(true)
                    .log_internal_errors(false)
                    .with_writer(writer)
                    .with_filter(EnvFilter::new(config.level.name())),
            )
        }
    };
    Registry::default().with(stderr).with(file).init();
    Ok(guard)
}
