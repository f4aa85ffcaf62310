//! What is wrong on the command line is refused with the reason.

use std::net::TcpListener;

use crate::support::{Server, run};

fn refused(arguments: &[&str], code: i32, reasons: &[&str]) {
    let mut all = vec!["serve", "--data", "data"];
    all.extend(arguments);
    let (status, out, err) = run(&all);
    assert_eq!(status, Some(code), "salotto {all:?}: {err}");
    assert_eq!(out, "", "salotto {all:?} listens nowhere");
    for reason in reasons {
        assert!(err.contains(reason), "salotto {all:?} does not say {reason:?}: {err}");
    }
}

#[test]
fn mission_02_a_wrong_port_is_refused_with_the_reason() {
    for wrong in ["65536", "70000", "abc", "80.5", ""] {
        refused(&["--port", wrong], 2, &["option --port", wrong, "a number from 0 to 65535"]);
    }
    refused(&["--text-port", "70000"], 2, &["option --text-port", "70000 is not a port"]);
}

#[test]
fn mission_02_a_wrong_host_is_refused_with_the_reason() {
    for wrong in ["300.1.1.1", "two words", "fe80::zz"] {
        refused(&["--host", wrong], 2, &["--host", wrong, "neither an IP address nor a host name"]);
    }
    refused(&["--host", ""], 2, &["option --host", "no address to listen on"]);
    // An address of the documentation (RFC 5737), which no machine has.
    let elsewhere = ["--host", "192.0.2.1", "--port", "0", "--web-port", "off", "--text-port", "off"];
    refused(&elsewhere, 2, &["192.0.2.1", "no such address"]);
}

#[test]
fn mission_02_a_port_in_use_is_refused_with_the_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let options = ["--host", "127.0.0.1", "--port", &port, "--web-port", "off", "--text-port", "off"];
    refused(&options, 1, &[&port, "taken by another program"]);
}

#[test]
fn mission_02_the_server_listens_where_it_is_told() {
    // An address of this machine that nobody else uses: a port that was free there stays free.
    let host = "127.0.0.77";
    let free = TcpListener::bind((host, 0)).expect("a free port").local_addr().expect("bound");
    let server =
        Server::english().option("--host", host).option("--text-port", &free.port().to_string()).start();
    assert_eq!(server.address("text"), free);
    server.signed_in("anna");
}
