//! People with `nc` and `telnet`, in one room.

use std::collections::BTreeSet;

use crate::support::{Client, Program, Server};

#[test]
fn mission_01_many_clients_by_ipv4_and_ipv6_share_one_room() {
    let server = Server::english().start();
    let addresses = [server.address("text"), server.address_v6("text")];
    let names: Vec<String> = (0..20).map(|number| format!("guest{number}")).collect();
    let mut clients: Vec<Client> = names
        .iter()
        .enumerate()
        .map(|(number, name)| Client::connect(name, addresses[number % 2]).sign_in(name))
        .collect();
    for (client, name) in clients.iter_mut().zip(&names) {
        client.send(&format!("here is {name}"));
    }
    for client in &mut clients {
        let mut missing: BTreeSet<String> =
            names.iter().map(|name| format!("{name}: here is {name}")).collect();
        while !missing.is_empty() {
            let line = client.until(&format!("{missing:?}"), |line| line.contains(": here is "));
            assert!(missing.remove(&line), "{line:?} is read twice");
        }
    }
}

#[test]
fn mission_06_the_newcomer_is_welcomed_by_name_and_told_how_to_leave() {
    let server = Server::english().start();
    let mut anna = server.terminal("anna");
    anna.expect_next("Welcome to Salotto.");
    anna.expect_next("Choose a name:");
    anna.send("anna");
    anna.expect_next("Welcome, anna!");
    anna.expect_next("To leave, type /quit. For all commands, type /help.");
    anna.expect_next("You are in #lobby.");
    anna.expect_next("In #lobby (1): anna");
}

#[test]
fn mission_06_the_newcomer_is_welcomed_in_italian() {
    let server = Server::setup().option("--lang", "it").start();
    let mut anna = server.terminal("anna");
    anna.expect_next("Salotto ti dà il benvenuto.");
    anna.expect_next("Scegli un nome:");
    anna.send("anna");
    anna.expect_next("Ciao, anna!");
    anna.expect_next("Per uscire scrivi /quit. Per tutti i comandi scrivi /help.");
    anna.expect_next("Sei in #lobby.");
}

#[test]
fn both_languages_are_spoken_until_one_is_chosen() {
    let server = Server::setup().start();
    let mut anna = server.terminal("anna");
    anna.expect_next("Welcome to Salotto. / Salotto ti dà il benvenuto.");
    anna.expect_next("For English type /lang en. Per l'italiano scrivi /lang it.");
    anna.expect_next("Choose a name: / Scegli un nome:");
    anna.send("/lang it");
    anna.expect_next("D'ora in poi in italiano.");
    anna.expect_next("Scegli un nome:");
    anna.send("anna");
    anna.expect_next("Ciao, anna!");
    anna.send("/lang en");
    anna.expect("From now on in English.");
    anna.send("/dance");
    anna.until("a word on /dance", |line| line.starts_with("There is no command /dance. All commands"));
}

#[test]
fn mission_07_everybody_sees_each_message_once_in_the_same_order() {
    const EACH: usize = 40;
    let server = Server::english().start();
    let names = ["anna", "bruno", "carla", "dario"];
    let mut clients: Vec<Client> = names.iter().map(|name| server.signed_in(name)).collect();
    // Everybody at once, and the reading only begins when all has been sent.
    std::thread::scope(|scope| {
        for (client, name) in clients.iter_mut().zip(names) {
            scope.spawn(move || {
                for number in 0..EACH {
                    client.send(&format!("{name} says {number}"));
                }
            });
        }
    });
    let total = EACH * names.len();
    let read: Vec<Vec<String>> = clients
        .iter_mut()
        .map(|client| {
            (0..total)
                .map(|at| client.until(&format!("message {at}"), |line| line.contains(" says ")))
                .collect()
        })
        .collect();
    let (first, others) = read.split_first().expect("four readers");
    for other in others {
        assert_eq!(first, other, "the same messages in the same order");
    }
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), total, "each once");
    for name in names {
        let own: Vec<&String> = first.iter().filter(|line| line.starts_with(name)).collect();
        let said: Vec<String> = (0..EACH).map(|number| format!("{name}: {name} says {number}")).collect();
        assert_eq!(own, said.iter().collect::<Vec<_>>(), "in the order of saying");
    }
    clients[0].send("the end");
    for client in &mut clients {
        let end = client.until("the end", |line| line.contains(": "));
        assert!(end == "anna: the end", "nothing comes twice, and no {end:?}");
    }
}

#[test]
fn mission_08_everybody_is_told_who_comes_and_who_goes() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut bruno = server.signed_in("bruno");
    anna.expect_next("* bruno joined #lobby");
    bruno.send("/lang it");
    bruno.expect("D'ora in poi in italiano.");
    let mut carla = server.signed_in("carla");
    anna.expect_next("* carla joined #lobby");
    bruno.expect_next("* carla entra in #lobby");
    carla.send("/quit");
    anna.expect_next("* carla left");
    bruno.expect_next("* carla esce");
    carla.expect("Goodbye, carla.");
    assert_eq!(carla.rest(), Vec::<String>::new());
}

