//! `salotto chat`: the terminal client.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::{Context, bail};
use salotto_terminal::ChatOptions;

use crate::{
    cli,
    exit::Failure,
    hash_password::ask_hidden,
    language::{Language, Pick},
    places,
};

/// Chats until the person leaves. The exit codes are those of the client.
pub fn run(options: &cli::ChatOptions, language: Language) -> Result<ExitCode, Failure> {
    let mut chat = translate(options).map_err(Failure::usage)?;
    chat.language = Some(options.lang.unwrap_or(language));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    chat.password = match &options.password {
        Some(password) => Some(password.clone()),
        None if options.ask_password => {
            if !std::io::stdin().is_terminal() {
                let reason = language.pick(
                    "there is no terminal to ask for the password: put it into SALOTTO_PASSWORD",
                    "non c'è un terminale a cui chiedere la password: mettila in SALOTTO_PASSWORD",
                );
                return Err(Failure::usage(anyhow::anyhow!(reason)));
            }
            match runtime.block_on(ask_password()) {
                Ok(password) => Some(password),
                Err(failure) => {
                    // A thread may still be waiting for the rest of the password.
                    runtime.shutdown_background();
                    return Err(failure);
                }
            }
        }
        None => None,
    };
    chat.state_dir = places::client_state();
    let status = runtime.block_on(salotto_terminal::run(chat));
    // A thread may still be waiting for a line that nobody types any more.
    runtime.shutdown_background();
    Ok(status.into())
}

/// Asks for the password. Whatever ends the program meanwhile, the terminal shows again what is typed.
async fn ask_password() -> Result<String, Failure> {
    // The signals are taken over before the terminal is.
    let ended = terminated()?;
    let asked = tokio::task::spawn_blocking(|| ask_hidden("Password: "));
    tokio::select! {
        password = asked => Ok(password??),
        () = ended => {
            crossterm::terminal::disable_raw_mode()?;
            eprintln!();
            Err(Failure::terminated())
        }
    }
}

/// Waits for a signal that asks to end. Ctrl-C is a key while a password is asked for.
#[cfg(unix)]
fn terminated() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// There are no such signals here.
#[cfg(not(unix))]
fn terminated() -> std::io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}

fn translate(options: &cli::ChatOptions) -> anyhow::Result<ChatOptions> {
    let target = Target::parse(options.host.as_deref().or(options.server.as_deref()).unwrap_or("127.0.0.1"))?;
    let tls = options.tls || target.tls || options.fingerprint.is_some();
    let default = if tls { ChatOptions::PORT_TLS } else { ChatOptions::PORT };
    Ok(ChatOptions {
        port: options.port.or(target.port).unwrap_or(default),
        tls,
        fingerprint: options.fingerprint,
        name: options.name.clone(),
        room: options.room.clone().or(target.room),
        plain: options.plain,
        ..ChatOptions::new(target.host)
    })
}

/// A server as people write it: `host`, `host:port`, `[::1]:6667`, or `irc://host:port/room` (and `ircs:`).
#[derive(Debug, PartialEq, Eq)]
struct Target {
    host: String,
    port: Option<u16>,
    tls: bool,
    room: Option<String>,
}

impl Target {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (tls, rest) = match text.split_once("://") {
            Some(("irc", rest)) => (false, rest),
            Some(("ircs", rest)) => (true, rest),
            Some((scheme, _)) => bail!("{scheme}: is not a way to chat from here; irc: and ircs: are"),
            None => (false, text),
        };
        let (authority, room) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').context("a [ without its ] in the address")?;
                (host, port.strip_prefix(':').filter(|port| !port.is_empty()))
            }
            // Several colons are an IPv6 address without its brackets.
            None if authority.matches(':').count() > 1 => (authority, None),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            bail!("{text:?} is not an address: write host, host:port or irc://host:port/room");
        }
        let port = port
            .map(|port| match port.parse() {
                Ok(number @ 1..) => Ok(number),
                _ => bail!("{port:?} is not a port: give a number from 1 to 65535"),
            })
            .transpose()?;
        let room = room.trim_start_matches("%23").trim_start_matches('#');
        let room = (!room.is_empty()).then(|| format!("#{room}"));
        Ok(Self { host: host.to_owned(), port, tls, room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_as_people_write_it() {
        let target = |host: &str, port: Option<u16>, tls: bool, room: Option<&str>| Target {
            host: host.to_owned(),
            port,
            tls,
            room: room.map(str::to_owned),
        };
        for (text, expected) in [
            ("localhost", target("localhost", None, false, None)),
            ("chat.example.org:7000", target("chat.example.org", Some(7000), false, None)),
            ("::1", target("::1", None, false, None)),
            ("[::1]", target("::1", None, false, None)),
            ("[::1]:7000", target("::1", Some(7000), false, None)),
            ("irc://chat.example.org/lobby", target("chat.example.org", None, false, Some("#lobby"))),
            ("ircs://[::1]:7000/%23lobby", target("::1", Some(7000), true, Some("#lobby"))),
        ] {
            assert_eq!(Target::parse(text).expect(text), expected);
        }
        for wrong in ["", ":6667", "host:", "host:0", "host:70000", "host:many", "[::1", "http://host", "a b"]
        {
            Target::parse(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn encryption_chooses_the_port_unless_one_is_given() {
        let port = |server: &str, tls: bool, port: Option<u16>| {
            let options = cli::ChatOptions { server: Some(server.into()), tls, port, ..Default::default() };
            translate(&options).expect("good options").port
        };
        assert_eq!(port("host", false, None), 6667);
        assert_eq!(port("host", true, None), 6697);
        assert_eq!(port("ircs://host", false, None), 6697);
        assert_eq!(port("host:1", true, Some(2)), 2);
    }
}
