//! Small functions around one other: they trap, or forward with a look at a flag or for exceptions.

use super::body::{Body, Bytes};
use super::module::{Defined, Imports, core_type, encode};
use super::{Error, Generated, Role, Side, trap};
use meld_component::abi::{Direction, Layouts, PtrWidth};
use meld_component::types::{FuncType, Types};
use std::collections::BTreeSet;
use wasm_encoder::{BlockType, Catch, Function, ValType};

/// A function of the lowered signature that calls [`Role::Callee`], a function that traps.
///
/// # Errors
///
/// If a type has no layout; the same for the functions below.
pub fn always(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let signature = Layouts::new(types).core_signature(func, Direction::Lower, width)?;
    let mut imports = Imports::default();
    imports.func(Role::Callee, vec![], vec![]);
    let mut body = Body::new(signature.params.len());
    body.ins().call(imports.index(Role::Callee)?).unreachable();
    Ok(module(&imports, core_type(&signature), body.finish()?))
}

/// A host function as something that can be exported: a module that imports [`Role::Callee`], of
/// the lowered signature, and exports it again. It has no code.
pub fn imported(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let signature = Layouts::new(types).core_signature(func, Direction::Lower, width)?;
    Ok(encode(&callee(&core_type(&signature)), Vec::new()))
}

/// A function of the lowered signature that traps if the flag of [`Side::Caller`] is down, and
/// is [`Role::Callee`] otherwise.
pub fn check_leave(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let signature = Layouts::new(types).core_signature(func, Direction::Lower, width)?;
    let ty = core_type(&signature);
    let mut imports = callee(&ty);
    imports.trap(trap::CANNOT_LEAVE);
    imports.flag(Role::Flag(Side::Caller));
    let mut body = Body::new(ty.0.len());
    body.ins().global_get(imports.index(Role::Flag(Side::Caller))?).i32_eqz();
    body.trap_if(imports.index(Role::Trap(trap::CANNOT_LEAVE))?);
    forward(&mut body, &imports, &ty.0)?;
    Ok(module(&imports, ty, body.finish()?))
}

/// A post-return function, [`Role::Callee`], with the flag of [`Side::Callee`] down while it
/// runs.
pub fn without_leave(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let ty = Around::PostReturn.core_type(types, func, width)?;
    let mut imports = callee(&ty);
    imports.flag(Role::Flag(Side::Callee));
    let flag = imports.index(Role::Flag(Side::Callee))?;
    let mut body = Body::new(ty.0.len());
    body.ins().i32_const(0).global_set(flag);
    forward(&mut body, &imports, &ty.0)?;
    body.ins().i32_const(1).global_set(flag);
    Ok(module(&imports, ty, body.finish()?))
}

/// A function of the lifted signature that is [`Role::Callee`], of the lowered one. Where the
/// result is in memory, it is allocated by [`Role::Allocate`] of [`Side::Caller`].
pub fn as_lifted(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let layouts = Layouts::new(types);
    let lower = layouts.core_signature(func, Direction::Lower, width)?;
    let ty = Around::Function.core_type(types, func, width)?;
    let mut imports = callee(&core_type(&lower));
    let mut body = Body::new(ty.0.len());
    let result = match func.result {
        Some(result) if lower.results_spilled => {
            let allocate = Role::Allocate(Side::Caller);
            imports.extend(&BTreeSet::from([allocate]), |_| width.into(), |_| Side::Caller);
            let layout = layouts.layout(result, width)?;
            let bytes = Bytes::Const(layout.size);
            Some(body.allocate(width, imports.index(allocate)?, layout.align, bytes))
        }
        _ => None,
    };
    for local in (0..ty.0.len() as u32).chain(result) {
        body.ins().local_get(local);
    }
    body.ins().call(imports.index(Role::Callee)?);
    if let Some(result) = result {
        body.ins().local_get(result);
    }
    Ok(module(&imports, ty, body.finish()?))
}

/// A post-return function that calls [`Role::Callee`], which has neither parameters nor results.
pub fn discard(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let ty = Around::PostReturn.core_type(types, func, width)?;
    let imports = callee(&(vec![], vec![]));
    let mut body = Body::new(ty.0.len());
    body.ins().call(imports.index(Role::Callee)?);
    Ok(module(&imports, ty, body.finish()?))
}

