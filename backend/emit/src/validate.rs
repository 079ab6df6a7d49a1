//! The last check: what is not valid does not leave.

use crate::EmitError;
use meld_component::decode::{BodyQueue, DecodeError, features, validate_bodies_of};
use meld_component::guard::guard;
use meld_component::program::{ModuleId, Program};
use wasmparser::types::Types;
use wasmparser::{Chunk, Parser, Payload, ValidPayload, Validator};

/// Validates an output while it is made, function bodies in parallel.
pub struct Check {
    validator: Validator,
    /// Of what is being read, and of what that is nested in.
    parser: Parser,
    outer: Vec<Parser>,
    imports: Vec<String>,
    exports: Vec<String>,
    /// Those of what ended last.
    types: Option<Types>,
    ended: bool,
}

/// What is valid.
pub struct Valid {
    /// Types of the root.
    pub types: Types,
    /// Names of a component's imports.
    pub imports: Vec<String>,
    /// Names of a component's exports.
    pub exports: Vec<String>,
}

impl Default for Check {
    fn default() -> Self {
        Check {
            validator: Validator::new_with_features(features()),
            parser: Parser::new(0),
            outer: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            types: None,
            ended: false,
        }
    }
}

impl Check {
    /// Goes on with these bytes. No section ends later than it begins, but for code sections and what is
    /// nested; and no function body.
    ///
    /// # Errors
    ///
    /// Why the output is not valid.
    pub fn take(&mut self, pieces: &[&[u8]]) -> Result<(), String> {
        let mut bodies = BodyQueue::default();
        for piece in pieces {
            self.parse(piece, false, &mut bodies)?;
        }
        bodies.finish().map_err(|error| error.to_string())
    }

    /// There are no more bytes.
    ///
    /// # Errors
    ///
    /// Why the output is not valid.
    pub fn finish(mut self) -> Result<Valid, String> {
        self.parse(&[], true, &mut BodyQueue::default())?;
        let types = self.types.ok_or("it does not end")?;
        Ok(Valid { types, imports: self.imports, exports: self.exports })
    }

    fn parse<'b>(
        &mut self,
        mut bytes: &'b [u8],
        end: bool,
        bodies: &mut BodyQueue<'b>,
    ) -> Result<(), String> {
        let text = |error: wasmparser::BinaryReaderError| error.to_string();
        while !self.ended && (end || !bytes.is_empty()) {
            let chunk = self.parser.parse(bytes, end).map_err(text)?;
            let Chunk::Parsed { consumed, payload } = chunk else {
                return Err("a section or a function body is cut off".into());
            };
            bytes = &bytes[consumed..];
            match self.validator.payload(&payload).map_err(text)? {
                ValidPayload::Func(func, body) => bodies.push(func, body).map_err(text)?,
                ValidPayload::End(types) => self.types = Some(types),
                ValidPayload::Ok | ValidPayload::Parser(_) => {}
            }
            match payload {
                Payload::ModuleSection { parser, .. }
                | Payload::ComponentSection { parser, .. } => {
                    self.outer.push(std::mem::replace(&mut self.parser, parser));
                }
                Payload::End(_) => match self.outer.pop() {
                    Some(parser) => self.parser = parser,
                    None => self.ended = true,
                },
                Payload::ComponentImportSection(section) if self.outer.is_empty() => {
                    for import in section {
                        self.imports.push(import.map_err(text)?.name.name.into());
                    }
                }
                Payload::ComponentExportSection(section) if self.outer.is_empty() => {
                    for export in section {
                        self.exports.push(export.map_err(text)?.name.name.into());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Function bodies of the inputs that are valid if the output is: those it is made of.
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

    /// Validates all other bodies of a program's inputs, where that has not been done.
    ///
    /// # Errors
    ///
    /// The first that is invalid.
    pub fn validate_others(&self, program: &Program) -> Result<(), DecodeError> {
        if !program.unvalidated {
            return Ok(());
        }
        let none = Vec::new();
        validate_bodies_of(program, |module| self.0.get(module.index()).unwrap_or(&none))
    }
}

/// Writes a program by `write`. What goes wrong on the way with a function body of an input that has
/// not been validated and is not valid is the input's fault, and reported as that.
///
/// # Errors
///
/// Those of `write`, and [`EmitError::Input`].
pub fn with_validation<T>(
    program: &Program,
    write: impl FnOnce() -> Result<T, EmitError>,
) -> Result<T, EmitError> {
    if !program.unvalidated {
        return write();
    }
    let output = guard(write).unwrap_or_else(|panic| {
        Err(EmitError::Invalid(format!("it could not be written: {panic}")))
    });
    if output.is_err() {
        Written::default().validate_others(program)?;
    }
    output
}
