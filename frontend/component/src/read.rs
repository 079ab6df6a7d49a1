//! Inputs to a [`Program`].

use crate::compose::{self, ComposeError};
use crate::core_modules::{self, CoreLinkError};
use crate::decode::{self, Bodies, DecodeError};
use crate::link::{self, LinkError};
use crate::names;
use crate::program::Program;
use bytes::Bytes;
use wasmparser::Parser;

/// A WebAssembly binary: a component or a core module.
#[derive(Clone, Debug)]
pub struct Input {
    /// What it is called, in messages and in imports of core modules: the stem of its file, or
    /// what the user says.
    pub name: String,
    /// The whole binary. It stays where it was read, however often it is shared.
    pub bytes: Bytes,
}

/// Why inputs do not make a program.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to fuse.
    #[error("there is no input")]
    Empty,
    /// Components and core modules do not link with each other.
    #[error(
        "core modules ({}) and components ({}) cannot be fused together; make components of the core modules first",
        names::list(.modules), names::list(.components)
    )]
    Mixed {
        /// The inputs that are core modules.
        modules: Vec<String>,
        /// The inputs that are not.
        components: Vec<String>,
    },
    /// An input is not valid.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Components do not plug together.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The component cannot be linked.
    #[error("{input}: {error}")]
    Link {
        /// The input, or the root of the composition.
        input: String,
        /// Why.
        error: LinkError,
    },
    /// Core modules do not link.
    #[error(transparent)]
    CoreLink(#[from] CoreLinkError),
}

/// Reads, composes and links: all inputs are components, or all are core modules.
///
/// # Errors
///
/// If an input is malformed or invalid, or the inputs do not fit together.
pub fn read(inputs: &[Input]) -> Result<Program, Error> {
    read_with(inputs, Bodies::Now)
}

/// Reads as [`read`] does, but validates everything except function bodies, which is most of the work. Who writes a program that is [`Program::unvalidated`]
/// validates the bodies that it writes as part of its output, and the rest with
/// [`decode::validate_bodies_of`], so that no body is validated twice and none is not.
///
/// # Errors
///
/// As [`read`], but for bodies.
pub fn read_deferred(inputs: &[Input]) -> Result<Program, Error> {
    read_with(inputs, Bodies::Later)
}

fn read_with(inputs: &[Input], bodies: Bodies) -> Result<Program, Error> {
    let is_core = |input: &&Input| Parser::is_core_wasm(&input.bytes);
    let (modules, components): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(is_core);
    if !modules.is_empty() && !components.is_empty() {
        let names = |inputs: Vec<&Input>| inputs.iter().map(|input| input.name.clone()).collect();
        return Err(Error::Mixed { modules: names(modules), components: names(components) });
    }
    let mut program = if !modules.is_empty() {
        let mut reader = decode::Reader::new(bodies);
        let modules =
            modules.into_iter().map(|input| reader.core(&input.name, input.bytes.clone()));
        core_modules::link(modules.collect::<Result<_, _>>()?)?
    } else if inputs.is_empty() {
        return Err(Error::Empty);
    } else {
        // wac-graph says little of a broken input, takes some for whole and may hand one on:
        // whatever went wrong then, the one that is broken by itself is to blame.
        let (component, made_of) = compose::composed(inputs)
            .map_err(Error::from)
            .and_then(|(input, made_of)| {
                Ok((decode::component_with(&input.name, input.bytes, bodies)?, made_of))
            })
            .map_err(|error| if inputs.len() == 1 { error } else { blamed(inputs, error) })?;
        let mut program =
            link::link(&component).map_err(|error| Error::Link { input: component.name, error })?;
        program.composed = made_of;
        program
    };
    program.unvalidated = bodies == Bodies::Later;
    Ok(program)
}

/// What several inputs are to blame for, given what composing them, or reading the composition, ended in:
/// the first that cannot be read by itself, or how they fit together.
fn blamed(inputs: &[Input], error: Error) -> Error {
    let components = match decode::components(inputs) {
        Ok(components) => components,
        Err(broken) => return broken.into(),
    };
    match error {
        Error::Decode(DecodeError { message, .. }) => {
            compose::misfit(inputs, &components).unwrap_or(ComposeError::Encode { message }).into()
        }
        Error::Compose(error @ ComposeError::Encode { .. }) => {
            compose::misfit(inputs, &components).unwrap_or(error).into()
        }
        error => error,
    }
}
