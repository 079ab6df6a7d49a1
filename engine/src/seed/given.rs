//! States what packs state.

use super::Seeder;
use crate::error::EngineError;
use crate::term::Term;
use meld_pack::ruleset::{PackId, Pattern, RuleSet};
use std::collections::BTreeSet;

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
