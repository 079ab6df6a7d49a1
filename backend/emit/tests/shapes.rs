//! Worlds beyond WIT keep their shape, and what cannot be wrapped is refused.

mod common;

use common::{host, program_of, same_type};
use meld_component::program::{HostFuncId, Program, StringEncoding};
use meld_emit::wrap::{
    EmbedError, Lifted, Lowered, WitWorld, WrapError, Wrapping, core_module, wrap,
};

/// Wraps a module as a component given in text. The module's exports are named
/// `path/to/function`; beside it, host functions that are exported again, to and from. Returns
/// the input and the output.
/// A wrapping in which nothing is imported or exported.
fn bare_wrapping(program: &Program, module: Vec<u8>) -> Wrapping<'_> {
    Wrapping {
        program,
        module,
        lowers: vec![],
        builtins: vec![],
        supplied: vec![],
        destructors: vec![],
        lifts: vec![],
        start: None,
    }
}

fn outcome(
    input: &str,
    module: &str,
    reexported: &[(&str, &str)],
) -> Result<(Vec<u8>, Vec<u8>), WrapError> {
    let input = wat::parse_str(input).unwrap();
    let program = program_of(&input);
    let lifts = program.root_exports.iter().map(|export| {
        let path = export.path.join("/");
        match reexported.iter().find(|(to, _)| *to == path) {
            Some((_, from)) => Lifted::Host(host(&program, from)),
            None => Lifted::Core {
                export: path,
                encoding: StringEncoding::Utf8,
                memory: None,
                realloc: None,
                post_return: None,
            },
        }
    });
    let module = wat::parse_str(module).unwrap();
    let wrapping = Wrapping { lifts: lifts.collect(), ..bare_wrapping(&program, module) };
    let output = wrap(wrapping)?;
    Ok((input, output))
}

fn check(input: &str, module: &str, reexported: &[(&str, &str)]) {
    let (input, output) = outcome(input, module, reexported).unwrap();
    assert!(same_type(&input, &output));
}

#[test]
fn host_functions_exported_again() {
    check(
        r#"(component
          (import "f" (func $f (param "x" u32) (result string)))
          (export "g" (func $f)))"#,
        "(module)",
        &[("g", "f")],
    );
    // With methods, whose names are valid only beside the resource's.
    check(
        r#"(component
          (import "a:b/c" (instance $i
            (export "r" (type $r (sub resource)))
            (type $rec (record (field "x" u32)))
            (export "rec" (type $rec2 (eq $rec)))
            (export "[method]r.m" (func (param "self" (borrow $r)) (result $rec2)))
            (export "[constructor]r" (func (result (own $r))))))
          (export "a:b/c" (instance $i)))"#,
        "(module)",
        &[
            ("a:b/c/[method]r.m", "a:b/c/[method]r.m"),
            ("a:b/c/[constructor]r", "a:b/c/[constructor]r"),
        ],
    );
}

#[test]
fn types_at_the_root() {
    check(
        r#"(component
          (import "r" (type $r (sub resource)))
          (import "same" (type $same (eq $r)))
          (type $rec (record (field "a" (own $same)) (field "b" (list (borrow $r)))))
          (type $e (enum "x" "y"))
          (import "e" (type $e2 (eq $e)))
          (import "f" (func (param "p" (own $same)) (result $e2)))
          (type $point (record (field "e" $e2)))
          (export $point2 "point" (type $point))
          (export "r-again" (type $r))
          (type $flags (flags "q"))
          (export "fl" (type $flags))
          (core module $m (func (export "g") (param i32) (result i32) unreachable))
          (core instance $i (instantiate $m))
          (func $g (param "p" $point2) (result $e2) (canon lift (core func $i "g")))
          (export "g" (func $g)))"#,
        r#"(module (func (export "g") (param i32) (result i32) unreachable))"#,
        &[],
    );
}

#[test]
fn instances_within_instances() {
    check(
        r#"(component
          (import "outer" (instance $outer
            (export "inner" (instance $inner
              (export "r" (type $r (sub resource)))
              (type $rec (record (field "r" (own $r))))
              (export "rec" (type (eq $rec)))))
            (alias export $inner "rec" (type $rec))
            (export "f" (func (param "x" $rec)))))
          (alias export $outer "f" (func $f))
          (alias export $outer "inner" (instance $inner))
          (alias export $inner "rec" (type $rec))
          (alias export $inner "r" (type $r))
          (core module $m (func (export "g") (param i32) unreachable))
          (core instance $i (instantiate $m))
          (type $color (enum "red" "blue"))
          (func $g (param "x" $rec) (canon lift (core func $i "g")))
          (func $h (param "x" $color) (canon lift (core func $i "g")))
          (instance $deep (export "color" (type $color)) (export "h" (func $h)))
          (instance $top
            (export "deep" (instance $deep))
            (export "r" (type $r)) (export "rec" (type $rec)) (export "g" (func $g))
            (export "h" (func $h)))
          (export "top" (instance $top)))"#,
        r#"(module
          (func (export "top/g") (param i32) unreachable)
          (func (export "top/h") (param i32) unreachable)
          (func (export "top/deep/h") (param i32) unreachable))"#,
        &[],
    );
}

