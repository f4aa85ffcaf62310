//! Starting the program and talking to it. Whatever does not come in time fails with what came instead.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take that should happen at once; generous, since a loaded machine must not fail a test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The program with nothing from outside in its environment.
pub fn salotto(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salotto"));
    command.env_clear().env("HOME", home).env("LANG", "en_GB.UTF-8").current_dir(home).stdin(Stdio::null());
    command
}

/// The program run by another one, if there is one.
fn wrapped(wrapper: &[String], home: &Path) -> Command {
    let program = salotto(home);
    let Some((first, words)) = wrapper.split_first() else { return program };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = Command::new(first);
    command.args(words).arg(program.get_program());
    command
        .env_clear()
        .env("PATH", path)
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// A server that is not started yet.
pub struct Setup {
    options: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
    /// What comes before the program: another one that runs it, with its words.
    wrapper: Vec<String>,
}

impl Setup {
    /// Runs the program by another one, such as `strace`. The program must stay the direct child.
    #[cfg(target_os = "linux")]
    pub fn under(mut self, wrapper: &[String]) -> Setup {
        self.wrapper = wrapper.to_vec();
        self
    }

    /// Gives the program an option.
    pub fn option(mut self, name: &str, value: &str) -> Setup {
        self.options.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a key of the configuration, written as its variable: `SALOTTO_LIMITS_FLOOD_BURST`.
    pub fn variable(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Serves connections, orders and writes in one thread, which waits for nothing but the system.
    pub fn in_one_thread(self) -> Setup {
        self.variable("SALOTTO_HISTORY_DURABILITY", "process").variable("SALOTTO_LIMITS_SHARDS", "1")
    }

    /// Starts it with a new data directory.
    pub fn start(self) -> Server {
        let home = tempfile::tempdir().expect("a temporary directory");
        self.start_in(home)
    }

    /// Starts it with the data that another server has left.
    pub fn start_in(self, home: tempfile::TempDir) -> Server {
        let mut command = wrapped(&self.wrapper, home.path());
        command.args(["serve", "--data", "data"]).envs(self.environment);
        for (name, value) in &self.options {
            command.args([name, value]);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (sender, stdout) = channel();
        let out = child.stdout.take().expect("piped");
        std::thread::spawn(move || {
            // The lines end with the program; nobody may want the later ones.
            let _ = BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        let log = Arc::new(Mutex::new(String::new()));
        let (mut err, into) = (BufReader::new(child.stderr.take().expect("piped")), log.clone());
        let logger = std::thread::spawn(move || {
            let mut line = String::new();
            while err.read_line(&mut line).is_ok_and(|len| len > 0) {
                into.lock().expect("whole").push_str(&std::mem::take(&mut line));
            }
        });
        let mut server = Server {
            child,
            home: Some(home),
            announced: Vec::new(),
            listeners: Vec::new(),
            log,
            logger: Some(logger),
        };
        server.read_listeners(&stdout);
        server
    }
}

/// A running server. It is killed when dropped, and says what it logged when that is for a failure.
pub struct Server {
    child: Child,
    home: Option<tempfile::TempDir>,
    /// What it printed for programs to read, line by line.
    announced: Vec<String>,
    listeners: Vec<(String, SocketAddr)>,
    log: Arc<Mutex<String>>,
    logger: Option<JoinHandle<()>>,
}

/// A server that has ended.
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// How long it took from the signal on.
    pub took: Duration,
    /// Its home with all its data.
    pub home: tempfile::TempDir,
    /// What it logged to standard error.
    pub log: String,
}

impl Server {
    /// A server to be set up, on any free ports.
    pub fn setup() -> Setup {
        let any_free = ["--port", "--web-port", "--text-port"].map(|name| (name.to_owned(), "0".to_owned()));
        Setup { options: any_free.into(), environment: Vec::new(), wrapper: Vec::new() }
    }

    /// A server that speaks English and lets everybody talk as fast as they can, which most tests want.
    pub fn english() -> Setup {
        Server::setup().option("--lang", "en").variable("SALOTTO_LIMITS_FLOOD_BURST", "100000")
    }

    fn read_listeners(&mut self, stdout: &Receiver<String>) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match stdout.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
                // An empty line ends what programs read.
                Ok(line) if line.is_empty() => return,
                Ok(line) => {
                    let mut words = line.split(' ');
                    let kind = words.next().expect("a word").to_owned();
                    let address = words.next().and_then(|address| address.rsplit('/').next()?.parse().ok());
                    let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
                    self.listeners.push((kind, address));
                    self.announced.push(line);
                }
                Err(RecvTimeoutError::Timeout) => panic!("the server has not said where it listens"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server has ended before it listened"),
            }
        }
    }

    /// What the server printed for programs to read: where it listens, a line each.
    pub fn announced(&self) -> &[String] {
        &self.announced
    }

    /// The folder that it keeps everything in.
    pub fn data(&self) -> PathBuf {
        data_of(self.home.as_ref().expect("kept until the end"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where a service listens by IPv4.
    pub fn address(&self, service: &str) -> SocketAddr {
        self.find(service, SocketAddr::is_ipv4)
    }

    /// Where a service listens by IPv6.
    pub fn address_v6(&self, service: &str) -> SocketAddr {
        self.find(service, SocketAddr::is_ipv6)
    }

    fn find(&self, service: &str, wanted: impl Fn(&SocketAddr) -> bool) -> SocketAddr {
        let found = self.listeners.iter().find(|(kind, address)| kind == service && wanted(address));
        found.unwrap_or_else(|| panic!("no such {service} listener in {:?}", self.listeners)).1
    }

    /// A bare terminal at its first question.
    pub fn terminal(&self, who: &str) -> Client {
        Client::connect(who, self.address("text"))
    }

    /// A bare terminal, signed in under a name and in the lobby.
    pub fn signed_in(&self, name: &str) -> Client {
        self.terminal(name).sign_in(name)
    }

    /// Sends a signal and waits for the end.
    pub fn stop(mut self, signal: Signal) -> Ended {
        let begin = Instant::now();
        self.signal(signal);
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                let took = begin.elapsed();
                // Its last words are read before anybody looks at them.
                if let Some(logger) = self.logger.take() {
                    logger.join().expect("reads to the end");
                }
                let log = self.log.lock().expect("whole").clone();
                return Ended { status, took, home: self.home.take().expect("kept until here"), log };
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the server has not ended {PATIENCE:?} after {signal:?}");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the server is running");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(logger) = self.logger.take() {
            let _ = logger.join();
        }
        if std::thread::panicking() {
            eprintln!(
                "what the server logged:\n{}",
                self.log.lock().map(|log| log.clone()).unwrap_or_default()
            );
        }
    }
}

/// A client that sends and reads lines.
pub struct Client {
    who: String,
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    seen: Vec<String>,
}

impl Client {
    /// Connects; `who` is named in failures.
    pub fn connect(who: &str, address: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|error| panic!("{who} cannot connect to {address}: {error}"));
        Client::over(who, stream)
    }

    /// Takes a connected socket.
    pub fn over(who: &str, stream: TcpStream) -> Client {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        let reader = BufReader::new(stream.try_clone().expect("a socket"));
        Client { who: who.to_owned(), stream, reader, seen: Vec::new() }
    }

    /// Gives a name at a bare terminal and waits until the lobby is shown.
    pub fn sign_in(mut self, name: &str) -> Client {
        self.send(name);
        self.until(&format!("who is in the lobby, for {name}"), |line| line.starts_with("In #lobby ("));
        self.settle();
        self
    }

    /// Waits until everything asked before has been answered.
    pub fn settle(&mut self) {
        self.send("/nothing");
        self.until("an answer to /nothing", |line| line.contains("/nothing."));
    }

    /// Sends one line.
    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Sends one line where the connection still takes it.
    pub fn try_send(&mut self, line: &str) -> bool {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).is_ok()
    }

    /// Sends bytes.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            self.fail(&format!("cannot send: {error}"));
        }
    }

    /// The next line; `None` at the end of the connection.
    pub fn try_next(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => self.fail(&format!("cannot read: {error}")),
        }
        let line = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{} reads {error}", self.who));
        let Some(line) = line.strip_suffix("\r\n") else {
            self.fail(&format!("reads {line:?} without its end"))
        };
        self.seen.push(line.to_owned());
        Some(line.to_owned())
    }

    /// The next line.
    pub fn next(&mut self) -> String {
        match self.try_next() {
            Some(line) => line,
            None => self.fail("has come to the end of the connection"),
        }
    }

    /// Reads up to the first line of a kind, which is given back.
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&str) -> bool) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.try_next() {
                Some(line) if wanted(&line) => return line,
                Some(_) if Instant::now() < give_up => {}
                Some(_) => self.fail(&format!("waits too long for {what}")),
                None => self.fail(&format!("waits for {what}, and the connection has ended")),
            }
        }
    }

    /// Reads up to this very line.
    pub fn expect(&mut self, line: &str) {
        self.until(&format!("{line:?}"), |read| read == line);
    }

    /// The next line must be this one.
    pub fn expect_next(&mut self, line: &str) {
        let read = self.next();
        if read != line {
            self.fail(&format!("waits for {line:?}"));
        }
    }

    /// Reads to the end of the connection.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.try_next()).collect()
    }

    /// Reads whole lines to the end of the connection, however it ends.
    pub fn rest_of_broken(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut bytes = Vec::new();
            match self.reader.read_until(b'\n', &mut bytes) {
                Ok(_) if bytes.ends_with(b"\r\n") => {
                    bytes.truncate(bytes.len() - 2);
                    lines.push(String::from_utf8(bytes).expect("UTF-8"));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.fail("waits for the end in vain"),
                Ok(_) | Err(_) => return lines,
            }
        }
    }

    /// A further way to send on the same connection.
    pub fn sender(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket")
    }

    /// Breaks the connection: the other side gets a reset.
    pub fn reset(self) {
        let Client { stream, reader, .. } = self;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
        drop((stream, reader));
    }

    /// Ends what is sent; reading goes on.
    pub fn end_sending(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("a socket");
    }

    /// Fails, and says what was read so far.
    pub fn fail(&self, what: &str) -> ! {
        let mut seen = String::new();
        for line in self.seen.iter().rev().take(30).rev() {
            let _ = write!(seen, "\n  {line}");
        }
        panic!("{} {what}; read so far:{seen}", self.who);
    }
}

