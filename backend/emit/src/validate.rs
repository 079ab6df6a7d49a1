//! The last check: what is not valid does not leave.

use crate::EmitError;
use meld_component::decode::{features, validate_bodies};
use wasmparser::{Parser, ValidPayload, Validator};

/// Validates a core module, function bodies in parallel.
///
/// # Errors
///
/// [`EmitError::Invalid`].
pub fn validate(bytes: &[u8]) -> Result<(), EmitError> {
    let invalid = |e: wasmparser::BinaryReaderError| EmitError::Invalid(e.to_string());
    let mut validator = Validator::new_with_features(features());
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            bodies.push((function, body));
        }
    }
    validate_bodies(bodies).map_err(invalid)
}
