//! What reading leaves to writing, and what writing leaves out, by way of the library.

use meld::inspect::{Inspection, inspect};
use meld::{Form, FuseError, Fuser};
use std::path::Path;

/// A component around a core module with these functions, of which it exports `run`.
fn component(functions: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $m {functions})
          (core module $unused (func (drop)))
          (core instance $i (instantiate $m))
          (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).unwrap()
}

const VALID: &str = r#"(func (export "run") (result i32) (i32.const 1))"#;

/// Both forms refuse the inputs as reading alone does.
fn refused_as_by_reading(inputs: &[(&str, &[u8])]) -> String {
    let fuser = inputs.iter().fold(Fuser::new(), |f, (name, bytes)| f.input(*name, bytes.to_vec()));
    let read = fuser.read().unwrap_err().to_string();
    for form in [Form::Component, Form::Core] {
        let fused = fuser.clone().form(form).fuse().unwrap_err();
        assert!(matches!(fused, FuseError::Read(_)), "{fused:?}");
        assert_eq!(fused.to_string(), read);
    }
    read
}

#[test]
fn every_body_is_validated_in_the_output_or_in_its_input() {
    // A function that is written, one that is not, and one of a module without an instance.
    let written = r#"(func (export "run") (result i32) (i64.const 1))"#;
    let message = refused_as_by_reading(&[("app", &component(written))]);
    assert!(
        message.starts_with(
            "app: core module \"m\": function \"run\": type mismatch: expected i32, found i64 (at offset"
        ),
        "{message}"
    );
    let left_out = format!("{VALID} (func (drop))");
    let message = refused_as_by_reading(&[("app", &component(&left_out))]);
    assert!(message.contains("expected a type but nothing on stack"), "{message}");
    let message = refused_as_by_reading(&[("app", &component(VALID))]);
    assert!(
        message.starts_with("app: core module \"unused\": function 0: type mismatch"),
        "{message}"
    );
    // The merger cannot write this one, and validation would not come to it.
    let dangling = r#"(func (export "run") (result i32) (call 7))"#;
    let message = refused_as_by_reading(&[("app", &component(dangling))]);
    assert!(message.contains("unknown function 7"), "{message}");
    // The fused module may take the reference; the input may not.
    let undeclared = r#"(func $f) (func (export "run") (result i32) (ref.is_null (ref.func $f)))"#;
    let message = refused_as_by_reading(&[("app", &component(undeclared))]);
    assert!(message.contains("undeclared function reference"), "{message}");
    // What is imported has a more precise type than the importing module declares.
    let precise = r#"(component
        (core module $a
          (type $any (sub (func (result funcref))))
          (type $some (sub $any (func (result (ref func)))))
          (func (export "f") (type $some) unreachable))
        (core module $b
          (type $any (sub (func (result funcref))))
          (import "a" "f" (func $f (type $any)))
          (func $take (param (ref func)))
          (func (export "run") (result i32) (call $take (call $f)) (i32.const 1)))
        (core instance $a (instantiate $a))
        (core instance $b (instantiate $b (with "a" (instance $a))))
        (func (export "run") (result u32) (canon lift (core func $b "run"))))"#;
    let message = refused_as_by_reading(&[("app", &wat::parse_str(precise).unwrap())]);
    assert!(message.contains("type mismatch: expected (ref func)"), "{message}");
    // Core modules, of which the second is at fault.
    let valid = wat::parse_str(format!("(module {VALID})")).unwrap();
    let invalid = wat::parse_str(r#"(module (func (export "go")) (func (drop)))"#).unwrap();
    let message = refused_as_by_reading(&[("first", &valid), ("second", &invalid)]);
    assert!(message.starts_with("second: function 1: type mismatch"), "{message}");
}

/// A consumer of one function of the `values` guests.
const ONE_OF_EIGHTY: &str = r#"(component
    (import "meld:values/values" (instance $values
      (export "echo-u32" (func (param "value" u32) (result u32)))))
    (core func $echo (canon lower (func $values "echo-u32")))
    (core module $m
      (import "values" "echo" (func $echo (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $echo (local.get 0))))
    (core instance $i (instantiate $m
      (with "values" (instance (export "echo" (func $echo))))))
    (func (export "run") (param "value" u32) (result u32) (canon lift (core func $i "run"))))"#;

