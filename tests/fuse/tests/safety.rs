//! The gate of `safety/`: every test that stands against a loss scenario exists.

use std::path::{Path, PathBuf};

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if path.is_dir() {
            if !hidden && !path.ends_with("target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs" || e == "wat") {
            files.push(path);
        }
    }
}

#[test]
fn every_scenario_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let hazards =
        std::fs::read_to_string(root.join("safety/stpa/hazards.md")).expect("it is there");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let sources: Vec<String> = files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| std::fs::read_to_string(path).expect("the source can be read"))
        .collect();
    let exists = |test: &str| {
        // A test function, or a composition by its name.
        sources.iter().any(|source| source.contains(&format!("fn {test}()")))
            || files.iter().any(|path| path.ends_with(format!("{test}.wat")))
    };
    let mut scenarios = 0;
    for row in hazards.lines().filter(|line| line.starts_with("| H")) {
        scenarios += 1;
        let test = row.rsplit('|').nth(1).unwrap_or_default().trim().trim_matches('`');
        assert!(exists(test), "no test `{test}`, which is to stand against: {row}");
    }
    assert!(scenarios > 10, "the table is read");
}
