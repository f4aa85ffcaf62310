//! What a program asked of the disk and told its clients, in order, as `strace` writes it down.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::PATIENCE;

/// The system calls that change what is on the disk, and those that tell somebody something.
const CALLS: &str = "openat,mkdir,pwrite64,write,ftruncate,fallocate,fdatasync,fsync,unlink,rename,close,sendto,\
                     writev,sendmsg";
/// More bytes than any call has.
const BYTES_MAX: &str = "4194304";

/// One step of the program. Of what takes a while, this is the beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A name is there from now on, whether it was there before or not.
    Name(PathBuf, Kind),
    /// A name is gone.
    Unlink(PathBuf),
    /// A file has another name.
    Rename(PathBuf, PathBuf),
    /// A file is changed.
    Change(PathBuf, Change),
    /// The change that began with this step has been made; until then no sync counts for it.
    Changed(usize),
    /// A sync of a file or a folder begins.
    SyncBegins(PathBuf),
    /// The sync that began with this step has ended; whether it was done.
    SyncEnds(usize, bool),
    /// Whole lines begin to be sent to a client.
    Tell(Vec<String>),
    /// Nothing that matters, after all.
    Nothing,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
}

/// What is done to a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Bytes are written from some byte on.
    Write(u64, Vec<u8>),
    /// It gets another length.
    Length(u64),
}

/// What comes before a program's own words so that its steps are written down. A fault is one of `strace -e inject`.
pub fn recorder(into: &Path, faults: &[&str]) -> Vec<String> {
    // The tracer is a process aside, and the program the child that it would be without.
    let options = ["strace", "-D", "-f", "-y", "-xx", "--seccomp-bpf", "-s", BYTES_MAX];
    let mut words: Vec<String> = options.map(str::to_owned).into();
    words.extend(["-o".to_owned(), into.to_str().expect("text").to_owned()]);
    words.extend(["-e".to_owned(), format!("trace={CALLS}")]);
    words.extend(faults.iter().flat_map(|fault| ["-e".to_owned(), format!("inject={fault}")]));
    words
}

/// The steps of a program that has ended, as far as they concern a folder, or clients.
pub fn read(trace: &Path, folder: &Path) -> Vec<Step> {
    let text = whole(trace);
    let mut reader = Reader { folder, steps: Vec::new(), sends: Vec::new(), begun: HashMap::new() };
    text.lines().for_each(|line| reader.line(line));
    reader.tell();
    reader.steps
}

