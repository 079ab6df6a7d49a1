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
