//! The Component Model's reference tests: every component of every file links. `MELD_SUITE` names the folder; without it, and without
//! `../shared/component-model-tests` beside the workspace, there is nothing to test.

use meld_component::{decode, link};
use std::path::{Path, PathBuf};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, Wat};

fn suite() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MELD_SUITE") {
        return Some(path.into());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ["../shared/component-model-tests", "../../shared/component-model-tests"]
        .iter()
        .map(|path| workspace.join(path))
        .find(|path| path.is_dir())
}

/// Encoded components of a file, each with the line it begins at.
fn components(text: &str) -> Vec<(usize, Vec<u8>)> {
    let buffer = ParseBuffer::new(text).expect("lexes");
    let wast: Wast = parser::parse(&buffer).expect("parses");
    let mut found = Vec::new();
    for directive in wast.directives {
        let line = directive.span().linecol_in(text).0 + 1;
        let (WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat)) = directive
        else {
            continue;
        };
        if let QuoteWat::Wat(Wat::Module(_)) = wat {
            continue;
        }
        found.push((line, wat.encode().expect("encodes")));
    }
    found
}

#[test]
fn every_component_links() {
    let Some(suite) = suite() else {
        eprintln!("skipped: no reference tests; set MELD_SUITE to their folder");
        return;
    };
    let mut linked = 0;
    let mut refused = Vec::new();
    for folder in ["linking", "values", "resources", "async"] {
        let mut files: Vec<_> = std::fs::read_dir(suite.join(folder))
            .expect("the suite has this folder")
            .map(|entry| entry.expect("readable").path())
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("readable");
            let short = format!("{folder}/{}", file.file_name().unwrap().to_string_lossy());
            for (line, bytes) in components(&text) {
                let name = format!("{short}:{line}");
                let result = decode::component(&name, bytes.into())
                    .map_err(|e| e.to_string())
                    .and_then(|c| link::link(&c).map_err(|e| format!("{name}: {e}")));
                match result {
                    Ok(_) => linked += 1,
                    Err(message) => refused.push(message),
                }
            }
        }
    }
    eprintln!("{linked} linked, {} refused", refused.len());
    assert!(linked > 0);
    assert_eq!(refused, Vec::<String>::new());
}
