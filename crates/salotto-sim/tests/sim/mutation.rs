//! Wrong cores are found, so a core that nothing is found against has been looked at.

use salotto_sim::Mutation;
use salotto_sim::reference::compare;
use salotto_sim::world::{Options, run};

use crate::model::drawn;

/// Whether the reference disagrees with a core that is wrong in this way.
fn reference_finds(mutation: Mutation) -> bool {
    (0..200).any(|seed| compare(&drawn(seed, 150), Some(mutation)).is_err())
}

/// Whether people in a simulated world notice.
fn world_finds(mutation: Mutation) -> bool {
    let options = Options { steps: 800, mutation: Some(mutation), ..Options::default() };
    (0..10).any(|seed| !run(seed, &options).is_good())
}

#[test]
fn every_wrong_core_is_found() {
    for mutation in Mutation::ALL {
        assert!(reference_finds(mutation) || world_finds(mutation), "{mutation} is not found");
    }
}

/// Faults that show only in what people are left with.
#[test]
fn people_notice_what_the_reference_cannot() {
    for mutation in
        [Mutation::TokenForgotten, Mutation::NameNotFreed, Mutation::RecordForgotten, Mutation::PostsSwapped]
    {
        assert!(world_finds(mutation), "{mutation} is not found");
    }
}
