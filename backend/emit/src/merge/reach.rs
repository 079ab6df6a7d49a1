//! What has to be emitted: whatever is reached from root exports, from start functions, and from
//! segments that might trap or that the host sees.
//!
//! Bodies are scanned once, in parallel, into lists of what each refers to; then a worklist
//! walks the lists.

use super::consts::{Expr, Inits, Piece};
use super::immediates::{Immediates, Slot, Visitor};
use super::inline::{Defined, Inlining};
use super::link::{Constant, Item, Linked};
use super::module::Module;
use super::segments::{Step, Write};
use super::types::{Dangling, ToIds};
use super::{Kind, MergeError, PerKind};
use rayon::prelude::*;
use std::collections::HashSet;
use std::ops::Range;
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{Encode, EntityType};
use wasmparser::{BinaryReader, ElementItems, Operator, OperatorsReader, TableInit};

/// Functions scanned as one task.
const CHUNK: usize = 256;

/// References pack a slot and an index.
const SLOT_BITS: u32 = 4;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Most items of one kind in one module; more would not fit a packed reference.
pub const MOST_ITEMS: usize = (u32::MAX >> SLOT_BITS) as usize;

/// What is emitted, by id.
pub struct Live {
    pub items: PerKind<Vec<bool>>,
    /// By position in [`Types::groups`](super::types::Types::groups).
    pub type_groups: Vec<bool>,
    pub data: Vec<bool>,
    pub elems: Vec<bool>,
    /// Functions that live code takes references of.
    pub func_refs: Vec<bool>,
    /// Live code refers to data segments, which needs a data count section.
    pub code_uses_data: bool,
    /// By instance: its live code needs what the fused module has, whether or not its own module
    /// has it: declarations of functions whose references are taken, or a data count section.
    pub needs_declarations: Vec<bool>,
    /// Functions in which bodies stand in place of calls.
    pub callers: HashSet<Defined>,
}

impl Live {
    /// The type and its group are emitted.
    pub fn type_id(&self, linked: &Linked<'_>, id: u32) -> bool {
        self.type_groups[linked.types.group_of[id as usize] as usize]
    }
}

/// Finds what is reached.
pub fn reach(
    linked: &Linked<'_>,
    inits: &Inits,
    inlining: &Inlining,
    steps: &[Step],
    roots: &[(Kind, u32)],
) -> Result<Live, MergeError> {
    let refs = scan(linked)?;
    let mut items: PerKind<Vec<bool>> = PerKind::default();
    for kind in Kind::ALL {
        items[kind] = vec![false; linked.items[kind].len()];
    }
    let mut writes: PerKind<Vec<Vec<&Write>>> = PerKind::default();
    for kind in [Kind::Table, Kind::Memory] {
        writes[kind] = vec![Vec::new(); linked.items[kind].len()];
    }
    let mut reach = Reach {
        linked,
        inits,
        inlining,
        inlined: HashSet::new(),
        refs: &refs,
        live: Live {
            items,
            type_groups: vec![false; linked.types.groups.len()],
            data: vec![false; linked.data.len()],
            elems: vec![false; linked.elems.len()],
            func_refs: vec![false; linked.items[Kind::Func].len()],
            code_uses_data: false,
            needs_declarations: vec![false; linked.modules.len()],
            callers: HashSet::new(),
        },
        queue: Vec::new(),
        writes: PerKind::default(),
    };
    for &(kind, id) in roots {
        reach.item(kind, id);
    }
    for step in steps {
        match step {
            Step::Start(func) => reach.item(Kind::Func, *func),
            Step::Write(write) => {
                writes[write.kind][write.target as usize].push(write);
                // Both show outside, whether or not anything inside uses the target.
                if write.may_trap || write.host {
                    reach.item(write.kind, write.target);
                }
            }
        }
    }
    reach.writes = writes;
    while let Some(node) = reach.queue.pop() {
        reach.visit(node)?;
    }
    Ok(reach.live)
}

enum Node {
    Item(Kind, u32),
    Group(u32),
    Data(u32),
    Elem(u32),
}

struct Reach<'a, 'r> {
    linked: &'r Linked<'a>,
    inits: &'r Inits,
    inlining: &'r Inlining,
    /// Functions whose bodies stand somewhere else.
    inlined: HashSet<Defined>,
    refs: &'r References,
    live: Live,
    queue: Vec<Node>,
    /// Active segments by the table or memory they write to.
    writes: PerKind<Vec<Vec<&'r Write>>>,
}

impl Reach<'_, '_> {
    fn item(&mut self, kind: Kind, id: u32) {
        if !std::mem::replace(&mut self.live.items[kind][id as usize], true) {
            self.queue.push(Node::Item(kind, id));
        }
    }

