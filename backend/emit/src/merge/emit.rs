//! Writes the sections of the fused module, in their canonical order.

use super::bulk::{self, Segment};
use super::consts::Inits;
use super::immediates::Slot;
use super::inline::Inlining;
use super::link::{Item, Linked};
use super::names;
use super::reach::Live;
use super::reencode::{self, Numbers, Renumber, const_expr, const_instruction};
use super::scan::Sites;
use super::segments::{Schedule, Step};
use super::{Fused, Kind, Merge, MergeError, Merged, NotInlined, StartMode};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashSet;
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{
    BlockType, Catch, ConstExpr, DataCountSection, ElementSection, Elements, Encode, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, ImportSection,
    Instruction, MemorySection, Section, StartSection, SubType, TableSection, TagSection,
    TypeSection,
};
use wasmparser::{DataKind, ElementItems, ElementKind, TableInit};

/// Modes of data segments (core specification, "Data Section").
const ACTIVE_IN_FIRST: u32 = 0;
const PASSIVE: u32 = 1;
const ACTIVE: u32 = 2;

/// The start function of the fused module.
enum Start {
    /// An item id.
    Item(u32),
    /// Generated, with this body.
    Generated(Function),
}

/// Everything that sections are written from.
struct Emitter<'a, 'e> {
    merge: &'e Merge<'a>,
    linked: &'e Linked<'e>,
    inits: &'e Inits,
    inlining: &'e Inlining,
    live: &'e Live,
    sites: &'e Sites,
    numbers: Numbers,
    /// By instance.
    renumber: Vec<Renumber<'e>>,
    /// Segments that a start function writes, as kind and segment id.
    passive: HashSet<(Kind, u32)>,
    /// For each function index: a section other than the code section mentions it, so that its
    /// reference may be taken.
    mentioned: Vec<bool>,
}

