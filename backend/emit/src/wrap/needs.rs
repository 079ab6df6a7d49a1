//! Which canonical options a component function needs when it is lowered or lifted
//! (Canonical ABI, "Flattening" and "canonopt Validation").

use super::WrapError;
use meld_component::abi::{Layouts, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrWidth};
use meld_component::program::{FuncDef, HostFuncId, Program};
use meld_component::types::{FuncTypeId, TypeId, ValueType};

/// The options without which a lift or a lower would be invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
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

/// Answers what the functions at a program's border need.
pub(super) struct NeedsOf<'a> {
    program: &'a Program,
    layouts: Layouts<'a>,
    /// The types that contain strings, and those that contain strings or lists, by [`TypeId`].
    strings: Vec<bool>,
    pointers: Vec<bool>,
    /// The types of host functions, by [`HostFuncId`].
    hosts: Vec<Option<FuncTypeId>>,
}

impl<'a> NeedsOf<'a> {
    pub fn new(program: &'a Program) -> Self {
        let (mut strings, mut pointers) = (Vec::new(), Vec::new());
        for (_, ty) in program.types.iter() {
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
        let mut hosts = vec![None; program.host_funcs.len()];
        for func in &program.funcs {
            if let FuncDef::Host(host) = func.def
                && let Some(slot) = hosts.get_mut(host.index())
            {
                *slot = Some(func.ty);
            }
        }
        NeedsOf { program, layouts: Layouts::new(&program.types), strings, pointers, hosts }
    }

    /// What lowering a host function needs of the module that imports it.
    pub fn lower(&self, host: HostFuncId) -> Result<Needs, WrapError> {
        let ty = self.hosts.get(host.index()).copied().flatten();
        let ty = ty.ok_or_else(|| WrapError::Internal(format!("{host} is no function")))?;
        let (params, results) = self.crossings(ty);
        Ok(Needs {
            memory: params.spilled || params.pointers || results.spilled || results.pointers,
            realloc: results.pointers,
            strings: params.strings || results.strings,
        })
    }

    /// What lifting a core function as this root export needs of the module that exports it.
    pub fn lift(&self, export: usize) -> Result<Needs, WrapError> {
        let export = self.program.root_exports.get(export);
        let func = export.and_then(|export| self.program.funcs.get(export.func.index()));
        let func =
            func.ok_or_else(|| WrapError::Internal("a root export is no function".into()))?;
        let (params, results) = self.crossings(func.ty);
        let allocated = params.spilled || params.pointers;
        Ok(Needs {
            memory: allocated || results.spilled || results.pointers,
            realloc: allocated,
            strings: params.strings || results.strings,
        })
    }

    fn crossings(&self, ty: FuncTypeId) -> (Crossing, Crossing) {
        let ty = self.program.types.func(ty);
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
