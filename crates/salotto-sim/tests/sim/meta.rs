//! A seed says everything: two runs from it are the same run.

use salotto_sim::world::{Options, run};

#[test]
fn a_seed_run_twice_is_the_same_run() {
    let options = Options { steps: 400, ..Options::default() };
    for seed in 0..4 {
        let first = run(seed, &options);
        assert_eq!(first, run(seed, &options), "seed {seed}");
        assert!(first.commands > 0 && first.posts > 0);
    }
}

#[test]
fn keeping_the_trace_changes_nothing() {
    let options = Options { steps: 300, ..Options::default() };
    let plain = run(1, &options);
    let mut traced = run(1, &Options { trace: true, ..options });
    assert!(!traced.trace.is_empty());
    traced.trace.clear();
    assert_eq!(plain, traced);
}

#[test]
fn other_seeds_are_other_runs() {
    let options = Options { steps: 200, ..Options::default() };
    assert_ne!(run(1, &options).trace_hash, run(2, &options).trace_hash);
}
