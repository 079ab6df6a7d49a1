//! Random types and values, from a seed.

use super::model::{Value, cases, layout};
use super::pack_constant;
use meld_component::abi::PtrWidth;
use meld_component::facts;
use meld_component::program::ResourceId;
use meld_component::types::{TypeId, Types, ValueType as T};
use meld_emit::adapter::{Pass, PassId};
use std::collections::HashMap;

/// A small generator of random numbers (xorshift64*).
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 20) % end
    }

    /// A number that is often at some limit.
    pub fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.next(),
            1 => self.below(4),
            2 => !self.below(4),
            _ => 1 << self.below(64),
        }
    }

    pub fn ty(&mut self, types: &mut Types, depth: u32) -> TypeId {
        let kind = if depth == 0 { self.below(18) } else { self.below(32) };
        let ty = match kind {
            0 => T::Bool,
            1 => T::S8,
            2 => T::U8,
            3 => T::S16,
            4 => T::U16,
            5 => T::S32,
            6 => T::U32,
            7 => T::S64,
            8 => T::U64,
            9 => T::F32,
            10 => T::F64,
            11 => T::Char,
            12 | 13 => T::String,
            14 => T::Flags([1, 7, 8, 9, 16, 17, 31, 32][self.below(8) as usize]),
            15 => T::Enum([1, 2, 5, 256, 257][self.below(5) as usize]),
            16 => T::Own(ResourceId(0)),
            17 => T::Borrow(ResourceId(0)),
            18..=21 => T::List(self.ty(types, depth - 1)),
            22 => T::FixedList(self.ty(types, depth - 1), 1 + self.below(7) as u32),
            23 | 24 => T::Record(self.types(types, depth - 1, 4)),
            25 => T::Tuple(self.types(types, depth - 1, 3)),
            26 | 27 => {
                let mut cases: Vec<_> =
                    (0..1 + self.below(5)).map(|_| self.payload(types, depth)).collect();
                if self.below(8) == 0 {
                    cases.resize(300, None);
                }
                T::Variant(cases)
            }
            28 | 29 => T::Option(self.ty(types, depth - 1)),
            _ => T::Result(self.payload(types, depth), self.payload(types, depth)),
        };
        types.intern(ty)
    }

    pub fn types(&mut self, types: &mut Types, depth: u32, most: u64) -> Vec<TypeId> {
        (0..1 + self.below(most)).map(|_| self.ty(types, depth)).collect()
    }

    fn payload(&mut self, types: &mut Types, depth: u32) -> Option<TypeId> {
        (self.below(3) > 0).then(|| self.ty(types, depth - 1))
    }

    pub fn value(&mut self, types: &Types, ty: TypeId) -> Value {
        let signed = |n: u64, bits: u32| ((n << (64 - bits)) as i64 >> (64 - bits)) as u64;
        match types.get(ty) {
            T::Bool => Value::Bool(self.below(2) == 1),
            T::U8 => Value::Number(self.number() & 0xff),
            T::S8 => Value::Number(signed(self.number(), 8)),
            T::U16 => Value::Number(self.number() & 0xffff),
            T::S16 => Value::Number(signed(self.number(), 16)),
            T::S32 => Value::Number(signed(self.number(), 32)),
            T::U32 | T::F32 | T::Own(_) | T::Borrow(_) => {
                Value::Number(self.number() & 0xffff_ffff)
            }
            T::S64 | T::U64 | T::F64 => Value::Number(self.number()),
            T::Char => Value::Char(self.char()),
            T::String => Value::String((0..self.below(12)).map(|_| self.char()).collect()),
            T::Flags(n) => Value::Flags((self.next() & ((1 << n) - 1)) as u32),
            T::Enum(n) => Value::Enum(self.below((*n).into()) as u32),
            T::List(element) => {
                // Sometimes more than modules copy at a time.
                let small = layout(types, *element, PtrWidth::W32).0 <= 64
                    && facts::in_place(types).contains(element);
                let most = if small && self.below(4) == 0 { 70 } else { 5 };
                Value::Many((0..self.below(most)).map(|_| self.value(types, *element)).collect())
            }
            T::FixedList(element, n) => {
                Value::Many((0..*n).map(|_| self.value(types, *element)).collect())
            }
            T::Record(fields) | T::Tuple(fields) => {
                Value::Many(fields.iter().map(|&field| self.value(types, field)).collect())
            }
            ty => {
                let cases = cases(ty);
                let case = self.below(cases.len() as u64) as usize;
                Value::Case(case, cases[case].map(|ty| Box::new(self.value(types, ty))))
            }
        }
    }

    fn char(&mut self) -> char {
        let limit = [0x80, 0x800, 0x1_0000, 0x11_0000][self.below(4) as usize];
        char::from_u32(self.below(limit) as u32).unwrap_or('\u{e000}')
    }
}

