//! Answers that make questions equal which other rules tell apart.
//!
//! A rule that answers a question with a term that lacks a variable of the question gives many
//! questions one answer. By congruence these are one question from then on, and whatever is
//! answered for one of them is answered for all. That is right if no rule makes a difference
//! between them, and else another rule's guard is stepped around. So a rule is reported if
//!
//! * its `match` is a question (a term without a cost) and its `rewrite` an answer (with one);
//! * a variable of `match` occurs neither in `rewrite` nor in a guard with what does;
//! * another rule may fire on the same question, and asks something of that variable, in its
//!   pattern or in a guard, that this rule does not ask.
//!
//! Rules exclude each other where their patterns differ or their guards contradict each other.
//! That two facts never hold together is not known here, so this is a warning: a guard `!fact(..)`
//! says it, and naming the variable in the answer makes it true in any case.

use super::Checker;
use super::guards::contradict;
use super::node::{GuardKind, GuardNode, Node, NodeKind};
use crate::ast::{Form, Span};
use crate::diagnostic::Code;
use crate::ruleset::{Comparison, TermId, VarId};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs of rules that are compared at most; packs with more are not written by hand.
const MAX_PAIRS: usize = 1 << 16;

/// A rule without a mistake.
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) root: Node,
    pub(super) guards: Vec<GuardNode>,
    pub(super) made: Node,
    vars: Vec<String>,
}

impl Answer {
    pub(super) fn new(
        name: &str,
        root: &Node,
        guards: &[GuardNode],
        made: &Node,
        vars: impl Iterator<Item = String>,
    ) -> Self {
        Answer {
            name: name.to_owned(),
            root: root.clone(),
            guards: guards.to_vec(),
            made: made.clone(),
            vars: vars.collect(),
        }
    }

    /// Variables of the question of which nothing is in the answer.
    fn dropped(&self) -> BTreeSet<VarId> {
        let mut kept: BTreeSet<VarId> = self.made.vars().into_iter().collect();
        // What a guard relates to something that is kept, may be known from it.
        loop {
            let before = kept.len();
            for guard in self.guards.iter().filter(|guard| relates(guard)) {
                let vars: Vec<VarId> = guard.nodes().into_iter().flat_map(Node::vars).collect();
                if vars.iter().any(|var| kept.contains(var)) {
                    kept.extend(vars);
                }
            }
            if kept.len() == before {
                break;
            }
        }
        self.root.vars().into_iter().filter(|var| !kept.contains(var)).collect()
    }
}

fn relates(guard: &GuardNode) -> bool {
    match &guard.kind {
        GuardKind::Fact { negated, .. } => !negated,
        GuardKind::Compare { op, .. } => *op == Comparison::Equal,
    }
}

/// What another rule's pattern says of a rule's variables.
#[derive(Default)]
pub(super) struct Overlap {
    /// What the other's variables are.
    pub(super) others: BTreeMap<VarId, Node>,
    /// Variables of which the other asks for an operator, and where.
    narrowed: Vec<(VarId, Span)>,
}

