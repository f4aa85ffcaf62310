//! The client in a terminal: full screen and line by line, typed at and piped into, as a person uses it.

mod pipe;
mod relay;
mod screen;

mod leaving;
mod naming;
mod returning;
mod talking;
