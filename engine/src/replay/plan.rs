//! The plan: whether it is complete, and whether it says what the proofs end with.

use crate::decide::pack_module;
use crate::plan::{Entity, Node, NodeId, Plan, Port};
use crate::reach::{observable, writers};
use crate::term::{Bank, Op, Term};
use meld_component::program::Program;
use meld_pack::ruleset::{RuleSet, TermId};
use std::collections::{BTreeSet, HashMap};

/// A plan that is compared with terms.
pub(super) struct Written<'a> {
    rules: &'a RuleSet,
    plan: &'a Plan,
    /// The node of each term that was compared. Equal terms are one node: a module that stands
    /// in a plan twice would be two instances.
    nodes: HashMap<Term, NodeId>,
    /// The term of each module that was compared.
    modules: HashMap<u32, TermId>,
}

impl<'a> Written<'a> {
    pub(super) fn new(rules: &'a RuleSet, plan: &'a Plan) -> Self {
        Written { rules, plan, nodes: HashMap::new(), modules: HashMap::new() }
    }

    /// Checks that the plan has every port and every instance that it has to have, and no other.
    pub(super) fn complete<'p>(
        &self,
        program: &Program,
        ports: impl Iterator<Item = &'p Port>,
    ) -> Result<(), (Option<Port>, String)> {
        let live = &self.plan.instances;
        let expected: BTreeSet<Port> = ports
            .copied()
            .filter(|port| match port {
                Port::Import(instance, _) => live.contains(instance),
                Port::Export(_) | Port::CoreExport(_) | Port::Destructor(_) | Port::Start => true,
            })
            .collect();
        if let Some(port) = expected.iter().find(|port| !self.plan.ports.contains_key(port)) {
            return Err((Some(*port), "the plan has no term for it".to_string()));
        }
        if let Some(port) = self.plan.ports.keys().find(|port| !expected.contains(port)) {
            return Err((Some(*port), "it is not of a live instance".to_string()));
        }
        let named = self.plan.nodes.iter().filter_map(|node| match node {
            Node::Entity(Entity::Instance(id)) => Some(*id),
            _ => None,
        });
        let writers = writers(program);
        let writing = live.iter().flat_map(|id| writers.get(id).into_iter().flatten().copied());
        match named.chain(observable(program)).chain(writing).find(|id| !live.contains(id)) {
            None => Ok(()),
            Some(id) => {
                let name = &program.instances[id.index()].name;
                Err((None, format!("the instance {name} has to be live")))
            }
        }
    }

    /// Checks that a node of the plan is a term.
    pub(super) fn same(&mut self, bank: &Bank, term: Term, node: NodeId) -> Result<(), String> {
        let mut todo = vec![(term, node)];
        while let Some((term, node)) = todo.pop() {
            match self.nodes.insert(term, node) {
                None => {}
                Some(known) if known == node => continue,
                Some(_) => return Err("the plan has one term twice".to_string()),
            }
            let args = self.arguments(bank, term, node);
            let args = args.ok_or("its proof ends at another term than the plan has")?;
            todo.extend(args);
        }
        Ok(())
    }

    /// The arguments of a term, each with its node; none if the node is not such a term.
    fn arguments(&mut self, bank: &Bank, term: Term, node: NodeId) -> Option<Vec<(Term, NodeId)>> {
        let node = self.plan.nodes.get(node.0 as usize)?;
        let children = bank.children(term).to_vec();
        let (terms, nodes): (Vec<Term>, &[NodeId]) = match (bank.op(term), node) {
            (Op::Entity(a), Node::Entity(b)) if a == b => return Some(Vec::new()),
            (Op::Int(a), Node::Int(b)) if a == b => return Some(Vec::new()),
            (Op::Str(a), Node::Str(b)) if a == b => return Some(Vec::new()),
            (Op::Nil | Op::Cons, Node::List(nodes)) => (elements(bank, term), nodes),
            (Op::Export(a), Node::Export(of, b)) if a == b => (children, std::slice::from_ref(of)),
            (Op::Term(id), Node::Term(name, nodes)) => {
                let declared = &self.rules.terms[id.index()];
                if declared.module.is_some() || declared.name != **name {
                    return None;
                }
                (children, nodes)
            }
            (Op::Term(id), Node::Module(module, nodes)) if self.is_module(*id, *module) => {
                (children, nodes)
            }
            _ => return None,
        };
        (terms.len() == nodes.len()).then(|| terms.into_iter().zip(nodes.iter().copied()).collect())
    }

    fn is_module(&mut self, term: TermId, module: u32) -> bool {
        if let Some(known) = self.modules.get(&module) {
            return *known == term;
        }
        let is = self.rules.terms[term.index()].module.is_some()
            && self.plan.modules.get(module as usize) == Some(&pack_module(self.rules, term));
        if is {
            self.modules.insert(module, term);
        }
        is
    }
}

fn elements(bank: &Bank, list: Term) -> Vec<Term> {
    let mut elements = Vec::new();
    let mut at = list;
    while let (Op::Cons, &[first, rest]) = (bank.op(at), bank.children(at)) {
        elements.push(first);
        at = rest;
    }
    elements
}
