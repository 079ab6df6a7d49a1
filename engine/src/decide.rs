//! From a program and rules to a plan.

use crate::compile::Matcher;
use crate::display::{Names, place};
use crate::error::EngineError;
use crate::extract::{Choices, Chosen, Extraction};
use crate::failure::Failure;
use crate::guard::Ask;
use crate::plan::{Entity, ModuleImport, Node, NodeId, PackModule, Plan, Port};
use crate::proof::{Proofs, Reason};
use crate::replay::Checker;
use crate::saturate::{Budget, Cause, Saturation, matches_of};
use crate::seed::seed;
use crate::term::{Op, Term};
use crate::trace::{PortTrace, Trace};
use crate::why_not::Standing;
use egg::Id;
use meld_component::program::{CoreItem, CoreKind, InstanceId, Program};
use meld_pack::ruleset::{self, RuleId, RuleSet, TermId};
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
    /// Names of rules that must not run (`pack.rule`).
    pub disable: BTreeSet<String>,
    /// What "cheapest" looks at first.
    pub weight: Weight,
    /// Read rules in reverse order. The plan is the same; tests use it to show that.
    pub reverse_rules: bool,
    /// Read ports in reverse order. The plan is the same; tests use it to show that.
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
    let standings = standings(rules, options)?;
    let mut saturation = Saturation::new(rules, Names::new(program));
    let seeds = seed(program, &mut saturation, options)?;
    let mut active: Vec<RuleId> =
        rule_ids(rules).filter(|id| standings[id.index()].is_on()).collect();
    let allowed: HashSet<RuleId> = active.iter().copied().collect();
    if options.reverse_rules {
        active.reverse();
    }
    let budget = Budget {
        terms: saturation.graph.bank().len().saturating_add(options.max_terms),
        rounds: options.max_rounds,
    };
    saturation.run(&active, budget, false)?;

    let extraction = Extraction::new(&saturation.graph, rules, options.weight, |extraction| {
        let (reached, _) = reach(program, &saturation, extraction, &seeds);
        reached.values().map(|seed| saturation.graph.class(*seed)).collect()
    });
    let (reached, failed) = reach(program, &saturation, &extraction, &seeds);
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
    check_forbids(&saturation, &choices, &order, &reached)?;

    let mut plan = write_plan(rules, &saturation, &choices, &order, &reached);
    let terms = choices.write(&mut saturation.graph, &order);
    let mut proofs = Proofs::default();
    let mut ports = BTreeMap::new();
    for (port, seed) in &reached {
        let class = saturation.graph.class(*seed);
        let proof = proofs.prove(&saturation.graph, *seed, terms[&class])?;
        ports.insert(*port, PortTrace { proof });
    }
    replay(&saturation, &allowed, &proofs, &ports)?;
    plan.assumptions = assumptions(&saturation, &proofs);
    let trace = Trace::new(saturation, choices, standings, proofs, ports);
    Ok(Decision { plan, trace })
}

fn rule_ids(rules: &RuleSet) -> impl Iterator<Item = RuleId> {
    (0..rules.rules.len()).map(|index| RuleId(index as u32))
}

/// Whether each rule runs under the options.
fn standings(rules: &RuleSet, options: &Options) -> Result<Vec<Standing>, EngineError> {
    let rule_names: Vec<String> = rule_ids(rules).map(|id| rules.rule_name(id)).collect();
    let assumes: Vec<String> = rules.assumes.iter().map(|assume| assume.name.clone()).collect();
    for (kind, wanted, known) in
        [("rule", &options.disable, &rule_names), ("assumption", &options.assume, &assumes)]
    {
        for name in wanted {
            if !known.contains(name) {
                return Err(unknown(kind, name, known));
            }
        }
    }
    Ok(rules
        .rules
        .iter()
        .zip(&rule_names)
        .map(|(rule, name)| {
            if options.disable.contains(name) {
                return Standing::Off("it is disabled (--disable)".to_string());
            }
            let missing = rule
                .assuming
                .iter()
                .map(|id| &rules.assumes[id.index()].name)
                .find(|assume| !options.assume.contains(*assume));
            match missing {
                Some(name) => Standing::Off(format!("it needs --assume {name}")),
                None => Standing::On,
            }
        })
        .collect())
}

/// The error for a name that no pack declares, with the one that shares most with it.
pub(crate) fn unknown(kind: &'static str, name: &str, known: &[String]) -> EngineError {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_string();
    let near = known.iter().find(|known| last(known) == last(name)).or_else(|| {
        let shared =
            |known: &&String| known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
        known.iter().max_by_key(shared).filter(|known| shared(known) > 2)
    });
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    EngineError::Unknown { kind, name: name.to_string(), hint }
}

