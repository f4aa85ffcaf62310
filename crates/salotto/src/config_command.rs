//! `salotto config`: the sample file, or a check of the one there is.

use std::io::{self, Write};

use salotto_server::config::SAMPLE;

use crate::{cli::ConfigOptions, exit::Failure, places};

/// Prints the sample, or says whether the configuration is in order.
pub fn run(options: &ConfigOptions) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if !options.check {
        out.write_all(SAMPLE.as_bytes())?;
        return Ok(());
    }
    let config = places::load_config(options.config.as_deref(), Vec::new())?;
    match places::config_file(options.config.as_deref()) {
        Some(path) => writeln!(out, "{} is in order", path.display())?,
        None => writeln!(out, "There is no configuration file; the defaults are in order")?,
    }
    for warning in config.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
