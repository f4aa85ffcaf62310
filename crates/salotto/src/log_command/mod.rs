//! `salotto log`: searches the daily log files for connections, disconnections and errors.

mod entry;
mod moment;
mod wanted;

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::Zoned;

use crate::{
    cli::LogOptions,
    exit::Failure,
    logging::{FILE_PREFIX, FILE_SUFFIX},
    places,
};
use entry::Entry;
use wanted::Wanted;

/// Bytes of one line that are looked at; nothing that the server writes comes near.
const LINE_LEN_MAX: u64 = 1024 * 1024;

/// Prints what the options ask for, oldest first.
pub fn run(options: &LogOptions) -> Result<(), Failure> {
    let wanted = Wanted::new(options, &Zoned::now()).map_err(Failure::usage)?;
    let config = places::load_config(options.config.as_deref(), Vec::new())?;
    let data = places::data(options.data.as_deref())?;
    let Some(folder) = places::log_folder(&config, &data) else {
        return Err(Failure::usage(anyhow::anyhow!("log.file is \"off\": there are no log files")));
    };
    let files = files(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut unreadable = 0;
    for path in files {
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        unreadable += search(BufReader::new(file), &wanted, options.json, &mut out)?;
    }
    out.flush()?;
    if unreadable > 0 {
        writeln!(io::stderr(), "salotto: {unreadable} lines in {} are not log lines", folder.display())?;
    }
    Ok(())
}

/// The log files in the order of their days, which is that of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&format!("{FILE_PREFIX}.")) && name.ends_with(&format!(".{FILE_SUFFIX}")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Prints the lines that are wanted, and counts those that are not log lines at all.
fn search(mut file: impl BufRead, wanted: &Wanted, as_json: bool, out: &mut impl Write) -> io::Result<u64> {
    let mut unreadable = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if io::Read::take(&mut file, LINE_LEN_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(unreadable);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        match Entry::parse(text) {
            None => unreadable += 1,
            Some(entry) if !wanted.matches(&entry) => {}
            // The files are JSON, which has no control characters left.
            Some(_) if as_json => writeln!(out, "{text}")?,
            Some(entry) => writeln!(out, "{}", entry.line(wanted.zone()))?,
        }
    }
}

#[cfg(test)]
mod tests;
