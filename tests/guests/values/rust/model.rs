//! The two things that every language must agree on: the hash of a value, and the value of a seed.
//! `../c/model.h` says the same in C. The provider and the consumer each include this file.

use crate::meld::values::types::*;

// Hashes.

pub struct Hash(pub u64);

impl Hash {
    fn number(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

/// The hash of a value: numbers count as 64 bits (signed ones sign-extended, floats by their bits);
/// a list or string as its length, then its elements or code points; a variant, option or result as
/// its discriminant, then its payload.
pub fn digest(value: &(impl Digest + ?Sized)) -> u64 {
    let mut hash = Hash(0x6d65_6c64);
    value.digest(&mut hash);
    hash.0
}

pub trait Digest {
    fn digest(&self, hash: &mut Hash);
}

macro_rules! numbers {
    ($($type:ty => |$value:ident| $bits:expr;)*) => {$(
        impl Digest for $type {
            fn digest(&self, hash: &mut Hash) {
                let $value = *self;
                hash.number($bits);
            }
        }
    )*};
}

numbers! {
    bool => |v| v as u64;
    u8 => |v| v as u64;
    u16 => |v| v as u64;
    u32 => |v| v as u64;
    u64 => |v| v;
    i8 => |v| v as u64;
    i16 => |v| v as u64;
    i32 => |v| v as u64;
    i64 => |v| v as u64;
    f32 => |v| v.to_bits() as u64;
    f64 => |v| v.to_bits();
    char => |v| v as u64;
    Color => |v| v as u64;
    Wide => |v| v as u64;
    One => |v| v.bits() as u64;
    Nine => |v| v.bits() as u64;
    Full => |v| v.bits() as u64;
}

impl Digest for () {
    fn digest(&self, _: &mut Hash) {}
}

impl Digest for str {
    fn digest(&self, hash: &mut Hash) {
        hash.number(self.chars().count() as u64);
        self.chars().for_each(|letter| letter.digest(hash));
    }
}

impl Digest for String {
    fn digest(&self, hash: &mut Hash) {
        self.as_str().digest(hash);
    }
}

impl<T: Digest> Digest for Vec<T> {
    fn digest(&self, hash: &mut Hash) {
        hash.number(self.len() as u64);
        self.iter().for_each(|element| element.digest(hash));
    }
}

impl<T: Digest> Digest for Option<T> {
    fn digest(&self, hash: &mut Hash) {
        hash.number(self.is_some() as u64);
        if let Some(payload) = self {
            payload.digest(hash);
        }
    }
}

impl<T: Digest, E: Digest> Digest for Result<T, E> {
    fn digest(&self, hash: &mut Hash) {
        hash.number(self.is_err() as u64);
        match self {
            Ok(payload) => payload.digest(hash),
            Err(payload) => payload.digest(hash),
        }
    }
}

macro_rules! tuples {
    ($(($($type:ident $field:tt),*))*) => {$(
        impl<$($type: Digest),*> Digest for ($($type,)*) {
            fn digest(&self, hash: &mut Hash) {
                $(self.$field.digest(hash);)*
            }
        }
    )*};
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) }

macro_rules! records {
    ($($type:ident { $($field:ident),* $(,)? })*) => {$(
        impl Digest for $type {
            fn digest(&self, hash: &mut Hash) {
                $(self.$field.digest(hash);)*
            }
        }
    )*};
}

records! {
    Point { x, y }
    Scalars {
        switch, u_eight, u_one, u_four, s_one, s_eight, u_two, f_eight, s_two, f_four, s_four,
        letter,
    }
    Person { name, age, tags, home }
    Nested { id, who, numbers, spot }
    Everything {
        numbers, text, who, spot, shade, step, amount, small, load, maybe, outcome, marks, bytes,
        words, longs, doubles, switches, letters, names, table, points, pairs, people, loads,
    }
}

macro_rules! variants {
    ($($type:ident { $($case:ident $(($payload:ident))? = $discriminant:literal),* $(,)? })*) => {$(
        impl Digest for $type {
            fn digest(&self, hash: &mut Hash) {
                match self {
                    $($type::$case $(($payload))? => {
                        hash.number($discriminant);
                        $($payload.digest(hash);)?
                    })*
                }
            }
        }
    )*};
}

variants! {
    Number { Nothing = 0, Int(v) = 1, Long(v) = 2, Float(v) = 3, Double(v) = 4 }
    Narrow { Float(v) = 0, Int(v) = 1, Letter(v) = 2, Tiny(v) = 3 }
    Payload {
        Nothing = 0, Text(v) = 1, Items(v) = 2, Spot(v) = 3, Tiny(v) = 4, Long(v) = 5,
        Double(v) = 6, Maybe(v) = 7, Pair(v) = 8,
    }
}

// Values from a seed. Fields are written in the order of the record: it is the order of drawing.

pub struct Random(pub u64);

impl Random {
    pub fn u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 32) as u32
    }

    pub fn u64(&mut self) -> u64 {
        let high = self.u32() as u64;
        high << 32 | self.u32() as u64
    }

    pub fn bool(&mut self) -> bool {
        self.u32() & 1 == 1
    }

    pub fn f32(&mut self) -> f32 {
        self.u32() as i32 as f32 / 8.0
    }

    pub fn f64(&mut self) -> f64 {
        self.u64() as i64 as f64 / 8.0
    }

    pub fn char(&mut self) -> char {
        const CHARS: [char; 16] = [
            '\0',
            '\x7f',
            '\u{80}',
            'é',
            '\u{ff}',
            '\u{100}',
            '\u{7ff}',
            '\u{800}',
            '€',
            '\u{d7ff}',
            '\u{e000}',
            '\u{ffff}',
            '\u{10000}',
            '\u{1f600}',
            '\u{fffff}',
            '\u{10ffff}',
        ];
        CHARS[self.u32() as usize % CHARS.len()]
    }

    pub fn string(&mut self) -> String {
        let count = self.u32() % 10;
        let letter = |r: &mut Self| match r.u32() & 0x10000 {
            0 => (b'a' + (r.u32() % 26) as u8) as char,
            _ => r.char(),
        };
        (0..count).map(|_| letter(self)).collect()
    }

    /// A list of this many elements.
    pub fn list<T>(&mut self, len: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..len).map(|_| draw(self)).collect()
    }

    /// A list of fewer elements than `below`.
    pub fn some<T>(&mut self, below: u32, draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = self.u32() % below;
        self.list(len as usize, draw)
    }

    pub fn point(&mut self) -> Point {
        Point { x: self.u32() as i32, y: self.u32() as i32 }
    }

    pub fn scalars(&mut self) -> Scalars {
        Scalars {
            switch: self.bool(),
            u_eight: self.u64(),
            u_one: self.u32() as u8,
            u_four: self.u32(),
            s_one: self.u32() as i8,
            s_eight: self.u64() as i64,
            u_two: self.u32() as u16,
            f_eight: self.f64(),
            s_two: self.u32() as i16,
            f_four: self.f32(),
            s_four: self.u32() as i32,
            letter: self.char(),
        }
    }

    pub fn person(&mut self) -> Person {
        Person {
            name: self.string(),
            age: self.u32() as u8,
            tags: self.some(4, Self::string),
            home: if self.bool() { Some(self.point()) } else { None },
        }
    }

    pub fn number(&mut self) -> Number {
        match self.u32() % 5 {
            0 => Number::Nothing,
            1 => Number::Int(self.u32() as i32),
            2 => Number::Long(self.u64() as i64),
            3 => Number::Float(self.f32()),
            _ => Number::Double(self.f64()),
        }
    }

    pub fn narrow(&mut self) -> Narrow {
        match self.u32() % 4 {
            0 => Narrow::Float(self.f32()),
            1 => Narrow::Int(self.u32()),
            2 => Narrow::Letter(self.char()),
            _ => Narrow::Tiny(self.u32() as i8),
        }
    }

    pub fn payload(&mut self) -> Payload {
        match self.u32() % 9 {
            0 => Payload::Nothing,
            1 => Payload::Text(self.string()),
            2 => Payload::Items(self.some(4, Self::string)),
            3 => Payload::Spot(self.point()),
            4 => Payload::Tiny(self.u32() as u8),
            5 => Payload::Long(self.u64()),
            6 => Payload::Double(self.f64()),
            7 => Payload::Maybe(if self.bool() { Some(self.string()) } else { None }),
            _ => Payload::Pair((self.f32(), self.string())),
        }
    }
}

