//! From a program and rules to a plan.

use crate::compile::{Condition, Slots, Value, evaluate};
use crate::display::Names;
use crate::error::EngineError;
use crate::extract::{Choices, Extraction};
use crate::failure::Failure;
use crate::forbid;
use crate::name::{Named, find, resources, unknown};
use crate::plan::{Entity, ModuleImport, Node, NodeId, PackModule, Plan, Port, Target};
use crate::proof::{Proofs, Reason};
use crate::reach::Reach;
use crate::replay;
use crate::saturate::{Budget, Cause, Saturation};
use crate::seed::seed;
use crate::term::{Bank, Op, Term};
use crate::trace::{PortTrace, Trace};
use crate::vocabulary::look_up;
use crate::why_not::Standing;
use egg::Id;
use meld_component::program::{Program, ResourceId};
use meld_pack::ruleset::{self, PackId, RuleId, RuleSet, TermId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What "cheapest" looks at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The cost of calls, then size.
    #[default]
    Speed,
    /// Size, then the cost of calls.
    Size,
}

/// How to decide.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of assumptions that the user grants.
    pub assume: BTreeSet<String>,
    /// Names of rules and forbids that must not run: `pack.rule`, or the end of it where that
    /// names only one.
    pub disable: BTreeSet<String>,
    /// What "cheapest" looks at first.
    pub weight: Weight,
    /// Resources whose representation may be their handle, by `interface.resource`; they are added to
    /// those of the target.
    pub opaque_names: BTreeSet<String>,
    /// What rules can ask about the output.
    pub target: Target,
    /// Read rules in reverse order. Plan and trace are the same; tests use it to show that.
    pub reverse_rules: bool,
    /// Read ports in reverse order. Plan and trace are the same; tests use it to show that.
    pub reverse_ports: bool,
    /// Distinct terms, besides those of the program itself, beyond which rules are taken to have
    /// no end; a term takes about 500 bytes.
    pub max_terms: usize,
    /// Rounds beyond which rules are taken to have no end.
    pub max_rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            assume: BTreeSet::new(),
            disable: BTreeSet::new(),
            weight: Weight::Speed,
            opaque_names: BTreeSet::new(),
            target: Target::default(),
            reverse_rules: false,
            reverse_ports: false,
            max_terms: 4_000_000,
            max_rounds: 100_000,
        }
    }
}

/// A plan, and why it is what it is.
#[derive(Debug)]
pub struct Decision<'r> {
    /// The plan.
    pub plan: Plan,
    /// The proofs.
    pub trace: Trace<'r>,
    /// Resources of which the proofs rest on that they are opaque; the others that were named as such
    /// might as well not have been.
    pub opaque: BTreeSet<ResourceId>,
}

/// Decides what every port of a program becomes.
///
/// # Errors
///
/// See [`EngineError`]: a vocabulary that does not fit, unknown names in the options, rules
/// without end, ports that no rule implements, a plan that a `forbid` refuses.
pub fn decide<'r>(
    program: &Program,
    rules: &'r RuleSet,
    options: &Options,
) -> Result<Decision<'r>, EngineError> {
    let (plan, trace) = solve(program, rules, options)?;
    replay::check(program, &plan, &trace)?;
    let opaque = used_opaque(&trace)?;
    Ok(Decision { plan, trace, opaque })
}

