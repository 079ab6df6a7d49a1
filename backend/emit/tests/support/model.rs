//! The Canonical ABI on plain Rust values: layouts, lifting, lowering and flattening written
//! down once more, type by type and without regard to speed.

use super::random::Random;
use meld_component::abi::PtrWidth;
use meld_component::types::{TypeId, Types, ValueType as T};

/// A component-level value. Numbers are their bits, negative ones extended to 64.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Number(u64),
    Char(char),
    Flags(u32),
    Enum(u32),
    String(String),
    /// A list of any kind, a record or a tuple.
    Many(Vec<Value>),
    Case(usize, Option<Box<Value>>),
}

/// A core type, as a number of bits and whether it is a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Core {
    I32,
    I64,
    F32,
    F64,
}

pub type Lifted = Result<Value, &'static str>;

const LIMIT: u64 = (1 << 28) - 1;

/// What is in new memory of an adapter's, until something is written there.
pub const JUNK: u8 = 0xee;

fn align_up(at: u64, align: u64) -> u64 {
    at.div_ceil(align) * align
}

pub fn bytes_of(width: PtrWidth) -> u64 {
    if width == PtrWidth::W32 { 4 } else { 8 }
}

pub fn pointer(width: PtrWidth) -> Core {
    if width == PtrWidth::W32 { Core::I32 } else { Core::I64 }
}

fn discriminant(cases: usize) -> u64 {
    if cases <= 256 {
        1
    } else if cases <= 65536 {
        2
    } else {
        4
    }
}

pub fn cases(ty: &T) -> Vec<Option<TypeId>> {
    match ty {
        T::Variant(cases) => cases.clone(),
        T::Option(some) => vec![None, Some(*some)],
        T::Result(ok, error) => vec![*ok, *error],
        _ => panic!("{ty:?} has no cases"),
    }
}

/// Size and alignment.
pub fn layout(types: &Types, ty: TypeId, width: PtrWidth) -> (u64, u64) {
    match types.get(ty) {
        T::Bool | T::S8 | T::U8 => (1, 1),
        T::S16 | T::U16 => (2, 2),
        T::S32 | T::U32 | T::F32 | T::Char | T::Own(_) | T::Borrow(_) => (4, 4),
        T::S64 | T::U64 | T::F64 => (8, 8),
        T::String | T::List(_) => (2 * bytes_of(width), bytes_of(width)),
        T::Flags(n) if *n <= 8 => (1, 1),
        T::Flags(n) if *n <= 16 => (2, 2),
        T::Flags(_) => (4, 4),
        T::Enum(n) => (discriminant(*n as usize), discriminant(*n as usize)),
        T::FixedList(element, n) => {
            let (size, align) = layout(types, *element, width);
            (size * u64::from(*n), align)
        }
        T::Record(fields) | T::Tuple(fields) => tuple(types, fields, width),
        ty @ (T::Variant(_) | T::Option(_) | T::Result(..)) => {
            let cases = cases(ty);
            let disc = discriminant(cases.len());
            let (mut size, mut align) = (0, 1);
            for payload in cases.into_iter().flatten() {
                let layout = layout(types, payload, width);
                size = size.max(layout.0);
                align = align.max(layout.1);
            }
            let size = align_up(disc, align) + size;
            (align_up(size, align.max(disc)), align.max(disc))
        }
        ty => panic!("{ty:?} is not modelled"),
    }
}

pub fn tuple(types: &Types, fields: &[TypeId], width: PtrWidth) -> (u64, u64) {
    let (mut end, mut most) = (0, 1);
    for &field in fields {
        let (size, align) = layout(types, field, width);
        end = align_up(end, align) + size;
        most = most.max(align);
    }
    (align_up(end, most), most)
}

fn payload_offset(types: &Types, ty: &T, width: PtrWidth) -> u64 {
    let cases = cases(ty);
    let align = cases.iter().flatten().map(|&ty| layout(types, ty, width).1).max().unwrap_or(1);
    align_up(discriminant(cases.len()), align)
}

