//! The command line: commands, options, and their words in both languages.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use salotto_bench::args::Scenario;
use salotto_server::config::Override;
use salotto_terminal::Fingerprint;

use crate::language::Language;

/// Salotto: a chat server and its clients in one program
#[derive(Parser)]
#[command(name = "salotto", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the chat server
    Serve(ServeOptions),
    /// Chat in this terminal, or through a pipe
    Chat(ChatOptions),
    /// Load a server and measure it
    Bench(BenchOptions),
    /// Print a commented configuration file
    Config(ConfigOptions),
    /// Search the log of connections, disconnections and errors
    Log(LogOptions),
    /// Copy the data to a file, also while the server runs
    Backup(BackupOptions),
    /// Check the data for damage, also while the server runs
    Verify(VerifyOptions),
    /// Put a backup in place where there is no data yet
    Restore(RestoreOptions),
    /// Turn a password into the hash that goes into the configuration
    HashPassword(HashPasswordOptions),
    /// Open the desktop program
    Desktop(DesktopOptions),
}

/// Options of `salotto serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeOptions {
    /// Address to listen on, or a name for it; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub host: Vec<String>,
    /// Port for IRC: a number, 0 for any free one, or off
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// Port for IRC over TLS
    #[arg(long, value_name = "PORT")]
    pub tls_port: Option<String>,
    /// Port for the web client
    #[arg(long, value_name = "PORT")]
    pub web_port: Option<String>,
    /// Port for the web client over HTTPS
    #[arg(long, value_name = "PORT")]
    pub web_tls: Option<String>,
    /// Port for bare terminals (netcat, telnet)
    #[arg(long, value_name = "PORT")]
    pub text_port: Option<String>,
    /// Language for bare terminals: en, it or auto
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "SALOTTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder that everything is kept in
    #[arg(long, value_name = "FOLDER", env = "SALOTTO_DATA")]
    pub data: Option<PathBuf>,
}

impl ServeOptions {
    /// The options that stand for keys of the configuration.
    pub fn overrides(&self) -> Vec<Override> {
        let host = (!self.host.is_empty()).then(|| self.host.join(","));
        [
            ("listen.host", "--host", &host),
            ("listen.port", "--port", &self.port),
            ("listen.tls_port", "--tls-port", &self.tls_port),
            ("listen.web_port", "--web-port", &self.web_port),
            ("listen.web_tls", "--web-tls", &self.web_tls),
            ("listen.text_port", "--text-port", &self.text_port),
            ("server.language", "--lang", &self.lang),
        ]
        .into_iter()
        .filter_map(|(key, option, value)| Some(Override { key, option, value: value.clone()? }))
        .collect()
    }
}

/// Options of `salotto chat`.
#[derive(Args, Clone, Default)]
pub struct ChatOptions {
    /// Server: host, host:port or irc://host:port/room [default: this machine]
    #[arg(value_name = "SERVER")]
    pub server: Option<String>,
    /// Server, the same as an option
    #[arg(long, conflicts_with = "server")]
    pub host: Option<String>,
    /// Port [default: 6667, or 6697 with TLS]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// User name
    #[arg(long)]
    pub name: Option<String>,
    /// Room to enter
    #[arg(long)]
    pub room: Option<String>,
    /// Encrypt the connection
    #[arg(long)]
    pub tls: bool,
    /// Trust the certificate with this SHA-256 fingerprint, and no other; implies --tls
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<Fingerprint>,
    /// Ask for the password of the account
    #[arg(long)]
    pub ask_password: bool,
    // On the command line everybody on the machine could read it.
    #[arg(skip = std::env::var("SALOTTO_PASSWORD").ok().filter(|password| !password.is_empty()))]
    pub password: Option<String>,
    /// One event a line, without a screen
    #[arg(long)]
    pub plain: bool,
    /// Language: en or it
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    pub lang: Option<Language>,
}

fn language(text: &str) -> Result<Language, String> {
    text.parse().map_err(|()| "give en or it".to_owned())
}

/// Options of `salotto bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// What to do
    #[command(subcommand)]
    pub task: BenchTask,
}

/// What `salotto bench` can do.
#[derive(Subcommand, Clone, Debug)]
pub enum BenchTask {
    /// Something with a running server
    #[command(flatten)]
    Scenario(Box<Scenario>),
    /// Make a data folder with much history in it, for a server to start with
    Fill(FillOptions),
}

/// Options of `salotto bench fill`.
#[derive(Args, Clone, Debug)]
pub struct FillOptions {
    /// Folder to fill; it may hold no data yet
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Posts to write
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub posts: u64,
    /// Rooms that they are spread over; the first is #lobby
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub rooms: u64,
    /// Days that they are spread over, up to now
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub days: u64,
}

/// Options of `salotto config`.
#[derive(Args, Clone, Debug)]
pub struct ConfigOptions {
    /// Check the configuration that is there instead
    #[arg(long)]
    pub check: bool,
    /// Configuration file to check
    #[arg(long, value_name = "FILE", env = "SALOTTO_CONFIG", requires = "check")]
    pub config: Option<PathBuf>,
}

