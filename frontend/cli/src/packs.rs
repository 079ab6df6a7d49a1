//! The standard packs, embedded, and the packs of a user.

use meld_pack::Loader;
use meld_pack::ruleset::RuleSet;
use std::path::PathBuf;

/// Every file below `rules/`: its path from the repository's root, and its bytes.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// Which packs are in force.
#[derive(Clone, Debug, Default)]
pub struct PackOptions {
    /// Pack files, or folders of them, in the order given.
    pub paths: Vec<PathBuf>,
    /// Leave out the standard packs.
    pub no_default_rules: bool,
    /// Constants: name and value as written.
    pub constants: Vec<(String, String)>,
}

/// Why packs could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file or folder could not be read.
    #[error("{0}")]
    Read(String),
    /// The packs were read but are not right.
    #[error("{}", .0.render(false))]
    Check(meld_pack::Diagnostics),
}

/// Loads and checks the packs in force.
///
/// The vocabulary is always there: it is what the frontend and the backend speak.
///
/// # Errors
///
/// See [`PackError`].
pub fn load(options: &PackOptions) -> Result<RuleSet, PackError> {
    let mut loader = Loader::new();
    for (path, bytes) in FILES {
        let Some(folder) = path.strip_suffix(".meld").and_then(|p| p.rsplit_once('/')) else {
            continue;
        };
        if options.no_default_rules && *path != "rules/vocabulary.meld" {
            continue;
        }
        let text =
            std::str::from_utf8(bytes).map_err(|e| PackError::Read(format!("{path}: {e}")))?;
        let beside: Vec<(&str, &[u8])> = FILES
            .iter()
            .filter_map(|(p, b)| {
                let name = p.strip_prefix(folder.0)?.strip_prefix('/')?;
                (!name.contains('/')).then_some((name, *b))
            })
            .collect();
        loader.builtin(path, text, &beside);
    }
    for path in &options.paths {
        loader.add_path(path).map_err(|e| PackError::Read(e.to_string()))?;
    }
    for (name, value) in &options.constants {
        loader.set(name, value);
    }
    loader.finish().map_err(PackError::Check)
}
