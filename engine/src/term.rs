//! Terms: operators, e-nodes, and the bank of plain terms.
//!
//! A list is a chain of [`Op::Cons`] that ends in [`Op::Nil`], so that `[?first, ..?rest]` is
//! an ordinary pattern. A [`Term`] is one exact tree, shared by structure: two terms are the
//! same tree exactly when their ids are equal. An e-class, by contrast, holds many terms.

use crate::plan::Entity;
use egg::Id;
use indexmap::IndexSet;
use meld_pack::ruleset::{SortId, TermId};
use std::sync::Arc;

/// What a term is, without its arguments.
///
/// The order is that of declaration for terms and entities and that of bytes for text. It does
/// not depend on when something was met, so ties that it breaks are broken alike in every run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// A declared term or module.
    Term(TermId),
    /// `.name` of an instance.
    Export(Arc<str>),
    /// An integer.
    Int(i64),
    /// A string.
    Str(Arc<str>),
    /// The empty list.
    Nil,
    /// A list: its first element and the list of the others.
    Cons,
    /// Something of the program.
    Entity(Entity),
    /// An opaque leaf of a rule's test.
    Leaf(SortId, Arc<str>),
}

impl Op {
    /// Leaves that are equal only to themselves.
    pub fn is_nominal(&self) -> bool {
        matches!(self, Op::Int(_) | Op::Str(_) | Op::Entity(_) | Op::Leaf(..))
    }
}

/// An e-node: an operator and the classes of its arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The operator.
    pub op: Op,
    /// Classes of the arguments.
    pub children: Box<[Id]>,
}

impl egg::Language for Node {
    // Only used by egg's own searchers, which are not used: anything that agrees with `matches`
    // will do.
    type Discriminant = std::mem::Discriminant<Op>;

    fn discriminant(&self) -> Self::Discriminant {
        std::mem::discriminant(&self.op)
    }

    fn matches(&self, other: &Self) -> bool {
        self.op == other.op && self.children.len() == other.children.len()
    }

    fn children(&self) -> &[Id] {
        &self.children
    }

    fn children_mut(&mut self) -> &mut [Id] {
        &mut self.children
    }
}

/// One exact tree: index into a [`Bank`]. A term's arguments have smaller ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u32);

impl Term {
    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Plain terms, equal ones shared.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    terms: IndexSet<(Op, Box<[Term]>)>,
}

impl Bank {
    /// The term with these parts, and whether it is new.
    pub fn add(&mut self, op: Op, children: &[Term]) -> (Term, bool) {
        let (index, new) = self.terms.insert_full((op, children.into()));
        (Term(index as u32), new)
    }

    /// A list of terms.
    pub fn list(&mut self, elements: &[Term]) -> Term {
        let empty = self.add(Op::Nil, &[]).0;
        elements.iter().rev().fold(empty, |rest, element| self.add(Op::Cons, &[*element, rest]).0)
    }

    /// Operator of a term.
    pub fn op(&self, term: Term) -> &Op {
        &self.terms[term.index()].0
    }

    /// Arguments of a term.
    pub fn children(&self, term: Term) -> &[Term] {
        &self.terms[term.index()].1
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }
}
