//! Coming back by a device's token, and looking after devices.

use salotto_client::{Client, Credentials, Device, DeviceToken, Event, Options, State, StopReason};

use crate::link::{ALL_CAPS, Link, options};

fn token() -> DeviceToken {
    DeviceToken { account: "anna".into(), token: "stem".into() }
}

fn password() -> Credentials {
    Credentials { account: "anna".into(), password: "geheim".into() }
}

/// A client with these options, up to what it says when the capabilities are settled.
fn settled(options: Options) -> (Link, Vec<String>) {
    let mut link = Link::new(options);
    link.act(Client::connect);
    link.up();
    link.take_sent();
    link.offer(ALL_CAPS);
    let sent = link.take_sent();
    (link, sent)
}

fn device_events(link: &mut Link) -> Vec<Option<DeviceToken>> {
    link.take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::DeviceToken(token) => Some(token),
            _ => None,
        })
        .collect()
}

#[test]
fn a_device_signs_in_by_its_token_and_says_no_password() {
    let (mut link, sent) =
        settled(Options { device: Some(token()), credentials: Some(password()), ..options("anna") });
    assert_eq!(sent, ["RESUME stem"], "and waits for the answer");
    link.says(":irc.example 900 * *!*@* anna :You are now logged in as anna");
    assert_eq!(link.take_sent(), ["NICK anna", "USER salotto 0 * :anna", "CAP END"]);
    link.welcome();
    assert!(link.is_online());
    assert_eq!(link.client.account(), Some("anna"));
}

#[test]
fn the_token_of_a_device_is_told_and_shown_on_coming_back() {
    let (mut link, sent) =
        settled(Options { credentials: Some(password()), device_name: "kitchen".into(), ..options("anna") });
    assert_eq!(sent, ["AUTHENTICATE PLAIN"]);
    link.says("AUTHENTICATE +");
    link.says(":irc.example 900 * *!*@* anna :You are now logged in as anna");
    link.take_sent();
    link.says(":irc.example 903 * :done");
    assert_eq!(link.take_sent(), ["RESUME AS :kitchen", "CAP END"]);
    link.says(":irc.example 001 anna :Welcome");
    link.says(":irc.example 422 anna :No greeting");
    link.says(":irc.example RESUME TOKEN stem.first");
    assert_eq!(device_events(&mut link), [Some(token())]);

    // What was a session's alone is shown once, and never kept.
    link.broken("reset");
    link.pass_ms(3_000);
    link.up();
    link.take_sent();
    link.offer(ALL_CAPS);
    assert_eq!(link.take_sent(), ["RESUME AS :kitchen", "RESUME stem.first"]);
    link.says(":irc.example 900 * *!*@* anna :You are now logged in as anna");
    link.take_sent();
    link.says(":irc.example 001 anna :Welcome");
    link.says(":irc.example RESUME TOKEN stem.second");
    link.says(":irc.example 422 anna :No greeting");
    assert_eq!(device_events(&mut link), []);
    assert!(link.is_online());
}

#[test]
fn a_token_that_is_not_known_is_forgotten_and_the_password_said() {
    let (mut link, _) =
        settled(Options { device: Some(token()), credentials: Some(password()), ..options("anna") });
    link.says("FAIL RESUME UNKNOWN_TOKEN :There is no such session any more");
    assert_eq!(link.take_sent(), ["AUTHENTICATE PLAIN"]);
    assert_eq!(device_events(&mut link), [None]);
    assert_eq!(link.client.device_token(), None);
}

#[test]
fn without_a_password_nobody_becomes_a_guest_unasked() {
    let (mut link, sent) = settled(Options { device: Some(token()), ..options("anna") });
    assert_eq!(sent, ["RESUME stem"]);
    link.says("FAIL RESUME UNKNOWN_TOKEN :gone");
    assert_eq!(*link.client.state(), State::Stopped(StopReason::SignInRefused("gone".into())));
    assert_eq!(link.closes, 1);
}

#[test]
fn a_device_of_another_account_is_not_shown() {
    let other = DeviceToken { account: "bruno".into(), ..token() };
    let (_, sent) =
        settled(Options { device: Some(other), credentials: Some(password()), ..options("anna") });
    assert_eq!(sent, ["AUTHENTICATE PLAIN"]);
}

#[test]
fn who_is_signed_out_from_elsewhere_stays_out() {
    let (mut link, _) = settled(Options { device: Some(token()), ..options("anna") });
    link.says(":irc.example 900 * *!*@* anna :You are now logged in as anna");
    link.welcome();
    link.take_events();
    link.says(":irc.example FAIL RESUME REVOKED :This device was signed out");
    link.says("ERROR :Closing connection: signed out from another device");
    link.broken("closed");
    assert_eq!(device_events(&mut link), [None]);
    let stopped = State::Stopped(StopReason::SignInRefused("This device was signed out".into()));
    assert_eq!(*link.client.state(), stopped);
}

#[test]
fn a_busy_server_is_asked_again() {
    let (mut link, _) = settled(Options { credentials: Some(password()), ..options("anna") });
    link.says("AUTHENTICATE +");
    link.says(":irc.example FAIL AUTHENTICATE TEMPORARILY_UNAVAILABLE :The server is busy; please try again");
    link.says(":irc.example 904 * :The server is busy; please try again");
    assert!(matches!(link.client.state(), State::Waiting { .. }), "{:?}", link.client.state());
    link.pass_ms(3_000);
    assert_eq!(link.connects, 2);
}

#[test]
fn a_server_that_says_nothing_gets_the_name_first_the_next_time() {
    let mut link = Link::new(Options { device: Some(token()), ..options("anna") });
    link.act(Client::connect);
    link.up();
    assert_eq!(link.take_sent(), ["CAP LS 302"]);
    link.pass_ms(40_000);
    link.up();
    assert_eq!(link.take_sent(), ["CAP LS 302", "NICK anna", "USER salotto 0 * :anna"]);
}

#[test]
fn devices_are_listed_and_signed_out() {
    let mut link = Link::in_lobby();
    link.act(|c, _| c.list_devices());
    link.says(":s RESUME DEVICE 1k7 2026-11-02T18:04:11.201Z 2026-11-20T00:00:00.000Z * :kitchen");
    link.says(":s RESUME DEVICE 1qd 2026-11-19T07:30:00.000Z 2026-11-19T00:00:00.000Z - web");
    link.says(":s RESUME END");
    let Some(Event::Devices(devices)) = link.take_events().pop() else { panic!("no list") };
    assert_eq!(
        devices[0],
        Device {
            id: "1k7".into(),
            made_ms: 1_793_642_651_201,
            used_ms: 1_795_132_800_000,
            own: true,
            name: "kitchen".into()
        }
    );
    assert_eq!((devices.len(), devices[1].own, devices[1].name.as_str()), (2, false, "web"));
    link.act(|c, _| c.revoke_device("1qd"));
    assert_eq!(link.take_sent(), ["RESUME LIST", "RESUME REVOKE 1qd"]);
    link.says(":s RESUME REVOKED 1qd");
    assert_eq!(link.take_events(), [Event::DeviceRevoked { id: "1qd".into() }]);
    link.says(":s FAIL RESUME UNKNOWN_DEVICE 9 :Your account has no such device");
    assert!(matches!(link.take_events()[..], [Event::Failed { .. }]));
}
