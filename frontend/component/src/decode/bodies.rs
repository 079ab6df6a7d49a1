//! Function bodies: validated in parallel, when an input is read or later.

use super::{DecodeError, features};
use crate::guard::guard;
use crate::program::{ModuleId, Program};
use crate::read::Input;
use rayon::prelude::*;
use std::collections::HashMap;
use wasmparser::{
    BinaryReaderError, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser,
    Payload, ValidPayload, Validator, ValidatorResources,
};

/// Bytes of bodies that are validated together. Waiting, a body takes more memory than a small
/// one has bytes.
const BATCH: usize = 1 << 20;

/// Function bodies that wait to be validated, in parallel, some at a time.
#[derive(Default)]
pub struct BodyQueue<'a> {
    waiting: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
    bytes: usize,
}

impl<'a> BodyQueue<'a> {
    /// Adds a body, and validates those that wait when they are enough.
    ///
    /// # Errors
    ///
    /// If a body is invalid. Of all errors in bodies, in the order in which they were added, the
    /// first, so that it does not depend on the threads.
    pub fn push(
        &mut self,
        func: FuncToValidate<ValidatorResources>,
        body: FunctionBody<'a>,
    ) -> Result<(), BinaryReaderError> {
        self.bytes += body.range().len();
        self.waiting.push((func, body));
        if self.bytes < BATCH {
            return Ok(());
        }
        self.validate()
    }

    /// Validates what still waits.
    ///
    /// # Errors
    ///
    /// As [`BodyQueue::push`].
    pub fn finish(mut self) -> Result<(), BinaryReaderError> {
        self.validate()
    }

    fn validate(&mut self) -> Result<(), BinaryReaderError> {
        self.bytes = 0;
        let first = self
            .waiting
            .par_drain(..)
            .map_init(FuncValidatorAllocations::default, |allocations, (func, body)| {
                let mut validator = func.into_validator(std::mem::take(allocations));
                let result = validator.validate(&body);
                *allocations = validator.into_allocations();
                result
            })
            .filter_map(Result::err)
            .min_by_key(BinaryReaderError::offset);
        first.map_or(Ok(()), Err)
    }
}

/// Validates the function bodies of a program's inputs, but for those that `skip` names by their
/// module and their position among the functions that it defines.
///
/// # Errors
///
/// The first body that is invalid.
pub fn validate_bodies_of(
    program: &Program,
    skip: impl Fn(ModuleId, usize) -> bool,
) -> Result<(), DecodeError> {
    let modules: HashMap<(u32, usize), ModuleId> = program
        .modules
        .iter()
        .zip(0..)
        .map(|(module, id)| ((module.input, module.range.start), ModuleId(id)))
        .collect();
    for (input, number) in program.inputs.iter().zip(0..) {
        let invalid = |offset, message: &str| DecodeError {
            input: input.name.clone(),
            offset,
            message: message.to_string(),
            refused: false,
        };
        let skip = |start: usize, position: usize| {
            modules.get(&(number, start)).is_some_and(|&module| skip(module, position))
        };
        guard(|| validate_input(input, skip))
            .map_err(|panic| invalid(None, &format!("the validator cannot cope with it: {panic}")))?
            .map_err(|error| invalid(Some(error.offset()), error.message()))?;
    }
    Ok(())
}

/// Validates bodies of one input. `skip` gets the offset of their module, and their position.
fn validate_input(
    input: &Input,
    skip: impl Fn(usize, usize) -> bool,
) -> Result<(), BinaryReaderError> {
    let mut validator = Validator::new_with_features(features());
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut queue = BodyQueue::default();
    let (mut start, mut position) = (0, 0);
    for payload in parser.parse_all(&input.bytes) {
        let payload = payload?;
        if let Payload::Version { encoding: Encoding::Module, range, .. } = &payload {
            (start, position) = (range.start, 0);
        }
        if let ValidPayload::Func(func, body) = validator.payload(&payload)? {
            if !skip(start, position) {
                queue.push(func, body)?;
            }
            position += 1;
        }
    }
    queue.finish()
}
