//! Several rooms: coming in, going out, and who may do what.

use crate::irc::Irc;
use crate::support::Server;

/// Three people in the lobby who have read everything so far.
fn three() -> (Server, Irc, Irc, Irc) {
    let server = Server::english().start();
    let mut anna = Irc::sign_in(&server, "anna", "");
    let mut bruno = Irc::sign_in(&server, "bruno", "");
    let carla = Irc::sign_in(&server, "carla", "");
    anna.settle();
    bruno.settle();
    (server, anna, bruno, carla)
}

#[test]
fn mission_21_what_is_said_in_a_room_stays_there() {
    let (server, mut anna, mut bruno, mut carla) = three();
    anna.send("JOIN #tea");
    anna.expect_next("anna JOIN #tea");
    anna.expect_next("353 anna = #tea :@anna");
    anna.expect_next("366 anna #tea :End of /NAMES list");
    assert_eq!(bruno.join("#tea"), ["@anna", "bruno"]);
    anna.expect_next("bruno JOIN #tea");
    carla.join("#coffee");

    anna.send("PRIVMSG #tea :among us");
    bruno.expect_next("anna PRIVMSG #tea :among us");
    carla.send("PRIVMSG #tea :may I");
    carla.expect_next("404 carla #tea :Cannot send to channel: you are not in it");
    carla.send("PRIVMSG #coffee :all alone");
    carla.send("PRIVMSG #lobby :hello all");
    for client in [&mut anna, &mut bruno] {
        client.expect_next("carla PRIVMSG #lobby :hello all");
        client.notices_nothing();
    }
    carla.notices_nothing();

    // The bare terminal speaks in one room at a time and hears all that it is in.
    let mut dario = server.signed_in("dario");
    dario.send("/join #tea");
    dario.expect("In #tea (3): @anna, bruno, dario");
    dario.send("tea for me");
    dario.expect("dario: tea for me");
    for client in [&mut anna, &mut bruno] {
        client.expect("dario PRIVMSG #tea :tea for me");
    }
    carla.expect_next("dario JOIN #lobby");
    carla.notices_nothing();
}

#[test]
fn mission_21_rooms_are_listed_have_a_topic_and_can_be_left() {
    let (_server, mut anna, mut bruno, mut carla) = three();
    anna.join("#tea");
    bruno.join("#tea");
    anna.expect_next("bruno JOIN #tea");
    bruno.send("TOPIC #tea :Mine");
    bruno.expect_next("482 bruno #tea :You're not channel operator");
    anna.send("TOPIC #tea :Green and black");
    for client in [&mut anna, &mut bruno] {
        client.expect_next("anna TOPIC #tea :Green and black");
    }
    carla.send("TOPIC #tea");
    carla.expect_next("332 carla #tea :Green and black");
    carla.settle();
    carla.send("LIST");
    carla.expect_next("321 carla Channel :Users  Name");
    carla.expect_next("322 carla #lobby 3 :");
    carla.expect_next("322 carla #tea 2 :Green and black");
    carla.expect_next("323 carla :End of /LIST");
    carla.send("NAMES #tea");
    carla.expect_next("353 carla = #tea :@anna bruno");
    carla.expect_next("366 carla #tea :End of /NAMES list");

    bruno.send("PART #tea :enough tea");
    for client in [&mut anna, &mut bruno] {
        client.expect_next("bruno PART #tea :enough tea");
    }
    bruno.send("PART #tea");
    bruno.expect_next("442 bruno #tea :You're not on that channel");
    anna.send("PRIVMSG #tea :is anybody there?");
    anna.send("PART #tea");
    anna.expect_next("anna PART #tea");
    bruno.notices_nothing();
    carla.notices_nothing();
    bruno.send("JOIN tea");
    bruno.expect_next("403 bruno tea :No such channel");
    bruno.send("PART #nowhere");
    bruno.expect_next("403 bruno #nowhere :No such channel");
}

