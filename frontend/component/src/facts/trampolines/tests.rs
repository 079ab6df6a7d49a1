use super::*;
use crate::testing::{component, read_all};

/// The functions that only call another one, and whom they call.
fn found(program: &Program) -> Vec<String> {
    let trampolines = trampolines(program);
    let name = |item: &CoreItem| match item {
        CoreItem::Export { instance, export } => {
            let export = &program.module_of(*instance).exports[*export as usize].name;
            format!("{}.{export}", instance.0)
        }
        other => format!("{other:?}"),
    };
    let callee = |callee: &Callee| match callee {
        Callee::Item(item) => name(item),
        Callee::Slot(slot) => {
            let Slot { instance, table, index } = slot;
            let content = trampolines.contents.get(slot).map_or("?".to_string(), name);
            format!("{}.table{table}[{index}] = {content}", instance.0)
        }
    };
    trampolines
        .functions
        .iter()
        .map(|((instance, function), to)| {
            format!("{}.func{function} -> {}", instance.0, callee(to))
        })
        .collect()
}

/// Instances 0 of a shim with a function `f` that calls through slot 1 of its table `t`, 1 with a
/// function `one`, 2 of `middle`, 3 of a module that writes to `t`, 4 with a function that imports
/// `f`.
fn shim(middle: &str, fill: &str) -> Vec<String> {
    found(&component(&format!(
        r#"(component
          (core module $shim
            (type $t (func (param i32) (result i32)))
            (table (export "t") 2 2 funcref)
            (func (export "f") (type $t) local.get 0 i32.const 1 call_indirect (type $t)))
          (core module $one
            (func (export "one") (param i32) (result i32) local.get 0)
            (func (export "long") (param i64) (result i32) i32.const 0))
          (core module $middle
            (import "shim" "t" (table $t 2 2 funcref))
            (import "shim" "f" (func $f (param i32) (result i32)))
            {middle})
          (core module $fill
            (import "shim" "t" (table $t 2 2 funcref))
            (import "one" "one" (func $one (param i32) (result i32)))
            (import "one" "long" (func $long (param i64) (result i32)))
            {fill})
          (core module $main (import "shim" "f" (func (param i32) (result i32))))
          (core instance $shim (instantiate $shim))
          (core instance $one (instantiate $one))
          (core instance (instantiate $middle (with "shim" (instance $shim))))
          (core instance (instantiate $fill (with "shim" (instance $shim)) (with "one" (instance $one))))
          (core instance (instantiate $main (with "shim" (instance $shim)))))"#
    )))
}

const SETTLED: &str = "0.func0 -> 0.table0[1] = 1.one";
const NONE: [&str; 0] = [];
const UNKNOWN: &str = "0.func0 -> 0.table0[1] = ?";

#[test]
fn what_fills_a_slot() {
    let filled = |fill: &str| shim("", fill);
    assert_eq!(filled("(elem (i32.const 1) func $one)"), [SETTLED]);
    assert_eq!(filled("(elem (i32.const 0) func $long $one)"), [SETTLED]);
    assert_eq!(filled("(elem (table $t) (offset i32.const 1) funcref (ref.func $one))"), [SETTLED]);
    // The last one wins.
    assert_eq!(filled("(elem (i32.const 1) func $long) (elem (i32.const 1) func $one)"), [SETTLED]);
    assert_eq!(filled("(elem (i32.const 1) func $one) (elem (i32.const 1) func $long)"), NONE);
    assert_eq!(
        filled(
            "(elem (i32.const 1) func $one) (elem (table $t) (offset i32.const 1) funcref (ref.null func))"
        ),
        [UNKNOWN]
    );
    // Nobody, not in an active segment, or at an offset that is no plain constant.
    assert_eq!(filled(""), [UNKNOWN]);
    assert_eq!(filled("(elem (i32.const 0) func $one)"), [UNKNOWN]);
    assert_eq!(filled("(elem func $one)"), [UNKNOWN]);
    assert_eq!(
        filled(
            "(elem (i32.const 1) func $one) (global $g i32 (i32.const 0)) (elem (global.get $g) func $long)"
        ),
        [UNKNOWN]
    );
    // Out of bounds.
    assert_eq!(filled("(elem (i32.const 1) func $one $one)"), [UNKNOWN]);
    // A function that has no name outside.
    assert_eq!(
        filled("(elem (i32.const 1) func $own) (func $own (param i32) (result i32) i32.const 0)"),
        [UNKNOWN]
    );
}

#[test]
fn tables_that_functions_write_to() {
    const FILL: &str = "(elem (i32.const 1) func $one)";
    assert_eq!(shim("(func i32.const 1 table.get $t drop table.size $t drop)", FILL), [SETTLED]);
    assert_eq!(
        shim(
            "(table $own 1 funcref) (func i32.const 1 i32.const 0 i32.const 0 table.copy $own $t)",
            FILL
        ),
        [SETTLED]
    );
    for write in [
        "(func i32.const 1 ref.null func table.set $t)",
        "(func ref.null func i32.const 1 table.grow $t drop)",
        "(func i32.const 1 ref.null func i32.const 0 table.fill $t)",
        "(func i32.const 0 i32.const 0 i32.const 0 table.copy $t $t)",
        "(elem $e func $f) (func i32.const 0 i32.const 0 i32.const 0 table.init $t $e)",
    ] {
        assert_eq!(shim(write, FILL), [UNKNOWN], "{write}");
    }
}

