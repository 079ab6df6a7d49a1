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
//!
//! Calls are counted along the tree: a pass that stands twice runs twice. Size is paid once for
//! each distinct term, which no bottom-up search can know beforehand; so for [`Weight::Size`] the
//! choice is made again with the size of what is shared divided among its users, as long as the
//! whole gets smaller.

use crate::compile::{View, is_data};
use crate::graph::Graph;
use crate::term::{Node, Op, Term};
use crate::{Weight, plan::Entity};
use egg::Id;
use meld_pack::ruleset::{Cost, RuleSet};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

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
    fn sum(weight: Weight, own: Cost, arguments: impl Iterator<Item = Price>) -> Price {
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

    /// Cost of a call through the term.
    fn call(self, weight: Weight) -> u64 {
        match weight {
            Weight::Speed => self.major,
            Weight::Size => self.minor,
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
            declared.cost.or_else(|| is_data(rules, *term).then_some(FREE))
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
    /// Settles every class that can be implemented. `roots` says what will be emitted, given the
    /// choices; it is asked only where size is to be shared.
    pub fn new(
        graph: &'g Graph,
        rules: &RuleSet,
        weight: Weight,
        roots: impl Fn(&Extraction<'g>) -> Vec<Id>,
    ) -> Self {
        /// Each time the whole gets smaller, so this ends anyway; it rarely takes three.
        const TRIES: usize = 4;
        let mut best = Self::settle(graph, rules, weight, &HashMap::new());
        if weight == Weight::Speed {
            return best;
        }
        let whole = |extraction: &Extraction<'g>| {
            let emitted = extraction.below(roots(extraction));
            let size = extraction.size(rules, &emitted);
            (emitted, size)
        };
        let (_, mut size) = whole(&best);
        // At first whoever may be a user counts as one, afterwards those that are.
        let mut users: HashMap<Id, u64> = HashMap::new();
        for class in graph.classes() {
            let parents: BTreeSet<Id> = graph.parents(class).map(|id| graph.find(id)).collect();
            users.insert(class, parents.len().max(1) as u64);
        }
        for _ in 0..TRIES {
            let next = Self::settle(graph, rules, weight, &users);
            let (emitted, next_size) = whole(&next);
            if next_size >= size {
                break;
            }
            (best, size) = (next, next_size);
            users.clear();
            for class in &emitted {
                let children: BTreeSet<Id> =
                    best.choices[class].node.children.iter().map(|c| graph.find(*c)).collect();
                for child in children {
                    *users.entry(child).or_default() += 1;
                }
            }
        }
        best
    }

    /// Bytes of these classes' choices, each paid once.
    pub fn size(&self, rules: &RuleSet, classes: &[Id]) -> u64 {
        classes
            .iter()
            .filter_map(|class| cost_of(rules, &self.choices[class].node.op))
            .fold(0, |sum, cost| sum.saturating_add(cost.size))
    }

    fn settle(graph: &'g Graph, rules: &RuleSet, weight: Weight, users: &HashMap<Id, u64>) -> Self {
        let shares = users;
        let mut this = Extraction { graph, weight, choices: HashMap::new(), order: Vec::new() };
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut users: HashMap<Id, Vec<usize>> = HashMap::new();
        let mut heap: BinaryHeap<Key> = BinaryHeap::new();
        for class in graph.classes() {
            for node in graph.nodes(class) {
                let Some(mut own) = cost_of(rules, &node.op) else { continue };
                if let Some(users) = shares.get(&class) {
                    own.size = own.size.div_ceil(*users);
                }
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
        Choices { weight: self.weight, choices: self.choices }
    }
}

/// Choices apart from their graph.
#[derive(Debug)]
pub struct Choices {
    weight: Weight,
    choices: HashMap<Id, Choice>,
}

impl Choices {
    /// The choice of a class.
    pub fn get(&self, graph: &Graph, class: Id) -> Option<&Choice> {
        self.choices.get(&graph.find(class))
    }

    /// What a term with these arguments costs: calls along the tree, and the size of all
    /// distinct terms in it.
    pub fn cost(&self, graph: &Graph, rules: &RuleSet, op: &Op, children: &[Id]) -> Option<Cost> {
        let mut sum = cost_of(rules, op)?;
        let mut seen: HashSet<Id> = HashSet::new();
        let mut todo: Vec<Id> = Vec::new();
        for child in children {
            let choice = self.get(graph, *child)?;
            sum.call = sum.call.saturating_add(choice.price.call(self.weight));
            todo.push(graph.find(*child));
        }
        while let Some(class) = todo.pop() {
            if let Some(choice) = self.choices.get(&class)
                && seen.insert(class)
            {
                let own = cost_of(rules, &choice.node.op).map_or(0, |cost| cost.size);
                sum.size = sum.size.saturating_add(own);
                todo.extend(choice.node.children.iter().map(|child| graph.find(*child)));
            }
        }
        Some(sum)
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