pub fn sample(seed: u32) -> Everything {
    const SHADES: [Color; 3] = [Color::Red, Color::Green, Color::Blue];
    const STEPS: [Wide; 7] =
        [Wide::C0, Wide::C1, Wide::C127, Wide::C128, Wide::C255, Wide::C256, Wide::C259];
    let r = &mut Random(seed as u64);
    Everything {
        numbers: r.scalars(),
        text: r.string(),
        who: r.person(),
        spot: (r.u32() as u8, r.point()),
        shade: SHADES[r.u32() as usize % SHADES.len()],
        step: STEPS[r.u32() as usize % STEPS.len()],
        amount: r.number(),
        small: r.narrow(),
        load: r.payload(),
        maybe: match r.u32() % 3 {
            0 => None,
            1 => Some(None),
            _ => Some(Some(r.u32() as u8)),
        },
        outcome: if r.bool() { Err(r.payload()) } else { Ok(r.some(4, Random::string)) },
        marks: (
            One::from_bits_truncate(r.u32() as u8),
            Nine::from_bits_truncate(r.u32() as u16),
            Full::from_bits_truncate(r.u32()),
        ),
        bytes: r.some(5, |r| r.u32() as u8),
        words: r.some(5, Random::u32),
        longs: r.some(5, Random::u64),
        doubles: r.some(5, Random::f64),
        switches: r.some(5, Random::bool),
        letters: r.some(5, Random::char),
        names: r.some(5, Random::string),
        table: r.some(5, |r| r.some(5, Random::string)),
        points: r.some(5, Random::point),
        pairs: r.some(5, |r| (r.u32(), r.u32())),
        people: r.some(5, Random::person),
        loads: r.some(5, Random::payload),
    }
}
