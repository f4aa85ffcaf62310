//! Events as lines of the protocol, as far as clients need them to follow what happens.

use salotto_core::{Card, Event, JoinBar, PostKind, PostRecord, PostTarget, Posted, Refusal, Timestamp};
use salotto_wire::{Line, server_time};

/// What the server calls itself.
pub(super) const SERVER: &str = "sim.example";

/// One line without its ending.
pub(super) fn line(write: impl FnOnce(Line<'_>)) -> String {
    let mut bytes = Vec::with_capacity(96);
    write(Line::new(&mut bytes));
    bytes.truncate(bytes.len().saturating_sub(2));
    String::from_utf8(bytes).expect("what is written from text is text")
}

fn from<'a>(line: Line<'a>, card: &Card) -> Line<'a> {
    line.source_parts(card.nick.as_str(), &card.user, &card.host)
}

fn time(at: Timestamp) -> String {
    server_time::format(at.0 as i64)
}

/// An event as the lines that everybody who is told reads; none for what clients need not know.
pub(super) fn event(event: &Event, at: Timestamp) -> Vec<String> {
    let dated = |write: &dyn Fn(Line<'_>)| line(|line| write(line.tag("time", &time(at))));
    match event {
        Event::Posted(posted) | Event::Repeated(posted) => post(posted, None).into_iter().collect(),
        Event::Joined { name, card, .. } | Event::Attached { name, card, .. } => {
            vec![dated(&|line| from(line, card).command("JOIN").param(name.as_str()).end())]
        }
        Event::Topic { name, topic: Some(topic), .. } => vec![line(|line| {
            line.source(SERVER).command("332").param("*").param(name.as_str()).trailing(&topic.text).end();
        })],
        Event::Names(roster) => {
            let names: Vec<String> = roster
                .members
                .iter()
                .map(|(roles, card)| format!("{}{}", if roles.operator { "@" } else { "" }, card.nick))
                .collect();
            let room = roster.room.as_str();
            let mut lines: Vec<String> = names
                .chunks(12)
                .map(|names| {
                    line(|line| {
                        let line = line.source(SERVER).command("353").param("*").param("=").param(room);
                        line.trailing(&names.join(" ")).end();
                    })
                })
                .collect();
            lines.push(line(|line| {
                line.source(SERVER).command("366").param("*").param(room).trailing("End").end();
            }));
            lines
        }
        Event::Parted { name, card, .. } => {
            vec![dated(&|line| from(line, card).command("PART").param(name.as_str()).end())]
        }
        Event::Kicked { name, card, by, .. } => vec![dated(&|line| {
            from(line, by).command("KICK").param(name.as_str()).param(card.nick.as_str()).end();
        })],
        Event::Quit { card, why, .. } => {
            let reason = match why {
                salotto_core::Leaving::Quit(_) => "Quit".to_owned(),
                why => format!("Connection lost: {why:?}"),
            };
            vec![dated(&|line| from(line, card).command("QUIT").trailing(&reason).end())]
        }
        Event::Renamed { before, card, .. } => {
            vec![dated(&|line| from(line, before).command("NICK").param(card.nick.as_str()).end())]
        }
        Event::TopicChanged { name, by, topic } => vec![dated(&|line| {
            let line = match by {
                Some(by) => from(line, by),
                None => line.source(SERVER),
            };
            line.command("TOPIC").param(name.as_str()).trailing(topic).end();
        })],
        Event::Pong { token } => {
            vec![line(|line| line.source(SERVER).command("PONG").param(SERVER).trailing(token).end())]
        }
        _ => Vec::new(),
    }
}

/// A post, with the label of the request where the reader is who made it.
pub(super) fn post(posted: &Posted, label: Option<&str>) -> Option<String> {
    let command = command(posted.kind)?;
    let target = match &posted.target {
        PostTarget::Room(_, name) => name.as_str(),
        PostTarget::Person(_, nick) => nick.as_str(),
    };
    Some(line(|mut line| {
        if let Some(label) = label {
            line = line.tag("label", label);
        }
        let line = line.tag("time", &time(posted.at)).tag("msgid", &posted.seq.to_msgid());
        let line = from(line.raw_tags(&posted.tags), &posted.card);
        line.command(command).param(target).trailing(&posted.text).end();
    }))
}

fn command(kind: PostKind) -> Option<&'static str> {
    match kind {
        PostKind::Message => Some("PRIVMSG"),
        PostKind::Notice => Some("NOTICE"),
        PostKind::Tags => None,
    }
}

/// A page of history.
pub(super) fn page(target: &str, posts: &[&PostRecord]) -> Vec<String> {
    let mut lines = Vec::with_capacity(posts.len() + 2);
    lines.push(line(|line| {
        line.source(SERVER).command("BATCH").param("+h").param("chathistory").param(target).end();
    }));
    for post in posts {
        let Some(command) = command(post.kind) else { continue };
        let (user, host) = post.address.split_once('@').unwrap_or((&post.address, ""));
        lines.push(line(|line| {
            let line = line.tag("batch", "h").tag("time", &time(post.at));
            let line = line.tag("msgid", &post.seq.to_msgid()).raw_tags(&post.tags);
            let line = line.source_parts(&post.nick, user, host);
            line.command(command).param(target).trailing(&post.text).end();
        }));
    }
    lines.push(line(|line| line.source(SERVER).command("BATCH").param("-h").end()));
    lines
}

/// A refusal, with the label of the request if it had one.
pub(super) fn refusal(refusal: &Refusal, label: Option<&str>) -> String {
    let numeric = |code: &str, context: &str, text: &str| {
        line(|mut line| {
            if let Some(label) = label {
                line = line.tag("label", label);
            }
            let line = line.source(SERVER).command(code).param("*");
            let line = if context.is_empty() { line } else { line.param(context) };
            line.trailing(text).end();
        })
    };
    match refusal {
        Refusal::NickInUse(nick) | Refusal::NickReserved(nick) | Refusal::NickLooksLike(nick, _) => {
            numeric("433", nick.as_str(), "Nickname is already in use")
        }
        Refusal::NoSuchRoom(room) => numeric("403", room, "No such channel"),
        Refusal::NoSuchNick(nick) => numeric("401", nick, "No such nick"),
        Refusal::CannotSpeak(room, _) => numeric("404", room.as_str(), "Cannot send to channel"),
        Refusal::CannotJoin(room, bar) => {
            let code = match bar {
                JoinBar::InviteOnly => "473",
                JoinBar::BadKey => "475",
                JoinBar::Full => "471",
                JoinBar::Banned => "474",
                JoinBar::TooManyRooms | JoinBar::ServerFull => "405",
            };
            numeric(code, room.as_str(), "Cannot join channel")
        }
        Refusal::NotInRoom(room) => numeric("442", room.as_str(), "You're not on that channel"),
        Refusal::UnknownResumeToken => line(|line| {
            let line = line.source(SERVER).command("FAIL").param("RESUME").param("UNKNOWN_TOKEN");
            line.trailing("No session has that token").end();
        }),
        other => numeric("400", "", &format!("{other:?}")),
    }
}