/// The text of a trace when everything is in it: the process that was the first is the last to go.
fn whole(trace: &Path) -> String {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(trace).expect("strace writes it: is it installed?");
        let first = text.split(' ').next().unwrap_or_default();
        let is_end = |line: &str| {
            line.split_once(' ')
                .is_some_and(|(pid, rest)| pid == first && rest.trim_start().starts_with("+++ "))
        };
        if text.ends_with('\n') && text.lines().next_back().is_some_and(is_end) {
            return text;
        }
        assert!(Instant::now() < give_up, "the trace in {} has no end", trace.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Reader<'a> {
    folder: &'a Path,
    steps: Vec<Step>,
    /// What was sent, in order: the step, the socket, the bytes; no bytes for its end.
    sends: Vec<(usize, String, Option<Vec<u8>>)>,
    /// For each thread the call that has not come back, and its step.
    begun: HashMap<String, (String, usize)>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        let Some((thread, call)) = line.split_once(' ') else { return };
        let call = call.trim_start();
        if let Some(call) = call.strip_suffix(" <unfinished ...>") {
            let step = self.begin(call);
            self.begun.insert(thread.to_owned(), (call.to_owned(), step));
        } else if call.starts_with("<... ") {
            let Some((begun, step)) = self.begun.remove(thread) else { return };
            let rest = call.split_once(" resumed>").map_or("", |(_, rest)| rest);
            self.end(&format!("{begun}{rest}"), step);
        } else if !call.starts_with("+++") && !call.starts_with("---") {
            let step = self.begin(call);
            self.end(call, step);
        }
    }

    /// The folder and its files. The index of the log is in memory alone, and a lock is as good as any other.
    fn is_ours(&self, path: &Path) -> bool {
        let passing = path.extension().is_some_and(|end| end == "db-shm" || end == "lock");
        path == self.folder || (path.parent() == Some(self.folder) && !passing)
    }

    /// What begins with the first half of a call; gives its step.
    fn begin(&mut self, call: &str) -> usize {
        let step = match name_of(call) {
            "pwrite64" | "write" | "ftruncate" | "fallocate" | "fsync" | "fdatasync" => {
                let file = PathBuf::from(descriptor(call));
                // The folder above holds the name of ours.
                let matters = self.is_ours(&file) || Some(&*file) == self.folder.parent();
                if matters { begun(call, file) } else { Step::Nothing }
            }
            "sendto" | "writev" | "sendmsg" => {
                self.sends.push((self.steps.len(), descriptor(call), Some(strings(call).concat())));
                Step::Nothing
            }
            "close" => {
                self.sends.push((self.steps.len(), descriptor(call), None));
                Step::Nothing
            }
            _ => Step::Nothing,
        };
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// What is known when a call has come back.
    fn end(&mut self, call: &str, step: usize) {
        let Some((_, result)) = call.rsplit_once(" = ") else { return };
        let count = result.split([' ', '<']).next().and_then(|number| number.parse::<i64>().ok());
        let done = count.is_some_and(|count| count >= 0);
        let count = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
        let ends = match &mut self.steps[step] {
            Step::SyncBegins(_) => Step::SyncEnds(step, done),
            Step::Change(_, Change::Write(_, data)) => {
                data.truncate(count);
                Step::Changed(step)
            }
            Step::Change(..) if done => Step::Changed(step),
            changed @ Step::Change(..) => {
                *changed = Step::Nothing;
                return;
            }
            _ => match self.named(call, result, done) {
                Some(named) => named,
                None => {
                    let send = self.sends.iter_mut().rev().find(|(of, ..)| *of == step);
                    if let Some((.., Some(bytes))) = send {
                        bytes.truncate(count);
                    }
                    return;
                }
            },
        };
        self.steps.push(ends);
    }

    /// Names that have come or gone.
    fn named(&self, call: &str, result: &str, done: bool) -> Option<Step> {
        let paths = || strings(call).into_iter().map(|bytes| PathBuf::from(text(bytes)));
        let named = match name_of(call) {
            "openat" if call.contains("O_CREAT") => Step::Name(PathBuf::from(descriptor(result)), Kind::File),
            // Told without their folder where they are ours by their last part.
            "mkdir" => Step::Name(self.absolute(paths().next()?), Kind::Folder),
            "unlink" => Step::Unlink(self.absolute(paths().next()?)),
            "rename" => Step::Rename(self.absolute(paths().next()?), self.absolute(paths().nth(1)?)),
            _ => return None,
        };
        let ours = match &named {
            Step::Name(path, _) | Step::Unlink(path) | Step::Rename(_, path) => self.is_ours(path),
            _ => false,
        };
        (done && ours).then_some(named)
    }

    /// A program is started in the folder above its data.
    fn absolute(&self, path: PathBuf) -> PathBuf {
        self.folder.parent().expect("a folder in a home").join(path)
    }

    /// Puts the lines that were sent where their last byte was.
    fn tell(&mut self) {
        let mut open: HashMap<String, Vec<u8>> = HashMap::new();
        for (step, socket, bytes) in std::mem::take(&mut self.sends) {
            let Some(bytes) = bytes else {
                open.remove(&socket);
                continue;
            };
            let unsaid = open.entry(socket).or_default();
            unsaid.extend(bytes);
            let Some(end) = unsaid.iter().rposition(|&byte| byte == b'\n') else { continue };
            let rest = unsaid.split_off(end + 1);
            let lines = text(std::mem::replace(unsaid, rest));
            self.steps[step] = Step::Tell(lines.lines().map(str::to_owned).collect());
        }
    }
}

/// What a call on a file begins.
fn begun(call: &str, file: PathBuf) -> Step {
    let arguments = call.rsplit_once(" = ").map_or(call, |(call, _)| call).trim_end();
    let last_number = || -> u64 {
        let last = arguments.trim_end_matches(')').rsplit(", ").next();
        last.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number ends {call:.200}"))
    };
    match name_of(call) {
        "pwrite64" => {
            assert!(!call.contains("\"..."), "more than {BYTES_MAX} bytes at once");
            Step::Change(file, Change::Write(last_number(), strings(call).concat()))
        }
        "ftruncate" => Step::Change(file, Change::Length(last_number())),
        "fsync" | "fdatasync" => Step::SyncBegins(file),
        other => panic!("the disk is asked for {other}, which is not understood here: {call:.200}"),
    }
}

fn name_of(call: &str) -> &str {
    call.split('(').next().unwrap_or_default()
}

/// What the first descriptor stands for: the path of a file, or the number of a socket.
fn descriptor(call: &str) -> String {
    let inside = call.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let inside = inside.map_or("", |(inside, _)| inside);
    if inside.starts_with("\\x") { text(bytes(inside)) } else { inside.to_owned() }
}

/// All quoted strings.
fn strings(call: &str) -> Vec<Vec<u8>> {
    call.split('"').skip(1).step_by(2).map(bytes).collect()
}

/// The bytes of `\x2f\x61`.
fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    let bytes = hex.as_bytes().chunks_exact(4);
    assert!(bytes.remainder().is_empty(), "{hex:.100}");
    bytes.map(|byte| digit(byte[2]) * 16 + digit(byte[3])).collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn steps_are_read_from_what_strace_writes() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let hex = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (db, folder) = (hex("/h/data/a.db"), hex("/h/data"));
    let lines = [
        format!("7     mkdir(\"{}\", 0700) = 0", hex("data")),
        format!("7     mkdir(\"{}\", 0700) = -1 EEXIST (File exists)", hex("data")),
        format!("7     openat(AT_FDCWD<{}>, \"{db}\", O_RDWR|O_CREAT, 0600 <unfinished ...>", hex("/h")),
        format!("9     openat(AT_FDCWD<{}>, \"{}\", O_RDONLY) = 4<{}>", hex("/h"), hex("/x"), hex("/x")),
        format!("7     <... openat resumed>)             = 5<{db}>"),
        format!("7     pwrite64(5<{db}>, \"{}\", 3, 512 <unfinished ...>", hex("abc")),
        format!("9     fsync(6<{db}>) = -1 EIO (Input/output error) (INJECTED)"),
        "7     <... pwrite64 resumed>) = 2".to_owned(),
        format!("7     sendto(8<socket:[1]>, \"{}\", 5, MSG_NOSIGNAL, NULL, 0) = 5", hex("a\r\nbc")),
        format!("7     sendto(8<socket:[1]>, \"{}\", 5, MSG_NOSIGNAL, NULL, 0) = 3", hex("d\r\nxy")),
        format!("7     ftruncate(5<{db}>, 0) = 0"),
        format!("7     fsync(3<{folder}>) = 0"),
        format!("7     unlink(\"{db}\") = 0"),
        "9     +++ killed by SIGKILL +++".to_owned(),
        "7     +++ killed by SIGKILL +++\n".to_owned(),
    ];
    let trace = home.path().join("trace");
    fs::write(&trace, lines.join("\n")).expect("written");
    let steps: Vec<Step> =
        read(&trace, Path::new("/h/data")).into_iter().filter(|step| *step != Step::Nothing).collect();
    let (db, folder) = (PathBuf::from("/h/data/a.db"), PathBuf::from("/h/data"));
    let at = |wanted: &dyn Fn(&Step) -> bool| {
        read(&trace, Path::new("/h/data")).iter().position(wanted).expect("one of them")
    };
    let write = at(&|step| matches!(step, Step::Change(_, Change::Write(..))));
    let length = at(&|step| matches!(step, Step::Change(_, Change::Length(_))));
    let of_file = at(&|step| *step == Step::SyncBegins(db.clone()));
    let of_folder = at(&|step| *step == Step::SyncBegins(folder.clone()));
    assert_eq!(
        steps,
        [
            Step::Name(folder.clone(), Kind::Folder),
            Step::Name(db.clone(), Kind::File),
            Step::Change(db.clone(), Change::Write(512, b"ab".to_vec())),
            Step::SyncBegins(db.clone()),
            Step::SyncEnds(of_file, false),
            Step::Changed(write),
            Step::Tell(vec!["a".to_owned()]),
            Step::Tell(vec!["bcd".to_owned()]),
            Step::Change(db.clone(), Change::Length(0)),
            Step::Changed(length),
            Step::SyncBegins(folder.clone()),
            Step::SyncEnds(of_folder, true),
            Step::Unlink(db),
        ]
    );
}