pub fn flatten(types: &Types, ty: TypeId, width: PtrWidth) -> Vec<Core> {
    match types.get(ty) {
        T::S64 | T::U64 => vec![Core::I64],
        T::F32 => vec![Core::F32],
        T::F64 => vec![Core::F64],
        T::String | T::List(_) => vec![pointer(width); 2],
        T::FixedList(element, n) => flatten(types, *element, width).repeat(*n as usize),
        T::Record(fields) | T::Tuple(fields) => {
            fields.iter().flat_map(|&field| flatten(types, field, width)).collect()
        }
        ty @ (T::Variant(_) | T::Option(_) | T::Result(..)) => {
            let mut flat = vec![Core::I32];
            for payload in cases(ty).into_iter().flatten() {
                for (i, core) in flatten(types, payload, width).into_iter().enumerate() {
                    match flat.get(i + 1).copied() {
                        None => flat.push(core),
                        Some(old) if old == core => {}
                        Some(Core::I32 | Core::F32) if matches!(core, Core::I32 | Core::F32) => {
                            flat[i + 1] = Core::I32;
                        }
                        Some(_) => flat[i + 1] = Core::I64,
                    }
                }
            }
            flat
        }
        _ => vec![Core::I32],
    }
}

/// What handles become where they cross; the same there and back.
pub fn convert(handle: u32) -> u32 {
    handle ^ 0x5a5a_a5a5
}

/// What a list, record or tuple consists of.
fn parts(ty: &T, count: usize) -> Vec<TypeId> {
    match ty {
        T::Record(fields) | T::Tuple(fields) => fields.clone(),
        T::List(element) | T::FixedList(element, _) => vec![*element; count],
        _ => panic!("{ty:?} has no parts"),
    }
}

// ── Lowering ────────────────────────────────────────────────────────────────────────────────

/// A memory that is written to. With dirt, bits that nobody should look at are random.
pub struct Arena<'a> {
    pub types: &'a Types,
    pub width: PtrWidth,
    pub bytes: Vec<u8>,
    pub next: u64,
    pub dirt: Random,
}

