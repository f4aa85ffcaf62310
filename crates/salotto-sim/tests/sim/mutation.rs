//! Wrong cores are found, so a core that nothing is found against has been looked at.

use salotto_sim::Mutation;
use salotto_sim::reference::{compare, shrink};
use salotto_sim::world::{Options, run};

use crate::model::drawn;

/// How many lines of a script it takes at most to show that a core is wrong.
const LINES_MAX: usize = 12;

/// Faults that show only in what people are left with.
const NOTICED_BY_PEOPLE: [Mutation; 3] =
    [Mutation::NameNotFreed, Mutation::RecordForgotten, Mutation::MarkerNotKept];

/// The reference disagrees with every other wrong core, and a short script says why.
#[test]
fn a_short_script_shows_that_a_core_is_wrong() {
    for mutation in Mutation::ALL.into_iter().filter(|mutation| !NOTICED_BY_PEOPLE.contains(mutation)) {
        let found =
            (0..300).map(|seed| drawn(seed, 120)).find(|script| compare(script, Some(mutation)).is_err());
        let script = shrink(found.unwrap_or_else(|| panic!("{mutation} is not found")), Some(mutation));
        assert!(script.len() <= LINES_MAX, "{mutation}: {script:#?}");
        assert!(compare(&script, Some(mutation)).is_err() && compare(&script, None).is_ok(), "{mutation}");
    }
}

#[test]
fn people_notice_what_the_reference_cannot() {
    let others = [Mutation::TokenForgotten, Mutation::PostsSwapped, Mutation::MarkerGoesBack];
    for mutation in NOTICED_BY_PEOPLE.into_iter().chain(others) {
        let options = Options { steps: 3000, mutation: Some(mutation), ..Options::default() };
        assert!((0..60).any(|seed| !run(seed, &options).is_good()), "{mutation} is not found");
    }
}
