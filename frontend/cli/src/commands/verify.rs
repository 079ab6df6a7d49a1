//! `meld verify`.

use super::common::{ExplainArguments, FuserArguments, json};
use crate::exit::Failure;
use crate::io;
use clap::Args;
use meld::Form;
use meld::component::program::{CoreItem, Program, World};
use meld_verify::{CoreProgram, Options, Report, Sequence, VerifyError, Which, names};
use std::process::ExitCode;

/// Arguments of `meld verify`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    fuser: FuserArguments,
    /// What generated arguments follow from.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,
    /// How often each exported function is called; one without parameters, at most three times.
    #[arg(long, default_value_t = Options::default().calls_per_export, value_name = "NUMBER")]
    calls: u32,
    /// What a call may use up, about one unit an instruction, before it is given up on.
    #[arg(long, default_value_t = Options::default().fuel, value_name = "NUMBER")]
    fuel: u64,
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
    let (fuser, _) = arguments.fuser.fuser(Form::Component, arguments.explain.all())?;
    let rules = fuser.load_rules()?;
    let mut decided = fuser.decide(&rules)?;
    let why_not = arguments.explain.why_not(&decided)?;
    let emitted = decided.emit()?;
    decided.note(&emitted.report);
    if let Some(text) = arguments.explain.text(&decided, why_not) {
        io::print(&text)?;
    }
    let fused = emitted.bytes;
    let options = Options {
        seed: arguments.seed,
        calls_per_export: arguments.calls,
        fuel: arguments.fuel,
        sequence: if arguments.fresh { Sequence::FreshInstances } else { Sequence::OneInstance },
    };
    let report = match &decided.program.world {
        World::Component(_) => meld_verify::compare(&fuser.compose()?, &fused, &options),
        World::Core { exports } => {
            meld_verify::compare_core(&core_program(&decided.program, exports), &fused, &options)
        }
    };
    let report = report.map_err(failure)?;
    if arguments.json {
        io::print(&json(&report)?)?;
    } else {
        io::print(&report.to_string())?;
    }
    if report.different() {
        return Err(Failure::refused("what was fused behaves differently"));
    }
    if !report.same() {
        return Err(given_up(&report));
    }
    if report.nothing_called() {
        let failure = Failure::inconclusive(
            "no difference was found, but no function could be called: nothing is known of what they do",
        );
        return Err(match report.stopped_after_answers().is_empty() {
            true => failure,
            false => failure.hint(&format!("the host's answers are generated: {ELSEWHERE}")),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// The way out where calls cannot be generated.
const ELSEWHERE: &str = "write the output with `meld fuse -o FILE`, and run it and what \
                         it was made of on an engine that supplies the imports";

/// Why calls were given up on, and for each reason the way out.
fn given_up(report: &Report) -> Failure {
    let mut failure = Failure::inconclusive(
        "no difference was found, but some calls were given up on before they ended",
    );
    if !report.out_of_fuel().is_empty() {
        failure = failure.hint("those out of fuel get further with `--fuel`");
    }
    let failed = report.engine_failed();
    if !failed.is_empty() {
        failure = failure.hint(&format!(
            "the engine itself failed in calls of {}, which is no fault of the program or of what meld \
             made of it: write the output with `meld fuse -o FILE`, and run it and what it was made of \
             on another engine, or, if strings or lists go to or from a memory of 64 bits, put a \
             component with a memory of 32 bits around it",
            names(&failed)
        ));
    }
    let limited = report.limited();
    if !limited.is_empty() {
        failure = failure.hint(&format!(
            "calls of {} met limits of this command, which the report names: write the output with \
             `meld fuse -o FILE`, and run it and what it was made of on an engine without them",
            names(&limited)
        ));
    }
    failure
}

/// Whether what meld made is at fault, or the engine cannot run what meld was given.
fn failure(error: VerifyError) -> Failure {
    let message = error.to_string();
    match error {
        VerifyError::Invalid { which: Which::Fused, .. } => Failure::refused(message),
        VerifyError::Imports { .. } => Failure::inconclusive(message).hint(ELSEWHERE),
        _ => Failure::inconclusive(message),
    }
}

/// Core modules as they are linked before they are fused.
fn core_program<'a>(program: &'a Program, exports: &[(String, CoreItem)]) -> CoreProgram<'a> {
    let item = |item: &CoreItem| match item {
        CoreItem::Export { instance, export } => Some(meld_verify::CoreItem::Export {
            instance: instance.index(),
            name: program.module_of(*instance).exports[*export as usize].name.clone(),
        }),
        CoreItem::Host { module, name, .. } => {
            Some(meld_verify::CoreItem::Host { module: module.clone(), name: name.clone() })
        }
        // Component functions and built-ins: core modules have none.
        CoreItem::Lower { .. } | CoreItem::Builtin(_) | CoreItem::HostExport { .. } => None,
    };
    let instances = program.instances.iter().map(|instance| {
        (program.module_bytes(instance.module), instance.imports.iter().filter_map(item).collect())
    });
    let exports = exports.iter().filter_map(|(name, export)| Some((name.clone(), item(export)?)));
    CoreProgram { instances: instances.collect(), exports: exports.collect() }
}
