//! What the kernel says about a process: CPU time and resident memory, read from `/proc`.
//!
//! On systems without `/proc` these figures are missing and nothing else changes.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How many ticks `/proc` counts for a second of CPU time: the value of `USER_HZ` in Linux, on every architecture
/// that Rust's standard library supports there.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server counts as calm when it uses less than this share of a core while it is looked at for so long.
const CALM_CPU_PCT: f64 = 3.5;
const CALM_LOOK: Duration = Duration::from_millis(300);

/// How long a server may take to become calm before it is loaded all the same.
const CALM_LIMIT: Duration = Duration::from_secs(30);

/// Resident memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident now (`VmRSS`).
    pub resident: u64,
    /// The most that was ever resident (`VmHWM`).
    pub resident_max: u64,
    /// Threads.
    pub threads: u64,
}

/// How many files and sockets process `pid` has open; `None` when that cannot be seen.
pub fn open_files(pid: u32) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64)
}

/// The machine's load: processes that run or wait to run, on average of the last minute.
pub fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

impl Memory {
    /// Reads the memory of process `pid`; `None` when there is no such process or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        parse_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }
}

/// CPU times at one moment.
#[derive(Clone, Copy, Debug)]
pub struct CpuSample {
    at: Instant,
    server_s: Option<f64>,
    client_s: Option<f64>,
    machine_s: Option<f64>,
}

/// CPU used between two samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuUse {
    /// Wall-clock time between the samples in seconds.
    pub wall_s: f64,
    /// CPU seconds of the server.
    pub server_s: Option<f64>,
    /// CPU seconds of this process.
    pub client_s: Option<f64>,
    /// CPU seconds of everything else on the machine; can be slightly negative, because the kernel counts the
    /// machine by ticks and processes by time.
    pub other_s: Option<f64>,
}

impl CpuSample {
    /// Takes a sample; `server` is the process id of the server when known.
    pub fn take(server: Option<u32>) -> Self {
        Self {
            at: Instant::now(),
            server_s: server.and_then(cpu_of),
            client_s: own_cpu(),
            machine_s: fs::read_to_string("/proc/stat").ok().and_then(|text| parse_machine(&text)),
        }
    }

    /// What was used since `earlier`.
    pub fn since(&self, earlier: &Self) -> CpuUse {
        let difference = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        let server_s = difference(self.server_s, earlier.server_s);
        let client_s = difference(self.client_s, earlier.client_s);
        let machine_s = difference(self.machine_s, earlier.machine_s);
        let other_s = machine_s.zip(client_s).map(|(all, client)| all - client - server_s.unwrap_or(0.0));
        CpuUse { wall_s: (self.at - earlier.at).as_secs_f64(), server_s, client_s, other_s }
    }
}

impl CpuUse {
    /// Adds what was used at another time.
    pub fn add(&mut self, other: &Self) {
        let sum = |one: Option<f64>, two: Option<f64>| match (one, two) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.wall_s += other.wall_s;
        self.server_s = sum(self.server_s, other.server_s);
        self.client_s = sum(self.client_s, other.client_s);
        self.other_s = sum(self.other_s, other.other_s);
    }

    /// A CPU time as percentage of one core.
    pub fn percent(&self, cpu_s: Option<f64>) -> Option<f64> {
        cpu_s.map(|cpu_s| 100.0 * cpu_s / self.wall_s)
    }
}

/// CPU seconds of all threads of process `pid` since it began.
pub fn cpu_of(pid: u32) -> Option<f64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Waits until a server has dealt with what was before: the end of the run before this one costs it, too.
///
/// Returns whether it became calm; without a known process at once.
pub fn wait_for_calm(server: Option<u32>) -> bool {
    let start = Instant::now();
    let Some(mut before) = server.and_then(cpu_of) else { return true };
    while start.elapsed() < CALM_LIMIT {
        thread::sleep(CALM_LOOK);
        let Some(after) = server.and_then(cpu_of) else { return true };
        if 100.0 * (after - before) / CALM_LOOK.as_secs_f64() < CALM_CPU_PCT {
            return true;
        }
        before = after;
    }
    false
}

#[cfg(unix)]
fn own_cpu() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn own_cpu() -> Option<f64> {
    None
}

/// User and system time from `/proc/PID/stat`: fields 14 and 15, counted behind the name, which may contain blanks
/// and parentheses (proc(5)).
fn parse_stat(text: &str) -> Option<f64> {
    let (_, behind_name) = text.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn parse_status(text: &str) -> Option<Memory> {
    let number = |name: &str| -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let bytes = |name| number(name).map(|kilobytes| kilobytes * 1024);
    let threads = number("Threads:").unwrap_or(0);
    Some(Memory { resident: bytes("VmRSS:")?, resident_max: bytes("VmHWM:")?, threads })
}

/// Busy time of all cores: everything in the first line of `/proc/stat` but idle and waiting for disks. Guests'
/// time is contained in user time.
fn parse_machine(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _idle, _iowait, irq, softirq, rest @ ..] = ticks.as_slice() else {
        return None;
    };
    let steal = rest.first().copied().unwrap_or(0);
    Some((user + nice + system + irq + softirq + steal) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_parentheses() {
        let text = "4242 (odd) name (x) S 1 4242 4242 0 -1 4194560 900 0 0 0 1250 750 3 4 20 0 5 0 100 1 2\n";
        assert_eq!(parse_stat(text), Some(20.0));
        assert_eq!(parse_stat("4242 (short) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text =
            "Name:\tserver\nVmPeak:\t  9999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t4\n";
        assert_eq!(
            parse_status(text),
            Some(Memory { resident: 1_048_576, resident_max: 2_097_152, threads: 4 })
        );
        assert_eq!(parse_status("Name:\tkthread\n"), None);
    }

    #[test]
    fn busy_time_leaves_out_idle_and_waiting() {
        let text = "cpu  100 20 30 9999 8888 5 6 7 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(parse_machine(text), Some(1.68));
        assert_eq!(parse_machine("intr 5\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells_about_this_process() {
        let before = CpuSample::take(Some(std::process::id()));
        let mut sum = 0u64;
        while before.at.elapsed().as_millis() < 60 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        let used = CpuSample::take(Some(std::process::id())).since(&before);
        assert!(used.client_s.is_some_and(|cpu| cpu > 0.0), "{used:?}, {sum}");
        assert!(used.server_s.is_some() && used.other_s.is_some());
        let memory = Memory::of(std::process::id()).expect("own memory");
        assert!(memory.resident > 0 && memory.resident <= memory.resident_max);
    }
}
