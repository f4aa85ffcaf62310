//! Goes down one road so many times, for `scripts/budget`, which counts the instructions; without a road it lists them.

#[path = "../benches/road/mod.rs"]
mod road;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        road::ROADS.iter().for_each(|road| println!("{}", road.name));
        return ExitCode::SUCCESS;
    };
    let (Some(road), Ok(times)) = (road::ROADS.iter().find(|road| road.name == name), times.parse::<u32>())
    else {
        eprintln!("no road {name}, or not a number of times: {times}");
        return ExitCode::FAILURE;
    };
    let mut work = (road.prepare)();
    (0..times).for_each(|_| work());
    ExitCode::SUCCESS
}