/// Decides and proves. Nothing is checked yet.
pub(crate) fn solve<'r>(
    program: &Program,
    rules: &'r RuleSet,
    options: &Options,
) -> Result<(Plan, Trace<'r>), EngineError> {
    let (standings, of_forbids) = standings(rules, options)?;
    let silent = silent(rules, &standings, &of_forbids);
    let mut saturation = Saturation::new(rules, Names::new(program));
    let mut target = options.target.clone();
    for name in &options.opaque_names {
        target.opaque.extend(resources(program, name)?);
    }
    let statement = seed(program, rules, &silent, Bank::default(), &target, options.reverse_ports)?;
    let statement = statement.sorted();
    saturation.take(&statement);
    let seeds = statement.ports;
    let mut active: Vec<RuleId> =
        rule_ids(rules).filter(|id| standings[id.index()].is_on()).collect();
    if options.reverse_rules {
        active.reverse();
    }
    let budget = Budget {
        terms: saturation.graph.bank().len().saturating_add(options.max_terms),
        rounds: options.max_rounds,
    };
    saturation.run(&active, budget, false)?;

    let extraction = Extraction::new(&saturation.graph, rules, options.weight, |extraction| {
        let reach = Reach::new(program, &saturation, extraction, &seeds);
        reach.ports.values().map(|seed| saturation.graph.class(*seed)).collect()
    });
    let Reach { instances, ports: reached, failed } =
        Reach::new(program, &saturation, &extraction, &seeds);
    if !failed.is_empty() {
        let failure = Failure {
            saturation: &saturation,
            extraction: &extraction,
            standing: &|rule| standings[rule.index()].clone(),
        };
        return Err(EngineError::Unimplemented(failure.report(&failed)));
    }
    let roots: Vec<Id> = reached.values().map(|seed| saturation.graph.class(*seed)).collect();
    let order = extraction.below(roots);
    let choices = extraction.into_choices();
    let verdicts = forbid::check(&saturation, &of_forbids, &choices, &order, &reached)?;

    let mut plan = write_plan(rules, &saturation, &choices, &order, &reached);
    plan.instances = instances;
    plan.target = target;
    let terms = choices.write(&mut saturation.graph, &order);
    let mut proofs = Proofs::default();
    let mut ports = BTreeMap::new();
    for (port, seed) in &reached {
        let class = saturation.graph.class(*seed);
        let proof = proofs.prove(&saturation.graph, *seed, terms[&class])?;
        ports.insert(*port, PortTrace { proof });
    }
    plan.assumptions = assumptions(&saturation, &proofs);
    Ok((
        plan,
        Trace {
            saturation,
            choices,
            standings,
            silent,
            verdicts,
            proofs,
            ports,
            notes: BTreeMap::new(),
        },
    ))
}

/// Resources of which some step of a proof needs to know that they are opaque.
fn used_opaque(trace: &Trace<'_>) -> Result<BTreeSet<ResourceId>, EngineError> {
    let saturation = &trace.saturation;
    let opaque = look_up(saturation.rules)?.1.opaque;
    let (graph, bank) = (&saturation.graph, saturation.graph.bank());
    let mut used = BTreeSet::new();
    for step in trace.proofs.all.iter().flat_map(|proof| &proof.steps) {
        let Reason::Event { event, .. } = &step.reason else { continue };
        let event = &saturation.events[*event as usize];
        let Cause::Rule(rule) = &event.cause else { continue };
        let slots: Slots = event.slots.iter().map(|s| s.map(|term| graph.class(term))).collect();
        for guard in &saturation.compiled[rule.index()].matcher.guards {
            let Condition::Fact { fact, args, negated: false } = guard else { continue };
            if *fact != opaque {
                continue;
            }
            for arg in args {
                let Value::Class(class) = evaluate(graph, saturation.rules, arg, &slots) else {
                    continue;
                };
                if let Op::Entity(Entity::Resource(id)) = bank.op(saturation.representative(class))
                {
                    used.insert(*id);
                }
            }
        }
    }
    Ok(used)
}

fn rule_ids(rules: &RuleSet) -> impl Iterator<Item = RuleId> + use<> {
    (0..rules.rules.len()).map(|index| RuleId(index as u32))
}

/// Whether each rule and each forbid runs under the options.
fn standings(
    rules: &RuleSet,
    options: &Options,
) -> Result<(Vec<Standing>, Vec<Standing>), EngineError> {
    let assumes: Vec<String> = rules.assumes.iter().map(|assume| assume.name.clone()).collect();
    if let Some(name) = options.assume.iter().find(|name| !assumes.contains(name)) {
        let there_are = match assumes.as_slice() {
            [] => "packs declare none".to_string(),
            some => format!("packs declare `{}`", some.join("`, `")),
        };
        return Err(unknown("assumption", name, &assumes, &there_are));
    }
    let missing = |rule: &ruleset::Rule| {
        let needed = rule.assuming.iter().map(|id| &rules.assumes[id.index()].name);
        needed.into_iter().find(|assume| !options.assume.contains(*assume))
    };
    let mut of_rules: Vec<Standing> = rules
        .rules
        .iter()
        .map(|rule| match missing(rule) {
            Some(name) => Standing::Off(format!("it needs --assume {name}")),
            None => Standing::On,
        })
        .collect();
    let mut of_forbids = vec![Standing::On; rules.forbids.len()];
    for name in &options.disable {
        let standing = match find(rules, name)? {
            Named::Rule(id) => &mut of_rules[id.index()],
            Named::Forbid(index) => &mut of_forbids[index],
        };
        *standing = Standing::Off("it is disabled (--disable)".to_string());
    }
    Ok((of_rules, of_forbids))
}