#[test]
fn what_nothing_reaches_is_not_written() {
    // Of 80 functions and all that they call, one is used. From C it stays with its wrapper, from
    // Rust with what runs constructors once and the data of the one memory; C's `_initialize` and
    // what that calls is a start function. The consumer has one function.
    for (provider, functions, most_bytes) in
        [("provider-c-utf8", 4, 600), ("provider-rust", 3, 1800)]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/values");
        let bytes = std::fs::read(path.join(provider).with_extension("wasm")).unwrap();
        let fused = Fuser::new()
            .input("one", wat::parse_str(ONE_OF_EIGHTY).unwrap())
            .input(provider, bytes)
            .fuse()
            .unwrap_or_else(|e| panic!("{provider}: {e}"));
        let Ok(Inspection::Fused(inspected)) = inspect(&Fuser::new().input("fused", fused.bytes))
        else {
            panic!("{provider}: not recognised as fused");
        };
        let found: usize = inspected.origins.iter().map(|origin| origin.functions).sum();
        assert_eq!(found, functions, "{provider}: {:?}", inspected.origins);
        assert!(inspected.module_bytes <= most_bytes, "{provider}: {}", inspected.module_bytes);
    }
}

/// A call that can only trap is most likely a mistake of the composition.
#[test]
fn calls_that_always_trap_are_told() {
    let trapping = r#"calls that always trap: self/n: import "" "f" (cannot-enter)"#;
    for (file, warnings) in
        [("reentrance/self-call", &[trapping][..]), ("reentrance/leaves-for-another", &[])]
    {
        let path = format!("../../tests/fuse/compositions/{file}.wat");
        let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        for form in [Form::Component, Form::Core] {
            let fused = Fuser::new().input("app", text.clone()).form(form).fuse().unwrap();
            assert_eq!(fused.report.warnings, warnings, "{file}");
        }
    }
}

/// Options of two components differ; a function whose values are all flat has no use for them.
#[test]
fn a_flat_function_of_the_host_is_imported_once() {
    let user = |name: &str| {
        format!(
            r#"(component ${name}
              (import "now" (func $now (result u64)))
              (core func $now (canon lower (func $now)))
              (core module $m (import "" "now" (func $now (result i64)))
                (func (export "run") (result i64) (call $now)))
              (core instance $i (instantiate $m (with "" (instance (export "now" (func $now))))))
              (func (export "run") (result u64) (canon lift (core func $i "run"))))"#
        )
    };
    let text = format!(
        r#"(component (import "now" (func $now (result u64))) {} {}
          (instance $a (instantiate $a (with "now" (func $now))))
          (instance $b (instantiate $b (with "now" (func $now))))
          (func (export "a") (alias export $a "run"))
          (func (export "b") (alias export $b "run")))"#,
        user("a"),
        user("b"),
    );
    let bytes = wat::parse_str(text).unwrap();
    for form in [Form::Component, Form::Core] {
        let fused = Fuser::new().input("app", bytes.clone()).form(form).fuse().unwrap();
        let Inspection::Fused(found) = inspect(&Fuser::new().input("app", fused.bytes)).unwrap()
        else {
            panic!("meld made it");
        };
        assert_eq!(found.imports.len(), 1, "{:?}", found.imports);
    }
}

