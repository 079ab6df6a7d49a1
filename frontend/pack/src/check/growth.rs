//! Rules that feed themselves.
//!
//! A rule whose right side contains an instance of its own left side fires again on what it made.
//! Let σ be the substitution that makes the left side that instance. Applying the rule n times
//! applies σ n times. If some variable comes round to itself inside a larger pattern
//! (`f(?x)` to `g(f(s(?x)))`), each round makes a term that was not there: rules never stop. If
//! σ changes nothing (`f(?x)` to `g(f(?x))`), equality saturation does stop, but the new term is
//! in the e-class of a part of itself, so no finite plan can contain it: the rule is useless, and
//! its author meant something else. Everything between the two is left to the engine's budgets,
//! as are cycles over several rules.

use super::Checker;
use super::node::{GuardKind, GuardNode, Node, NodeKind};
use crate::diagnostic::Code;
use crate::ruleset::VarId;
use std::collections::{BTreeMap, BTreeSet};

/// Variables of one rule; rules with more are left to the engine's budgets.
const MAX_VARIABLES: usize = 256;

/// What each variable of a left side stands for.
type Substitution<'n> = BTreeMap<VarId, Image<'n>>;

/// Part of a right side.
#[derive(Clone, Copy)]
enum Image<'n> {
    Node(&'n Node),
    /// A list: its elements and the rest.
    Tail(&'n [Node], Option<VarId>),
}

impl Image<'_> {
    fn is(self, var: VarId) -> bool {
        match self {
            Image::Node(node) => matches!(node.kind, NodeKind::Var(v) if v == var),
            Image::Tail(elements, rest) => elements.is_empty() && rest == Some(var),
        }
    }

    fn vars(self) -> Vec<VarId> {
        match self {
            Image::Node(node) => node.vars(),
            Image::Tail(elements, rest) => {
                elements.iter().flat_map(Node::vars).chain(rest).collect()
            }
        }
    }

    /// More than a variable.
    fn grows(self) -> bool {
        match self {
            Image::Node(node) => !matches!(node.kind, NodeKind::Var(_)),
            Image::Tail(elements, _) => !elements.is_empty(),
        }
    }

    fn same(self, other: Image<'_>) -> bool {
        match (self, other) {
            (Image::Node(a), Image::Node(b)) => a.same(b),
            (Image::Tail(a, x), Image::Tail(b, y)) => {
                x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Image::Node(node), Image::Tail([], Some(rest)))
            | (Image::Tail([], Some(rest)), Image::Node(node)) => {
                matches!(node.kind, NodeKind::Var(var) if var == rest)
            }
            _ => false,
        }
    }
}

impl Checker<'_> {
    /// Reports a rule that changes nothing or feeds itself.
    pub(super) fn terminates(&mut self, root: &Node, guards: &[GuardNode], made: &Node) {
        if root.same(made) {
            self.sink
                .error(Code::NoEffect, "the rule changes nothing")
                .label(made.span, "what is made")
                .context(root.span, "is what is matched");
            return;
        }
        let mut found = None;
        for child in made.children() {
            child.walk(&mut |inner| {
                let mut substitution = Substitution::new();
                if found.is_none() && instance(root, inner, &mut substitution) {
                    found = feeds(&substitution, guards).map(|grows| (inner.span, grows));
                }
            });
        }
        let Some((span, grows)) = found else { return };
        let (message, label, help) = match grows {
            true => (
                "the rule never stops growing",
                "this is matched again, and each time it is larger",
                "add a fact that ends it, or match a part and make something smaller",
            ),
            false => (
                "the rule makes a term that needs itself",
                "this is equal to the whole, so the whole can never be chosen",
                "give what is inside a term of its own, which other rules answer",
            ),
        };
        self.sink
            .error(Code::Grows, message)
            .label(span, label)
            .context(root.span, "what is matched")
            .help(help);
    }
}

/// Whether `special`, its variables taken as they are, is an instance of `general`.
fn instance<'n>(general: &Node, special: &'n Node, found: &mut Substitution<'n>) -> bool {
    match (&general.kind, &special.kind) {
        (NodeKind::Wildcard, _) => true,
        (NodeKind::Var(var), _) => bind(*var, Image::Node(special), found),
        (NodeKind::Term(a, xs), NodeKind::Term(b, ys)) => {
            a == b && xs.len() == ys.len() && xs.iter().zip(ys).all(|(x, y)| instance(x, y, found))
        }
        (NodeKind::Export(x, a), NodeKind::Export(y, b)) => a == b && instance(x, y, found),
        (NodeKind::List(xs, rest), NodeKind::List(ys, tail)) => {
            let lengths = match rest {
                Some(_) => xs.len() <= ys.len(),
                None => xs.len() == ys.len() && tail.is_none(),
            };
            lengths
                && xs.iter().zip(ys).all(|(x, y)| instance(x, y, found))
                && rest.is_none_or(|rest| bind(rest, Image::Tail(&ys[xs.len()..], *tail), found))
        }
        _ => general.same(special),
    }
}

fn bind<'n>(var: VarId, image: Image<'n>, found: &mut Substitution<'n>) -> bool {
    match found.get(&var) {
        Some(before) => before.same(image),
        None => {
            found.insert(var, image);
            true
        }
    }
}

/// Whether the rule surely fires again (`Some`), and then whether it grows.
fn feeds(substitution: &Substitution<'_>, guards: &[GuardNode]) -> Option<bool> {
    let unchanged = |var: &VarId| substitution.get(var).is_none_or(|image| image.is(*var));
    for guard in guards {
        let vars = || guard.nodes().into_iter().flat_map(Node::vars);
        let kept = match &guard.kind {
            // A closed fact says nothing of a term that was made only now.
            GuardKind::Fact { negated: true, .. } => {
                vars().all(|var| unchanged(&var) || substitution[&var].grows())
            }
            _ => vars().all(|var| unchanged(&var)),
        };
        if !kept {
            return None;
        }
    }
    if substitution.keys().all(unchanged) {
        return Some(false);
    }
    if substitution.len() > MAX_VARIABLES {
        return None;
    }
    let comes_round = substitution.iter().any(|(var, image)| {
        image.grows() && image.vars().iter().any(|inner| reaches(*inner, *var, substitution))
    });
    comes_round.then_some(true)
}

/// Whether repeated substitution puts `to` where `from` was.
fn reaches(from: VarId, to: VarId, substitution: &Substitution<'_>) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(var) = open.pop() {
        if var == to {
            return true;
        }
        if seen.insert(var) {
            open.extend(substitution.get(&var).into_iter().flat_map(|image| image.vars()));
        }
    }
    false
}