#[test]
fn mission_10_a_taken_or_invalid_name_is_asked_for_again_on_the_same_connection() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut second = server.terminal("the second");
    second.expect("Choose a name:");
    for (name, reason) in [
        ("anna", "The name anna is already in use."),
        ("ANNA", "The name ANNA is already in use."),
        ("аnna", "The name аnna looks too much like anna."),
        ("1st", "A name cannot start with a digit or one of - # & + ~ % $"),
        ("two words", "A name is one word of letters, digits, - and _ only."),
        ("NickServ", "That name is reserved."),
        (
            "a23456789012345678901234567890123",
            "That name is too long. It may have 32 bytes, which is 32 plain letters.",
        ),
    ] {
        second.send(name);
        second.expect_next(reason);
        second.expect_next("Choose a name:");
    }
    second.send("bruno");
    second.expect_next("Welcome, bruno!");
    anna.expect_next("* bruno joined #lobby");
}

#[test]
fn mission_10_names_that_come_all_at_once_are_tried_one_by_one() {
    let server = Server::english().start();
    let _anna = server.signed_in("anna");
    let mut second = server.terminal("the second");
    second.send_bytes(b"anna\n9lives\nbruno\nhello all\n");
    second.expect("Welcome, bruno!");
    second.expect("bruno: hello all");
}

#[test]
fn mission_11_a_name_is_free_the_moment_its_owner_has_left() {
    let server = Server::english().start();
    let mut witness = server.signed_in("witness");
    for _ in 0..10 {
        let mut anna = server.signed_in("anna");
        witness.expect_next("* anna joined #lobby");
        anna.send("/quit");
        witness.expect_next("* anna left");
        let mut again = server.terminal("anna again");
        again.expect("Choose a name:");
        again.send("anna");
        again.expect_next("Welcome, anna!");
        witness.expect_next("* anna joined #lobby");
        again.reset();
        witness.expect_next("* anna left, connection lost: connection reset");
    }
}

#[test]
fn mission_11_whoever_comes_back_at_once_finds_the_own_name_free() {
    let server = Server::english().start();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (server, name) = (&server, format!("guest{number}"));
            scope.spawn(move || {
                for _ in 0..40 {
                    let mut client = server.terminal(&name);
                    client.expect("Choose a name:");
                    client.send(&name);
                    client.expect_next(&format!("Welcome, {name}!"));
                    client.send("/quit");
                    client.expect(&format!("Goodbye, {name}."));
                    client.rest();
                }
            });
        }
    });
}

#[test]
fn mission_12_all_ways_to_leave_work_in_netcat() {
    let server = Server::english().start();
    let address = server.address("text");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut witness = server.signed_in("witness");
    for (typed, seen) in [
        ("/quit", "* anna left"),
        ("/quit see you", "* anna left (see you)"),
        ("{quit}", "* anna left"),
        ("{close}", "* anna left"),
        ("quit", "* anna left"),
    ] {
        let mut netcat = Program::start("nc", &[&host, &port]);
        netcat.expect("Choose a name:");
        netcat.send("anna");
        netcat.expect("Welcome, anna!");
        witness.expect_next("* anna joined #lobby");
        netcat.send(typed);
        netcat.expect("Goodbye, anna.");
        witness.expect_next(seen);
        assert!(netcat.finish().success(), "netcat ends well after {typed}");
    }
    // At the first question, too.
    let mut netcat = Program::start("nc", &[&host, &port]);
    netcat.expect("Choose a name:");
    netcat.send("{quit}");
    netcat.expect("Goodbye.");
    assert!(netcat.finish().success());
}

#[test]
fn a_message_piped_through_netcat_is_said() {
    let server = Server::english().start();
    let address = server.address("text");
    let mut witness = server.signed_in("witness");
    // -N: netcat says that no more comes as soon as its input ends.
    let mut netcat = Program::start("nc", &["-N", &address.ip().to_string(), &address.port().to_string()]);
    netcat.send("anna\nthe backup is done");
    assert!(netcat.finish().success());
    witness.expect_next("* anna joined #lobby");
    witness.expect_next("anna: the backup is done");
    witness.expect_next("* anna left, connection lost: closed by the client");
}

#[test]
fn telnet_negotiations_are_not_text_and_its_interrupt_key_leaves() {
    let server = Server::english().start();
    let mut witness = server.signed_in("witness");
    let mut anna = server.terminal("anna");
    anna.expect("Choose a name:");
    anna.send_bytes(b"\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0anmx\x08\x7fna\r\0");
    anna.expect_next("Welcome, anna!");
    witness.expect_next("* anna joined #lobby");
    anna.send_bytes(b"half a li\xff\xf4\xff\xfd\x06");
    anna.expect("Goodbye, anna.");
    witness.expect_next("* anna left");
}

