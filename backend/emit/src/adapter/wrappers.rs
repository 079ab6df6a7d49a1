//! Small functions around one other: they trap, or forward with a look at a flag or for exceptions.

use super::body::Body;
use super::module::{Defined, Imports, core_type, encode};
use super::{Error, Generated, Role, Which, trap};
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
    body.ins().call(0).unreachable();
    Ok(module(&imports, core_type(&signature), body.finish()?))
}

/// A host function as something that can be exported: a module that imports [`Role::Callee`], of
/// the lowered signature, and exports it again. It has no code.
pub fn imported(types: &Types, func: &FuncType, width: PtrWidth) -> Result<Generated, Error> {
    let signature = Layouts::new(types).core_signature(func, Direction::Lower, width)?;
    Ok(encode(&callee(&core_type(&signature)), Vec::new()))
}

/// A function of the lowered signature that traps if the flag of [`Which::Caller`] is down, and
/// is [`Role::Callee`] otherwise. Without a flag it only forwards.
pub fn check_leave(
    types: &Types,
    func: &FuncType,
    width: PtrWidth,
    flag: bool,
) -> Result<Generated, Error> {
    let signature = Layouts::new(types).core_signature(func, Direction::Lower, width)?;
    let ty = core_type(&signature);
    let mut imports = callee(&ty);
    let mut body = Body::new(ty.0.len());
    if flag {
        let roles = BTreeSet::from([Role::Trap(trap::CANNOT_LEAVE), Role::Flag(Which::Caller)]);
        imports.extend(&roles, |_| width.into(), |_| Which::Caller);
        body.ins().global_get(imports.index(Role::Flag(Which::Caller))).i32_eqz();
        body.trap_if(imports.index(Role::Trap(trap::CANNOT_LEAVE)));
    }
    forward(&mut body, &ty.0);
    Ok(module(&imports, ty, body.finish()?))
}

/// A post-return function, [`Role::Callee`], with the flag of [`Which::Callee`] down while it
/// runs. Without a flag it only forwards.
pub fn lower_leave(
    types: &Types,
    func: &FuncType,
    width: PtrWidth,
    flag: bool,
) -> Result<Generated, Error> {
    let ty = Around::PostReturn.core_type(types, func, width)?;
    let mut imports = callee(&ty);
    let mut body = Body::new(ty.0.len());
    if flag {
        imports.flag(Role::Flag(Which::Callee));
        body.ins().i32_const(0).global_set(0);
    }
    forward(&mut body, &ty.0);
    if flag {
        body.ins().i32_const(1).global_set(0);
    }
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
        body.ins().i64_const(0).global_set(imports.index(Role::Slot(slot)));
    }
    forward(&mut body, &ty.0);
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
    imports.func(Role::Trap(trap::UNCAUGHT_EXCEPTION), vec![], vec![]);
    // A lifted function has one flat result at most.
    let result = match ty.1.first() {
        Some(result) => BlockType::Result(*result),
        None => BlockType::Empty,
    };
    let mut body = Body::new(ty.0.len());
    body.ins().block(BlockType::Empty);
    body.ins().try_table(result, [Catch::All { label: 0 }]);
    forward(&mut body, &ty.0);
    body.ins().end().return_().end().call(1).unreachable();
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
    imports.func(Role::Trap(trap::CANNOT_ENTER), vec![], vec![]);
    imports.flag(Role::MayEnter);
    let mut body = Body::new(ty.0.len());
    body.ins().global_get(0).i32_eqz();
    body.trap_if(1);
    body.ins().i32_const(0).global_set(0);
    forward(&mut body, &ty.0);
    // What was returned stays on the stack below.
    body.ins().i32_const(1).global_set(0);
    Ok(module(&imports, ty, body.finish()?))
}

/// [`Role::Callee`], of this type, as the first import.
fn callee((params, results): &(Vec<ValType>, Vec<ValType>)) -> Imports {
    let mut imports = Imports::default();
    imports.func(Role::Callee, params.clone(), results.clone());
    imports
}

fn forward(body: &mut Body, params: &[ValType]) {
    for i in 0..params.len() {
        body.ins().local_get(i as u32);
    }
    body.ins().call(0);
}

fn module(imports: &Imports, ty: (Vec<ValType>, Vec<ValType>), body: Function) -> Generated {
    encode(imports, vec![Defined { name: "meld:wrapper".into(), ty, body }])
}