#[test]
fn types_that_occur_twice() {
    // The validator's own comparison of component types does not expect these, see `check.rs`.
    let exports = |input: &str, reexported: &[(&str, &str)]| {
        let (_, output) = outcome(input, "(module)", reexported).unwrap();
        let output = program_of(&output);
        output.root_exports.iter().map(|export| export.path.join("/")).collect::<Vec<_>>()
    };
    let found = exports(
        r#"(component
          (type $t (instance
            (export "r" (type $r (sub resource)))
            (type $e (enum "x"))
            (export "e" (type $e2 (eq $e)))
            (export "f" (func (param "r" (borrow $r)) (result $e2)))))
          (import "a" (instance $a (type $t)))
          (import "b" (instance $b (type $t)))
          (export "c" (instance $b))
          (alias export $a "f" (func $f))
          (export "f" (func $f)))"#,
        &[("c/f", "b/f"), ("f", "a/f")],
    );
    assert_eq!(found, ["c/f", "f"]);
    let found = exports(
        r#"(component
          (import "a" (instance $a
            (export "r" (type $r (sub resource)))
            (export "f" (func (param "r" (borrow $r))))))
          (export "c" (instance $a))
          (export "d" (instance $a)))"#,
        &[("c/f", "a/f"), ("d/f", "a/f")],
    );
    assert_eq!(found, ["c/f", "d/f"]);
}

#[test]
fn names_with_more_than_a_name() {
    check(
        r#"(component
          (import "a" (implements "x:y/z") (instance $a (export "f" (func))))
          (import "b" (implements "x:y/z") (instance $b (export "f" (func))))
          (export "c" (implements "x:y/z") (instance $a)))"#,
        "(module)",
        &[("c/f", "a/f")],
    );
}

