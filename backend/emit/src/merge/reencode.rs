//! Code with new indices. Bytes between the instructions that change are copied as they stand.

use super::bulk::leb128_size;
use super::consts::{Expr, Piece};
use super::immediates::{Immediates, Slot, Visitor};
use super::link::{Const, Constant, Item, Linked};
use super::reach::Live;
use super::scan::{Site, pack};
use super::shapes::{NAMES_MEMORY, SHAPES, Shape};
use super::types::{Dangling, reencode_message};
use super::{Kind, MergeError, PerKind};
use std::ops::Range;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{ConstExpr, Encode, Instruction};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Stands for what is not emitted.
const NONE: u32 = u32::MAX;

/// Indices in the fused module, by id.
pub struct Numbers {
    pub items: PerKind<Vec<u32>>,
    pub types: Vec<u32>,
    pub data: Vec<u32>,
    pub elems: Vec<u32>,
    /// Ids in the order of their indices; for functions and so on the imports come first.
    pub order: PerKind<Vec<u32>>,
}

impl Numbers {
    /// Numbers what is live. Globals that instances define stand in the order given.
    pub fn new(linked: &Linked<'_>, live: &Live, globals: &[u32]) -> Self {
        let mut items: PerKind<Vec<u32>> = PerKind::default();
        let mut order: PerKind<Vec<u32>> = PerKind::default();
        for kind in Kind::ALL {
            let all = 0..linked.items[kind].len() as u32;
            let emitted = |id: &u32| live.items[kind][*id as usize];
            order[kind] = if kind == Kind::Global {
                let others =
                    all.filter(|id| !matches!(linked.items[kind][*id as usize], Item::Defined(..)));
                others.chain(globals.iter().copied()).filter(emitted).collect()
            } else {
                all.filter(emitted).collect()
            };
            items[kind] = vec![NONE; linked.items[kind].len()];
            for (index, id) in order[kind].iter().enumerate() {
                items[kind][*id as usize] = index as u32;
            }
        }
        let mut types = vec![NONE; linked.types.len()];
        let mut next = 0;
        for (id, index) in types.iter_mut().enumerate() {
            if live.type_id(linked, id as u32) {
                *index = next;
                next += 1;
            }
        }
        let count = |live: &[bool]| {
            let mut next = 0;
            let number = |live: &bool| {
                next += u32::from(*live);
                if *live { next - 1 } else { NONE }
            };
            live.iter().map(number).collect()
        };
        Numbers { items, types, order, data: count(&live.data), elems: count(&live.elems) }
    }

    /// The value of a constant.
    pub fn constant(&self, linked: &Linked<'_>, index: u32) -> Const {
        match linked.consts[index as usize] {
            Constant::Value(value) => value,
            Constant::MemoryIndex(instance, memory) => {
                let id = linked.local[instance as usize][Kind::Memory][memory as usize];
                Const::I32(self.items[Kind::Memory][id as usize] as i32)
            }
        }
    }

    /// Checks that there are not more items than engines accept. Functions and element segments
    /// that are generated count, too: at most one of each.
    pub fn check_limits(&self) -> Result<(), MergeError> {
        let items = |kind: Kind| self.order[kind].len();
        let emitted = |indices: &[u32]| indices.iter().filter(|index| **index != NONE).count();
        for (what, count, limit) in [
            ("types", emitted(&self.types), 1_000_000),
            ("functions", items(Kind::Func) + 1, 1_000_000),
            ("tables", items(Kind::Table), 100),
            ("memories", items(Kind::Memory), 100),
            ("globals", items(Kind::Global), 1_000_000),
            ("tags", items(Kind::Tag), 1_000_000),
            ("data segments", emitted(&self.data), 100_000),
            ("element segments", emitted(&self.elems) + 1, 100_000),
        ] {
            if count > limit {
                return Err(MergeError::TooMany { what, count, limit });
            }
        }
        Ok(())
    }

