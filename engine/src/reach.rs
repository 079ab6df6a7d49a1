//! What of a program has to be in its fusion.
//!
//! An instance is live if a live port's term names it or something of it; if instantiating it can be seen, because
//! it has a start function, may trap, or writes to memories and tables of the host; if it imports a
//! memory or a table of a live one, because its active segments may write there; or if the root exports
//! what it imports from the host.

use crate::extract::Extraction;
use crate::plan::{Entity, Port};
use crate::saturate::Saturation;
use crate::term::{Op, Term};
use egg::Id;
use meld_component::program::{CoreItem, CoreKind, InstanceId, Program, World};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What the root exports reach, given the choices.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Instances that are emitted.
    pub(crate) instances: BTreeSet<InstanceId>,
    /// Ports that are implemented, by seed.
    pub(crate) ports: BTreeMap<Port, Term>,
    /// Ports that no term implements, by seed. All that such a port says it needs counts as reached: what
    /// else fails there is as good a reason.
    pub(crate) failed: BTreeMap<Port, Term>,
}

impl Reach {
    pub(crate) fn new(
        program: &Program,
        saturation: &Saturation<'_>,
        extraction: &Extraction<'_>,
        seeds: &BTreeMap<Port, Term>,
    ) -> Self {
        let mut reach = Reach::default();
        let mut writers = writers(program);
        let mut new: Vec<InstanceId> = observable(program).collect();
        let mut todo: Vec<Port> =
            seeds.keys().copied().filter(|port| !matches!(port, Port::Import(..))).collect();
        let mut classes: HashSet<Id> = HashSet::new();
        loop {
            while let Some(instance) = new.pop() {
                if reach.instances.insert(instance) {
                    new.extend(writers.remove(&instance).into_iter().flatten());
                    let imports = program.instances[instance.index()].imports.len();
                    todo.extend((0..imports).map(|n| Port::Import(instance, n as u32)));
                }
            }
            let Some(port) = todo.pop() else { return reach };
            let seed = seeds[&port];
            let class = saturation.graph.class(seed);
            if extraction.choice(class).is_none() {
                reach.failed.insert(port, seed);
                new.extend(instances_below(saturation, seed));
                continue;
            }
            reach.ports.insert(port, seed);
            let mut below = vec![class];
            while let Some(class) = below.pop() {
                if !classes.insert(class) {
                    continue;
                }
                if let Some(Entity::Instance(instance)) = extraction.entity(class) {
                    new.push(instance);
                }
                let Some(choice) = extraction.choice(class) else { continue };
                let children = choice.node.children.iter().map(|c| saturation.graph.find(*c));
                if saturation.is_of_importer(&choice.node.op) {
                    new.extend(children.clone().filter_map(
                        |child| match extraction.entity(child) {
                            Some(Entity::CoreImport(importer, _)) => Some(importer),
                            _ => None,
                        },
                    ));
                }
                below.extend(children);
            }
        }
    }
}

/// The instances that a term names.
fn instances_below(saturation: &Saturation<'_>, term: Term) -> Vec<InstanceId> {
    let bank = saturation.graph.bank();
    let (mut found, mut todo, mut seen) = (Vec::new(), vec![term], HashSet::from([term]));
    while let Some(term) = todo.pop() {
        if let Op::Entity(Entity::Instance(instance)) = bank.op(term) {
            found.push(*instance);
        }
        todo.extend(bank.children(term).iter().filter(|child| seen.insert(**child)));
    }
    found
}

/// Instances whose instantiation can be seen, whatever else is live, and those whose imports the root
/// exports: they say of what types these are.
pub(crate) fn observable(program: &Program) -> impl Iterator<Item = InstanceId> + '_ {
    let exports = match &program.world {
        World::Core { exports } => &exports[..],
        World::Component(_) => &[],
    };
    let passed_on = exports.iter().filter_map(|(_, item)| match item {
        CoreItem::Host { importer, .. } => Some(importer.0),
        _ => None,
    });
    instances(program).filter(observed(program)).chain(passed_on)
}

/// Whether instantiating an instance can be seen.
fn observed(program: &Program) -> impl Fn(&InstanceId) -> bool + '_ {
    |id| {
        let module = program.module_of(*id);
        // What is written to memories and tables of the host, the host sees.
        let writes_host =
            || written(program, *id).any(|item| matches!(item, CoreItem::Host { .. }));
        module.has_start || module.may_trap || writes_host()
    }
}

/// For each instance those that may write to its memories and tables when they are instantiated.
pub(crate) fn writers(program: &Program) -> BTreeMap<InstanceId, Vec<InstanceId>> {
    let mut writers: BTreeMap<InstanceId, Vec<InstanceId>> = BTreeMap::new();
    for id in instances(program) {
        for item in written(program, id) {
            if let CoreItem::Export { instance, .. } = item {
                writers.entry(*instance).or_default().push(id);
            }
        }
    }
    writers
}

fn instances(program: &Program) -> impl Iterator<Item = InstanceId> + use<> {
    (0..program.instances.len()).map(|index| InstanceId(index as u32))
}

/// The memories and tables that an instance imports.
fn written(program: &Program, id: InstanceId) -> impl Iterator<Item = &CoreItem> {
    let imports = program.module_of(id).imports.iter();
    imports.zip(&program.instances[id.index()].imports).filter_map(|(import, item)| {
        matches!(import.kind, CoreKind::Memory { .. } | CoreKind::Table { .. }).then_some(item)
    })
}
