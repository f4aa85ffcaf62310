//! Starting: with nothing at all, and where another server is.

use crate::irc::Irc;
use crate::support::{Server, data_of, run};
use rustix::process::Signal;

#[test]
fn mission_01_an_empty_folder_is_enough_to_start_with() {
    let server = Server::english().start();
    let listeners = server.announced();
    assert!(listeners[0].starts_with("irc 127.0.0.1:"), "programs wait for this line first: {listeners:#?}");
    let kinds: Vec<&str> = listeners.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(kinds, ["irc", "irc", "web", "web", "text", "text"], "by IPv4 and by IPv6 each");
    Irc::sign_in(&server, "anna", "");
    server.signed_in("bruno");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", "");
    let data = server.data().display().to_string();
    let free = ["--port", "0", "--web-port", "0", "--text-port", "0"];
    let (code, out, err) = run(&[&["serve", "--data", &data], &free[..]].concat());
    assert_eq!((code, &*out), (Some(1), ""), "{err}");
    assert!(err.contains("is in use by another process"), "{err}");
    anna.send("PRIVMSG anna :still here");
    anna.expect("anna PRIVMSG anna :still here");
    // Once it has ended, in whatever way, its data is free.
    let ended = server.stop(Signal::KILL);
    assert!(data_of(&ended.home).is_dir());
    Irc::sign_in(&Server::english().start_in(ended.home), "anna", "");
}
