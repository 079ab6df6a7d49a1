//! What a run of the engine remembers: the graph, the choices and the proofs.

use crate::error::EngineError;
use crate::extract::{Choices, cost_of};
use crate::forbid::Verdict;
use crate::name::{Named, find};
use crate::plan::{Entity, Port};
use crate::proof::{ProofId, Proofs, Reason};
use crate::saturate::{Cause, Event, Saturation};
use crate::term::{Op, Term};
use crate::why_not::Standing;
use egg::Id;
use meld_component::program::{ComponentId, ResourceId};
use meld_pack::ruleset::{Cost, PackId, RuleId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is known of one port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortTrace {
    /// The proof from its seed to what it became.
    pub(crate) proof: ProofId,
}

/// What an instance and a resource type have in common, as an option decided it: how the instance keeps
/// its handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOption {
    /// The instance.
    pub component: ComponentId,
    /// The resource type.
    pub resource: ResourceId,
    /// The option: `pack.option`.
    pub option: String,
    /// Why the option is one, as its pack says.
    pub because: String,
}

/// Why every port became what it became. Prints the same bytes in every run.
#[derive(Debug)]
pub struct Trace<'r> {
    pub(crate) saturation: Saturation<'r>,
    pub(crate) choices: Choices,
    pub(crate) standings: Vec<Standing>,
    /// Packs that take no part, and so state nothing.
    pub(crate) silent: BTreeSet<PackId>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) proofs: Proofs,
    pub(crate) ports: BTreeMap<Port, PortTrace>,
    /// What became otherwise of ports than was decided, as sentences.
    pub(crate) notes: BTreeMap<Port, Vec<String>>,
}

impl Trace<'_> {
    /// Adds what is to be said of a port that was found when the plan was written: where it was not
    /// followed, and why.
    pub fn note(&mut self, port: Port, text: String) {
        self.notes.entry(port).or_default().push(text);
    }

    /// Why ports became what they became, for people. A port is shown if each word of the filter
    /// occurs in its name (`adder/main: import "test:math/api" "add"`), or in the name of something
    /// in what it was, in what it became, or on the way. Forbids that the user turned off stand at
    /// the end, whatever the filter.
    pub fn explain_text(&self, filter: Option<&str>) -> String {
        crate::explain::text(self, filter)
    }

    /// The same for machines.
    pub fn explain_json(&self, filter: Option<&str>) -> serde_json::Value {
        crate::explain::json(self, filter)
    }

    /// Why a rule (`pack.rule`, or the end of it) did not fire where its pattern matches, as far
    /// as ports that the filter selects can see. For a `forbid`, what it says about the plan.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`] where no pack declares the rule, [`EngineError::Ambiguous`] where
    /// several rules have the name.
    pub fn why_not(&self, rule: &str, filter: Option<&str>) -> Result<String, EngineError> {
        Ok(match find(self.saturation.rules, rule)? {
            Named::Rule(id) => crate::why_not::text(self, id, filter),
            Named::Forbid(index) => self.verdicts[index].text(&self.saturation),
        })
    }

    /// The options that were chosen for an instance and a resource type, by instance and resource: all
    /// that something in the plan rests on.
    pub fn resource_options(&self) -> Vec<ResourceOption> {
        let Saturation { rules, graph, events, .. } = &self.saturation;
        let bank = graph.bank();
        let chosen = |term: Term| Some(&self.choices.get(graph, graph.class(term))?.node.op);
        let mut found = BTreeMap::new();
        for step in self.proofs.all.iter().flat_map(|proof| &proof.steps) {
            let Reason::Event { event, .. } = step.reason else { continue };
            let Event { cause: Cause::Rule(id), left, right, .. } = &events[event as usize] else {
                continue;
            };
            if !rules.rules[id.index()].is_option || chosen(*right) != Some(bank.op(*right)) {
                continue;
            }
            let of = |term: &Term| chosen(*term).cloned();
            let (mut component, mut resource) = (None, None);
            for op in bank.children(*left).iter().filter_map(of) {
                match op {
                    Op::Entity(Entity::Component(id)) => component = Some(id),
                    Op::Entity(Entity::Resource(id)) => resource = Some(id),
                    _ => {}
                }
            }
            if let (Some(component), Some(resource)) = (component, resource) {
                found.insert((component, resource), *id);
            }
        }
        let option = |((component, resource), id): (_, RuleId)| ResourceOption {
            component,
            resource,
            option: rules.rule_name(id),
            because: rules.rules[id.index()].because.clone(),
        };
        found.into_iter().map(option).collect()
    }

    /// The forbids that were turned off: what they would have said is part of every explanation.
    pub(crate) fn waived(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.is_waived())
    }

    /// What the choice of a class costs.
    pub(crate) fn cost(&self, class: Id) -> Option<Cost> {
        let graph = &self.saturation.graph;
        let node = &self.choices.get(graph, class)?.node;
        self.choices.cost(graph, self.saturation.rules, &node.op, &node.children)
    }

    /// For each class that has several implementable nodes, those not chosen: one term for each,
    /// in the order of their making.
    pub(crate) fn alternatives(&self) -> HashMap<Id, Vec<Term>> {
        let graph = &self.saturation.graph;
        let bank = graph.bank();
        let mut seen: HashSet<(&Op, Vec<Id>)> = HashSet::new();
        let mut found: HashMap<Id, Vec<Term>> = HashMap::new();
        for index in 0..bank.len() {
            let term = Term(index as u32);
            let (class, op) = (graph.class(term), bank.op(term));
            let Some(choice) = self.choices.get(graph, class) else { continue };
            let children: Vec<Id> =
                bank.children(term).iter().map(|child| graph.class(*child)).collect();
            let chosen = choice.node.op == *op
                && choice.node.children.iter().map(|c| graph.find(*c)).eq(children.iter().copied());
            let implementable = cost_of(self.saturation.rules, op).is_some()
                && children.iter().all(|child| self.choices.get(graph, *child).is_some());
            if implementable && !chosen && seen.insert((op, children)) {
                found.entry(class).or_default().push(term);
            }
        }
        found
    }

    /// What a term costs that is an alternative.
    pub(crate) fn alternative_cost(&self, term: Term) -> Cost {
        let graph = &self.saturation.graph;
        let bank = graph.bank();
        let children: Vec<Id> = bank.children(term).iter().map(|c| graph.class(*c)).collect();
        self.choices
            .cost(graph, self.saturation.rules, bank.op(term), &children)
            .unwrap_or(Cost { size: 0, call: 0 })
    }
}
