//! What guards, patterns and tests of rules mean, by rules that test themselves.

mod common;

use meld_engine::testing::run_tests;

const VOCABULARY: &str = r#"
pack test.vocabulary
use meld.vocabulary
fact near(a: Component, b: Component)
fact size(t: Type, n: Int)
term ask(c: Component) -> Leave
term measure(t: Type) -> Leave
term answer(c: Component) -> Leave cost size 1, call 1
term same(a: Component, b: Component) -> Leave
term last(types: [Type]) -> Leave
"#;

/// Runs the tests of one pack; the outcome of each as a line.
fn run(pack: &str) -> String {
    let rules = common::rules_with(&[VOCABULARY, pack]);
    let lines: Vec<String> = run_tests(&rules, Some("test."))
        .into_iter()
        .map(|outcome| match outcome.result {
            Ok(()) => format!("{} line {}: ok", outcome.rule, outcome.line),
            Err(why) => format!("{} line {}: {why}", outcome.rule, outcome.line),
        })
        .collect();
    lines.join("\n")
}

#[test]
fn all_kinds_hold() {
    let text = run(r#"
pack test.guards
use meld.vocabulary
use test.vocabulary

rule binds {
  match   ask(?a)
  where   near(?a, ?b), ?a != ?b
  rewrite answer(?b)
  because "a positive guard may bind"
  test { given near(#x, #y); ask(#x) => answer(#y) }
  test "both" { given near(#x, #y), near(#x, #z); ask(#x) => answer(#z) }
  test "itself" { given near(#x, #x); ask(#x) =/=> }
  test "another" { given near(#y, #z); ask(#x) =/=> }
}
rule alone {
  match   ask(?a)
  where   !near(?a, _)
  rewrite unobserved()
  because "a wildcard in a negated guard stands for anything"
  test { given near(#y, #z); ask(#x) => unobserved() }
  test "near something" { given near(#x, #z); ask(#x) =/=> }
}
rule small {
  match   measure(?t)
  where   size(?t, ?n), ?n < 8, ?n >= 2
  rewrite unobserved()
  because "numbers compare, also with numbers that occur nowhere"
  test { given size(u32(), 4); measure(u32()) => unobserved() }
  test { given size(u32(), 2); measure(u32()) => unobserved() }
  test "too large" { given size(u32(), 8); measure(u32()) =/=> }
  test "too small" { given size(u32(), 1); measure(u32()) =/=> }
  test "of another" { given size(u8(), 4); measure(u32()) =/=> }
}
rule bytes {
  match   measure(?t)
  where   ?t == list(u8())
  rewrite unobserved()
  because "data compares by shape"
  test { measure(list(u8())) => unobserved() }
  test "no bytes" { measure(list(u16())) =/=> }
}
rule twice {
  match   same(?a, ?a)
  rewrite answer(?a)
  because "a variable that stands twice matches one thing"
  test { same(#x, #x) => answer(#x) }
  test "once it is known" { given component(#o) = #x; same(component(#o), #x) => answer(#x) }
  test "two things" { same(#x, #y) =/=> }
}
rule shape {
  match   last([_, u8(), ..?rest])
  rewrite last(?rest)
  because "lists match from the left"
  test { last([u32(), u8(), bool()]) => last([bool()]) }
  test "shorter" { last([u32(), u8()]) => last([]) }
  test "too short" { last([u8()]) =/=> }
}
forbid files {
  match   host("wasi:filesystem/*", _, _)
  because "no files here"
  test { host("wasi:filesystem/types", "open", #h) => refused }
  test { host("wasi:io/streams", "read", #h) =/=> }
}
"#);
    let failed: Vec<&str> = text.lines().filter(|line| !line.ends_with(": ok")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(text.lines().count() >= 20, "{text}");
}

#[test]
fn failures_say_what_they_got() {
    insta::assert_snapshot!(run(r#"
pack test.wrong
use meld.vocabulary
use test.vocabulary
rule wrong {
  match   ask(?a)
  where   near(?a, ?b)
  rewrite answer(?b)
  because "x"
  test { given near(#x, #y); ask(#x) => answer(#x) }
  test { given near(#x, #y); ask(#x) =/=> }
  test { given near(#x, #y); ask(#x) =/=> answer(#y) }
  test { given near(#y, #x); ask(#x) => answer(#y) }
  test { given near(#x, #y), ask(#x) = answer(#y); ask(#x) => answer(#y) }
}
"#));
}
