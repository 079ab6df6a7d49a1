//! Functions that do nothing but call another one with their own parameters.
//!
//! `wit-component` makes a module of such functions for every guest: a guest's imports need the
//! guest's memory to be lowered, so the guest is instantiated with functions that call through a
//! table, which a third module fills afterwards. Any module may be made so; nothing here goes by
//! names.
//!
//! Whom a function calls through a table is proved if, for the slot that it calls through,
//!
//! * the table is defined by an instance of the program, and neither the host nor anything that
//!   cannot be read sees it;
//! * no function of any instance that sees the table writes to it or grows it;
//! * all active segments that write to it are within its bounds, at constant offsets: the last
//!   one wins;
//! * no code runs through the slot before that: a start function that runs after the table is
//!   made and before its last writer is instantiated makes nothing but direct calls, to functions
//!   of core instances;
//! * what is written is a function that a term can name.
//!
//! A function that calls it with another type traps, and is no trampoline.

use super::bodies::{Bodies, Function, Module, Segment, exported_function};
use crate::program::{
    CoreFuncType, CoreItem, CoreKind, InstanceId, ModuleId, Program, Resource, World,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasmparser::Operator;

/// A slot of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The instance that defines the table.
    pub instance: InstanceId,
    /// The table's index in the instance's module.
    pub table: u32,
    /// The slot's index in the table.
    pub index: u64,
}

/// Whom a trampoline calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// What is in a slot. Where that is known, it is of the type that the trampoline calls.
    Slot(Slot),
    /// This function. It does not merely call yet another one.
    Item(CoreItem),
}

/// Functions that are imported somewhere and only pass their parameters on.
///
/// None of them leads back to itself: such a function never returns, and stays what it is.
#[derive(Clone, Debug, Default)]
pub struct Trampolines {
    /// Each function, as the defining instance and the index in its module, with its callee.
    pub functions: BTreeMap<(InstanceId, u32), Callee>,
    /// What is in a slot whenever it is called, for the slots of which that is proved.
    pub contents: BTreeMap<Slot, CoreItem>,
}

impl Trampolines {
    /// Whom an item calls, if it is such a function.
    pub fn callee(&self, program: &Program, item: &CoreItem) -> Option<&Callee> {
        self.functions.get(&exported_function(program, item)?)
    }

    /// What an item comes to in the end: itself, or whom a row of such functions calls, as far as that
    /// is known.
    pub fn end<'i>(&'i self, program: &Program, item: &'i CoreItem) -> &'i CoreItem {
        let mut end = item;
        while let Some(next) = exported_function(program, end).and_then(|f| self.called_by(f)) {
            end = next;
        }
        end
    }

    /// What a function calls, if that is all it does and known.
    fn called_by(&self, function: Function) -> Option<&CoreItem> {
        match self.functions.get(&function)? {
            Callee::Slot(slot) => self.contents.get(slot),
            Callee::Item(item) => Some(item),
        }
    }

    /// The next such function.
    fn next(&self, program: &Program, function: Function) -> Option<Function> {
        exported_function(program, self.called_by(function)?)
            .filter(|next| self.functions.contains_key(next))
    }
}

/// Trampolines among all functions that some instance imports from another or that destroy a
/// resource, and among those that they call.
pub fn trampolines(program: &Program) -> Trampolines {
    let mut search = Search::new(program);
    let imports = program.instances.iter().flat_map(|instance| &instance.imports);
    let destructors = program.resources.iter().filter_map(Resource::destructor);
    let mut todo: Vec<Function> =
        imports.chain(destructors).filter_map(|item| exported_function(program, item)).collect();
    todo.sort_unstable();
    todo.dedup();
    while let Some(function) = todo.pop() {
        if !search.found.functions.contains_key(&function)
            && let Some(callee) = search.callee(function)
        {
            let next = match &callee {
                Callee::Slot(slot) => search.found.contents.get(slot),
                Callee::Item(item) => Some(item),
            };
            todo.extend(next.and_then(|item| exported_function(program, item)));
            search.found.functions.insert(function, callee);
        }
    }
    let mut found = search.found;
    remove_circles(program, &mut found);
    shorten(program, &mut found);
    found
}