#[test]
fn what_others_write_cannot_move_the_cursor() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut irc = Client::connect("an IRC client", server.address("irc"));
    irc.send("NICK bruno");
    irc.send("USER b 0 * :b");
    irc.until("the names", |line| line.contains(" 366 "));
    irc.send("PRIVMSG #lobby :\u{1b}[2J\u{2}bold\u{2} \u{3}4red \u{9b}1m\u{7}end");
    irc.send("PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
    irc.send("PRIVMSG #lobby :\u{1}VERSION\u{1}");
    irc.send("NOTICE #lobby :lunch");
    irc.send("PRIVMSG anna :between us");
    anna.expect_next("* bruno joined #lobby");
    anna.expect_next("bruno: [2Jbold red 1mend");
    anna.expect_next("* bruno waves");
    anna.expect_next("-bruno- lunch");
    anna.expect_next("[private] bruno: between us");
}

#[test]
fn several_rooms_one_at_a_time() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut bruno = server.signed_in("bruno");
    anna.expect_next("* bruno joined #lobby");
    bruno.send("/join tea");
    bruno.expect_next("You are in #tea.");
    bruno.expect_next("In #tea (1): @bruno");
    bruno.send("is anybody here?");
    bruno.expect_next("bruno: is anybody here?");
    bruno.send("/topic green or black");
    bruno.expect_next("* bruno set the topic of #tea: green or black");
    anna.send("/rooms");
    anna.expect_next("The rooms:");
    anna.expect_next("  #lobby (2)");
    anna.expect_next("  #tea (1) green or black");
    anna.send("/join #tea");
    anna.expect_next("You are in #tea.");
    anna.expect_next("Topic of #tea: green or black");
    anna.expect_next("In #tea (2): anna, @bruno");
    anna.expect_next("Earlier messages (UTC):");
    let earlier = anna.next();
    assert!(earlier.starts_with("[20") && earlier.ends_with("] bruno: is anybody here?"), "{earlier}");
    anna.expect_next("Now:");
    bruno.expect_next("* anna joined #tea");
    bruno.send("/room #lobby");
    bruno.expect_next("You are in #lobby.");
    anna.send("I am");
    anna.expect_next("anna: I am");
    bruno.expect_next("[#tea] anna: I am");
    bruno.send("back here");
    anna.expect_next("[#lobby] bruno: back here");
    anna.send("/part");
    anna.expect_next("You left #tea.");
    anna.expect_next("You are in #lobby.");
    bruno.expect("* anna left #tea");
    anna.send("/part");
    anna.expect_next("You left #lobby.");
    anna.until("a word that there is no room", |line| line.starts_with("You are in no room."));
    anna.send("hello?");
    anna.until("a word that there is no room", |line| line.starts_with("You are in no room."));
    anna.send("/msg bruno I am nowhere");
    anna.expect_next("[private to bruno] anna: I am nowhere");
    bruno.expect("[private] anna: I am nowhere");
    bruno.send("/msg carla hello");
    bruno.expect_next("There is nobody called carla.");
}

#[test]
fn a_long_line_is_cut_at_word_ends() {
    let server = Server::english().start();
    let mut anna = server.signed_in("anna");
    let mut irc = Client::connect("an IRC client", server.address("irc"));
    irc.send("NICK bruno");
    irc.send("USER b 0 * :b");
    irc.until("the names", |line| line.contains(" 366 "));
    anna.expect_next("* bruno joined #lobby");
    let words = vec!["pane"; 200].join(" ");
    anna.send(&words);
    let mut said = Vec::new();
    while said.join(" ") != words {
        let line = anna.next();
        said.push(line.strip_prefix("anna: ").expect("a message").to_owned());
        let relayed = irc.until("the message", |line| line.contains("PRIVMSG"));
        assert!(relayed.len() + 2 <= 512, "{} bytes are too many for a line of IRC", relayed.len());
        assert!(relayed.ends_with(said.last().expect("one")), "{relayed}");
    }
    assert!(said.len() > 1);
    anna.send(&"x".repeat(5000));
    anna.expect_next("That is too long. Nothing was sent.");
    anna.send(&"x".repeat(50_000));
    anna.expect_next("That is too long. Nothing was sent.");
    anna.send_bytes(b"\xe8 latin\n");
    anna.expect_next("That line is not UTF-8. Nothing was sent.");
}

#[test]
fn an_account_keeps_its_name() {
    let server = Server::english().start();
    let mut witness = server.signed_in("witness");
    let mut anna = server.signed_in("anna");
    anna.send("/register pane e vino");
    anna.expect("The account anna is yours. Next time, type /login anna and your password.");
    anna.expect("You are signed in to the account anna.");
    anna.send("/quit");
    witness.expect("* anna left");
    let mut thief = server.terminal("the thief");
    thief.expect("Choose a name:");
    thief.send("anna");
    thief.expect_next(
        "The name anna belongs to an account. If it is yours, type /login anna and your password.",
    );
    thief.expect_next("Choose a name:");
    thief.send("/login anna pane");
    thief.expect_next("That is not the account's password.");
    thief.expect_next("Choose a name:");
    thief.send("/login anna pane e vino");
    thief.expect_next("Welcome, anna!");
}
