//! Values that cross from one memory to the other ("Loading", "Storing").

use super::call::Emitter;
use super::flat::Slot;
use super::module::SideIndices;
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
    pub fn arg(self, side: SideIndices, bytes: u32) -> Result<MemArg, Error> {
        Ok(MemArg {
            offset: self.offset.into(),
            align: bytes.trailing_zeros(),
            memory_index: side.memory()?,
        })
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
            let function = self.outlined(ty, pass, false);
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
                    self.body.ins().i64_load(from.arg(src, 8)?).i64_store(to.arg(dst, 8)?);
                    return Ok(());
                }
                self.body.load(bytes, from.arg(src, bytes)?);
                if *value == ValueType::Bool {
                    self.body.ins().i32_eqz().i32_eqz();
                }
                self.body.store(bytes, to.arg(dst, bytes)?);
            }
            (Pass::Mask, ValueType::Flags(labels)) => {
                let bytes = self.env.layouts.layout(ty, dst.width)?.size;
                self.body.ins().local_get(to.base).local_get(from.base);
                self.body.load(bytes, from.arg(src, bytes)?);
                if *labels != 8 * bytes {
                    self.mask(*labels);
                }
                self.body.store(bytes, to.arg(dst, bytes)?);
            }
            (Pass::CheckChar, _) => {
                let trap = self.trap(trap::INVALID_CHAR)?;
                let local = self.load_i32(4, from)?;
                self.body.check_char(local, trap);
                self.store_i32(4, local, to)?;
            }
            (Pass::CheckCase, ValueType::Enum(cases)) => {
                let bytes = discriminant_bytes((*cases).into());
                let local = self.load_i32(bytes, from)?;
                self.check_discriminant(local, *cases)?;
                self.store_i32(bytes, local, to)?;
            }
            (Pass::Fields(passes), ValueType::Record(fields) | ValueType::Tuple(fields)) => {
                self.cross_fields(fields, passes, from, to)?;
            }
            (Pass::SelectCases(_), _) => self.select_cases(ty, from, to)?,
            (Pass::Cases(passes), _) => {
                let cases = value.cases();
                let from_layout = self.env.layouts.variant(&cases, src.width)?;
                let to_layout = self.env.layouts.variant(&cases, dst.width)?;
                let local = self.load_i32(from_layout.discriminant, from)?;
                self.body.ins().local_get(to.base).local_get(local);
                self.body.store(to_layout.discriminant, to.arg(dst, to_layout.discriminant)?);
                let (from, to) = (from.plus(from_layout.payload), to.plus(to_layout.payload));
                self.dispatch(local, &cases, passes, |emitter, ty, pass| {
                    emitter.cross_memory(ty, pass, from, to)
                })?;
                self.body.release(local, FlatType::I32);
            }
            (Pass::Repeat(pass), ValueType::FixedList(element, length)) => {
                self.cross_fixed_list(*element, *pass, *length, from, to)?;
            }
            (Pass::Copy | Pass::CopyBy(_) | Pass::Each(_) | Pass::Text(_), _) => {
                let (ptr, len) = self.load_pair(from)?;
                let slots = self.cross_pair(ty, pass, ptr, len)?;
                self.store_pair(slots, to)?;
            }
            (Pass::Convert(converter), _) => {
                let function = self.env.imports.index(Role::Converter(*converter))?;
                self.body.ins().local_get(to.base).local_get(from.base);
                self.body
                    .ins()
                    .i32_load(from.arg(src, 4)?)
                    .call(function)
                    .i32_store(to.arg(dst, 4)?);
            }
            (Pass::Scoped(pass, _), _) => self.cross_memory_inline(ty, *pass, from, to)?,
            (pass, _) => {
                return Err(Error::mismatch(self.env.spec.types, ty, pass.name()));
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
        self.each(element, pass, [cur_from, cur_to, end])?;
        for slot in [cur_from, cur_to, end] {
            self.release(slot);
        }
        Ok(())
    }

    /// A loop over at least one element: where they are, where they shall be, and the end of the
    /// first. Large loops are calls.
    pub(super) fn each(
        &mut self,
        element: TypeId,
        pass: PassId,
        row: [Slot; 3],
    ) -> Result<(), Error> {
        if self.env.needs(self.from).is_outlined(element, pass) {
            let function = self.outlined(element, pass, true);
            for slot in row {
                self.body.ins().local_get(slot.local);
            }
            self.body.ins().call(function);
            return Ok(());
        }
        self.each_inline(element, pass, row)
    }

    /// The same, never by a call of its own function. Both pointers are moved.
    pub(super) fn each_inline(
        &mut self,
        element: TypeId,
        pass: PassId,
        [from, to, end]: [Slot; 3],
    ) -> Result<(), Error> {
        let (src, dst) = (self.src, self.dst);
        let from_size = self.env.layouts.layout(element, src.width)?.size;
        let to_size = self.env.layouts.layout(element, dst.width)?.size;
        self.body.ins().loop_(BlockType::Empty);
        self.cross_memory_inline(element, pass, Place::at(from.local), Place::at(to.local))?;
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

    fn push_address(&mut self, side: SideIndices, place: Place) {
        self.body.ins().local_get(place.base);
        if place.offset != 0 {
            self.body.ptr_const(side.width, place.offset);
            self.body.ptr_add(side.width);
        }
    }

    pub(super) fn load_i32(&mut self, bytes: u32, from: Place) -> Result<u32, Error> {
        let local = self.body.local(FlatType::I32);
        self.body.ins().local_get(from.base);
        self.body.load(bytes, from.arg(self.src, bytes)?);
        self.body.ins().local_set(local);
        Ok(local)
    }

    fn store_i32(&mut self, bytes: u32, local: u32, to: Place) -> Result<(), Error> {
        self.body.ins().local_get(to.base).local_get(local);
        self.body.store(bytes, to.arg(self.dst, bytes)?);
        self.body.release(local, FlatType::I32);
        Ok(())
    }

    /// Loads the pointer and the length of a list or string.
    fn load_pair(&mut self, from: Place) -> Result<(Slot, Slot), Error> {
        let side = self.src;
        let mut load = |place: Place| {
            let arg = place.arg(side, side.width.bytes())?;
            self.body.ins().local_get(place.base);
            match side.width.flat() {
                FlatType::I64 => self.body.ins().i64_load(arg),
                _ => self.body.ins().i32_load(arg),
            };
            Ok::<_, Error>(self.set_new(side.width.flat()))
        };
        Ok((load(from)?, load(from.plus(side.width.bytes()))?))
    }

    /// Stores a pointer and a length.
    fn store_pair(&mut self, slots: Vec<Slot>, to: Place) -> Result<(), Error> {
        let side = self.dst;
        let bytes = side.width.bytes();
        for (place, slot) in [to, to.plus(bytes)].into_iter().zip(slots) {
            let arg = place.arg(side, bytes)?;
            self.body.ins().local_get(place.base).local_get(slot.local);
            match side.width.flat() {
                FlatType::I64 => self.body.ins().i64_store(arg),
                _ => self.body.ins().i32_store(arg),
            };
            self.release(slot);
        }
        Ok(())
    }
}
