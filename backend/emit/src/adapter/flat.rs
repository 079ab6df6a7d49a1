//! Values that cross in core locals ("Flat Lifting", "Flat Lowering").

use super::call::Emitter;
use super::{Error, Pass, PassId, Role, trap};
use meld_component::abi::FlatType;
use meld_component::types::{TypeId, ValueType};

/// A core value in a local. In the payload of a variant the local's type may be wider than that
/// of the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub local: u32,
    pub ty: FlatType,
    /// The local is to be released after use; otherwise somebody else still needs it.
    pub owned: bool,
}

impl Emitter<'_, '_> {
    /// Emits what brings a flat value across, and says where its core values are then. They have
    /// the types of the destination's flattening.
    pub(super) fn cross_flat(
        &mut self,
        ty: TypeId,
        pass: PassId,
        from: &[Slot],
    ) -> Result<Vec<Slot>, Error> {
        self.body.check_size()?;
        let spec = self.env.spec;
        let value = spec.types.get(ty);
        let scalar = |slot: Slot| Ok(vec![slot]);
        match (&spec.passes[pass.0 as usize], value) {
            (Pass::Keep, _) => {
                let want = self.flat_types(ty)?[0];
                if from[0].ty == want {
                    return scalar(Slot { owned: false, ..from[0] });
                }
                self.get(from[0], want);
                scalar(self.set_new(want))
            }
            (Pass::Normalise, _) => {
                self.get(from[0], FlatType::I32);
                match value {
                    ValueType::Bool => self.body.ins().i32_eqz().i32_eqz(),
                    ValueType::U8 => self.body.ins().i32_const(0xff).i32_and(),
                    ValueType::S8 => self.body.ins().i32_extend8_s(),
                    ValueType::U16 => self.body.ins().i32_const(0xffff).i32_and(),
                    _ => self.body.ins().i32_extend16_s(),
                };
                scalar(self.set_new(FlatType::I32))
            }
            (Pass::Mask, ValueType::Flags(labels)) => {
                self.get(from[0], FlatType::I32);
                self.mask(*labels);
                scalar(self.set_new(FlatType::I32))
            }
            (Pass::CheckChar, _) => {
                self.get(from[0], FlatType::I32);
                let slot = self.set_new(FlatType::I32);
                let trap = self.trap(trap::INVALID_CHAR)?;
                self.body.check_char(slot.local, trap);
                scalar(slot)
            }
            (Pass::CheckCase, ValueType::Enum(cases)) => {
                self.get(from[0], FlatType::I32);
                let slot = self.set_new(FlatType::I32);
                self.check_discriminant(slot.local, *cases)?;
                scalar(slot)
            }
            (Pass::Fields(passes), ValueType::Record(fields) | ValueType::Tuple(fields)) => {
                self.cross_flats(fields.iter().copied().zip(passes.iter().copied()), from)
            }
            (Pass::Repeat(pass), ValueType::FixedList(element, length)) => {
                self.cross_flats((0..*length).map(|_| (*element, *pass)), from)
            }
            (Pass::Cases(passes), _) => self.cross_flat_cases(ty, &value.cases(), passes, from),
            (Pass::SelectCases(_), _) => self.select_flat_cases(ty, from),
            (Pass::Copy | Pass::CopyBy(_) | Pass::Each(_) | Pass::Text(_), _) => {
                let (ptr, len) = self.pointer_and_length(from);
                self.cross_pair(ty, pass, ptr, len)
            }
            (Pass::Convert(converter), _) => {
                self.get(from[0], FlatType::I32);
                let function = self.env.imports.index(Role::Converter(*converter))?;
                self.body.ins().call(function);
                scalar(self.set_new(FlatType::I32))
            }
            (Pass::Scoped(pass, _), _) => self.cross_flat(ty, *pass, from),
            (pass, _) => Err(Error::mismatch(self.env.spec.types, ty, pass.name())),
        }
    }

    /// Several values, one after the other in the slots.
    pub(super) fn cross_flats(
        &mut self,
        values: impl IntoIterator<Item = (TypeId, PassId)>,
        mut from: &[Slot],
    ) -> Result<Vec<Slot>, Error> {
        let mut to = Vec::with_capacity(from.len());
        for (ty, pass) in values {
            let (slots, rest) = from.split_at(self.flat_types(ty)?.len());
            to.extend(self.cross_flat(ty, pass, slots)?);
            from = rest;
        }
        Ok(to)
    }