/// What handles cross by, and what ends the call that has borrows among its parameters.
const CONVERTER: u32 = 2;
const END: u32 = 3;

/// The passes that the standard rules choose, of one of their ways with lists.
#[derive(Default)]
pub struct Passes {
    pub passes: Vec<Pass>,
    pub lists: Lists,
    /// The transcoder of strings: of parameters, or of results.
    pub text: u32,
    /// What has been made so far.
    pub made: HashMap<Option<TypeId>, PassId>,
    /// What copies lists, by number.
    pub copiers: Vec<Copier>,
}

/// How lists whose elements need not be passed one by one are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Lists {
    /// They are all the same, and nothing else is answered in a faster way either.
    #[default]
    Each,
    /// Without vectors: by an instruction.
    Copy,
    /// With vectors: by modules.
    CopyBy,
}

/// A module that copies lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Copier {
    pub module: &'static str,
    /// What it takes besides memories.
    pub numbers: Vec<(&'static str, i64)>,
    /// Whether it copies lists of results.
    pub back: bool,
}

impl Passes {
    /// Passes from now on are those of results.
    pub fn turn(&mut self) {
        self.text = 1;
        self.made.clear();
    }

    pub fn of(&mut self, types: &Types, ty: Option<TypeId>) -> PassId {
        if let Some(&pass) = self.made.get(&ty) {
            return pass;
        }
        let pass = match ty.map(|ty| types.get(ty)) {
            None => Pass::Keep,
            Some(T::Bool | T::S8 | T::U8 | T::S16 | T::U16) => Pass::Normalise,
            Some(T::Char) => Pass::CheckChar,
            Some(T::Flags(_)) => Pass::Mask,
            Some(T::Enum(_)) => Pass::CheckCase,
            Some(T::String) => Pass::Text(self.text),
            Some(T::Own(_)) => Pass::Convert(CONVERTER),
            Some(T::Borrow(_)) if self.text == 0 => {
                self.passes.push(Pass::Convert(CONVERTER));
                Pass::Scoped(PassId(self.passes.len() as u32 - 1), END)
            }
            Some(T::Borrow(_)) => Pass::Convert(CONVERTER),
            Some(T::List(element)) => self.list(types, *element),
            Some(T::FixedList(element, _)) => Pass::Repeat(self.of(types, Some(*element))),
            Some(T::Record(fields) | T::Tuple(fields)) => {
                Pass::Fields(fields.iter().map(|&field| self.of(types, Some(field))).collect())
            }
            Some(variant @ (T::Variant(_) | T::Option(_) | T::Result(..))) => {
                let inner = cases(variant).into_iter().map(|ty| self.of(types, ty)).collect();
                let masks = ty.and_then(|ty| facts::masks(types).remove(&ty));
                let few = |masks: facts::Masks| {
                    masks
                        .iter()
                        .all(|runs| runs.len() <= pack_constant("values.most-runs") as usize)
                };
                match self.lists != Lists::Each && masks.is_some_and(few) {
                    true => Pass::SelectCases(inner),
                    false => Pass::Cases(inner),
                }
            }
            Some(_) => Pass::Keep,
        };
        self.passes.push(pass);
        let id = PassId(self.passes.len() as u32 - 1);
        self.made.insert(ty, id);
        id
    }

    fn list(&mut self, types: &Types, element: TypeId) -> Pass {
        let any_bits = facts::any_bits(types).contains(&element);
        let padding = facts::padding(types).remove(&element);
        let (module, numbers) = match (self.lists, types.get(element), padding) {
            (Lists::Copy, ..) if any_bits => return Pass::Copy,
            (Lists::CopyBy, ..) if any_bits => ("copier", vec![]),
            (Lists::CopyBy, T::Bool, _) => ("bools", vec![]),
            (Lists::CopyBy, T::Char, _) => ("chars", vec![]),
            (Lists::CopyBy, _, Some((size, bits))) => {
                ("padded-copier", vec![("size", size.into()), ("padding", bits.cast_signed())])
            }
            _ => return Pass::Each(self.of(types, Some(element))),
        };
        let copier = Copier { module, numbers, back: self.text == 1 };
        let known = self.copiers.iter().position(|known| *known == copier);
        let number = known.unwrap_or_else(|| {
            self.copiers.push(copier);
            self.copiers.len() - 1
        });
        Pass::CopyBy(number as u32)
    }
}
