//! What the tests of the command share.
#![allow(dead_code, reason = "each test uses its part")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs `meld` in the repository's root with standard input.
pub fn meld_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meld"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("meld starts");
    // A command that fails before it reads closes its end.
    let _ = child.stdin.take().expect("there is a standard input").write_all(input);
    child.wait_with_output().expect("meld ends")
}

/// Runs `meld` in the repository's root.
pub fn meld(arguments: &[&str]) -> Output {
    meld_with(arguments, b"")
}

/// What it printed.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said on standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `meld`, which must end with this code and say this on standard error.
pub fn check(arguments: &[&str], code: i32, says: &str) {
    let output = meld(arguments);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stderr.contains(says), "{arguments:?} does not say `{says}`: {stderr}");
}

/// Imports an interface and exports `run`.
pub const APP: &str = "tests/guests/hello/app.wasm";
/// Exports the interface.
pub const GREETER: &str = "tests/guests/hello/greeter.wasm";
