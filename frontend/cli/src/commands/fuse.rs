//! `meld fuse`.

use super::common::{ExplainArguments, FuserArguments, warn_of};
use crate::exit::Failure;
use crate::io::{self, Output};
use crate::progress::Progress;
use clap::Args;
use meld::emit::EmitError;
use meld::{Form, FuseError};
use std::io::Write as _;
use std::process::ExitCode;

/// Arguments of `meld fuse`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    fuser: FuserArguments,
    /// Where to write: a file, or `-` for standard output (the default without `--explain`).
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Write a core module, host imports named as wit-component names them.
    #[arg(long)]
    core: bool,
    /// Write text instead of a binary.
    #[arg(long)]
    wat: bool,
    #[command(flatten)]
    explain: ExplainArguments,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let form = if arguments.core { Form::Core } else { Form::Component };
    // Not beside anything that allocates: both change the process's memory map, and wait for each other.
    let (fuser, size) = arguments.fuser.fuser(form, arguments.explain.all())?;
    let progress = Progress::start(format!("fusing {:.1} MB", size as f64 / 1e6));
    let mut program = None;
    // Rules stay on this thread, where memory grows in larger steps.
    let rules = rayon::in_place_scope(|scope| {
        scope.spawn(|_| program = Some(fuser.read_deferred()));
        arguments.fuser.rules()
    })?;
    let program = program.expect("the scope waits for it")?;
    let mut decided = fuser.decide_for(program, &rules)?;
    // Inputs that were composed lie in the composition, too, and are not read any more.
    drop(fuser);
    let why_not = arguments.explain.why_not(&decided)?;
    let output = match &arguments.output {
        Some(path) => Some(path.as_str()),
        None if arguments.explain.is_asked() => None,
        None => Some("-"),
    };
    // Also without an output: an explanation of what cannot be written would mislead.
    let (report, explanation) = match output {
        None => {
            let report = decided.emit_to(&mut std::io::sink())?;
            decided.note(&report);
            let explanation = arguments.explain.text(&decided, why_not);
            (report, explanation)
        }
        Some(path) => {
            let mut file = Output::open(path);
            let report = if arguments.wat {
                let emitted = decided.emit()?;
                let text = wasmprinter::print_bytes(&emitted.bytes)
                    .map_err(|e| Failure::refused(format!("the output cannot be printed: {e}")))?;
                file.write_all(text.as_bytes()).map_err(|e| unwritten(path, &e))?;
                emitted.report
            } else {
                decided.emit_to(&mut file).map_err(|error| match error {
                    FuseError::Emit(EmitError::Write(e)) => unwritten(path, &e),
                    error => error.into(),
                })?
            };
            decided.note(&report);
            let explanation = arguments.explain.text(&decided, why_not);
            file.complete()?;
            (report, explanation)
        }
    };
    drop(progress);
    warn_of(&rules);
    // The process ends: to give back one by one what was allocated takes a while.
    std::mem::forget(decided);
    std::mem::forget(rules);
    for warning in &report.warnings {
        io::complain(&format!("warning: {warning}\n"));
    }
    match explanation {
        Some(text) if output == Some("-") => io::complain(&text),
        Some(text) => io::print(&text)?,
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn unwritten(path: &str, error: &std::io::Error) -> Failure {
    Failure::file(format!("{path}: {error}"))
}
