//! Applies rules until nothing changes.
//!
//! One round searches all rules, then applies all that was found. The work follows what happens,
//! not the size of the graph: a new match needs a new e-node, or a merged class that some pattern
//! looks into from above. So new e-nodes are searched, and those from which a pattern sees a
//! merged class. Congruence is restored when a round changed nothing any more; stale e-nodes until
//! then delay a match, and never make a wrong one.
//!
//! No clock, and no rule is ever held back: what does not come to an end is an error that names
//! the rules that still fire.

use crate::compile::{
    CompiledRule, Condition, Pat, Slots, View, instantiate, is_attribute, match_all,
};
use crate::display::Names;
use crate::error::EngineError;
use crate::graph::{Graph, Why};
use crate::guard::{Ask, Facts};
use crate::seed::Statement;
use crate::term::{Op, Term};
use crate::vocabulary::OF_IMPORTER;
use egg::Id;
use meld_pack::ruleset::{RuleId, RuleSet};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What made two terms equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The frontend states it.
    Given,
    /// A rule fired.
    Rule(RuleId),
}

/// One union that is not by congruence.
#[derive(Clone, Debug)]
pub struct Event {
    /// Why.
    pub cause: Cause,
    /// The pattern, with what it matched put in.
    pub left: Term,
    /// The replacement, likewise.
    pub right: Term,
    /// What each slot of the rule stood for. Slots of wildcards in negated guards are empty.
    pub slots: Vec<Option<Term>>,
}

/// Limits beyond which saturation is an error.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Distinct terms.
    pub terms: usize,
    /// Rounds of searching and applying.
    pub rounds: usize,
}

/// A graph with facts, and the events that shaped it.
#[derive(Debug)]
pub struct Saturation<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// What entities are called.
    pub(crate) names: Names,
    /// All rules, compiled, by id.
    pub compiled: Vec<CompiledRule>,
    /// The terms.
    pub graph: Graph,
    /// What holds.
    pub facts: Facts,
    /// Unions in order.
    pub events: Vec<Event>,
    /// Leaves that are equal only to themselves, by class.
    leaves: HashMap<Id, Term>,
    /// Terms looked at for leaves so far.
    scanned: usize,
    nominal: Vec<Term>,
}

impl<'a> Saturation<'a> {
    /// Whether a term stands for something of the instance that has the core import which it names.
    pub(crate) fn is_of_importer(&self, op: &Op) -> bool {
        let Op::Term(term) = op else { return false };
        OF_IMPORTER.contains(&&*self.rules.terms[term.index()].name)
    }

    /// An empty graph for a rule set.
    pub(crate) fn new(rules: &'a RuleSet, names: Names) -> Self {
        let compiled: Vec<CompiledRule> = rules.rules.iter().map(CompiledRule::new).collect();
        Saturation {
            rules,
            names,
            graph: Graph::new(inner_ops(&compiled)),
            compiled,
            facts: Facts::new(rules),
            events: Vec::new(),
            leaves: HashMap::new(),
            scanned: 0,
            nominal: Vec::new(),
        }
    }

    /// Takes what the frontend states. The graph is empty before, so terms keep their ids.
    pub fn take(&mut self, statement: &Statement) {
        let bank = &statement.bank;
        for index in 0..bank.len() {
            let term = Term(index as u32);
            self.graph.add(bank.op(term).clone(), bank.children(term));
        }
        for (left, right) in &statement.equations {
            self.given(*left, *right);
        }
        for (fact, row) in &statement.facts {
            self.facts.state(*fact, row.clone());
        }
    }

    /// States that two terms are equal.
    pub fn given(&mut self, left: Term, right: Term) {
        self.unite(Event { cause: Cause::Given, left, right, slots: Vec::new() });
    }

    fn unite(&mut self, event: Event) -> bool {
        let number = self.events.len() as u32;
        let changed = self.graph.union(event.left, event.right, number);
        if changed {
            self.events.push(event);
        }
        changed
    }

