//! States what packs state.

use super::Seeder;
use crate::error::EngineError;
use crate::term::Term;
use meld_component::facts::{self, Calls, HandedOver};
use meld_component::program::Program;
use meld_pack::ruleset::{PackId, Pattern, RuleSet};
use std::collections::BTreeSet;

/// What is done with imports from modules that packs answer, those that take no part left out.
pub(super) fn calls(program: &Program, rules: &RuleSet, silent: &BTreeSet<PackId>) -> Calls {
    let stated = |fact: &str| -> Vec<Vec<String>> {
        let fact = rules.fact(fact);
        let given = rules.given.iter().filter(|given| !silent.contains(&given.span.pack));
        let given = given.filter(|given| Some(given.fact) == fact);
        let text = |pattern: &Pattern| match pattern {
            Pattern::Str(text) => Some(text.clone()),
            _ => None,
        };
        given.filter_map(|given| given.args.iter().map(text).collect()).collect()
    };
    let answered = stated("answers").into_iter().chain(stated("answers-func"));
    let modules = answered.filter_map(|row| row.into_iter().next()).collect();
    let handed = stated("handed-over").into_iter().filter_map(|row| {
        let [module, kind, makes, gives, takes] = row.try_into().ok()?;
        Some(HandedOver { module, kind, makes, gives, takes })
    });
    facts::calls(program, &modules, &handed.collect::<Vec<_>>())
}

impl Seeder<'_> {
    /// What packs state, but for those that take no part.
    pub(super) fn given(
        &mut self,
        rules: &RuleSet,
        silent: &BTreeSet<PackId>,
    ) -> Result<(), EngineError> {
        for given in rules.given.iter().filter(|given| !silent.contains(&given.span.pack)) {
            let row = self.values(&given.args)?;
            self.state(given.fact, row);
        }
        Ok(())
    }

    /// Ground patterns without leaves, which are all that can be stated.
    fn values(&mut self, patterns: &[Pattern]) -> Result<Vec<Term>, EngineError> {
        let value = |pattern: &Pattern| match pattern {
            Pattern::Term(term, args) => {
                let args = self.values(args)?;
                Ok(self.term(*term, &args))
            }
            Pattern::List(elements, None) => {
                let elements = self.values(elements)?;
                Ok(self.into.bank.list(&elements))
            }
            Pattern::Int(value) => Ok(self.int(*value)),
            Pattern::Str(text) => Ok(self.text(text)),
            _ => Err(EngineError::Internal("a pack states what is no value".into())),
        };
        patterns.iter().map(value).collect()
    }
}