    fn type_id(&mut self, id: u32) {
        let group = self.linked.types.group_of[id as usize];
        if !std::mem::replace(&mut self.live.type_groups[group as usize], true) {
            self.queue.push(Node::Group(group));
        }
    }

    fn data(&mut self, id: u32) {
        if !std::mem::replace(&mut self.live.data[id as usize], true) {
            self.queue.push(Node::Data(id));
        }
    }

    fn elem(&mut self, id: u32) {
        if !std::mem::replace(&mut self.live.elems[id as usize], true) {
            self.queue.push(Node::Elem(id));
        }
    }

    fn visit(&mut self, node: Node) -> Result<(), MergeError> {
        let linked = self.linked;
        match node {
            Node::Item(kind, id) => {
                self.entity(linked.entity_type(kind, id)?);
                if let Some(writes) = self.writes[kind].get_mut(id as usize) {
                    for write in std::mem::take(writes) {
                        match write.kind {
                            Kind::Memory => self.data(write.segment),
                            _ => self.elem(write.segment),
                        }
                        self.expr(&write.offset)?;
                    }
                }
                let (instance, index) = match linked.items[kind][id as usize] {
                    Item::Defined(instance, index) => (instance, index),
                    Item::Const(constant) => return self.constant(constant),
                    Item::Host(_) => return Ok(()),
                };
                match kind {
                    Kind::Func => self.body(instance, index)?,
                    Kind::Global => {
                        if let Some(value) = self.inits.get(id) {
                            self.expr(value)?;
                        }
                    }
                    Kind::Table => {
                        let table = &linked.modules[instance as usize].tables[index as usize];
                        if let TableInit::Expr(expr) = &table.init {
                            self.expr(&self.inits.resolve(linked, instance, expr)?)?;
                        }
                    }
                    Kind::Memory | Kind::Tag => {}
                }
            }
            Node::Group(group) => {
                for &id in &linked.types.groups[group as usize].needs {
                    self.type_id(id);
                }
            }
            Node::Data(id) => {
                let (instance, position) = linked.data[id as usize];
                let data = &linked.modules[instance as usize].data[position as usize];
                if let wasmparser::DataKind::Active { memory_index, .. } = data.kind {
                    self.item(Kind::Memory, linked.id(instance, Kind::Memory, memory_index)?);
                }
            }
            Node::Elem(id) => self.elem_items(id)?,
        }
        Ok(())
    }

    fn elem_items(&mut self, id: u32) -> Result<(), MergeError> {
        let linked = self.linked;
        let (instance, position) = linked.elems[id as usize];
        let malformed = |error| MergeError::malformed(linked.names[instance as usize], error);
        let element = &linked.modules[instance as usize].elems[position as usize];
        if let wasmparser::ElementKind::Active { table_index, .. } = element.kind {
            let table = linked.id(instance, Kind::Table, table_index.unwrap_or(0))?;
            self.item(Kind::Table, table);
        }
        match &element.items {
            ElementItems::Functions(functions) => {
                for function in functions.clone() {
                    let function = function.map_err(malformed)?;
                    self.item(Kind::Func, linked.id(instance, Kind::Func, function)?);
                }
            }
            ElementItems::Expressions(ty, exprs) => {
                let ty =
                    ToIds(&linked.type_ids[instance as usize]).ref_type(*ty).map_err(|error| {
                        let message = super::types::reencode_message(error);
                        MergeError::malformed(linked.names[instance as usize], message)
                    })?;
                self.val_type(wasm_encoder::ValType::Ref(ty));
                for expr in exprs.clone() {
                    let expr = expr.map_err(malformed)?;
                    self.expr(&self.inits.resolve(linked, instance, &expr)?)?;
                }
            }
        }
        Ok(())
    }

    /// Whoever knows a memory's index may have somebody else use the memory.
    fn constant(&mut self, constant: u32) -> Result<(), MergeError> {
        if let Constant::MemoryIndex(instance, index) = self.linked.consts[constant as usize] {
            self.item(Kind::Memory, self.linked.id(instance, Kind::Memory, index)?);
        }
        Ok(())
    }

    /// The types that an item's own type mentions.
    fn entity(&mut self, ty: EntityType) {
        match ty {
            EntityType::Function(id) | EntityType::FunctionExact(id) => self.type_id(id),
            EntityType::Table(ty) => self.val_type(wasm_encoder::ValType::Ref(ty.element_type)),
            EntityType::Memory(_) => {}
            EntityType::Global(ty) => self.val_type(ty.val_type),
            EntityType::Tag(ty) => self.type_id(ty.func_type_idx),
        }
    }

