//! Choices: decisions, their alternatives, and who may know them.
//!
//! All operations on one thing go through one term, the decision (`handles(?i, ?r)`), which
//! options equate with alternatives. Extraction picks one alternative for the e-class, so all
//! operations agree. A rule that matched or made an alternative would step around the decision:
//! an operation that it rewrites would use that alternative even if the others chose another.
//! So alternatives stand at the root of offers and nowhere else.
//!
//! A term of a choice sort is a decision if it is the root of some option's `for`, and an
//! alternative if it is not, or if it is the root of some option's `offer`.

use super::node::{GuardNode, Node, NodeKind};
use super::sorts::find;
use super::{Checker, Module};
use crate::ast::{DeclarationKind, Form, Pattern, PatternKind, Span};
use crate::diagnostic::Code;
use crate::module::ItemType;
use crate::ruleset::{SortKind, SortRef, TermId, VarId};
use std::collections::{BTreeMap, BTreeSet};

/// What all options say together.
#[derive(Default)]
pub(super) struct Choices {
    /// Roots of `for`, and where.
    decisions: BTreeMap<TermId, Span>,
    /// Roots of `offer`, in order: the term, where, and its decision.
    offers: Vec<(TermId, Span, TermId)>,
    /// The first offer of each term.
    offered: BTreeMap<TermId, Span>,
}

impl Choices {
    /// The alternatives that options offer for a decision.
    pub(super) fn alternatives_of(&self, decision: TermId) -> impl Iterator<Item = TermId> {
        self.offers.iter().filter(move |(_, _, of)| *of == decision).map(|(term, ..)| *term)
    }

    fn is_decision(&self, term: TermId) -> bool {
        self.decisions.contains_key(&term) && !self.offered.contains_key(&term)
    }
}

