//! Every test that stands in a standard rule, each rule alone.

mod common;

use meld_engine::testing::run_tests;
use meld_pack::ruleset::{Comparison, Guard, Pattern, RuleId};

#[test]
fn pass() {
    let rules = common::rules();
    assert!(rules.warnings.is_empty(), "{}", rules.warnings);
    let outcomes = run_tests(&rules, None);
    assert!(outcomes.len() > 50, "{} tests", outcomes.len());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let why = outcome.result.as_ref().err()?;
            Some(format!("{}:{} {}: {why}", outcome.file, outcome.line, outcome.rule))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What a pack answers by the name of a module is never left to the host in its place: the rule that does
/// so for all others names every such module.
#[test]
fn modules_that_packs_answer_are_not_the_hosts() {
    let rules = common::rules();
    let import = (0..rules.rules.len())
        .find(|index| rules.rule_name(RuleId(*index as u32)) == "meld.core.import");
    let guards = &rules.rules[import.expect("there is the rule")].guards;
    let mut answered = 0;
    for rule in &rules.rules {
        if let Pattern::Term(term, arguments) = &rule.pattern
            && rules.terms[term.index()].name == "host-func"
            && let module @ Pattern::Str(_) = &arguments[0]
        {
            let excepts = |guard: &Guard| matches!(guard, Guard::Compare { op: Comparison::NotEqual, right, .. } if right == module);
            assert!(guards.iter().any(excepts), "{}: {module:?}", rule.name);
            answered += 1;
        }
    }
    assert!(answered > 20, "{answered}");
}
