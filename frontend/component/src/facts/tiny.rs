//! Functions of guests that are hardly larger than a call of them.

use super::bodies::{Bodies, Function, exported_function};
use crate::program::{CoreItem, FuncDef, Program};
use std::collections::BTreeSet;
use wasmparser::Operator;

/// Bytes of the largest such body.
const MOST_BYTES: usize = 64;

/// Functions among those that components lift or allocate with whose bodies are short and have no
/// loop.
#[derive(Clone, Debug, Default)]
pub struct Tiny(BTreeSet<Function>);

impl Tiny {
    /// Whether an item is such a function.
    pub fn contains(&self, program: &Program, item: &CoreItem) -> bool {
        exported_function(program, item).is_some_and(|function| self.0.contains(&function))
    }
}

/// Finds them. What cannot be read is none.
pub fn tiny(program: &Program) -> Tiny {
    let lifted = program.funcs.iter().filter_map(|func| match &func.def {
        FuncDef::Lift { core, .. } => Some(core),
        FuncDef::Host(_) => None,
    });
    let reallocs = program.options.iter().filter_map(|options| options.realloc.as_ref());
    let functions: BTreeSet<Function> =
        lifted.chain(reallocs).filter_map(|item| exported_function(program, item)).collect();
    let mut bodies = Bodies::new(program);
    let mut is_tiny = |function: &Function| {
        let body = bodies.module(function.0).and_then(|module| module.body(function.1));
        body.is_some_and(|body| {
            let range = body.range();
            range.len() <= MOST_BYTES
                && body.get_operators_reader().is_ok_and(|operators| {
                    let mut operators = operators.into_iter();
                    operators
                        .all(|operator| !matches!(operator, Err(_) | Ok(Operator::Loop { .. })))
                })
        })
    };
    Tiny(functions.into_iter().filter(|function| is_tiny(function)).collect())
}
