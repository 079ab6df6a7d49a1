//! Every test that stands in a standard rule, each rule alone.

mod common;

use meld_engine::testing::run_tests;

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
