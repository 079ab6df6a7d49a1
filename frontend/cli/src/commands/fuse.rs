//! `meld fuse`.

use crate::exit::Failure;
use crate::io;
use crate::progress::Progress;
use clap::{Args, ValueEnum};
use meld::{Decided, Form, Fuser, Weight};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `meld fuse`.
#[derive(Args)]
pub struct Arguments {
    /// Components that fit together, or core modules. `-` is standard input, `NAME=PATH` gives an
    /// input a name of its own.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Where to write: a file, or `-` for standard output (the default without `--explain`).
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Write a core module, host imports named as wit-component names them.
    #[arg(long)]
    core: bool,
    /// Write text instead of a binary.
    #[arg(long)]
    wat: bool,
    /// What decisions weigh.
    #[arg(short = 'O', value_enum, default_value = "speed", value_name = "WEIGHT")]
    weight: WeightArgument,
    #[command(flatten)]
    packs: PackArguments,
    /// Grant an assumption that rules may rest on.
    #[arg(long, value_name = "NAME")]
    assume: Vec<String>,
    /// Take a rule out.
    #[arg(long, value_name = "RULE")]
    disable: Vec<String>,
    /// Say why each import became what it is; with a text, only for ports that contain it.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    explain: Option<String>,
    /// Say where a rule matched and which guard refused.
    #[arg(long, value_name = "RULE")]
    why_not: Option<String>,
    /// The form of `--explain` and `--why-not`.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    explain_format: ExplainFormat,
}

/// Which packs are in force.
#[derive(Args)]
pub struct PackArguments {
    /// Add a pack file, or a folder of packs.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Leave out the standard packs; the vocabulary stays.
    #[arg(long)]
    no_default_rules: bool,
    /// Set a constant of a pack.
    #[arg(long, value_name = "CONST=VALUE")]
    set: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum WeightArgument {
    /// Fewer instructions on the way of a call.
    Speed,
    /// Fewer bytes.
    Size,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum ExplainFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl PackArguments {
    /// The same for the library.
    pub fn options(&self) -> Result<meld::packs::PackOptions, Failure> {
        let mut constants = Vec::new();
        for set in &self.set {
            let Some((name, value)) = set.split_once('=') else {
                return Err(Failure::arguments(format!(
                    "`--set {set}` is not `CONST=VALUE`, for example `--set streams.slots=64`"
                )));
            };
            constants.push((name.to_string(), value.to_string()));
        }
        Ok(meld::packs::PackOptions {
            paths: self.rules.clone(),
            no_default_rules: self.no_default_rules,
            constants,
        })
    }
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let (fuser, size) = fuser(&arguments)?;
    let progress = Progress::start(format!("fusing {:.1} MB", size as f64 / 1e6));
    let rules = fuser.load_rules()?;
    let decided = fuser.decide(&rules)?;
    let explanation = explanation(&arguments, &decided)?;
    let output = match &arguments.output {
        Some(path) => Some(path.as_str()),
        None if explanation.is_some() => None,
        None => Some("-"),
    };
    // Also without an output: an explanation of what cannot be written would mislead.
    let emitted = decided.emit()?;
    drop(progress);
    for warning in &emitted.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(path) = output {
        if arguments.wat {
            let text = wasmprinter::print_bytes(&emitted.bytes)
                .map_err(|e| Failure::refused(format!("the output cannot be printed: {e}")))?;
            io::write(path, text.as_bytes())?;
        } else {
            io::write(path, &emitted.bytes)?;
        }
    }
    match explanation {
        Some(text) if output == Some("-") => eprint!("{text}"),
        Some(text) => io::print(&text)?,
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The fuser that the arguments ask for, and the size of its inputs in bytes.
fn fuser(arguments: &Arguments) -> Result<(Fuser, usize), Failure> {
    let mut fuser = Fuser::new().packs(arguments.packs.options()?);
    let mut size = 0;
    if arguments.inputs.iter().filter(|i| *i == "-").count() > 1 {
        return Err(Failure::arguments("standard input can be only one of the inputs"));
    }
    for argument in &arguments.inputs {
        let (name, path) = io::input_name(argument);
        let bytes = io::read(path)?;
        size += bytes.len();
        fuser = fuser.input(name, bytes);
    }
    for name in &arguments.assume {
        fuser = fuser.assume(name);
    }
    for rule in &arguments.disable {
        fuser = fuser.disable(rule);
    }
    fuser = fuser
        .form(if arguments.core { Form::Core } else { Form::Component })
        .weight(match arguments.weight {
            WeightArgument::Speed => Weight::Speed,
            WeightArgument::Size => Weight::Size,
        });
    Ok((fuser, size))
}

fn explanation(arguments: &Arguments, decided: &Decided<'_>) -> Result<Option<String>, Failure> {
    if arguments.explain.is_none() && arguments.why_not.is_none() {
        return Ok(None);
    }
    let filter = arguments.explain.as_deref().filter(|f| !f.is_empty());
    let mut text = String::new();
    if arguments.explain.is_some() {
        match arguments.explain_format {
            ExplainFormat::Text => text.push_str(&decided.trace.explain_text(filter)),
            ExplainFormat::Json => text.push_str(&format!("{:#}\n", decided.trace.explain_json())),
        }
    }
    if let Some(rule) = &arguments.why_not {
        text.push_str(&decided.trace.why_not(rule, filter).map_err(meld::FuseError::from)?);
    }
    Ok(Some(text))
}
