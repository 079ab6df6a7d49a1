//! Which canonical options a component function needs when it is lowered or lifted
//! (Canonical ABI, "Flattening" and "canonopt Validation").

use crate::abi::{Layouts, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrWidth};
use crate::types::{FuncTypeId, TypeId, Types, ValueType};

/// The options without which a lift or a lower would be invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Values cross through linear memory.
    pub memory: bool,
    /// Something must be allocated in the memory.
    pub realloc: bool,
    /// There are strings among the values, so their encoding matters.
    pub strings: bool,
}

/// How parameters or results cross.
struct Crossing {
    pointers: bool,
    /// There are too many core values, so that all are in memory.
    spilled: bool,
    strings: bool,
}

/// Answers what functions of the types of one table need.
pub struct NeedsOf<'a> {
    types: &'a Types,
    layouts: Layouts<'a>,
    /// The types that contain strings, and those that contain strings or lists, by [`TypeId`].
    strings: Vec<bool>,
    pointers: Vec<bool>,
}

impl<'a> NeedsOf<'a> {
    /// Looks at all types of a table.
    pub fn new(types: &'a Types) -> Self {
        let (mut strings, mut pointers) = (Vec::new(), Vec::new());
        for (_, ty) in types.iter() {
            // The elements of a stream or future do not cross with it.
            let parts = match ty {
                ValueType::Stream(_) | ValueType::Future(_) => Vec::new(),
                _ => ty.parts(),
            };
            let is_string = matches!(ty, ValueType::String);
            let is_pointer = matches!(ty, ValueType::String | ValueType::List(_));
            strings.push(is_string || parts.iter().any(|ty| strings[ty.0 as usize]));
            pointers.push(is_pointer || parts.iter().any(|ty| pointers[ty.0 as usize]));
        }
        NeedsOf { types, layouts: Layouts::new(types), strings, pointers }
    }

    /// What lowering a function needs of the module that calls it.
    pub fn lower(&self, ty: FuncTypeId) -> Needs {
        let (params, results) = self.crossings(ty);
        Needs {
            memory: params.spilled || params.pointers || results.spilled || results.pointers,
            realloc: results.pointers,
            strings: params.strings || results.strings,
        }
    }

    /// What lifting a core function as one of this type needs of the module that exports it.
    pub fn lift(&self, ty: FuncTypeId) -> Needs {
        let (params, results) = self.crossings(ty);
        let allocated = params.spilled || params.pointers;
        Needs {
            memory: allocated || results.spilled || results.pointers,
            realloc: allocated,
            strings: params.strings || results.strings,
        }
    }

    fn crossings(&self, ty: FuncTypeId) -> (Crossing, Crossing) {
        let ty = self.types.func(ty);
        let results = ty.result.as_slice();
        (self.crossing(&ty.params, MAX_FLAT_PARAMS), self.crossing(results, MAX_FLAT_RESULTS))
    }

    /// How many core values the types are flattened to, which does not depend on the width of
    /// pointers; none if one alone is more than can be flat.
    fn flat_count(&self, types: &[TypeId]) -> Option<usize> {
        types.iter().try_fold(0, |sum, &ty| {
            let flat = self.layouts.flatten(ty, PtrWidth::W32).ok()??;
            Some(sum + flat.len())
        })
    }

    fn crossing(&self, types: &[TypeId], max: usize) -> Crossing {
        Crossing {
            pointers: types.iter().any(|ty| self.pointers[ty.0 as usize]),
            spilled: self.flat_count(types).is_none_or(|count| count > max),
            strings: types.iter().any(|ty| self.strings[ty.0 as usize]),
        }
    }
}
