//! Patterns whose names and sorts are known, with the spans that reports need.

use super::Known;
use crate::ast::Span;
use crate::ruleset::{Comparison, FactId, Pattern, SortId, TermId, VarId};

/// A pattern; nested as deep as the parser allows.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub span: Span,
    pub sort: Known,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Var(VarId),
    Wildcard,
    Term(TermId, Vec<Node>),
    List(Vec<Node>, Option<VarId>),
    Export(Box<Node>, String),
    Int(i64),
    Str(String),
    Glob(String),
    Leaf(SortId, String),
    /// Something that was reported.
    Wrong,
}

/// A guard whose names and sorts are known.
#[derive(Clone, Debug)]
pub(super) struct GuardNode {
    pub kind: GuardKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub(super) enum GuardKind {
    Fact { fact: FactId, args: Vec<Node>, negated: bool },
    Compare { left: Node, op: Comparison, right: Node },
}

impl Node {
    /// As the rule set has it. What was reported stands as `_`; then the rule set is not used.
    pub(super) fn pattern(&self) -> Pattern {
        match &self.kind {
            NodeKind::Var(var) => Pattern::Var(*var),
            NodeKind::Wildcard | NodeKind::Wrong => Pattern::Wildcard,
            NodeKind::Term(term, args) => {
                Pattern::Term(*term, args.iter().map(Node::pattern).collect())
            }
            NodeKind::List(elements, rest) => {
                Pattern::List(elements.iter().map(Node::pattern).collect(), *rest)
            }
            NodeKind::Export(base, name) => Pattern::Export(Box::new(base.pattern()), name.clone()),
            NodeKind::Int(value) => Pattern::Int(*value),
            NodeKind::Str(text) => Pattern::Str(text.clone()),
            NodeKind::Glob(text) => Pattern::Glob(text.clone()),
            NodeKind::Leaf(sort, name) => Pattern::Leaf(*sort, name.clone()),
        }
    }

    /// The term at the root, or that of which something is exported.
    pub(super) fn operator(&self) -> Option<TermId> {
        match &self.kind {
            NodeKind::Term(term, _) => Some(*term),
            NodeKind::Export(base, _) => base.operator(),
            _ => None,
        }
    }

    /// The patterns directly inside.
    pub(super) fn children(&self) -> &[Node] {
        match &self.kind {
            NodeKind::Term(_, args) | NodeKind::List(args, _) => args,
            NodeKind::Export(base, _) => std::slice::from_ref(base),
            _ => &[],
        }
    }

    /// Itself and everything inside.
    pub(super) fn walk<'n>(&'n self, visit: &mut impl FnMut(&'n Node)) {
        visit(self);
        self.children().iter().for_each(|child| child.walk(visit));
    }

    /// All variables, each occurrence.
    pub(super) fn vars(&self) -> Vec<VarId> {
        let mut vars = Vec::new();
        self.walk(&mut |node| match &node.kind {
            NodeKind::Var(var) | NodeKind::List(_, Some(var)) => vars.push(*var),
            _ => {}
        });
        vars
    }

    /// Whether the two are written the same, spans apart.
    pub(super) fn same(&self, other: &Node) -> bool {
        let shape = match (&self.kind, &other.kind) {
            (NodeKind::Var(a), NodeKind::Var(b)) => a == b,
            (NodeKind::Wildcard, NodeKind::Wildcard) => true,
            (NodeKind::Term(a, _), NodeKind::Term(b, _)) => a == b,
            (NodeKind::List(_, a), NodeKind::List(_, b)) => a == b,
            (NodeKind::Int(a), NodeKind::Int(b)) => a == b,
            (NodeKind::Export(_, a), NodeKind::Export(_, b))
            | (NodeKind::Str(a), NodeKind::Str(b))
            | (NodeKind::Glob(a), NodeKind::Glob(b)) => a == b,
            (NodeKind::Leaf(a, x), NodeKind::Leaf(b, y)) => a == b && x == y,
            _ => false,
        };
        let (mine, others) = (self.children(), other.children());
        shape && mine.len() == others.len() && mine.iter().zip(others).all(|(a, b)| a.same(b))
    }
}

impl GuardNode {
    /// The patterns directly inside.
    pub(super) fn nodes(&self) -> Vec<&Node> {
        match &self.kind {
            GuardKind::Fact { args, .. } => args.iter().collect(),
            GuardKind::Compare { left, right, .. } => vec![left, right],
        }
    }
}
