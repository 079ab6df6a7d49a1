//! Whole decisions on small components.

mod common;
#[path = "common/plan.rs"]
mod plan;

use common::{
    ASSUMING, core_program, only_vocabulary, program, rules, rules_and, siblings, stable,
};
use meld_component::program::InstanceId;
use meld_engine::plan::Port;
use meld_engine::{EngineError, Options, Weight, decide};
use meld_pack::ruleset::RuleSet;
use plan::show;
use std::collections::BTreeSet;

#[test]
fn a_scalar_call_is_direct() {
    let program = siblings("(param \"a\" u32)", "(param i32)", "");
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    insta::assert_snapshot!(stable(&decision.trace.explain_text(None)));
}

#[test]
fn a_string_needs_an_adapter() {
    let program = siblings("(param \"a\" (list string))", "(param i32 i32)", "");
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    insta::assert_snapshot!(stable(&decision.trace.explain_text(Some("import"))));
}

/// The plan of rules that fire in the reverse order.
#[test]
fn the_plan_does_not_depend_on_the_order_of_declaration() {
    let program =
        siblings("(param \"a\" (list (tuple string (option u8))))", "(param i32 i32)", "");
    for weight in [Weight::Speed, Weight::Size] {
        let plan = |rules: &RuleSet| {
            let options = Options { weight, ..Options::default() };
            format!("{:#?}", decide(&program, rules, &options).unwrap().plan)
        };
        let mut reversed = rules();
        reversed.rules.reverse();
        assert_eq!(plan(&rules()), plan(&reversed));
    }
}

#[test]
fn what_nothing_reaches_is_absent() {
    let program = program(
        r#"(component
          (core module $idle (import "a" "f" (func)))
          (core module $main (func (export "f")))
          (core instance $main (instantiate $main))
          (core instance (instantiate $idle (with "a" (instance $main))))
          (func (export "f") (canon lift (core func $main "f"))))"#,
    );
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    assert_eq!(decision.plan.ports.keys().collect::<Vec<_>>(), [&Port::Export(0)]);
}

#[test]
fn active_segments_reach() {
    // The second module may write into the first one's table.
    let program = program(
        r#"(component
          (core module $main (table (export "t") 1 funcref) (func (export "f")))
          (core module $fill (import "a" "t" (table 1 funcref)))
          (core instance $main (instantiate $main))
          (core instance (instantiate $fill (with "a" (instance $main))))
          (func (export "f") (canon lift (core func $main "f"))))"#,
    );
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    assert_eq!(decision.plan.ports.len(), 2);
}

#[test]
fn what_is_written_where_it_can_be_seen_is_live() {
    let live = |modules: &[(&str, &str)]| {
        let program = core_program(modules);
        let plan = decide(&program, &rules(), &Options::default()).unwrap().plan;
        let names = plan.instances.iter().map(|id| program.instances[id.index()].name.clone());
        names.collect::<Vec<_>>()
    };
    let writer =
        |of: &str| format!(r#"(module (import "{of}" "m" (memory 1)) (data (i32.const 0) "x"))"#);
    // Nothing calls into the writers. The first writes to what the host has ..
    let main = r#"(module (func (export "f")))"#;
    let idle = r#"(module (import "env" "g" (func)))"#;
    assert_eq!(
        live(&[("writer", &writer("env")), ("idle", idle), ("main", main)]),
        ["writer", "main"]
    );
    // .. and this one to what the root exports.
    let memory = r#"(module (memory (export "m") 1))"#;
    let face = r#"(module (import "memory" "m" (memory 1)) (export "m" (memory 0)))"#;
    assert_eq!(
        live(&[("memory", memory), ("face", face), ("writer", &writer("memory")), ("idle", idle)]),
        ["memory", "face", "writer"]
    );
}

#[test]
fn shims_are_seen_through() {
    let fused = |start: &str| {
        let program = program(&format!(
            r#"(component
              (core module $shim
                (type $t (func))
                (table (export "t") 1 funcref)
                (func (export "f") i32.const 0 call_indirect (type $t)))
              (core module $main (import "a" "f" (func $f)) (func (export "run")) {start})
              (core module $fill
                (import "a" "t" (table 1 funcref))
                (elem (i32.const 0) func $g)
                (func $g (export "g")))
              (core instance $shim (instantiate $shim))
              (core instance $main (instantiate $main (with "a" (instance $shim))))
              (core instance (instantiate $fill (with "a" (instance $shim))))
              (func (export "run") (canon lift (core func $main "run"))))"#
        ));
        let rules = rules();
        let plan = decide(&program, &rules, &Options::default()).unwrap().plan;
        show(&plan, Port::Import(InstanceId(1), 0))
    };
    assert_eq!(fused(""), "inline(Instance(InstanceId(2)).g)");
    assert_eq!(fused("(start $f)"), "Instance(InstanceId(0)).f");
}

