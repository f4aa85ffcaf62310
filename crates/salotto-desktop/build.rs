//! Reads tauri.conf.json and the capabilities for the compilation that follows.

fn main() {
    tauri_build::build();
}
