//! `meld inspect`.

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
    let (name, path) = io::input_name(&arguments.input);
    let inspection = inspect::inspect(&name, io::read(path)?)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&inspection)
            .map_err(|e| Failure::file(format!("{path}: {e}")))?;
        io::print(&format!("{json}\n"))?;
    } else {
        io::print(&inspect::text::render(&inspection))?;
    }
    Ok(ExitCode::SUCCESS)
}
