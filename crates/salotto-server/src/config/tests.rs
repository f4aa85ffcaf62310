//! The sample against the code, the order of the sources, and the words of every refusal.

use std::{fs, path::PathBuf};

use super::*;

fn sources(environment: &[(&str, &str)], overrides: &[(&'static str, &'static str, &str)]) -> Sources {
    Sources {
        file: None,
        environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        overrides: overrides
            .iter()
            .map(|(key, option, value)| Override { key, option, value: (*value).into() })
            .collect(),
    }
}

/// A file in a folder of its own, gone with the value.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("salotto.toml");
    fs::write(&path, text).expect("written");
    (folder, path)
}

fn load_text(text: &str) -> Result<Config, String> {
    let (folder, path) = file(text);
    Config::load(&Sources { file: Some(path), ..Sources::default() })
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn refused(text: &str) -> String {
    load_text(text).expect_err("refused")
}

#[test]
fn the_sample_is_the_defaults() {
    assert_eq!(load_text(SAMPLE).expect("the sample loads"), Config::default());
    assert_eq!(load_text("").expect("an empty file loads"), Config::default());
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_never_ends_is_no_message_of_the_day() {
    assert_eq!(
        refused("[server]\nmotd_file = \"/dev/zero\"\n"),
        "salotto.toml line 2: server.motd_file: longer than 65536 bytes"
    );
    let sources = Sources { file: Some("/dev/zero".into()), ..Sources::default() };
    let refusal = Config::load(&sources).expect_err("refused").to_string();
    assert_eq!(refusal, "/dev/zero: longer than 1048576 bytes");
}

#[test]
fn every_key_is_in_the_sample_and_no_other() {
    let mut full = Config::default();
    full.server.motd_file = Some("motd.txt".into());
    full.server.password = Some(Password::new("x"));
    full.tls.certificate = Some("fullchain.pem".into());
    full.tls.key = Some("privkey.pem".into());
    full.operators.insert("anna".into(), Password::new("x"));
    full.web.external_url = Some("https://chat.example.org".into());
    let table = toml::Table::try_from(&full).expect("serialises");

    let mut in_code = Vec::new();
    for (section, keys) in &table {
        for key in keys.as_table().expect("a section").keys() {
            in_code.push(format!("{section}.{key}"));
        }
    }
    let mut in_sample = Vec::new();
    let mut section = "";
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            in_sample.push(format!("{section}.{key}"));
        }
    }
    // The example for everybody's address stands beside the default.
    in_sample.dedup();
    in_code.sort();
    in_sample.sort();
    assert_eq!(in_code, in_sample);
}

