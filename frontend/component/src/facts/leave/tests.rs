use super::*;

/// Whether an instance with this core module sees its flag down. The module may import the
/// lowered function `h`, and exports `realloc`.
fn check(module: &str, expect: bool) {
    let wat = format!(
        r#"(component
          (import "h" (func $h))
          (core func $h (canon lower (func $h)))
          (core module $main {module})
          (core instance $main (instantiate $main
            (with "" (instance (export "h" (func $h))))))
          (func (export "f") (param "s" string) (canon lift (core func $main "f")
            (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
    );
    let program = crate::testing::component(&wat);
    let expect = if expect { BTreeSet::from([ComponentId(0)]) } else { BTreeSet::new() };
    assert_eq!(observes_leave(&program), expect, "{module}");
}

#[test]
fn what_realloc_reaches() {
    const REST: &str =
        r#"(memory (export "memory") 1) (func (export "f") (param i32 i32) call $h)"#;
    let module = |body: &str, more: &str| {
        format!(
            r#"(import "" "h" (func $h)) {REST} {more}
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) {body} i32.const 0)"#
        )
    };
    check(&module("", ""), false);
    check(&module("call $h", ""), true);
    check(&module("call $a", "(func $a call $b) (func $b)"), false);
    check(&module("call $a", "(func $a call $b) (func $b call $h)"), true);
    check(&module("call $a", "(func $a call $a)"), false);
    check(&module("i32.const 0 call_indirect", "(table 1 funcref)"), true);
    check(&module("call $a", "(func $a i32.const 0 return_call_indirect) (table 1 funcref)"), true);
    check(&module("ref.null 0 call_ref 0", "(type (func))"), true);
}

#[test]
fn tables_are_harmless_where_nothing_leaves() {
    check(
        r#"(table 1 funcref) (memory (export "memory") 1) (func (export "f") (param i32 i32))
           (func (export "realloc") (param i32 i32 i32 i32) (result i32)
             i32.const 0 call_indirect i32.const 0)"#,
        false,
    );
}

/// A function of a core module that the root imports may call what it was given before.
#[test]
fn the_host_may_call_back() {
    let wat = |body: &str| {
        format!(
            r#"(component
              (import "h" (func $h))
              (import "d" (core module $d (export "dispatch" (func))))
              (core instance $d (instantiate $d))
              (core func $h (canon lower (func $h)))
              (core module $main
                (import "" "h" (func $h))
                (import "d" "dispatch" (func $dispatch))
                (memory (export "memory") 1)
                (func (export "f") (param i32 i32) call $h)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {body} i32.const 0))
              (core instance $main (instantiate $main
                (with "" (instance (export "h" (func $h))))
                (with "d" (instance $d))))
              (func (export "f") (param "s" string) (canon lift (core func $main "f")
                (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
        )
    };
    let observes = |body: &str| observes_leave(&crate::testing::component(&wat(body)));
    assert_eq!(observes(""), BTreeSet::new());
    assert_eq!(observes("call $dispatch"), BTreeSet::from([ComponentId(0)]));
}
