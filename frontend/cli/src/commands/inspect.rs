//! `meld inspect`.

use super::common::json;
use crate::exit::Failure;
use crate::io;
use clap::Args;
use meld::inspect;
use std::process::ExitCode;

/// Arguments of `meld inspect`.
#[derive(Args)]
pub struct Arguments {
    /// A component, a core module, or what meld made of one; `-` is standard input.
    #[arg(value_name = "FILE")]
    input: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let (name, path) = io::input_name(&arguments.input)?;
    let bytes = meld::binary(io::origin(path), io::read(path)?)?;
    let inspection = inspect::inspect(&name, bytes)?;
    if arguments.json {
        io::print(&json(&inspection)?)?;
    } else {
        io::print(&inspect::text::render(&inspection))?;
    }
    Ok(ExitCode::SUCCESS)
}
