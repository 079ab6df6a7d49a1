//! The targets of cargo-fuzz are a workspace of their own, with a lock of its own: what they run has to
//! be what everything else runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The versions of each package that a lock names.
fn locked(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut packages = BTreeMap::<String, BTreeSet<String>>::new();
    for package in text.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap().trim_matches('"').to_string()
        };
        packages.entry(value("name = ")).or_default().insert(value("version = "));
    }
    packages
}

#[test]
fn the_targets_lock_what_the_workspace_locks() {
    let workspace = locked("../../Cargo.lock");
    for (package, versions) in locked("fuzz/Cargo.lock") {
        if let Some(known) = workspace.get(&package) {
            assert!(versions.is_subset(known), "{package}: {versions:?}, not {known:?}");
        }
    }
}
