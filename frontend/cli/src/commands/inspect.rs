//! `meld inspect`.

use super::common::{FuserArguments, json};
use crate::exit::Failure;
use crate::io;
use clap::Args;
use meld::{Form, inspect};
use std::process::ExitCode;

/// Arguments of `meld inspect`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    fuser: FuserArguments,
    /// Decide for a core module.
    #[arg(long)]
    core: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let form = if arguments.core { Form::Core } else { Form::Component };
    let (fuser, _) = arguments.fuser.fuser(form, false)?;
    let inspection = inspect::inspect(&fuser)?;
    if arguments.json {
        io::print(&json(&inspection)?)?;
    } else {
        io::print(&inspect::text::render(&inspection))?;
    }
    Ok(ExitCode::SUCCESS)
}
