//! What has to be emitted: whatever is reached from root exports, from start functions, and from
//! segments that might trap or that the host sees.
//!
//! What bodies refer to has been scanned by then; a worklist walks the lists.

use super::consts::{Expr, Inits, Piece};
use super::immediates::{Immediates, Slot, Visitor};
use super::inline::{Chosen, Defined, Inlining};
use super::link::{Constant, Item, Linked};
use super::not_inlined::Reason;
use super::scan::{References, Sites};
use super::segments::{Step, Write};
use super::types::{Dangling, ToIds};
use super::{Kind, MergeError, PerKind};
use std::collections::{BTreeSet, HashMap, HashSet};
use wasm_encoder::EntityType;
use wasm_encoder::reencode::Reencode;
use wasmparser::{BinaryReader, ElementItems, Operator, OperatorsReader, TableInit};

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
    /// Functions in which bodies stand in place of calls, and which do.
    pub callers: HashMap<Defined, Chosen>,
    /// Imports that live code calls where bodies should stand: instance, function and why.
    pub not_inlined: BTreeSet<(u32, u32, Reason)>,
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
    (refs, sites): (&References, &Sites),
    inits: &Inits,
    inlining: &Inlining,
    steps: &[Step],
    roots: &[(Kind, u32)],
) -> Result<Live, MergeError> {
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
        refs,
        sites,
        inlining,
        inlined: HashSet::new(),
        budget: Inlining::budget(linked),
        live: Live {
            items,
            type_groups: vec![false; linked.types.groups.len()],
            data: vec![false; linked.data.len()],
            elems: vec![false; linked.elems.len()],
            func_refs: vec![false; linked.items[Kind::Func].len()],
            code_uses_data: false,
            needs_declarations: vec![false; linked.modules.len()],
            callers: HashMap::new(),
            not_inlined: BTreeSet::new(),
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
    /// How many bytes callers may still grow by, in which bodies stand in place of calls.
    budget: usize,
    refs: &'r References,
    sites: &'r Sites,
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
        if !refs.of(instance, index).any(calls) {
            return self.references(instance, index, None);
        }
        let chosen = inlining.choose(self.linked, self.sites, (instance, index), &mut self.budget);
        self.references(instance, index, Some(&chosen))?;
        if chosen.values().any(Result::is_ok) {
            self.live.callers.insert((instance, index), chosen);
        }
        Ok(())
    }

    /// What stands in place of a call of the function. Rows of such are short.
    fn inlined(&mut self, (instance, index): Defined) -> Result<(), MergeError> {
        if !self.inlined.insert((instance, index)) {
            return Ok(());
        }
        let ty = self.linked.modules[instance as usize].funcs[index as usize];
        self.reference(instance, Slot::Type, ty)?;
        self.references(instance, index, None)
    }

    /// What a body refers to; in place of calls stand bodies, or there is a reason why not. In what stands
    /// in place of a call itself, nothing is chosen.
    fn references(
        &mut self,
        instance: u32,
        index: u32,
        chosen: Option<&Chosen>,
    ) -> Result<(), MergeError> {
        let (refs, inlining) = (self.refs, self.inlining);
        for (slot, index) in refs.of(instance, index) {
            if slot == Slot::Func {
                let refused = match inlining.target(instance, index) {
                    // A caller that cannot be read chooses nothing.
                    Some(target) => match chosen.map_or(Some(&Ok(())), |of| of.get(&target)) {
                        Some(Ok(())) => {
                            self.inlined(target)?;
                            continue;
                        }
                        Some(Err(reason)) => Some(*reason),
                        None => Some(Reason::Caller),
                    },
                    None => inlining.refusal(self.linked, instance, index),
                };
                self.live.not_inlined.extend(refused.map(|reason| (instance, index, reason)));
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