    /// Runs the rules `active` until nothing changes, in each round in the order of their
    /// declaration. With `define`, attributes that guards ask for are taken to be defined (as
    /// tests of rules do).
    pub fn run(
        &mut self,
        active: &[RuleId],
        budget: Budget,
        define: bool,
    ) -> Result<(), EngineError> {
        let mut by_op: HashMap<Op, Vec<RuleId>> = HashMap::new();
        for rule in active {
            if let Some(op) = self.compiled[rule.index()].matcher.pattern.op() {
                by_op.entry(op.clone()).or_default().push(*rule);
            }
        }
        let levels = active
            .iter()
            .map(|rule| self.compiled[rule.index()].matcher.pattern.depth())
            .max()
            .unwrap_or(0);
        let equates = active.iter().any(|rule| self.compiled[rule.index()].matcher.equates());

        self.settle()?;
        self.graph.take_changes();
        let mut frontier = self.graph.all_nodes();
        let mut seen: HashSet<(RuleId, Slots)> = HashSet::new();
        let mut rounds = 0;
        loop {
            let before = self.events.len();
            let mut matches = self.search(&by_op, &frontier, &mut seen);
            // Stable: within a rule, matches stay in the order of e-nodes.
            matches.sort_by_key(|found| found.0);
            if define {
                for (rule, slots) in &matches {
                    let guards = self.compiled[rule.index()].matcher.guards.clone();
                    self.define_attributes(&guards, slots);
                }
            }
            for (rule, slots) in matches {
                self.fire(rule, slots);
            }
            rounds += 1;
            if self.graph.bank().len() > budget.terms || rounds > budget.rounds {
                return Err(self.exhausted(budget, before));
            }
            let (mut made, mut merged) = self.graph.take_changes();
            if made.is_empty() && merged.is_empty() {
                self.settle()?;
                (made, merged) = self.graph.take_changes();
                if made.is_empty() && merged.is_empty() {
                    return Ok(());
                }
            }
            frontier = self.to_search(made, merged, levels, equates);
        }
    }

    /// Restores congruence and looks after the leaves.
    pub fn settle(&mut self) -> Result<(), EngineError> {
        self.graph.rebuild();
        let bank = self.graph.bank();
        for index in self.scanned..bank.len() {
            let term = Term(index as u32);
            if bank.op(term).is_nominal() {
                self.nominal.push(term);
            }
        }
        self.scanned = bank.len();
        self.leaves.clear();
        for term in &self.nominal {
            if let Some(other) = self.leaves.insert(self.graph.class(*term), *term) {
                return Err(self.collapsed(other, *term));
            }
        }
        self.facts.refresh(&self.graph);
        Ok(())
    }

    /// Two leaves that are equal only to themselves became equal.
    fn collapsed(&self, left: Term, right: Term) -> EngineError {
        let path = self.graph.path(left, right).unwrap_or_default();
        let rules = self.rules_of(path.iter().filter_map(|edge| match edge.why {
            Why::Event(event) => Some(event as usize),
            Why::Congruence => None,
        }));
        let show = self.show();
        EngineError::Collapsed { left: show.term(left), right: show.term(right), rules }
    }

    /// Names of the rules behind events, each once, in order of declaration.
    fn rules_of(&self, events: impl Iterator<Item = usize>) -> Vec<String> {
        let rules: BTreeSet<RuleId> = events
            .filter_map(|event| match self.events[event].cause {
                Cause::Rule(rule) => Some(rule),
                Cause::Given => None,
            })
            .collect();
        rules.into_iter().map(|rule| self.rules.rule_name(rule)).collect()
    }

    fn exhausted(&self, budget: Budget, since: usize) -> EngineError {
        EngineError::Exhausted {
            terms: self.graph.bank().len(),
            limit: budget.terms,
            rounds: budget.rounds,
            rules: self.rules_of(since..self.events.len()),
        }
    }

    /// Matches of patterns at these e-nodes, without guards, that were not seen before.
    fn search(
        &self,
        by_op: &HashMap<Op, Vec<RuleId>>,
        frontier: &[Id],
        seen: &mut HashSet<(RuleId, Slots)>,
    ) -> Vec<(RuleId, Slots)> {
        let mut matches = Vec::new();
        for node in frontier.iter().map(|id| self.graph.node(*id)) {
            for rule in by_op.get(&node.op).into_iter().flatten() {
                let matcher = &self.compiled[rule.index()].matcher;
                let Pat::Node(_, args) = &matcher.pattern else { continue };
                let mut slots = vec![None; matcher.slots];
                match_all(&self.graph, args, &node.children, &mut slots, &mut |slots| {
                    if seen.insert((*rule, slots.clone())) {
                        matches.push((*rule, slots.clone()));
                    }
                });
            }
        }
        matches
    }

    /// Checks a match's guards and adds what the rule says, for each way in which they hold.
    fn fire(&mut self, rule: RuleId, mut slots: Slots) {
        let mut solutions: Vec<Slots> = Vec::new();
        let compiled = &self.compiled[rule.index()];
        self.facts.check(
            Ask { view: &self.graph, rules: self.rules, matcher: &compiled.matcher },
            &mut slots,
            &mut |slots| solutions.push(slots.clone()),
            &mut |_| {},
        );
        for slots in solutions {
            let mut slots: Vec<Option<Term>> =
                slots.iter().map(|id| id.map(|id| self.representative(id))).collect();
            let compiled = &self.compiled[rule.index()];
            if let Pat::Node(_, args) = &compiled.matcher.pattern {
                args.iter().for_each(|arg| self.take_out(arg, &mut slots));
            }
            let left = instantiate(&mut self.graph, &compiled.matcher.pattern, &slots);
            let right = instantiate(&mut self.graph, &compiled.replacement, &slots);
            // A checked rule binds every variable of its replacement before the guards end.
            if let (Some(left), Some(right)) = (left, right) {
                self.unite(Event { cause: Cause::Rule(rule), left, right, slots });
            }
        }
    }

