//! States in terms what a program is.
//!
//! Every entity becomes a leaf, every type a term, every attribute (`component(#opts)`) an
//! equation, every proof of [`meld_component::facts`] a fact, and every port the term that says
//! what the component model makes of it. Facts that packs state stand beside those. Nothing is decided
//! here, and nothing that decides is known: replay states the program once more by itself.

use crate::error::EngineError;
use crate::plan::{Entity, Form, Port, Target};
use crate::term::{Bank, Op, Term};
use crate::vocabulary::{FactIds, Terms, look_up};
use meld_component::facts::{self, BodySizes, Callee, Calls, Leaving, Slot, Trampolines};
use meld_component::program::{
    Builtin, CoreItem, CoreKind, FuncDef, FuncId, InstanceId, OptionsId, Program, ResourceDef,
    ResourceId, StringEncoding, World,
};
use meld_pack::ruleset::{FactId, PackId, RuleSet, TermId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

mod given;
mod imports;
mod resources;
mod types;

/// What the frontend states, as plain terms.
#[derive(Debug, Default)]
pub struct Statement {
    /// All terms that it speaks of.
    pub bank: Bank,
    /// The term of each port.
    pub ports: BTreeMap<Port, Term>,
    /// Attributes, each with its value.
    pub equations: Vec<(Term, Term)>,
    /// What was proved.
    pub facts: Vec<(FactId, Vec<Term>)>,
}

/// States a program that is to be written in a form, and what packs state that are not `silent`. Its terms
/// are added to those that are in the bank already.
pub fn seed(
    program: &Program,
    rules: &RuleSet,
    silent: &BTreeSet<PackId>,
    bank: Bank,
    target: &Target,
    reverse_ports: bool,
) -> Result<Statement, EngineError> {
    let (terms, facts) = look_up(rules)?;
    let into = Statement { bank, ..Statement::default() };
    let trampolines = facts::trampolines(program);
    let leaving = facts::leaving(program, &trampolines);
    let body_sizes = facts::body_sizes(program, &trampolines);
    let mut seeder = Seeder {
        program,
        into,
        terms,
        trampolines,
        leaving,
        calls: given::calls(program, rules, silent),
        body_sizes,
        funcs: HashMap::new(),
        types: Vec::new(),
    };
    seeder.types();
    let mut ports = ports(program);
    if reverse_ports {
        ports.reverse();
    }
    for port in ports {
        let term = seeder.port(port)?;
        seeder.into.ports.insert(port, term);
    }
    seeder.attributes()?;
    seeder.facts(&facts);
    seeder.given(rules, silent)?;
    for resource in &target.opaque {
        let row = vec![seeder.entity(Entity::Resource(*resource))];
        seeder.state(facts.opaque, row);
    }
    if target.simd {
        seeder.state(facts.simd, Vec::new());
    }
    if target.form == Form::Core || matches!(program.world, World::Core { .. }) {
        seeder.state(facts.core_form, Vec::new());
    }
    Ok(seeder.into)
}

impl Statement {
    /// The same with terms in an order that only their structure decides: by height, then by
    /// operator, then by arguments. What was read first leaves no mark.
    pub fn sorted(self) -> Statement {
        let mut heights: Vec<usize> = Vec::with_capacity(self.bank.len());
        let mut levels: Vec<Vec<Term>> = Vec::new();
        for index in 0..self.bank.len() {
            let term = Term(index as u32);
            let children = self.bank.children(term).iter();
            let height = children.map(|child| heights[child.index()] + 1).max().unwrap_or(0);
            heights.push(height);
            if levels.len() <= height {
                levels.resize_with(height + 1, Vec::new);
            }
            levels[height].push(term);
        }
        let mut bank = Bank::default();
        let mut place = vec![Term(0); self.bank.len()];
        for level in levels {
            let mut level: Vec<(&Op, Vec<Term>, Term)> = level
                .into_iter()
                .map(|term| {
                    let children = self.bank.children(term).iter().map(|c| place[c.index()]);
                    (self.bank.op(term), children.collect(), term)
                })
                .collect();
            level.sort();
            for (op, children, term) in level {
                place[term.index()] = bank.add(op.clone(), &children).0;
            }
        }
        let at = |term: Term| place[term.index()];
        let row = |row: Vec<Term>| row.into_iter().map(at).collect();
        let mut equations: Vec<_> = self.equations.iter().map(|(l, r)| (at(*l), at(*r))).collect();
        equations.sort();
        Statement {
            bank,
            ports: self.ports.into_iter().map(|(port, term)| (port, at(term))).collect(),
            equations,
            facts: self.facts.into_iter().map(|(fact, terms)| (fact, row(terms))).collect(),
        }
    }
}

/// All ports of a program.
fn ports(program: &Program) -> Vec<Port> {
    let exports = (0..program.root_exports.len()).map(|i| Port::Export(i as u32));
    let core = match &program.world {
        World::Component(_) => 0,
        World::Core { exports } => exports.len(),
    };
    let imports = program.instances.iter().enumerate().flat_map(|(i, instance)| {
        (0..instance.imports.len()).map(move |n| Port::Import(InstanceId(i as u32), n as u32))
    });
    let core = (0..core).map(|i| Port::CoreExport(i as u32));
    let start = facts::start_may_throw(program).then_some(Port::Start);
    exports.chain(core).chain(destructors(program)).chain(start).chain(imports).collect()
}

/// Resource types that the host gets from guests and has to destroy by a call.
fn destructors(program: &Program) -> impl Iterator<Item = Port> + '_ {
    let exported = program.border.iter().flat_map(|border| &border.exported);
    let destroyed = |id: &ResourceId| match program.resources[id.index()].def {
        ResourceDef::Component { ref dtor, .. } => dtor.is_some(),
        ResourceDef::Host => false,
    };
    exported.map(|(id, _)| *id).filter(destroyed).map(Port::Destructor)
}

