//! One pass over all bodies, in parallel, in which is noted what each refers to and where. Nothing
//! decodes whole bodies afterwards.

use super::immediates::{Immediates, Slot, Visitor};
use super::link::Linked;
use super::module::Module;
use super::shapes::{NAMES_MEMORY, Plain, SHAPES, Shape};
use super::types::Dangling;
use super::{Kind, MergeError};
use rayon::prelude::*;
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Operator};

/// Functions scanned as one task.
const CHUNK: usize = 256;

/// References pack a slot and an index.
const SLOT_BITS: u32 = 4;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Most items of one kind in one module; more would not fit a packed reference.
pub const MOST_ITEMS: usize = (u32::MAX >> SLOT_BITS) as usize;

/// What each body refers to, each thing once: an index and a [`Slot`] each, packed.
pub struct References(Lists);

/// Where in each body an instruction has an index: for each such instruction its distance from
/// the one before or from the first instruction, and whether memories are all that it names. Those
/// are left out where the only memory of an instance is the first of all: it keeps its index.
pub struct Sites(Lists);

/// An instruction that has an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Bytes from the first instruction of the body.
    pub offset: usize,
    /// It names memories, and nothing else.
    pub only_memories: bool,
}

/// For each instance its chunks of [`CHUNK`] functions.
struct Lists(Vec<Vec<Chunk>>);

/// Lists of numbers, one for each of some functions, in LEB128. There are millions of numbers in
/// a large program.
#[derive(Default)]
struct Chunk {
    packed: Vec<u8>,
    /// Where each function's list ends in `packed`.
    ends: Vec<u32>,
}

impl Chunk {
    fn with_capacity(functions: usize) -> Self {
        Chunk { packed: Vec::new(), ends: Vec::with_capacity(functions) }
    }

    /// What was added since is the list of the next function.
    fn end_list(&mut self) {
        self.ends.push(self.packed.len() as u32);
    }
}

/// Appends a number, which is best small, in LEB128.
#[inline]
pub fn pack(number: u32, packed: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(byte) if byte < 0x80 => packed.push(byte),
        _ => number.encode(packed),
    }
}

impl Lists {
    fn of(&self, instance: usize, function: usize) -> impl Iterator<Item = u32> {
        let chunk = &self.0[instance][function / CHUNK];
        let position = function % CHUNK;
        let start = position.checked_sub(1).map_or(0, |before| chunk.ends[before]) as usize;
        let mut reader = BinaryReader::new(&chunk.packed[start..chunk.ends[position] as usize], 0);
        // At the end nothing is read: an error is made on the heap.
        std::iter::from_fn(move || (!reader.eof()).then(|| reader.read_var_u32().ok())?)
    }
}

impl References {
    /// What a function of an instance refers to, by its position among those that it defines.
    pub fn of(&self, instance: u32, function: u32) -> impl Iterator<Item = (Slot, u32)> {
        self.0
            .of(instance as usize, function as usize)
            .map(|packed| (Slot::ALL[(packed & SLOT_MASK) as usize], packed >> SLOT_BITS))
    }
}

impl Sites {
    /// The sites in a function of an instance, in order.
    pub fn of(&self, instance: usize, function: usize) -> impl Iterator<Item = Site> {
        let mut offset = 0;
        self.0.of(instance, function).map(move |packed| {
            offset += (packed >> 1) as usize;
            Site { offset, only_memories: packed & 1 == 1 }
        })
    }
}

