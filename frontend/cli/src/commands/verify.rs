//! `meld verify`.

use super::common::{ExplainArguments, FuserArguments};
use crate::exit::Failure;
use crate::io;
use clap::Args;
use meld::Form;
use meld_verify::{Options, Sequence};
use std::process::ExitCode;

/// Arguments of `meld verify`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    fuser: FuserArguments,
    /// What generated arguments follow from.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,
    /// How often each exported function is called.
    #[arg(long, default_value_t = 16, value_name = "NUMBER")]
    calls: u32,
    /// Make every call on an instance of its own.
    #[arg(long)]
    fresh: bool,
    /// Print JSON.
    #[arg(long, conflicts_with_all = ["explain", "why_not"])]
    json: bool,
    #[command(flatten)]
    explain: ExplainArguments,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let (fuser, _) = arguments.fuser.fuser(Form::Component)?;
    let rules = fuser.load_rules()?;
    let decided = fuser.decide(&rules)?;
    if let Some(text) = arguments.explain.text(&decided)? {
        io::print(&text)?;
    }
    let fused = decided.emit()?.bytes;
    let options = Options {
        seed: arguments.seed,
        calls_per_export: arguments.calls,
        sequence: if arguments.fresh { Sequence::FreshInstances } else { Sequence::OneInstance },
        ..Options::default()
    };
    let report = meld_verify::compare(&fuser.compose()?, &fused, &options)
        .map_err(|e| Failure::refused(e.to_string()))?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report)
            .map_err(|e| Failure::file(format!("the report: {e}")))?;
        io::print(&format!("{json}\n"))?;
    } else {
        io::print(&report.to_string())?;
    }
    if !report.same() {
        return Err(Failure::refused("the fused component behaves differently"));
    }
    Ok(ExitCode::SUCCESS)
}
