//! How large what is called is: bodies of guests' functions, and what adapters bring across.

use super::bodies::{Bodies, Function, exported_function};
use super::trampolines::Trampolines;
use crate::program::{CoreItem, FuncDef, Program};
use crate::types::{FuncType, TypeId, Types, ValueType};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasmparser::Operator;

/// What a string, or a list of elements of which every bit pattern is valid, counts.
const AREA: usize = 4;

/// Bytes of the largest body that is looked at: as many as rules may ask for (`meld.inline`).
const LARGEST: usize = 4096;

/// Bytes of the bodies without loops, and of at most [`LARGEST`], among functions that components lift,
/// allocate with or run after a call, and of those without calls, too, among functions that instances import
/// from others, be it by way of some that only pass on.
#[derive(Clone, Debug, Default)]
pub struct BodySizes(BTreeMap<Function, usize>);

impl BodySizes {
    /// How many bytes the body of an item has, if it is such a function.
    pub fn get(&self, program: &Program, item: &CoreItem) -> Option<usize> {
        self.0.get(&exported_function(program, item)?).copied()
    }
}

/// Measures them. What cannot be read has none.
pub fn body_sizes(program: &Program, trampolines: &Trampolines) -> BodySizes {
    let lifted = program.funcs.iter().flat_map(|func| match &func.def {
        FuncDef::Lift { core, post_return, .. } => [Some(core), post_return.as_ref()],
        FuncDef::Host(_) => [None, None],
    });
    let reallocs = program.options.iter().filter_map(|options| options.realloc.as_ref());
    let imports = program.instances.iter().flat_map(|instance| &instance.imports);
    let called = imports.map(|item| trampolines.end(program, item));
    let measured = lifted.flatten().chain(reallocs).map(|item| (item, false));
    // Whether only a leaf is of interest: libraries have thousands of imports, and what calls others is seldom
    // so short that a call of it matters.
    let mut functions: BTreeMap<Function, bool> = BTreeMap::new();
    for (item, leaf) in called.map(|item| (item, true)).chain(measured) {
        functions.extend(exported_function(program, item).map(|function| (function, leaf)));
    }
    let mut bodies = Bodies::new(program);
    let mut size = |function: Function, leaf| {
        let body = bodies.module(function.0).and_then(|module| module.body(function.1))?;
        if body.range().len() > LARGEST {
            return None;
        }
        for operator in body.get_operators_reader().ok()? {
            let operator = operator.ok()?;
            if matches!(operator, Operator::Loop { .. }) || leaf && calls(&operator) {
                return None;
            }
        }
        Some(body.range().len())
    };
    let sizes = functions.into_iter().filter_map(|(f, leaf)| Some((f, size(f, leaf)?)));
    BodySizes(sizes.collect())
}

fn calls(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Call { .. }
            | CallIndirect { .. }
            | CallRef { .. }
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | ReturnCallRef { .. }
    )
}

/// For each type how many values cross: 1 for a number, a handle and a discriminant, [`AREA`] for a string
/// or list of elements in `any_bits`; of a variant, the values of all cases. None where there are other
/// lists, and for handles of other things than resources.
pub fn values(types: &Types, any_bits: &BTreeSet<TypeId>) -> HashMap<TypeId, usize> {
    use ValueType::*;
    let mut found: HashMap<TypeId, usize> = HashMap::new();
    for (id, ty) in types.iter() {
        // A type's parts come before it.
        let parts = || {
            let parts = ty.parts();
            let mut counts = parts.iter().map(|part| found.get(part));
            counts.try_fold(0usize, |sum, count| Some(sum.saturating_add(*count?)))
        };
        let count = match ty {
            Bool | S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | F32 | F64 | Char | Enum(_)
            | Flags(_) | Own(_) | Borrow(_) => Some(1),
            String => Some(AREA),
            List(element) => any_bits.contains(element).then_some(AREA),
            Record(_) | Tuple(_) => parts(),
            Variant(_) | Option(_) | Result(..) => parts().map(|sum| sum.saturating_add(1)),
            FixedList(..) | Stream(_) | Future(_) | ErrorContext => None,
        };
        found.extend(count.map(|count| (id, count)));
    }
    found
}

/// The same of the parameters and the result of a function.
pub fn values_of(values: &HashMap<TypeId, usize>, func: &FuncType) -> Option<usize> {
    let mut counts = func.params.iter().chain(&func.result).map(|ty| values.get(ty));
    counts.try_fold(0usize, |sum, count| Some(sum.saturating_add(*count?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::any_bits;

    #[test]
    fn values_of_all_cases_count() {
        use ValueType::*;
        let mut types = Types::default();
        let u8_ = types.intern(U8);
        let bool_ = types.intern(Bool);
        let string = types.intern(String);
        let bytes = types.intern(List(u8_));
        let bools = types.intern(List(bool_));
        let option = types.intern(Option(string));
        let own = types.intern(Own(crate::program::ResourceId(0)));
        let variant = types.intern(Variant([vec![Some(bytes); 20], vec![None; 20]].concat()));
        let values = values(&types, &any_bits(&types));
        let check = |params: &[TypeId], result: std::option::Option<TypeId>, expect| {
            let func = FuncType { async_: false, params: params.to_vec(), result };
            assert_eq!(values_of(&values, &func), expect, "{func:?}");
        };
        check(&[], None, Some(0));
        check(&[u8_; 4], Some(u8_), Some(5));
        check(&[bytes], Some(string), Some(8));
        check(&[bools], None, None);
        check(&[option], Some(u8_), Some(6));
        check(&[own, own], Some(own), Some(3));
        check(&[variant], None, Some(81));
    }

    /// A type of 2^40 numbers, that shares all it can.
    #[test]
    fn shared_types_are_counted_once() {
        let mut types = Types::default();
        let mut ty = types.intern(ValueType::U8);
        for _ in 0..40 {
            ty = types.intern(ValueType::Tuple(vec![ty; 2]));
        }
        let values = values(&types, &BTreeSet::new());
        assert_eq!(values[&ty], 1 << 40);
    }
}