#[test]
fn start_functions_before_the_fill() {
    const FILL: &str = "(elem (i32.const 1) func $one)";
    let start = |body: &str| {
        let rest = "(func $g call $h) (func $h) (type $v (func)) (elem declare func $h)";
        shim(&format!("(start $s) (func $s {body}) {rest}"), FILL)
    };
    assert_eq!(start(""), [SETTLED]);
    assert_eq!(start("call $g"), [SETTLED]);
    assert_eq!(start("i32.const 0 call $f drop"), [UNKNOWN]);
    assert_eq!(start("i32.const 0 i32.const 0 call_indirect $t (param i32)"), [UNKNOWN]);
    assert_eq!(start("ref.func $h call_ref $v"), [UNKNOWN]);
    // After the fill it may do what it likes.
    let after = "(elem (i32.const 1) func $one) (start $s) (func $s i32.const 0 i32.const 1 call_indirect $t (param i32) (result i32) drop)";
    assert_eq!(shim("", after), [SETTLED]);
}

#[test]
fn bodies_that_do_more() {
    let function = |params: &str, body: &str| {
        found(&component(&format!(
            r#"(component
              (core module $a (func (export "f") (param i32 i32)))
              (core module $b
                (import "a" "f" (func $f (param i32 i32)))
                (func (export "g") {params} {body}))
              (core module $c (import "b" "g" (func {params})))
              (core instance $a (instantiate $a))
              (core instance $b (instantiate $b (with "a" (instance $a))))
              (core instance (instantiate $c (with "b" (instance $b)))))"#
        )))
    };
    let two = |body: &str| function("(param i32 i32)", body);
    assert_eq!(two("local.get 0 local.get 1 call $f"), ["1.func1 -> 0.f"]);
    assert_eq!(two("local.get 0 local.get 1 call $f return"), ["1.func1 -> 0.f"]);
    assert_eq!(two("local.get 0 local.get 1 return_call $f"), ["1.func1 -> 0.f"]);
    assert_eq!(two("local.get 1 local.get 0 call $f"), NONE);
    assert_eq!(two("local.get 0 local.get 1 call $f nop"), NONE);
    assert_eq!(two("local.get 0 local.get 1 call $f local.get 0 local.get 1 call $f"), NONE);
    assert_eq!(two("local.get 0 i32.const 1 call $f"), NONE);
    assert_eq!(function("(param i32)", "local.get 0 i32.const 1 call $f"), NONE);
}

#[test]
fn tables_that_the_host_sees() {
    let check = |exported: &str, expect: &str| {
        let table = r#"(module
          (type $t (func))
          (table (export "t") 1 funcref)
          (elem (i32.const 0) func $g)
          (func $g (export "g"))
          (func (export "f") i32.const 0 call_indirect (type $t)))"#;
        let main = format!(
            r#"(module
              (import "shim" "f" (func)) (import "shim" "t" (table 1 funcref)) {exported})"#
        );
        let program = read_all(&[("main", main.as_str()), ("shim", table)]).expect("reads");
        assert_eq!(found(&program), [expect]);
    };
    check("", "0.func1 -> 0.table0[0] = 0.g");
    check(r#"(export "t" (table 0))"#, "0.func1 -> 0.table0[0] = ?");
}

#[test]
fn circles_stay_what_they_are() {
    let program = component(
        r#"(component
          (core module $shim
            (type $t (func (result i32)))
            (table (export "t") 3 3 funcref)
            (func (export "f") (type $t) i32.const 0 call_indirect (type $t))
            (func (export "g") (type $t) i32.const 1 call_indirect (type $t)))
          (core module $between
            (import "" "g" (func $g (result i32)))
            (func $h (export "h") (result i32) call $g)
            (func (export "into") (result i32) call $h))
          (core module $fill
            (import "" "t" (table 3 funcref))
            (import "" "f" (func $f (result i32)))
            (import "" "h" (func $h (result i32)))
            (import "" "into" (func (result i32)))
            (elem (i32.const 0) func $h $f))
          (core instance $shim (instantiate $shim))
          (core instance $between (instantiate $between
            (with "" (instance (export "g" (func $shim "g"))))))
          (core instance (instantiate $fill (with "" (instance
            (export "t" (table $shim "t")) (export "f" (func $shim "f"))
            (export "h" (func $between "h")) (export "into" (func $between "into")))))))"#,
    );
    // f calls h, h calls g, g calls f; the fourth only leads there.
    assert_eq!(found(&program), ["1.func2 -> 1.h"]);
}

#[test]
fn rows_lead_to_their_end() {
    let program = component(
        r#"(component
          (core module $end (func (export "f") (param i64) nop))
          (core module $row
            (import "" "f" (func $f (param i64)))
            (func $a (export "a") (param i64) local.get 0 call $f)
            (func $b (export "b") (param i64) local.get 0 call $a)
            (func (export "c") (param i64) local.get 0 call $b))
          (core module $main (import "" "c" (func (param i64))))
          (core instance $end (instantiate $end))
          (core instance $row (instantiate $row (with "" (instance $end))))
          (core instance (instantiate $main (with "" (instance $row)))))"#,
    );
    let expect = ["1.func1 -> 0.f", "1.func2 -> 0.f", "1.func3 -> 0.f"];
    assert_eq!(found(&program), expect);
}