    /// The numbers as one instance's module needs them.
    pub fn of_instance<'l>(&self, linked: &'l Linked<'_>, instance: u32) -> Renumber<'l> {
        let i = instance as usize;
        let ids = |kind: Kind| {
            let index = |id: &u32| self.items[kind][*id as usize];
            linked.local[i][kind].iter().map(index).collect::<Vec<_>>()
        };
        let segments =
            |all: &[u32], base: u32, len: usize| all[base as usize..base as usize + len].to_vec();
        let module = &linked.modules[i];
        let consts: Vec<Option<Const>> = linked.local[i][Kind::Global]
            [..module.imported[Kind::Global].len()]
            .iter()
            .map(|id| match linked.items[Kind::Global][*id as usize] {
                Item::Const(index) => Some(self.constant(linked, index)),
                Item::Host(_) | Item::Defined(..) => None,
            })
            .collect();
        let mut read = ids(Kind::Global);
        for (index, _) in read.iter_mut().zip(&consts).filter(|(_, value)| value.is_some()) {
            *index = NONE;
        }
        let funcs = ids(Kind::Func);
        let same = |(new, old): (&u32, u32)| *new == old;
        Renumber {
            same_memories: ids(Kind::Memory).iter().zip(0..).all(same),
            name: linked.names[i],
            bytes: module.bytes,
            slots: Slot::ALL.map(|slot| match slot {
                Slot::Type => {
                    linked.type_ids[i].iter().map(|id| self.types[*id as usize]).collect()
                }
                Slot::Func | Slot::FuncRef => funcs.clone(),
                Slot::Table => ids(Kind::Table),
                Slot::Memory => ids(Kind::Memory),
                Slot::Global => ids(Kind::Global),
                Slot::GlobalRead => read.clone(),
                Slot::Tag => ids(Kind::Tag),
                Slot::Data => segments(&self.data, linked.data_base[i], module.data.len()),
                Slot::Elem => segments(&self.elems, linked.elem_base[i], module.elems.len()),
            }),
            consts,
        }
    }
}

/// New indices for one instance's module.
pub struct Renumber<'a> {
    name: &'a str,
    bytes: &'a [u8],
    slots: [Vec<u32>; Slot::ALL.len()],
    /// Each memory has the index in the fused module that it has in its own.
    same_memories: bool,
    /// For each imported global the constant it became.
    consts: Vec<Option<Const>>,
}

impl<'a> Renumber<'a> {
    /// The new index of something that is emitted.
    pub fn get(&self, slot: Slot, index: u32) -> Result<u32, MergeError> {
        self.lookup(slot, index).map_err(|error| self.malformed(error))
    }

    fn lookup(&self, slot: Slot, index: u32) -> Result<u32, Dangling> {
        match self.slots[slot as usize].get(index as usize) {
            Some(&new) if new != NONE => Ok(new),
            _ => Err(Dangling { slot, index }),
        }
    }

    /// The error that something in the module is wrong.
    pub fn malformed(&self, message: impl std::fmt::Display) -> MergeError {
        MergeError::malformed(self.name, message)
    }

    /// A type of the module, rewritten by `rewrite`.
    pub fn rewrite<T>(
        &self,
        rewrite: impl FnOnce(&mut Instructions<'_, 'a>) -> Result<T, reencode::Error<Dangling>>,
    ) -> Result<T, MergeError> {
        rewrite(&mut Instructions(self)).map_err(|error| self.malformed(reencode_message(error)))
    }

