//! Runs the tests that stand in rules, each rule alone.

use crate::compile::{Matcher, ground, instantiate};
use crate::display::Names;
use crate::error::EngineError;
use crate::guard::Ask;
use crate::saturate::{Budget, Cause, Saturation, matches_of};
use crate::term::Term;
use meld_pack::ruleset::{Expectation, Forbid, Pattern, RuleId, RuleSet, Test};

/// Limits of one test: far more than any test that a person wrote needs.
const BUDGET: Budget = Budget { terms: 100_000, rounds: 1_000 };

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// `pack.rule`
    pub rule: String,
    /// The test's name, if it has one.
    pub name: Option<String>,
    /// Its line in the pack's file.
    pub line: u32,
    /// The pack's file.
    pub file: String,
    /// Nothing, or what was got and what was expected.
    pub result: Result<(), String>,
}

/// Runs the tests of all rules, options, forbids and refusals whose name has `filter` in it, in order of
/// declaration. A rule that needs an assumption is tested with it granted.
pub fn run_tests(rules: &RuleSet, filter: Option<&str>) -> Vec<TestOutcome> {
    let mut outcomes = Vec::new();
    let mut run = |name: String, tests: &[Test], check: &dyn Fn(&Test) -> Result<(), String>| {
        if filter.is_some_and(|filter| !name.contains(filter)) {
            return;
        }
        for test in tests {
            let pack = &rules.packs[test.span.pack.index()];
            outcomes.push(TestOutcome {
                rule: name.clone(),
                name: test.name.clone(),
                line: test.span.line,
                file: pack.path.display().to_string(),
                result: check(test),
            });
        }
    };
    for (index, rule) in rules.rules.iter().enumerate() {
        let id = RuleId(index as u32);
        run(rules.rule_name(id), &rule.tests, &|test| check_rule(rules, id, test));
    }
    for (index, forbid) in rules.forbids.iter().enumerate() {
        run(rules.forbid_name(index), &forbid.tests, &|test| check_forbid(rules, forbid, test));
    }
    for (index, refusal) in rules.refusals.iter().enumerate() {
        run(rules.refusal_name(index), &refusal.tests, &|test| check_forbid(rules, refusal, test));
    }
    outcomes
}

/// What a test states, and its term.
fn set_up<'r>(rules: &'r RuleSet, test: &Test) -> Result<(Saturation<'r>, Term), String> {
    let mut saturation = Saturation::new(rules, Names::default());
    let add = |saturation: &mut Saturation<'_>, pattern: &Pattern| {
        instantiate(&mut saturation.graph, &ground(pattern), &[])
            .ok_or_else(|| "a term of the test has variables".to_string())
    };
    let term = add(&mut saturation, &test.term)?;
    for (left, right) in &test.given_equal {
        let (left, right) = (add(&mut saturation, left)?, add(&mut saturation, right)?);
        saturation.given(left, right);
    }
    for (fact, row) in &test.given_facts {
        let row: Result<Vec<Term>, String> =
            row.iter().map(|arg| add(&mut saturation, arg)).collect();
        saturation.facts.state(*fact, row?);
    }
    Ok((saturation, term))
}

fn check_rule(rules: &RuleSet, rule: RuleId, test: &Test) -> Result<(), String> {
    let (mut saturation, term) = set_up(rules, test)?;
    saturation.run(&[rule], BUDGET, true).map_err(|error| error.to_string())?;
    let events: Vec<Term> = saturation
        .events
        .iter()
        .filter(|event| event.cause == Cause::Rule(rule))
        .map(|event| event.right)
        .collect();
    let show = |saturation: &Saturation<'_>, term| saturation.show().term(term);
    let got = match events.as_slice() {
        [] => {
            let why = refusals(&saturation, rule);
            format!("the rule does not fire: {why}")
        }
        events => {
            let terms: Vec<String> = events
                .iter()
                .map(|term| format!("\n  got      {}", show(&saturation, *term)))
                .collect();
            format!("the rule fires:{}", terms.concat())
        }
    };
    let (expected, equal) = match &test.expect {
        Expectation::Nothing => {
            return if events.is_empty() { Ok(()) } else { Err(got) };
        }
        Expectation::Refused => return Err("only a forbid or a refusal refuses".to_string()),
        Expectation::Becomes(expected) => (expected, true),
        Expectation::NotBecomes(expected) => (expected, false),
    };
    let expected = instantiate(&mut saturation.graph, &ground(expected), &[])
        .ok_or_else(|| "a term of the test has variables".to_string())?;
    saturation.settle().map_err(|error: EngineError| error.to_string())?;
    let is_equal = saturation.graph.class(term) == saturation.graph.class(expected);
    let text = show(&saturation, expected);
    match (equal, is_equal) {
        // Without the rule's doing, equal from the start says nothing about the rule.
        (true, true) if events.is_empty() => Err(got),
        (true, false) => Err(format!("{got}\n  expected {text}")),
        (false, true) => Err(format!("{got}\n  and must not make it {text}")),
        _ => Ok(()),
    }
}

/// Why the rule did not fire, where its pattern matched.
fn refusals(saturation: &Saturation<'_>, id: RuleId) -> String {
    let rule = &saturation.rules.rules[id.index()];
    let matcher = &saturation.compiled[id.index()].matcher;
    let classes = saturation.graph.classes();
    let matches = matches_of(&saturation.graph, &classes, &matcher.pattern, matcher.slots);
    if matches.is_empty() {
        return "its pattern does not match".to_string();
    }
    let mut found = None;
    for (_, mut slots) in matches {
        saturation.facts.check(
            Ask { view: &saturation.graph, rules: saturation.rules, matcher },
            &mut slots,
            &mut |_| {},
            &mut |refusal| {
                found.get_or_insert(saturation.refusal(
                    &rule.vars,
                    &rule.guards,
                    &matcher.guards,
                    &refusal,
                ));
            },
        );
    }
    found.unwrap_or_else(|| "what it says holds from the start".to_string())
}

fn check_forbid(rules: &RuleSet, forbid: &Forbid, test: &Test) -> Result<(), String> {
    let (mut saturation, _) = set_up(rules, test)?;
    let matcher = Matcher::of_forbid(forbid);
    saturation.settle().map_err(|error| error.to_string())?;
    let classes = saturation.graph.classes();
    for (_, slots) in matches_of(&saturation.graph, &classes, &matcher.pattern, matcher.slots) {
        saturation.define_attributes(&matcher.guards, &slots);
    }
    saturation.settle().map_err(|error| error.to_string())?;
    let classes = saturation.graph.classes();
    let mut refused = false;
    for (_, mut slots) in matches_of(&saturation.graph, &classes, &matcher.pattern, matcher.slots) {
        saturation.facts.check(
            Ask { view: &saturation.graph, rules, matcher: &matcher },
            &mut slots,
            &mut |_| refused = true,
            &mut |_| {},
        );
    }
    match (&test.expect, refused) {
        (Expectation::Refused, true) | (Expectation::Nothing, false) => Ok(()),
        (Expectation::Refused, false) => Err("it does not match".to_string()),
        (Expectation::Nothing, true) => Err("it matches".to_string()),
        _ => Err("its test says `=> refused` or `=/=>`".to_string()),
    }
}
