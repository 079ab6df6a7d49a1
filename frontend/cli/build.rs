//! Embeds the standard packs: every file below `rules/` becomes part of the binary, and so does
//! what meld makes of the packs without their tests and of their modules, so that no text is parsed at every
//! start.

use meld_pack::{Loader, PreparedModule};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    // As the script runs, not as it was compiled: a checkout may have moved since.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&package).join("../..").canonicalize().unwrap();
    let mut files = Vec::new();
    collect(&root.join("rules"), &mut files);
    files.sort();
    let files: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            (name, file)
        })
        .collect();
    let mut code = String::from("&[\n");
    for (name, path) in &files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").unwrap();
    }
    code.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("packs.rs"), code).unwrap();
    std::fs::write(out.join("made.rs"), made(&files, &out)).unwrap();
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

/// What the text of each pack says but for tests, and its modules, as a Rust expression. There is none
/// where the packs have mistakes: whoever loads them is told.
fn made(files: &[(String, PathBuf)], out: &Path) -> String {
    let mut code = String::from("&[\n");
    for (position, pack) in loader(files).prepare().into_iter().flatten().enumerate() {
        let write_out = |name: String, bytes: &[u8]| {
            let place = out.join(name);
            std::fs::write(&place, bytes).unwrap();
            format!("include_bytes!({:?})", place.to_str().unwrap())
        };
        let path = pack.path.to_str().unwrap();
        let syntax = write_out(format!("{position}.syntax"), &pack.syntax);
        writeln!(code, "    ({path:?}, {syntax}, &[").unwrap();
        for PreparedModule { name, follows, binaries } in pack.modules {
            write!(code, "        Made {{ name: {name:?}, follows: &{follows:?}, binaries: &[")
                .unwrap();
            for (variant, binary) in binaries.iter().enumerate() {
                let binary = write_out(format!("{position}-{name}-{variant}.wasm"), binary);
                write!(code, "{binary}, ").unwrap();
            }
            code.push_str("] },\n");
        }
        code.push_str("    ]),\n");
    }
    code.push(']');
    code
}

fn loader(files: &[(String, PathBuf)]) -> Loader {
    let read = |path: &PathBuf| std::fs::read(path).unwrap();
    let mut loader = Loader::new();
    for (name, path) in files.iter().filter(|(name, _)| name.ends_with(".meld")) {
        let folder = path.parent().unwrap();
        let beside: Vec<(&str, Vec<u8>)> = files
            .iter()
            .filter(|(_, other)| other.parent() == Some(folder))
            .map(|(_, other)| (other.file_name().unwrap().to_str().unwrap(), read(other)))
            .collect();
        let beside: Vec<_> = beside.iter().map(|(name, bytes)| (*name, &**bytes)).collect();
        loader.builtin(name, &String::from_utf8(read(path)).unwrap(), &beside);
    }
    loader
}
