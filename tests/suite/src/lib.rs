//! What tests of several crates share: the Component Model's reference tests, found and read, and a
//! model of [tables of handles](handles).
//!
//! The suite is never part of this repository. It is found at `MELD_SUITE`, or beside the
//! workspace, or beside the folder that the workspace is in, at `shared/component-model-tests`.

pub mod handles;

use std::path::{Path, PathBuf};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, Wat};

/// The folders of the suite that hold scripts of components.
pub const FOLDERS: [&str; 4] = ["linking", "values", "resources", "async"];

/// The suite's folder.
///
/// # Errors
///
/// If it is not on this machine, or not where `MELD_SUITE` says: how to name it.
pub fn find() -> Result<PathBuf, String> {
    let is_suite = |path: &PathBuf| path.join(FOLDERS[0]).is_dir();
    if let Some(path) = std::env::var_os("MELD_SUITE").map(PathBuf::from) {
        let wrong = format!("MELD_SUITE names {}, which is no suite", path.display());
        return Some(path).filter(is_suite).ok_or(wrong);
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ["..", "../.."]
        .iter()
        .map(|above| workspace.join(above).join("shared/component-model-tests"))
        .find(is_suite)
        .ok_or_else(|| "no suite: set MELD_SUITE to the folder of the reference tests".to_string())
}

/// The suite for a test, which has nothing to do without one.
///
/// # Panics
///
/// If there is none although it must be there: `CI` or `MELD_SUITE` is set.
pub fn for_test() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match find() {
        Ok(suite) => Some(suite),
        Err(reason) if set("CI") || set("MELD_SUITE") => panic!("{reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}

/// The scripts of one folder of the suite, sorted.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn scripts(suite: &Path, folder: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(suite.join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "wast") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Every component of the suite: `folder/file.wast:line` and its binary.
///
/// # Panics
///
/// If a script cannot be read, does not parse or does not encode.
pub fn components(suite: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for path in FOLDERS.iter().flat_map(|folder| scripts(suite, folder).expect("a folder of it")) {
        let text = std::fs::read_to_string(&path).expect("a script can be read");
        let buffer = ParseBuffer::new(&text).expect("lexes");
        let script: Wast<'_> = parser::parse(&buffer).expect("parses");
        let file = path.strip_prefix(suite).unwrap_or(&path).display();
        for directive in script.directives {
            let line = directive.span().linecol_in(&text).0 + 1;
            if let WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat) =
                directive
                && !matches!(wat, QuoteWat::Wat(Wat::Module(_)))
            {
                found.push((format!("{file}:{line}"), wat.encode().expect("encodes")));
            }
        }
    }
    found
}
