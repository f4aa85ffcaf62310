//! The disk refuses to write, to sync or to read while the real program runs: nothing is taken for kept that is not,
//! everybody is told at once, and it goes on without a restart when the disk is well again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::trace;
use crate::irc::{ALL_CAPABILITIES, Irc, short, text};
use crate::support::{PATIENCE, Server, Setup, salotto};

const REFUSES: &str = "The server cannot write to its disk. Nothing is lost, but nothing can be sent now.";
const WRITES_AGAIN: &str = "The server can write again.";

/// A disk that fails some system calls of a running server on its database, until this is dropped.
struct Fault {
    tracer: Child,
}

impl Fault {
    /// Begins: `calls` as `strace` names them, and the error that each of them ends with.
    fn begin(server: &Server, calls: &str, error: &str) -> Fault {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-p", &server.id().to_string()]);
        for file in ["salotto.db", "salotto.db-wal"] {
            command.arg("-P").arg(server.data().join(file));
        }
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error={error}")]);
        let mut tracer = command.stderr(Stdio::piped()).spawn().expect("strace is started: is it installed?");
        let mut said = String::new();
        BufReader::new(tracer.stderr.as_mut().expect("piped")).read_line(&mut said).expect("text");
        let fault = Fault { tracer };
        // Without the right to attach nothing of this can be tested: be root, or set kernel.yama.ptrace_scope to 0.
        assert!(said.contains("attached"), "{said}");
        fault
    }

    /// The disk is well again.
    fn end(mut self) {
        let tracer = i32::try_from(self.tracer.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(tracer, Signal::INT).expect("it is running");
        self.tracer.wait().expect("it lets go");
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

/// The number that the server's metrics have under a name.
fn metric(server: &Server, name: &str) -> u64 {
    let mut stream = TcpStream::connect(server.address("web")).expect("the web port");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn said(irc: &mut Irc) -> Vec<String> {
    irc.whole_history("#lobby").iter().map(|line| text(line).to_owned()).collect()
}

fn say(irc: &mut Irc, words: &str) {
    irc.send(&format!("PRIVMSG #lobby :{words}"));
    irc.expect_next(&format!("anna PRIVMSG #lobby :{words}"));
}

#[test]
fn a_disk_that_refuses_makes_the_server_read_only_until_it_is_well_again() {
    let syncs = "fsync,fdatasync";
    refuses_for_a_while(
        Server::english,
        &[("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), (syncs, "EIO"), (syncs, "ENOSPC")],
    );
}

#[test]
fn a_disk_that_refuses_does_not_stop_the_thread_that_serves_the_connections_too() {
    refuses_for_a_while(
        || Server::english().in_one_thread(),
        &[("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")],
    );
}

fn refuses_for_a_while(setup: fn() -> Setup, faults: &[(&str, &str)]) {
    let server = setup().start();
    let mut anna = Irc::sign_in(&server, "anna", ALL_CAPABILITIES);
    let mut bruno = server.signed_in("bruno");
    anna.settle();
    let mut kept = Vec::new();
    for (round, (calls, error)) in faults.iter().enumerate() {
        let words = |when: &str| format!("{when} {error} of {calls}, {round}");
        say(&mut anna, &words("before"));
        bruno.until("what anna said", |line| line.ends_with(&words("before")));

        let fault = Fault::begin(&server, calls, error);
        anna.send(&format!("PRIVMSG #lobby :{}", words("during")));
        anna.expect_next(&format!("NOTICE anna :{REFUSES}"));
        let told = bruno.until("the bad news", |line| line.contains("during") || line.contains(REFUSES));
        assert!(told.contains(REFUSES), "{told}");
        assert_eq!(metric(&server, "salotto_read_only"), 1);
        bruno.send("nobody takes this");
        bruno.until("a refusal", |line| line.contains("cannot write to its disk") && !line.contains(REFUSES));

        fault.end();
        anna.expect_next(&format!("NOTICE anna :{WRITES_AGAIN}"));
        anna.expect_next(&format!("anna PRIVMSG #lobby :{}", words("during")));
        bruno.until("the good news", |line| line.contains(WRITES_AGAIN));
        bruno.until("what anna said", |line| line.ends_with(&words("during")));
        assert_eq!(metric(&server, "salotto_read_only"), 0);
        say(&mut anna, &words("after"));
        kept.extend(["before", "during", "after"].map(words));
        assert_eq!(said(&mut anna), kept);
    }
    let ended = server.stop(Signal::KILL);
    assert_eq!(ended.log.matches("the disk refuses; read-only").count(), faults.len(), "{}", ended.log);
    assert_eq!(ended.log.matches("the disk takes writes again").count(), faults.len(), "{}", ended.log);
    let server = setup().start_in(ended.home);
    assert_eq!(said(&mut Irc::sign_in(&server, "anna", ALL_CAPABILITIES)), kept);
}

#[test]
fn what_cannot_be_read_is_said_to_be_so_and_can_be_read_later() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", ALL_CAPABILITIES);
    say(&mut anna, "one");
    let fault = Fault::begin(&server, "pread64", "EIO");
    anna.send("CHATHISTORY LATEST #lobby * 100");
    let refusal = "FAIL CHATHISTORY MESSAGE_ERROR LATEST #lobby :Messages could not be retrieved";
    assert_eq!(short(&anna.next_raw()), refusal);
    fault.end();
    assert_eq!(said(&mut anna), ["one"]);
    say(&mut anna, "two");
    assert_eq!(said(&mut anna), ["one", "two"]);
    let ended = server.stop(Signal::TERM);
    assert!(ended.log.contains("history cannot be read"), "operators are told: {}", ended.log);
}

#[test]
fn a_server_that_cannot_write_closes_in_time_and_has_kept_what_it_said_was_kept() {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", ALL_CAPABILITIES);
    say(&mut anna, "one");
    let fault = Fault::begin(&server, "pwrite64", "ENOSPC");
    anna.send("PRIVMSG #lobby :two");
    anna.expect_next(&format!("NOTICE anna :{REFUSES}"));
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(ended.took < Duration::from_secs(8), "{:?}", ended.took);
    let told = anna.rest();
    assert!(!told.iter().any(|line| line.contains("PRIVMSG")), "{told:#?}");
    drop(fault);
    let server = Server::english().start_in(ended.home);
    assert_eq!(said(&mut Irc::sign_in(&server, "anna", ALL_CAPABILITIES)), ["one"]);
}

#[test]
fn a_server_that_cannot_write_from_the_start_says_so_and_does_not_start() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let words = trace::recorder(&home.path().join("trace"), &["pwrite64:error=ENOSPC"]);
    let program = salotto(home.path());
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(program.get_program())
        .args(["serve", "--data", "data", "--port", "0", "--web-port", "off", "--text-port", "off"])
        .current_dir(home.path())
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .expect("strace is started: is it installed?");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the disk is full"), "{error}");
    assert!(output.stdout.is_empty(), "it never listened");
}
