//! `salotto backup`, `verify` and `restore`: what was said survives the loss of the data, and damage is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::irc::{Irc, short, tag, text};
use crate::stubborn::{Ear, Stubborn};
use crate::support::{POSTS, Server, data_of, fill, is_measured, salotto, wanted};

const CAPABILITIES: &str = "draft/chathistory batch message-tags server-time echo-message standard-replies";

/// How long a backup of a million posts may take.
const BACKUP_MAX: Duration = Duration::from_secs(5);

/// Runs a command in a home: exit code, standard output, standard error.
fn run(home: &Path, language: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = salotto(home).env("LANG", language).args(arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn english(home: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    run(home, "en_GB.UTF-8", arguments)
}

/// Says things in `#tea`, and returns when they are kept.
fn say(irc: &mut Irc, words: impl Iterator<Item = usize>) {
    let words: Vec<String> = words.map(|number| format!("word {number} of the tea party")).collect();
    for word in &words {
        irc.send(&format!("PRIVMSG #tea :{word}"));
    }
    for word in &words {
        irc.expect(&format!("anna PRIVMSG #tea :{word}"));
    }
}

/// A new server and the path of its data.
fn server() -> (Server, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let data = data_of(&home).to_str().expect("text").to_owned();
    (Server::english().start_in(home), data)
}

fn at_tea(server: &Server) -> Irc {
    let mut anna = Irc::sign_in(server, "anna", CAPABILITIES);
    anna.join("#tea");
    anna
}

fn said(irc: &mut Irc) -> Vec<String> {
    irc.whole_history("#tea").iter().map(|line| text(line).to_owned()).collect()
}

#[test]
fn a_backup_of_a_running_server_brings_its_history_back() {
    let (server, data) = server();
    let mut anna = at_tea(&server);
    say(&mut anna, 0..150);
    let kept = said(&mut anna);
    assert_eq!(kept.len(), 150);

    let away = tempfile::tempdir().expect("a temporary directory");
    let copy = away.path().join("monday.db");
    let copy = copy.to_str().expect("text");
    let home = away.path();
    let (code, out, err) = english(home, &["backup", copy, "--data", &data]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(out, format!("posts: 150\ndamaged: 0\n{copy} is complete and checked.\n"));

    // The server goes on meanwhile, and what is said later is not in the copy.
    say(&mut anna, 150..160);
    let (code, out, err) = english(home, &["verify", "--data", &data]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(out, "posts: 160\ndamaged: 0\nNo damage was found.\n");
    let (code, out, err) = english(home, &["backup", copy, "--data", &data]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains(&format!("{copy} exists already, and was left as it is")), "{err}");

    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let (code, out, err) = english(elsewhere.path(), &["restore", copy, "--data", "data"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(out, "posts: 150\ndamaged: 0\ndata is restored and checked.\n");
    let restored = Server::english().start_in(elsewhere);
    let mut anna = at_tea(&restored);
    assert_eq!(said(&mut anna), kept);
    say(&mut anna, 150..151);
    assert_eq!(said(&mut anna).len(), 151, "it goes on from there");
}

#[test]
fn a_restore_harms_no_data_that_is_there() {
    let (server, data) = server();
    let mut anna = at_tea(&server);
    say(&mut anna, 0..3);
    let away = tempfile::tempdir().expect("a temporary directory");
    let copy = away.path().join("copy.db");
    let copy = copy.to_str().expect("text");
    assert_eq!(english(away.path(), &["backup", copy, "--data", &data]).0, Some(0));
    say(&mut anna, 3..5);

    let restore = ["restore", copy, "--data", &data];
    let (code, out, err) = english(away.path(), &restore);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains(&format!("{data} is in use by another process: stop the server first")), "{err}");
    assert_eq!(said(&mut anna).len(), 5);

    let ended = server.stop(Signal::TERM);
    let refusals =
        [("en_GB.UTF-8", "exists already, and was left"), ("it_IT.UTF-8", "esiste già, ed è rimasto")];
    for (language, reason) in refusals {
        let (code, out, err) = run(away.path(), language, &restore);
        assert_eq!((code, &*out), (Some(1), ""));
        assert!(err.contains(&format!("{data}/salotto.db {reason}")), "{err}");
    }
    let server = Server::english().start_in(ended.home);
    assert_eq!(said(&mut at_tea(&server)).len(), 5);
}

#[test]
fn a_flipped_byte_in_what_was_said_is_found_and_never_served() {
    let (server, data) = server();
    let mut anna = at_tea(&server);
    say(&mut anna, 0..10);
    let home = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(english(home.path(), &["backup", "whole.db", "--data", &data]).0, Some(0));
    assert_eq!(english(home.path(), &["restore", "whole.db", "--data", "data"]).0, Some(0));
    drop(server);
    // No server has been at work there yet: everything is in the one file.
    let file = data_of(&home).join("salotto.db");
    let mut bytes = fs::read(&file).expect("the database");
    let victim = b"word 4 of the tea party";
    let places: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(victim)).collect();
    assert!(!places.is_empty(), "the text is in the file");
    for at in places {
        // One bit: the word becomes "vord".
        bytes[at] ^= 1;
    }
    fs::write(&file, bytes).expect("written");

    let (code, out, err) = english(home.path(), &["verify", "--data", "data"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let first =
        out.strip_prefix("posts: 10\ndamaged: 1\nfirst damaged: ").expect("what was found").trim_end();
    assert!(first.parse::<u64>().is_ok_and(|seq| seq > 0), "{out}");
    assert!(err.contains("data is damaged: go back to a backup"), "{err}");
    let (code, out, err) = run(home.path(), "it_IT.UTF-8", &["verify", "--data", "data"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(out, format!("messaggi: 10\ndanneggiati: 1\nprimo danneggiato: {first}\n"));
    assert!(err.contains("i dati sono danneggiati"), "{err}");

    // A copy of it says so, and is not taken back.
    let (code, _, err) = english(home.path(), &["backup", "copy.db", "--data", "data"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("copy.db is damaged"), "{err}");
    let (code, _, err) = english(home.path(), &["restore", "copy.db", "--data", "other"]);
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("post {first} is damaged: take another backup")), "{err}");
    assert!(!home.path().join("other").exists());

    let server = Server::english().start_in(home);
    let mut anna = at_tea(&server);
    anna.send("CHATHISTORY LATEST #tea * 100");
    let refusal = "FAIL CHATHISTORY MESSAGE_ERROR LATEST #tea :Messages could not be retrieved";
    assert_eq!(short(&anna.next_raw()), refusal);
    // What is not damaged can still be read.
    let after: Vec<_> = anna.history("LATEST #tea * 5").iter().map(|line| text(line).to_owned()).collect();
    assert_eq!(after.first().map(String::as_str), Some("word 5 of the tea party"));
    let ended = server.stop(Signal::TERM);
    assert!(ended.log.contains(&format!("post {first} is damaged")), "{}", ended.log);
}

/// SQLite would take the log up to the damage, and forget the rest without a word.
#[test]
fn a_damaged_log_of_a_killed_server_is_found_and_kept() {
    let (server, data) = server();
    let mut anna = at_tea(&server);
    for word in 0..20 {
        say(&mut anna, word..word + 1);
    }
    let ended = server.stop(Signal::KILL);
    let log = data_of(&ended.home).join("salotto.db-wal");
    let mut bytes = fs::read(&log).expect("what was said last");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("written");

    let verify = ["verify", "--data", &data];
    let (code, out, err) = english(ended.home.path(), &verify);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("problem: the write-ahead log is damaged at frame "), "{out}");
    assert!(out.contains("what was said between them is lost"), "{out}");

    let server = Server::english().start_in(ended.home);
    let mut anna = at_tea(&server);
    let kept = said(&mut anna);
    assert!(
        kept.len() < 20
            && kept.iter().zip(0..).all(|(said, number)| said.starts_with(&format!("word {number} ")))
    );
    say(&mut anna, 20..21);
    let ended = server.stop(Signal::TERM);
    assert!(ended.log.contains("the write-ahead log is damaged at frame "), "{}", ended.log);
    assert!(ended.log.contains("the damaged log is kept"), "{}", ended.log);
    let copies: Vec<_> = fs::read_dir(data_of(&ended.home))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains("salotto.db-wal.damaged-"))
        .collect();
    assert_eq!(copies.len(), 1);
    let (code, out, _) = english(ended.home.path(), &verify);
    assert_eq!(code, Some(1), "the operator has not seen to it yet: {out}");
    fs::remove_file(&copies[0]).expect("removed");
    let (code, out, err) = english(ended.home.path(), &verify);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
}

/// Backup, check and restore while people talk: the copy has all that had a receipt when it was begun, nobody waits, and
/// nothing is missing afterwards.
#[test]
fn a_server_under_load_is_backed_up_checked_and_restored() {
    const WORDS: usize = 100;
    let posts = wanted("SALOTTO_FAULTS_POSTS", POSTS);
    let home = tempfile::tempdir().expect("a temporary directory");
    fill(&home, posts);
    let data = data_of(&home).to_str().expect("text").to_owned();
    let server = Server::english().start_in(home);
    let port = server.address("irc").port();
    let away = tempfile::tempdir().expect("a temporary directory");
    let timed = |arguments: &[&str]| {
        let begin = Instant::now();
        let (code, out, err) = english(away.path(), arguments);
        assert_eq!((code, &*err), (Some(0), ""), "{out}");
        (out, begin.elapsed())
    };
    let (ear, is_done, people) = (Ear::default(), AtomicBool::new(false), Mutex::new(Vec::new()));
    let (mut backup_took, mut verify_took) = (Duration::ZERO, Duration::ZERO);
    std::thread::scope(|scope| {
        for name in ["anna", "bruno"] {
            let (ear, is_done, people) = (&ear, &is_done, &people);
            scope.spawn(move || {
                for number in 0.. {
                    let mut person = Stubborn::new(&format!("{name}{number}"), WORDS);
                    person.talk_to_the_end(port, &|told| ear.hear(told));
                    people.lock().expect("whole").push(person);
                    if is_done.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        ear.wait_for_receipts(WORDS);
        backup_took = timed(&["backup", "copy.db", "--data", &data]).1;
        verify_took = timed(&["verify", "--data", &data]).1;
        is_done.store(true, Ordering::Relaxed);
    });
    let people = people.into_inner().expect("whole");
    let words = people.len() * WORDS;
    let (out, restore_took) = timed(&["restore", "copy.db", "--data", "data"]);
    println!(
        "{posts} posts and {words} meanwhile: backup {backup_took:?}, verify {verify_took:?}, restore {restore_took:?}"
    );
    assert!(backup_took < BACKUP_MAX || !is_measured(), "the backup took {backup_took:?}");
    let copied: usize =
        out.lines().next().and_then(|line| line.strip_prefix("posts: ")?.parse().ok()).expect("a number");
    assert!(copied >= posts + WORDS && copied <= posts + words, "{out}");

    // Everybody's words are all there after it, and in the copy the first of them.
    let mut reader = Irc::sign_in(&server, "reader", CAPABILITIES);
    let all = said_by(&mut reader, &people);
    assert!(all.iter().all(|words| *words == WORDS), "{all:?}");
    let restored = Server::english().start_in(away);
    let mut reader = Irc::sign_in(&restored, "reader", CAPABILITIES);
    assert_eq!(said_by(&mut reader, &people).iter().sum::<usize>(), copied - posts);
}

/// How many words each of these people has said in the lobby, which must be the first of them, in order.
fn said_by(reader: &mut Irc, people: &[Stubborn]) -> Vec<usize> {
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    let lines: Vec<_> = history_since_fill(reader);
    for line in lines {
        let (name, number) = line.split_once(" says ").expect("a word");
        let next = said.entry(name.to_owned()).or_default();
        assert_eq!(number.parse(), Ok(*next), "{line}");
        *next += 1;
    }
    people.iter().map(|person| said.get(&person.name).copied().unwrap_or(0)).collect()
}

/// What was said in the lobby after it was filled.
fn history_since_fill(reader: &mut Irc) -> Vec<String> {
    let mut request = "LATEST #lobby * 100".to_owned();
    let mut said = Vec::new();
    loop {
        let page = reader.history(&request);
        let since: Vec<_> = page.iter().filter(|line| line.contains(" says ")).collect();
        let whole = since.len() < page.len() || page.is_empty();
        if let Some(oldest) = since.first() {
            request = format!("BEFORE #lobby msgid={} 100", tag(oldest, "msgid").expect("an id"));
        }
        said.splice(0..0, since.into_iter().map(|line| text(line).to_owned()));
        if whole {
            return said;
        }
    }
}