const STREAM: &str = r#"(component
  (type $s (stream u8))
  (core func $new (canon stream.new $s))
  (core func $drop (canon stream.drop-readable $s))
  (core module $main
    (import "t:t/a" "new" (func (result i64)))
    (import "t:t/a" "drop" (func (param i32)))
    (func (export "run")))
  (core instance $main (instantiate $main (with "t:t/a" (instance
    (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $main "run"))))"#;

#[test]
fn ports_without_an_answer() {
    let rules = rules();
    let error = decide(&program(STREAM), &rules, &Options::default()).unwrap_err();
    insta::assert_snapshot!(stable(&error));
}

/// The reason that is declared last is given.
#[test]
fn packs_say_why_a_question_is_left_open() {
    const OWN: &str = r#"
pack test.why
use meld.vocabulary
refuse anything {
  match   async-builtin(_, _)
  because "we have no async"
}
refuse new {
  match   async-builtin("*.new", _)
  because "we make no streams"
}
refuse of-something-else {
  match   async-lower(_, _)
  because "it is not asked"
}
"#;
    let (program, rules) = (program(STREAM), rules_and(OWN));
    let error = decide(&program, &rules, &Options::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("we make no streams\n  refused by test.why.new ("), "{error}");
    assert!(error.contains("we have no async\n  refused by test.why.anything ("), "{error}");
    assert!(!error.contains("not supported yet") && !error.contains("not asked"), "{error}");
}

#[test]
fn streams_and_futures_are_refused_in_plain_words() {
    let handle = siblings("(param \"a\" (stream u8))", "(param i32)", "");
    let error = decide(&handle, &rules(), &Options::default()).unwrap_err().to_string();
    assert!(
        error.contains("\n\npasses `stream`: streams and futures are not supported"),
        "{error}"
    );
    let host = program(
        r#"(component
          (import "a:b/files" (instance $files
            (export "open" (func (result (future u8))))))
          (core func $open (canon lower (func $files "open")))
          (core module $m
            (import "a" "open" (func $open (result i32)))
            (func (export "run") (result i32) call $open))
          (core instance $i (instantiate $m (with "a" (instance (export "open" (func $open))))))
          (func (export "run") (result u32) (canon lift (core func $i "run"))))"#,
    );
    let error = decide(&host, &rules(), &Options::default()).unwrap_err().to_string();
    assert!(
        error.contains(
            "\n\n\"a:b/files\" \"open\" passes `future`: streams and futures are not supported"
        ),
        "{error}"
    );
    // Other rules might support it, and nobody asked those of meld.
    let alone = only_vocabulary();
    let error = decide(&host, &alone, &Options::default()).unwrap_err().to_string();
    assert!(!error.contains("supported"), "{error}");
    assert!(error.ends_with("the standard packs are left out (--no-default-rules)"), "{error}");
}

#[test]
fn ports_whose_guards_fail() {
    let program = siblings("(param \"a\" (list (option bool)))", "(param i32 i32)", "");
    let rules = rules();
    let options =
        Options { disable: BTreeSet::from(["meld.values.part".to_string()]), ..Options::default() };
    let error = decide(&program, &rules, &options).unwrap_err();
    insta::assert_snapshot!(stable(&error));
}

