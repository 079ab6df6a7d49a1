//! Values that cross from one memory to the other ("Loading", "Storing").

use super::analyse::cases;
use super::call::Emitter;
use super::flat::Slot;
use super::module::Half;
use super::{Error, Pass, PassId, Role, trap};
use meld_component::abi::{FlatType, discriminant_bytes};
use meld_component::types::{TypeId, ValueType};
use wasm_encoder::{BlockType, MemArg};

/// Lists of fixed length of at most this many elements are unrolled.
const UNROLL: u32 = 4;

/// Where a value is in memory, known to be aligned and in bounds: a local that holds a pointer,
/// and an offset in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub base: u32,
    pub offset: u32,
}

impl Place {
    pub fn at(base: u32) -> Place {
        Place { base, offset: 0 }
    }

    pub fn plus(self, offset: u32) -> Place {
        Place { offset: self.offset + offset, ..self }
    }

    /// The immediate of an access of this many bytes, which is also its alignment.
    fn arg(self, half: Half, bytes: u32) -> MemArg {
        MemArg {
            offset: self.offset.into(),
            align: bytes.trailing_zeros(),
            memory_index: half.memory,
        }
    }
}

impl Emitter<'_, '_> {
    /// Emits what brings a value from one memory to the other. Large translations are calls.
    pub(super) fn cross_memory(
        &mut self,
        ty: TypeId,
        pass: PassId,
        from: Place,
        to: Place,
    ) -> Result<(), Error> {
        if self.env.needs(self.from).is_outlined(ty, pass) {
            let function = self.outlined(ty, pass);
            self.push_address(self.src, from);
            self.push_address(self.dst, to);
            self.body.ins().call(function);
            return Ok(());
        }
        self.cross_memory_inline(ty, pass, from, to)
    }

    /// The same, never by a call of its own function.
    pub(super) fn cross_memory_inline(
        &mut self,
        ty: TypeId,
        pass: PassId,
        from: Place,
        to: Place,
    ) -> Result<(), Error> {
        self.body.check_size()?;
        let spec = self.env.spec;
        let value = spec.types.get(ty);
        let (src, dst) = (self.src, self.dst);
        match (&spec.passes[pass.0 as usize], value) {
            (Pass::Keep | Pass::Normalise, _) => {
                let bytes = self.env.layouts.layout(ty, dst.width)?.size;
                self.body.ins().local_get(to.base).local_get(from.base);
                if bytes == 8 {
                    self.body.ins().i64_load(from.arg(src, 8)).i64_store(to.arg(dst, 8));
                    return Ok(());
                }
                self.body.load(bytes, from.arg(src, bytes));
                if *value == ValueType::Bool {
                    self.body.ins().i32_eqz().i32_eqz();
                }
                self.body.store(bytes, to.arg(dst, bytes));
            }
            (Pass::Mask, ValueType::Flags(labels)) => {
                let bytes = self.env.layouts.layout(ty, dst.width)?.size;
                self.body.ins().local_get(to.base).local_get(from.base);
                self.body.load(bytes, from.arg(src, bytes));
                if *labels != 8 * bytes {
                    self.mask(*labels);
                }
                self.body.store(bytes, to.arg(dst, bytes));
            }
            (Pass::CheckChar, _) => {
                let trap = self.trap(trap::INVALID_CHAR);
                let local = self.load_i32(4, from);
                self.body.check_char(local, trap);
                self.store_i32(4, local, to);
            }
            (Pass::CheckCase, ValueType::Enum(cases)) => {
                let bytes = discriminant_bytes((*cases).into());
                let local = self.load_i32(bytes, from);
                self.check_discriminant(local, *cases);
                self.store_i32(bytes, local, to);
            }
            (Pass::Fields(passes), ValueType::Record(fields) | ValueType::Tuple(fields)) => {
                self.cross_fields(fields, passes, from, to)?;
            }
            (Pass::Cases(passes), _) => {
                let cases = cases(value);
                let from_layout = self.env.layouts.variant(&cases, src.width)?;
                let to_layout = self.env.layouts.variant(&cases, dst.width)?;
                let local = self.load_i32(from_layout.discriminant, from);
                self.body.ins().local_get(to.base).local_get(local);
                self.body.store(to_layout.discriminant, to.arg(dst, to_layout.discriminant));
                let (from, to) = (from.plus(from_layout.payload), to.plus(to_layout.payload));
                self.dispatch(local, &cases, passes, |emitter, ty, pass| {
                    emitter.cross_memory(ty, pass, from, to)
                })?;
                self.body.release(local, FlatType::I32);
            }
            (Pass::Repeat(pass), ValueType::FixedList(element, length)) => {
                self.cross_fixed_list(*element, *pass, *length, from, to)?;
            }
            (Pass::Copy, ValueType::List(element)) => {
                let (ptr, len) = self.load_pair(from);
                let slots = self.copy_list(*element, None, ptr, len)?;
                self.store_pair(slots, to);
            }
            (Pass::CopyBy(copier), ValueType::List(element)) => {
                let (ptr, len) = self.load_pair(from);
                let slots = self.copy_list(*element, Some(*copier), ptr, len)?;
                self.store_pair(slots, to);
            }
            (Pass::Each(pass), ValueType::List(element)) => {
                let (ptr, len) = self.load_pair(from);
                let slots = self.each_of_list(*element, *pass, ptr, len)?;
                self.store_pair(slots, to);
            }
            (Pass::Text(transcoder), _) => {
                let (ptr, len) = self.load_pair(from);
                let slots = self.text(*transcoder, ptr, len)?;
                self.store_pair(slots, to);
            }
            (Pass::Convert(converter), _) => {
                let function = self.env.imports.index(Role::Converter(*converter));
                self.body.ins().local_get(to.base).local_get(from.base);
                self.body.ins().i32_load(from.arg(src, 4)).call(function).i32_store(to.arg(dst, 4));
            }
            (Pass::Scoped(pass, _), _) => self.cross_memory_inline(ty, *pass, from, to)?,
            (pass, _) => {
                return Err(Error::Mismatch { ty: format!("{value:?}"), pass: pass.name() });
            }
        }
        Ok(())
    }

