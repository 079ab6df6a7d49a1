//! Every test that stands in a standard rule, each rule alone.

mod common;

use meld_engine::testing::run_tests;
use meld_pack::ruleset::{Given, Pattern};

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

/// What a pack answers by the name of a module is never left to the host in its place: the pack states
/// that it answers, whatever its constants are.
#[test]
fn modules_that_packs_answer_are_not_the_hosts() {
    let rules = common::rules();
    let answers = rules.fact("answers").expect("the vocabulary declares it");
    let mut answered = 0;
    for rule in &rules.rules {
        if let Pattern::Term(term, arguments) = &rule.pattern
            && rules.terms[term.index()].name == "host-func"
            && let module @ Pattern::Str(_) = &arguments[0]
        {
            let states = |given: &Given| {
                given.fact == answers && given.span.pack == rule.pack && given.args[0] == *module
            };
            assert!(rules.given.iter().any(states), "{}: {module:?}", rule.name);
            answered += 1;
        }
    }
    assert!(answered > 20, "{answered}");
}
