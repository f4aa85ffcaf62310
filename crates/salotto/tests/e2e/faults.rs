//! Real faults against the real program: the disk that it writes to loses power, refuses, and damages what it keeps.

mod disk;
mod power;
mod refusal;
mod trace;
