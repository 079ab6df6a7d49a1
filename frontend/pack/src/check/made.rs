//! Matches on terms that nothing makes.
//!
//! A term comes into the e-graph from the frontend or from a rule. The frontend knows the words of
//! packs whose name ends in `vocabulary` and no others, and never a module of a pack. So a rule
//! that matches another term which no `rewrite` and no `offer` contains can never fire. Entities
//! and data are left out: they come from the frontend inside other terms.

use super::Checker;
use super::node::{Node, NodeKind};
use crate::ast::Span;
use crate::diagnostic::{Code, near};
use crate::ruleset::{PackId, SortKind, TermId};
use std::collections::BTreeSet;

/// Collected over all rules.
#[derive(Default)]
pub(super) struct Makes {
    made: BTreeSet<TermId>,
    /// The first place where a term is matched, in each rule.
    matched: Vec<(TermId, Span)>,
}

impl Makes {
    pub(super) fn rule(&mut self, root: &Node, made: &Node) {
        let mut seen = BTreeSet::new();
        root.walk(&mut |node| {
            if let NodeKind::Term(term, _) = &node.kind
                && seen.insert(*term)
            {
                self.matched.push((*term, node.span));
            }
        });
        made.walk(&mut |node| {
            if let NodeKind::Term(term, _) = &node.kind {
                self.made.insert(*term);
            }
        });
    }
}

impl Checker<'_> {
    pub(super) fn never_made(&mut self) {
        let packs = (0..self.set.packs.len() as u32).map(PackId);
        let spoken: Vec<bool> = packs.map(|pack| self.is_vocabulary(pack)).collect();
        let knows_vocabulary = spoken.contains(&true);
        let makes = std::mem::take(&mut self.makes);
        for (term, span) in &makes.matched {
            let declared = &self.set.terms[term.index()];
            let rewritten =
                matches!(self.sort_kind(declared.result), SortKind::Plain | SortKind::Choice);
            let foreign = declared.module.is_some()
                || (knows_vocabulary && !spoken[declared.span.pack.index()]);
            if !rewritten || !foreign || makes.made.contains(term) {
                continue;
            }
            let made = makes.made.iter().map(|made| self.set.terms[made.index()].name.as_str());
            let like = near(&declared.name, made).map(str::to_owned);
            let report = self
                .sink
                .error(Code::NeverMade, format!("nothing makes `{}`", declared.name))
                .label(*span, "can never match")
                .context(self.terms[term.index()].span, "declared here");
            match like {
                Some(like) => report.help(format!("is it `{like}`?")),
                None => report.help(
                    "no `rewrite` or `offer` contains it, and it is not of a vocabulary pack",
                ),
            };
        }
    }
}
