//! The standard packs, embedded, and the packs of a user.

use meld_pack::ruleset::RuleSet;
use meld_pack::{Loader, Made};
use std::path::PathBuf;

/// Every file below `rules/`: its path from the repository's root, and its bytes.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// The modules of each standard pack, by the pack's path.
static MODULES: &[(&str, &[Made])] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

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
    load_with(options, MODULES)
}

/// Loads packs, of the standard ones with these modules instead of their texts.
fn load_with(
    options: &PackOptions,
    made: &[(&str, &'static [Made])],
) -> Result<RuleSet, PackError> {
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
        if let Some((_, modules)) = made.iter().find(|(pack, _)| pack == path) {
            loader.made(path, text, modules);
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the build made of the modules is what loading makes of their texts.
    #[test]
    fn modules_are_made_of_their_texts() {
        let options = PackOptions::default();
        let (texts, made) = (load_with(&options, &[]).unwrap(), load(&options).unwrap());
        assert!(!MODULES.is_empty() && texts.terms.len() == made.terms.len());
        for (text, made) in texts.terms.iter().zip(&made.terms) {
            assert_eq!(format!("{text:?}"), format!("{made:?}"));
        }
    }
}
