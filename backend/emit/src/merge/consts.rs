//! Constant expressions, independent of the module they come from.
//!
//! A constant expression may read an immutable global. After merging that global may be defined
//! in the same module, where only the GC proposal lets it be read, and only if it stands earlier.
//! So a read is replaced by a copy of the global's own initial value wherever a copy is the same:
//! integers are computed, other values are copied as instructions. What has identity (a new
//! struct or array) is not copied; then the global is read, and globals are ordered for it.

use super::link::{Const, Constant, Item, Linked};
use super::{Kind, MergeError};
use wasmparser::{ConstExpr, Operator};

/// Longest copy of an initial value, in pieces. It bounds what chains of globals that add each
/// other up can grow to; longer values are read from their global.
const LONGEST_COPY: usize = 16;

/// A part of a constant expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An integer.
    Int(Const),
    /// `global.get` of an item id.
    Global(u32),
    /// Any other instruction: a range of the bytes of an instance's module.
    Code { instance: u32, start: u32, end: u32 },
}

/// A constant expression, without its `end`.
#[derive(Clone, Debug, Default)]
pub struct Expr {
    pub pieces: Vec<Piece>,
    /// Evaluating it twice gives the same value.
    pub copyable: bool,
}

impl Expr {
    /// The expression's value, when it is an integer that is known now.
    pub fn int(&self) -> Option<Const> {
        match self.pieces[..] {
            [Piece::Int(value)] => Some(value),
            _ => None,
        }
    }

    /// Whether it reads a global that an instance defines.
    pub fn reads_defined(&self, linked: &Linked<'_>) -> bool {
        let globals = &linked.items[Kind::Global];
        self.pieces.iter().any(|piece| {
            matches!(piece, Piece::Global(id) if matches!(globals[*id as usize], Item::Defined(..)))
        })
    }

    /// The expression's value as a table or memory offset.
    pub fn offset(&self) -> Option<u64> {
        self.int().map(|value| match value {
            Const::I32(value) => u64::from(value as u32),
            Const::I64(value) => value as u64,
        })
    }
}

/// The initial values of all globals that instances define.
#[derive(Default)]
pub struct Inits {
    /// By item id; absent for host items and constants.
    exprs: Vec<Option<Expr>>,
    /// Item ids of defined globals, such that each comes after those that its value reads.
    pub order: Vec<u32>,
}

impl Inits {
    /// Computes all initial values.
    pub fn new(linked: &Linked<'_>) -> Result<Self, MergeError> {
        let items = &linked.items[Kind::Global];
        let mut inits = Inits { exprs: vec![None; items.len()], order: Vec::new() };
        // Depth first, with a stack of our own: chains may be long. The second visit of an entry
        // finds all that it reads computed.
        let mut entered = vec![false; items.len()];
        let mut stack = Vec::new();
        for root in 0..items.len() as u32 {
            stack.push(root);
            while let Some(&id) = stack.last() {
                let Item::Defined(instance, index) = items[id as usize] else {
                    stack.pop();
                    continue;
                };
                if inits.exprs[id as usize].is_some() {
                    stack.pop();
                    continue;
                }
                let expr = &linked.modules[instance as usize].globals[index as usize].init_expr;
                let unread = unread_globals(linked, &inits, instance, expr)?;
                if unread.is_empty() {
                    let resolved = inits.resolve(linked, instance, expr)?;
                    inits.exprs[id as usize] = Some(resolved);
                    inits.order.push(id);
                    stack.pop();
                } else if std::mem::replace(&mut entered[id as usize], true) {
                    return Err(MergeError::GlobalCycle {
                        instance: linked.names[instance as usize].into(),
                        global: index,
                    });
                } else {
                    stack.extend(unread.into_iter().rev());
                }
            }
        }
        Ok(inits)
    }

    /// The initial value of a defined global.
    pub fn get(&self, id: u32) -> Option<&Expr> {
        self.exprs[id as usize].as_ref()
    }

    /// A constant expression of an instance's module, with reads of globals replaced.
    pub fn resolve(
        &self,
        linked: &Linked<'_>,
        instance: u32,
        expr: &ConstExpr<'_>,
    ) -> Result<Expr, MergeError> {
        if let Some(value) = one_constant(expr) {
            return Ok(Expr { pieces: vec![Piece::Int(value)], copyable: true });
        }
        let mut resolved = Expr { pieces: Vec::new(), copyable: true };
        let mut stack = IntStack::default();
        for_each_operator(linked, instance, expr, |operator, start, end| {
            match operator {
                Operator::GlobalGet { global_index } => {
                    let id = linked.id(instance, Kind::Global, *global_index)?;
                    self.read_global(linked, instance, id, &mut resolved.pieces)?;
                }
                Operator::I32Const { value } => {
                    resolved.pieces.push(Piece::Int(Const::I32(*value)));
                }
                Operator::I64Const { value } => {
                    resolved.pieces.push(Piece::Int(Const::I64(*value)));
                }
                other => {
                    resolved.copyable &= copies_are_equal(other);
                    resolved.pieces.push(Piece::Code { instance, start, end });
                }
            }
            stack.step(operator, resolved.pieces.last());
            Ok(())
        })?;
        if let Some(value) = stack.value() {
            resolved.pieces = vec![Piece::Int(value)];
        }
        Ok(resolved)
    }

