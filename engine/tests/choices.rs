//! Which of several answers is taken.

mod common;
#[path = "common/plan.rs"]
mod plan;

use common::{program, rules, rules_and, siblings};
use meld_component::program::InstanceId;
use meld_engine::plan::{Port, Target};
use meld_engine::{Options, Weight, decide};
use plan::show;
use std::collections::BTreeSet;

const RESOURCE: &str = r#"(component
  (type $r (resource (rep i32)))
  (core func $drop (canon resource.drop $r))
  (core func $rep (canon resource.rep $r))
  (core module $main
    (import "[export]t:t/a" "[resource-drop]r" (func (param i32)))
    (import "[export]t:t/a" "[resource-rep]r" (func (param i32) (result i32)))
    (func (export "run")))
  (core instance $main (instantiate $main (with "[export]t:t/a" (instance
    (export "[resource-drop]r" (func $drop)) (export "[resource-rep]r" (func $rep))))))
  (func (export "run") (canon lift (core func $main "run"))))"#;

/// Two ways to hold a resource: the small one is slow.
const CHOICE: &str = r#"
pack test.choice
use meld.vocabulary
sort Kept choice
/// How an instance holds a resource.
term kept(component: Component, resource: Resource) -> Kept
module table(component: Component, resource: Resource) -> Kept from """
  (module (func (export "drop") (param i32)) (func (export "rep") (param i32) (result i32) local.get 0))
""" cost size 100, call 10
module search(component: Component, resource: Resource) -> Kept from """
  (module (func (export "drop") (param i32)) (func (export "rep") (param i32) (result i32) local.get 0))
""" cost size 10, call 100
rule drop {
  match   resource-drop(?c, ?r, _)
  rewrite kept(?c, ?r).drop
  because "the instance holds it"
  test { resource-drop(#c, #r, proved()) => kept(#c, #r).drop }
}
rule rep {
  match   resource-rep(?c, ?r)
  rewrite kept(?c, ?r).rep
  because "the instance holds it"
  test { resource-rep(#c, #r) => kept(#c, #r).rep }
}
option table {
  for     kept(?c, ?r)
  offer   table(?c, ?r)
  because "fast"
  test { kept(#c, #r) => table(#c, #r) }
}
option search {
  for     kept(?c, ?r)
  offer   search(?c, ?r)
  because "small"
  test { kept(#c, #r) => search(#c, #r) }
}
"#;

#[test]
fn a_choice_is_made_once() {
    let program = program(RESOURCE);
    let rules = rules_and(CHOICE);
    for (weight, expect) in [(Weight::Speed, "table"), (Weight::Size, "search")] {
        let options = Options { weight, ..Options::default() };
        let decision = decide(&program, &rules, &options).unwrap();
        let import = |n| show(&decision.plan, Port::Import(InstanceId(0), n));
        let held =
            format!("test.choice.{expect}(Component(ComponentId(0)), Resource(ResourceId(0)))");
        assert_eq!(import(0), format!("{held}.drop"));
        assert_eq!(import(1), format!("{held}.rep"));
        assert_eq!(decision.plan.modules.len(), 1);
    }
}

/// A module that many share against a small term of each one's own.
const SHARED: &str = r#"
pack test.shared
use meld.vocabulary
term private(component: Component, resource: Resource, name: Str) -> Func cost size 60, call 0
module everybody() from """
  (module (func (export "drop") (param i32)) (func (export "rep") (param i32) (result i32) local.get 0))
""" cost size 100, call 5
rule own-drop {
  match   resource-drop(?c, ?r, _)
  rewrite private(?c, ?r, "drop")
  because "x"
  test { resource-drop(#c, #r, proved()) => private(#c, #r, "drop") }
}
rule own-rep {
  match   resource-rep(?c, ?r)
  rewrite private(?c, ?r, "rep")
  because "x"
  test { resource-rep(#c, #r) => private(#c, #r, "rep") }
}
rule shared-drop {
  match   resource-drop(_, _, _)
  rewrite everybody().drop
  because "x"
  test { resource-drop(#c, #r, proved()) => everybody().drop }
}
rule shared-rep {
  match   resource-rep(_, _)
  rewrite everybody().rep
  because "x"
  test { resource-rep(#c, #r) => everybody().rep }
}
"#;

#[test]
fn speed_counts_calls_and_size_counts_what_is_shared_once() {
    let program = program(RESOURCE);
    let rules = rules_and(SHARED);
    let port = Port::Import(InstanceId(0), 0);
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    assert!(show(&decision.plan, port).starts_with("private("));
    let text = decision.trace.explain_text(Some("drop"));
    assert!(text.contains("not taken: everybody().drop (0.5 ns a call, 100 bytes)"), "{text}");

    let options = Options { weight: Weight::Size, ..Options::default() };
    let decision = decide(&program, &rules, &options).unwrap();
    assert_eq!(show(&decision.plan, port), "test.shared.everybody().drop");
}

/// How lists cross whose elements need not be looked at one by one, with vectors and without.
#[test]
fn lists_are_copied_together_where_that_is_faster() {
    let rules = rules();
    for (element, with, without) in [
        ("u8", "list-copy-short", "list-copy"),
        ("(tuple u32 u32)", "list-copy-short", "list-copy"),
        ("bool", "list-bools", "list-each"),
        ("char", "list-chars", "list-each"),
        ("(tuple u8 u32)", "list-padded", "list-each"),
        ("(tuple u8 bool u32)", "list-each", "list-each"),
        ("string", "list-each", "list-each"),
    ] {
        let parameters = format!("(param \"a\" (list {element}))");
        let program = siblings(&parameters, "(param i32 i32)", "");
        for (simd, expect) in [(true, with), (false, without)] {
            let target = Target { simd, ..Target::default() };
            let options = Options { target, ..Options::default() };
            let decision = decide(&program, &rules, &options).unwrap();
            let text = decision.trace.explain_text(Some("import"));
            let fired: BTreeSet<&str> = text
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .filter(|word| word.starts_with("list-"))
                .collect();
            assert_eq!(fired, BTreeSet::from([expect]), "{element}, vectors: {simd}");
        }
    }
}

/// What runs after a call stands in the adapter if it is tiny, unless an exception may escape from it.
#[test]
fn a_tiny_post_return_is_inlined() {
    let rules = rules();
    for (tag, body, expect) in [
        ("", "", "post-return(inline("),
        ("", "(loop $l (br_if $l (local.get 0)))", "post-return(separate("),
        ("(tag $t)", "(throw $t)", "post-return(catch-all-after("),
    ] {
        let program = program(&format!(
            r#"(component
              (component $a
                (core module $m
                  {tag}
                  (memory (export "memory") 1)
                  (func (export "f") (result i32) (i32.const 0))
                  (func (export "after") (param i32) {body}))
                (core instance $i (instantiate $m))
                (func (export "f") (result string) (canon lift (core func $i "f")
                  (memory (core memory $i "memory")) (post-return (core func $i "after")))))
              (component $b
                (import "f" (func $f (result string)))
                (core module $libc
                  (memory (export "memory") 1)
                  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
                (core instance $libc (instantiate $libc))
                (core func $f (canon lower (func $f) (memory (core memory $libc "memory"))
                  (realloc (core func $libc "realloc"))))
                (core module $m
                  (import "" "f" (func $f (param i32)))
                  (func (export "run") (call $f (i32.const 0))))
                (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
                (func (export "run") (canon lift (core func $i "run"))))
              (instance $a (instantiate $a))
              (instance $b (instantiate $b (with "f" (func $a "f"))))
              (export "run" (func $b "run")))"#
        ));
        let decision = decide(&program, &rules, &Options::default()).unwrap();
        let ports = decision.plan.ports.keys();
        let shown: String = ports.map(|port| show(&decision.plan, *port)).collect();
        assert!(shown.contains(expect), "{expect}: {shown}");
    }
}

/// What core instances import from each other stands in place of calls if it is tiny, also where the import
/// comes to it by functions that only pass on, and if speed counts.
#[test]
fn tiny_functions_of_core_instances_are_inlined() {
    let rules = rules();
    let large = "(drop (i32.const 1))".repeat(30);
    for (body, weight, expect) in [
        ("", Weight::Speed, "inline(Instance(InstanceId(0)).f)"),
        ("", Weight::Size, "separate(Instance(InstanceId(0)).f)"),
        (&large, Weight::Speed, "separate(Instance(InstanceId(0)).f)"),
        ("(loop)", Weight::Speed, "Instance(InstanceId(0)).f"),
        ("(call $g)", Weight::Speed, "Instance(InstanceId(0)).f"),
    ] {
        let program = program(&format!(
            r#"(component
              (core module $lib
                (global (export "g") i32 (i32.const 0))
                (func $g)
                (func (export "f") (param i32) (result i32) {body} (i32.add (local.get 0) (i32.const 1))))
              (core module $passes
                (import "a" "f" (func $f (param i32) (result i32)))
                (func (export "f") (param i32) (result i32) (call $f (local.get 0))))
              (core module $main
                (import "a" "f" (func $f (param i32) (result i32)))
                (import "b" "f" (func $g (param i32) (result i32)))
                (import "a" "g" (global i32))
                (func (export "run") (result i32) (call $f (call $g (i32.const 1)))))
              (core instance $lib (instantiate $lib))
              (core instance $passes (instantiate $passes (with "a" (instance $lib))))
              (core instance $main (instantiate $main
                (with "a" (instance $lib)) (with "b" (instance $passes))))
              (func (export "run") (result u32) (canon lift (core func $main "run"))))"#
        ));
        let options = Options { weight, ..Options::default() };
        let plan = decide(&program, &rules, &options).unwrap().plan;
        let import = |position| show(&plan, Port::Import(InstanceId(2), position));
        assert_eq!([import(0), import(1)], [expect, expect], "{body}");
        assert_eq!(import(2), "Instance(InstanceId(0)).g");
    }
}
