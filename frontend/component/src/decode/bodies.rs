//! Function bodies: validated in parallel, when an input is read or later.

use super::place::Reading;
use super::{DecodeError, features};
use crate::guard::guard;
use crate::program::{ModuleId, Program};
use rayon::prelude::*;
use wasmparser::{
    BinaryReaderError, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload,
    ValidPayload, Validator, ValidatorResources,
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

/// Validates the function bodies of a program's inputs, but for those that `valid` marks: of a module,
/// by their position among the functions that it defines. Everything else must be valid.
///
/// # Errors
///
/// The first body that is invalid.
pub fn validate_bodies_of<'v>(
    program: &Program,
    valid: impl Fn(ModuleId) -> &'v [bool],
) -> Result<(), DecodeError> {
    for (module, id) in program.modules.iter().zip(0..) {
        let valid = valid(ModuleId(id));
        let is_valid = |position: usize| valid.get(position) == Some(&true);
        if (0..module.bodies.len()).all(is_valid) {
            continue;
        }
        let input = &program.inputs[module.input as usize];
        let invalid = |offset: usize, message: &str| {
            DecodeError::new(&input.name, &input.bytes, Some((offset, Reading::Body)), message)
        };
        let start = module.range.start;
        guard(|| validate_module(&input.bytes[module.range.clone()], start, is_valid))
            .map_err(|panic| {
                invalid(start, &format!("the validator cannot cope with it: {panic}"))
            })?
            .map_err(|error| invalid(error.offset(), error.message()))?;
    }
    Ok(())
}

/// Validates the bodies of a module that stands at `offset` in its input, but for those that are valid.
fn validate_module(
    bytes: &[u8],
    offset: usize,
    is_valid: impl Fn(usize) -> bool,
) -> Result<(), BinaryReaderError> {
    let mut validator = Validator::new_with_features(features());
    let mut parser = Parser::new(offset as u64);
    parser.set_features(features());
    let mut queue = BodyQueue::default();
    let mut positions = 0..;
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        // Nothing behind the bodies has to do with them.
        if let Payload::DataSection(_) = payload {
            break;
        }
        if let ValidPayload::Func(func, body) = validator.payload(&payload)?
            && positions.next().is_some_and(|position| !is_valid(position))
        {
            queue.push(func, body)?;
        }
    }
    queue.finish()
}
