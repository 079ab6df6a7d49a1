//! What follows the first byte of an instruction, for the instructions that are nearly all of a
//! program: they are read without wasmparser, which is asked once what it makes of each.

use super::immediates::{Immediates, Slot, Visitor};
use std::sync::LazyLock;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Operator, OperatorsReader};

/// What follows the first byte of an instruction. Numbers are in LEB128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing, or one number which is no index.
    Plain(Plain),
    /// One index.
    Index(Slot),
    /// An address in a memory: two numbers. A first one below [`NAMES_MEMORY`] means the first memory,
    /// which has no number then.
    Address,
    /// Something else.
    Other,
}

/// What follows in an instruction without indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Plain {
    /// Nothing.
    Nothing = 0,
    /// A number. The value is the bit by which one of its bytes says that another follows.
    Number = 0x80,
}

impl Plain {
    /// Where the instruction after this one is, which begins at `at`. What follows is told from a number
    /// without a branch: which of them it is cannot be foreseen.
    #[inline]
    pub fn end(self, code: &[u8], mut at: usize) -> usize {
        at += usize::from(self == Plain::Number);
        while code.get(at).is_some_and(|byte| byte & self as u8 != 0) {
            at += 1;
        }
        at + 1
    }
}

/// Where the first number of an address is as large, the memory's index may follow (core specification,
/// "Memory Instructions").
pub const NAMES_MEMORY: u8 = 64;

/// Most bytes of an index.
const MOST_BYTES: usize = 5;

impl Shape {
    /// If `immediates` begin with the one index of an instruction of this shape: what it refers to, the
    /// index and its size in bytes. There is none where wasmparser has to be asked.
    #[inline]
    pub fn index(self, immediates: &[u8]) -> Option<(Slot, u32, usize)> {
        let Shape::Index(slot) = self else { return None };
        let mut index = 0;
        for (position, byte) in immediates.iter().take(MOST_BYTES).enumerate() {
            index |= u64::from(byte & 0x7f) << (7 * position);
            if *byte < 0x80 {
                return Some((slot, u32::try_from(index).ok()?, position + 1));
            }
        }
        None
    }
}

/// By the first byte of an instruction.
pub static SHAPES: LazyLock<[Shape; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| shape(byte as u8)));

/// Prefixes have fewer instructions each (core specification, "Index of Instructions").
const MOST_SUBOPCODES: u32 = 512;

/// Zero, in more bytes than it needs.
const LONG_ZERO: [u8; MOST_BYTES] = [0x80, 0x80, 0x80, 0x80, 0];

/// What wasmparser makes of an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Read {
    size: usize,
    /// How many indices it has, and the last of them.
    indices: usize,
    last: Option<(Slot, u32)>,
}

impl Immediates for Read {
    fn index(&mut self, slot: Slot, index: u32) -> bool {
        self.indices += 1;
        self.last = Some((slot, index));
        false
    }