/// A function of the lifted signature that clears both slots of a context, and is then
/// [`Role::Callee`].
pub fn clear_context(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let ty = Around::Function.core_type(types, func, width)?;
    let mut imports = callee(&ty);
    let mut body = Body::new(ty.0.len());
    for slot in 0..2 {
        imports.slot(slot);
        body.ins().i64_const(0).global_set(imports.index(Role::Slot(slot))?);
    }
    forward(&mut body, &imports, &ty.0)?;
    Ok(module(&imports, ty, body.finish()?))
}

/// What a wrapper on the lifting side is around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// The core function that is lifted.
    Function,
    /// Its post-return function: its parameters are the core results of the lifted signature.
    PostReturn,
}

impl Around {
    fn core_type(
        self,
        types: &Types,
        func: &FuncType,
        width: PtrWidth,
    ) -> Result<(Vec<ValType>, Vec<ValType>), Error> {
        let signature = Layouts::new(types).core_signature(func, Direction::Lift, width)?;
        let (params, results) = core_type(&signature);
        Ok(match self {
            Around::Function => (params, results),
            Around::PostReturn => (results, Vec::new()),
        })
    }
}

/// [`Role::Callee`], with a call of [`Role::Trap`] when an exception escapes from it (Canonical
/// ABI, `call_and_trap_on_throw`).
pub fn catch_all(
    types: &Types,
    func: &FuncType,
    width: PtrWidth,
    around: Around,
) -> Result<Generated, Error> {
    let ty = around.core_type(types, func, width)?;
    let mut imports = callee(&ty);
    imports.trap(trap::UNCAUGHT_EXCEPTION);
    // A lifted function has one flat result at most.
    let result = match ty.1.first() {
        Some(result) => BlockType::Result(*result),
        None => BlockType::Empty,
    };
    let mut body = Body::new(ty.0.len());
    body.ins().block(BlockType::Empty);
    body.ins().try_table(result, [Catch::All { label: 0 }]);
    forward(&mut body, &imports, &ty.0)?;
    let trap = imports.index(Role::Trap(trap::UNCAUGHT_EXCEPTION))?;
    body.ins().end().return_().end().call(trap).unreachable();
    Ok(module(&imports, ty, body.finish()?))
}

/// [`Role::Callee`], after a check of [`Role::MayEnter`], which is down while it runs and stays
/// so if it does not return (Canonical ABI, "Component Instances").
pub fn enter(
    types: &Types,
    func: &FuncType,
    width: PtrWidth,
    around: Around,
) -> Result<Generated, Error> {
    let ty = around.core_type(types, func, width)?;
    let mut imports = callee(&ty);
    imports.trap(trap::CANNOT_ENTER);
    imports.flag(Role::MayEnter);
    let flag = imports.index(Role::MayEnter)?;
    let mut body = Body::new(ty.0.len());
    body.ins().global_get(flag).i32_eqz();
    body.trap_if(imports.index(Role::Trap(trap::CANNOT_ENTER))?);
    body.ins().i32_const(0).global_set(flag);
    forward(&mut body, &imports, &ty.0)?;
    // What was returned stays on the stack below.
    body.ins().i32_const(1).global_set(flag);
    Ok(module(&imports, ty, body.finish()?))
}

/// [`Role::Callee`], of this type, as the first import.
fn callee((params, results): &(Vec<ValType>, Vec<ValType>)) -> Imports {
    let mut imports = Imports::default();
    imports.func(Role::Callee, params.clone(), results.clone());
    imports
}

fn forward(body: &mut Body, imports: &Imports, params: &[ValType]) -> Result<(), Error> {
    for i in 0..params.len() {
        body.ins().local_get(i as u32);
    }
    body.ins().call(imports.index(Role::Callee)?);
    Ok(())
}

fn module(imports: &Imports, ty: (Vec<ValType>, Vec<ValType>), body: Function) -> Generated {
    encode(imports, vec![Defined { name: "meld:wrapper".into(), ty, body }])
}
