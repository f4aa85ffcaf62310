//! What goes wrong, and the end of it.

use super::agenda::{Happening, Moment, Up};
use super::{HEALING, HEALING_MAX, World};

/// How long a machine takes to notice that the other side of an idle connection is gone (TCP keep-alive).
const KEEPALIVE: Moment = 120_000_000;

impl World {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) {
        if self.ends_at.is_some() {
            return;
        }
        self.faults += 1;
        match self.rng.below(20) {
            0 => {
                self.crash(true);
                self.start_later();
            }
            1 => {
                self.crash(false);
                self.start_later();
            }
            2 => {
                self.crashes += u64::from(self.process.is_some());
                self.shut_down();
                self.start_later();
            }
            3..5 => self.disk_refuses_until = self.now + self.rng.between(100_000, 5_000_000),
            5..8 => {
                self.clock_skew_ms = self.rng.below(7_200_000) as i64 - 3_600_000;
                self.trace.say(self.now, format_args!("the clock is off by {} ms", self.clock_skew_ms));
            }
            8..14 => self.break_connection(true),
            _ => self.break_connection(false),
        }
        self.agenda.add(self.now + self.rng.around(2_000_000), Happening::Fault);
    }

    fn start_later(&mut self) {
        self.agenda.add(self.now + self.rng.between(100_000, 20_000_000), Happening::Start);
    }

    /// A connection breaks; both ends are told, or neither until much later.
    fn break_connection(&mut self, told: bool) {
        let open: Vec<usize> = self.actors.iter().filter_map(|actor| actor.connection).collect();
        if open.is_empty() {
            return;
        }
        let connection = open[self.rng.index(open.len())];
        self.trace.say(self.now, format_args!("connection {connection} breaks, told: {told}"));
        if told {
            self.send_up(connection, Up::Broken);
            self.client_loses(connection);
            let link = &mut self.connections[connection];
            (link.up_lost, link.down_lost) = (true, true);
            return;
        }
        let (up, down) = (self.rng.flip(), self.rng.flip());
        let link = &mut self.connections[connection];
        link.up_lost |= up || !down;
        link.down_lost |= down;
        self.agenda.add(self.now + KEEPALIVE, Happening::Up(connection, Up::Broken));
        if link.down_lost {
            self.agenda.add(self.now + KEEPALIVE, Happening::Broken(connection));
        }
    }

    /// No more faults: everything has to come right by itself.
    pub(super) fn heal(&mut self) {
        self.trace.say(self.now, format_args!("no more faults"));
        self.ends_at = Some(self.now + HEALING);
        self.patience_ends_at = self.now + HEALING_MAX;
        self.disk_refuses_until = self.now;
        for link in &mut self.connections {
            (link.bite, link.pace) = (usize::MAX, 0);
        }
        self.agenda.add(self.now, Happening::Start);
    }
}