impl Checker<'_> {
    /// Remembers a rule without a mistake.
    pub(super) fn answers(&mut self, form: Form, answer: Answer) {
        if form == Form::Rule {
            self.answers.push(answer);
        }
    }

    /// Reports rules that make questions equal which others tell apart.
    pub(super) fn merged_questions(&mut self, answers: &[Answer]) {
        let mut by_question: BTreeMap<TermId, Vec<usize>> = BTreeMap::new();
        for (position, answer) in answers.iter().enumerate() {
            if let NodeKind::Term(question, _) = &answer.root.kind
                && !self.is_answer(*question)
            {
                by_question.entry(*question).or_default().push(position);
            }
        }
        let mut pairs = 0;
        for rules in by_question.values() {
            for position in rules {
                let rule = &answers[*position];
                let NodeKind::Term(made, _) = &rule.made.kind else { continue };
                let dropped = rule.dropped();
                if !self.is_answer(*made) || dropped.is_empty() {
                    continue;
                }
                for other in rules.iter().filter(|other| *other != position) {
                    pairs += 1;
                    if pairs > MAX_PAIRS {
                        return;
                    }
                    if let Some((var, at)) = self.told_apart(rule, &dropped, &answers[*other]) {
                        self.merged(rule, var, &answers[*other].name, at);
                        break;
                    }
                }
            }
        }
    }

    /// Whether a term can be chosen, so that it is no question.
    pub(super) fn is_answer(&self, term: TermId) -> bool {
        let declared = &self.set.terms[term.index()];
        declared.cost.is_some() || declared.module.is_some()
    }

    /// A dropped variable of which the other rule asks something, and where.
    fn told_apart(
        &self,
        rule: &Answer,
        dropped: &BTreeSet<VarId>,
        other: &Answer,
    ) -> Option<(VarId, Span)> {
        let mut overlap = Overlap::default();
        if !self.overlap(&rule.root, &other.root, &mut overlap) {
            return None;
        }
        let asked: Vec<GuardNode> =
            other.guards.iter().map(|guard| put_in(guard, &overlap.others)).collect();
        if asked.iter().any(|guard| rule.guards.iter().any(|own| contradict(own, guard))) {
            return None;
        }
        let narrowed = overlap.narrowed.into_iter().find(|(var, _)| dropped.contains(var));
        narrowed.or_else(|| {
            asked.iter().filter(|guard| !rule.guards.iter().any(|own| same(own, guard))).find_map(
                |guard| {
                    let mut vars = guard.nodes().into_iter().flat_map(Node::vars);
                    Some((vars.find(|var| dropped.contains(var))?, guard.span))
                },
            )
        })
    }

    /// Whether both patterns may match one term; collects what the other says.
    pub(super) fn overlap(&self, pattern: &Node, other: &Node, found: &mut Overlap) -> bool {
        match (&pattern.kind, &other.kind) {
            (_, NodeKind::Var(var)) => {
                found.others.entry(*var).or_insert_with(|| pattern.clone());
                true
            }
            (_, NodeKind::Wildcard) | (NodeKind::Wildcard, _) => true,
            (NodeKind::Var(var), _) => {
                if !self.says_nothing(other) {
                    found.narrowed.push((*var, other.span));
                }
                true
            }
            (NodeKind::Term(a, xs), NodeKind::Term(b, ys)) => {
                a == b && xs.iter().zip(ys).all(|(x, y)| self.overlap(x, y, found))
            }
            (NodeKind::Export(x, a), NodeKind::Export(y, b)) => a == b && self.overlap(x, y, found),
            (NodeKind::List(xs, more_x), NodeKind::List(ys, more_y)) => {
                let fits = (xs.len() >= ys.len() || more_x.is_some())
                    && (ys.len() >= xs.len() || more_y.is_some());
                fits && xs.iter().zip(ys).all(|(x, y)| self.overlap(x, y, found))
            }
            (NodeKind::Int(a), NodeKind::Int(b)) => a == b,
            (NodeKind::Str(a), NodeKind::Str(b)) => a == b,
            (NodeKind::Glob(_), _) | (_, NodeKind::Glob(_)) => true,
            _ => false,
        }
    }

    /// Whether a pattern matches every term of its sort, because there is only one kind of them.
    fn says_nothing(&self, pattern: &Node) -> bool {
        let NodeKind::Term(term, args) = &pattern.kind else {
            return matches!(pattern.kind, NodeKind::Var(_) | NodeKind::Wildcard);
        };
        let sort = self.set.terms[term.index()].result;
        let alone = self.set.terms.iter().filter(|other| other.result == sort).count() == 1;
        alone && args.iter().all(|arg| self.says_nothing(arg))
    }

    fn merged(&mut self, rule: &Answer, var: VarId, other: &str, at: Span) {
        let var = &rule.vars[var.index()];
        self.sink
            .warning(
                Code::Merges,
                format!("`{}` gives questions one answer that `{other}` tells apart", rule.name),
            )
            .label(rule.made.span, format!("the same for every `?{var}`"))
            .context(at, format!("`{other}` asks for more of `?{var}`"))
            .help(format!(
                "questions with one answer are one question: name `?{var}` in the answer, or exclude with a guard what `{other}` answers"
            ));
    }
}

/// A guard of another rule in terms of this one's variables. What is not known of them matches
/// anything.
pub(super) fn put_in(guard: &GuardNode, others: &BTreeMap<VarId, Node>) -> GuardNode {
    let node = |node: &Node| replaced(node, others);
    let kind = match &guard.kind {
        GuardKind::Fact { fact, args, negated } => GuardKind::Fact {
            fact: *fact,
            args: args.iter().map(node).collect(),
            negated: *negated,
        },
        GuardKind::Compare { left, op, right } => {
            GuardKind::Compare { left: node(left), op: *op, right: node(right) }
        }
    };
    GuardNode { kind, span: guard.span }
}

fn replaced(node: &Node, others: &BTreeMap<VarId, Node>) -> Node {
    let all = |nodes: &[Node]| nodes.iter().map(|node| replaced(node, others)).collect();
    let kind = match &node.kind {
        NodeKind::Var(var) => others.get(var).map_or(NodeKind::Wildcard, |node| node.kind.clone()),
        NodeKind::Term(term, args) => NodeKind::Term(*term, all(args)),
        // Where the rest of a list is in the other rule is not followed.
        NodeKind::List(_, Some(_)) => NodeKind::Wildcard,
        NodeKind::List(elements, None) => NodeKind::List(all(elements), None),
        NodeKind::Export(of, name) => {
            NodeKind::Export(Box::new(replaced(of, others)), name.clone())
        }
        other => other.clone(),
    };
    Node { kind, ..node.clone() }
}

/// Whether two guards are written the same.
fn same(a: &GuardNode, b: &GuardNode) -> bool {
    let shape = match (&a.kind, &b.kind) {
        (
            GuardKind::Fact { fact: f, negated: p, .. },
            GuardKind::Fact { fact: g, negated: n, .. },
        ) => f == g && p == n,
        (GuardKind::Compare { op: p, .. }, GuardKind::Compare { op: q, .. }) => p == q,
        _ => false,
    };
    shape && a.nodes().iter().zip(b.nodes()).all(|(x, y)| x.same(y))
}