    fn rewrite(&mut self, _: Operator<'_>) {}
}

/// Asks wasmparser how many bytes it reads, and which indices are in them. A number that says which
/// instruction it is is told from others by trying all that do.
fn shape(byte: u8) -> Shape {
    let one = |slot: Slot, index| Read { size: 0, indices: 1, last: Some((slot, index)) };
    // Whether numbers are all that follows, with the indices that `like` says.
    let is_number = |like: &dyn Fn(u32) -> Read| {
        let mut bytes = Vec::with_capacity(MOST_BYTES);
        (0..MOST_SUBOPCODES).all(|number| {
            bytes.clear();
            number.encode(&mut bytes);
            read(byte, &bytes) == Some(Read { size: 1 + bytes.len(), ..like(number) })
        })
    };
    let is_address = |flags: u8| {
        let long = [flags, 0x80, 0x80, 0x80, 0x80, 0];
        let memory = one(Slot::Memory, 0);
        read(byte, &[flags, 0]) == Some(Read { size: 3, ..memory })
            && read(byte, &long) == Some(Read { size: 1 + long.len(), ..memory })
    };
    let (Some(short), Some(long)) = (read(byte, &[0]), read(byte, &LONG_ZERO)) else {
        return Shape::Other;
    };
    if short == long && short == (Read { size: 1, ..Read::default() }) {
        return Shape::Plain(Plain::Nothing);
    }
    if (long == Read { size: 1 + LONG_ZERO.len(), ..short }) && short.size == 2 {
        return match short.last {
            None if is_number(&|_| Read::default()) => Shape::Plain(Plain::Number),
            Some((slot, 0)) if is_number(&|number| one(slot, number)) => Shape::Index(slot),
            _ => Shape::Other,
        };
    }
    if (0..NAMES_MEMORY).all(is_address) { Shape::Address } else { Shape::Other }
}

/// An instruction that starts with `byte`, goes on with `immediates` and then with zeros; none if
/// there is none such. It stands within an `if`.
fn read(byte: u8, immediates: &[u8]) -> Option<Read> {
    const IF: [u8; 2] = [0x04, 0x40];
    let mut bytes = [0; 32];
    bytes[..IF.len()].copy_from_slice(&IF);
    bytes[IF.len()] = byte;
    bytes[IF.len() + 1..][..immediates.len()].copy_from_slice(immediates);
    let mut reader = OperatorsReader::new(BinaryReader::new(&bytes, 0));
    let mut found = Read::default();
    reader.visit_operator(&mut Visitor(&mut found)).ok()?;
    reader.visit_operator(&mut Visitor(&mut found)).ok()?;
    Some(Read { size: reader.original_position() - IF.len(), ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_known() {
        let of = |bytes: &[u8]| bytes.iter().map(|b| shape(*b)).collect::<Vec<_>>();
        // `nop`, `else`, `end`, `drop`, `i32.add`, `ref.is_null`
        assert_eq!(of(&[0x01, 0x05, 0x0b, 0x1a, 0x6a, 0xd1]), [Shape::Plain(Plain::Nothing); 6]);
        // `br`, `local.get`, `i32.const`, `i64.const`
        assert_eq!(of(&[0x0c, 0x20, 0x41, 0x42]), [Shape::Plain(Plain::Number); 4]);
        // `i32.load`, `i64.load32_u`, `i32.store`, `i64.store32`
        assert_eq!(of(&[0x28, 0x35, 0x36, 0x3e]), [Shape::Address; 4]);
        // `call`, `global.get`, `global.set`, `table.get`, `memory.size`, `ref.func`, `throw`
        let slots = [
            Slot::Func,
            Slot::GlobalRead,
            Slot::Global,
            Slot::Table,
            Slot::Memory,
            Slot::FuncRef,
            Slot::Tag,
        ];
        assert_eq!(of(&[0x10, 0x23, 0x24, 0x25, 0x3f, 0xd2, 0x08]), slots.map(Shape::Index));
        // `block`, `br_table`, `call_indirect`, `select t`, `f64.const`, `ref.null`, and prefixes
        let others = [0x02, 0x0e, 0x11, 0x1c, 0x44, 0xd0, 0xfb, 0xfc, 0xfd, 0xfe];
        assert_eq!(of(&others), [Shape::Other; 10]);
    }

    #[test]
    fn instructions_without_indices_are_passed_over() {
        let code = [0x6a, 0xff, 0x20, 5, 0x41, 0x80, 0x80, 1, 0x0b, 0x41, 0x80];
        let ends =
            [(0, Plain::Nothing), (2, Plain::Number), (4, Plain::Number), (8, Plain::Nothing)];
        assert_eq!(ends.map(|(at, plain)| plain.end(&code, at)), [1, 4, 8, 9]);
        // What is cut off ends behind the end.
        assert_eq!(Plain::Number.end(&code, 9), 12);
        assert_eq!(Plain::Number.end(&code[..10], 9), 11);
    }

    #[test]
    fn indices_are_read_or_left() {
        let call = Shape::Index(Slot::Func);
        for index in [0, 1, 127, 128, 300_000, u32::MAX] {
            let mut bytes = Vec::new();
            index.encode(&mut bytes);
            let size = bytes.len();
            assert_eq!(call.index(&bytes[..size - 1]), None);
            bytes.extend([0xff; 8]);
            assert_eq!(call.index(&bytes), Some((Slot::Func, index, size)));
        }
        assert_eq!(call.index(&LONG_ZERO), Some((Slot::Func, 0, 5)));
        assert_eq!(call.index(&[0x80, 0x80, 0x80, 0x80, 0x10]), None);
        assert_eq!(call.index(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), None);
        assert_eq!(Shape::Address.index(&[0]), None);
    }
}