impl Arena<'_> {
    pub fn alloc(&mut self, size: u64, align: u64) -> u64 {
        let at = align_up(self.next + self.dirt.below(20), align);
        self.next = at + size;
        let pages = self.next.div_ceil(0x1_0000) as usize;
        if self.bytes.len() < pages * 0x1_0000 {
            self.bytes.resize(pages * 0x1_0000, 0);
        }
        at
    }

    fn put(&mut self, at: u64, bytes: u64, value: u64) {
        let (at, bytes) = (at as usize, bytes as usize);
        self.bytes[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    }

    /// The core bits of a scalar whose type has this many bits.
    fn scalar(&mut self, ty: &T, value: &Value, bits: u64) -> u64 {
        let high = if bits < 64 { self.dirt.next() << bits } else { 0 };
        match (ty, value) {
            (_, Value::Bool(false)) => 0,
            (_, Value::Bool(true)) => loop {
                let any = self.dirt.next() & if bits == 8 { 0xff } else { 0xffff_ffff };
                if any != 0 {
                    break any;
                }
            },
            (T::U8 | T::S8 | T::U16 | T::S16, Value::Number(n)) if self.dirt.below(2) == 0 => {
                let size: u64 = if matches!(ty, T::U8 | T::S8) { 8 } else { 16 };
                (n & ((1 << size) - 1)) | (self.dirt.next() << size)
            }
            (_, Value::Number(n)) => *n,
            (_, Value::Char(c)) => u64::from(u32::from(*c)),
            (T::Flags(32), Value::Flags(flags)) => u64::from(*flags),
            (T::Flags(n), Value::Flags(flags)) => u64::from(*flags) | (self.dirt.next() << n),
            (_, Value::Enum(case)) => u64::from(*case),
            _ => high,
        }
    }

    fn list(&mut self, ty: TypeId, value: &Value) -> (u64, u64) {
        match (self.types.get(ty), value) {
            (_, Value::String(text)) => {
                let at = self.alloc(text.len() as u64, 1);
                self.bytes[at as usize..][..text.len()].copy_from_slice(text.as_bytes());
                (at, text.len() as u64)
            }
            (T::List(element), Value::Many(items)) => {
                let (size, align) = layout(self.types, *element, self.width);
                let at = self.alloc(size * items.len() as u64, align);
                for (i, item) in items.iter().enumerate() {
                    self.store(*element, item, at + i as u64 * size);
                }
                (at, items.len() as u64)
            }
            (ty, value) => panic!("{value:?} is no {ty:?}"),
        }
    }

    pub fn store(&mut self, ty: TypeId, value: &Value, at: u64) {
        let types = self.types;
        match (types.get(ty), value) {
            (T::String | T::List(_), value) => {
                let (ptr, len) = self.list(ty, value);
                let bytes = bytes_of(self.width);
                self.put(at, bytes, ptr);
                self.put(at + bytes, bytes, len);
            }
            (ty, Value::Many(items)) => {
                self.store_tuple(&parts(ty, items.len()), items, at);
            }
            (ty, Value::Case(case, payload)) => {
                let cases = cases(ty);
                self.put(at, discriminant(cases.len()), *case as u64);
                if let (Some(ty_), Some(payload)) = (cases[*case], payload) {
                    self.store(ty_, payload, at + payload_offset(types, ty, self.width));
                }
            }
            (value_type, value) => {
                let size = layout(types, ty, self.width).0;
                let bits = self.scalar(value_type, value, size * 8);
                self.put(at, size, bits);
            }
        }
    }

    pub fn store_tuple(&mut self, fields: &[TypeId], values: &[Value], mut at: u64) {
        for (&field, value) in fields.iter().zip(values) {
            let (size, align) = layout(self.types, field, self.width);
            at = align_up(at, align);
            self.store(field, value, at);
            at += size;
        }
    }

    /// Core values, as bits with their types.
    pub fn lower_flat(&mut self, ty: TypeId, value: &Value) -> Vec<(Core, u64)> {
        let types = self.types;
        let flat = flatten(types, ty, self.width);
        match (types.get(ty), value) {
            (T::String | T::List(_), value) => {
                let (ptr, len) = self.list(ty, value);
                vec![(flat[0], ptr), (flat[1], len)]
            }
            (ty, Value::Many(items)) => parts(ty, items.len())
                .into_iter()
                .zip(items)
                .flat_map(|(ty, item)| self.lower_flat(ty, item))
                .collect(),
            (ty, Value::Case(case, payload)) => {
                let mut bits = vec![*case as u64];
                if let (Some(ty), Some(payload)) = (cases(ty)[*case], payload) {
                    bits.extend(self.lower_flat(ty, payload).into_iter().map(|(_, bits)| bits));
                }
                while bits.len() < flat.len() {
                    bits.push(self.dirt.next());
                }
                flat.into_iter().zip(bits).collect()
            }
            (value_type, value) => vec![(flat[0], self.scalar(value_type, value, 32))],
        }
    }
}

// ── Lifting ─────────────────────────────────────────────────────────────────────────────────

/// A memory that is read. What is strict has been written by an adapter, and must not only be
/// valid but canonical.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub types: &'a Types,
    pub width: PtrWidth,
    pub bytes: &'a [u8],
    pub strict: bool,
}

