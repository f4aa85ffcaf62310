//! `salotto backup`, `salotto verify` and `salotto restore`: a copy of the data while it is in use, a check of the
//! data, and a copy put in place.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Error, anyhow};
use salotto_store::{StoreError, Verified};

use crate::{
    cli::{BackupOptions, RestoreOptions, VerifyOptions},
    exit::Failure,
    language::{Language, Pick},
    places,
};

/// Copies the data to a new file, also while a server runs on it, and checks the copy.
pub fn backup(options: &BackupOptions, language: Language) -> Result<(), Failure> {
    let data = places::data(options.data.as_deref())?;
    let file = options.file.display();
    let verified = salotto_store::backup(&data, &options.file).map_err(|error| {
        explain(error, language)
            .context(language.pick(format!("cannot make {file}"), format!("impossibile creare {file}")))
    })?;
    tell(&verified, language)?;
    sound(&verified, &file.to_string(), language)?;
    say(&language
        .pick(format!("{file} is complete and checked."), format!("{file} è completo e controllato.")))
}

/// Looks for damage in the data, also while a server runs on it.
pub fn verify(options: &VerifyOptions, language: Language) -> Result<(), Failure> {
    let data = places::data(options.data.as_deref())?;
    let folder = data.display();
    let verified = salotto_store::verify(&data).map_err(|error| {
        explain(error, language).context(
            language.pick(format!("cannot check {folder}"), format!("impossibile controllare {folder}")),
        )
    })?;
    tell(&verified, language)?;
    sound(&verified, &folder.to_string(), language)?;
    say(language.pick("No damage was found.", "Non sono stati trovati danni."))
}

/// Puts a copy in place where there is no data yet, and checks it there.
pub fn restore(options: &RestoreOptions, language: Language) -> Result<(), Failure> {
    let data = places::data(options.data.as_deref())?;
    let (file, folder) = (options.file.display(), data.display());
    let verified = whole(&options.file, language).and_then(|()| {
        salotto_store::restore(&options.file, &data).map_err(|error| explain(error, language))
    });
    let verified = verified.map_err(|error| {
        error.context(language.pick(
            format!("cannot restore {file} to {folder}"),
            format!("impossibile ripristinare {file} in {folder}"),
        ))
    })?;
    tell(&verified, language)?;
    sound(&verified, &folder.to_string(), language)?;
    say(&language.pick(
        format!("{folder} is restored and checked."),
        format!("{folder} è stata ripristinata e controllata."),
    ))
}

/// Refuses the file of a database that keeps part of its content in a write-ahead log, which would be left behind.
fn whole(file: &Path, language: Language) -> Result<(), Error> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if !log.metadata().is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let log = log.display();
    Err(anyhow!(language.pick(
        format!("{log} holds the rest of it: make a whole copy with `salotto backup`"),
        format!("il resto è in {log}: fai una copia intera con `salotto backup`"),
    )))
}

/// Says what was found, a line each.
fn tell(verified: &Verified, language: Language) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", language.pick("posts", "messaggi"), verified.posts)?;
    writeln!(out, "{}: {}", language.pick("damaged", "danneggiati"), verified.damaged)?;
    if let Some(first) = verified.first_damaged {
        writeln!(out, "{}: {first}", language.pick("first damaged", "primo danneggiato"))?;
    }
    for problem in &verified.problems {
        writeln!(out, "{}: {problem}", language.pick("problem", "problema"))?;
    }
    Ok(())
}

/// Fails when anything is wrong with what was checked.
fn sound(verified: &Verified, what: &str, language: Language) -> Result<(), Failure> {
    if verified.is_sound() {
        return Ok(());
    }
    Err(anyhow!(language.pick(
        format!("{what} is damaged: go back to a backup that is not"),
        format!("{what}: i dati sono danneggiati, torna a una copia integra"),
    ))
    .into())
}

fn say(sentence: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{sentence}")?)
}

/// What is wrong and, where somebody can do something about it, what.
fn explain(error: StoreError, language: Language) -> Error {
    match error {
        StoreError::DiskFull => anyhow!(language.pick("the disk is full", "il disco è pieno")),
        // Not only the data folder is read and written here: the cause says more.
        StoreError::Io(error) => error.into(),
        StoreError::Busy => anyhow!(
            language
                .pick("the database is in use by somebody else", "il database è in uso da parte di altri")
        ),
        StoreError::Corrupt(error) => Error::new(error).context(
            language.pick("the database file is damaged", "il file del database è danneggiato"),
        ),
        StoreError::DamagedPost(seq) => anyhow!(language.pick(
            format!("post {seq} is damaged: take another backup"),
            format!("il messaggio {seq} è danneggiato: usa un'altra copia"),
        )),
        StoreError::Damaged { path, problem } => anyhow!(language.pick(
            format!("{} is damaged: {problem}", path.display()),
            format!("{} è danneggiato: {problem}", path.display()),
        )),
        StoreError::Newer { found, known } => anyhow!(language.pick(
            format!("the database has form {found}, this program knows {known} at most: take a newer one"),
            format!("il database ha la forma {found}, questo programma conosce solo fino alla {known}: usane uno più recente"),
        )),
        StoreError::Foreign { path } => anyhow!(language.pick(
            format!("{} is not a database of Salotto", path.display()),
            format!("{} non è un database di Salotto", path.display()),
        )),
        StoreError::Missing { path } => anyhow!(language.pick(
            format!("there is no database at {}", path.display()),
            format!("non c'è nessun database in {}", path.display()),
        )),
        StoreError::Exists { path } => anyhow!(language.pick(
            format!("{} exists already, and was left as it is", path.display()),
            format!("{} esiste già, ed è rimasto com'era", path.display()),
        )),
        StoreError::Locked { dir } => anyhow!(language.pick(
            format!("{} is in use by another process: stop the server first", dir.display()),
            format!("{} è in uso da parte di un altro processo: ferma prima il server", dir.display()),
        )),
        // What cannot happen to these three commands.
        error @ (StoreError::Unreadable { .. } | StoreError::WriterTaken | StoreError::Sqlite(_)) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn reason(result: Result<(), Failure>) -> String {
        format!("{:?}", result.expect_err("refused"))
    }

    #[test]
    fn what_is_wrong_is_told_in_the_persons_language() {
        for (language, missing, foreign) in [
            (Language::English, "there is no database at", "is not a database"),
            (Language::Italian, "non c'è nessun database in", "file del database è danneggiato"),
        ] {
            let home = tempfile::tempdir().expect("a folder");
            let data = Some(home.path().join("data"));
            assert!(reason(verify(&VerifyOptions { data: data.clone() }, language)).contains(missing));
            let file = home.path().join("letter.txt");
            fs::write(&file, "Dear all, ".repeat(1000)).expect("written");
            let refused = reason(restore(&RestoreOptions { file, data: data.clone() }, language));
            assert!(refused.contains(foreign), "{refused}");
            assert!(!home.path().join("data").exists(), "nothing is begun");
        }
    }

    #[test]
    fn a_file_with_a_write_ahead_log_beside_it_is_no_backup() {
        let home = tempfile::tempdir().expect("a folder");
        let (file, to) = (home.path().join("salotto.db"), home.path().join("other"));
        fs::write(home.path().join("salotto.db-wal"), "what was said last").expect("written");
        let restored = restore(&RestoreOptions { file, data: Some(to.clone()) }, Language::English);
        assert!(reason(restored).contains("salotto.db-wal holds the rest of it"));
        assert!(!to.exists(), "nothing is begun");
    }
}
