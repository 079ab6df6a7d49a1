use super::*;
use crate::facts::trampolines;

fn observed(program: &Program) -> BTreeSet<ComponentId> {
    leaving(program, &trampolines(program)).observed
}

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
    assert_eq!(observed(&program), expect, "{module}");
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
    const TABLE: &str = "(table 1 funcref) (elem (i32.const 0) $h)";
    check(&module("i32.const 0 call_indirect", TABLE), true);
    check(&module("i32.const 0 call_indirect", "(table 1 funcref)"), false);
    let tail = format!("(func $a i32.const 0 return_call_indirect) {TABLE}");
    check(&module("call $a", &tail), true);
    let reference = "(type $t (func)) (elem func $h)";
    check(&module("ref.null $t call_ref $t", reference), true);
    let tail = format!("(func $a ref.null $t return_call_ref $t) {reference}");
    check(&module("call $a", &tail), true);
    check(&module("ref.null $t call_ref $t", "(type $t (func))"), false);
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
    let observes = |body: &str| observed(&crate::testing::component(&wat(body)));
    assert_eq!(observes(""), BTreeSet::new());
    assert_eq!(observes("call $dispatch"), BTreeSet::from([ComponentId(0)]));
}

/// Whether the instance sees its flag down, and the functions of others, by their core function's name, of which it
/// is proved that it may leave when it calls them. It imports `f` and `g` of the first component, and `h` of the host.
fn proved(module: &str) -> (bool, Vec<String>) {
    let wat = format!(
        r#"(component
          (import "h" (func $h))
          (component $callee
            (core module $m (func (export "f")) (func (export "g") (param i32)))
            (core instance $m (instantiate $m))
            (func (export "f") (canon lift (core func $m "f")))
            (func (export "g") (param "a" u32) (canon lift (core func $m "g"))))
          (component $caller
            (import "h" (func $h))
            (import "f" (func $f))
            (import "g" (func $g (param "a" u32)))
            (core func $h (canon lower (func $h)))
            (core func $f (canon lower (func $f)))
            (core func $g (canon lower (func $g)))
            (core module $main
              (import "" "h" (func $h)) (import "" "f" (func $f)) (import "" "g" (func $g (param i32)))
              (memory (export "memory") 1)
              (func (export "run") (param i32 i32) call $h call $f (call $g (i32.const 0)))
              {module})
            (core instance $main (instantiate $main (with "" (instance
              (export "h" (func $h)) (export "f" (func $f)) (export "g" (func $g))))))
            (func (export "run") (param "s" string) (canon lift (core func $main "run")
              (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))
          (instance $callee (instantiate $callee))
          (instance $caller (instantiate $caller
            (with "h" (func $h)) (with "f" (func $callee "f")) (with "g" (func $callee "g"))))
          (export "run" (func $caller "run")))"#
    );
    let program = crate::testing::component(&wat);
    let found = leaving(&program, &trampolines(&program));
    let name = |item: &CoreItem| {
        let CoreItem::Lower { func, .. } = item else { panic!("a function of the callee") };
        let FuncDef::Lift { core: CoreItem::Export { instance, export }, .. } =
            &program.funcs[func.index()].def
        else {
            panic!("a function of the callee");
        };
        program.module_of(*instance).exports[*export as usize].name.clone()
    };
    let mut names: Vec<String> = found.proved.iter().map(name).collect();
    names.sort();
    (!found.observed.is_empty(), names)
}

/// A `realloc` with this body, and more items.
fn realloc(body: &str, more: &str) -> String {
    format!(
        r#"(func (export "realloc") (param i32 i32 i32 i32) (result i32) {body} i32.const 0) {more}"#
    )
}

#[track_caller]
fn check_proved(body: &str, more: &str, expect: &[&str]) {
    let (observed, found) = proved(&realloc(body, more));
    assert!(observed, "{body} {more}");
    assert_eq!(found, expect, "{body} {more}");
}

#[test]
fn what_is_not_reached_is_proved() {
    let all = || ["f", "g"].map(String::from).to_vec();
    assert_eq!(proved(&realloc("", "")), (false, all()), "nobody looks at the flag");
    check_proved("call $h", "", &["f", "g"]);
    check_proved("call $f", "", &["g"]);
    check_proved("call $a", "(func $a call $h call $b) (func $b (call $g (i32.const 0)))", &["f"]);
    check_proved("call $f (call $g (i32.const 0))", "", &[]);
}

#[test]
fn a_call_through_a_table_goes_to_functions_of_its_type() {
    let through = "i32.const 0 call_indirect";
    check_proved(through, "(table 1 funcref) (elem (i32.const 0) $h)", &["f", "g"]);
    check_proved(through, "(table 1 funcref) (elem (i32.const 0) $f $g)", &["g"]);
    check_proved(through, "(table 1 funcref) (elem (i32.const 0) $a) (func $a call $f)", &["g"]);
    let other = "(table 1 funcref) (elem (i32.const 0) $a $h) (func $a (param i32) call $f)";
    check_proved(through, other, &["f", "g"]);
    check_proved(through, "(table 1 funcref) (elem func $f) (elem (i32.const 0) $h)", &["g"]);
    check_proved(through, "(table 1 funcref (ref.func $f)) (global funcref (ref.func $h))", &["g"]);
    let (observed, _) =
        proved(&realloc(through, "(table 1 funcref) (elem (i32.const 0) $a) (func $a)"));
    assert!(!observed);
}

#[test]
fn bodies_make_references() {
    let through = "ref.null $t call_ref $t";
    let made = |item: &str, body: &str| {
        format!(
            "(type $t (func)) (global $r (mut funcref) (ref.null func)) {item} (func {body}) (elem (i32.const 0) $h) (table 1 funcref)"
        )
    };
    check_proved(through, &made("", ""), &["f", "g"]);
    check_proved(through, &made("(elem declare func $f)", "ref.func $f global.set $r"), &["g"]);
    check_proved(through, &made("(elem declare func $f)", ""), &["f", "g"]);
    check_proved(through, &made(r#"(export "f" (func $f))"#, "ref.func $f global.set $r"), &["g"]);
    check_proved(through, &made(r#"(export "f" (func $f))"#, ""), &["f", "g"]);
}

/// Types that may be called as others are those of any function.
#[test]
fn types_with_subtypes_are_not_told_apart() {
    let module = "(type $t (sub (func (param i64))))";
    check_proved("i64.const 0 ref.null $t call_ref $t", module, &[]);
}

/// What a function that only calls another one through a table calls is known, and no other of its type.
#[test]
fn what_shims_call_is_known() {
    let shim = r#"(func $shim i32.const 1 call_indirect) (table $t 2 funcref) (elem (i32.const 0) $f)
      (elem (i32.const 1) $h) (export "shim" (func $shim))"#;
    let own = &realloc("call $shim", shim);
    assert_eq!(proved(own), (true, vec!["g".to_string()]), "nobody imports it, so nobody asks");
    let wat = |body: &str| {
        format!(
            r#"(component
              (component $callee
                (core module $m (func (export "f")) (func (export "g")))
                (core instance $m (instantiate $m))
                (func (export "f") (canon lift (core func $m "f")))
                (func (export "g") (canon lift (core func $m "g"))))
              (component $caller
                (import "f" (func $f)) (import "g" (func $g))
                (core func $f (canon lower (func $f)))
                (core func $g (canon lower (func $g)))
                (core module $shim
                  (table (export "t") 2 funcref)
                  (func (export "f") i32.const 0 call_indirect)
                  (func (export "g") i32.const 1 call_indirect))
                (core instance $shim (instantiate $shim))
                (core module $fixup
                  (import "" "t" (table 2 funcref)) (import "" "f" (func $f)) (import "" "g" (func $g))
                  (elem (i32.const 0) $f $g))
                (core instance (instantiate $fixup (with "" (instance
                  (export "t" (table $shim "t")) (export "f" (func $f)) (export "g" (func $g))))))
                (core module $main
                  (import "" "f" (func $f)) (import "" "g" (func $g))
                  (memory (export "memory") 1)
                  (func (export "run") (param i32 i32) call $f call $g)
                  (func (export "realloc") (param i32 i32 i32 i32) (result i32) {body} i32.const 0))
                (core instance $main (instantiate $main (with "" (instance $shim))))
                (func (export "run") (param "s" string) (canon lift (core func $main "run")
                  (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))
              (instance $callee (instantiate $callee))
              (instance $caller (instantiate $caller
                (with "f" (func $callee "f")) (with "g" (func $callee "g"))))
              (export "run" (func $caller "run")))"#
        )
    };
    let proved = |body: &str| {
        let program = crate::testing::component(&wat(body));
        leaving(&program, &trampolines(&program)).proved.len()
    };
    assert_eq!([proved(""), proved("call $f"), proved("call $f call $g")], [2, 1, 0]);
}

/// The root's one instance makes and drops handles of its resource.
#[test]
fn making_and_dropping_handles_leaves() {
    let wat = |body: &str| {
        format!(
            r#"(component
              (type $r (resource (rep i32)))
              (core func $new (canon resource.new $r))
              (core func $rep (canon resource.rep $r))
              (core func $drop (canon resource.drop $r))
              (core module $main
                (import "" "new" (func $new (param i32) (result i32)))
                (import "" "rep" (func $rep (param i32) (result i32)))
                (import "" "drop" (func $drop (param i32)))
                (memory (export "memory") 1)
                (func (export "run") (param i32 i32) (call $drop (call $new (i32.const 1))))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {body} i32.const 0))
              (core instance $main (instantiate $main (with "" (instance
                (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
              (func (export "run") (param "s" string) (canon lift (core func $main "run")
                (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
        )
    };
    let found = |body: &str| {
        let program = crate::testing::component(&wat(body));
        let Leaving { observed, proved } = leaving(&program, &trampolines(&program));
        (observed.len(), proved.len())
    };
    assert_eq!(found(""), (0, 2));
    assert_eq!(found("(drop (call $rep (i32.const 0)))"), (0, 2));
    assert_eq!(found("(call $drop (i32.const 0))"), (1, 1));
    assert_eq!(found("(drop (call $new (i32.const 0)))"), (1, 1));
}

#[test]
fn large_programs_are_not_searched() {
    let nops = |count: usize| format!("call $h {}", "nop ".repeat(count));
    check_proved(&nops(MOST_BYTES / 2), "", &["f", "g"]);
    check_proved(&nops(MOST_BYTES), "", &[]);
}
