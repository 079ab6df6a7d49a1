//! The cheapest implementable term of every class.
//!
//! Knuth's generalisation of Dijkstra's algorithm: classes are settled in order of cost, and a
//! node becomes a candidate once the classes of its arguments are settled. A cost counts the
//! depth of the term last, so a node costs strictly more than each of its arguments: no class
//! can be chosen through itself, even where everything is free.
//!
//! Ties are broken by the operator, in order of declaration, then by the ranks of the arguments,
//! which are their places in this very order. So the choice does not depend on the order in
//! which rules, ports or e-nodes were met.

use crate::compile::{View, is_data};
use crate::graph::Graph;
use crate::term::{Node, Op, Term};
use crate::{Weight, plan::Entity};
use egg::Id;
use meld_pack::ruleset::{Cost, RuleSet};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

/// What a term costs, first things first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    /// What the weight looks at first.
    major: u64,
    /// What it looks at among equals.
    minor: u64,
    /// Height of the term.
    depth: u32,
}

impl Price {
    /// What an operator of this cost has with arguments of these prices.
    pub fn sum(weight: Weight, own: Cost, arguments: impl Iterator<Item = Price>) -> Price {
        let (major, minor) = match weight {
            Weight::Speed => (own.call, own.size),
            Weight::Size => (own.size, own.call),
        };
        arguments.fold(Price { major, minor, depth: 0 }, |sum, argument| Price {
            major: sum.major.saturating_add(argument.major),
            minor: sum.minor.saturating_add(argument.minor),
            depth: sum.depth.max(argument.depth + 1),
        })
    }

    /// Cost of a call through the term, and its size with everything below it.
    pub fn cost(self, weight: Weight) -> Cost {
        match weight {
            Weight::Speed => Cost { call: self.major, size: self.minor },
            Weight::Size => Cost { size: self.major, call: self.minor },
        }
    }
}

/// A class's choice.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The chosen node.
    pub node: Node,
    /// What it costs with all below it.
    pub price: Price,
    /// Its place among all choices: arguments have smaller ranks.
    pub rank: u32,
}

/// For every class that can be implemented, its cheapest node.
#[derive(Debug)]
pub struct Extraction<'g> {
    graph: &'g Graph,
    weight: Weight,
    choices: HashMap<Id, Choice>,
    /// Classes by rank.
    order: Vec<Id>,
}

/// The cost of an operator alone; none where it cannot be emitted.
pub fn cost_of(rules: &RuleSet, op: &Op) -> Option<Cost> {
    const FREE: Cost = Cost { size: 0, call: 0 };
    match op {
        Op::Term(term) => {
            let declared = &rules.terms[term.index()];
            match (&declared.cost, &declared.module) {
                (Some(cost), _) => Some(*cost),
                // A module says how large it is.
                (None, Some(module)) => Some(Cost { size: module.bytes.len() as u64, call: 0 }),
                (None, None) => is_data(rules, *term).then_some(FREE),
            }
        }
        _ => Some(FREE),
    }
}

/// A node whose operator can be emitted.
struct Candidate<'g> {
    class: Id,
    node: &'g Node,
    own: Cost,
    /// Arguments that are not settled yet.
    open: usize,
}

type Key<'g> = Reverse<(Price, &'g Op, Vec<u32>, usize)>;

