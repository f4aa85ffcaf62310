//! The simulator's own tests.

mod model;