/// Writes the module, but for what may be large, and hands it to `then`.
#[allow(clippy::too_many_arguments, reason = "one for each step of merging")]
pub fn emit<T>(
    merge: &Merge<'_>,
    linked: &Linked<'_>,
    inits: &Inits,
    inlining: &Inlining,
    mut live: Live,
    sites: &Sites,
    schedule: &Schedule,
    exports: &[(Kind, u32)],
    then: impl FnOnce(Merged<Fused<'_>>) -> T,
) -> Result<T, MergeError> {
    let caught = matches!(merge.start, StartMode::Caught(..));
    let generate = (caught || schedule.only_start().is_none()) && !schedule.run.is_empty();
    if generate {
        let group = linked.types.group_of[linked.types.void as usize];
        live.type_groups[group as usize] = true;
    }
    let numbers = Numbers::new(linked, &live, &inits.order);
    numbers.check_limits()?;
    let renumber = (0..linked.modules.len() as u32)
        .into_par_iter()
        .map(|instance| numbers.of_instance(linked, instance))
        .collect();
    let emitter = Emitter {
        merge,
        linked,
        inits,
        inlining,
        live: &live,
        sites,
        mentioned: vec![false; numbers.order[Kind::Func].len()],
        numbers,
        renumber,
        passive: schedule.passive().collect(),
    };
    emitter.module(schedule, exports, then)
}

impl Emitter<'_, '_> {
    fn module<T>(
        mut self,
        schedule: &Schedule,
        exports: &[(Kind, u32)],
        then: impl FnOnce(Merged<Fused<'_>>) -> T,
    ) -> Result<T, MergeError> {
        let caught = match (&self.merge.start, exports.last()) {
            (StartMode::Caught(..), Some((_, id))) => Some(*id),
            _ => None,
        };
        let start = match schedule.only_start() {
            Some(func) if caught.is_none() => Some(Start::Item(func)),
            _ if schedule.run.is_empty() => None,
            _ => Some(Start::Generated(self.start_body(&schedule.run, caught)?)),
        };
        let functions = self.numbers.order[Kind::Func].len() as u32;
        let start_index = start.as_ref().map(|start| match start {
            Start::Item(func) => self.numbers.items[Kind::Func][*func as usize],
            Start::Generated(_) => functions,
        });
        let generated = match start {
            Some(Start::Generated(body)) => {
                let mut bytes = Vec::new();
                body.encode(&mut bytes);
                Some(bytes)
            }
            Some(Start::Item(_)) | None => None,
        };
        let (exports, start_section) = self.exports(exports, start_index)?;
        let globals = self.globals()?;
        let elements = self.elements()?;

        let mut out = wasm_encoder::Module::HEADER.to_vec();
        let mut section = |present: bool, section: &dyn AppendSection| {
            if present {
                section.append(&mut out);
            }
        };
        let types = self.types()?;
        section(!types.is_empty(), &types);
        let imports = self.imports()?;
        section(!imports.is_empty(), &imports);
        let funcs = self.functions(generated.is_some())?;
        section(!funcs.is_empty(), &funcs);
        let tables = self.tables()?;
        section(!tables.is_empty(), &tables);
        let memories = self.memories()?;
        section(!memories.is_empty(), &memories);
        let tags = self.tags()?;
        section(!tags.is_empty(), &tags);
        section(!globals.is_empty(), &globals);
        section(!exports.is_empty(), &exports);
        if let (true, Some(function_index)) = (start_section, start_index) {
            section(true, &StartSection { function_index });
        }
        section(!elements.is_empty(), &elements);
        let start_uses_data = self.passive.iter().any(|(kind, _)| *kind == Kind::Memory);
        if self.live.code_uses_data || start_uses_data {
            let count = self.live.data.iter().filter(|live| **live).count() as u32;
            section(true, &DataCountSection { count });
        }
        let last = generated.is_some().then_some(functions);
        let code = bulk::Code {
            modules: &self.linked.modules,
            renumber: &self.renumber,
            sites: self.sites,
            inlining: self.inlining,
            callers: &self.live.callers,
            functions: self.defined(Kind::Func).collect(),
            generated,
        };
        Ok(then(Merged {
            module: Fused::new(out, code, || Ok((self.data()?, self.tail(last)?)))?,
            has_start: start_index.is_some(),
            kept: self.kept(),
            proves: (self.linked.exact.iter().zip(&self.live.needs_declarations))
                .map(|(exact, needs_declarations)| *exact && !needs_declarations)
                .collect(),
            dropped_sections: names::dropped(self.linked),
            not_inlined: self.not_inlined(),
        }))
    }

    /// The sections after the data section; `start` is a start function without an instance.
    fn tail(&self, start: Option<u32>) -> Result<Vec<u8>, MergeError> {
        let mut tail = Vec::new();
        let name = self.merge.name.as_deref();
        names::name_section(self.linked, &self.numbers, name, start, &mut tail)?;
        names::producers(self.linked).append_to(&mut tail);
        if let Some(features) = names::target_features(self.linked) {
            features.append_to(&mut tail);
        }
        Ok(tail)
    }

    /// For each instance, which of the functions that its module defines are emitted as they are.
    /// Where bodies stand in place of calls there are more locals, of which the module knows nothing.
    fn kept(&self) -> Vec<Vec<bool>> {
        let modules = self.linked.modules.iter();
        let mut kept: Vec<_> = modules.map(|module| vec![false; module.funcs.len()]).collect();
        for (instance, position) in self.defined(Kind::Func) {
            let inlines = self.live.callers.contains_key(&(instance as u32, position as u32));
            kept[instance][position] = !inlines;
        }
        kept
    }

    fn not_inlined(&self) -> Vec<NotInlined> {
        let not_inlined = self.live.not_inlined.iter().map(|&(instance, function, reason)| {
            let module = &self.linked.modules[instance as usize];
            let import = module.imported[Kind::Func][function as usize] as usize;
            NotInlined { instance: instance as usize, import, reason }
        });
        not_inlined.collect()
    }

    fn types(&self) -> Result<TypeSection, MergeError> {
        let mut section = TypeSection::new();
        for (group, live) in self.linked.types.groups.iter().zip(&self.live.type_groups) {
            match group.declared {
                _ if !live => {}
                None => section.ty().function([], []),
                Some((instance, position)) => {
                    let source = &self.linked.modules[instance as usize].rec_groups;
                    let source = &source[position as usize];
                    let types: Vec<SubType> =
                        self.renumber[instance as usize].rewrite(|types| {
                            source.types().map(|ty| types.sub_type(ty.clone())).collect()
                        })?;
                    match <[_; 1]>::try_from(types) {
                        Ok([ty]) => section.ty().subtype(&ty),
                        Err(types) if types.is_empty() => {}
                        Err(types) => section.ty().rec(types),
                    }
                }
            }
        }
        Ok(section)
    }

    fn imports(&self) -> Result<ImportSection, MergeError> {
        let mut section = ImportSection::new();
        for kind in Kind::ALL {
            for id in &self.numbers.order[kind] {
                let Item::Host(host) = self.linked.items[kind][*id as usize] else { continue };
                let host = &self.linked.hosts[kind][host as usize];
                let (instance, position) = (host.importer.0 as usize, host.importer.1 as usize);
                let ty = self.linked.modules[instance].imports[position].ty;
                let ty: EntityType =
                    self.renumber[instance].rewrite(|types| types.entity_type(ty))?;
                for name in [host.module, host.name] {
                    check_name("bytes in an import's name", name)?;
                }
                section.import(host.module, host.name, ty);
            }
        }
        Ok(section)
    }

    /// Instance and position of the emitted items of a kind that instances define.
    fn defined(&self, kind: Kind) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.numbers.order[kind].iter().filter_map(move |id| {
            match self.linked.items[kind][*id as usize] {
                Item::Defined(instance, position) => Some((instance as usize, position as usize)),
                Item::Host(_) | Item::Const(_) => None,
            }
        })
    }

    fn functions(&self, generated: bool) -> Result<FunctionSection, MergeError> {
        let mut section = FunctionSection::new();
        for (instance, position) in self.defined(Kind::Func) {
            let ty = self.linked.modules[instance].funcs[position];
            section.function(self.renumber[instance].get(Slot::Type, ty)?);
        }
        if generated {
            section.function(self.numbers.types[self.linked.types.void as usize]);
        }
        Ok(section)
    }

    fn tables(&self) -> Result<TableSection, MergeError> {
        let mut section = TableSection::new();
        for (instance, position) in self.defined(Kind::Table) {
            let table = &self.linked.modules[instance].tables[position];
            let ty = self.renumber[instance].rewrite(|types| types.table_type(table.ty))?;
            match &table.init {
                TableInit::RefNull => section.table(ty),
                TableInit::Expr(expr) => {
                    let expr = self.inits.resolve(self.linked, instance as u32, expr)?;
                    if expr.reads_defined(self.linked) {
                        let table =
                            names::of(&self.linked.modules[instance], Kind::Table, position);
                        let instance = self.linked.names[instance].into();
                        return Err(MergeError::TableInit { instance, table });
                    }
                    let expr = const_expr(&expr, &self.numbers, &self.renumber)?;
                    section.table_with_init(ty, &expr)
                }
            };
        }
        Ok(section)
    }

    fn memories(&self) -> Result<MemorySection, MergeError> {
        let mut section = MemorySection::new();
        for (instance, position) in self.defined(Kind::Memory) {
            let ty = self.linked.modules[instance].memories[position];
            section.memory(self.renumber[instance].rewrite(|types| types.memory_type(ty))?);
        }
        Ok(section)
    }

    fn tags(&self) -> Result<TagSection, MergeError> {
        let mut section = TagSection::new();
        for (instance, position) in self.defined(Kind::Tag) {
            let ty = self.linked.modules[instance].tags[position];
            section.tag(self.renumber[instance].rewrite(|types| types.tag_type(ty))?);
        }
        Ok(section)
    }

    fn globals(&mut self) -> Result<GlobalSection, MergeError> {
        let mut section = GlobalSection::new();
        for id in &self.numbers.order[Kind::Global] {
            match self.linked.items[Kind::Global][*id as usize] {
                Item::Host(_) => {}
                Item::Const(index) => {
                    if let EntityType::Global(ty) = self.linked.entity_type(Kind::Global, *id)? {
                        let value = const_instruction(self.numbers.constant(self.linked, index));
                        section.global(ty, &ConstExpr::extended([value]));
                    }
                }
                Item::Defined(instance, position) => {
                    let i = instance as usize;
                    let global = &self.linked.modules[i].globals[position as usize];
                    let ty = self.renumber[i].rewrite(|types| types.global_type(global.ty))?;
                    let Some(value) = self.inits.get(*id) else { continue };
                    let value = const_expr(value, &self.numbers, &self.renumber)?;
                    if let Some(func) = value.get_ref_func() {
                        self.mentioned[func as usize] = true;
                    }
                    section.global(ty, &value);
                }
            }
        }
        Ok(section)
    }

    /// The export section, and whether there has to be a start section.
    fn exports(
        &mut self,
        exports: &[(Kind, u32)],
        start: Option<u32>,
    ) -> Result<(ExportSection, bool), MergeError> {
        let mut section = ExportSection::new();
        let mut taken = HashSet::new();
        let mut export = |name: &str, kind: Kind, index: u32| {
            check_name("bytes in an export's name", name)?;
            if !taken.insert(name.to_owned()) {
                return Err(MergeError::DuplicateExport { name: name.into() });
            }
            let kind = match kind {
                Kind::Func => {
                    if let Some(mentioned) = self.mentioned.get_mut(index as usize) {
                        *mentioned = true;
                    }
                    ExportKind::Func
                }
                Kind::Table => ExportKind::Table,
                Kind::Memory => ExportKind::Memory,
                Kind::Global => ExportKind::Global,
                Kind::Tag => ExportKind::Tag,
            };
            section.export(name, kind, index);
            Ok(())
        };
        for ((name, _), (kind, id)) in self.merge.exports.iter().zip(exports) {
            export(name, *kind, self.numbers.items[*kind][*id as usize])?;
        }
        match (&self.merge.start, start) {
            (StartMode::Export(name) | StartMode::Caught(name, _), Some(index)) => {
                export(name, Kind::Func, index)?;
                Ok((section, false))
            }
            (_, start) => Ok((section, start.is_some())),
        }
    }

    fn elements(&mut self) -> Result<ElementSection, MergeError> {
        let mut section = ElementSection::new();
        let (linked, inits) = (self.linked, self.inits);
        for (id, (instance, position)) in linked.elems.iter().enumerate() {
            if !self.live.elems[id] {
                continue;
            }
            let i = *instance as usize;
            let malformed = |error| MergeError::malformed(linked.names[i], error);
            let element = &linked.modules[i].elems[*position as usize];
            let items = match &element.items {
                ElementItems::Functions(functions) => {
                    let mut indices = Vec::with_capacity(functions.count() as usize);
                    for function in functions.clone() {
                        let function = function.map_err(malformed)?;
                        let index = self.renumber[i].get(Slot::Func, function)?;
                        self.mentioned[index as usize] = true;
                        indices.push(index);
                    }
                    Elements::Functions(indices.into())
                }
                ElementItems::Expressions(ty, expressions) => {
                    let mut values = Vec::with_capacity(expressions.count() as usize);
                    for expression in expressions.clone() {
                        let expression = expression.map_err(malformed)?;
                        let value = inits.resolve(linked, *instance, &expression)?;
                        let value = const_expr(&value, &self.numbers, &self.renumber)?;
                        if let Some(func) = value.get_ref_func() {
                            self.mentioned[func as usize] = true;
                        }
                        values.push(value);
                    }
                    let ty = self.renumber[i].rewrite(|types| types.ref_type(*ty))?;
                    Elements::Expressions(ty, values.into())
                }
            };
            match &element.kind {
                ElementKind::Passive => section.passive(items),
                ElementKind::Declared => section.declared(items),
                ElementKind::Active { .. } if self.passive.contains(&(Kind::Table, id as u32)) => {
                    section.passive(items)
                }
                ElementKind::Active { table_index, offset_expr } => {
                    let table = self.renumber[i].get(Slot::Table, table_index.unwrap_or(0))?;
                    let offset = inits.resolve(linked, *instance, offset_expr)?;
                    let offset = const_expr(&offset, &self.numbers, &self.renumber)?;
                    section.active((table != 0).then_some(table), &offset, items)
                }
            };
        }
        let declared: Vec<u32> = self.numbers.order[Kind::Func]
            .iter()
            .zip(0u32..)
            .filter(|(id, index)| {
                self.live.func_refs[**id as usize] && !self.mentioned[*index as usize]
            })
            .map(|(_, index)| index)
            .collect();
        if !declared.is_empty() {
            section.declared(Elements::Functions(declared.into()));
        }
        Ok(section)
    }

    /// The data segments.
    fn data(&self) -> Result<Vec<Segment<'_>>, MergeError> {
        let mut segments = Vec::new();
        for (id, (instance, position)) in self.linked.data.iter().enumerate() {
            if !self.live.data[id] {
                continue;
            }
            let i = *instance as usize;
            let data = &self.linked.modules[i].data[*position as usize];
            let mut mode = Vec::new();
            match &data.kind {
                DataKind::Active { memory_index, offset_expr }
                    if !self.passive.contains(&(Kind::Memory, id as u32)) =>
                {
                    let memory = self.renumber[i].get(Slot::Memory, *memory_index)?;
                    let offset = self.inits.resolve(self.linked, *instance, offset_expr)?;
                    if memory == 0 {
                        ACTIVE_IN_FIRST.encode(&mut mode);
                    } else {
                        ACTIVE.encode(&mut mode);
                        memory.encode(&mut mode);
                    }
                    const_expr(&offset, &self.numbers, &self.renumber)?.encode(&mut mode);
                }
                DataKind::Passive | DataKind::Active { .. } => PASSIVE.encode(&mut mode),
            }
            segments.push(Segment { mode, bytes: data.data });
        }
        Ok(segments)
    }

    /// A function that takes the steps in order. What is thrown ends in a call of the function `caught`.
    fn start_body(&self, steps: &[Step], caught: Option<u32>) -> Result<Function, MergeError> {
        let mut body = Function::new([]);
        if caught.is_some() {
            body.instruction(&Instruction::Block(BlockType::Empty));
            let catch = [Catch::All { label: 0 }];
            body.instruction(&Instruction::TryTable(BlockType::Empty, Cow::Borrowed(&catch)));
        }
        for step in steps {
            let write = match step {
                Step::Start(func) => {
                    let index = self.numbers.items[Kind::Func][*func as usize];
                    body.instruction(&Instruction::Call(index));
                    continue;
                }
                Step::Write(write) => write,
            };
            let mut offset = Vec::new();
            reencode::expr(&write.offset, &self.numbers, &self.renumber, &mut offset)?;
            body.raw(offset);
            body.instruction(&Instruction::I32Const(0));
            body.instruction(&Instruction::I32Const(write.len as i32));
            let target = self.numbers.items[write.kind][write.target as usize];
            let segment = write.segment as usize;
            if write.kind == Kind::Memory {
                let data_index = self.numbers.data[segment];
                body.instruction(&Instruction::MemoryInit { mem: target, data_index });
                body.instruction(&Instruction::DataDrop(data_index));
            } else {
                let elem_index = self.numbers.elems[segment];
                body.instruction(&Instruction::TableInit { elem_index, table: target });
                body.instruction(&Instruction::ElemDrop(elem_index));
            }
        }
        if let Some(caught) = caught {
            let index = self.numbers.items[Kind::Func][caught as usize];
            body.instruction(&Instruction::Return)
                .instruction(&Instruction::End)
                .instruction(&Instruction::End)
                .instruction(&Instruction::Call(index))
                .instruction(&Instruction::Unreachable);
        }
        body.instruction(&Instruction::End);
        Ok(body)
    }
}

/// Checks that a name, which may be made of several of an input, is not longer than engines accept.
fn check_name(what: &'static str, name: &str) -> Result<(), MergeError> {
    let (count, limit) = (name.len(), 100_000);
    if count > limit {
        return Err(MergeError::TooMany { what, count, limit });
    }
    Ok(())
}

/// A section as an object.
trait AppendSection {
    fn append(&self, out: &mut Vec<u8>);
}

impl<S: Section> AppendSection for S {
    fn append(&self, out: &mut Vec<u8>) {
        self.append_to(out);
    }
}