#[test]
fn why_not() {
    let program = siblings("(param \"a\" string)", "(param i32 i32)", "");
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    let ask = |rule, filter| decision.trace.why_not(rule, filter).unwrap();
    let texts = [
        ask("meld.calls.direct", None),
        ask("meld.calls.never-enter", Some("import add")),
        ask("meld.calls.meet", None),
        ask("meld.values.option", None),
        ask("meld.hosts.import", None),
        ask("meld.values.utf16-to-utf16", Some("math")),
        decision.trace.why_not("call.direct", None).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(stable(&texts.join("\n")));
}

#[test]
fn names_of_rules() {
    let program = siblings("(param \"a\" u32)", "(param i32)", "");
    let rules = rules();
    let disable = |name: &str| {
        let options = Options { disable: BTreeSet::from([name.into()]), ..Options::default() };
        decide(&program, &rules, &options)
    };
    for name in ["direct", "calls.direct", "meld.calls.direct"] {
        let decision = disable(name).unwrap();
        let text = show(&decision.plan, Port::Import(InstanceId(2), 0));
        assert!(text.starts_with("inline(adapter("), "{name}: {text}");
        let why = decision.trace.why_not(name, None).unwrap();
        assert!(why.contains("does not run: it is disabled (--disable)"), "{why}");
    }
    let errors = [
        (
            "meld.calls.dirct",
            "no pack declares the rule `meld.calls.dirct`; did you mean `meld.calls.direct`?",
        ),
        ("irect", "no pack declares the rule `irect`; did you mean `meld.calls.direct`?"),
        ("directt", "no pack declares the rule `directt`; did you mean `meld.calls.direct`?"),
        (
            "meld.cals.direct",
            "no pack declares the rule `meld.cals.direct`; did you mean `meld.calls.direct`?",
        ),
        (
            "meld.hosts.side-flatt",
            "no pack declares the rule `meld.hosts.side-flatt`; did you mean `meld.hosts.side-flat`?",
        ),
        ("meld.foo", "no pack declares the rule `meld.foo`; `meld rules list` lists them"),
        (
            "meld.calls.foo",
            "no pack declares the rule `meld.calls.foo`; `meld rules list` lists them",
        ),
        (
            "side-flat",
            "several rules are called `side-flat`: meld.calls.side-flat, meld.hosts.side-flat",
        ),
    ];
    for (name, expect) in errors {
        assert_eq!(disable(name).unwrap_err().to_string(), expect);
    }
}

#[test]
fn names_of_assumptions() {
    let program = siblings("(param \"a\" u32)", "(param i32)", "");
    let assume = |name: &str| {
        let options = Options { assume: BTreeSet::from([name.into()]), ..Options::default() };
        decide(&program, &rules(), &options).unwrap_err().to_string()
    };
    for name in ["never-reenters", "host-never-renters", "host-never"] {
        let expect = format!(
            "no pack declares the assumption `{name}`; did you mean `host-never-reenters`?"
        );
        assert_eq!(assume(name), expect);
    }
    let nothing = assume("nothing");
    let expect = "no pack declares the assumption `nothing`; packs declare `";
    assert!(nothing.starts_with(expect) && nothing.contains("`host-never-reenters`"), "{nothing}");
}

/// `--why-not` beside `--explain=TEXT` is about the ports that are explained.
#[test]
fn why_not_looks_where_explanations_do() {
    let program = siblings("(param \"a\" string)", "(param i32 i32)", "");
    let rules = rules();
    let trace = decide(&program, &rules, &Options::default()).unwrap().trace;
    // No port's name has the first two in it, but the stories of some have.
    for filter in ["#math/main.add", "adapter string", "import"] {
        assert!(!trace.explain_text(Some(filter)).contains("no port"), "{filter}");
        let why = trace.why_not("meld.calls.direct", Some(filter)).unwrap();
        assert!(why.contains("`scalar(?sig)` does not hold"), "{filter}: {why}");
    }
    let why = trace.why_not("meld.calls.direct", Some("elsewhere")).unwrap();
    assert!(why.ends_with("  no port has to do with all words of `elsewhere`\n"), "{why}");
}

#[test]
fn a_summary_tells_pack_modules_from_direct_calls() {
    let program = program(
        r#"(component
          (core func $get (canon context.get i32 0))
          (core module $callee (func (export "f") (loop)))
          (core module $main
            (import "a" "get" (func $get (result i32)))
            (import "a" "f" (func $f))
            (func (export "run") call $get drop call $f))
          (core instance $callee (instantiate $callee))
          (core func $f (alias core export $callee "f"))
          (core instance $main (instantiate $main (with "a" (instance
            (export "get" (func $get)) (export "f" (func $f))))))
          (func (export "run") (canon lift (core func $main "run"))))"#,
    );
    let rules = rules();
    let trace = decide(&program, &rules, &Options::default()).unwrap().trace;
    let text = trace.explain_text(Some("import"));
    let summary = text.lines().next().unwrap_or_default();
    assert!(summary.contains("1 pack module") && !summary.contains("direct"), "{text}");
}

