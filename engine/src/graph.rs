//! The e-graph, and why its classes are what they are.
//!
//! egg keeps the classes and their congruence closure. Proofs are kept here, as a forest over
//! exact [`Term`]s: every union adds one edge, labelled with the event of a rule or with
//! congruence. egg's own explanations would do the same, but answer one question at a time, by
//! recursion over whole terms and through strings; thousands of ports that share deep terms
//! need answers that share, in a bounded stack. A path in a forest never changes once its ends
//! are connected, and an edge by congruence is added when the arguments are connected already:
//! so every proof rests on older edges only, and proofs are well-founded.

use crate::term::{Bank, Node, Op, Term};
use egg::{Analysis, DidMerge, EGraph, Id, Justification};
use std::cell::RefCell;
use std::collections::HashSet;

/// Why two adjacent terms of the forest are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// An event: index into the events of the run.
    Event(u32),
    /// Same operator, and arguments that were equal before.
    Congruence,
}

/// One edge on a path through the forest.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Where the path comes from.
    pub from: Term,
    /// Where it goes.
    pub to: Term,
    /// Why the two are equal.
    pub why: Why,
    /// The event's left side is `from`.
    pub forward: bool,
}

/// What egg tells while it works.
#[derive(Debug, Default)]
struct Log {
    /// E-nodes that egg found congruent, in order.
    congruent: RefCell<Vec<(Id, Id)>>,
    /// Operators that patterns look for below their root.
    inner: HashSet<Op>,
    /// New e-nodes.
    made: Vec<Id>,
    /// The e-node that was made last, until egg has told so twice.
    fresh: Option<Id>,
    /// Classes that were merged.
    merged: Vec<Id>,
}

impl Analysis<Node> for Log {
    /// The class has a node with an inner operator.
    type Data = bool;

    fn make(egraph: &mut EGraph<Node, Self>, node: &Node, id: Id) -> bool {
        egraph.analysis.made.push(id);
        egraph.analysis.fresh = Some(id);
        egraph.analysis.inner.contains(&node.op)
    }

    fn merge(&mut self, into: &mut bool, from: bool) -> DidMerge {
        *into |= from;
        // Nothing is computed from it, so nobody has to hear of a change.
        DidMerge(false, false)
    }

    fn pre_union(egraph: &EGraph<Node, Self>, a: Id, b: Id, why: &Option<Justification>) {
        if matches!(why, Some(Justification::Congruence)) && egraph.find(a) != egraph.find(b) {
            egraph.analysis.congruent.borrow_mut().push((a, b));
        }
    }

    fn modify(egraph: &mut EGraph<Node, Self>, id: Id) {
        if egraph.analysis.fresh.take() != Some(id) {
            egraph.analysis.merged.push(id);
        }
    }
}

/// Classes of equal terms, with proofs.
#[derive(Debug)]
pub struct Graph {
    egraph: EGraph<Node, Log>,
    bank: Bank,
    /// The e-node of each term.
    node_of: Vec<Id>,
    /// For each e-node of egg the term that it was made for.
    origin: Vec<Term>,
    /// For each term its edge towards the root of its tree in the proof forest.
    parent: Vec<Option<Edge>>,
    /// egg notes how long it takes. Its clock measures itself before the first use, for up to
    /// 200 ms; this one stands still.
    clock: quanta::Clock,
}

impl Graph {
    /// An empty graph. `inner` are the operators that patterns look for below their root.
    pub fn new(inner: HashSet<Op>) -> Self {
        Graph {
            egraph: EGraph::new(Log { inner, ..Log::default() }),
            bank: Bank::default(),
            node_of: Vec::new(),
            origin: Vec::new(),
            parent: Vec::new(),
            clock: quanta::Clock::mock().0,
        }
    }

    /// The terms.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// The term with these parts; it joins the class of a congruent one.
    pub fn add(&mut self, op: Op, children: &[Term]) -> Term {
        let (term, new) = self.bank.add(op.clone(), children);
        if !new {
            return term;
        }
        let children = children.iter().map(|c| self.node_of[c.index()]).collect();
        let id = self.egraph.add_uncanonical(Node { op, children });
        self.node_of.push(id);
        self.parent.push(None);
        if usize::from(id) == self.origin.len() {
            self.origin.push(term);
        } else {
            self.link(term, self.origin[usize::from(id)], Why::Congruence);
        }
        term
    }

