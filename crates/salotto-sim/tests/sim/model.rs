//! The core agrees with a chat that is written to be obviously right, and wrong cores do not.

use proptest::prelude::*;
use salotto_sim::reference::compare;
use salotto_sim::script::Line;
use salotto_sim::{Mutation, Rng};

fn script(len_max: usize) -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(any::<[u8; 6]>().prop_map(Line::from_bytes), 1..len_max)
}

/// A script from a seed.
fn drawn(seed: u64, len: usize) -> Vec<Line> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| Line::from_bytes(std::array::from_fn(|_| rng.bits() as u8))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn the_core_agrees_with_the_reference(script in script(150)) {
        if let Err(difference) = compare(&script, None) {
            prop_assert!(false, "{difference}");
        }
    }
}

/// Two faults that no script of commands to the core alone can show; the simulated server does.
const ELSEWHERE: [Mutation; 2] = [Mutation::RecordForgotten, Mutation::PostsSwapped];

#[test]
fn the_reference_finds_wrong_cores() {
    for mutation in Mutation::ALL.into_iter().filter(|mutation| !ELSEWHERE.contains(mutation)) {
        let found = (0..200).any(|seed| compare(&drawn(seed, 150), Some(mutation)).is_err());
        assert!(found, "{mutation} is not found");
    }
}