/// Ports of what the root exports reach, by seed: those that are implemented, and the others.
///
/// An instance is reached if a reached port's term names it; if it has a start function; or if it
/// imports a memory or a table of a reached one, because its active segments may write there.
fn reach(
    program: &Program,
    saturation: &Saturation<'_>,
    extraction: &Extraction<'_>,
    seeds: &BTreeMap<Port, Term>,
) -> (BTreeMap<Port, Term>, BTreeMap<Port, Term>) {
    let mut writers: BTreeMap<InstanceId, Vec<InstanceId>> = BTreeMap::new();
    for (index, instance) in program.instances.iter().enumerate() {
        let id = InstanceId(index as u32);
        for (import, item) in program.module_of(id).imports.iter().zip(&instance.imports) {
            if let (CoreKind::Memory { .. } | CoreKind::Table, CoreItem::Export { instance, .. }) =
                (&import.kind, item)
            {
                writers.entry(*instance).or_default().push(id);
            }
        }
    }
    let mut instances: BTreeSet<InstanceId> = BTreeSet::new();
    let mut new: Vec<InstanceId> = (0..program.instances.len())
        .map(|index| InstanceId(index as u32))
        .filter(|id| {
            let module = program.module_of(*id);
            // What is written to memories and tables of the host, the host sees.
            let writes_host = || {
                let imports = module.imports.iter().zip(&program.instances[id.index()].imports);
                imports.into_iter().any(|(import, item)| {
                    matches!(import.kind, CoreKind::Memory { .. } | CoreKind::Table)
                        && matches!(item, CoreItem::Host { .. })
                })
            };
            module.has_start || module.may_trap || writes_host()
        })
        .collect();
    let mut todo: Vec<Port> =
        seeds.keys().copied().filter(|port| !matches!(port, Port::Import(..))).collect();
    let mut classes: HashSet<Id> = HashSet::new();
    let (mut reached, mut failed) = (BTreeMap::new(), BTreeMap::new());
    loop {
        while let Some(instance) = new.pop() {
            if instances.insert(instance) {
                new.extend(writers.remove(&instance).into_iter().flatten());
                let imports = program.instances[instance.index()].imports.len();
                todo.extend((0..imports).map(|n| Port::Import(instance, n as u32)));
            }
        }
        let Some(port) = todo.pop() else { return (reached, failed) };
        let seed = seeds[&port];
        let class = saturation.graph.class(seed);
        if extraction.choice(class).is_none() {
            failed.insert(port, seed);
            continue;
        }
        reached.insert(port, seed);
        let mut below = vec![class];
        while let Some(class) = below.pop() {
            if !classes.insert(class) {
                continue;
            }
            if let Some(Entity::Instance(instance)) = extraction.entity(class) {
                new.push(instance);
            }
            let children = extraction.choice(class).map(|choice| &choice.node.children);
            below.extend(children.into_iter().flatten().map(|c| saturation.graph.find(*c)));
        }
    }
}

/// Refuses what a `forbid` refuses.
fn check_forbids(
    saturation: &Saturation<'_>,
    choices: &Choices,
    order: &[Id],
    ports: &BTreeMap<Port, Term>,
) -> Result<(), EngineError> {
    const MOST: usize = 10;
    let rules = saturation.rules;
    let view = Chosen { graph: &saturation.graph, choices };
    let mut found = Vec::new();
    for forbid in &rules.forbids {
        let matcher = Matcher::of_forbid(forbid);
        for (class, mut slots) in matches_of(&view, order, &matcher.pattern, matcher.slots) {
            let mut holds = false;
            saturation.facts.check(
                Ask { view: &view, rules, matcher: &matcher },
                &mut slots,
                &mut |_| holds = true,
                &mut |_| {},
            );
            if holds && found.len() < MOST {
                let port = ports
                    .iter()
                    .find(|(_, seed)| contains(&view, saturation.graph.class(**seed), class))
                    .map_or("?", |(port, _)| saturation.names.port(*port));
                found.push(format!(
                    "the plan contains `{}`\n  needed by {port}\n  forbidden by {}.{} ({}): {}",
                    saturation.show().term(saturation.chosen_like(choices, class)),
                    rules.packs[forbid.pack.index()].name,
                    forbid.name,
                    place(rules, forbid.span),
                    forbid.because
                ));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(EngineError::Forbidden(found)) }
}

/// Whether the chosen term of a class has another class's in it.
fn contains(view: &Chosen<'_>, class: Id, wanted: Id) -> bool {
    let mut seen = HashSet::new();
    let mut todo = vec![class];
    while let Some(class) = todo.pop() {
        let class = view.graph.find(class);
        if class == wanted {
            return true;
        }
        if seen.insert(class) {
            let choice = view.choices.get(view.graph, class);
            todo.extend(choice.into_iter().flat_map(|choice| choice.node.children.iter().copied()));
        }
    }
    false
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

fn pack_module(rules: &RuleSet, term: TermId) -> PackModule {
    let declared = &rules.terms[term.index()];
    let (bytes, imports) = match &declared.module {
        Some(module) => (module.bytes.clone(), module.imports.as_slice()),
        None => (Vec::new().into(), [].as_slice()),
    };
    PackModule {
        name: format!("{}.{}", rules.packs[declared.span.pack.index()].name, declared.name),
        bytes,
        imports: imports
            .iter()
            .map(|import| match import {
                ruleset::ModuleImport::FromInstance(position, name) => {
                    ModuleImport::FromInstance(*position, name.clone())
                }
                ruleset::ModuleImport::Param(position) => ModuleImport::Param(*position),
            })
            .collect(),
    }
}

/// Re-checks all proofs without the e-graph.
fn replay(
    saturation: &Saturation<'_>,
    allowed: &HashSet<RuleId>,
    proofs: &Proofs,
    ports: &BTreeMap<Port, PortTrace>,
) -> Result<(), EngineError> {
    let facts = saturation.rules.facts.iter().enumerate().flat_map(|(index, _)| {
        let fact = ruleset::FactId(index as u32);
        saturation.facts.rows(fact).map(move |row| (fact, row.to_vec()))
    });
    let mut checker = Checker::new(
        saturation.graph.bank(),
        &saturation.compiled,
        allowed,
        &saturation.events,
        saturation.equations.iter().copied(),
        facts,
    );
    checker.check_all(proofs).map_err(|(proof, why)| {
        let port = ports
            .iter()
            .find(|(_, trace)| trace.proof as usize >= proof)
            .map_or("?", |(port, _)| saturation.names.port(*port));
        let about = saturation.show().term(proofs.all[proof].from);
        EngineError::Internal(format!(
            "the proof about `{about}` does not check, needed by {port}: {why}"
        ))
    })
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