#[test]
fn mission_21_people_are_invited_need_a_key_or_find_the_room_full() {
    let (_server, mut anna, mut bruno, mut carla) = three();
    anna.join("#tea");
    bruno.send("MODE #tea +i");
    bruno.expect_next("482 bruno #tea :You're not channel operator");
    anna.send("MODE #tea +i");
    anna.expect_next("anna MODE #tea +i");
    bruno.send("JOIN #tea");
    bruno.expect_next("473 bruno #tea :Cannot join channel (+i)");
    anna.send("INVITE bruno #tea");
    anna.expect_next("341 anna bruno #tea");
    bruno.expect_next("anna INVITE bruno #tea");
    bruno.join("#tea");
    anna.expect_next("bruno JOIN #tea");
    carla.send("JOIN #tea");
    carla.expect_next("473 carla #tea :Cannot join channel (+i)");

    anna.send("MODE #tea -i+k geheim");
    for client in [&mut anna, &mut bruno] {
        client.expect_next("anna MODE #tea -i+k geheim");
    }
    for wrong in ["JOIN #tea", "JOIN #tea falsch"] {
        carla.send(wrong);
        carla.expect_next("475 carla #tea :Cannot join channel (+k)");
    }
    carla.send("MODE #tea");
    carla.expect_next("324 carla #tea +ntk *");
    carla.settle();
    carla.join("#tea geheim");
    anna.expect("carla JOIN #tea");
    carla.send("PART #tea");
    anna.expect_next("carla PART #tea");

    anna.send("MODE #tea -k+l geheim 2");
    anna.expect_next("anna MODE #tea -k+l * 2");
    carla.send("JOIN #tea");
    carla.expect("471 carla #tea :Cannot join channel (+l)");
    anna.send("MODE #tea -l");
    anna.expect_next("anna MODE #tea -l");
    carla.join("#tea");
}

#[test]
fn mission_21_operators_give_voice_silence_ban_and_throw_out() {
    let (server, mut anna, mut bruno, mut carla) = three();
    anna.join("#tea");
    bruno.join("#tea");
    carla.join("#tea");
    bruno.expect_next("carla JOIN #tea");
    anna.send("MODE #tea +m");
    anna.expect("anna MODE #tea +m");
    bruno.expect_next("anna MODE #tea +m");
    bruno.send("PRIVMSG #tea :well");
    bruno.expect_next("404 bruno #tea :Cannot send to channel: it is moderated");
    anna.send("MODE #tea +v bruno");
    bruno.expect_next("anna MODE #tea +v bruno");
    bruno.send("PRIVMSG #tea :well, then");
    anna.expect("bruno PRIVMSG #tea :well, then");
    anna.send("MODE #tea -m+o bruno");
    bruno.expect_next("anna MODE #tea -m+o bruno");
    bruno.send("NAMES #tea");
    bruno.expect_next("353 bruno = #tea :@anna @bruno carla");

    bruno.send("KICK #tea carla :no coffee here");
    for client in [&mut anna, &mut carla] {
        client.expect("bruno KICK #tea carla :no coffee here");
    }
    carla.send("PRIVMSG #tea :but");
    carla.expect_next("404 carla #tea :Cannot send to channel: you are not in it");
    carla.join("#tea");
    anna.send("MODE #tea +b carla");
    bruno.expect("anna MODE #tea +b carla!*@*");
    carla.expect("anna MODE #tea +b carla!*@*");
    carla.send("PRIVMSG #tea :still here");
    carla.expect_next("404 carla #tea :Cannot send to channel: you are banned");
    anna.send("KICK #tea carla");
    carla.expect_next("anna KICK #tea carla :anna");
    carla.send("JOIN #tea");
    carla.expect_next("474 carla #tea :Cannot join channel (+b)");
    anna.settle();
    anna.send("MODE #tea b");
    let ban = anna.next();
    assert!(ban.starts_with("367 anna #tea carla!*@* anna!~anna@"), "{ban}");
    anna.expect_next("368 anna #tea :End of channel ban list");
    anna.send("MODE #tea -b carla");
    anna.expect_next("anna MODE #tea -b carla!*@*");
    carla.join("#tea");

    anna.send("MODE #tea +s");
    anna.expect("anna MODE #tea +s");
    let mut dario = Irc::sign_in(&server, "dario", "");
    dario.send("LIST");
    dario.expect_next("321 dario Channel :Users  Name");
    dario.expect_next("322 dario #lobby 4 :");
    dario.expect_next("323 dario :End of /LIST");
    dario.send("TOPIC #tea");
    dario.expect_next("403 dario #tea :No such channel");
    dario.send("NAMES #tea");
    dario.expect_next("366 dario #tea :End of /NAMES list");
    dario.send("WHOIS anna");
    dario.until("the rooms of anna", |line| line == "319 dario anna :#lobby");
    dario.send("MODE #tea -s");
    dario.expect("403 dario #tea :No such channel");
    // Those inside see it still.
    carla.send("LIST");
    carla.expect("322 carla #tea 3 :");
}