/// Packs that take no part: none of their rules runs, or where they have none, none of their forbids.
fn silent(rules: &RuleSet, of_rules: &[Standing], of_forbids: &[Standing]) -> BTreeSet<PackId> {
    let mut runs: BTreeMap<PackId, bool> = BTreeMap::new();
    for (rule, standing) in rules.rules.iter().zip(of_rules) {
        *runs.entry(rule.pack).or_default() |= standing.is_on();
    }
    let with_rules: BTreeSet<PackId> = runs.keys().copied().collect();
    let forbids = rules.forbids.iter().zip(of_forbids);
    for (forbid, standing) in forbids.filter(|(forbid, _)| !with_rules.contains(&forbid.pack)) {
        *runs.entry(forbid.pack).or_default() |= standing.is_on();
    }
    runs.into_iter().filter_map(|(pack, runs)| (!runs).then_some(pack)).collect()
}

impl Saturation<'_> {
    /// A term of the class whose operator is the chosen one.
    pub(crate) fn chosen_like(&self, choices: &Choices, class: Id) -> Term {
        let op = choices.get(&self.graph, class).map(|choice| &choice.node.op);
        let terms = self.terms_of(class);
        terms
            .iter()
            .copied()
            .find(|term| Some(self.graph.bank().op(*term)) == op)
            .unwrap_or_else(|| self.representative(class))
    }
}

/// Writes the choices down as a plan.
fn write_plan(
    rules: &RuleSet,
    saturation: &Saturation<'_>,
    choices: &Choices,
    order: &[Id],
    ports: &BTreeMap<Port, Term>,
) -> Plan {
    let graph = &saturation.graph;
    let choice = |class: Id| choices.get(graph, class).map(|choice| &choice.node);
    let elements = |class: Id| {
        let mut elements = Vec::new();
        let mut at = class;
        while let Some(crate::term::Node { op: Op::Cons, children }) = choice(at) {
            elements.push(graph.find(children[0]));
            at = children[1];
        }
        elements
    };
    // A list is one node; the lists of its later elements are none unless somebody asks for them.
    let mut needed: HashSet<Id> = ports.values().map(|seed| graph.class(*seed)).collect();
    for class in order.iter().rev().filter(|class| choice(**class).is_some()) {
        if needed.contains(class) {
            match choice(*class) {
                Some(node) if node.op == Op::Cons => needed.extend(elements(*class)),
                node => needed.extend(
                    node.into_iter().flat_map(|n| n.children.iter().map(|c| graph.find(*c))),
                ),
            }
        }
    }
    let mut plan = Plan::default();
    let mut modules: HashMap<TermId, u32> = HashMap::new();
    let mut nodes: HashMap<Id, NodeId> = HashMap::new();
    for class in order.iter().filter(|class| needed.contains(class)) {
        let Some(node) = choice(*class) else { continue };
        let args: Vec<NodeId> = match node.op {
            Op::Cons => elements(*class).iter().map(|e| nodes[e]).collect(),
            _ => node.children.iter().map(|child| nodes[&graph.find(*child)]).collect(),
        };
        let decided = match &node.op {
            Op::Term(term) => match &rules.terms[term.index()].module {
                None => Node::Term(rules.terms[term.index()].name.as_str().into(), args),
                Some(_) => {
                    let number = *modules.entry(*term).or_insert_with(|| {
                        plan.modules.push(pack_module(rules, *term));
                        plan.modules.len() as u32 - 1
                    });
                    Node::Module(number, args)
                }
            },
            Op::Export(name) => Node::Export(args[0], name.clone()),
            Op::Int(value) => Node::Int(*value),
            Op::Str(text) => Node::Str(text.clone()),
            Op::Nil | Op::Cons => Node::List(args),
            Op::Entity(entity) => Node::Entity(*entity),
            // Leaves stand in tests of rules only, which never come here.
            Op::Leaf(_, name) => Node::Str(name.clone()),
        };
        nodes.insert(*class, NodeId(plan.nodes.len() as u32));
        plan.nodes.push(decided);
    }
    plan.ports = ports.iter().map(|(port, seed)| (*port, nodes[&graph.class(*seed)])).collect();
    plan
}