/// Options of `salotto log`.
#[derive(Args, Clone, Debug, Default)]
pub struct LogOptions {
    /// Only what concerns this name or account
    #[arg(long)]
    pub name: Option<String>,
    /// Only what came from this address, or this network (192.0.2.0/24)
    #[arg(long)]
    pub address: Option<String>,
    /// Only from then on: 2026-11-20, "2026-11-20 14:30", 14:30, or 2h, 30m, 7d ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only until then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only this kind of event
    #[arg(long)]
    pub event: Option<EventKind>,
    /// Print the lines as they are in the files
    #[arg(long)]
    pub json: bool,
    /// Configuration file of the server
    #[arg(long, value_name = "FILE", env = "SALOTTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder that the server keeps everything in
    #[arg(long, value_name = "FOLDER", env = "SALOTTO_DATA")]
    pub data: Option<PathBuf>,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventKind {
    /// It was opened
    Connect,
    /// Somebody got a name on it
    #[value(name = "sign_in", alias = "sign-in")]
    SignIn,
    /// It was closed
    Disconnect,
    /// Something went wrong
    Error,
}

/// Options of `salotto backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupOptions {
    /// File to make; there must be none of this name
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Folder that the server keeps everything in
    #[arg(long, value_name = "FOLDER", env = "SALOTTO_DATA")]
    pub data: Option<PathBuf>,
}

/// Options of `salotto verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyOptions {
    /// Folder that the server keeps everything in
    #[arg(long, value_name = "FOLDER", env = "SALOTTO_DATA")]
    pub data: Option<PathBuf>,
}

/// Options of `salotto restore`.
#[derive(Args, Clone, Debug)]
pub struct RestoreOptions {
    /// File that `salotto backup` has made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Folder to put it into; it may hold no data yet
    #[arg(long, value_name = "FOLDER", env = "SALOTTO_DATA")]
    pub data: Option<PathBuf>,
}

/// Options of `salotto hash-password`.
#[derive(Args, Clone, Debug)]
pub struct HashPasswordOptions {
    /// Configuration file to take the cost from
    #[arg(long, value_name = "FILE", env = "SALOTTO_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Options of `salotto desktop`.
#[derive(Args, Clone, Debug)]
pub struct DesktopOptions {
    /// What the desktop program is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Reads the command line; ends the program when it is wrong or asks for help.
pub fn parse(language: Language) -> Command {
    let mut command = in_language(Cli::command(), language);
    let matches = command.clone().get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.format(&mut command).exit(),
    }
}

/// The help in this language. What `bench` says stays English: it is for those who work on the server.
fn in_language(command: clap::Command, language: Language) -> clap::Command {
    match language {
        Language::English => command,
        Language::Italian => italian(command, ""),
    }
}

fn italian(command: clap::Command, path: &str) -> clap::Command {
    let mut command = command
        .help_template("{about-with-newline}\nUso: {usage}\n\n{all-args}")
        .subcommand_help_heading("Comandi")
        .disable_help_flag(true)
        .arg(
            clap::Arg::new("help")
                .short('h')
                .long("help")
                .help("Mostra questo aiuto")
                .action(clap::ArgAction::Help),
        );
    command = command.override_usage(match path {
        "" => "salotto <COMANDO>".to_owned(),
        "desktop" => "salotto desktop [ARGOMENTI]...".to_owned(),
        "bench" => "salotto bench <COMANDO>".to_owned(),
        "chat" => "salotto chat [OPZIONI] [SERVER]".to_owned(),
        "backup" | "restore" => format!("salotto {path} [OPZIONI] <FILE>"),
        path => format!("salotto {path} [OPZIONI]"),
    });
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(
            clap::Arg::new("version")
                .short('V')
                .long("version")
                .help("Mostra la versione")
                .action(clap::ArgAction::Version),
        );
    }
    if let Some(about) = translation(path) {
        command = command.about(about);
    }
    if path == "bench" {
        return command;
    }
    let owner = path.to_owned();
    command = command.mut_args(|argument| {
        let argument =
            argument.clone().help_heading(if argument.is_positional() { "Argomenti" } else { "Opzioni" });
        match translation(&format!("{owner} {}", argument.get_id())) {
            Some(help) => argument.help(help),
            None => argument,
        }
    });
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |inner| italian(inner, &name));
    }
    command
}

fn translation(key: &str) -> Option<&'static str> {
    ITALIAN.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}

