//! States what packs state.

use super::Seeder;
use crate::error::EngineError;
use crate::term::Term;
use crate::why_not::Standing;
use meld_pack::ruleset::{PackId, Pattern, Rule, RuleSet};
use std::collections::HashSet;

impl Seeder<'_> {
    /// What packs state. A pack none of whose rules runs takes no part, and states nothing.
    pub(super) fn given(
        &mut self,
        rules: &RuleSet,
        standings: &[Standing],
    ) -> Result<(), EngineError> {
        let of = |rule: &Rule| rule.pack;
        let with_rules: HashSet<PackId> = rules.rules.iter().map(of).collect();
        let running = rules.rules.iter().zip(standings).filter(|(_, standing)| standing.is_on());
        let running: HashSet<PackId> = running.map(|(rule, _)| of(rule)).collect();
        let takes_part = |pack| running.contains(&pack) || !with_rules.contains(&pack);
        for given in rules.given.iter().filter(|given| takes_part(given.span.pack)) {
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
