//! The reference tests, against the floors that stand beside this crate.

use meld_conformance::{Treatment, floors, score, scripts, suite};

/// Every file holds at least what it held before, and no file is without a floor.
#[test]
fn no_file_falls_below_its_floor() {
    let Some(suite) = suite() else {
        eprintln!("skipped: no suite; set MELD_SUITE to the folder of the reference tests");
        return;
    };
    let floors = floors(include_str!("../floors.txt")).expect("floors.txt is well formed");
    let (mut passed, mut all, mut fallen) = (0, 0, Vec::new());
    for folder in ["linking", "values", "resources", "async"] {
        for path in scripts(&suite, folder).expect("the suite can be read") {
            let score = score(&suite, &path, Treatment::Fused).expect("the script can be run");
            let floor = floors.iter().find(|(file, _)| *file == score.file).map(|(_, n)| *n);
            println!("{:>4} of {:>4}  {}", score.passed(), score.verdicts.len(), score.file);
            passed += score.passed();
            all += score.verdicts.len();
            match floor {
                Some(floor) if score.passed() >= floor => {}
                Some(floor) => fallen.push(format!(
                    "{}: {} hold, the floor is {floor}",
                    score.file,
                    score.passed()
                )),
                None => fallen.push(format!("{}: no floor in floors.txt", score.file)),
            }
        }
    }
    println!("{passed:>4} of {all:>4}");
    assert!(fallen.is_empty(), "{}", fallen.join("\n"));
}

/// What the engine scores on the untouched files: the harness itself adds no failures.
#[test]
fn the_harness_loses_nothing() {
    let Some(suite) = suite() else { return };
    for folder in ["linking", "values", "resources"] {
        for path in scripts(&suite, folder).expect("the suite can be read") {
            let score = score(&suite, &path, Treatment::Unfused).expect("the script can be run");
            let failures: Vec<_> =
                score.verdicts.iter().filter(|verdict| verdict.failure.is_some()).collect();
            assert!(failures.is_empty(), "{}: {failures:?}", score.file);
        }
    }
}
