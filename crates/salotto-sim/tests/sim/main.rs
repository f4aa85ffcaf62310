//! The simulator's own tests.

mod meta;
mod model;
mod mutation;
mod seeds;