/// Scans all bodies.
pub fn scan(linked: &Linked<'_>) -> Result<(References, Sites), MergeError> {
    let mut tasks: Vec<(usize, Range<usize>)> = Vec::new();
    for (instance, module) in linked.modules.iter().enumerate() {
        let bodies = module.bodies.len();
        tasks.extend((0..bodies).step_by(CHUNK).map(|at| (instance, at..bodies.min(at + CHUNK))));
    }
    // Collected before errors are looked for, so that of several the first is reported.
    let scanned: Vec<Result<(Chunk, Chunk), MergeError>> = tasks
        .par_iter()
        .map_init(
            || None,
            |stamps, (instance, range)| {
                stamps.take_if(|(of, _)| of != instance);
                let fresh = || (*instance, Stamps::new(linked, *instance));
                let (_, stamps) = stamps.get_or_insert_with(fresh);
                scan_chunk(stamps, &linked.modules[*instance], range.clone())
                    .map_err(|error| MergeError::malformed(linked.names[*instance], error))
            },
        )
        .collect();
    let lists = || Lists(linked.modules.iter().map(|_| Vec::new()).collect());
    let (mut references, mut sites) = (References(lists()), Sites(lists()));
    for ((instance, _), chunks) in tasks.into_iter().zip(scanned) {
        let chunks = chunks?;
        references.0.0[instance].push(chunks.0);
        sites.0.0[instance].push(chunks.1);
    }
    Ok((references, sites))
}

fn scan_chunk(
    stamps: &mut Stamps,
    module: &Module<'_>,
    functions: Range<usize>,
) -> Result<(Chunk, Chunk), String> {
    let mut references = Chunk::with_capacity(functions.len());
    let mut sites = Chunk::with_capacity(functions.len());
    let shapes = &*SHAPES;
    for position in functions {
        let body = module.body(position);
        stamps.now += 1;
        let packed = &mut references.packed;
        let mut scan = Scan { stamps, packed, named: Named::Nothing, dangling: None };
        let text = |error: wasmparser::Error| error.to_string();
        let mut locals = body.get_locals_reader().map_err(text)?;
        for _ in 0..locals.get_count() {
            scan.val_type(locals.read().map_err(text)?.1);
        }
        scan.named = Named::Nothing;
        let first = locals.get_binary_reader().original_position();
        let code = &module.bytes[first..body.range().end];
        let (mut at, mut before) = (0, 0);
        while let Some(byte) = code.get(at) {
            let next = match shapes[*byte as usize] {
                Shape::Plain(plain) => {
                    at = plain.end(code, at);
                    continue;
                }
                Shape::Address if code.get(at + 1).is_some_and(|flags| *flags < NAMES_MEMORY) => {
                    scan.index(Slot::Memory, 0);
                    Plain::Number.end(code, at + 1)
                }
                shape => match shape.index(&code[at + 1..]) {
                    Some((slot, index, size)) => {
                        scan.index(slot, index);
                        at + 1 + size
                    }
                    None => {
                        let mut reader = BinaryReader::new(&code[at..], first + at);
                        reader.visit_operator(&mut Visitor(&mut scan)).map_err(text)?;
                        reader.original_position() - first
                    }
                },
            };
            if scan.named != Named::Nothing {
                let only_memories = u32::from(scan.named == Named::Memories);
                // A valid body has much less than 2 GiB.
                pack(((at - before) as u32) << 1 | only_memories, &mut sites.packed);
                before = at;
                scan.named = Named::Nothing;
            }
            at = next;
        }
        if let Some(dangling) = scan.dangling {
            return Err(format!("{dangling} (in the body at offset {:#x})", body.range().start));
        }
        references.end_list();
        sites.end_list();
    }
    references.packed.shrink_to_fit();
    sites.packed.shrink_to_fit();
    Ok((references, sites))
}

/// For each slot and index the last function that referred to it.
struct Stamps {
    seen: [Vec<u32>; Slot::ALL.len()],
    now: u32,
    /// What an instruction names that has a memory's index.
    memories: Named,
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
        let first_alone = linked.local[instance][Kind::Memory] == [0];
        let memories = if first_alone { Named::Nothing } else { Named::Memories };
        Stamps { seen: Slot::ALL.map(|slot| vec![0; len(slot)]), now: 0, memories }
    }
}

/// The indices that an instruction has which may change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Nothing,
    Memories,
    Others,
}

struct Scan<'s> {
    stamps: &'s mut Stamps,
    packed: &'s mut Vec<u8>,
    /// What the current instruction names.
    named: Named,
    dangling: Option<Dangling>,
}

