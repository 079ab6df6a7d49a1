//! The reference tests, against what `floors.txt` says of each file.

use meld_conformance::{Treatment, floors, score};
use meld_suite::{FOLDERS, for_test, scripts};
use std::fmt::Write as _;
use std::path::Path;

/// The least that must hold of a folder, whatever stands in `floors.txt`.
const LEAST: [(&str, usize); 2] = [("linking", 164), ("values", 60)];

/// Every file holds what `floors.txt` says, no less and no more: what has risen is written down,
/// with `BLESS=1` by this test.
#[test]
fn every_file_holds_what_it_held() {
    let Some(suite) = for_test() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("floors.txt");
    let text = std::fs::read_to_string(&path).expect("floors.txt is there");
    let mut floors = floors(&text).expect("floors.txt is well formed");
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut written = String::from(
        "# How many assertions hold, by file. A number only rises; `BLESS=1` writes what has risen.\n",
    );
    for folder in FOLDERS {
        let mut in_folder = 0;
        for path in scripts(&suite, folder).expect("the suite can be read") {
            let score = score(&suite, &path, Treatment::Fused).expect("the script can be run");
            let (file, holds) = (&score.file, score.passed());
            println!("{holds:>4} of {:>4}  {file}", score.verdicts.len());
            in_folder += holds;
            match floors.shift_remove(file) {
                Some(floor) if holds < floor => {
                    wrong.push(format!("{file}: {holds} hold, there were {floor}"));
                }
                Some(floor) if holds == floor || bless => {}
                Some(floor) => {
                    wrong
                        .push(format!("{file}: {holds} hold, no longer {floor}: run with BLESS=1"));
                }
                None if bless => {}
                None => wrong.push(format!("{file}: not in floors.txt: run with BLESS=1")),
            }
            writeln!(written, "{file} {holds}").expect("a string takes everything");
        }
        for (_, least) in LEAST.iter().filter(|(name, _)| *name == folder) {
            if in_folder < *least {
                wrong.push(format!("{folder}: {in_folder} hold, at least {least} must"));
            }
        }
    }
    wrong.extend(floors.keys().map(|file| format!("{file}: in floors.txt, not in the suite")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if bless {
        std::fs::write(&path, written).expect("floors.txt can be written");
    }
}

/// What the engine scores on the untouched files: the harness itself adds no failures.
#[test]
fn the_harness_loses_nothing() {
    let Some(suite) = for_test() else { return };
    for folder in ["linking", "values", "resources"] {
        for path in scripts(&suite, folder).expect("the suite can be read") {
            let score = score(&suite, &path, Treatment::Unfused).expect("the script can be run");
            let failures: Vec<_> =
                score.verdicts.iter().filter(|verdict| verdict.failure.is_some()).collect();
            assert!(failures.is_empty(), "{}: {failures:?}", score.file);
        }
    }
}