/// A guest that calls a function of another very often.
fn calls_often(calls: usize) -> Vec<u8> {
    let calls = "(local.set 0 (call $f (local.get 0)))".repeat(calls);
    format!(
        r#"(component
          (component $inner
            (core module $m (func (export "f") (param i32) (result i32)
              (i32.add (i32.mul (local.get 0) (i32.const 1000003)) (i32.const 1))))
            (core instance $i (instantiate $m))
            (func (export "f") (param "x" u32) (result u32) (canon lift (core func $i "f"))))
          (component $outer
            (import "f" (func $f (param "x" u32) (result u32)))
            (core func $f' (canon lower (func $f)))
            (core module $m (import "" "f" (func $f (param i32) (result i32)))
              (func (export "run") (param i32) (result i32) {calls} (local.get 0)))
            (core instance $i (instantiate $m (with "" (instance (export "f" (func $f'))))))
            (func (export "run") (param "x" u32) (result u32) (canon lift (core func $i "run"))))
          (instance $in (instantiate $inner))
          (instance $out (instantiate $outer (with "f" (func $in "f"))))
          (export "run" (func $out "run")))"#
    )
    .into_bytes()
}

/// A body that was decided to stand in place of calls, and does not, is told where the decision is.
#[test]
fn explanations_say_what_is_called_after_all() {
    for (calls, reason) in [(2, None), (5000, Some("could grow by more than"))] {
        let fuser = Fuser::new().input("app", calls_often(calls));
        let rules = fuser.load_rules().unwrap();
        let mut decided = fuser.decide(&rules).unwrap();
        let emitted = decided.emit().unwrap();
        decided.note(&emitted.report);
        let text = decided.trace.explain_text(Some("import"));
        assert!(text.contains("= inline("), "{text}");
        let but: Vec<&str> = text.lines().filter(|line| line.contains("  but ")).collect();
        match reason {
            None => assert_eq!(but, Vec::<&str>::new()),
            Some(reason) => {
                assert!(but.len() == 1 && but[0].contains(reason), "{text}");
                assert!(but[0].contains("calls") && but[0].contains(".f,"), "{text}");
            }
        }
    }
}

/// How large a body may be that stands in place of calls is a constant of the rules.
#[test]
fn bodies_stand_in_place_of_calls_up_to_a_constant() {
    let kinds = |bytes: &str| {
        let fuser = Fuser::new().input("app", calls_often(1)).set("inline.body-bytes", bytes);
        let rules = fuser.load_rules().unwrap();
        let decided = fuser.decide(&rules).unwrap();
        decided.trace.explain_text(Some("import")).lines().next().unwrap_or_default().to_string()
    };
    assert!(kinds("64").contains("1 inline direct"), "{}", kinds("64"));
    assert!(kinds("2").contains("1 separate direct"), "{}", kinds("2"));
}

/// What one core module imports from another one stands in place of its calls if it is tiny, and an explanation
/// says so.
#[test]
fn tiny_functions_of_core_modules_stand_in_place_of_calls() {
    let lib = r#"(module (memory 1) (data (i32.const 8) "*")
        (func (export "field") (param i32) (result i32) (i32.load offset=4 (local.get 0))))"#;
    let main = r#"(module (import "lib" "field" (func $field (param i32) (result i32)))
        (func (export "run") (result i32) (call $field (i32.const 4))))"#;
    for (bytes, kind, calls) in [("64", "1 inline direct", 0), ("2", "1 separate direct", 1)] {
        let inputs = Fuser::new().input("main", main).input("lib", lib);
        let fuser = inputs.set("inline.body-bytes", bytes);
        let rules = fuser.load_rules().unwrap();
        let mut decided = fuser.decide(&rules).unwrap();
        let emitted = decided.emit().unwrap();
        decided.note(&emitted.report);
        let text = decided.trace.explain_text(Some("import"));
        assert!(text.starts_with("1 of 2 ports: ") && text.contains(kind), "{text}");
        assert!(!text.contains("  but "), "{text}");
        let fused = wasmprinter::print_bytes(&emitted.bytes).unwrap();
        assert_eq!(fused.matches(" call ").count(), calls, "{fused}");
    }
}

/// What a component is made with beyond its input counts, too: no limit of engines is met as a fault of meld.
#[test]
fn more_than_engines_accept_is_refused() {
    let refused = |text: &str, expect: &str| {
        let error = Fuser::new().input("app", text.to_string()).fuse().unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    };
    let each =
        |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();

    let imports = each(900, &|i| format!(r#"(import "i{i}" (instance (export "f" (func))))"#));
    let exports = each(50, &|i| format!(r#"(export "o{i}" (instance {i}))"#));
    refused(
        &format!("(component {imports} {exports})"),
        "the fused component would have 1001 instances, but engines accept at most 1000; import and export fewer \
         instances, or ask for a core module (--core)",
    );
    let children = each(501, &|i| format!(r#"(export "c{i}" (instance $c))"#));
    refused(
        &format!(
            r#"(component (import "f" (func $f)) (instance $c (export "f" (func $f)))
                (instance $i (export "f" (func $f))) (instance $o {children})
                (instance $p (export "o" (instance $o))) (export "p" (instance $p)))"#
        ),
        "the component that makes the export `p` / `o` would have 1002 instances, but engines accept at most 1000;",
    );

    let name = "n".repeat(60_000);
    let long = format!(
        r#"(component (core module $m (func (export "f"))) (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (instance $i (export "{name}" (func $f))) (export "{name}" (instance $i)))"#
    );
    refused(
        &long,
        "the fused module would have 120001 bytes in an export's name, but engines accept at most 100000",
    );

    let wide = format!("(tuple {})", "u8 ".repeat(9_000));
    let functions = each(60, &|i| format!(r#"(export "f{i}" (func $f))"#));
    refused(
        &format!(
            r#"(component
                (core module $m (memory (export "m") 1) (func (export "f") (param i32))
                  (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable))
                (core instance $m (instantiate $m))
                (alias core export $m "m" (core memory $memory)) (alias core export $m "r" (core func $realloc))
                (func $f (param "a" {wide})
                  (canon lift (core func $m "f") (memory $memory) (realloc $realloc)))
                (instance $i {functions}) (export "i" (instance $i)))"#
        ),
        "the output would exceed what engines accept: effective type size exceeds the limit of 1000000",
    );
}