/// A core module as the plan has it.
pub(crate) fn pack_module(rules: &RuleSet, term: TermId) -> PackModule {
    let declared = &rules.terms[term.index()];
    let (binaries, follows, imports) = match &declared.module {
        Some(module) => {
            (module.binaries.clone(), module.follows.clone(), module.imports.as_slice())
        }
        None => (vec![Vec::new().into()], Vec::new(), [].as_slice()),
    };
    PackModule {
        name: format!("{}.{}", rules.packs[declared.span.pack.index()].name, declared.name),
        binaries,
        follows,
        imports: imports
            .iter()
            .map(|import| match import {
                ruleset::ModuleImport::FromInstance(position, name) => {
                    ModuleImport::FromInstance(*position, name.clone())
                }
                ruleset::ModuleImport::Param(position) => ModuleImport::Param(*position),
                ruleset::ModuleImport::PageBits(position) => ModuleImport::PageBits(*position),
            })
            .collect(),
    }
}

/// Assumptions of the rules that proofs rest on, sorted.
fn assumptions(saturation: &Saturation<'_>, proofs: &Proofs) -> Vec<String> {
    let rules = saturation.rules;
    let mut names = BTreeSet::new();
    for step in proofs.all.iter().flat_map(|proof| &proof.steps) {
        if let Reason::Event { event, .. } = step.reason
            && let Cause::Rule(rule) = saturation.events[event as usize].cause
        {
            let assuming = &rules.rules[rule.index()].assuming;
            names.extend(assuming.iter().map(|id| rules.assumes[id.index()].name.clone()));
        }
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{program, rules, siblings};

    /// Plan, events and explanations, as text.
    fn run(program: &Program, options: &Options) -> [String; 5] {
        let rules = rules();
        let (plan, trace) = solve(program, &rules, options).unwrap();
        replay::check(program, &plan, &trace).unwrap();
        [
            format!("{plan:#?}"),
            format!("{:#?}", trace.saturation.events),
            trace.explain_text(None),
            trace.explain_json(None).to_string(),
            trace.why_not("direct", None).unwrap(),
        ]
    }

    #[test]
    fn nothing_depends_on_the_order_of_reading() {
        let hosts = program(
            r#"(component
              (import "a:b/host" (instance $host
                (export "one" (func (param "a" u32)))
                (export "two" (func (param "a" u32)))))
              (alias export $host "one" (func $one))
              (alias export $host "two" (func $two))
              (core func $one-core (canon lower (func $one)))
              (core func $two-core (canon lower (func $two)))
              (core module $main
                (import "host" "two" (func (param i32)))
                (import "host" "one" (func (param i32)))
                (func (export "run")))
              (core instance $main (instantiate $main (with "host" (instance
                (export "one" (func $one-core)) (export "two" (func $two-core))))))
              (export "one" (func $one))
              (func (export "run") (canon lift (core func $main "run"))))"#,
        );
        let strings =
            siblings("(param \"a\" (list (tuple string (option u8))))", "(param i32 i32)", "");
        let scalars = siblings("(param \"a\" u32)", "(param i32)", "");
        for program in [hosts, strings, scalars] {
            for weight in [Weight::Speed, Weight::Size] {
                let run = |reverse_rules, reverse_ports| {
                    let options =
                        Options { weight, reverse_rules, reverse_ports, ..Options::default() };
                    run(&program, &options)
                };
                let plain = run(false, false);
                for (rules, ports) in [(false, false), (true, false), (false, true), (true, true)] {
                    assert!(run(rules, ports) == plain, "rules {rules}, ports {ports}");
                }
            }
        }
    }
}
