//! The standard packs, embedded, and the packs of a user.

use meld_pack::ruleset::RuleSet;
use meld_pack::{Loader, Made};
use std::path::PathBuf;

/// Every file below `rules/`: its path from the repository's root, and its bytes.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// The path of each standard pack, what its text says but for tests, and its modules.
static MADE: &[(&str, &[u8], &[Made])] = include!(concat!(env!("OUT_DIR"), "/made.rs"));

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
    load_with(options, MADE, true)
}

/// Loads packs as [`load`] does, but the standard ones without their tests, which takes less time.
///
/// # Errors
///
/// See [`PackError`].
pub fn load_untested(options: &PackOptions) -> Result<RuleSet, PackError> {
    load_with(options, MADE, false)
}

/// Loads packs, of the standard ones with what was `made` of them, and with their tests or not.
fn load_with(
    options: &PackOptions,
    made: &[(&str, &'static [u8], &'static [Made])],
    tests: bool,
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
        if let Some((_, syntax, modules)) = made.iter().find(|(pack, ..)| pack == path) {
            loader.made(path, text, (!tests).then_some(syntax), modules);
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

    /// What the build made of the packs is what loading makes of their texts.
    #[test]
    fn packs_are_made_of_their_texts() {
        let options = PackOptions::default();
        let mut texts = load_with(&options, &[], true).unwrap();
        let (made, mut untested) = (load(&options).unwrap(), load_untested(&options).unwrap());
        assert!(!MADE.is_empty());
        assert_eq!(format!("{texts:?}"), format!("{made:?}"));
        let clear = |rules: &mut RuleSet| {
            let of_rules = rules.rules.iter_mut().map(|rule| &mut rule.tests);
            let others = rules.forbids.iter_mut().chain(&mut rules.refusals);
            let tests = of_rules.chain(others.map(|forbid| &mut forbid.tests));
            tests.map(|tests| std::mem::take(tests).len()).sum::<usize>()
        };
        assert_ne!(clear(&mut texts), 0);
        assert_eq!(clear(&mut untested), 0);
        assert_eq!(format!("{texts:?}"), format!("{untested:?}"));
    }
}
