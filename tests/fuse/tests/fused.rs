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

/// Plain core modules that call each other in a circle, and what both import from a third: the same results,
/// however large the bodies are that stand in place of calls.
#[test]
fn core_modules_call_each_other_in_a_circle() {
    let even = r#"(module
        (import "odd" "odd" (func $odd (param i32) (result i32)))
        (import "lib" "less" (func $less (param i32) (result i32)))
        (import "lib" "table" (table 2 funcref))
        (elem (i32.const 1) $less)
        (func (export "even") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $odd (call $less (local.get 0)))) (else (i32.const 1)))))"#;
    let odd = r#"(module
        (import "even" "even" (func $even (param i32) (result i32)))
        (import "lib" "less" (func $less (param i32) (result i32)))
        (func (export "odd") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (return_call $even (call $less (local.get 0)))) (else (i32.const 0)))))"#;
    let lib = r#"(module
        (table (export "table") 2 funcref)
        (global $count (mut i32) (i32.const 0))
        (func (export "less") (param i32) (result i32)
          (global.set $count (i32.add (global.get $count) (i32.const 1)))
          (i32.sub (local.get 0) (i32.const 1)))
        (func (export "through") (param i32) (result i32)
          (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))
        (func (export "count") (result i32) (global.get $count)))"#;
    let main = r#"(module
        (import "even" "even" (func $even (param i32) (result i32)))
        (import "lib" "through" (func $through (param i32) (result i32)))
        (import "lib" "count" (func $count (result i32)))
        (func (export "run") (param i32) (result i32)
          (i32.add (i32.mul (i32.const 100) (call $even (local.get 0)))
            (i32.add (call $through (i32.const 40)) (call $count)))))"#;
    let inputs = [("main", main), ("even", even), ("odd", odd), ("lib", lib)];
    for bytes in ["0", "64", "4096"] {
        let fuser = meld::Fuser::new().set("inline.body-bytes", bytes);
        let add = |fuser: meld::Fuser, (name, text): (&str, &str)| {
            fuser.input(name, text.as_bytes().to_vec())
        };
        let fused = inputs.into_iter().fold(fuser, add).fuse().unwrap().bytes;
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, &fused).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        // `less` is called as often as the argument says, and once through the table.
        let results = [6, 5, 0].map(|argument| run.call(&mut store, argument).unwrap());
        assert_eq!(results, [100 + 39 + 7, 39 + 13, 100 + 39 + 14], "{bytes}");
    }
}
