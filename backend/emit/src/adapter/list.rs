//! Lists and strings: a pointer and a length on each side, and contents that are copied.

use super::body::Bytes;
use super::call::Emitter;
use super::flat::Slot;
use super::memory::Place;
use super::module::SideIndices;
use super::{Error, Pass, PassId, Role, trap};
use meld_component::abi::{Layout, MAX_LIST_BYTES, PtrWidth};
use meld_component::types::{TypeId, ValueType};
use wasm_encoder::BlockType;

/// A list that has been checked on its source side and allocated on the other.
struct Allocated {
    /// Bytes on the source side, in its pointer type.
    from_bytes: Slot,
    /// Bytes on the destination side, in its pointer type.
    to_bytes: Slot,
    /// Where the elements shall be.
    ptr: Slot,
}

impl Emitter<'_, '_> {
    /// What is passed as a pointer and a length. Takes over those on the source side and gives those on
    /// the other.
    pub(super) fn cross_pair(
        &mut self,
        ty: TypeId,
        pass: PassId,
        ptr: Slot,
        len: Slot,
    ) -> Result<Vec<Slot>, Error> {
        let spec = self.env.spec;
        match (&spec.passes[pass.0 as usize], spec.types.get(ty)) {
            (Pass::Copy, ValueType::List(element)) => {
                self.copy_list((ty, *element), None, ptr, len)
            }
            (Pass::CopyBy(copier), ValueType::List(element)) => {
                self.copy_list((ty, *element), Some(*copier), ptr, len)
            }
            (Pass::Each(pass), ValueType::List(element)) => {
                self.each_of_list(*element, *pass, ptr, len)
            }
            (Pass::Text(transcoder), ValueType::String) => self.text(*transcoder, ptr, len),
            (pass, _) => Err(Error::mismatch(self.env.spec.types, ty, pass.name())),
        }
    }

    /// A list whose elements are copied together, by a function of a pack or an instruction.
    fn copy_list(
        &mut self,
        (list, element): (TypeId, TypeId),
        copier: Option<u32>,
        ptr: Slot,
        len: Slot,
    ) -> Result<Vec<Slot>, Error> {
        // A function of a pack may check or change what it copies; an instruction does not.
        let (copied, pass) = match copier {
            Some(_) => (&self.env.in_place, "copy-by"),
            None => (&self.env.any_bits, "copy"),
        };
        if !copied.contains(&element) {
            return Err(Error::mismatch(self.env.spec.types, list, pass));
        }
        let list = self.allocate_list(element, ptr, len)?;
        // Copies count in the narrower of the two pointer types.
        let bytes = match self.src.width {
            PtrWidth::W32 => list.from_bytes,
            PtrWidth::W64 => list.to_bytes,
        };
        let (source, target) = (ptr.local, list.ptr.local);
        match copier {
            Some(copier) => {
                let function = self.env.imports.index(Role::Copier(copier))?;
                self.body.ins().local_get(source).local_get(target).local_get(bytes.local);
                self.body.ins().call(function);
            }
            None => {
                let (src, dst) = (self.src.memory()?, self.dst.memory()?);
                self.body.ins().local_get(target).local_get(source).local_get(bytes.local);
                self.body.ins().memory_copy(dst, src);
            }
        }
        Ok(self.finish_list(list, ptr, len))
    }

    /// A list whose elements are passed one by one.
    fn each_of_list(
        &mut self,
        element: TypeId,
        pass: PassId,
        ptr: Slot,
        len: Slot,
    ) -> Result<Vec<Slot>, Error> {
        let list = self.allocate_list(element, ptr, len)?;
        let (src, dst) = (self.src.width, self.dst.width);
        self.body.ins().local_get(list.from_bytes.local);
        self.body.ptr_const(src, 0);
        self.body.ptr_ne(src);
        self.body.ins().if_(BlockType::Empty).local_get(ptr.local);
        let from = self.set_new(src.flat());
        self.body.ins().local_get(list.ptr.local);
        let to = self.set_new(dst.flat());
        self.body.ins().local_get(ptr.local).local_get(list.from_bytes.local);
        self.body.ptr_add(src);
        let end = self.set_new(src.flat());
        self.each(element, pass, [from, to, end])?;
        self.body.ins().end();
        for slot in [from, to, end] {
            self.release(slot);
        }
        Ok(self.finish_list(list, ptr, len))
    }

