//! The core agrees with a chat that is written to be obviously right.

use proptest::prelude::*;
use salotto_sim::Rng;
use salotto_sim::reference::compare;
use salotto_sim::script::Line;

fn script(len_max: usize) -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(any::<[u8; 6]>().prop_map(Line::from_bytes), 1..len_max)
}

/// A script from a seed.
pub fn drawn(seed: u64, len: usize) -> Vec<Line> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| Line::from_bytes(std::array::from_fn(|_| rng.bits() as u8))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_agrees_with_the_reference(script in script(150)) {
        if let Err(difference) = compare(&script, None) {
            prop_assert!(false, "{difference}");
        }
    }
}