    fn val_type(&mut self, ty: wasm_encoder::ValType) {
        use wasm_encoder::HeapType::{Concrete, Exact};
        if let wasm_encoder::ValType::Ref(ty) = ty
            && let Concrete(id) | Exact(id) = ty.heap_type
        {
            self.type_id(id);
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), MergeError> {
        for piece in &expr.pieces {
            match *piece {
                Piece::Int(_) => {}
                Piece::Global(id) => self.item(Kind::Global, id),
                Piece::Code { instance, start, end } => {
                    let bytes = self.linked.modules[instance as usize].bytes;
                    let bytes = &bytes[start as usize..end as usize];
                    let reader = BinaryReader::new(bytes, start as usize);
                    let mut operators = OperatorsReader::new(reader);
                    let mut collect = Collect(Vec::new());
                    while !operators.eof() {
                        operators.visit_operator(&mut Visitor(&mut collect)).map_err(|error| {
                            MergeError::malformed(self.linked.names[instance as usize], error)
                        })?;
                    }
                    for (slot, index) in collect.0 {
                        // A function in a constant expression is declared by being there.
                        let slot = if slot == Slot::FuncRef { Slot::Func } else { slot };
                        self.reference(instance, slot, index)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn body(&mut self, instance: u32, index: u32) -> Result<(), MergeError> {
        let (refs, inlining) = (self.refs, self.inlining);
        let calls =
            |(slot, function)| slot == Slot::Func && inlining.target(instance, function).is_some();
        let inlines = inlining.concerns(instance)
            && refs.of(instance, index).any(calls)
            && inlining.fits(self.linked, (instance, index));
        if inlines {
            self.live.callers.insert((instance, index));
        }
        self.references(instance, index, inlines)
    }

    /// What stands in place of a call of the function. Rows of such are short.
    fn inlined(&mut self, (instance, index): Defined) -> Result<(), MergeError> {
        if !self.inlined.insert((instance, index)) {
            return Ok(());
        }
        let ty = self.linked.modules[instance as usize].funcs[index as usize];
        self.reference(instance, Slot::Type, ty)?;
        self.references(instance, index, true)
    }

    fn references(&mut self, instance: u32, index: u32, inlines: bool) -> Result<(), MergeError> {
        let refs = self.refs;
        for (slot, index) in refs.of(instance, index) {
            if inlines
                && slot == Slot::Func
                && let Some(target) = self.inlining.target(instance, index)
            {
                self.inlined(target)?;
                continue;
            }
            self.live.code_uses_data |= slot == Slot::Data;
            let has_data_count = self.linked.modules[instance as usize].has_data_count;
            self.live.needs_declarations[instance as usize] |=
                slot == Slot::FuncRef || (slot == Slot::Data && !has_data_count);
            self.reference(instance, slot, index)?;
        }
        Ok(())
    }

    fn reference(&mut self, instance: u32, slot: Slot, index: u32) -> Result<(), MergeError> {
        let linked = self.linked;
        let i = instance as usize;
        let dangling = || MergeError::malformed(linked.names[i], Dangling { slot, index });
        let kind = match slot {
            Slot::Type => {
                let id = *linked.type_ids[i].get(index as usize).ok_or_else(dangling)?;
                self.type_id(id);
                return Ok(());
            }
            Slot::Data => {
                if index as usize >= linked.modules[i].data.len() {
                    return Err(dangling());
                }
                self.data(linked.data_base[i] + index);
                return Ok(());
            }
            Slot::Elem => {
                if index as usize >= linked.modules[i].elems.len() {
                    return Err(dangling());
                }
                self.elem(linked.elem_base[i] + index);
                return Ok(());
            }
            Slot::Func | Slot::FuncRef => Kind::Func,
            Slot::Table => Kind::Table,
            Slot::Memory => Kind::Memory,
            Slot::Global | Slot::GlobalRead => Kind::Global,
            Slot::Tag => Kind::Tag,
        };
        let id = linked.id(instance, kind, index)?;
        if slot == Slot::FuncRef {
            self.live.func_refs[id as usize] = true;
        }
        // A read of a constant becomes the constant.
        if slot == Slot::GlobalRead
            && let Item::Const(constant) = linked.items[kind][id as usize]
        {
            return self.constant(constant);
        }
        self.item(kind, id);
        Ok(())
    }
}

/// Collects index immediates as they come.
struct Collect(Vec<(Slot, u32)>);

impl Immediates for Collect {
    fn index(&mut self, slot: Slot, index: u32) -> bool {
        self.0.push((slot, index));
        false
    }

    fn rewrite(&mut self, _: Operator<'_>) {}
}

/// What each body refers to, each thing once.
struct References {
    /// For each instance its chunks of [`CHUNK`] functions.
    chunks: Vec<Vec<Chunk>>,
}

/// References of some functions: an index and a [`Slot`] each, packed and in LEB128. There are
/// millions in a large program.
#[derive(Default)]
struct Chunk {
    packed: Vec<u8>,
    /// Where each function's references end in `packed`.
    ends: Vec<u32>,
}

impl References {
    fn of(&self, instance: u32, function: u32) -> impl Iterator<Item = (Slot, u32)> {
        let chunk = &self.chunks[instance as usize][function as usize / CHUNK];
        let position = function as usize % CHUNK;
        let start = position.checked_sub(1).map_or(0, |before| chunk.ends[before]) as usize;
        let mut reader = BinaryReader::new(&chunk.packed[start..chunk.ends[position] as usize], 0);
        std::iter::from_fn(move || {
            let packed = reader.read_var_u32().ok()?;
            Some((Slot::ALL[(packed & SLOT_MASK) as usize], packed >> SLOT_BITS))
        })
    }
}

fn scan(linked: &Linked<'_>) -> Result<References, MergeError> {
    let mut tasks: Vec<(usize, Range<usize>)> = Vec::new();
    for (instance, module) in linked.modules.iter().enumerate() {
        let bodies = module.bodies.len();
        tasks.extend((0..bodies).step_by(CHUNK).map(|at| (instance, at..bodies.min(at + CHUNK))));
    }
    // Collected before errors are looked for, so that of several the first is reported.
    let scanned: Vec<Result<Chunk, MergeError>> = tasks
        .par_iter()
        .map_init(
            || (usize::MAX, Stamps::default()),
            |(at, stamps), (instance, range)| {
                if *at != *instance {
                    *at = *instance;
                    *stamps = Stamps::new(linked, *instance);
                }
                scan_chunk(stamps, &linked.modules[*instance], range.clone())
                    .map_err(|error| MergeError::malformed(linked.names[*instance], error))
            },
        )
        .collect();
    let mut chunks: Vec<Vec<Chunk>> = linked.modules.iter().map(|_| Vec::new()).collect();
    for ((instance, _), chunk) in tasks.into_iter().zip(scanned) {
        chunks[instance].push(chunk?);
    }
    Ok(References { chunks })
}

fn scan_chunk(
    stamps: &mut Stamps,
    module: &Module<'_>,
    functions: Range<usize>,
) -> Result<Chunk, String> {
    let mut chunk = Chunk { packed: Vec::new(), ends: Vec::with_capacity(functions.len()) };
    let mut allocations = wasmparser::OperatorsReaderAllocations::default();
    for position in functions {
        let body = module.body(position);
        stamps.now += 1;
        let mut scan = Scan { stamps, packed: &mut chunk.packed, dangling: None };
        let text = |error: wasmparser::Error| error.to_string();
        let mut locals = body.get_locals_reader().map_err(text)?;
        for _ in 0..locals.get_count() {
            scan.val_type(locals.read().map_err(text)?.1);
        }
        let mut reader = OperatorsReader::new_with_allocs(locals.get_binary_reader(), allocations);
        while !reader.eof() {
            reader.visit_operator(&mut Visitor(&mut scan)).map_err(text)?;
        }
        reader.finish().map_err(text)?;
        if let Some(dangling) = scan.dangling {
            return Err(format!("{dangling} (in the body at offset {:#x})", body.range().start));
        }
        chunk.ends.push(chunk.packed.len() as u32);
        allocations = reader.into_allocations();
    }
    chunk.packed.shrink_to_fit();
    Ok(chunk)
}

/// For each slot and index the last function that referred to it.
#[derive(Default)]
struct Stamps {
    seen: [Vec<u32>; Slot::ALL.len()],
    now: u32,
}

impl Stamps {
    fn new(linked: &Linked<'_>, instance: usize) -> Self {
        let module: &Module<'_> = &linked.modules[instance];
        let len = |slot| match slot {
            Slot::Type => linked.type_ids[instance].len(),
            Slot::Func | Slot::FuncRef => module.count(Kind::Func),
            Slot::Table => module.count(Kind::Table),
            Slot::Memory => module.count(Kind::Memory),
            Slot::Global | Slot::GlobalRead => module.count(Kind::Global),
            Slot::Tag => module.count(Kind::Tag),
            Slot::Data => module.data.len(),
            Slot::Elem => module.elems.len(),
        };
        Stamps { seen: Slot::ALL.map(|slot| vec![0; len(slot)]), now: 0 }
    }
}

struct Scan<'s> {
    stamps: &'s mut Stamps,
    packed: &'s mut Vec<u8>,
    dangling: Option<Dangling>,
}

impl Immediates for Scan<'_> {
    #[inline]
    fn index(&mut self, slot: Slot, index: u32) -> bool {
        match self.stamps.seen[slot as usize].get_mut(index as usize) {
            Some(seen) if *seen == self.stamps.now => {}
            Some(seen) => {
                *seen = self.stamps.now;
                (index << SLOT_BITS | slot as u32).encode(self.packed);
            }
            None => self.dangling = Some(Dangling { slot, index }),
        }
        false
    }

    fn rewrite(&mut self, _: Operator<'_>) {}
}
