//! Embeds the standard packs: every file below `rules/` becomes part of the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    // As the script runs, not as it was compiled: a checkout may have moved since.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&package).join("../..").canonicalize().unwrap();
    let mut files = Vec::new();
    collect(&root.join("rules"), &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let path = file.to_str().unwrap();
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").unwrap();
    }
    code.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("packs.rs");
    std::fs::write(out, code).unwrap();
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "meld" || e == "wat" || e == "wasm") {
            files.push(path);
        }
    }
}