#[test]
fn every_key_in_the_sample_is_explained() {
    let mut explained = false;
    for line in SAMPLE.lines() {
        match line.chars().next() {
            Some('#') => explained = true,
            Some('[') | None => explained = false,
            Some(_) => assert!(explained, "{line}"),
        }
    }
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_file() {
    let (_folder, path) = file("[listen]\nport = 1001\ntext_port = 1002\nweb_port = 1003\n");
    let mut all = sources(
        &[("SALOTTO_LISTEN_TEXT_PORT", "2002"), ("SALOTTO_LISTEN_WEB_PORT", "2003")],
        &[("listen.web_port", "--web-port", "3003")],
    );
    all.file = Some(path);
    let config = Config::load(&all).expect("loads");
    assert_eq!(
        [config.listen.port, config.listen.text_port, config.listen.web_port],
        [Port::At(1001), Port::At(2002), Port::At(3003)]
    );
}

#[test]
fn text_becomes_what_the_key_takes() {
    let hash =
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$u2ZWmUC7nXFqOA3zRzGbvyFHBUMG2+yYe0o2gGkSpWc";
    let config = Config::load(&sources(
        &[
            ("SALOTTO_LISTEN_HOST", "::1, localhost"),
            ("SALOTTO_LISTEN_PORT", "off"),
            ("SALOTTO_SERVER_NETWORK", "2026"),
            ("SALOTTO_ROOMS_LOBBY_JOIN", "false"),
            ("SALOTTO_HISTORY_ROOMS", "{ \"#chatter\" = 7 }"),
            ("SALOTTO_OPERATORS_ANNA", hash),
            ("SALOTTO_WEB_ALLOWED_ORIGINS", "[\"https://example.org\"]"),
            ("SALOTTO_CONFIG", "not a key of the file"),
            ("HOME", "/"),
        ],
        &[],
    ))
    .expect("loads");
    assert_eq!(config.listen.host, ["::1", "localhost"]);
    assert_eq!(config.listen.port, Port::Off);
    assert_eq!(config.server.network, "2026");
    assert!(!config.rooms.lobby_join);
    assert_eq!(config.history.rooms["#chatter"], 7);
    assert_eq!(config.operators["anna"].expose(), hash);
    assert_eq!(config.web.allowed_origins, ["https://example.org"]);
}

#[test]
fn a_mistake_in_the_file_is_named_by_line_key_and_reason() {
    assert_eq!(
        refused("[listen]\nport = 70000\n"),
        "salotto.toml line 2: listen.port: 70000 is not a port: give a number from 0 to 65535, or \"off\""
    );
    assert_eq!(
        refused("[listen]\n\nport = \"of\"\n"),
        "salotto.toml line 3: listen.port: \"of\" is not a port: give a number from 0 to 65535, or \"off\""
    );
    let unknown = refused("[listen]\nprot = 1\n");
    assert!(unknown.starts_with("salotto.toml line 2: listen.prot: unknown field `prot`"), "{unknown}");
    let unknown = refused("[server]\nname = \"a.b\"\n[lisen]\nport = 1\n");
    assert!(unknown.starts_with("salotto.toml line 3: lisen: unknown field `lisen`"), "{unknown}");
    let syntax = refused("[server]\nname = \n");
    assert!(syntax.starts_with("salotto.toml line 2: "), "{syntax}");
    let kind = refused("[rooms]\nlobby = 3\n");
    assert!(kind.starts_with("salotto.toml line 2: rooms.lobby: invalid type"), "{kind}");
}

#[test]
fn every_broken_rule_is_reported_at_once_with_its_own_line() {
    assert_eq!(
        refused("[server]\nname = \"salotto\"\n\n[limits]\nping_seconds = 60\ndrop_seconds = 60\n"),
        "salotto.toml line 2: server.name: \"salotto\" is not written like a host name (letters, digits, - and at \
         least one dot, at most 63)\n\
         salotto.toml line 6: limits.drop_seconds: must be more than limits.ping_seconds, which is 60"
    );
}

#[test]
fn rules_between_keys_are_kept() {
    for (text, key) in [
        ("[listen]\nhost = []", "listen.host"),
        ("[listen]\nhost = [\"256.1.1.1\"]", "listen.host"),
        ("[listen]\nhost = [\"a b\"]", "listen.host"),
        ("[listen]\nport = 8080", "listen.web_port"),
        ("[listen]\nport=\"off\"\nweb_port=\"off\"\ntext_port=\"off\"", "listen.port"),
        ("[tls]\ncertificate = \"c.pem\"", "tls.certificate"),
        ("[tls]\nkey = \"k.pem\"", "tls.key"),
        ("[tls]\nself_signed = false\n[listen]\ntls_port = 6697", "listen.tls_port"),
        ("[tls]\nself_signed = false\n[listen]\nweb_tls = 8443", "listen.web_tls"),
        ("[server]\nmotd = \"a\"\nmotd_file = \"b\"", "server.motd_file"),
        ("[server]\npassword = \"\"", "server.password"),
        ("[server]\npassword = \"$argon2id$nonsense\"", "server.password"),
        ("[server]\nnetwork = \"two words\"", "server.network"),
        ("[operators]\nanna = \"plain\"", "operators.anna"),
        ("[history.rooms]\n\"chatter\" = 3", "history.rooms"),
        ("[rooms]\nlobby = \"lobby\"", "rooms.lobby"),
        ("[limits]\nsendq = 1000", "limits.sendq"),
        ("[accounts]\nhash_p = 0", "accounts.hash_p"),
        ("[web]\nallowed_origins = [\"example.org\"]", "web.allowed_origins"),
        ("[web]\nallowed_origins = [\"https://example.org/path\"]", "web.allowed_origins"),
        ("[web]\nexternal_url = \"https://example.org:x\"", "web.external_url"),
    ] {
        let error = refused(text);
        assert!(error.contains(&format!(": {key}: ")), "{text}: {error}");
        assert!(error.starts_with("salotto.toml line ") || key == "listen.web_port", "{text}: {error}");
    }
}

#[test]
fn a_mistake_in_the_environment_or_an_option_is_named_too() {
    let error = |sources: &Sources| Config::load(sources).expect_err("refused").to_string();
    assert_eq!(
        error(&sources(&[("SALOTTO_LISTEN_PORT", "70000")], &[])),
        "environment variable SALOTTO_LISTEN_PORT: listen.port: 70000 is not a port: give a number from 0 to 65535, \
         or \"off\""
    );
    assert_eq!(
        error(&sources(&[], &[("listen.port", "--port", "many")])),
        "option --port: listen.port: \"many\" is not a port: give a number from 0 to 65535, or \"off\""
    );
    assert_eq!(
        error(&sources(&[], &[("listen.host", "--host", "300.1.1.1")])),
        "option --host: listen.host: \"300.1.1.1\" is neither an IP address nor a host name"
    );
    let unknown = error(&sources(&[("SALOTTO_LISTEN_PROT", "1")], &[]));
    assert!(
        unknown.starts_with("environment variable SALOTTO_LISTEN_PROT: listen.prot: unknown field"),
        "{unknown}"
    );
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let (folder, path) =
        file("[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n[server]\nmotd_file = \"motd.txt\"\n");
    fs::write(folder.path().join("motd.txt"), "Welcome.\nBenvenuti.\n").expect("written");
    let config = Config::load(&Sources { file: Some(path), ..Sources::default() }).expect("loads");
    assert_eq!(config.tls.certificate, Some(folder.path().join("c.pem")));
    assert_eq!(config.tls.key, Some(PathBuf::from("/k.pem")));
    assert_eq!(config.server.motd.lines().collect::<Vec<_>>(), ["Welcome.", "Benvenuti."]);
}

#[test]
fn a_missing_file_is_named() {
    let missing = PathBuf::from("/nonexistent/salotto.toml");
    let error = Config::load(&Sources { file: Some(missing), ..Sources::default() }).expect_err("refused");
    assert_eq!(error.to_string(), "cannot read /nonexistent/salotto.toml");
}

#[test]
fn warnings_speak_of_plain_passwords_and_open_origins() {
    let config =
        load_text("[server]\npassword = \"plain\"\n[web]\nallowed_origins = [\"*\"]\n").expect("loads");
    assert_eq!(config.warnings().len(), 2);
    assert_eq!(Config::default().warnings(), Vec::<String>::new());
}
