//! The packs under `tests/rules`: good ones check, bad ones give exactly the report beside them,
//! and so do those that are only warned of.
//!
//! A bad pack has one mistake and is called after it. It is loaded together with
//! `good/vocabulary.meld`; a folder is loaded with all packs in it. `BLESS=1` writes the reports.

use meld_pack::{Code, Diagnostics, Loader, reference};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rules");

/// A loader with the vocabulary.
fn loader() -> Loader {
    let mut loader = Loader::new();
    add(&mut loader, &Path::new(RULES).join("good/vocabulary.meld"));
    loader
}

/// Adds one pack under its path from the root of the repository, with the modules beside it.
fn add(loader: &mut Loader, path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let name = path.strip_prefix(RULES).unwrap().display().to_string();
    let mut files = Vec::new();
    for file in entries(path.parent().unwrap()) {
        if file.extension().is_some_and(|e| e == "wat") {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(file).unwrap()));
        }
    }
    let files: Vec<_> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    loader.builtin(&format!("tests/rules/{name}"), &text, &files);
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Compares with a file, or writes it.
fn expect(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, actual).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if actual == expected {
        return Ok(());
    }
    Err(format!("{} differs (BLESS=1 writes it); now it is:\n{actual}", path.display()))
}

/// The bad packs with their reports.
fn bad() -> Vec<(PathBuf, Diagnostics)> {
    let mut cases = Vec::new();
    for path in entries(&Path::new(RULES).join("bad")) {
        let mut loader = loader();
        if path.is_dir() {
            for pack in entries(&path).iter().filter(|p| p.extension().is_some_and(|e| e == "meld"))
            {
                add(&mut loader, pack);
            }
        } else if path.extension().is_some_and(|e| e == "meld") {
            add(&mut loader, &path);
        } else {
            continue;
        }
        match loader.finish() {
            Ok(_) => panic!("{} has no mistake", path.display()),
            Err(diagnostics) => cases.push((path, diagnostics)),
        }
    }
    cases
}

#[test]
fn bad_packs_give_their_report() {
    let wrong: Vec<_> = bad()
        .iter()
        .filter_map(|(path, report)| {
            expect(&path.with_extension("txt"), &report.render(false)).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One mistake, one report: files with more say so by their name.
#[test]
fn bad_packs_have_one_mistake() {
    let several = |path: &Path| path.file_stem().unwrap().to_str().unwrap().starts_with("all-");
    let wrong: Vec<_> = bad()
        .iter()
        .filter(|(path, report)| (report.iter().count() > 1) != several(path))
        .map(|(path, report)| format!("{}\n{report}", path.display()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_bad_pack() {
    let shown: BTreeSet<Code> = bad()
        .iter()
        .flat_map(|(_, report)| report.iter().map(|d| d.code).collect::<Vec<_>>())
        .collect();
    // Settings are no part of a pack; `settings.rs` has them.
    let elsewhere = [Code::UnknownSetting, Code::SettingValue];
    for code in Code::ALL.iter().filter(|code| !code.is_warning()) {
        assert!(shown.contains(code) || elsewhere.contains(code), "no bad pack for {}", code.id());
    }
}

/// Packs that are used, though something in them is likely wrong.
#[test]
fn warned_packs_give_their_report() {
    let mut shown = BTreeSet::new();
    for path in entries(&Path::new(RULES).join("warned")) {
        if path.extension().is_some_and(|e| e == "meld") {
            let mut loader = loader();
            add(&mut loader, &path);
            let set = loader.finish().unwrap_or_else(|report| panic!("{report}"));
            expect(&path.with_extension("txt"), &set.warnings.render(false)).unwrap();
            shown.extend(set.warnings.iter().map(|warning| warning.code));
        }
    }
    let codes: BTreeSet<Code> = Code::ALL.iter().copied().filter(|c| c.is_warning()).collect();
    assert_eq!(shown, codes);
}

#[test]
fn good_packs_check() {
    let mut by_path = Loader::new();
    by_path.add_path(&Path::new(RULES).join("good")).unwrap();
    let set = by_path.finish().unwrap_or_else(|report| panic!("{report}"));
    expect(&Path::new(RULES).join("good/reference.md"), &reference(&set, |_| true)).unwrap();
    assert!(set.warnings.is_empty(), "{}", set.warnings);

    // A used pack comes first, whatever the order in which they are given.
    let mut loader = Loader::new();
    for path in entries(&Path::new(RULES).join("good")).iter().rev() {
        if path.extension().is_some_and(|e| e == "meld") {
            add(&mut loader, path);
        }
    }
    let reversed = loader.finish().unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(reversed.packs[0].name, "test.vocabulary");
    assert_eq!(reversed.rules.len(), set.rules.len());
}

#[test]
fn table_of_errors_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    expect(Path::new(path), &meld_pack::error_reference()).unwrap();
}