/// The Italian of every command, and of every option as `command option`.
const ITALIAN: [(&str, &str); 47] = [
    ("", "Salotto: un server di chat e i suoi client in un solo programma"),
    ("serve", "Avvia il server di chat"),
    ("serve host", "Indirizzo su cui ascoltare, o un nome che lo indica; si può ripetere"),
    ("serve port", "Porta per IRC: un numero, 0 per una qualsiasi libera, oppure off"),
    ("serve tls_port", "Porta per IRC su TLS"),
    ("serve web_port", "Porta per il client web"),
    ("serve web_tls", "Porta per il client web su HTTPS"),
    ("serve text_port", "Porta per i terminali semplici (netcat, telnet)"),
    ("serve lang", "Lingua per i terminali semplici: en, it o auto"),
    ("serve config", "File di configurazione"),
    ("serve data", "Cartella in cui viene conservato tutto"),
    ("chat", "Chatta in questo terminale, o attraverso una pipe"),
    ("chat server", "Server: host, host:porta o irc://host:porta/stanza [predefinito: questa macchina]"),
    ("chat host", "Server, come opzione"),
    ("chat port", "Porta [predefinita: 6667, o 6697 con TLS]"),
    ("chat name", "Nome utente"),
    ("chat room", "Stanza in cui entrare"),
    ("chat tls", "Cifra la connessione"),
    ("chat fingerprint", "Accetta il certificato con questa impronta SHA-256, e nessun altro; implica --tls"),
    ("chat ask_password", "Chiede la password dell'account"),
    ("chat plain", "Un evento per riga, senza schermo"),
    ("chat lang", "Lingua: en o it"),
    ("bench", "Mette sotto carico un server e lo misura"),
    ("config", "Stampa un file di configurazione commentato"),
    ("config check", "Controlla invece la configurazione esistente"),
    ("config config", "File di configurazione da controllare"),
    ("log", "Cerca nel registro di connessioni, disconnessioni ed errori"),
    ("log name", "Solo ciò che riguarda questo nome o account"),
    ("log address", "Solo ciò che viene da questo indirizzo, o da questa rete (192.0.2.0/24)"),
    ("log since", "Solo da allora in poi: 2026-11-20, \"2026-11-20 14:30\", 14:30, oppure 2h, 30m, 7d fa"),
    ("log until", "Solo fino ad allora"),
    ("log event", "Solo questo tipo di evento"),
    ("log json", "Stampa le righe come sono nei file"),
    ("log config", "File di configurazione del server"),
    ("log data", "Cartella in cui il server conserva tutto"),
    ("backup", "Copia i dati in un file, anche mentre il server è in funzione"),
    ("backup file", "File da creare; non deve già esistere"),
    ("backup data", "Cartella in cui il server conserva tutto"),
    ("verify", "Controlla che i dati non siano danneggiati, anche mentre il server è in funzione"),
    ("verify data", "Cartella in cui il server conserva tutto"),
    ("restore", "Ripristina una copia dove non ci sono ancora dati"),
    ("restore file", "File creato da `salotto backup`"),
    ("restore data", "Cartella in cui metterla; non deve ancora contenere dati"),
    ("hash-password", "Trasforma una password nell'hash da mettere nella configurazione"),
    ("hash-password config", "File di configurazione da cui prendere il costo"),
    ("desktop", "Apre il programma desktop"),
    ("desktop arguments", "Ciò che viene passato al programma desktop"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_in_both_languages() {
        in_language(Cli::command(), Language::English).debug_assert();
        in_language(Cli::command(), Language::Italian).debug_assert();
    }

    #[test]
    fn every_command_and_option_has_its_italian() {
        let command = Cli::command();
        let mut missing = Vec::new();
        let mut known = vec![String::new()];
        for inner in command.get_subcommands() {
            known.push(inner.get_name().to_owned());
            if inner.get_name() != "bench" {
                known.extend(
                    inner.get_arguments().map(|arg| format!("{} {}", inner.get_name(), arg.get_id())),
                );
            }
        }
        for key in &known {
            if translation(key).is_none() {
                missing.push(key.clone());
            }
        }
        assert_eq!(missing, Vec::<String>::new());
        let stale: Vec<_> = ITALIAN.iter().filter(|(key, _)| !known.iter().any(|name| name == key)).collect();
        assert!(stale.is_empty(), "{stale:?}");
    }

    #[test]
    fn italian_help_is_italian_throughout() {
        let mut command = in_language(Cli::command(), Language::Italian);
        let serve = command.find_subcommand_mut("serve").expect("serve");
        let help = serve.render_help().to_string();
        for word in ["Options", "OPTIONS", "Usage", "Print help"] {
            assert!(!help.contains(word), "{word}: {help}");
        }
        assert!(help.contains("Porta per il client web"), "{help}");
    }

    #[test]
    fn options_become_keys() {
        let cli =
            Cli::try_parse_from(["salotto", "serve", "--host", "::1", "--host", "127.0.0.1", "--port", "0"])
                .expect("parses");
        let Command::Serve(options) = cli.command else { panic!("not serve") };
        let overrides: Vec<_> =
            options.overrides().into_iter().map(|given| (given.key, given.option, given.value)).collect();
        assert_eq!(
            overrides,
            [
                ("listen.host", "--host", "::1,127.0.0.1".to_owned()),
                ("listen.port", "--port", "0".to_owned())
            ]
        );
    }
}
