//! What mutations begin with.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// Guests that are larger only take longer.
const MOST_BYTES: u64 = 40_000;

/// Inputs that are right, or nearly so.
pub struct Corpus {
    /// Components, and the small guests.
    pub(crate) binaries: Vec<Vec<u8>>,
    /// Texts of components.
    pub(crate) texts: Vec<String>,
    /// The standard packs: path below the project's folder, and text.
    pub(crate) packs: Vec<(String, String)>,
    /// The modules of the standard packs: path and bytes.
    pub(crate) modules: Vec<(String, Vec<u8>)>,
}

impl Corpus {
    /// Reads the compositions, the guests and the rules of this project.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a composition does not parse.
    pub fn read() -> anyhow::Result<Corpus> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (mut texts, mut binaries) = (Vec::new(), Vec::new());
        for path in files(&root.join("tests/fuse/compositions"), "wat")? {
            let text = read(&path)?;
            binaries.push(wat::parse_str(&text).with_context(|| path.display().to_string())?);
            texts.push(text);
        }
        for path in files(&root.join("tests/guests"), "wasm")? {
            if path.metadata()?.len() <= MOST_BYTES {
                binaries.push(std::fs::read(&path)?);
            }
        }
        let relative = |path: &Path| {
            let path = path.strip_prefix(&root).unwrap_or(path);
            path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
        };
        let rules = root.join("rules");
        let packs = files(&rules, "meld")?.into_iter();
        let packs = packs.map(|path| Ok((relative(&path), read(&path)?)));
        let modules = files(&rules, "wat")?.into_iter();
        let modules = modules.map(|path| Ok((relative(&path), read(&path)?.into_bytes())));
        Ok(Corpus {
            binaries,
            texts,
            packs: packs.collect::<anyhow::Result<_>>()?,
            modules: modules.collect::<anyhow::Result<_>>()?,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// All files below a folder that end so, sorted.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            // Sources of guests have folders of their own, with what was built beside.
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