impl View<'_> {
    /// Which bytes of a value are none of its parts: padding, and what its case does not use.
    fn unused(&self, ty: TypeId, at: u64) -> Vec<u64> {
        let (size, _) = layout(self.types, ty, self.width);
        let parts = match self.types.get(ty) {
            T::Record(fields) | T::Tuple(fields) => fields.clone(),
            T::FixedList(element, n) => vec![*element; *n as usize],
            value @ (T::Variant(_) | T::Option(_) | T::Result(..)) => {
                let cases = cases(value);
                let bytes = discriminant(cases.len());
                let payload = at + payload_offset(self.types, value, self.width);
                let (mut found, mut end) = (vec![], at + bytes);
                if let Some(ty) = cases[self.word(at, bytes) as usize] {
                    found.extend(end..payload);
                    found.extend(self.unused(ty, payload));
                    end = payload + layout(self.types, ty, self.width).0;
                }
                found.extend(end..at + size);
                return found;
            }
            _ => return vec![],
        };
        let (mut end, mut found) = (at, vec![]);
        for part in parts {
            let (size, align) = layout(self.types, part, self.width);
            let start = align_up(end - at, align) + at;
            found.extend(end..start);
            found.extend(self.unused(part, start));
            end = start + size;
        }
        found.extend(end..at + size);
        found
    }

    fn word(&self, at: u64, bytes: u64) -> u64 {
        let mut word = [0; 8];
        word[..bytes as usize].copy_from_slice(&self.bytes[at as usize..][..bytes as usize]);
        u64::from_le_bytes(word)
    }

    fn scalar(&self, ty: &T, bits: u64, size: u64) -> Lifted {
        let mask = if size == 8 { !0 } else { (1u64 << (8 * size)) - 1 };
        let bits = bits & mask;
        let extend = |n: u32| ((bits << (64 - n)) as i64 >> (64 - n)) as u64;
        let (value, canonical) = match ty {
            T::Bool => (Value::Bool(bits != 0), u64::from(bits != 0)),
            T::U8 => (Value::Number(bits & 0xff), bits & 0xff),
            T::U16 => (Value::Number(bits & 0xffff), bits & 0xffff),
            T::S8 => (Value::Number(extend(8)), extend(8)),
            T::S16 => (Value::Number(extend(16)), extend(16)),
            T::S32 => (Value::Number(extend(32)), bits),
            T::Char => match char::from_u32(bits as u32) {
                Some(c) => (Value::Char(c), bits),
                None => return Err("invalid-char"),
            },
            T::Flags(n) => {
                let flags = bits & ((1 << n) - 1);
                (Value::Flags(flags as u32), flags)
            }
            T::Enum(n) if bits >= u64::from(*n) => return Err("invalid-discriminant"),
            T::Enum(_) => (Value::Enum(bits as u32), bits),
            // What an adapter wrote, it has converted.
            T::Own(_) | T::Borrow(_) if self.strict => {
                (Value::Number(u64::from(convert(bits as u32))), bits)
            }
            _ => (Value::Number(bits), bits),
        };
        assert!(!self.strict || bits == canonical & mask, "{ty:?} is {bits:#x}");
        Ok(value)
    }

    /// Checks what a pointer points to.
    pub fn check(
        &self,
        ptr: u64,
        (size, align): (u64, u64),
        outside: &'static str,
        unaligned: &'static str,
    ) -> Result<(), &'static str> {
        if !ptr.is_multiple_of(align) {
            return Err(unaligned);
        }
        if u128::from(ptr) + u128::from(size) > self.bytes.len() as u128 {
            return Err(outside);
        }
        Ok(())
    }

    fn list(&self, ty: &T, ptr: u64, len: u64) -> Lifted {
        let T::List(element) = ty else {
            if len > LIMIT {
                return Err("string-too-long");
            }
            self.check(ptr, (len, 1), "string-out-of-bounds", "")?;
            let bytes = self.bytes[ptr as usize..][..len as usize].to_vec();
            return String::from_utf8(bytes).map(Value::String).map_err(|_| "invalid-utf8");
        };
        let (size, align) = layout(self.types, *element, self.width);
        if u128::from(len) * u128::from(size) > u128::from(LIMIT) {
            return Err("list-too-long");
        }
        self.check(ptr, (len * size, align), "list-out-of-bounds", "unaligned-pointer")?;
        for at in (0..len).map(|i| ptr + i * size).filter(|_| self.strict) {
            let unused = self.unused(*element, at).into_iter();
            assert!(unused.map(|at| self.bytes[at as usize]).all(|byte| byte == JUNK), "{ty:?}");
        }
        let items = (0..len).map(|i| self.load(*element, ptr + i * size));
        items.collect::<Result<_, _>>().map(Value::Many)
    }

    pub fn load(&self, ty: TypeId, at: u64) -> Lifted {
        let size = layout(self.types, ty, self.width).0;
        match self.types.get(ty) {
            ty @ (T::String | T::List(_)) => {
                let bytes = bytes_of(self.width);
                self.list(ty, self.word(at, bytes), self.word(at + bytes, bytes))
            }
            ty @ (T::Record(_) | T::Tuple(_) | T::FixedList(..)) => {
                let count = if let T::FixedList(_, n) = ty { *n } else { 0 };
                self.load_tuple(&parts(ty, count as usize), at).map(Value::Many)
            }
            ty @ (T::Variant(_) | T::Option(_) | T::Result(..)) => {
                let cases = cases(ty);
                let case = self.word(at, discriminant(cases.len())) as usize;
                let payload = cases.get(case).ok_or("invalid-discriminant")?;
                let at = at + payload_offset(self.types, ty, self.width);
                let payload = payload.map(|ty| self.load(ty, at)).transpose()?;
                Ok(Value::Case(case, payload.map(Box::new)))
            }
            ty => self.scalar(ty, self.word(at, size), size),
        }
    }

    pub fn load_tuple(&self, fields: &[TypeId], mut at: u64) -> Result<Vec<Value>, &'static str> {
        let mut values = Vec::new();
        for &field in fields {
            let (size, align) = layout(self.types, field, self.width);
            at = align_up(at, align);
            values.push(self.load(field, at)?);
            at += size;
        }
        Ok(values)
    }

    /// Takes as many core values as the type has.
    pub fn lift_flat(&self, ty: TypeId, flat: &mut &[u64]) -> Lifted {
        let (mine, rest) = flat.split_at(flatten(self.types, ty, self.width).len());
        *flat = rest;
        match self.types.get(ty) {
            ty @ (T::String | T::List(_)) => {
                let mask = if self.width == PtrWidth::W32 { 0xffff_ffff } else { !0 };
                self.list(ty, mine[0] & mask, mine[1] & mask)
            }
            ty @ (T::Record(_) | T::Tuple(_) | T::FixedList(..)) => {
                let count = if let T::FixedList(_, n) = ty { *n } else { 0 };
                let mut mine = mine;
                let parts = parts(ty, count as usize);
                let items = parts.into_iter().map(|ty| self.lift_flat(ty, &mut mine));
                items.collect::<Result<_, _>>().map(Value::Many)
            }
            ty @ (T::Variant(_) | T::Option(_) | T::Result(..)) => {
                let case = (mine[0] & 0xffff_ffff) as usize;
                let payload = *cases(ty).get(case).ok_or("invalid-discriminant")?;
                let mut rest = &mine[1..];
                let payload = payload.map(|ty| self.lift_flat(ty, &mut rest)).transpose()?;
                assert!(!self.strict || rest.iter().all(|&bits| bits == 0), "unused slots");
                Ok(Value::Case(case, payload.map(Box::new)))
            }
            value_type => {
                let wide = matches!(value_type, T::S64 | T::U64 | T::F64);
                self.scalar(value_type, mine[0], if wide { 8 } else { 4 })
            }
        }
    }
}

/// The allocations that lowering a value makes, as alignments and sizes.
pub fn allocations(
    types: &Types,
    ty: TypeId,
    value: &Value,
    width: PtrWidth,
    out: &mut Vec<(u64, u64)>,
) {
    match (types.get(ty), value) {
        (_, Value::String(text)) => out.push((1, text.len() as u64)),
        (value_type, Value::Many(items)) => {
            if let T::List(element) = value_type {
                let (size, align) = layout(types, *element, width);
                out.push((align, size * items.len() as u64));
            }
            for (ty, item) in parts(value_type, items.len()).into_iter().zip(items) {
                allocations(types, ty, item, width, out);
            }
        }
        (ty, Value::Case(case, Some(payload))) => {
            if let Some(ty) = cases(ty)[*case] {
                allocations(types, ty, payload, width, out);
            }
        }
        _ => {}
    }
}
