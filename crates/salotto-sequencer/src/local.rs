//! Order in one process: first come, first served.

use std::convert::Infallible;

use salotto_core::{Command, NodeId, Ordered, Origin, Seq, Timestamp};

use crate::Sequencer;
use crate::place::Place;

/// The sequencer of a server that stands alone; belongs to the engine's thread.
#[derive(Debug)]
pub struct Local {
    last: Place,
    node: NodeId,
    /// Submitted and not yet received.
    ordered: Vec<Ordered>,
}

impl Local {
    /// How many commands may wait to be received.
    pub const WAITING_MAX: usize = 4_096;

    /// Goes on after the last command that was ever given a place, and its time.
    pub fn new(last: Seq, at: Timestamp, node: NodeId) -> Local {
        Local { last: Place { seq: last, at }, node, ordered: Vec::new() }
    }

    /// Gives one command its place, with the time on the clock.
    ///
    /// With one node the node's own number and the place in the order are the same.
    pub fn order(&mut self, now: Timestamp, command: Command) -> Ordered {
        let Place { seq, at } = self.last.advance(now);
        Ordered { seq, at, origin: Origin { node: self.node, number: seq.0 }, command }
    }

    /// The last place given.
    pub fn last(&self) -> Place {
        self.last
    }
}

impl Sequencer for Local {
    type Error = Infallible;

    fn submit(&mut self, now: Timestamp, commands: &mut Vec<Command>) -> Result<(), Infallible> {
        let room = Local::WAITING_MAX - self.ordered.len();
        for command in commands.drain(..room.min(commands.len())) {
            let ordered = self.order(now, command);
            self.ordered.push(ordered);
        }
        Ok(())
    }

    fn receive(&mut self, ordered: &mut Vec<Ordered>) -> Result<(), Infallible> {
        ordered.append(&mut self.ordered);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use salotto_core::SessionId;

    use super::*;

    /// A command that can be told from others.
    fn command(number: u64) -> Command {
        Command::Ping { session: SessionId(number), token: "".into() }
    }

    fn places(clocks: &[u64]) -> Vec<(u64, u64)> {
        let mut local = Local::new(Seq(41), Timestamp(1_000), NodeId(1));
        clocks
            .iter()
            .map(|&clock| local.order(Timestamp(clock), command(0)))
            .map(|ordered| (ordered.seq.0, ordered.at.0))
            .collect()
    }

    #[test]
    fn time_goes_on_from_where_it_was() {
        assert_eq!(places(&[1_500, 1_500, 1_501]), [(42, 1_500), (43, 1_500), (44, 1_501)]);
    }

    #[test]
    fn a_clock_put_back_makes_time_stand_still_until_it_has_caught_up() {
        assert_eq!(
            places(&[2_000, 1_200, 1_999, 2_001]),
            [(42, 2_000), (43, 2_000), (44, 2_000), (45, 2_001)]
        );
    }

    #[test]
    fn a_clock_that_is_behind_at_the_start_changes_nothing() {
        assert_eq!(places(&[0, 999, 1_001]), [(42, 1_000), (43, 1_000), (44, 1_001)]);
    }

    #[test]
    fn a_clock_put_forward_takes_time_along() {
        assert_eq!(places(&[1_001, 3_600_000, 1_002]), [(42, 1_001), (43, 3_600_000), (44, 3_600_000)]);
    }

    #[test]
    fn what_there_is_no_room_for_stays_with_the_caller() {
        let mut local = Local::new(Seq(0), Timestamp(0), NodeId(1));
        let mut commands: Vec<Command> = (1..=Local::WAITING_MAX as u64 + 2).map(command).collect();
        let all = commands.clone();
        let Ok(()) = local.submit(Timestamp(1), &mut commands);
        assert_eq!(commands, all[Local::WAITING_MAX..]);

        let mut received = Vec::new();
        let Ok(()) = local.receive(&mut received);
        let Ok(()) = local.submit(Timestamp(2), &mut commands);
        let Ok(()) = local.receive(&mut received);
        assert!(commands.is_empty());
        assert!(received.iter().map(|ordered| &ordered.command).eq(&all));
    }

    proptest! {
        #[test]
        fn numbers_have_no_gaps_and_time_never_falls(
            steps in prop::collection::vec((any::<u64>(), 0..5u64, any::<bool>()), 0..50),
        ) {
            let mut local = Local::new(Seq(7), Timestamp(7), NodeId(3));
            let (mut received, mut submitted) = (Vec::new(), Vec::new());
            for (clock, count, receive) in steps {
                let mut commands: Vec<Command> = (0..count).map(command).collect();
                submitted.extend(commands.clone());
                let Ok(()) = local.submit(Timestamp(clock), &mut commands);
                if receive {
                    let Ok(()) = local.receive(&mut received);
                }
            }
            let Ok(()) = local.receive(&mut received);
            let (mut seq, mut at) = (7, 7);
            for ordered in &received {
                prop_assert_eq!(ordered.seq.0, seq + 1);
                prop_assert!(ordered.at.0 >= at);
                prop_assert_eq!(ordered.origin, Origin { node: NodeId(3), number: ordered.seq.0 });
                (seq, at) = (ordered.seq.0, ordered.at.0);
            }
            prop_assert!(received.iter().map(|ordered| &ordered.command).eq(&submitted));
        }
    }
}