impl Immediates for Scan<'_> {
    #[inline]
    fn index(&mut self, slot: Slot, index: u32) -> bool {
        let named = if slot == Slot::Memory { self.stamps.memories } else { Named::Others };
        self.named = self.named.max(named);
        match self.stamps.seen[slot as usize].get_mut(index as usize) {
            Some(seen) if *seen == self.stamps.now => {}
            Some(seen) => {
                *seen = self.stamps.now;
                pack(index << SLOT_BITS | slot as u32, self.packed);
            }
            None => self.dangling = Some(Dangling { slot, index }),
        }
        false
    }

    fn rewrite(&mut self, _: Operator<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::super::{Instance, Merge, Origin, StartMode};
    use super::*;

    /// The first byte of each instruction with an index, and whether memories are all it names;
    /// and what the body refers to.
    #[test]
    fn instructions_with_indices_are_found() {
        let text = r#"(module
            (type $t (func)) (memory $m 1) (memory $n 1) (global $g (mut i32) (i32.const 0))
            (data $d "")
            (func (nop))
            (func $f (local i32 (ref null $t))
                (drop (i32.load (i32.const 40)))
                (local.set 0 (i32.const 36))
                (block (result i32) (global.get $g))
                (global.set $g)
                (memory.copy $n $m (i32.const 0) (i32.const 0) (i32.const 0))
                (memory.init $n $d (i32.const 0) (i32.const 0) (i32.const 0))
                (call $f)))"#;
        let instance = Instance {
            name: "m".into(),
            bytes: wat::parse_str(text).unwrap().into(),
            imports: Vec::new(),
            origin: Origin::Input,
        };
        let (instances, start) = (vec![instance], StartMode::Section);
        let merge = Merge { name: None, instances, exports: Vec::new(), start };
        let (linked, _) = Linked::new(&merge).unwrap();
        let (references, sites) = scan(&linked).unwrap();

        let body = linked.modules[0].body(1);
        let first = body.get_operators_reader().unwrap().original_position();
        let bytes = linked.modules[0].bytes;
        let found: Vec<(u8, bool)> =
            sites.of(0, 1).map(|site| (bytes[first + site.offset], site.only_memories)).collect();
        let expected = [
            (0x28, true),
            (0x23, false),
            (0x24, false),
            (0xfc, true),
            (0xfc, false),
            (0x10, false),
        ];
        assert_eq!(found, expected);

        let expected = [
            (Slot::Type, 0),
            (Slot::Memory, 0),
            (Slot::GlobalRead, 0),
            (Slot::Global, 0),
            (Slot::Memory, 1),
            (Slot::Data, 0),
            (Slot::Func, 1),
        ];
        assert_eq!(sorted(references.of(0, 1)), sorted(expected.into_iter()));
        assert_eq!((sites.of(0, 0).count(), references.of(0, 0).count()), (0, 0));
    }

    /// The first memory of all keeps its index.
    #[test]
    fn memories_that_stay_have_no_sites() {
        let text = r#"(module (memory 1) (data $d "")
            (func (drop (i32.load (i32.const 0)))
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))))"#;
        let instance = |name: &str| Instance {
            name: name.into(),
            bytes: wat::parse_str(text).unwrap().into(),
            imports: Vec::new(),
            origin: Origin::Input,
        };
        let (instances, start) = (vec![instance("m"), instance("n")], StartMode::Section);
        let merge = Merge { name: None, instances, exports: Vec::new(), start };
        let (linked, _) = Linked::new(&merge).unwrap();
        let (_, sites) = scan(&linked).unwrap();
        let found =
            |instance| sites.of(instance, 0).map(|site| site.only_memories).collect::<Vec<_>>();
        assert_eq!((found(0), found(1)), (vec![false], vec![true, false]));
    }

    fn sorted(references: impl Iterator<Item = (Slot, u32)>) -> Vec<(u8, u32)> {
        let mut all: Vec<_> = references.map(|(slot, index)| (slot as u8, index)).collect();
        all.sort_unstable();
        all
    }
}