    /// An instruction of the module, rewritten.
    pub fn instruction<'i>(&self, operator: Operator<'i>) -> Result<Instruction<'i>, MergeError> {
        self.rewrite(|instructions| instructions.instruction(operator))
    }

    /// Appends a body, from its locals to its final `end`, without a size. `sites` are all its
    /// instructions with indices.
    pub fn body(
        &self,
        body: &FunctionBody<'_>,
        sites: impl Iterator<Item = Site>,
        out: &mut impl Out,
    ) -> Result<(), MergeError> {
        let malformed = |error: wasmparser::Error| self.malformed(error);
        let range = body.range();
        let mut locals = body.get_locals_reader().map_err(malformed)?;
        let mut types = Writer::new(self, range.start, out);
        let mut changed = false;
        for _ in 0..locals.get_count() {
            let (_, ty) = locals.read().map_err(malformed)?;
            changed |= types.val_type(ty);
        }
        let first = locals.get_binary_reader().original_position();
        let mut start = range.start;
        if changed {
            self.locals(body, out)?;
            start = first;
        }
        self.part(start..range.end, first, sites, out)
    }

    /// Appends what stands at a range of a body in the module. `sites` are all instructions with indices in
    /// it, by their distance from the body's `first` one.
    pub fn part(
        &self,
        range: Range<usize>,
        first: usize,
        sites: impl Iterator<Item = Site>,
        out: &mut impl Out,
    ) -> Result<(), MergeError> {
        let mut writer = Writer::new(self, range.start, out);
        for site in sites.filter(|site| !(site.only_memories && self.same_memories)) {
            let at = first + site.offset;
            if !writer.index_at(&self.bytes[at..range.end], at) {
                let mut reader = BinaryReader::new(&self.bytes[at..range.end], at);
                writer.operator(&mut reader).map_err(|error| self.malformed(error))?;
            }
        }
        writer.finish().map_err(|message| self.malformed(message))?;
        writer.flush(range.end);
        Ok(())
    }

    fn locals(&self, body: &FunctionBody<'_>, out: &mut impl Out) -> Result<(), MergeError> {
        let reader = body.get_locals_reader().map_err(|error| self.malformed(error))?;
        out.number(reader.get_count());
        for local in reader {
            let (count, ty) = local.map_err(|error| self.malformed(error))?;
            out.number(count);
            out.encode(&self.rewrite(|types| types.val_type(ty))?);
        }
        Ok(())
    }

    /// Appends instructions that stand at `start..end` in the module.
    fn code(&self, start: u32, end: u32, out: &mut Vec<u8>) -> Result<(), MergeError> {
        let (start, end) = (start as usize, end as usize);
        let mut writer = Writer::new(self, start, out);
        let mut reader = BinaryReader::new(&self.bytes[start..end], start);
        while !reader.eof() {
            writer.operator(&mut reader).map_err(|error| self.malformed(error))?;
        }
        writer.finish().map_err(|message| self.malformed(message))?;
        writer.flush(end);
        Ok(())
    }
}

