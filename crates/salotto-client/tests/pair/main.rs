//! The client against a scripted server, in virtual time and without a socket.

mod catch_up;
mod connection;
mod device;
mod hostile;
mod link;
mod outbox;
mod rooms;
mod sign_in;
