//! The real program, end to end: it is started as a person starts it, in an environment of its own, and spoken to
//! over real sockets. Each test that shows a row of the mission to work carries its number.

mod irc;
mod member;
mod stubborn;
mod support;

mod account;
mod backup;
mod bad_input;
mod bare_terminal;
mod broken_connection;
mod capability;
mod closing;
mod command_line;
mod crowd;
mod dead_client;
mod devices;
#[cfg(target_os = "linux")]
mod faults;
mod history;
mod load;
mod log;
mod name;
mod resume;
mod rooms;
mod start;
mod stock;
mod terminal;
mod tls;