impl Checker<'_> {
    /// Reads the roots of all options. Unknown names are left to the check of the option.
    pub(super) fn collect_choices(&self) -> Choices {
        let mut choices = Choices::default();
        for declaration in self.files.iter().flat_map(|file| &file.declarations) {
            let DeclarationKind::Rule(rule) = &declaration.kind else { continue };
            if rule.form != Form::Option {
                continue;
            }
            let root = |pattern: &Pattern| {
                let PatternKind::Term(name, Some(_)) = &pattern.kind else { return None };
                let term = TermId(self.known(super::names::Kind::Term, name)?);
                self.is_choice(term).then_some((term, pattern.span))
            };
            let Some((decision, at)) = root(&rule.pattern) else { continue };
            choices.decisions.entry(decision).or_insert(at);
            if let Some((term, at)) = rule.replacement.as_ref().and_then(root) {
                choices.offers.push((term, at, decision));
                choices.offered.entry(term).or_insert(at);
            }
        }
        choices
    }

    fn is_choice(&self, term: TermId) -> bool {
        self.terms[term.index()].result.is_some_and(|sort| self.sort_kind(sort) == SortKind::Choice)
    }

    /// Reports alternatives among the nodes. `except_root` leaves out the first node itself.
    fn no_alternatives(&mut self, nodes: &[&Node], except_root: bool) {
        let mut found = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            node.walk(&mut |inner| {
                let is_root = position == 0 && std::ptr::eq(inner, *node);
                if let NodeKind::Term(term, _) = &inner.kind
                    && !(is_root && except_root)
                    && self.is_choice(*term)
                    && !self.choices.is_decision(*term)
                {
                    found.push((*term, inner.span));
                }
            });
        }
        for (term, span) in found {
            let name = &self.set.terms[term.index()].name;
            let offer = self.choices.offered.get(&term).copied();
            if let Some(offer) = offer {
                self.sink
                    .error(
                        Code::BehindChoice,
                        format!("`{name}` is one alternative of a choice, and rules must not look behind the choice"),
                    )
                    .label(span, "an alternative")
                    .context(offer, "offered here")
                    .help("go through the decision; otherwise two call sites of one thing could use two representations of it");
            } else {
                self.sink
                    .error(
                        Code::BehindChoice,
                        format!("`{name}` is of a choice, but no option decides it"),
                    )
                    .label(span, "no option has this as its `for`")
                    .context(self.terms[term.index()].span, "declared here")
                    .help(
                        "load the pack with the options, or go through the term that they decide",
                    );
            }
        }
    }

    /// What rules may know of choices.
    pub(super) fn rule_and_choices(&mut self, root: &Node, guards: &[GuardNode], made: &Node) {
        if root.sort.is_some_and(|sort| self.sort_kind(sort) == SortKind::Choice) {
            self.sink
                .error(Code::ChoiceForm, "only an option adds to a choice")
                .label(root.span, "a choice")
                .help("write `option`, with `for` and `offer`");
            return;
        }
        let mut nodes = vec![root];
        nodes.extend(guards.iter().flat_map(GuardNode::nodes));
        nodes.push(made);
        self.no_alternatives(&nodes, false);
    }

    /// What options may know of choices, and what they must say of their own.
    pub(super) fn option_and_choices(
        &mut self,
        root: &Node,
        guards: &[GuardNode],
        offer: &Node,
        vars: &[super::sorts::Variable],
    ) {
        let NodeKind::Term(decision, _) = &root.kind else {
            self.sink
                .error(Code::ChoiceForm, "an option decides a term")
                .label(root.span, "not a term")
                .help("write `for` with a term of a choice sort");
            return;
        };
        if !self.is_choice(*decision) {
            let sort = root.sort.map(|sort| self.sort_name(sort)).unwrap_or_default();
            self.sink
                .error(Code::ChoiceForm, format!("an option adds to a choice, and {sort} is none"))
                .label(root.span, format!("of the sort {sort}"))
                .help("write `rule`, with `match` and `rewrite`, or declare the sort as `choice`");
            return;
        }
        let NodeKind::Term(alternative, _) = &offer.kind else {
            self.sink
                .error(Code::ChoiceForm, "an option offers a term")
                .label(offer.span, "not a term");
            return;
        };
        if let Some(at) = self.choices.decisions.get(alternative).copied() {
            let name = &self.set.terms[alternative.index()].name;
            self.sink
                .error(Code::ChoiceForm, format!("the option offers the decision `{name}`"))
                .label(offer.span, "this is decided itself")
                .context(at, "decided here")
                .help("an option offers an alternative: a term that no option decides");
            return;
        }
        let mut nodes = vec![root];
        nodes.extend(guards.iter().flat_map(GuardNode::nodes));
        self.no_alternatives(&nodes, true);
        self.no_alternatives(&[offer], true);
        self.offer_names_decision(root, offer, vars);
    }

    fn offer_names_decision(&mut self, root: &Node, offer: &Node, vars: &[super::sorts::Variable]) {
        let mut named: BTreeSet<VarId> = offer.vars().into_iter().collect();
        for var in root.vars() {
            // Each is reported once.
            if !named.insert(var) {
                continue;
            }
            let var = &vars[var.index()];
            self.sink
                .error(
                    Code::OfferForgets,
                    format!("the offer does not name `?{}` of its decision", var.name),
                )
                .label(offer.span, format!("without `?{}`", var.name))
                .context(var.span, "part of the decision")
                .help("two decisions that differ only in it would offer one term and share its state; give the term a parameter for it");
        }
        let mut unnamed = Vec::new();
        root.walk(&mut |node| {
            if matches!(node.kind, NodeKind::Wildcard | NodeKind::Glob(_)) {
                unnamed.push(node.span);
            }
        });
        for span in unnamed {
            self.sink
                .error(Code::OfferForgets, "the offer cannot name this part of its decision")
                .label(span, "matches more than one")
                .context(offer.span, "is the same for all of them")
                .help("bind a variable, and name it in the offer");
        }
    }

    /// Reports modules that are offered for one decision, or answer one question of sort `Instance`, and
    /// export different things.
    pub(super) fn alternatives_alike(&mut self) {
        let mut first: BTreeMap<TermId, (TermId, Span)> = BTreeMap::new();
        let instance = self.core.instance.map(SortRef::One);
        let answers = self.answers.iter().filter_map(|answer| {
            let (question, made) = (answer.root.operator()?, answer.made.operator()?);
            let is_instance = Some(self.set.terms[question.index()].result) == instance
                && !self.is_answer(question)
                && matches!(answer.made.kind, NodeKind::Term(..));
            is_instance.then_some((made, answer.made.span, question))
        });
        let alternatives: Vec<_> = self.choices.offers.iter().copied().chain(answers).collect();
        for (alternative, at, decision) in alternatives {
            let Module::Loaded { exports, wide_exports, .. } =
                &self.terms[alternative.index()].module
            else {
                continue;
            };
            let Some((other, other_at)) = first.get(&decision).copied() else {
                first.insert(decision, (alternative, at));
                continue;
            };
            let Module::Loaded { exports: others, wide_exports: wide_others, .. } =
                &self.terms[other.index()].module
            else {
                continue;
            };
            let difference =
                difference(exports, others).or_else(|| difference(wide_exports, wide_others));
            let Some(difference) = difference else { continue };
            let name = &self.set.terms[decision.index()].name;
            self.sink
                .error(
                    Code::UnlikeAlternatives,
                    format!("the alternatives of `{name}` export different things: {difference}"),
                )
                .label(at, "differs")
                .context(other_at, "from this")
                .help(
                    "operations go through what is answered, so each alternative has all of them",
                );
        }
    }
}

/// The first name that one has and the other has not, or has with another type.
fn difference(these: &[(String, ItemType)], those: &[(String, ItemType)]) -> Option<String> {
    for (name, ty) in those {
        match find(these, name) {
            None => return Some(format!("there is no `{name}`")),
            Some(this) if !this.supplies(ty) || !ty.supplies(this) => {
                return Some(format!("`{name}` is {this}, not {ty}"));
            }
            Some(_) => {}
        }
    }
    let extra = these.iter().find(|(name, _)| find(those, name).is_none());
    extra.map(|(name, _)| format!("`{name}` is only here"))
}
