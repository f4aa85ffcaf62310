//! The core and the reference side by side on one script.

use std::collections::BTreeMap;
use std::fmt;

use salotto_core::{Conversation, NodeId, Ordered, Origin, Outcome, Record, Seq, SessionId, Timestamp};

use super::words::{names, words};
use super::{Reference, Told};
use crate::chat::{Chat, Mutation};
use crate::roster::Roster;
use crate::script::{Line, NICKS, ROOMS, SESSIONS};

/// Where the two disagree first.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// After which line, from 0.
    pub step: usize,
    /// About what.
    pub about: String,
    /// What the reference says.
    pub expected: String,
    /// What the core says.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after line {}, {}:", self.step, self.about)?;
        writeln!(f, "  expected {}", self.expected)?;
        write!(f, "  found    {}", self.found)
    }
}

/// Plays a script to both, and compares who is told what and what everybody may see after every line.
///
/// # Errors
/// The first difference.
pub fn compare(script: &[Line], mutation: Option<Mutation>) -> Result<(), Box<Difference>> {
    let mut chat = Chat::new(mutation);
    let mut reference = Reference::default();
    let mut roster = Roster::default();
    let mut outcome = Outcome::default();
    let mut kept: BTreeMap<Conversation, Vec<u64>> = BTreeMap::new();
    for (step, line) in script.iter().enumerate() {
        let number = step as u64 + 1;
        let ordered = Ordered {
            seq: Seq(number),
            at: Timestamp(1_000 + number),
            origin: Origin { node: NodeId(1), number },
            command: line.command(SessionId(line.session), &reference.accounts()),
        };
        let mut expected = reference.apply(&ordered);
        outcome.clear();
        chat.apply(ordered, &mut outcome);
        for record in &outcome.records {
            if let Record::Post(post) = record {
                kept.entry(post.conversation).or_default().push(post.seq.0);
            }
        }
        let mut found = Told::new();
        let mut sessions = Vec::new();
        for effect in &outcome.effects {
            roster.deliver(effect, &mut sessions);
            let Some(words) = words(&effect.event) else { continue };
            found.extend(sessions.iter().map(|&session| (session, words.clone())));
        }
        // What one session is told has an order; between sessions there is none.
        expected.sort_by_key(|&(session, _)| session);
        found.sort_by_key(|&(session, _)| session);
        check(step, "who is told what", &expected, &found)?;
        for session in (1..=SESSIONS).map(SessionId) {
            let expected = reference.rooms(session);
            let found: Vec<_> = chat.rooms(session, usize::MAX).into_iter().map(|room| room.name).collect();
            check(step, &format!("the rooms listed to {session}"), &expected, &found)?;
            for room in ROOMS {
                let view = chat.view(session);
                let expected = reference.roster(session, room);
                let found = view.roster(room).map(|roster| names(&roster));
                check(step, &format!("the members of {room} as {session} sees them"), &expected, &found)?;
            }
            let view = chat.view(session);
            for target in ROOMS.iter().chain(&NICKS) {
                let expected = reference.history(session, target);
                let found = view.readable(target).map(|place| kept.get(&place).cloned().unwrap_or_default());
                check(step, &format!("what {session} may read of {target}"), &expected, &found)?;
                let expected = reference.read_until(session, target);
                let found = view.read_marker(target).map(|at| at.0);
                check(step, &format!("how far {session} has read {target}"), &expected, &found)?;
            }
        }
    }
    Ok(())
}

/// Shortens a script on which the two disagree, until they agree without any one of its lines.
pub fn shrink(mut script: Vec<Line>, mutation: Option<Mutation>) -> Vec<Line> {
    // What comes after the difference does not matter.
    if let Err(difference) = compare(&script, mutation) {
        script.truncate(difference.step + 1);
    }
    let mut piece = script.len().div_ceil(2);
    while piece > 0 {
        let before = script.len();
        for from in (0..before).step_by(piece).rev() {
            let mut shorter = script.clone();
            shorter.drain(from..(from + piece).min(before));
            if compare(&shorter, mutation).is_err() {
                script = shorter;
            }
        }
        // A line may be needed only for another that has gone now.
        if piece > 1 || script.len() == before {
            piece /= 2;
        }
    }
    script
}

fn check<T: PartialEq + fmt::Debug>(
    step: usize,
    about: &str,
    expected: &T,
    found: &T,
) -> Result<(), Box<Difference>> {
    if expected == found {
        return Ok(());
    }
    Err(Box::new(Difference {
        step,
        about: about.to_owned(),
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    }))
}
