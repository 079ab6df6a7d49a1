//! Random values as a guest holds them: memory images and flat arguments.
//!
//! What a guest holds need not be tidy: a bool may be any non-zero number, a `u8` may have
//! higher bits set. A faulty image also has what must trap: bad pointers, discriminants, chars
//! and encodings.

use super::types::{Core, Encoding, Shape, Ty, discriminant};
use meld_verify::Rng;

/// A memory image under construction.
pub(crate) struct Image<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) encoding: Encoding,
    /// Now and then there is something that must trap.
    pub(crate) faulty: bool,
    pub(crate) bytes: Vec<u8>,
    /// Where the image stands in memory.
    pub(crate) base: u32,
}

impl Image<'_> {
    /// Reserves zeroed memory; returns its address.
    pub(crate) fn allocate(&mut self, size: u32, align: u32) -> u32 {
        let at = (self.base + self.bytes.len() as u32).next_multiple_of(align);
        self.bytes.resize((at + size - self.base) as usize, 0);
        at
    }

    /// A pointer to a new random value.
    pub(crate) fn spilled(&mut self, ty: &Ty) -> u32 {
        let at = self.allocate(ty.size(), ty.align());
        self.store(ty, at);
        self.pointer(at, ty.align())
    }

    fn fault(&mut self) -> bool {
        self.faulty && self.rng.below(8) == 0
    }

    fn pointer(&mut self, at: u32, align: u32) -> u32 {
        if !self.fault() {
            return at;
        }
        match self.rng.below(3) {
            0 if align > 1 => at + 1,
            1 => 0xffff_fff8,
            _ => 0x7fff_fff0,
        }
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        let start = (at - self.base) as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a random value.
    fn store(&mut self, ty: &Ty, at: u32) {
        match ty.shape() {
            Shape::Scalar => {
                let bits = self.scalar(ty).to_le_bytes();
                self.put(at, &bits[..ty.size() as usize]);
            }
            Shape::String | Shape::List(_) => {
                let (pointer, length) = self.pair(ty);
                self.put(at, &pointer.to_le_bytes());
                self.put(at + 4, &length.to_le_bytes());
            }
            Shape::Fields(_) => {
                for (offset, ty) in ty.offsets() {
                    self.store(ty, at + offset);
                }
            }
            Shape::Cases(cases) => {
                let case = self.case(cases.len());
                let size = discriminant(cases.len()) as usize;
                self.put(at, &case.to_le_bytes()[..size]);
                if let Some(Some(payload)) = cases.get(case as usize) {
                    self.store(payload, at + ty.payload_offset());
                }
            }
        }
    }

    /// The bits of a random flattened value, one entry a core value.
    pub(crate) fn flat(&mut self, ty: &Ty) -> Vec<(Core, u64)> {
        let cores = ty.flat();
        let bits: Vec<u64> = match ty.shape() {
            Shape::Scalar => vec![match cores[0] {
                Core::I64 | Core::F64 => self.scalar(ty),
                _ => self.scalar(ty) & 0xffff_ffff,
            }],
            Shape::String | Shape::List(_) => {
                let (pointer, length) = self.pair(ty);
                vec![u64::from(pointer), u64::from(length)]
            }
            Shape::Fields(fields) => {
                fields.iter().flat_map(|ty| self.flat(ty)).map(|(_, bits)| bits).collect()
            }
            Shape::Cases(cases) => {
                let case = self.case(cases.len());
                let mut bits = vec![u64::from(case)];
                if let Some(Some(payload)) = cases.get(case as usize) {
                    bits.extend(self.flat(payload).into_iter().map(|(_, bits)| bits));
                }
                // Slots that the case does not use may hold anything.
                while bits.len() < cores.len() {
                    let wide = matches!(cores[bits.len()], Core::I64 | Core::F64);
                    bits.push(self.rng.bits() & if wide { u64::MAX } else { 0xffff_ffff });
                }
                bits
            }
        };
        cores.into_iter().zip(bits).collect()
    }

    fn case(&mut self, count: usize) -> u32 {
        let max = 1_usize << (8 * discriminant(count)).min(31);
        if count < max && self.fault() {
            return (count + self.rng.below((max - count).min(3))) as u32;
        }
        self.rng.below(count) as u32
    }

    /// Bits of a scalar. More than its size are set: storing cuts them off, and flat they are
    /// what a sloppy guest leaves there.
    fn scalar(&mut self, ty: &Ty) -> u64 {
        let random = self.rng.bits();
        match ty {
            Ty::Char if self.fault() => self.rng.pick(&[0xd800, 0xdfff, 0x11_0000, 0xffff_ffff]),
            Ty::Char => u64::from(char(self.rng)),
            Ty::Bool => self.rng.pick(&[0, 1, 2, 0x80, 0xff, 0x100]),
            _ => self.rng.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x8000, u64::MAX, random, random]),
        }
    }

    /// Pointer and length of a random string or list.
    fn pair(&mut self, ty: &Ty) -> (u32, u32) {
        match ty {
            Ty::List(item) => {
                // Long lists only where the items are small.
                let most = if item.size() <= 8 && !item.has_pointers() { 40 } else { 4 };
                let length = self.rng.below(most) as u32;
                let at = self.allocate(item.size() * length, item.align());
                for i in 0..length {
                    self.store(item, at + i * item.size());
                }
                let length = if self.fault() { 0x0100_0000 } else { length };
                (self.pointer(at, item.align()), length)
            }
            _ => self.string(),
        }
    }

    fn string(&mut self) -> (u32, u32) {
        let length = self.rng.pick(&[0, 1, 3, 9, 40]);
        let plain = self.rng.below(3);
        let mut text = String::new();
        for i in 0..length {
            let wide = plain == 2 || plain == 1 && i * 2 > length;
            text.push(if wide { char(self.rng) } else { (b'a' + (i % 26) as u8) as char });
        }
        let latin1 = text.chars().all(|c| (c as u32) < 0x100) && self.rng.below(5) > 0;
        let mut units: Vec<u16> = text.encode_utf16().collect();
        if self.fault() {
            units.push(0xdc00);
        }
        let wide: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let (bytes, length, align) = match self.encoding {
            Encoding::Utf8 => {
                let mut bytes = text.into_bytes();
                if self.fault() {
                    bytes.extend(self.rng.pick(&[[0xc0, 0x80], [0xed, 0xa0], [0x41, 0xff]]));
                }
                (bytes.clone(), bytes.len() as u32, 1)
            }
            Encoding::Utf16 => (wide, units.len() as u32, 2),
            Encoding::Compact if latin1 => {
                let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
                (bytes.clone(), bytes.len() as u32, 2)
            }
            Encoding::Compact => (wide, units.len() as u32 | 1 << 31, 2),
        };
        let at = self.allocate(bytes.len() as u32, align);
        self.put(at, &bytes);
        (self.pointer(at, align), length)
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
