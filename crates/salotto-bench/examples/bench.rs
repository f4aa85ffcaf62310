//! The scenarios as a program of their own: the same command line as `salotto bench`.

use clap::Parser;
use salotto_bench::BenchArgs;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    bench: BenchArgs,
}

fn main() -> anyhow::Result<()> {
    salotto_bench::run(Cli::parse().bench)
}