    /// A record's fields, or several values that are spilled together.
    pub(super) fn cross_fields(
        &mut self,
        fields: &[TypeId],
        passes: &[PassId],
        from: Place,
        to: Place,
    ) -> Result<(), Error> {
        let (_, from_offsets) = self.env.layouts.tuple(fields, self.src.width)?;
        let (_, to_offsets) = self.env.layouts.tuple(fields, self.dst.width)?;
        let offsets = from_offsets.into_iter().zip(to_offsets);
        for ((&ty, &pass), (from_offset, to_offset)) in fields.iter().zip(passes).zip(offsets) {
            self.cross_memory(ty, pass, from.plus(from_offset), to.plus(to_offset))?;
        }
        Ok(())
    }

    fn cross_fixed_list(
        &mut self,
        element: TypeId,
        pass: PassId,
        length: u32,
        from: Place,
        to: Place,
    ) -> Result<(), Error> {
        let from_size = self.env.layouts.layout(element, self.src.width)?.size;
        let to_size = self.env.layouts.layout(element, self.dst.width)?.size;
        if length <= UNROLL {
            for i in 0..length {
                self.cross_memory(element, pass, from.plus(i * from_size), to.plus(i * to_size))?;
            }
            return Ok(());
        }
        let (src, dst) = (self.src, self.dst);
        self.push_address(src, from);
        let cur_from = self.set_new(src.width.flat());
        self.push_address(dst, to);
        let cur_to = self.set_new(dst.width.flat());
        self.body.ins().local_get(cur_from.local);
        self.body.ptr_const(src.width, length * from_size);
        self.body.ptr_add(src.width);
        let end = self.set_new(src.width.flat());
        self.each(element, pass, cur_from, cur_to, end)?;
        for slot in [cur_from, cur_to, end] {
            self.release(slot);
        }
        Ok(())
    }

    /// A loop over at least one element, from one pointer to the other, up to an end of the
    /// first. Both are moved.
    pub(super) fn each(
        &mut self,
        element: TypeId,
        pass: PassId,
        from: Slot,
        to: Slot,
        end: Slot,
    ) -> Result<(), Error> {
        let (src, dst) = (self.src, self.dst);
        let from_size = self.env.layouts.layout(element, src.width)?.size;
        let to_size = self.env.layouts.layout(element, dst.width)?.size;
        self.body.ins().loop_(BlockType::Empty);
        self.cross_memory(element, pass, Place::at(from.local), Place::at(to.local))?;
        self.body.ins().local_get(to.local);
        self.body.ptr_const(dst.width, to_size);
        self.body.ptr_add(dst.width);
        self.body.ins().local_set(to.local).local_get(from.local);
        self.body.ptr_const(src.width, from_size);
        self.body.ptr_add(src.width);
        self.body.ins().local_tee(from.local).local_get(end.local);
        // Equality, not order: the end of a full memory of 4 GiB is 0.
        self.body.ptr_ne(src.width);
        self.body.ins().br_if(0).end();
        Ok(())
    }

    fn push_address(&mut self, half: Half, place: Place) {
        self.body.ins().local_get(place.base);
        if place.offset != 0 {
            self.body.ptr_const(half.width, place.offset);
            self.body.ptr_add(half.width);
        }
    }

    fn load_i32(&mut self, bytes: u32, from: Place) -> u32 {
        let local = self.body.local(FlatType::I32);
        self.body.ins().local_get(from.base);
        self.body.load(bytes, from.arg(self.src, bytes));
        self.body.ins().local_set(local);
        local
    }

    fn store_i32(&mut self, bytes: u32, local: u32, to: Place) {
        self.body.ins().local_get(to.base).local_get(local);
        self.body.store(bytes, to.arg(self.dst, bytes));
        self.body.release(local, FlatType::I32);
    }

    /// Loads the pointer and the length of a list or string.
    fn load_pair(&mut self, from: Place) -> (Slot, Slot) {
        let half = self.src;
        let mut load = |place: Place| {
            let arg = place.arg(half, half.width.bytes());
            self.body.ins().local_get(place.base);
            match half.width.flat() {
                FlatType::I64 => self.body.ins().i64_load(arg),
                _ => self.body.ins().i32_load(arg),
            };
            self.set_new(half.width.flat())
        };
        (load(from), load(from.plus(half.width.bytes())))
    }

    /// Stores a pointer and a length.
    fn store_pair(&mut self, slots: Vec<Slot>, to: Place) {
        let half = self.dst;
        let bytes = half.width.bytes();
        for (place, slot) in [to, to.plus(bytes)].into_iter().zip(slots) {
            let arg = place.arg(half, bytes);
            self.body.ins().local_get(place.base).local_get(slot.local);
            match half.width.flat() {
                FlatType::I64 => self.body.ins().i64_store(arg),
                _ => self.body.ins().i32_store(arg),
            };
            self.release(slot);
        }
    }
}
