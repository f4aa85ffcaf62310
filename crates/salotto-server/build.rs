//! The web client is built before the server that carries it; this only says so when it has not been.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
    if !Path::new("../../web/dist/index.html").is_file() {
        println!(
            "cargo::error=the web client is not built: web/dist/index.html is missing; run `make web` first"
        );
    }
}
