//! The program as its user meets it: started, read from, talked to, stopped.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

fn salotto(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salotto"));
    // Nothing of the person who runs the tests gets in.
    command.env_clear().env("HOME", home).env("TZ", "UTC").stdin(Stdio::null());
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    salotto(home).args(arguments).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A server that is killed when the test is over, however it ends.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The lines about listeners: what it is and where.
    listeners: Vec<(String, String)>,
    home: TempDir,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), arguments)
    }

    fn start_in(home: TempDir, arguments: &[&str]) -> Self {
        let mut child = salotto(home.path())
            .args([
                "serve",
                "--port",
                "0",
                "--web-port",
                "0",
                "--text-port",
                "0",
                "--host",
                "127.0.0.1",
                "--data",
            ])
            .arg(home.path().join("data"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self { child, stdout, listeners: Vec::new(), home };
        server.read_listeners();
        server
    }

    fn read_listeners(&mut self) {
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line).expect("reads");
            match line.trim_end().split_once(' ') {
                Some((what, at)) => self.listeners.push((what.to_owned(), at.to_owned())),
                None => break,
            }
        }
    }

    fn at(&self, what: &str) -> &str {
        let (_, at) = self.listeners.iter().find(|(name, _)| name == what).expect("listens");
        at.strip_prefix("http://").unwrap_or(at)
    }

    fn connect(&self, what: &str) -> TcpStream {
        let stream = TcpStream::connect(self.at(what)).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("option");
        stream
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, as most tests ask it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs in over IRC and returns when the welcome has come.
fn sign_in(server: &Running, nick: &str) -> BufReader<TcpStream> {
    let mut stream = server.connect("irc");
    stream.write_all(format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").as_bytes()).expect("writes");
    let mut reader = BufReader::new(stream);
    read_until(&mut reader, " 001 ");
    reader
}

fn read_until(reader: &mut impl BufRead, wanted: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).expect("reads") > 0, "closed before {wanted:?}");
        if line.contains(wanted) {
            return line;
        }
    }
}

