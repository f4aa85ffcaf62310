//! How many connections this process may hold.

use anyhow::{Result, bail};

/// Descriptors that are not connections: the poll, the timer, standard streams, `/proc` files.
const OTHER_DESCRIPTORS: u64 = 32;

/// Raises the limit of open files so that `connections` fit.
///
/// # Errors
///
/// When the system does not allow as many.
pub fn make_room_for(connections: usize) -> Result<()> {
    let needed = connections as u64 + OTHER_DESCRIPTORS;
    let allowed = raise(needed);
    if allowed < needed {
        bail!(
            "{connections} connections need {needed} open files and the system allows {allowed}: raise the hard \
             limit (ulimit -Hn)"
        );
    }
    Ok(())
}

#[cfg(unix)]
fn raise(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // `None` means no limit, throughout.
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return u64::MAX;
    }
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        let raised = Rlimit { current: Some(needed), maximum: Some(needed) };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            return needed;
        }
    }
    let wanted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => wanted,
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}

#[cfg(not(unix))]
fn raise(_needed: u64) -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_connections_always_fit() {
        assert!(make_room_for(4).is_ok());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn more_than_any_system_allows_is_refused_with_the_numbers() {
        // Linux caps the limit at `fs.nr_open`, which itself is below 2^31.
        let error = make_room_for(1 << 40).expect_err("no system has so many");
        assert!(error.to_string().contains("open files"), "{error}");
    }
}
