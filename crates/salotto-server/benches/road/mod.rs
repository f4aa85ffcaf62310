//! The roads that every message takes, one at a time and with the same input always: parse, apply, render, commit,
//! deliver, read back. `benches/roads.rs` times them, `examples/budget.rs` is there to count their instructions.

mod chat;
mod disk;
mod lines;
mod memory;

/// Something that is done again and again.
pub type Work = Box<dyn FnMut()>;

/// One road: its name, and how to get ready for it.
pub struct Road {
    /// What it is called in the budget.
    pub name: &'static str,
    /// Gets ready; each call of what it returns goes down the road once.
    pub prepare: fn() -> Work,
}

/// All roads.
pub const ROADS: &[Road] = &[
    Road { name: "parse-10-lines", prepare: lines::parse },
    Road { name: "write-a-line", prepare: lines::write },
    Road { name: "apply-a-post", prepare: chat::post },
    Road { name: "apply-join-and-part", prepare: chat::join_and_part },
    Road { name: "commit-64-posts", prepare: disk::commit },
    Road { name: "read-100-posts", prepare: disk::read },
    Road { name: "post-to-10", prepare: memory::post_to_10 },
    Road { name: "post-to-100", prepare: memory::post_to_100 },
    Road { name: "sign-in-and-quit", prepare: memory::sign_in_and_quit },
];
