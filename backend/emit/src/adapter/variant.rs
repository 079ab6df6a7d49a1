//! Dispatch on discriminants, for variants, options and results.

use super::call::Emitter;
use super::{Error, PassId, trap};
use indexmap::IndexSet;
use meld_component::types::TypeId;
use wasm_encoder::BlockType;

impl Emitter<'_, '_> {
    /// Traps unless the `i32` local is less than the number of cases.
    pub(super) fn check_discriminant(
        &mut self,
        discriminant: u32,
        cases: u32,
    ) -> Result<(), Error> {
        let trap = self.trap(trap::INVALID_DISCRIMINANT)?;
        self.body.ins().local_get(discriminant).i32_const(cases as i32).i32_ge_u();
        self.body.trap_if(trap);
        Ok(())
    }

    /// Checks a discriminant and emits one arm for each distinct payload and pass; what needs no
    /// arm costs an entry of a table.
    pub(super) fn dispatch(
        &mut self,
        discriminant: u32,
        cases: &[Option<TypeId>],
        passes: &[PassId],
        mut arm: impl FnMut(&mut Self, TypeId, PassId) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let payloads: Vec<_> =
            cases.iter().zip(passes).map(|(ty, &pass)| ty.map(|ty| (ty, pass))).collect();
        match payloads[..] {
            [first, second] => {
                self.check_discriminant(discriminant, 2)?;
                if first == second {
                    return first.map_or(Ok(()), |(ty, pass)| arm(self, ty, pass));
                }
                self.body.ins().local_get(discriminant);
                if second.is_none() {
                    self.body.ins().i32_eqz();
                }
                self.body.ins().if_(BlockType::Empty);
                let (then, otherwise) = match second {
                    Some(second) => (Some(second), first),
                    None => (first, None),
                };
                if let Some((ty, pass)) = then {
                    arm(self, ty, pass)?;
                }
                if let Some((ty, pass)) = otherwise {
                    self.body.ins().else_();
                    arm(self, ty, pass)?;
                }
                self.body.ins().end();
                Ok(())
            }
            _ => {
                let arms: IndexSet<_> = payloads.iter().flatten().copied().collect();
                if arms.is_empty() {
                    return self.check_discriminant(discriminant, cases.len() as u32);
                }
                let (invalid, done) = (arms.len() as u32, arms.len() as u32 + 1);
                for _ in 0..arms.len() + 2 {
                    self.body.ins().block(BlockType::Empty);
                }
                let targets: Vec<u32> = payloads
                    .iter()
                    .map(|case| {
                        case.map_or(done, |case| arms.get_index_of(&case).unwrap_or(0) as u32)
                    })
                    .collect();
                self.body.ins().local_get(discriminant).br_table(targets, invalid).end();
                for (i, &(ty, pass)) in arms.iter().enumerate() {
                    arm(self, ty, pass)?;
                    self.body.ins().br(done - 1 - i as u32).end();
                }
                let trap = self.trap(trap::INVALID_DISCRIMINANT)?;
                self.body.ins().call(trap).unreachable().end();
                Ok(())
            }
        }
    }
}
