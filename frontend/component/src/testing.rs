//! What tests inside this crate share.

use crate::program::Program;
use crate::read::{Error, Input, read};

/// An input from text.
fn input(name: &str, wat: &str) -> Input {
    let bytes = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    Input { name: name.to_string(), bytes: bytes.into() }
}

/// Reads inputs, each by name and text.
pub fn read_all(inputs: &[(&str, impl AsRef<str>)]) -> Result<Program, Error> {
    let inputs = inputs.iter().map(|(name, wat)| input(name, wat.as_ref()));
    read(&inputs.collect::<Vec<_>>())
}

/// Links a component.
pub fn component(wat: &str) -> Program {
    let Input { name, bytes } = input("test", wat);
    let component = crate::decode::component(&name, bytes).expect("decodes");
    crate::link(&component).expect("links")
}