/// Removes functions that lead back to themselves.
fn remove_circles(program: &Program, found: &mut Trampolines) {
    // The walk on which each function was met first.
    let mut met: HashMap<Function, usize> = HashMap::new();
    let mut circular: BTreeSet<Function> = BTreeSet::new();
    for (walk, start) in found.functions.keys().enumerate() {
        let mut at = Some(*start);
        while let Some(function) = at.filter(|function| !met.contains_key(function)) {
            met.insert(function, walk);
            at = found.next(program, function);
        }
        // A walk that comes to itself has come round, from here to here.
        while let Some(function) = at.filter(|function| met[function] == walk) {
            if !circular.insert(function) {
                break;
            }
            at = found.next(program, function);
        }
    }
    found.functions.retain(|function, _| !circular.contains(function));
}

/// Lets functions that call a row of others call the last of them.
fn shorten(program: &Program, found: &mut Trampolines) {
    let mut last: HashMap<Function, CoreItem> = HashMap::new();
    for start in found.functions.keys() {
        let mut row = Vec::new();
        let mut at = *start;
        let end = loop {
            if let Some(item) = last.get(&at) {
                break Some(item.clone());
            }
            let Some(Callee::Item(item)) = found.functions.get(&at) else { break None };
            row.push((at, item));
            match exported_function(program, item) {
                Some(next) => at = next,
                None => break Some(item.clone()),
            }
        };
        let mut end = end;
        for (function, item) in row.into_iter().rev() {
            let item = end.get_or_insert_with(|| item.clone());
            last.insert(function, item.clone());
        }
    }
    for (function, item) in last {
        found.functions.insert(function, Callee::Item(item));
    }
}

/// A table by the instance that defines it and its index there.
type Table = (InstanceId, u32);

/// What is only ever written by active segments.
struct Filled {
    /// Who writes, with the module's segment by position, in order.
    writes: Vec<(InstanceId, usize)>,
}