    fn cross_flat_cases(
        &mut self,
        ty: TypeId,
        cases: &[Option<TypeId>],
        passes: &[PassId],
        from: &[Slot],
    ) -> Result<Vec<Slot>, Error> {
        let joined = self.flat_types(ty)?;
        let mut to = Vec::with_capacity(joined.len());
        self.get(from[0], FlatType::I32);
        to.push(self.set_new(FlatType::I32));
        // Slots that the selected case does not use are zero.
        for &ty in &joined[1..] {
            self.body.zero(ty);
            to.push(self.set_new(ty));
        }
        self.dispatch(to[0].local, cases, passes, |emitter, payload, pass| {
            let len = emitter.flat_types(payload)?.len();
            let slots = emitter.cross_flat(payload, pass, &from[1..=len])?;
            for (slot, place) in slots.into_iter().zip(&to[1..]) {
                emitter.get(slot, place.ty);
                emitter.body.ins().local_set(place.local);
                emitter.release(slot);
            }
            Ok(())
        })?;
        Ok(to)
    }

    /// A variant of which all payloads cross as bits of their slots.
    fn select_flat_cases(&mut self, ty: TypeId, from: &[Slot]) -> Result<Vec<Slot>, Error> {
        let value = self.env.spec.types.get(ty);
        let Some(masks) = self.env.masks.get(&ty) else {
            return Err(Error::mismatch(self.env.spec.types, ty, "select-cases"));
        };
        self.get(from[0], FlatType::I32);
        let discriminant = self.set_new(FlatType::I32);
        self.check_discriminant(discriminant.local, value.cases().len() as u32)?;
        let mut to = vec![discriminant];
        for (slot, runs) in from[1..].iter().zip(masks) {
            to.push(self.select_bits(discriminant.local, *slot, runs));
        }
        Ok(to)
    }

    /// The bits of a slot that the run of a discriminant keeps.
    fn select_bits(&mut self, discriminant: u32, slot: Slot, runs: &[(u32, u64)]) -> Slot {
        let all = match slot.ty {
            FlatType::I32 | FlatType::F32 => u32::MAX.into(),
            FlatType::I64 | FlatType::F64 => u64::MAX,
        };
        if let [(_, kept)] = runs
            && *kept == all
        {
            return Slot { owned: false, ..slot };
        }
        let is_float = matches!(slot.ty, FlatType::F32 | FlatType::F64);
        if !is_float {
            self.body.ins().local_get(slot.local);
        }
        for &(_, kept) in runs {
            match slot.ty {
                FlatType::I32 => drop(self.body.ins().i32_const(kept as i32)),
                FlatType::I64 => drop(self.body.ins().i64_const(kept as i64)),
                // No payload takes part of a float.
                _ if kept != 0 => drop(self.body.ins().local_get(slot.local)),
                _ => self.body.zero(slot.ty),
            }
        }
        for &(end, _) in runs[..runs.len() - 1].iter().rev() {
            self.body.ins().local_get(discriminant).i32_const(end as i32).i32_lt_u().select();
        }
        match slot.ty {
            FlatType::I32 => drop(self.body.ins().i32_and()),
            FlatType::I64 => drop(self.body.ins().i64_and()),
            FlatType::F32 | FlatType::F64 => {}
        }
        self.set_new(slot.ty)
    }

    /// Pushes a slot's value as the type wanted.
    pub(super) fn get(&mut self, slot: Slot, want: FlatType) {
        self.body.ins().local_get(slot.local);
        self.body.coerce(slot.ty, want);
    }

    /// Pops into a new local.
    pub(super) fn set_new(&mut self, ty: FlatType) -> Slot {
        let local = self.body.local(ty);
        self.body.ins().local_set(local);
        Slot { local, ty, owned: true }
    }

    pub(super) fn release(&mut self, slot: Slot) {
        if slot.owned {
            self.body.release(slot.local, slot.ty);
        }
    }

    /// Drops bits of the `i32` on the stack that no label names.
    pub(super) fn mask(&mut self, labels: u32) {
        if labels < 32 {
            self.body.ins().i32_const(((1u32 << labels) - 1) as i32).i32_and();
        }
    }

    /// The slots of a pointer and a length, as the source side's pointer type.
    fn pointer_and_length(&mut self, from: &[Slot]) -> (Slot, Slot) {
        let want = self.src.width.flat();
        let mut slot = |slot: Slot| {
            if slot.ty == want {
                return Slot { owned: false, ..slot };
            }
            self.get(slot, want);
            self.set_new(want)
        };
        (slot(from[0]), slot(from[1]))
    }

    /// The destination's flattening. Only what is flat on both sides is asked for here.
    fn flat_types(&self, ty: TypeId) -> Result<Vec<FlatType>, Error> {
        Ok(self.env.layouts.flatten(ty, self.dst.width)?.unwrap_or_default().to_vec())
    }
}