    fn read_global(
        &self,
        linked: &Linked<'_>,
        instance: u32,
        id: u32,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), MergeError> {
        match linked.items[Kind::Global][id as usize] {
            Item::Const(index) => match linked.consts[index as usize] {
                Constant::Value(value) => pieces.push(Piece::Int(value)),
                Constant::MemoryIndex(..) => {
                    let message = "a constant expression reads the index of a memory";
                    return Err(MergeError::malformed(linked.names[instance as usize], message));
                }
            },
            Item::Host(_) => pieces.push(Piece::Global(id)),
            Item::Defined(owner, index) => {
                let global = &linked.modules[owner as usize].globals[index as usize];
                if global.ty.mutable {
                    let message = "a constant expression reads a mutable global";
                    return Err(MergeError::malformed(linked.names[instance as usize], message));
                }
                match self.get(id) {
                    Some(value) if value.copyable && value.pieces.len() <= LONGEST_COPY => {
                        pieces.extend_from_slice(&value.pieces);
                    }
                    _ => pieces.push(Piece::Global(id)),
                }
            }
        }
        Ok(())
    }
}

/// Defined globals that an expression reads and whose values are not computed yet.
fn unread_globals(
    linked: &Linked<'_>,
    inits: &Inits,
    instance: u32,
    expr: &ConstExpr<'_>,
) -> Result<Vec<u32>, MergeError> {
    let mut unread = Vec::new();
    for_each_operator(linked, instance, expr, |operator, _, _| {
        if let Operator::GlobalGet { global_index } = operator {
            let id = linked.id(instance, Kind::Global, *global_index)?;
            let defined = matches!(linked.items[Kind::Global][id as usize], Item::Defined(..));
            if defined && inits.get(id).is_none() {
                unread.push(id);
            }
        }
        Ok(())
    })?;
    Ok(unread)
}

/// The value of an expression that is one constant, as nearly all are.
fn one_constant(expr: &ConstExpr<'_>) -> Option<Const> {
    let mut reader = expr.get_operators_reader();
    let value = match reader.read().ok()? {
        Operator::I32Const { value } => Const::I32(value),
        Operator::I64Const { value } => Const::I64(value),
        _ => return None,
    };
    reader.is_end_then_eof().then_some(value)
}

/// Calls `each` with every operator before the final `end`, and its range in the module.
fn for_each_operator(
    linked: &Linked<'_>,
    instance: u32,
    expr: &ConstExpr<'_>,
    mut each: impl FnMut(&Operator<'_>, u32, u32) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let malformed = |error| MergeError::malformed(linked.names[instance as usize], error);
    let mut reader = expr.get_operators_reader();
    while !reader.is_end_then_eof() {
        let start = reader.original_position() as u32;
        let operator = reader.read().map_err(malformed)?;
        each(&operator, start, reader.original_position() as u32)?;
    }
    Ok(())
}

/// The operator gives the same value each time: it makes nothing that has identity.
fn copies_are_equal(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::V128Const { .. }
            | Operator::I32Add
            | Operator::I32Sub
            | Operator::I32Mul
            | Operator::I64Add
            | Operator::I64Sub
            | Operator::I64Mul
            | Operator::RefNull { .. }
            | Operator::RefFunc { .. }
            | Operator::RefI31
    )
}

/// Computes integers while an expression is read. Unknown as soon as anything else occurs.
#[derive(Default)]
struct IntStack {
    values: Vec<Const>,
    unknown: bool,
}

impl IntStack {
    /// An operator, and the last piece that was written for it.
    fn step(&mut self, operator: &Operator<'_>, piece: Option<&Piece>) {
        use Const::{I32, I64};
        if self.unknown {
            return;
        }
        let value = match (operator, piece) {
            (
                Operator::GlobalGet { .. } | Operator::I32Const { .. } | Operator::I64Const { .. },
                Some(Piece::Int(value)),
            ) => Some(*value),
            _ => match (self.values.pop(), self.values.pop(), operator) {
                (Some(I32(b)), Some(I32(a)), Operator::I32Add) => Some(I32(a.wrapping_add(b))),
                (Some(I32(b)), Some(I32(a)), Operator::I32Sub) => Some(I32(a.wrapping_sub(b))),
                (Some(I32(b)), Some(I32(a)), Operator::I32Mul) => Some(I32(a.wrapping_mul(b))),
                (Some(I64(b)), Some(I64(a)), Operator::I64Add) => Some(I64(a.wrapping_add(b))),
                (Some(I64(b)), Some(I64(a)), Operator::I64Sub) => Some(I64(a.wrapping_sub(b))),
                (Some(I64(b)), Some(I64(a)), Operator::I64Mul) => Some(I64(a.wrapping_mul(b))),
                _ => None,
            },
        };
        match value {
            Some(value) => self.values.push(value),
            None => self.unknown = true,
        }
    }

    fn value(&self) -> Option<Const> {
        match self.values[..] {
            [value] if !self.unknown => Some(value),
            _ => None,
        }
    }
}