struct Search<'p> {
    program: &'p Program,
    bodies: Bodies<'p>,
    found: Trampolines,
    /// For each slot what it holds, if that is known.
    slots: HashMap<Slot, Option<Function>>,
    /// Instances that import a table, with the index that it has there.
    importers: HashMap<Table, Vec<(InstanceId, u32)>>,
    filled: HashMap<Table, Option<Filled>>,
    segments: HashMap<ModuleId, Option<Vec<Segment>>>,
    written: HashMap<ModuleId, Option<BTreeSet<u32>>>,
    /// Instances whose start functions may call anything.
    busy: Option<Vec<InstanceId>>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program) -> Self {
        let mut importers: HashMap<Table, Vec<(InstanceId, u32)>> = HashMap::new();
        for (index, instance) in program.instances.iter().enumerate() {
            let id = InstanceId(index as u32);
            let imports = program.module_of(id).imports.iter().zip(&instance.imports);
            let tables =
                imports.filter(|(import, _)| matches!(import.kind, CoreKind::Table { .. }));
            for ((_, item), table) in tables.zip(0..) {
                if let Some(of) = exported_table(program, item) {
                    importers.entry(of).or_default().push((id, table));
                }
            }
        }
        Search {
            program,
            bodies: Bodies::new(program),
            found: Trampolines::default(),
            slots: HashMap::new(),
            importers,
            filled: HashMap::new(),
            segments: HashMap::new(),
            written: HashMap::new(),
            busy: None,
        }
    }

    /// Whom a function calls, if that is all it does.
    fn callee(&mut self, function: Function) -> Option<Callee> {
        match passes_on(self.bodies.module(function.0)?, function.1)? {
            Passes::To(callee) => self.item((function.0, callee)).map(Callee::Item),
            Passes::Through { table, index, ty } => {
                let (instance, table) = self.table(function.0, table)?;
                let slot = Slot { instance, table, index };
                let Some(held) = self.held(slot) else { return Some(Callee::Slot(slot)) };
                // A call with another type than the function's traps.
                if self.bodies.module(held.0)?.function_type(held.1) != Some(&ty) {
                    return None;
                }
                if let Some(item) = self.item(held) {
                    self.found.contents.insert(slot, item);
                }
                Some(Callee::Slot(slot))
            }
        }
    }

    /// The item that a function is, if there is one.
    fn item(&mut self, function: Function) -> Option<CoreItem> {
        let (instance, index) = function;
        if let Some(position) = self.bodies.module(instance)?.function_import(index) {
            let mut item =
                self.program.instances[instance.index()].imports.get(position as usize)?.clone();
            // Whoever passes it on, this instance calls it.
            if let CoreItem::Host { importer, .. } = &mut item {
                *importer = (instance, position);
            }
            return Some(item);
        }
        let exports = &self.program.module_of(instance).exports;
        let export =
            exports.iter().position(|e| matches!(e.kind, CoreKind::Func(_)) && e.index == index)?;
        Some(CoreItem::Export { instance, export: export as u32 })
    }

    /// Where a table of an instance is defined.
    fn table(&mut self, instance: InstanceId, table: u32) -> Option<Table> {
        let program = self.program;
        match self.bodies.module(instance)?.table_import(table) {
            None => Some((instance, table)),
            Some(position) => exported_table(
                program,
                program.instances[instance.index()].imports.get(position as usize)?,
            ),
        }
    }

    /// The function that is in a slot whenever it is called, if that is known.
    fn held(&mut self, slot: Slot) -> Option<Function> {
        if !self.slots.contains_key(&slot) {
            let held = self.last_written(slot);
            self.slots.insert(slot, held);
        }
        self.slots[&slot]
    }

    fn last_written(&mut self, slot: Slot) -> Option<Function> {
        let table = (slot.instance, slot.table);
        if !self.filled.contains_key(&table) {
            let filled = self.fill(table);
            self.filled.insert(table, filled);
        }
        let writes = &self.filled[&table].as_ref()?.writes;
        let (writer, function) = writes.iter().rev().find_map(|(writer, position)| {
            let module = self.program.instances[writer.index()].module;
            let segment = &self.segments[&module].as_ref()?[*position];
            let place = usize::try_from(slot.index.checked_sub(segment.offset?)?).ok()?;
            segment.items.get(place).map(|item| (*writer, *item))
        })?;
        let function = function?;
        (!self.runs_before(slot.instance, writer)).then_some((writer, function))
    }

    /// Who writes to a table, if everything that is ever written to it is known.
    fn fill(&mut self, table: Table) -> Option<Filled> {
        let program = self.program;
        if let World::Core { exports } = &program.world
            && exports.iter().any(|(_, item)| exported_table(program, item) == Some(table))
        {
            return None;
        }
        let size = self.bodies.module(table.0)?.table_size(table.1)?;
        let importers = self.importers.get(&table).into_iter().flatten();
        let mut users: Vec<(InstanceId, u32)> = importers.copied().chain([table]).collect();
        users.sort_unstable();
        // An instance may import a table twice; its segments are written in their own order.
        let users: Vec<&[(InstanceId, u32)]> = users.chunk_by(|a, b| a.0 == b.0).collect();
        let mut writes = Vec::new();
        for (instance, is_it) in users.iter().map(|users| named_by(users)) {
            let id = program.instances[instance.index()].module;
            let module = self.bodies.module(instance)?;
            let segments = self.segments.entry(id).or_insert_with(|| module.segments());
            for (position, segment) in segments.as_ref()?.iter().enumerate() {
                if is_it(segment.table) {
                    let end = segment.offset?.checked_add(segment.items.len() as u64)?;
                    if end > size {
                        return None;
                    }
                    writes.push((instance, position));
                }
            }
        }
        // Reading all bodies takes longest, so it comes last.
        for (instance, is_it) in users.iter().map(|users| named_by(users)) {
            let id = program.instances[instance.index()].module;
            let module = self.bodies.module(instance)?;
            let written = self.written.entry(id).or_insert_with(|| module.written_tables());
            if written.as_ref()?.iter().any(|table| is_it(*table)) {
                return None;
            }
        }
        Some(Filled { writes })
    }

    /// Whether code may run through a table of `from` before `until` is instantiated.
    fn runs_before(&mut self, from: InstanceId, until: InstanceId) -> bool {
        // Plain core modules may import functions in a circle, from an instance that is yet to be.
        let from = match self.program.world {
            World::Component(_) => from,
            World::Core { .. } => InstanceId(0),
        };
        if self.busy.is_none() {
            self.busy = Some(self.busy_starts());
        }
        let busy = self.busy.as_deref().unwrap_or_default();
        let first = busy.partition_point(|instance| *instance < from);
        busy.get(first).is_some_and(|instance| *instance < until)
    }

    /// Instances with a start function that may come to call through a table or to leave the core
    /// instances, in order.
    fn busy_starts(&mut self) -> Vec<InstanceId> {
        let program = self.program;
        let starting = (0..program.instances.len() as u32)
            .map(InstanceId)
            .filter(|id| program.module_of(*id).has_start);
        starting
            .filter(|id| match self.bodies.module(*id).and_then(|module| module.start) {
                Some(start) => self
                    .bodies
                    .reach(vec![(*id, start)], &|item| !matches!(item, CoreItem::Export { .. })),
                None => true,
            })
            .collect()
    }
}

