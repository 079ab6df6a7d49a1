use super::{CoreItem, CoreProgram, compare_core};
use crate::{Ended, Options, Report, Sequence, Verdict, VerifyError};

fn host(module: &str, name: &str) -> CoreItem {
    CoreItem::Host { module: module.to_string(), name: name.to_string() }
}

fn export(instance: usize, name: &str) -> CoreItem {
    CoreItem::Export { instance, name: name.to_string() }
}

const LIBRARY: &str = r#"(module (memory (export "memory") 1)
    (global $n (mut i32) (i32.const 0))
    (func (export "next") (param i32) (result i32)
        (global.set $n (i32.add (global.get $n) (local.get 0)))
        (i32.store (i32.const 8) (global.get $n))
        (global.get $n)))"#;

const APP: &str = r#"(module (import "library" "next" (func $next (param i32) (result i32)))
    (import "env" "log" (func $log (param i32) (result f64)))
    (func (export "f") (param i32) (result f64)
        (call $log (call $next (local.get 0))))
    (func (export "trap") (unreachable)))"#;

/// Both in one module, with `HERE` put in where `f` is done.
const FUSED: &str = r#"(module (import "env" "log" (func $log (param i32) (result f64)))
    (memory (export "memory") 1)
    (global $n (mut i32) (i32.const 0))
    (func (export "f") (param i32) (result f64)
        (global.set $n (i32.add (global.get $n) (local.get 0)))
        HERE)
    (func (export "trap") (drop (i32.load (i32.const -1)))))"#;

fn against(fused: &str, options: &Options) -> Result<Report, VerifyError> {
    let instances = vec![
        (LIBRARY.as_bytes(), vec![]),
        (APP.as_bytes(), vec![export(0, "next"), host("env", "log")]),
    ];
    let exports = [("f", 1), ("trap", 1), ("memory", 0)];
    let exports = exports.map(|(name, instance)| (name.to_string(), export(instance, name)));
    compare_core(&CoreProgram { instances, exports: exports.to_vec() }, fused.as_bytes(), options)
}

fn here(body: &str) -> Report {
    against(&FUSED.replace("HERE", body), &Options::default()).unwrap()
}

const RIGHT: &str = "(i32.store (i32.const 8) (global.get $n)) (call $log (global.get $n))";

#[test]
fn linked_modules_and_one_module() {
    let report = here(RIGHT);
    assert!(report.same(), "{report}");
    // Instantiation, `f`, `trap`.
    assert_eq!(report.calls.len(), 1 + 16 + 3, "{report}");
    let log = &report.calls[1].original.host_calls[0];
    assert_eq!(log.function, "env#log");
    let Ended::Returned(result) = &report.calls[1].original.ended else { panic!("{report:?}") };
    assert!(!result.is_empty());
}

#[test]
fn differences_are_found() {
    let wrong = [
        // Another argument, no call, another result.
        "(i32.store (i32.const 8) (global.get $n)) (call $log (local.get 0))",
        "(i32.store (i32.const 8) (global.get $n)) (f64.const 1)",
        "(i32.store (i32.const 8) (global.get $n)) (f64.neg (call $log (global.get $n)))",
    ];
    for body in wrong {
        let report = here(body);
        assert!(report.different(), "{report}");
    }
    let report = here("(call $log (global.get $n))");
    assert!(report.to_string().contains("different: (memory)(memory)"), "{report}");
    let fresh = Options { sequence: Sequence::FreshInstances, ..Options::default() };
    let stateless = "(i32.store (i32.const 8) (local.get 0)) (call $log (local.get 0))";
    assert!(here(stateless).different());
    assert!(against(&FUSED.replace("HERE", stateless), &fresh).unwrap().same());
}

/// What an embedder calls with pointers that it was given, and once before all else.
#[test]
fn what_is_no_entry_point() {
    let text = r#"(module (global $on (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $on (i32.add (global.get $on) (i32.const 1))))
        (func (export "a") (result i32)
            (if (i32.ne (global.get $on) (i32.const 1)) (then unreachable)) (i32.const 7))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "cabi_post_a") (param i32) unreachable))"#;
    let names = ["_initialize", "a", "cabi_realloc", "cabi_post_a"];
    let program = CoreProgram {
        instances: vec![(text.as_bytes(), Vec::new())],
        exports: names.map(|name| (name.to_string(), export(0, name))).to_vec(),
    };
    let report = compare_core(&program, text.as_bytes(), &Options::default()).unwrap();
    let called: Vec<&str> = report.calls.iter().map(|call| &*call.function).collect();
    assert_eq!(called, ["(instantiate)", "_initialize", "a", "a", "a"]);
    let returned = |call: &crate::Call| matches!(call.fused.ended, Ended::Returned(_));
    assert!(report.same() && report.calls.iter().all(returned), "{report}");
    let skipped: Vec<&str> = report.skipped.iter().map(|skipped| &*skipped.function).collect();
    assert_eq!(skipped, ["cabi_post_a", "cabi_realloc"]);
    let other = text.replace("(global.set $on (i32.add", "(drop (i32.add");
    assert!(compare_core(&program, other.as_bytes(), &Options::default()).unwrap().different());
}

#[test]
fn outer_faces() {
    let other = FUSED.replace("HERE", RIGHT).replace("\"trap\"", "\"snap\"");
    let report = against(&other, &Options::default()).unwrap();
    assert_eq!(report.world, ["export `trap` is missing", "export `snap` is new"]);
    let other = FUSED.replace("HERE", RIGHT).replace("\"env\" \"log\"", "\"env\" \"lag\"");
    let report = against(&other, &Options::default()).unwrap();
    assert_eq!(report.world, ["import `env` `lag` is new"]);
}

#[test]
fn what_cannot_be_told() {
    let fast = Options { fuel: 10_000, ..Options::default() };
    let report = against(&FUSED.replace("HERE", "(loop (br 0)) (f64.const 0)"), &fast).unwrap();
    // The host call of the original stands against no end of the fused one.
    assert_eq!(report.count(Verdict::Inconclusive), 1, "{report}");
    assert!(!report.different(), "{report}");
    // What the host cannot supply is missing on both sides, and tells nothing.
    let text = r#"(module (import "m" "g" (global (ref func))))"#;
    let program = CoreProgram {
        instances: vec![(text.as_bytes(), vec![host("m", "g")])],
        exports: Vec::new(),
    };
    let report = compare_core(&program, text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(report.count(Verdict::Inconclusive), 1, "{report}");
    let text = r#"(module (import "m" "f" (func $f)) (func (export "f") (call $f)))"#;
    let program = CoreProgram {
        instances: vec![(text.as_bytes(), vec![export(0, "f")])],
        exports: vec![("f".to_string(), export(0, "f"))],
    };
    let error = compare_core(&program, b"(module)", &Options::default()).unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
}

#[test]
fn functions_of_a_module_that_cannot_start_are_listed() {
    let text = r#"(module (func (export "f")) (func $start unreachable) (start $start))"#;
    let program = CoreProgram {
        instances: vec![(text.as_bytes(), vec![])],
        exports: vec![("f".to_string(), export(0, "f"))],
    };
    let report = compare_core(&program, text.as_bytes(), &Options::default()).unwrap();
    assert!(report.nothing_called(), "{report}");
    assert_eq!(report.skipped.len(), 1, "{report}");
}