#[test]
fn assumptions_are_granted_and_told() {
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let rules = rules_and(ASSUMING);
    let port = Port::Import(InstanceId(2), 0);
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    let text = show(&decision.plan, port);
    assert!(text.starts_with("inline(adapter("), "{text}");
    assert!(decision.plan.assumptions.is_empty());
    let why = decision.trace.why_not("test.assuming.trust", None).unwrap();
    assert!(why.contains("does not run: it needs --assume trusted"), "{why}");

    let options = Options { assume: BTreeSet::from(["trusted".to_string()]), ..Options::default() };
    let decision = decide(&program, &rules, &options).unwrap();
    assert_eq!(show(&decision.plan, port), "Instance(InstanceId(0)).add");
    assert_eq!(decision.plan.assumptions, ["trusted"]);
    assert!(decision.trace.explain_text(None).contains("assuming trusted"));
}

const POLICY: &str = r#"
pack test.policy
use meld.vocabulary
forbid adapters {
  match   adapter(_, ?sig, _, _, _, _, _, _)
  where   !scalar(?sig)
  because "this house pays for no adapter"
}
"#;

#[test]
fn a_forbid_refuses() {
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let error = decide(&program, &rules_and(POLICY), &Options::default()).unwrap_err();
    assert!(matches!(error, EngineError::Forbidden(_)));
    insta::assert_snapshot!(stable(&error));
}

#[test]
fn a_forbid_that_is_turned_off_is_told() {
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let rules = rules_and(POLICY);
    let options = Options { disable: BTreeSet::from(["adapters".into()]), ..Options::default() };
    let trace = decide(&program, &rules, &options).unwrap().trace;
    // Whichever ports somebody looks at.
    let text = trace.explain_text(Some("nothing of this name"));
    insta::assert_snapshot!(stable(&text));
    assert!(trace.why_not("adapters", None).unwrap().contains("it is disabled (--disable)"));
    let told = &trace.explain_json(None)["forbids_turned_off"][0];
    assert_eq!(told["forbid"], "test.policy.adapters");
    assert_eq!(told["found"][0]["port"], "adder/main: import \"math\" \"add\"");

    let program = siblings("(param \"a\" u32)", "(param i32)", "");
    let trace = decide(&program, &rules, &Options::default()).unwrap().trace;
    assert!(!trace.explain_text(None).contains("forbid"));
    assert!(trace.why_not("adapters", None).unwrap().contains("nothing in the plan is such"));
}

