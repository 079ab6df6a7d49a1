//! The last check: what is not valid does not leave.

use crate::EmitError;
use meld_component::decode::{BodyQueue, DecodeError, features, validate_bodies_of};
use meld_component::guard::guard;
use meld_component::program::{ModuleId, Program};
use wasmparser::{Parser, ValidPayload, Validator};

/// Validates a core module, function bodies in parallel.
///
/// # Errors
///
/// [`EmitError::Invalid`].
pub fn validate(bytes: &[u8]) -> Result<(), EmitError> {
    let invalid = |e: wasmparser::BinaryReaderError| EmitError::Invalid(e.to_string());
    let mut validator = Validator::new_with_features(features());
    let mut bodies = BodyQueue::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            bodies.push(function, body).map_err(invalid)?;
        }
    }
    bodies.finish().map_err(invalid)
}

/// Function bodies of the inputs that are valid because the output is: those it was made of.
#[derive(Default)]
pub struct Written(Vec<Vec<bool>>);

impl Written {
    /// Adds the functions of a module, of which an instance has those that are `kept`.
    pub fn add(&mut self, module: ModuleId, kept: &[bool]) {
        if self.0.len() <= module.index() {
            self.0.resize_with(module.index() + 1, Vec::new);
        }
        let written = &mut self.0[module.index()];
        written.resize(kept.len(), false);
        for (written, kept) in written.iter_mut().zip(kept) {
            *written |= kept;
        }
    }

    fn has(&self, module: ModuleId, position: usize) -> bool {
        self.0.get(module.index()).and_then(|module| module.get(position)) == Some(&true)
    }
}

/// Writes a program, `write` being given where to note what it wrote. Where bodies of its inputs
/// have not been validated, it is seen to that all are: in the output, or else in the inputs. What
/// goes wrong with an invalid body on the way is the input's fault, and reported as that.
///
/// # Errors
///
/// Those of `write`, and [`EmitError::Input`].
pub fn with_validation<T>(
    program: &Program,
    write: impl FnOnce(&mut Written) -> Result<T, EmitError>,
) -> Result<T, EmitError> {
    let mut written = Written::default();
    if !program.unvalidated {
        return write(&mut written);
    }
    let output = guard(|| write(&mut written)).unwrap_or_else(|panic| {
        Err(EmitError::Invalid(format!("it could not be written: {panic}")))
    });
    let none = |_: ModuleId, _: usize| false;
    let rest: Result<(), DecodeError> = match &output {
        Ok(_) => validate_bodies_of(program, |module, position| written.has(module, position)),
        Err(_) => validate_bodies_of(program, none),
    };
    rest?;
    output
}
