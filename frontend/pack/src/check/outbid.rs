//! Answers that another rule's may outbid.
//!
//! A rule adds an answer and takes none away, and costs choose. So an answer that is meant to stand
//! in the place of another is reported where it only stands beside it:
//!
//! * its `match` is itself an answer (a term with a cost), which can still be chosen;
//! * another rule answers the same question too, unless packs state that it is theirs (`!fact(..)` of
//!   a fact `by-packs`), and none does.

use super::Checker;
use super::guards::contradict;
use super::merges::{Answer, Overlap, put_in};
use super::node::{GuardKind, Node, NodeKind};
use crate::diagnostic::Code;
use crate::display::pattern_text;
use crate::ruleset::{FactId, Pattern, TermId};
use std::collections::BTreeMap;

/// Rules and stated facts that are compared at most; packs with more are not written by hand.
const MAX_COMPARED: usize = 1 << 22;

impl Checker<'_> {
    /// Reports answers that may be outbid.
    pub(super) fn outbid(&mut self, answers: &[Answer]) {
        let mut leaving: BTreeMap<TermId, Vec<&Answer>> = BTreeMap::new();
        for answer in answers {
            if let NodeKind::Term(question, _) = &answer.root.kind
                && answer.guards.iter().any(|guard| self.leaves(&guard.kind).is_some())
            {
                leaving.entry(*question).or_default().push(answer);
            }
        }
        let mut compared = 0;
        for rule in answers {
            let NodeKind::Term(question, _) = &rule.root.kind else { continue };
            if compared > MAX_COMPARED {
                return;
            }
            if self.is_answer(*question) {
                compared += answers.len();
                self.answers_an_answer(rule, *question, answers);
                continue;
            }
            let others = leaving.get(question).map_or(&[][..], Vec::as_slice);
            compared += others.len() * (1 + self.set.given.len());
            let not_stated = others
                .iter()
                .filter(|other| !std::ptr::eq(**other, rule))
                .find_map(|other| Some((*other, self.not_stated(rule, other)?)));
            if let Some((other, stated)) = not_stated {
                self.sink
                    .warning(
                        Code::Outbid,
                        format!("`{}` may be outbid by `{}`", rule.name, other.name),
                    )
                    .label(rule.root.span, format!("`{}` answers this, too", other.name))
                    .context(other.root.span, "unless packs state that it is theirs")
                    .help(format!("state it: `given {stated}`"));
            }
        }
    }

    fn answers_an_answer(&mut self, rule: &Answer, answer: TermId, all: &[Answer]) {
        let name = self.set.terms[answer.index()].name.clone();
        let makes = |other: &&Answer| {
            !std::ptr::eq(*other, rule)
                && matches!(&other.made.kind, NodeKind::Term(made, _) if *made == answer)
                && matches!(&other.root.kind, NodeKind::Term(asked, _) if !self.is_answer(*asked))
        };
        let question = all.iter().find(makes).and_then(|other| match &other.root.kind {
            NodeKind::Term(asked, _) => Some((&self.set.terms[asked.index()].name, other)),
            _ => None,
        });
        // What no rule makes is no answer that stands in somebody's way.
        let Some((question, other)) = question else { return };
        let help =
            format!("match the question: `{}` answers `{question}` with `{name}`", other.name);
        self.sink
            .warning(
                Code::Outbid,
                format!("`{}` answers what is an answer, and may be outbid by it", rule.name),
            )
            .label(rule.root.span, format!("`{name}` can still be chosen"))
            .help(help);
    }

    /// The fact that a guard wants no pack to state.
    fn leaves<'g>(&self, guard: &'g GuardKind) -> Option<(FactId, &'g [Node])> {
        match guard {
            GuardKind::Fact { fact, args, negated: true }
                if self.set.facts[fact.index()].by_packs =>
            {
                Some((*fact, args))
            }
            _ => None,
        }
    }

    /// What a rule's pack could state for another rule to leave the question to it, if no pack states
    /// anything of the kind.
    fn not_stated(&self, rule: &Answer, other: &Answer) -> Option<String> {
        let mut overlap = Overlap::default();
        if !self.overlap(&rule.root, &other.root, &mut overlap) {
            return None;
        }
        let asked: Vec<_> = other.guards.iter().map(|g| put_in(g, &overlap.others)).collect();
        if asked.iter().any(|guard| rule.guards.iter().any(|own| contradict(own, guard))) {
            return None;
        }
        let mut missing = None;
        for (fact, args) in asked.iter().filter_map(|guard| self.leaves(&guard.kind)) {
            let args: Vec<Pattern> = args.iter().map(Node::pattern).collect();
            let same = |(given, asked): (&Pattern, &Pattern)| given == asked || !is_value(asked);
            let mut given = self.set.given.iter().filter(|given| given.fact == fact);
            if given.any(|given| given.args.iter().zip(&args).all(same)) {
                return None;
            }
            if args.iter().all(is_value) && missing.is_none() {
                let args: Vec<_> =
                    args.iter().map(|arg| pattern_text(&self.set, &[], arg)).collect();
                let name = &self.set.facts[fact.index()].name;
                missing = Some(format!("{name}({})", args.join(", ")));
            }
        }
        missing
    }
}

/// Whether a pattern stands for one thing.
fn is_value(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Int(_) | Pattern::Str(_) => true,
        Pattern::Term(_, args) | Pattern::List(args, None) => args.iter().all(is_value),
        _ => false,
    }
}
