//! Rules of the source tree that nobody should have to remember.
//!
//! Each rule is a function from text to complaints, with a test that it can complain, and a test that it does not
//! complain of the tree as it is.

mod arrows;
mod files;
mod limits;
mod missions;
mod modules;
mod pure;
mod sources;

/// Fails with all complaints at once.
#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
