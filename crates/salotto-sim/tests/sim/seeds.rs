//! Worlds with everything that can go wrong, in which nothing may: a fixed set, and some that nobody has seen before.

use std::time::{SystemTime, UNIX_EPOCH};

use salotto_sim::world::{Options, Report, run};

const STEPS: u64 = 800;
/// How many worlds nobody has seen before are run.
const FRESH: u64 = 5;

/// Runs a world in which nothing may go wrong.
fn good(seed: u64) -> Report {
    let report = run(seed, &Options { steps: STEPS, ..Options::default() });
    assert!(
        report.is_good(),
        "salotto-sim replay {seed} --steps {STEPS}: {:?} {:?}",
        report.violations,
        report.stuck
    );
    report
}

#[test]
fn no_promise_is_broken() {
    let (mut crashes, mut posts) = (0, 0);
    for report in (0..30).map(good) {
        crashes += report.crashes;
        posts += report.posts;
    }
    assert!(crashes > 10, "there were only {crashes} crashes");
    assert!(posts > 5_000, "there were only {posts} posts");
}

/// A failure names the seed, with which it can be had again for ever.
#[test]
fn no_promise_is_broken_in_worlds_never_seen_before() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let first = now.as_secs() * FRESH;
    println!("fresh seeds {first}..{}", first + FRESH);
    (first..first + FRESH).for_each(|seed| {
        good(seed);
    });
}
