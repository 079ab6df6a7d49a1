//! Random values as a guest holds them: memory images and flat arguments.
//!
//! What a guest holds need not be tidy: a bool may be any non-zero number, a `u8` may have
//! higher bits set. A faulty value also has one thing that must trap: a bad pointer, length,
//! discriminant, char or encoding.

use super::types::{Core, Encoding, Shape, Ty, Width, discriminant};
use super::{END, Side};
use meld_verify::Rng;

/// A memory image under construction.
pub(crate) struct Image<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) side: Side,
    pub(crate) bytes: Vec<u8>,
    /// Where the image stands in memory.
    pub(crate) base: u32,
    /// After how many things that can be wrong one is wrong; none if this is `None`.
    pub(crate) fault_in: Option<usize>,
}

impl Image<'_> {
    fn width(&self) -> Width {
        self.side.width
    }

    /// Reserves zeroed memory; returns its address.
    pub(crate) fn allocate(&mut self, size: u32, align: u32) -> u32 {
        let at = (self.base + self.bytes.len() as u32).next_multiple_of(align);
        self.bytes.resize((at + size - self.base) as usize, 0);
        at
    }

    /// A pointer to a new random value.
    pub(crate) fn spilled(&mut self, ty: &Ty) -> u64 {
        let (size, align) = (ty.size(self.width()), ty.align(self.width()));
        let at = self.allocate(size, align);
        self.store(ty, at);
        self.pointer(at, size, align)
    }

    /// A pointer to room for a value.
    pub(crate) fn room(&mut self, ty: &Ty) -> u64 {
        let (size, align) = (ty.size(self.width()), ty.align(self.width()));
        let at = self.allocate(size, align);
        // Just behind the memory is what its allocator hands out once it has grown.
        self.pointer_or(at, align, 0x7ff0_0000)
    }

    /// Writes entries of eight bytes each; returns their address.
    pub(crate) fn entries(&mut self, entries: &[u64]) -> u32 {
        let at = self.allocate(entries.len() as u32 * 8, 8);
        for (i, entry) in entries.iter().enumerate() {
            self.put(at + i as u32 * 8, &entry.to_le_bytes());
        }
        at
    }

    fn fault(&mut self) -> bool {
        match &mut self.fault_in {
            Some(0) => {
                self.fault_in = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// A pointer to what stands at an address.
    fn pointer(&mut self, at: u32, size: u32, align: u32) -> u64 {
        // The first address from which it does not fit.
        self.pointer_or(at, align, u64::from((END - size) / align * align + align))
    }

    fn pointer_or(&mut self, at: u32, align: u32, outside: u64) -> u64 {
        let at = u64::from(at);
        if !self.fault() {
            return at;
        }
        match (self.rng.below(5), self.side.width) {
            (0, _) if align > 1 => at + 1,
            (1, Width::W32) => 0xffff_fff8,
            (1, Width::W64) => 0xffff_ffff_ffff_fff8,
            (2, Width::W32) => 0x7fff_fff0,
            (2, Width::W64) => at | 1 << 32,
            _ => outside,
        }
    }

    /// A length that is too long, so that the number of bytes overflows or is over the limit.
    fn too_long(&mut self, size: u32) -> u64 {
        let size = u64::from(size);
        match (self.rng.below(4), self.width()) {
            (0, Width::W32) => 0xffff_ffff,
            (0, Width::W64) => u64::MAX,
            // As few bytes as one element has, if what is above 32 (64) bits is dropped.
            (1, Width::W32) => ((1 << 32) / size + 1).min(0x7fff_ffff),
            (1, Width::W64) => (u64::MAX / size).saturating_add(2),
            (2, _) => (1 << 28) / size + 1,
            _ => 0x0100_0000,
        }
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        let start = (at - self.base) as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a random value.
    fn store(&mut self, ty: &Ty, at: u32) {
        let width = self.width();
        match ty.shape() {
            Shape::Scalar => {
                let bits = self.scalar(ty).to_le_bytes();
                self.put(at, &bits[..ty.size(width) as usize]);
            }
            Shape::String | Shape::List(_) => {
                let (pointer, length) = self.pair(ty);
                let bytes = width.bytes();
                self.put(at, &pointer.to_le_bytes()[..bytes as usize]);
                self.put(at + bytes, &length.to_le_bytes()[..bytes as usize]);
            }
            Shape::Fields(_) => {
                for (offset, ty) in ty.offsets(width) {
                    self.store(ty, at + offset);
                }
            }
            Shape::Cases(cases) => {
                let case = self.case(cases.len(), discriminant(cases.len()));
                let size = discriminant(cases.len()) as usize;
                self.put(at, &case.to_le_bytes()[..size]);
                if let Some(Some(payload)) = cases.get(case as usize) {
                    self.store(payload, at + ty.payload_offset(width));
                }
            }
        }
    }

    /// The bits of a random flattened value, one entry a core value.
    pub(crate) fn flat(&mut self, ty: &Ty) -> Vec<u64> {
        let cores = ty.flat(self.width());
        let low = |bits: u64, core| match core {
            Core::I64 | Core::F64 => bits,
            _ => bits & 0xffff_ffff,
        };
        match ty.shape() {
            Shape::Scalar => vec![low(self.scalar(ty), cores[0])],
            Shape::String | Shape::List(_) => {
                let (pointer, length) = self.pair(ty);
                vec![pointer, length]
            }
            Shape::Fields(fields) => fields.iter().flat_map(|ty| self.flat(ty)).collect(),
            Shape::Cases(cases) => {
                let case = self.case(cases.len(), 4);
                let mut bits = vec![u64::from(case)];
                if let Some(Some(payload)) = cases.get(case as usize) {
                    bits.extend(self.flat(payload));
                }
                // Slots that the case does not use may hold anything, and so may the upper
                // half of one that is wider than what stands in it.
                for (bits, core) in bits.iter_mut().zip(&cores).skip(1) {
                    if *core == Core::I64 && *bits <= 0xffff_ffff && self.rng.below(2) == 0 {
                        *bits |= self.upper(ty, case);
                    }
                }
                while bits.len() < cores.len() {
                    bits.push(low(self.rng.bits(), cores[bits.len()]));
                }
                bits
            }
        }
    }

    /// Dirt for the upper half of joined slots: only if no payload of the case has a slot of
    /// its own that is as wide.
    fn upper(&mut self, ty: &Ty, case: u32) -> u64 {
        let Shape::Cases(cases) = ty.shape() else { return 0 };
        let Some(Some(payload)) = cases.get(case as usize) else { return 0 };
        let wide = payload.flat(self.width()).iter().any(|c| matches!(c, Core::I64 | Core::F64));
        if wide { 0 } else { self.rng.bits() & !0xffff_ffff }
    }

    /// A case, or a number that has none and fits into these bytes.
    fn case(&mut self, count: usize, bytes: u32) -> u32 {
        let max = 1_u64 << (8 * bytes);
        if (count as u64) < max && self.fault() {
            let beyond = self.rng.pick(&[0, 0, 1, max - 1 - count as u64]);
            return (count as u64 + beyond.min(max - 1 - count as u64)) as u32;
        }
        self.rng.below(count) as u32
    }

    /// Bits of a scalar. More than its size are set: storing cuts them off, and flat they are
    /// what a sloppy guest leaves there.
    fn scalar(&mut self, ty: &Ty) -> u64 {
        let random = self.rng.bits();
        match ty {
            Ty::Char if self.fault() => {
                self.rng.pick(&[0xd800, 0xdfff, 0x11_0000, 0x8000_0041, 0xffff_ffff])
            }
            Ty::Char => match self.rng.below(4) {
                0 => self.rng.pick(&[0, 0xd7ff, 0xe000, 0x10_ffff]),
                _ => u64::from(char(self.rng)),
            },
            Ty::Bool => self.rng.pick(&[0, 1, 2, 0x80, 0xff, 0x100]),
            _ => self.rng.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x8000, u64::MAX, random, random]),
        }
    }

    /// Pointer and length of a random string or list.
    fn pair(&mut self, ty: &Ty) -> (u64, u64) {
        let Ty::List(item) = ty else { return self.string() };
        let (size, align) = (item.size(self.width()), item.align(self.width()));
        // Long lists only where the items are small.
        let most = if size <= 8 && !item.has_pointers() { 40 } else { 4 };
        let length = self.rng.below(most) as u32;
        let at = if self.rng.below(12) == 0 && !item.has_pointers() {
            // Up to the last byte of the memory; what stands there, be it zeros or what the
            // allocator has made of it, is mostly valid.
            END - size * length
        } else {
            let at = self.allocate(size * length, align);
            for i in 0..length {
                self.store(item, at + i * size);
            }
            at
        };
        if self.fault() {
            return (u64::from(at), self.too_long(size));
        }
        (self.pointer(at, size * length, align), u64::from(length))
    }

    fn string(&mut self) -> (u64, u64) {
        let length = self.rng.pick(&[0, 1, 3, 9, 17, 40]);
        let plain = self.rng.below(4);
        let mut text = String::new();
        for i in 0..length {
            match plain {
                0 => text.push((b'a' + (i % 26) as u8) as char),
                1 if i * 2 <= length => text.push((b'a' + (i % 26) as u8) as char),
                2 => text.push(char::from(self.rng.below(0x100) as u8)),
                _ => text.push(char(self.rng)),
            }
        }
        let latin1 = text.chars().all(|c| (c as u32) < 0x100) && self.rng.below(5) > 0;
        let mut units: Vec<u16> = text.encode_utf16().collect();
        let wide_fault = match self.side.encoding {
            Encoding::Utf8 => false,
            Encoding::Utf16 => self.fault(),
            Encoding::Compact => !latin1 && self.fault(),
        };
        if wide_fault {
            let at = self.rng.below(units.len() + 1);
            units.insert(at, 0xdc00);
            if units.get(at.wrapping_sub(1)).is_some_and(|unit| unit & 0xfc00 == 0xd800) {
                // It has become the second half of a pair: now there is one too many.
                units.insert(at, 0xdc00);
            }
        }
        let wide: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let tag = 1_u64 << (self.width().bytes() * 8 - 1);
        let (bytes, length, align) = match self.side.encoding {
            Encoding::Utf8 => {
                let mut bytes = text.into_bytes();
                if self.fault() {
                    bytes.extend(self.rng.pick(&[[0xc0, 0x80], [0xed, 0xa0], [0x41, 0xff]]));
                }
                let length = bytes.len() as u64;
                (bytes, length, 1)
            }
            Encoding::Utf16 => (wide, units.len() as u64, 2),
            Encoding::Compact if latin1 => {
                let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
                let length = bytes.len() as u64;
                (bytes, length, 2)
            }
            Encoding::Compact => (wide, units.len() as u64 | tag, 2),
        };
        let at = self.allocate(bytes.len() as u32, align);
        self.put(at, &bytes);
        if self.fault() {
            let length = match self.side.encoding {
                Encoding::Utf8 => self.too_long(1),
                Encoding::Utf16 => self.too_long(2),
                Encoding::Compact if length & tag != 0 => self.too_long(2) | tag,
                Encoding::Compact => self.too_long(1) & !tag,
            };
            return (u64::from(at), length);
        }
        (self.pointer(at, bytes.len() as u32, align), length)
    }
}

fn char(rng: &mut Rng) -> char {
    let (low, high) = rng.pick(&[
        (0x20, 0x7f),
        (0x80, 0x100),
        (0x100, 0x800),
        (0x800, 0xd800),
        (0x1_0000, 0x11_0000),
    ]);
    char::from_u32((low + rng.below(high - low)) as u32).unwrap_or('?')
}
