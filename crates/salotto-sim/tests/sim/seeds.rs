//! A fixed set of worlds, with everything that can go wrong, in which nothing may.

use salotto_sim::world::{Options, run};

#[test]
fn no_promise_is_broken() {
    let (mut crashes, mut posts) = (0, 0);
    for seed in 0..30 {
        let report = run(seed, &Options { steps: 800, ..Options::default() });
        assert!(report.is_good(), "seed {seed}: {:?} {:?}", report.violations, report.stuck);
        crashes += report.crashes;
        posts += report.posts;
    }
    assert!(crashes > 10, "there were only {crashes} crashes");
    assert!(posts > 5_000, "there were only {posts} posts");
}