    /// Makes two terms equal because of an event. False if they were.
    pub fn union(&mut self, left: Term, right: Term, event: u32) -> bool {
        if self.class(left) == self.class(right) {
            return false;
        }
        self.link(left, right, Why::Event(event));
        self.egraph.union(self.node_of[left.index()], self.node_of[right.index()]);
        true
    }

    /// Restores congruence: terms whose arguments are equal become equal.
    pub fn rebuild(&mut self) {
        quanta::with_clock(&self.clock, || self.egraph.rebuild());
        for (a, b) in self.egraph.analysis.congruent.take() {
            self.link(self.origin[usize::from(a)], self.origin[usize::from(b)], Why::Congruence);
        }
    }

    /// E-nodes that were made, and classes that were merged, since the last call; each once, in
    /// order.
    pub fn take_changes(&mut self) -> (Vec<Id>, Vec<Id>) {
        let log = &mut self.egraph.analysis;
        let (made, merged) = (std::mem::take(&mut log.made), std::mem::take(&mut log.merged));
        let mut merged: Vec<Id> = merged.into_iter().map(|id| self.egraph.find(id)).collect();
        merged.sort_unstable();
        merged.dedup();
        (made, merged)
    }

    /// Whether the class has a node that patterns look for below their root.
    pub fn is_inner(&self, class: Id) -> bool {
        self.egraph[class].data
    }

    /// The class of a term.
    pub fn class(&self, term: Term) -> Id {
        self.egraph.find(self.node_of[term.index()])
    }

    /// The class that an id stands for now.
    pub fn find(&self, id: Id) -> Id {
        self.egraph.find(id)
    }

    /// Some term of a class.
    pub fn term_of(&self, class: Id) -> Term {
        self.origin[usize::from(self.egraph.find(class))]
    }

    /// The e-nodes of a class.
    pub fn nodes(&self, class: Id) -> &[Node] {
        &self.egraph[class].nodes
    }

    /// The class of an e-node, where there is one.
    pub fn lookup(&self, node: Node) -> Option<Id> {
        self.egraph.lookup(node).map(|id| self.egraph.find(id))
    }

    /// E-nodes with this class as an argument.
    pub fn parents(&self, class: Id) -> impl Iterator<Item = Id> + '_ {
        self.egraph[class].parents()
    }

    /// An e-node by its own id, as it was made: find its arguments before comparing them.
    pub fn node(&self, id: Id) -> &Node {
        self.egraph.id_to_node(id)
    }

    /// All e-nodes, in the order of their making.
    pub fn all_nodes(&self) -> Vec<Id> {
        (0..self.origin.len()).map(Id::from).collect()
    }

    /// All classes, in order.
    pub fn classes(&self) -> Vec<Id> {
        let mut classes: Vec<Id> = self.egraph.classes().map(|class| class.id).collect();
        classes.sort_unstable();
        classes
    }

    /// The one path between two equal terms, or nothing where they are not equal.
    pub fn path(&self, from: Term, to: Term) -> Option<Vec<Edge>> {
        let mut up: Vec<Edge> = self.to_root(from).collect();
        let mut down: Vec<Edge> = self.to_root(to).collect();
        while up.last().zip(down.last()).is_some_and(|(a, b)| a.from == b.from) {
            up.pop();
            down.pop();
        }
        let meet_up = up.last().map_or(from, |edge| edge.to);
        let meet_down = down.last().map_or(to, |edge| edge.to);
        if meet_up != meet_down {
            return None;
        }
        up.extend(down.into_iter().rev().map(Edge::reversed));
        Some(up)
    }

    fn to_root(&self, term: Term) -> impl Iterator<Item = Edge> + '_ {
        let mut at = term;
        std::iter::from_fn(move || {
            let edge = self.parent[at.index()]?;
            at = edge.to;
            Some(edge)
        })
    }

    /// Adds an edge between two trees of the forest.
    fn link(&mut self, left: Term, right: Term, why: Why) {
        let mut new = Edge { from: left, to: right, why, forward: true };
        while let Some(old) = self.parent[new.from.index()].replace(new) {
            new = old.reversed();
        }
    }
}

impl Edge {
    fn reversed(self) -> Edge {
        Edge { from: self.to, to: self.from, why: self.why, forward: !self.forward }
    }
}