/// A program with its input and output, such as the real `nc`.
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts it.
    pub fn start(name: &str, arguments: &[&str]) -> Program {
        let child = Command::new(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{name} cannot be started, is it installed? {error}"));
        let (sender, lines) = channel();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(b'\n', &mut bytes).is_ok_and(|len| len > 0) {
                let line = String::from_utf8_lossy(&std::mem::take(&mut bytes)).trim_end().to_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Program { name: name.to_owned(), child, lines }
    }

    /// Types one line.
    pub fn send(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("open until the end");
        input.write_all(format!("{line}\n").as_bytes()).expect("the program reads");
    }

    /// Reads up to this very line.
    pub fn expect(&mut self, wanted: &str) {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line == wanted => return,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{} does not show {wanted:?} ({error}), but {seen:#?}", self.name),
            }
        }
    }

    /// Ends its input and waits for its end.
    pub fn finish(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("{} does not end", self.name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end: exit code, standard output, standard error.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut child = salotto(home.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let give_up = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().expect("a child of this process") {
            Some(status) => break status,
            None if Instant::now() >= give_up => {
                let _ = child.kill();
                panic!("salotto {arguments:?} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    (status.code(), out, err)
}

/// A port to listen on that is free now and stays so while a server restarts: outside the range from which the system
/// takes ports for others.
pub fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..1000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(std::process::id() % 1000).expect("below 1000") * 10;
        let port = 12_000 + (start + step) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("a thousand ports are taken")
}

/// Ports of a server that comes back on the same ones.
pub struct Ports {
    irc: u16,
    web: u16,
    text: u16,
}

impl Ports {
    /// Ports that nobody else has.
    pub fn new() -> Ports {
        let [irc, web, text] = [(); 3].map(|()| lasting_port());
        Ports { irc, web, text }
    }

    /// The one for IRC.
    pub fn irc(&self) -> u16 {
        self.irc
    }

    /// A server that speaks English, on them.
    pub fn setup(&self) -> Setup {
        Server::english()
            .option("--host", "127.0.0.1")
            .option("--port", &self.irc.to_string())
            .option("--web-port", &self.web.to_string())
            .option("--text-port", &self.text.to_string())
    }
}

/// How many posts there are behind a server where nobody wants more by `SALOTTO_FAULTS_POSTS`.
pub const POSTS: usize = 20_000;

/// A number from the environment, for tests that can do more than they do every time.
pub fn wanted(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Whether the machine is there for this test alone, as who asks for more than tests do every time sees to.
pub fn is_measured() -> bool {
    std::env::var_os("SALOTTO_FAULTS_POSTS").is_some()
}

/// Fills the data folder of a home.
pub fn fill(home: &tempfile::TempDir, posts: usize) {
    let output = salotto(home.path())
        .args(["bench", "fill", "--data", "data", "--posts", &posts.to_string()])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
}

/// The folder that a server keeps everything in, inside its home.
pub fn data_of(home: &tempfile::TempDir) -> PathBuf {
    home.path().join("data")
}