struct Seeder<'p> {
    program: &'p Program,
    into: Statement,
    terms: Terms,
    trampolines: Trampolines,
    leaving: Leaving,
    calls: Calls,
    body_sizes: BodySizes,
    funcs: HashMap<FuncId, Term>,
    types: Vec<Term>,
}

impl Seeder<'_> {
    fn add(&mut self, op: Op, args: &[Term]) -> Term {
        self.into.bank.add(op, args).0
    }

    fn state(&mut self, fact: FactId, row: Vec<Term>) {
        self.into.facts.push((fact, row));
    }

    fn term(&mut self, term: TermId, args: &[Term]) -> Term {
        self.add(Op::Term(term), args)
    }

    fn entity(&mut self, entity: Entity) -> Term {
        self.add(Op::Entity(entity), &[])
    }

    fn text(&mut self, text: &str) -> Term {
        self.add(Op::Str(text.into()), &[])
    }

    fn int(&mut self, value: i64) -> Term {
        self.add(Op::Int(value), &[])
    }

    fn count(&mut self, count: usize) -> Term {
        self.int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    // ── Ports ───────────────────────────────────────────────────────────────────────────────

    fn port(&mut self, port: Port) -> Result<Term, EngineError> {
        match port {
            Port::Import(instance, position) => {
                let item = &self.program.instances[instance.index()].imports[position as usize];
                match item {
                    // Whoever passes it on, this instance calls it.
                    CoreItem::Host { module, name, .. } => {
                        Ok(self.host_item(module, name, (instance, position)))
                    }
                    item => {
                        let function = self.import(item)?;
                        let end = self.trampolines.end(self.program, item);
                        // What is not measured has loops or calls, is large, or is no function of an instance.
                        Ok(match self.body_sizes.get(self.program, end) {
                            Some(_) => self.term(self.terms.called, &[function]),
                            None => function,
                        })
                    }
                }
            }
            Port::Export(index) => {
                let func = self.program.root_exports[index as usize].func;
                let func = self.func(func)?;
                Ok(self.term(self.terms.exported, &[func]))
            }
            Port::Destructor(resource) => {
                let resource = self.entity(Entity::Resource(resource));
                Ok(self.term(self.terms.host_destructor, &[resource]))
            }
            Port::Start => Ok(self.term(self.terms.started, &[])),
            Port::CoreExport(index) => match &self.program.world {
                World::Core { exports } => self.item(&exports[index as usize].1),
                World::Component(_) => {
                    Err(EngineError::Internal("a component has no core exports".into()))
                }
            },
        }
    }

    /// An item as an import calls it: where it only calls another function, the term says whom.
    fn import(&mut self, item: &CoreItem) -> Result<Term, EngineError> {
        let Some(callee) = self.trampolines.callee(self.program, item).cloned() else {
            return self.sized_item(item);
        };
        let function = self.item(item)?;
        match callee {
            Callee::Slot(slot) => {
                let slot = self.entity(Entity::Slot(slot));
                Ok(self.term(self.terms.through_slot, &[function, slot]))
            }
            // Its callee is none that only calls another one: this goes one level deep.
            Callee::Item(callee) => {
                let callee = self.import(&callee)?;
                Ok(self.term(self.terms.through, &[function, callee]))
            }
        }
    }

    /// An item of which it is told how large its body is, where that is known.
    fn sized_item(&mut self, item: &CoreItem) -> Result<Term, EngineError> {
        let term = self.item(item)?;
        Ok(match self.body_sizes.get(self.program, item) {
            Some(bytes) => {
                let bytes = self.count(bytes);
                self.term(self.terms.body, &[term, bytes])
            }
            None => term,
        })
    }

    fn item(&mut self, item: &CoreItem) -> Result<Term, EngineError> {
        let may_leave = match self.leaving.proved.contains(item) {
            true => self.terms.proved,
            false => self.terms.unproved,
        };
        Ok(match item {
            CoreItem::Export { instance, export } => {
                let name = &self.program.module_of(*instance).exports[*export as usize].name;
                let instance = self.entity(Entity::Instance(*instance));
                self.add(Op::Export(name.as_str().into()), &[instance])
            }
            CoreItem::Lower { func, options } => {
                let ty = self.program.types.func(self.program.funcs[func.index()].ty);
                let is_async = self.program.options[options.index()].async_ || ty.async_;
                let func = self.func(*func)?;
                let options = self.entity(Entity::Options(*options));
                if is_async {
                    return Ok(self.term(self.terms.async_lower, &[func, options]));
                }
                let may_leave = self.term(may_leave, &[]);
                self.term(self.terms.lower, &[func, options, may_leave])
            }
            CoreItem::Builtin(builtin) => self.builtin(builtin, may_leave),
            CoreItem::Host { module, name, importer } => self.host_item(module, name, *importer),
            CoreItem::HostExport { name, .. } => {
                let text = format!("the host's `{name}` has no importer");
                return Err(EngineError::Internal(text));
            }
        })
    }

    /// What the host supplies for an import of an instance.
    fn host_item(&mut self, module: &str, name: &str, importer: (InstanceId, u32)) -> Term {
        let kind = &self.program.module_of(importer.0).imports[importer.1 as usize].kind;
        let term = match kind {
            CoreKind::Func(_) => self.terms.host_func,
            CoreKind::Memory { .. } => self.terms.host_memory,
            CoreKind::Table { .. } => self.terms.host_table,
            CoreKind::Global => self.terms.host_global,
            CoreKind::Tag => self.terms.host_tag,
        };
        let args = [self.text(module), self.text(name), self.core_import(importer)];
        self.term(term, &args)
    }

    fn builtin(&mut self, builtin: &Builtin, may_leave: TermId) -> Term {
        let (term, component, resource, may_leave) = match builtin {
            Builtin::ResourceNew(c, r) => (self.terms.resource_new, c, r, Some(may_leave)),
            Builtin::ResourceRep(c, r) => (self.terms.resource_rep, c, r, None),
            Builtin::ResourceDrop(c, r) => (self.terms.resource_drop, c, r, Some(may_leave)),
            Builtin::Context { component, set, slot, wide } => {
                let term = if *set { self.terms.context_set } else { self.terms.context_get };
                let args = [
                    self.entity(Entity::Component(*component)),
                    self.int((*slot).into()),
                    self.int(if *wide { 64 } else { 32 }),
                ];
                return self.term(term, &args);
            }
            Builtin::Async(component, name) => {
                let args = [self.text(name), self.entity(Entity::Component(*component))];
                return self.term(self.terms.async_builtin, &args);
            }
        };
        let mut args = vec![
            self.entity(Entity::Component(*component)),
            self.entity(Entity::Resource(*resource)),
        ];
        args.extend(may_leave.map(|may_leave| self.term(may_leave, &[])));
        self.term(term, &args)
    }

    /// The term of a component function. What is lifted may itself be a lowered function, so
    /// functions that it needs come first; a stack of our own keeps long chains off the thread's.
    fn func(&mut self, wanted: FuncId) -> Result<Term, EngineError> {
        let mut stack = vec![wanted];
        let mut open = HashSet::from([wanted]);
        while let Some(&top) = stack.last() {
            if self.funcs.contains_key(&top) {
                stack.pop();
                continue;
            }
            let missing = self.lowered_in(top).into_iter().find(|f| !self.funcs.contains_key(f));
            match missing {
                Some(func) if !open.insert(func) => {
                    return Err(EngineError::Internal(format!("function {func} lifts itself")));
                }
                Some(func) => stack.push(func),
                None => {
                    let term = self.shallow_func(top)?;
                    self.funcs.insert(top, term);
                }
            }
        }
        Ok(self.funcs[&wanted])
    }

    /// Component functions whose lowering a function lifts.
    fn lowered_in(&self, func: FuncId) -> Vec<FuncId> {
        let FuncDef::Lift { core, post_return, .. } = &self.program.funcs[func.index()].def else {
            return Vec::new();
        };
        let lowered = |item: &CoreItem| match item {
            CoreItem::Lower { func, .. } => Some(*func),
            _ => None,
        };
        lowered(core).into_iter().chain(post_return.as_ref().and_then(lowered)).collect()
    }

    fn shallow_func(&mut self, func: FuncId) -> Result<Term, EngineError> {
        let func = &self.program.funcs[func.index()];
        match &func.def {
            FuncDef::Lift { core, options, post_return, .. } => {
                let is_async = self.program.options[options.index()].async_
                    || self.program.types.func(func.ty).async_;
                let core = self.sized_item(core)?;
                let signature = self.signature(func.ty);
                let options = self.entity(Entity::Options(*options));
                if is_async {
                    return Ok(self.term(self.terms.async_lift, &[core, signature, options]));
                }
                let after = match post_return {
                    Some(item) => {
                        let item = self.sized_item(item)?;
                        self.term(self.terms.post_return, &[item])
                    }
                    None => self.term(self.terms.no_post_return, &[]),
                };
                Ok(self.term(self.terms.lift, &[core, signature, options, after]))
            }
            FuncDef::Host(id) => {
                let path = &self.program.host_funcs[id.index()].path;
                let (name, interface) = match path.split_last() {
                    Some((name, [])) => (name.as_str(), "$root".to_string()),
                    Some((name, interface)) => (name.as_str(), interface.join("/")),
                    None => ("", "$root".to_string()),
                };
                let args =
                    [self.text(&interface), self.text(name), self.entity(Entity::HostFunc(*id))];
                let signature = self.signature(func.ty);
                let attribute = self.term(self.terms.signature, &[args[2]]);
                self.into.equations.push((attribute, signature));
                Ok(self.term(self.terms.host, &args))
            }
        }
    }

    // ── Attributes and facts ────────────────────────────────────────────────────────────────

    fn attributes(&mut self) -> Result<(), EngineError> {
        let program = self.program;
        for (index, options) in program.options.iter().enumerate() {
            let leaf = self.entity(Entity::Options(OptionsId(index as u32)));
            let component = self.entity(Entity::Component(options.component));
            let mut equations = vec![(self.terms.component, component)];
            if let Some(item) = &options.memory {
                equations.push((self.terms.memory, self.item(item)?));
            }
            if let Some(item) = &options.realloc {
                equations.push((self.terms.realloc, self.sized_item(item)?));
            }
            for (attribute, value) in equations {
                let attribute = self.term(attribute, &[leaf]);
                self.into.equations.push((attribute, value));
            }
        }
        if let Some(border) = &program.border {
            let attribute = self.term(self.terms.border_options, &[]);
            let options = self.entity(Entity::Options(border.options));
            self.into.equations.push((attribute, options));
        }
        self.resources()?;
        for (slot, item) in self.contents() {
            let slot = self.entity(Entity::Slot(slot));
            let attribute = self.term(self.terms.content, &[slot]);
            let value = self.import(&item)?;
            self.into.equations.push((attribute, value));
        }
        self.imports();
        Ok(())
    }

    /// Slots of which it is known what they hold.
    fn contents(&self) -> Vec<(Slot, CoreItem)> {
        let contents = self.trampolines.contents.iter();
        contents.map(|(slot, item)| (*slot, item.clone())).collect()
    }

    fn facts(&mut self, ids: &FactIds) {
        let program = self.program;
        for (index, options) in program.options.iter().enumerate() {
            let leaf = self.entity(Entity::Options(OptionsId(index as u32)));
            // What the border's memory and allocator are, rules say.
            let border = program.border.as_ref().is_some_and(|b| b.options.index() == index);
            if border || options.memory.is_some() {
                self.state(ids.has_memory, vec![leaf]);
            }
            if border || options.realloc.is_some() {
                self.state(ids.has_realloc, vec![leaf]);
            }
            let encoding = match options.encoding {
                StringEncoding::Utf8 => self.terms.utf8,
                StringEncoding::Utf16 => self.terms.utf16,
                StringEncoding::Latin1Utf16 => self.terms.latin1_utf16,
            };
            let encoding = self.term(encoding, &[]);
            self.state(ids.encoding, vec![leaf, encoding]);
            let width = self.int(if options.memory64 { 64 } else { 32 });
            self.state(ids.width, vec![leaf, width]);
        }
        for (a, b) in facts::kin(program) {
            let row = vec![self.entity(Entity::Component(a)), self.entity(Entity::Component(b))];
            self.state(ids.kin, row);
        }
        for component in self.leaving.observed.clone() {
            let row = vec![self.entity(Entity::Component(component))];
            self.state(ids.observes_leave, row);
        }
        for component in facts::uses_context(program) {
            let row = vec![self.entity(Entity::Component(component))];
            self.state(ids.uses_context, row);
        }
        for component in facts::may_throw(program) {
            let row = vec![self.entity(Entity::Component(component))];
            self.state(ids.may_throw, row);
        }
        if let Some(component) = program.border_component() {
            let row = vec![self.entity(Entity::Component(component))];
            self.state(ids.border, row);
        }
        if facts::several_faces(program) {
            self.state(ids.several_faces, Vec::new());
        }
        if facts::passes_handles(program) {
            self.state(ids.passes_handles, Vec::new());
        }
        for id in facts::in_memory(&program.types) {
            let row = vec![self.signature(id)];
            self.state(ids.in_memory, row);
        }
        if facts::has_start(program) {
            self.state(ids.has_start, Vec::new());
        }
        if facts::has_tasks(program) {
            self.state(ids.has_tasks, Vec::new());
        }
        self.facts_of_imports(ids);
        for (slot, _) in self.contents() {
            let row = vec![self.entity(Entity::Slot(slot))];
            self.state(ids.settled, row);
        }
        self.facts_of_resources(ids);
        self.facts_of_types(ids);
    }
}
