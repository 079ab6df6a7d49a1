//! Variants of which every payload crosses as some bits of its core values.

use crate::abi::MAX_FLAT_PARAMS;
use crate::types::{TypeId, Types, ValueType};
use std::collections::HashMap;

/// For each core value of a variant's payloads, the runs of cases that have the same bits in it: one
/// behind the last case of a run, and its bits.
pub type Masks = Vec<Vec<(u32, u64)>>;

/// The masks of each variant, option and result whose payloads are numbers without a sign to extend,
/// flags, and records and tuples of such, few enough to be passed flat.
pub fn masks(types: &Types) -> HashMap<TypeId, Masks> {
    use ValueType::*;
    // The bits of each core value of a payload.
    let mut kept: HashMap<TypeId, Vec<u64>> = HashMap::new();
    let mut found = HashMap::new();
    for (id, ty) in types.iter() {
        let bits = match ty {
            U8 => Some(vec![u8::MAX.into()]),
            U16 => Some(vec![u16::MAX.into()]),
            U32 | S32 | F32 => Some(vec![u32::MAX.into()]),
            U64 | S64 | F64 => Some(vec![u64::MAX]),
            Flags(labels @ 1..=32) => Some(vec![(1 << labels) - 1]),
            Record(fields) | Tuple(fields) => {
                let mut bits = fields.iter().map(|field| kept.get(field));
                bits.try_fold(Vec::new(), |mut all, more| {
                    all.extend_from_slice(more?);
                    (all.len() < MAX_FLAT_PARAMS).then_some(all)
                })
            }
            Variant(_) | Option(_) | Result(..) => {
                found.extend(masks_of(&ty.cases(), &kept).map(|masks| (id, masks)));
                None
            }
            _ => None,
        };
        // A type's parts come before it.
        kept.extend(bits.map(|bits| (id, bits)));
    }
    found
}

/// The masks of a variant with these payloads.
fn masks_of(cases: &[Option<TypeId>], kept: &HashMap<TypeId, Vec<u64>>) -> Option<Masks> {
    let payloads: Vec<&[u64]> = cases
        .iter()
        .map(|payload| match payload {
            Some(ty) => kept.get(ty).map(Vec::as_slice),
            None => Some(&[][..]),
        })
        .collect::<Option<_>>()?;
    let slots = payloads.iter().map(|bits| bits.len()).max().unwrap_or(0);
    let runs = (0..slots).map(|slot| {
        let mut runs: Vec<(u32, u64)> = Vec::new();
        for (end, bits) in (1..).zip(&payloads) {
            let bits = bits.get(slot).copied().unwrap_or(0);
            match runs.last_mut() {
                Some((last, same)) if *same == bits => *last = end,
                _ => runs.push((end, bits)),
            }
        }
        runs
    });
    Some(runs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_cases_have_the_same_bits() {
        use ValueType::*;
        let mut types = Types::default();
        let u8_ = types.intern(U8);
        let s8 = types.intern(S8);
        let u32_ = types.intern(U32);
        let f32_ = types.intern(F32);
        let u64_ = types.intern(U64);
        let pair = types.intern(Tuple(vec![u8_, u64_]));
        let mut check = |ty: ValueType, expect: std::option::Option<Masks>| {
            let id = types.intern(ty.clone());
            assert_eq!(masks(&types).remove(&id), expect, "{ty:?}");
        };
        let (word, all) = (u64::from(u32::MAX), u64::MAX);
        check(Variant(vec![None, None]), Some(vec![]));
        check(
            Variant(vec![None, Some(u32_), Some(f32_), Some(u64_)]),
            Some(vec![vec![(1, 0), (3, word), (4, all)]]),
        );
        check(Option(pair), Some(vec![vec![(1, 0), (2, 255)], vec![(1, 0), (2, all)]]));
        check(Result(Some(u8_), Some(u8_)), Some(vec![vec![(2, 255)]]));
        check(Option(s8), None);
        check(Tuple(vec![u8_]), None);
    }
}