impl<'g> Extraction<'g> {
    /// Settles every class that can be implemented.
    pub fn new(graph: &'g Graph, rules: &RuleSet, weight: Weight) -> Self {
        let mut this = Extraction { graph, weight, choices: HashMap::new(), order: Vec::new() };
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut users: HashMap<Id, Vec<usize>> = HashMap::new();
        let mut heap: BinaryHeap<Key> = BinaryHeap::new();
        for class in graph.classes() {
            for node in graph.nodes(class) {
                let Some(own) = cost_of(rules, &node.op) else { continue };
                let index = candidates.len();
                for child in &node.children {
                    users.entry(graph.find(*child)).or_default().push(index);
                }
                candidates.push(Candidate { class, node, own, open: node.children.len() });
                if node.children.is_empty() {
                    heap.push(this.key(&candidates[index], index));
                }
            }
        }
        while let Some(Reverse((price, _, _, index))) = heap.pop() {
            let Candidate { class, node, .. } = candidates[index];
            if this.choices.contains_key(&class) {
                continue;
            }
            let rank = this.order.len() as u32;
            this.choices.insert(class, Choice { node: node.clone(), price, rank });
            this.order.push(class);
            for user in users.remove(&class).into_iter().flatten() {
                candidates[user].open -= 1;
                if candidates[user].open == 0 && !this.choices.contains_key(&candidates[user].class)
                {
                    heap.push(this.key(&candidates[user], user));
                }
            }
        }
        this
    }

    fn key(&self, candidate: &Candidate<'g>, index: usize) -> Key<'g> {
        let ranks = candidate
            .node
            .children
            .iter()
            .map(|child| self.choices[&self.graph.find(*child)].rank)
            .collect();
        let children = &candidate.node.children;
        let prices = children.iter().map(|child| self.choices[&self.graph.find(*child)].price);
        let price = Price::sum(self.weight, candidate.own, prices);
        Reverse((price, &candidate.node.op, ranks, index))
    }

    /// The choice of a class; none where it cannot be implemented.
    pub fn choice(&self, class: Id) -> Option<&Choice> {
        self.choices.get(&self.graph.find(class))
    }

    /// The classes that the choices of these rest on, themselves included, arguments first.
    pub fn below(&self, classes: impl IntoIterator<Item = Id>) -> Vec<Id> {
        let mut ranks: BTreeSet<u32> =
            classes.into_iter().filter_map(|class| self.choice(class)).map(|c| c.rank).collect();
        let mut all = Vec::new();
        while let Some(rank) = ranks.pop_last() {
            let class = self.order[rank as usize];
            all.push(class);
            let children = &self.choices[&class].node.children;
            ranks.extend(children.iter().map(|c| self.choices[&self.graph.find(*c)].rank));
        }
        all.reverse();
        all
    }

    /// The entity that a class was decided to be, if it is one.
    pub fn entity(&self, class: Id) -> Option<Entity> {
        match self.choice(class)?.node.op {
            Op::Entity(entity) => Some(entity),
            _ => None,
        }
    }

    /// Ends the borrow of the graph.
    pub fn into_choices(self) -> Choices {
        Choices { choices: self.choices }
    }
}

/// Choices apart from their graph.
#[derive(Debug, Default)]
pub struct Choices {
    choices: HashMap<Id, Choice>,
}

impl Choices {
    /// The choice of a class.
    pub fn get(&self, graph: &Graph, class: Id) -> Option<&Choice> {
        self.choices.get(&graph.find(class))
    }

    /// Writes down the chosen terms of classes, which stand arguments first.
    pub fn write(&self, graph: &mut Graph, classes: &[Id]) -> HashMap<Id, Term> {
        let mut terms: HashMap<Id, Term> = HashMap::with_capacity(classes.len());
        for class in classes {
            let node = &self.choices[class].node;
            let children: Vec<Term> =
                node.children.iter().map(|child| terms[&graph.find(*child)]).collect();
            terms.insert(*class, graph.add(node.op.clone(), &children));
        }
        terms
    }
}

/// The graph as far as it was chosen: what a `forbid` looks at.
pub struct Chosen<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The choices.
    pub choices: &'a Choices,
}

impl View for Chosen<'_> {
    fn nodes(&self, class: Id) -> &[Node] {
        match self.choices.get(self.graph, class) {
            Some(choice) => std::slice::from_ref(&choice.node),
            None => &[],
        }
    }

    fn graph(&self) -> &Graph {
        self.graph
    }
}