    fn text(&mut self, transcoder: u32, ptr: Slot, len: Slot) -> Result<Vec<Slot>, Error> {
        let function = self.env.imports.index(Role::Transcoder(transcoder))?;
        self.body.ins().local_get(ptr.local).local_get(len.local).call(function);
        self.release(ptr);
        self.release(len);
        let width = self.dst.width.flat();
        let len = self.set_new(width);
        let ptr = self.set_new(width);
        Ok(vec![ptr, len])
    }

    /// Checks that a list is not too long, aligned and in bounds, also when it is empty, and
    /// allocates on the other side, also nothing.
    fn allocate_list(&mut self, element: TypeId, ptr: Slot, len: Slot) -> Result<Allocated, Error> {
        let (src, dst) = (self.src, self.dst);
        let from_layout = self.env.layouts.layout(element, src.width)?;
        let to_layout = self.env.layouts.layout(element, dst.width)?;

        // Bounding the length first keeps every product below 2^32.
        self.body.ins().local_get(len.local);
        self.body.ptr_const(src.width, MAX_LIST_BYTES / from_layout.size);
        match src.width {
            PtrWidth::W32 => self.body.ins().i32_gt_u(),
            PtrWidth::W64 => self.body.ins().i64_gt_u(),
        };
        let too_long = self.trap(trap::LIST_TOO_LONG)?;
        self.body.trap_if(too_long);
        self.body.ins().local_get(len.local);
        self.body.ptr_mul_const(src.width, from_layout.size);
        let from_bytes = self.set_new(src.width.flat());

        let unaligned = self.trap(trap::UNALIGNED_POINTER)?;
        self.body.check_align(src, ptr.local, from_layout.align, unaligned);
        let outside = self.trap(trap::LIST_OUT_OF_BOUNDS)?;
        self.body.check_bounds(src, ptr.local, Bytes::Local(from_bytes.local), outside)?;

        self.body.ins().local_get(len.local);
        self.body.convert(src.width, dst.width);
        self.body.ptr_mul_const(dst.width, to_layout.size);
        let to_bytes = self.set_new(dst.width.flat());
        let bytes = Bytes::Local(to_bytes.local);
        let local = self.body.allocate(dst.width, dst.allocate()?, to_layout.align, bytes);
        let ptr = Slot { local, ty: dst.width.flat(), owned: true };
        Ok(Allocated { from_bytes, to_bytes, ptr })
    }

    fn finish_list(&mut self, list: Allocated, ptr: Slot, len: Slot) -> Vec<Slot> {
        for slot in [list.from_bytes, list.to_bytes, ptr] {
            self.release(slot);
        }
        let to = self.dst.width;
        if self.src.width == to {
            return vec![list.ptr, len];
        }
        self.body.ins().local_get(len.local);
        self.release(len);
        self.body.convert(self.src.width, to);
        let len = self.set_new(to.flat());
        vec![list.ptr, len]
    }

    /// Checks that spilled values are aligned and in bounds.
    pub(super) fn check_spilled(
        &mut self,
        side: SideIndices,
        place: Place,
        layout: Layout,
    ) -> Result<(), Error> {
        let unaligned = self.trap(trap::UNALIGNED_POINTER)?;
        self.body.check_align(side, place.base, layout.align, unaligned);
        let outside = self.trap(trap::POINTER_OUT_OF_BOUNDS)?;
        self.body.check_bounds(side, place.base, Bytes::Const(layout.size), outside)
    }
}
