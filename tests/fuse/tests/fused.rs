//! Fuses every case and compares.
//!
//! Cases that meld refuses stand in `refused.txt`, one `class/case` a line. The list must only
//! shrink: a refusal that is not listed fails, and so does a listed case that fuses.

use meld_fuse_tests::{Case, Verdict, cases};

fn fuse(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let fused = meld::Fuser::new().input("root", bytes.to_vec()).fuse();
    fused.map(|fused| fused.bytes).map_err(|error| error.to_string())
}

#[test]
fn cases_behave_the_same() {
    let refused = include_str!("../refused.txt").lines().map(str::trim);
    let refused: Vec<&str> = refused.filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let mut wrong = Vec::new();
    for case in cases().unwrap() {
        let label = format!("{}/{}", case.class, case.name);
        let verdict = case.verdict(&fuse);
        println!("{:<12} {:<28} {verdict}", case.class, case.name);
        match (&verdict, refused.contains(&label.as_str())) {
            (Verdict::Same, false) | (Verdict::Refused(_), true) => {}
            (Verdict::Same, true) => wrong.push(format!("{label} fuses: remove it from the list")),
            _ => wrong.push(format!("{label}: {verdict}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A refusal says what was refused and why, not only that something was.
#[test]
fn a_destructor_that_could_enter_again_is_refused_by_name() {
    let case = cases().unwrap().into_iter().find(|case| case.name == "may-reenter").unwrap();
    let Verdict::Refused(reason) = case.verdict(&fuse) else { panic!("it fuses") };
    for part in [
        "no rule implements `destroy(#parent/child, #parent/child.outer)`",
        "needed by parent/child/M: import \"\" \"drop\"",
        "because `may-reenter(#parent/child, #parent/child.outer)` does",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
}

/// Functions that only call another one can be called as they are, by whoever takes out what calls the
/// other one in their place.
#[test]
fn functions_that_only_call_another_can_be_called() {
    let fuse = |bytes: &[u8], shortcuts: bool| {
        let fuser = meld::Fuser::new().input("root", bytes.to_vec());
        let fuser = match shortcuts {
            true => fuser,
            false => fuser.disable("trampolines.forward").disable("trampolines.slot"),
        };
        fuser.fuse().map(|fused| fused.bytes).map_err(|error| error.to_string())
    };
    let mut kept = 0;
    for case in cases().unwrap().into_iter().filter(|case| case.class == "trampolines") {
        let verdict = case.verdict(&|bytes| fuse(bytes, false));
        assert_eq!(verdict, Verdict::Same, "{}", case.name);
        let text = case.text.as_bytes();
        kept += usize::from(fuse(text, true).unwrap() != fuse(text, false).unwrap());
    }
    assert!(kept > 1, "{kept}");
}

/// wasmtime 48 panics where a composed component's `realloc` is of such a type, so nothing is compared.
#[test]
fn types_of_canonical_options_may_be_open() {
    let text = include_str!("../only-fused/open-types.wat").to_string();
    let case = Case { class: "only-fused".into(), name: "open-types".into(), text };
    let fused = fuse(case.text.as_bytes()).unwrap();
    assert_eq!(case.check(&fused), Vec::<String>::new());
}