/// The table that an item is, if an instance exports it.
fn exported_table(program: &Program, item: &CoreItem) -> Option<Table> {
    let CoreItem::Export { instance, export } = item else { return None };
    let export = &program.module_of(*instance).exports[*export as usize];
    matches!(export.kind, CoreKind::Table { .. }).then_some((*instance, export.index))
}

/// The instance of some entries for one table, and whether an index in its module is the table's.
fn named_by(users: &[(InstanceId, u32)]) -> (InstanceId, impl Fn(u32) -> bool + '_) {
    (users[0].0, |table| users.iter().any(|(_, index)| *index == table))
}

/// What a body that only passes its parameters on passes them to.
enum Passes {
    /// A function of the module.
    To(u32),
    /// A slot of a table of the module, called with this type.
    Through { table: u32, index: u64, ty: CoreFuncType },
}

/// Reads a body that pushes all parameters in order, calls, and returns what that returns.
fn passes_on(module: &Module<'_>, function: u32) -> Option<Passes> {
    let ty = module.function_type(function)?;
    let mut operators = module.body(function)?.get_operators_reader().ok()?;
    for param in 0..ty.params.len() {
        match operators.read().ok()? {
            Operator::LocalGet { local_index } if local_index as usize == param => {}
            _ => return None,
        }
    }
    let mut operator = operators.read().ok()?;
    let index = match operator {
        Operator::I32Const { value } => Some(u64::from(value as u32)),
        Operator::I64Const { value } => Some(value as u64),
        _ => None,
    };
    if index.is_some() {
        operator = operators.read().ok()?;
    }
    let passes = match (operator, index) {
        (Operator::Call { function_index } | Operator::ReturnCall { function_index }, None)
            if module.function_type(function_index) == Some(ty) =>
        {
            Passes::To(function_index)
        }
        (
            Operator::CallIndirect { type_index, table_index }
            | Operator::ReturnCallIndirect { type_index, table_index },
            Some(index),
        ) if module.plain_type(type_index) == Some(ty) => {
            Passes::Through { table: table_index, index, ty: ty.clone() }
        }
        _ => return None,
    };
    let mut end = operators.read().ok()?;
    if matches!(end, Operator::Return) {
        end = operators.read().ok()?;
    }
    (matches!(end, Operator::End) && operators.eof()).then_some(passes)
}

#[cfg(test)]
mod tests;
