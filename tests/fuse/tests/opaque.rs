//! `--opaque-rep`: what nobody borrows does the same without a table, as long as guests take a handle for
//! nothing but a handle.

use meld_fuse_tests::{Case, Verdict, cases};
use meld_verify::{Ended, Options, call};

fn case(name: &str) -> Case {
    cases().unwrap().into_iter().find(|case| case.name == name).unwrap()
}

fn fuse(bytes: &[u8], opaque: bool) -> Result<Vec<u8>, String> {
    let mut fuser = meld::Fuser::new().input("root", bytes.to_vec()).assume("no-forged-handles");
    if opaque {
        fuser = fuser.opaque_rep("maker.thing");
    }
    fuser.fuse().map(|fused| fused.bytes).map_err(|error| error.to_string())
}

#[test]
fn representations_as_handles() {
    let case = case("never-borrowed");
    let has_table = |opaque| {
        let bytes = fuse(case.text.as_bytes(), opaque).unwrap();
        String::from_utf8_lossy(&bytes).contains("handle-table")
    };
    assert!(has_table(false) && !has_table(true));
    let verdict = case.verdict(&|bytes| fuse(bytes, true));
    assert!(matches!(verdict, Verdict::Same), "{verdict}");
}

/// What `no-forged-handles` has to rule out: guests that look at a handle's number. As they are, such
/// numbers are 1, 2 and so on, whatever they stand for.
#[test]
fn representations_that_are_no_better_than_numbers() {
    let case = case("equal-representations");
    let outcomes = |opaque: bool| {
        let bytes = fuse(case.text.as_bytes(), opaque).unwrap();
        ["same-twice", "zero", "all-ones"].map(|function| {
            match call(&bytes, function, &Options::default()).unwrap().ended {
                Ended::Returned(value) => value,
                other => panic!("{function}: {other:?}"),
            }
        })
    };
    assert_eq!(outcomes(false), ["12", "1", "1"]);
    assert_eq!(outcomes(true), ["77", "0", "4294967295"]);
}

/// The guests' `decimals` and `lists` both show `float`; which of the two names it for people is chance.
#[test]
fn a_resource_has_all_its_names() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/resources");
    let decides = |name: &str| {
        let mut fuser = meld::Fuser::new().opaque_rep(format!("meld:resources/{name}"));
        for guest in ["top", "middle", "leaf-rust"] {
            let bytes = std::fs::read(format!("{folder}/{guest}.wasm")).unwrap();
            fuser = fuser.input(guest, bytes);
        }
        let rules = fuser.load_rules().unwrap();
        fuser.decide(&rules).map(|decided| decided.plan.target.opaque).map_err(|e| e.to_string())
    };
    let float = decides("decimals@0.1.0.float").unwrap();
    assert_eq!(float.len(), 1);
    assert_eq!(decides("lists@0.1.0.float").unwrap(), float);
    let other = decides("fractions@0.1.0.float").unwrap();
    assert!(other.len() == 1 && other != float);
    let error = decides("bank@0.1.0.floats").unwrap_err();
    assert!(error.contains("did you mean"), "{error}");
}
