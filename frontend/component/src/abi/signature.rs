//! Core signatures of lifted and lowered functions (Canonical ABI, "Flattening").

use super::{AbiError, FlatType, Layouts, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrWidth};
use crate::program::{CanonicalOptions, CoreFuncType};
use crate::types::FuncType;

/// Which side of a function a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The core function that `canon lift` wraps.
    Lift,
    /// The core function that `canon lower` makes.
    Lower,
}

/// How parameters or results pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// As core values.
    Flat,
    /// In memory, as the fields of one tuple. A pointer to it is passed: for parameters it is
    /// the only parameter. For results a lifted function returns it, and a lowered function has
    /// it as an additional last parameter and returns nothing.
    Memory,
}

/// The core signature of a synchronous lift or lower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSignature {
    /// The core function's type.
    pub ty: CoreFuncType,
    /// How the parameters pass.
    pub params: Passing,
    /// How the result passes.
    pub results: Passing,
}

/// The core signature of a function that is lifted or lowered with `options`, synchronously.
///
/// Without a memory the pointer width is 32 bits.
pub fn core_signature(
    layouts: &Layouts<'_>,
    func: &FuncType,
    direction: Direction,
    options: &CanonicalOptions,
) -> Result<CoreSignature, AbiError> {
    if options.async_ {
        return Err(AbiError::Async);
    }
    let ptr = PtrWidth::of(options.memory64);
    let (mut params, params_pass) = match layouts.flatten_all(&func.params, ptr, MAX_FLAT_PARAMS) {
        Some(flat) => (flat, Passing::Flat),
        None => {
            layouts.tuple(&func.params, ptr)?;
            (vec![ptr.flat()], Passing::Memory)
        }
    };
    let result = func.result.as_slice();
    let (results, results_pass) = match layouts.flatten_all(result, ptr, MAX_FLAT_RESULTS) {
        Some(flat) => (flat, Passing::Flat),
        None => {
            layouts.tuple(result, ptr)?;
            let pointer = match direction {
                Direction::Lift => vec![ptr.flat()],
                Direction::Lower => {
                    params.push(ptr.flat());
                    Vec::new()
                }
            };
            (pointer, Passing::Memory)
        }
    };
    let core = |flat: Vec<FlatType>| flat.into_iter().map(Into::into).collect();
    let ty = CoreFuncType { params: core(params), results: core(results) };
    Ok(CoreSignature { ty, params: params_pass, results: results_pass })
}
