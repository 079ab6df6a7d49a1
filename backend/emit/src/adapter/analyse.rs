//! What an adapter will need, found before any code is emitted: which imports, which passes are
//! wrong for their types, and which translations are large enough to be functions of their own.

use super::{AdapterSpec, Error, Pass, PassId, Role, Side, SideSpec, trap};
use meld_component::types::{TypeId, ValueType};
use std::collections::{BTreeSet, HashMap};

/// Passes are nested at most this deep. wasmparser accepts types of depth 100.
pub(super) const MAX_DEPTH: u32 = 256;

/// Translations of more steps than this are functions of their own.
const OUTLINE: u32 = 64;
/// Steps of a call of such a function.
const CALL: u32 = 4;
/// Steps of a list, without its elements.
const LIST: u32 = 16;

/// What the values that cross in one direction need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Steps of translating a type by a pass in memory.
    weights: HashMap<(TypeId, PassId), u32>,
    /// There are lists, so memories and allocation are needed.
    pub lists: bool,
    /// Functions that passes name, and traps.
    pub imports: BTreeSet<Role>,
}

impl Needs {
    /// What is called when the callee has returned.
    pub fn ends(&self) -> impl Iterator<Item = Role> + '_ {
        self.imports.iter().copied().filter(|role| matches!(role, Role::End(_)))
    }

    /// Whether this translation in memory is a function of its own.
    pub fn is_outlined(&self, ty: TypeId, pass: PassId) -> bool {
        self.weights.get(&(ty, pass)).is_some_and(|&weight| weight > OUTLINE)
    }

    /// Analyses the values that cross together, and checks that every pass goes with its type.
    pub fn of(spec: &AdapterSpec<'_>, types: &[TypeId], passes: &[PassId]) -> Result<Needs, Error> {
        let mut needs = Needs::default();
        count(types.len(), passes.len())?;
        for (&ty, &pass) in types.iter().zip(passes) {
            needs.visit(spec, ty, pass)?;
        }
        Ok(needs)
    }

    /// The steps of a translation where it is used.
    fn visit(&mut self, spec: &AdapterSpec<'_>, ty: TypeId, id: PassId) -> Result<u32, Error> {
        let inline = |weight: u32| if weight > OUTLINE { CALL } else { weight };
        if let Some(&weight) = self.weights.get(&(ty, id)) {
            return Ok(inline(weight));
        }
        let pass = &spec.passes[id.0 as usize];
        let value = spec.types.get(ty);
        use ValueType::*;
        let weight = match (pass, value) {
            (Pass::Keep, U32 | S32 | U64 | S64 | F32 | F64) => 1,
            (Pass::Normalise, Bool | U8 | S8 | U16 | S16) => 1,
            (Pass::Mask, Flags(_)) => 1,
            (Pass::CheckChar, Char) => {
                self.imports.insert(Role::Trap(trap::INVALID_CHAR));
                4
            }
            (Pass::CheckCase, Enum(_)) => {
                self.imports.insert(Role::Trap(trap::INVALID_DISCRIMINANT));
                2
            }
            (Pass::Fields(passes), Record(fields) | Tuple(fields)) => {
                count(fields.len(), passes.len())?;
                let mut sum = 1u32;
                for (&ty, &pass) in fields.iter().zip(passes) {
                    sum = sum.saturating_add(self.visit(spec, ty, pass)?);
                }
                sum
            }
            (
                Pass::Cases(passes) | Pass::SelectCases(passes),
                Variant(_) | Option(_) | Result(..),
            ) => {
                self.imports.insert(Role::Trap(trap::INVALID_DISCRIMINANT));
                let cases = value.cases();
                count(cases.len(), passes.len())?;
                let mut sum = 4u32;
                for (ty, &pass) in cases.into_iter().zip(passes) {
                    let weight = match (ty, &spec.passes[pass.0 as usize]) {
                        (Some(ty), _) => self.visit(spec, ty, pass)?,
                        (None, Pass::Keep) => 0,
                        (None, pass) => {
                            return Err(Error::Mismatch { ty: "_".into(), pass: pass.name() });
                        }
                    };
                    sum = sum.saturating_add(weight);
                }
                sum
            }
            (Pass::Repeat(pass), FixedList(element, _)) => {
                self.visit(spec, *element, *pass)?.saturating_mul(4).saturating_add(4)
            }
            (Pass::Copy, List(_)) => {
                self.needs_lists();
                LIST
            }
            (Pass::CopyBy(copier), List(_)) => {
                self.needs_lists();
                self.imports.insert(Role::Copier(*copier));
                LIST
            }
            (Pass::Each(pass), List(element)) => {
                self.needs_lists();
                self.visit(spec, *element, *pass)?.saturating_add(LIST)
            }
            (Pass::Text(transcoder), String) => {
                self.imports.insert(Role::Transcoder(*transcoder));
                4
            }
            (Pass::Convert(converter), Own(_) | Borrow(_)) => {
                self.imports.insert(Role::Converter(*converter));
                4
            }
            (Pass::Scoped(pass, end), _) => {
                self.imports.insert(Role::End(*end));
                self.visit(spec, ty, *pass)?
            }
            (pass, _) => return Err(Error::mismatch(spec.types, ty, pass.name())),
        };
        self.weights.insert((ty, id), weight);
        Ok(inline(weight))
    }

    fn needs_lists(&mut self) {
        self.lists = true;
        self.imports.extend(
            [trap::UNALIGNED_POINTER, trap::LIST_TOO_LONG, trap::LIST_OUT_OF_BOUNDS]
                .map(Role::Trap),
        );
    }

    /// Checks that the sides have what values need that cross from `from`, and adds the imports.
    pub fn require(
        &mut self,
        spec: &AdapterSpec<'_>,
        from: Side,
        spilled: bool,
    ) -> Result<(), Error> {
        if spilled {
            self.imports
                .extend([trap::UNALIGNED_POINTER, trap::POINTER_OUT_OF_BOUNDS].map(Role::Trap));
        }
        if spilled || self.lists {
            for side in [from, from.other()] {
                if spec.side(side).memory.is_none() {
                    return Err(Error::NoMemory(side));
                }
                self.imports.insert(Role::Memory(side));
            }
        }
        // Results are spilled into memory that the caller points to.
        if self.lists || (spilled && from == Side::Caller) {
            let to = from.other();
            let SideSpec { allocate: true, .. } = spec.side(to) else {
                return Err(Error::NoAllocate(to));
            };
            self.imports.insert(Role::Allocate(to));
        }
        Ok(())
    }
}

/// Checks that passes contain only earlier ones, and not too deep: what walks them may recurse.
pub(super) fn check_passes(passes: &[Pass]) -> Result<(), Error> {
    let mut depths: Vec<u32> = Vec::with_capacity(passes.len());
    for pass in passes {
        let parts: &[PassId] = match pass {
            Pass::Fields(parts) | Pass::Cases(parts) | Pass::SelectCases(parts) => parts,
            Pass::Repeat(part) | Pass::Each(part) | Pass::Scoped(part, _) => {
                std::slice::from_ref(part)
            }
            _ => &[],
        };
        let mut depth = 1;
        for part in parts {
            match depths.get(part.0 as usize) {
                Some(inner) => depth = depth.max(inner + 1),
                None => {
                    return Err(Error::Term {
                        term: pass.name().into(),
                        why: "it contains a pass that stands after it".into(),
                    });
                }
            }
        }
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        depths.push(depth);
    }
    Ok(())
}

fn count(expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Count { expected, found }) }
}