/// Appends a constant expression, without `end`.
pub fn expr(
    expr: &Expr,
    numbers: &Numbers,
    renumber: &[Renumber<'_>],
    out: &mut Vec<u8>,
) -> Result<(), MergeError> {
    for piece in &expr.pieces {
        match *piece {
            Piece::Int(value) => const_instruction(value).encode(out),
            Piece::Global(id) => {
                Instruction::GlobalGet(numbers.items[Kind::Global][id as usize]).encode(out);
            }
            Piece::Code { instance, start, end } => {
                renumber[instance as usize].code(start, end, out)?;
            }
        }
    }
    Ok(())
}

/// A constant expression for a section.
pub fn const_expr(
    source: &Expr,
    numbers: &Numbers,
    renumber: &[Renumber<'_>],
) -> Result<ConstExpr, MergeError> {
    let mut bytes = Vec::new();
    expr(source, numbers, renumber, &mut bytes)?;
    Ok(ConstExpr::raw(bytes))
}

/// The instruction that pushes a constant.
pub fn const_instruction(value: Const) -> Instruction<'static> {
    match value {
        Const::I32(value) => Instruction::I32Const(value),
        Const::I64(value) => Instruction::I64Const(value),
    }
}

/// What takes code.
pub trait Out {
    /// Takes bytes as they are.
    fn copy(&mut self, bytes: &[u8]);
    /// Takes a number, which is best small, in LEB128.
    fn number(&mut self, number: u32);
    /// Takes something that has to be encoded.
    fn encode(&mut self, item: &impl Encode);
}

impl Out for Vec<u8> {
    #[inline]
    fn copy(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn number(&mut self, number: u32) {
        pack(number, self);
    }

    fn encode(&mut self, item: &impl Encode) {
        item.encode(self);
    }
}

/// How many bytes code takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size(pub usize);

impl Out for Size {
    #[inline]
    fn copy(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn number(&mut self, number: u32) {
        self.0 += leb128_size(number as usize);
    }

    fn encode(&mut self, item: &impl Encode) {
        let mut bytes = Vec::new();
        item.encode(&mut bytes);
        self.0 += bytes.len();
    }
}

/// Copies code, rewriting instructions whose indices change.
struct Writer<'w, 'a, O> {
    renumber: &'w Renumber<'a>,
    out: &'w mut O,
    /// Everything before this position is in `out`.
    copied: usize,
    /// Where the current instruction starts.
    at: usize,
    rewritten: bool,
    error: Option<String>,
}

impl<'w, 'a, O: Out> Writer<'w, 'a, O> {
    /// Writes what stands in the module from a position on.
    fn new(renumber: &'w Renumber<'a>, start: usize, out: &'w mut O) -> Self {
        Writer { renumber, out, copied: start, at: start, rewritten: false, error: None }
    }

    /// Goes on with an instruction at a position if it has one index, which stays one, or an address in the first memory.
    #[inline]
    fn index_at(&mut self, instruction: &[u8], at: usize) -> bool {
        let [opcode, immediates @ ..] = instruction else { return false };
        let shape = SHAPES[*opcode as usize];
        if let (Shape::Address, [flags @ ..NAMES_MEMORY, ..]) = (shape, immediates) {
            return self.first_memory_at(*flags, at);
        }
        let Some((slot, index, size)) = shape.index(immediates) else { return false };
        let Ok(new) = self.renumber.lookup(slot, index) else { return false };
        if new != index {
            self.flush(at + 1);
            self.out.number(new);
            self.copied = at + 1 + size;
        }
        true
    }

    /// Goes on with an instruction at a position that has an address in the first memory, which it does not name.
    #[inline]
    fn first_memory_at(&mut self, flags: u8, at: usize) -> bool {
        let Ok(new) = self.renumber.lookup(Slot::Memory, 0) else { return false };
        if new != 0 {
            self.flush(at + 1);
            self.out.copy(&[flags | NAMES_MEMORY]);
            self.out.number(new);
            self.copied = at + 2;
        }
        true
    }

    /// Goes on with the instruction that a reader is at.
    fn operator(&mut self, reader: &mut BinaryReader<'_>) -> Result<(), wasmparser::Error> {
        self.at = reader.original_position();
        reader.visit_operator(&mut Visitor(self))?;
        if self.rewritten {
            self.rewritten = false;
            self.copied = reader.original_position();
        }
        Ok(())
    }

    /// The first instruction that could not be rewritten, as an error.
    fn finish(&mut self) -> Result<(), String> {
        self.error.take().map_or(Ok(()), Err)
    }

    fn flush(&mut self, to: usize) {
        self.out.copy(&self.renumber.bytes[self.copied..to]);
        self.copied = to;
    }
}

impl<O: Out> Immediates for Writer<'_, '_, O> {
    #[inline]
    fn index(&mut self, slot: Slot, index: u32) -> bool {
        match self.renumber.slots[slot as usize].get(index as usize) {
            // What has no number, as a constant, differs too; rewriting tells it apart.
            Some(&new) => new != index,
            None => true,
        }
    }

    #[inline(never)]
    fn rewrite(&mut self, operator: Operator<'_>) {
        self.flush(self.at);
        self.rewritten = true;
        match Instructions(self.renumber).instruction(operator) {
            Ok(instruction) => self.out.encode(&instruction),
            Err(error) => {
                self.error.get_or_insert_with(|| reencode_message(error));
            }
        }
    }
}

/// Rewrites single instructions and types.
pub struct Instructions<'w, 'a>(&'w Renumber<'a>);

impl Instructions<'_, '_> {
    fn get(&self, slot: Slot, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.0.lookup(slot, index).map_err(reencode::Error::UserError)
    }
}

impl Reencode for Instructions<'_, '_> {
    type Error = Dangling;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Type, index)
    }

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Func, index)
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Table, index)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Memory, index)
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Global, index)
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Tag, index)
    }

    fn data_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Data, index)
    }

    fn element_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        self.get(Slot::Elem, index)
    }

    fn instruction<'i>(
        &mut self,
        operator: Operator<'i>,
    ) -> Result<Instruction<'i>, reencode::Error<Dangling>> {
        if let Operator::GlobalGet { global_index } = operator
            && let Some(Some(value)) = self.0.consts.get(global_index as usize)
        {
            return Ok(const_instruction(*value));
        }
        reencode::utils::instruction(self, operator)
    }
}