#[test]
fn mission_1_every_listener_is_told_on_a_line_of_its_own_and_answers() {
    let mut server = Running::start(&["--tls-port", "0"]);
    let kinds: Vec<_> = server.listeners.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(kinds, ["irc", "tls", "web", "text"]);
    let (address, fingerprint) = server.at("tls").split_once(" fingerprint ").expect("a fingerprint");
    assert!(address.starts_with("127.0.0.1:"));
    assert_eq!(fingerprint.split(':').count(), 32);

    let mut told = String::new();
    while !told.contains("Ctrl-C closes it.") {
        assert!(server.stdout.read_line(&mut told).expect("reads") > 0, "{told}");
    }
    assert!(told.contains(&format!("http://{}", server.at("web"))), "{told}");

    sign_in(&server, "anna");
    let mut browser = server.connect("web");
    browser.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("writes");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("reads");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn mission_2_a_wrong_host_or_port_is_refused_with_the_reason() {
    let home = tempfile::tempdir().expect("a folder");
    for (arguments, reason) in [
        (
            ["--port", "70000"],
            "option --port: listen.port: 70000 is not a port: give a number from 0 to 65535, or \"off\"",
        ),
        (["--port", "many"], "option --port: listen.port: \"many\" is not a port"),
        (["--port", "-1"], "-1"),
        (
            ["--host", "300.1.1.1"],
            "option --host: listen.host: \"300.1.1.1\" is neither an IP address nor a host name",
        ),
        (["--host", ""], "option --host: listen.host: no address to listen on"),
        (
            ["--host", "192.0.2.1"],
            "cannot listen on 192.0.2.1:6667 (listen.port): this machine has no such address",
        ),
        (["--host", "nowhere.invalid"], "listen.host: \"nowhere.invalid\" stands for no address"),
        (["--lang", "fr"], "option --lang: server.language"),
    ] {
        let output = run(home.path(), &["serve", arguments[0], arguments[1]]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(reason), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_taken_port_is_named() {
    let first = Running::start(&[]);
    let port = first.at("irc").rsplit_once(':').expect("a port").1.to_owned();
    let home = tempfile::tempdir().expect("a folder");
    let second = run(home.path(), &["serve", "--host", "127.0.0.1", "--port", &port]);
    assert_eq!(second.status.code(), Some(1));
    let reason =
        format!("cannot listen on 127.0.0.1:{port} (listen.port): the port is taken by another program");
    assert!(text(&second.stderr).contains(&reason), "{}", text(&second.stderr));
}

#[test]
fn mission_15_a_signal_closes_the_server_after_everybody_was_told() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut server = Running::start(&[]);
        let mut anna = sign_in(&server, "anna");
        let begun = Instant::now();
        server.signal(signal);
        let line = read_until(&mut anna, "ERROR ");
        assert!(line.contains("The server has closed: stopped by its operator"), "{line}");
        let mut rest = Vec::new();
        anna.read_to_end(&mut rest).expect("closed in good order");
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{signal}: {:?}", begun.elapsed());
    }
}

#[test]
fn nobody_has_to_read_what_it_says() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = salotto(home.path())
        .args([
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--web-port",
            "off",
            "--text-port",
            "off",
            "--data",
        ])
        .arg(home.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // Whatever it says on its standard output from now on breaks the pipe.
    drop(child.stdout.take());
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    read_until(&mut stderr, "listening");
    let terminated = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(terminated.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("reads");
    assert_eq!(child.wait().expect("ends").code(), Some(0), "{rest}");
}

#[test]
fn without_a_descriptor_left_new_connections_wait_and_nobody_is_lost() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_salotto")])
        .args([
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--web-port",
            "off",
            "--text-port",
            "off",
            "--data",
        ])
        .arg(home.path().join("data"))
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut server = Running { child, stdout, listeners: Vec::new(), home };
    server.read_listeners();
    read_until(&mut stderr, "fewer files may be open than limits.connections needs");
    let mut anna = sign_in(&server, "anna");
    let crowd: Vec<_> = (0..100).map(|_| server.connect("irc")).collect();
    read_until(&mut stderr, "cannot accept more connections");
    anna.get_mut().write_all(b"PING here\r\n").expect("writes");
    read_until(&mut anna, "PONG");
    drop(crowd);
    sign_in(&server, "bruno");
    // The log has to be read, or the server would wait for room in the pipe.
    drop(stderr);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn mission_24_connections_can_be_found_in_the_log() {
    let mut server = Running::start(&[]);
    let mut anna = sign_in(&server, "anna");
    anna.get_mut()
        .write_all(b"JOIN #lobby\r\nPRIVMSG #lobby :a secret word\r\nQUIT :goodbye\r\n")
        .expect("writes");
    let mut rest = Vec::new();
    anna.read_to_end(&mut rest).expect("closed");
    server.signal("TERM");
    server.wait();

    let data = server.home.path().join("data");
    let data = data.to_str().expect("text");
    let log = |arguments: &[&str]| {
        let output = run(server.home.path(), &[&["log", "--data", data], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(log(&["--event", "connect", "--address", "127.0.0.1"]).lines().count(), 1);
    let gone = log(&["--name", "Anna", "--event", "disconnect", "--since", "1h"]);
    assert_eq!(gone.lines().count(), 1, "{gone}");
    assert!(gone.contains("anna  127.0.0.1  irc  quit"), "{gone}");
    assert_eq!(log(&["--name", "luca"]), "");
    assert_eq!(log(&["--until", "1h"]), "");
    let all = log(&[]);
    assert!(all.contains("closing"), "{all}");
    for private in ["a secret word", "goodbye"] {
        assert!(!all.contains(private), "{all}");
    }
    let json = log(&["--json", "--event", "disconnect"]);
    assert!(json.starts_with('{') && json.contains("\"event\":\"disconnect\""), "{json}");
    let wrong = run(server.home.path(), &["log", "--data", data, "--since", "soon"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn the_sample_configuration_starts_a_server() {
    let home = tempfile::tempdir().expect("a folder");
    let sample = run(home.path(), &["config"]);
    assert!(sample.status.success());
    let path = home.path().join("salotto.toml");
    fs::write(&path, &sample.stdout).expect("written");
    let path = path.to_str().expect("text").to_owned();
    let check = run(home.path(), &["config", "--check", "--config", &path]);
    assert_eq!(text(&check.stdout), format!("{path} is in order\n"));
    let server = Running::start_in(home, &["--config", &path]);
    sign_in(&server, "anna");

    fs::write(&path, "[server]\nnaem = \"x\"\n").expect("written");
    let check = run(server.home.path(), &["config", "--check", "--config", &path]);
    assert_eq!(check.status.code(), Some(2));
    assert!(text(&check.stderr).contains("line 2: server.naem: unknown field"), "{}", text(&check.stderr));
}

#[test]
fn a_password_from_a_pipe_becomes_a_hash() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = salotto(home.path())
        .arg("hash-password")
        .env("SALOTTO_ACCOUNTS_HASH_M_KIB", "8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("a pipe").write_all(b"segreto\n").expect("writes");
    let output = child.wait_with_output().expect("ends");
    assert!(text(&output.stdout).starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{}", text(&output.stdout));
    let empty = run(home.path(), &["hash-password"]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(empty.stdout.is_empty());
}

#[test]
fn a_missing_desktop_program_is_told_in_the_persons_language() {
    // Beside a program in a folder of its own there is certainly nothing. A link, not a copy: a file this process wrote
    // cannot be run while a child that another test just forked still holds it open for writing.
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let alone = home.path().join("salotto");
    fs::hard_link(env!("CARGO_BIN_EXE_salotto"), &alone).expect("linked");
    for (language, words) in [("en_GB.UTF-8", "is not installed"), ("it_IT.UTF-8", "non è installato")] {
        let output = Command::new(&alone)
            .arg("desktop")
            .env_clear()
            .env("HOME", home.path())
            .env("LANG", language)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}