/// Wildcards inside of arguments of negated guards, which no slot is bound for.
#[test]
fn negated_guards_with_wildcards_are_replayed() {
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let rules = rules_and(
        r#"
pack test.wildcards
use meld.vocabulary
use meld.calls
rule none {
  match   call(?f, ?sig, ?callee, _, ?caller, _)
  where   !scalar(func([_, _], _))
  rewrite ?f
  because "nobody has any"
  test { call(#f, func([], []), #b, no-post-return(), #a, unobserved()) => #f }
  test { given scalar(func([u8(), u8()], [])); call(#f, func([], []), #b, no-post-return(), #a, unobserved()) =/=> }
}
"#,
    );
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    let text = show(&decision.plan, Port::Import(InstanceId(2), 0));
    assert_eq!(text, "Instance(InstanceId(0)).add");
}

#[test]
fn rules_without_end() {
    let program = siblings("(param \"a\" (list bool))", "(param i32 i32)", "");
    let rules = rules_and(
        r#"
pack test.growing
use meld.vocabulary
use meld.values
rule wrap {
  match   pass(list(?t), ?from, ?to)
  rewrite unwrap(?t, ?from, ?to)
  because "one way"
  test { pass(list(u8()), #a, #b) => unwrap(u8(), #a, #b) }
}
rule unwrap {
  match   unwrap(?t, ?from, ?to)
  rewrite each(list(?t), pass(list(list(?t)), ?from, ?to), ?from, ?to)
  because "and another"
  test { unwrap(u8(), #a, #b) => each(list(u8()), pass(list(list(u8())), #a, #b), #a, #b) }
}
term unwrap(t: Type, from: Options, to: Options) -> Pass
"#,
    );
    let options = Options { max_terms: 5000, ..Options::default() };
    let error = decide(&program, &rules, &options).unwrap_err();
    let EngineError::Exhausted { rules, .. } = &error else { panic!("{error}") };
    // The two take turns, and the standard rule for lists fires on what they make.
    let of_circle = |rule: &String| rule.starts_with("test.growing.");
    assert!(rules.iter().any(of_circle), "{error}");
    assert!(rules.iter().all(|rule| of_circle(rule) || rule == "meld.values.list-each"), "{error}");
    let options = Options { max_rounds: 50, ..Options::default() };
    let rules = rules_and("pack test.nothing");
    decide(&program, &rules, &options).unwrap();
}

#[test]
fn things_stay_apart() {
    let program = siblings("(param \"a\" string)", "(param i32 i32)", "");
    let rules = rules_and(
        r#"
pack test.collapse
use meld.vocabulary
use meld.values
use meld.state
term either(a: Instance, b: Instance) -> Instance
rule ask {
  match   text(?s, utf8-to-utf8(?a.memory, ?b.memory, ?f, ?t).transcode, ?from, ?to)
  rewrite text(?s, utf8-to-utf8(either(?a, ?b).memory, ?b.memory, ?f, ?t).transcode, ?from, ?to)
  because "the first step is harmless"
  test { text(#s, utf8-to-utf8(#a.memory, #b.memory, #f, #t).transcode, #o, #p) => text(#s, utf8-to-utf8(either(#a, #b).memory, #b.memory, #f, #t).transcode, #o, #p) }
}
rule left {
  match   either(?a, ?b)
  rewrite ?a
  because "one answer"
  test { either(#a, #b) => #a }
}
rule right {
  match   either(?a, ?b)
  rewrite ?b
  because "the other"
  test { either(#a, #b) => #b }
}
"#,
    );
    let error = decide(&program, &rules, &Options::default()).unwrap_err();
    insta::assert_snapshot!(stable(&error));
}

#[test]
fn the_vocabulary_has_to_fit() {
    let program = siblings("", "", "");
    let rules = rules_and(
        r#"
pack test.vocabulary
use meld.vocabulary
/// Nobody proves it.
fact pretty(c: Component)
"#,
    );
    let error = decide(&program, &rules, &Options::default()).unwrap_err();
    insta::assert_snapshot!(stable(&error));
}

/// What a pack states holds for all rules and is proved again; who does not run states nothing.
#[test]
fn packs_state_facts() {
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let rules = rules_and(
        r#"
pack test.stating
use meld.vocabulary
use meld.calls
fact trusted(params: [Type], grade: Int) by-packs
given trusted([u8(), list(u8())], 9), trusted([bool()], 7)
rule trust {
  match   call(?f, func(?params, []), ?callee, no-post-return(), ?caller, _)
  where   trusted(?params, ?grade), ?grade > 3, !trusted(?params, 8)
  rewrite ?f
  because "somebody vouches for it"
  test { given trusted([u8()], 4); call(#f, func([u8()], []), #b, no-post-return(), #a, unobserved()) => #f }
  test "what the pack states is not for tests" { call(#f, func([bool()], []), #b, no-post-return(), #a, unobserved()) =/=> }
}
"#,
    );
    let port = Port::Import(InstanceId(2), 0);
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    assert_eq!(show(&decision.plan, port), "Instance(InstanceId(0)).add");
    let text = decision.trace.explain_text(None);
    assert!(text.contains("given trusted([bool()], 7), 7 > 3, !trusted([bool()], 8)"), "{text}");
    let disable = BTreeSet::from(["test.stating.trust".to_string()]);
    let decision = decide(&program, &rules, &Options { disable, ..Options::default() }).unwrap();
    let why = decision.trace.why_not("trust", None).unwrap();
    assert!(why.contains("there is no `trusted([bool()], _)`"), "{why}");

    let mut both = rules_and("pack test.nothing");
    let stated = both.fact("scalar").unwrap();
    both.facts[stated.index()].by_packs = true;
    let error = decide(&program, &both, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("the frontend states the fact `scalar`, so packs cannot"), "{error}");
}

#[test]
fn the_host_and_what_leaves() {
    let program = program(
        r#"(component
          (import "a:b/host" (instance $host
            (export "log" (func (param "text" string)))
            (export "now" (func (result u64)))))
          (core module $libc
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
          (core instance $libc (instantiate $libc))
          (alias export $host "log" (func $log))
          (core func $log-core (canon lower (func $log) (memory (core memory $libc "memory"))))
          (core module $main
            (import "host" "log" (func $log (param i32 i32)))
            (func (export "run"))
            (func (export "after") i32.const 0 i32.const 0 call $log))
          (core instance $main (instantiate $main
            (with "host" (instance (export "log" (func $log-core))))))
          (alias export $host "now" (func $now))
          (export "now" (func $now))
          (func (export "run")
            (canon lift (core func $main "run") (post-return (core func $main "after")))))"#,
    );
    let rules = rules();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    let lines: Vec<String> = decision
        .plan
        .ports
        .keys()
        .map(|port| format!("{port:?} = {}", show(&decision.plan, *port)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