    /// Where a slot stands in a term, and for something that such a term represents to which it is
    /// equal, takes what is in there: events about `t(?x)` name `t(x)`, not `t(t(x))`.
    fn take_out(&self, pattern: &Pat, slots: &mut [Option<Term>]) {
        let Pat::Node(op, args) = pattern else { return };
        let bank = self.graph.bank();
        for (position, arg) in args.iter().enumerate() {
            let Pat::Slot(slot) = arg else {
                self.take_out(arg, slots);
                continue;
            };
            if let Some(term) = slots[*slot]
                && bank.op(term) == op
                && let inner = bank.children(term)[position]
                && self.graph.class(inner) == self.graph.class(term)
            {
                slots[*slot] = Some(inner);
            }
        }
    }

    /// The term that stands for a class in events: its leaf, where it has one.
    pub fn representative(&self, class: Id) -> Term {
        let class = self.graph.find(class);
        self.leaves.get(&class).copied().unwrap_or_else(|| self.graph.term_of(class))
    }

    /// One term for each e-node of a class, in the order of their making.
    pub fn terms_of(&self, class: Id) -> Vec<Term> {
        let class = self.graph.find(class);
        let bank = self.graph.bank();
        let mut seen = HashSet::new();
        (0..bank.len())
            .map(|index| Term(index as u32))
            .filter(|term| self.graph.class(*term) == class)
            .filter(|term| {
                let children: Vec<Id> =
                    bank.children(*term).iter().map(|child| self.graph.class(*child)).collect();
                seen.insert((bank.op(*term), children))
            })
            .collect()
    }

    /// Adds the attributes that the guards of a match ask for.
    pub fn define_attributes(&mut self, guards: &[Condition], slots: &Slots) {
        let slots: Vec<Option<Term>> =
            slots.iter().map(|id| id.map(|id| self.representative(id))).collect();
        for guard in guards {
            let args: Vec<&Pat> = match guard {
                Condition::Fact { args, .. } => args.iter().collect(),
                Condition::Compare { left, right, .. } => vec![left, right],
            };
            for arg in args {
                if arg.op().is_some_and(|op| is_attribute(self.rules, op)) {
                    instantiate(&mut self.graph, arg, &slots);
                }
            }
        }
    }

    /// E-nodes that may match anew: those that were made, and those above merged classes from
    /// which a pattern of so many levels looks into them. Where some pattern asks whether two
    /// arguments are equal (`equates`), merging any class may answer it.
    fn to_search(&self, made: Vec<Id>, merged: Vec<Id>, levels: usize, equates: bool) -> Vec<Id> {
        let mut all: BTreeSet<Id> = made.into_iter().collect();
        let mut looked: HashSet<Id> = HashSet::new();
        let mut edge = merged;
        for level in 1..levels {
            let mut next = Vec::new();
            for class in edge {
                if !(self.graph.is_inner(class) || equates && level == 1) {
                    continue;
                }
                for parent in self.graph.parents(class) {
                    all.insert(parent);
                    let class = self.graph.find(parent);
                    if looked.insert(class) {
                        next.push(class);
                    }
                }
            }
            edge = next;
        }
        all.into_iter().collect()
    }
}

/// Operators that some pattern looks for below its root.
fn inner_ops(rules: &[CompiledRule]) -> HashSet<Op> {
    fn collect(pattern: &Pat, ops: &mut HashSet<Op>) {
        if let Pat::Node(op, args) = pattern {
            ops.insert(op.clone());
            args.iter().for_each(|arg| collect(arg, ops));
        }
    }
    let mut ops = HashSet::new();
    for rule in rules {
        if let Pat::Node(_, args) = &rule.matcher.pattern {
            args.iter().for_each(|arg| collect(arg, &mut ops));
        }
    }
    ops
}

/// Every match of a rule's pattern, guards apart, with the class of its root.
pub fn matches_of(
    view: &impl View,
    classes: &[Id],
    pattern: &Pat,
    slots: usize,
) -> Vec<(Id, Slots)> {
    let Pat::Node(op, args) = pattern else { return Vec::new() };
    let mut found = Vec::new();
    for class in classes {
        for node in view.nodes(*class) {
            if node.op == *op && node.children.len() == args.len() {
                let mut bound = vec![None; slots];
                match_all(view, args, &node.children, &mut bound, &mut |bound| {
                    found.push((*class, bound.clone()));
                });
            }
        }
    }
    found
}