/// Resource types that are defined inside, exported in one place, in two, and under two names.
#[test]
fn resources_that_guests_define() {
    let of = |rest: &str| {
        let input = format!("(component (type $r (resource (rep i32))) {rest})");
        // Wrapping compares the worlds; wasmparser cannot where one type has two names.
        outcome(&input, "(module)", &[]).unwrap();
    };
    of(r#"(export "r" (type $r))"#);
    of(r#"(export $s "s" (type $r)) (export "t" (type $s))"#);
    of(r#"(instance $i (export "r" (type $r))) (export "x:y/z" (instance $i))"#);
    of(r#"(instance $i (export "r" (type $r)) (export "s" (type $r)))
          (export "x:y/z" (instance $i)) (export "x:y/w" (instance $i))"#);
    let function = r#"
        (core module $m (func (export "f") (param i32) (result i32) local.get 0))
        (core instance $m (instantiate $m))"#;
    let module = r#"(module (func (export "f") (param i32) (result i32) local.get 0)
                            (func (export "a/f") (param i32) (result i32) local.get 0))"#;
    let of = |rest: &str| {
        let input = format!("(component (type $r (resource (rep i32))) {function} {rest})");
        outcome(&input, module, &[]).unwrap();
    };
    of(r#"(export $s "s" (type $r))
          (func $f (param "r" (borrow $r)) (result (own $r)) (canon lift (core func $m "f")))
          (export "f" (func $f) (func (param "r" (borrow $s)) (result (own $s))))"#);
    of(r#"(func $f (param "r" (borrow $r)) (result (own $r)) (canon lift (core func $m "f")))
          (component $c
            (import "r" (type $r (sub resource)))
            (import "f" (func $f (param "r" (borrow $r)) (result (own $r))))
            (export $s "s" (type $r))
            (export "f" (func $f) (func (param "r" (borrow $s)) (result (own $s)))))
          (instance $i (instantiate $c (with "r" (type $r)) (with "f" (func $f))))
          (export "a" (instance $i))
          (alias export $i "s" (type $s))
          (export "s" (type $s))"#);
}

#[test]
fn refused_modules() {
    let input = wat::parse_str(
        r#"(component
          (import "h" (func $h (param "x" string) (result string)))
          (core module $m (func (export "g") (param i32 i32 ) unreachable)
             (func (export "alloc") (param i32 i32 i32 i32) (result i32) unreachable)
             (memory (export "mem") 1))
          (core instance $i (instantiate $m))
          (func $g (param "x" string)
            (canon lift (core func $i "g") (memory (core memory $i "mem")) (realloc (core func $i "alloc"))))
          (export "memory" (func $g))
          (export "h2" (func $h)))"#,
    )
    .unwrap();
    let program = program_of(&input);
    let module = r#"
        (import "host" "h" (func (param i32 i32 i32)))
        (func (export "g") (param i32 i32) unreachable)
        (func (export "alloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "alloc2") (param i32 i32 i32 i32) (result i32) unreachable)
        (memory (export "mem") 1)
        (memory (export "mem2") 1)"#;
    let text = |name: &str| Some(name.to_string());
    let lowered = Lowered {
        module: "host".into(),
        name: "h".into(),
        host: HostFuncId(0),
        encoding: StringEncoding::Utf8,
        memory: text("mem"),
        realloc: text("alloc"),
    };
    let lifted = |encoding, memory: &str, realloc: Option<&str>| Lifted::Core {
        export: "g".into(),
        encoding,
        memory: text(memory),
        realloc: realloc.map(Into::into),
        post_return: None,
    };
    let check = |module: &str, lowers: Vec<Lowered>, lift: Lifted, core: bool, expect: &str| {
        let module = wat::parse_str(format!("(module {module})")).unwrap();
        let lifts = vec![lift, Lifted::Host(HostFuncId(0))];
        let wrapping = Wrapping { lowers, lifts, ..bare_wrapping(&program, module) };
        let error = match core {
            false => wrap(wrapping).map(|_| ()).unwrap_err(),
            true => core_module(wrapping).map(|_| ()).unwrap_err(),
        };
        assert!(error.to_string().contains(expect), "{error}");
    };
    let utf8 = StringEncoding::Utf8;
    let good = || lifted(utf8, "mem", Some("alloc"));
    let host = || vec![lowered.clone()];
    let without = |option: &str| {
        let mut lowered = lowered.clone();
        match option {
            "memory" => lowered.memory = None,
            _ => lowered.realloc = None,
        }
        vec![lowered]
    };
    for core in [false, true] {
        check(module, vec![], good(), core, "imports `host` `h`, which is nothing of the host");
        check(r#"(import "a" "m" (memory 1))"#, vec![], good(), core, "imports `a` `m`");
        check(module, without("memory"), good(), core, "the canonical option `memory`");
        check(module, without("realloc"), good(), core, "import `h` passes values");
        check(module, host(), lifted(utf8, "mem", None), core, "export `memory` passes values");
    }
    let lift = lifted(utf8, "mem2", Some("alloc"));
    check(module, host(), lift, true, "`h` uses one memory and the export `memory` another");
    let lift = lifted(utf8, "mem", Some("alloc2"));
    check(module, host(), lift, true, "uses one realloc function and");
    let lift = lifted(StringEncoding::Utf16, "mem", Some("alloc"));
    check(module, host(), lift, true, "uses one string encoding and");
    check(module, host(), good(), true, "`h2` is the imported function `h`, exported again");
    // What the merged module lacks is found before anything is written.
    check(module, host(), lifted(utf8, "none", Some("alloc")), false, "internal error");
    check(module, host(), lifted(utf8, "none", Some("alloc")), true, "no export `none`");
}

#[test]
fn names_that_core_modules_keep() {
    let input = wat::parse_str(
        r#"(component
          (core module $m (func (export "g") (result i32) unreachable) (memory (export "mem") 1))
          (core instance $i (instantiate $m))
          (func $g (result string) (canon lift (core func $i "g") (memory (core memory $i "mem"))))
          (export "memory" (func $g)))"#,
    )
    .unwrap();
    let program = program_of(&input);
    let module = wat::parse_str(
        r#"(module (func (export "g") (result i32) unreachable) (memory (export "mem") 1))"#,
    )
    .unwrap();
    let lift = Lifted::Core {
        export: "g".into(),
        encoding: StringEncoding::Utf8,
        memory: Some("mem".into()),
        realloc: None,
        post_return: None,
    };
    let wrapping = Wrapping { lifts: vec![lift], ..bare_wrapping(&program, module) };
    wrap(wrapping.clone()).unwrap();
    let error = core_module(wrapping).unwrap_err();
    assert_eq!(error, WrapError::Reserved { name: "memory".into() });
}

#[test]
fn worlds_without_words_in_wit() {
    let check = |input: &str, expect: &str| {
        let program = program_of(&wat::parse_str(input).unwrap());
        let error = WitWorld::of(&program).unwrap_err();
        assert!(matches!(error, EmbedError::Shape { .. }), "{error:?}");
        assert!(error.to_string().contains(expect), "{error}");
    };
    check(
        r#"(component (import "a" (instance (export "b" (instance)))))"#,
        "an instance within an instance (`a` / `b`)",
    );
    check(
        r#"(component (type $e (enum "x")) (export "e" (type $e)))"#,
        "a world cannot export a type outside an interface (`e`)",
    );
    check(
        r#"(component
          (import "x:y/z" (instance $i (export "r" (type (sub resource)))))
          (export "x:y/z" (instance $i)))"#,
        "one type appears under two names (`x:y/z` / `r`)",
    );
    check(r#"(component (import "locked-dep=<a:b>" (func)))"#, "a function needs a plain name");
    check(
        r#"(component (type $f (func)) (import "f" (type (eq $f))))"#,
        "only value and resource types",
    );
}
