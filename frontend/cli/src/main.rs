//! The `meld` command: reads arguments and hands over to one module per subcommand.

mod commands;
mod exit;
mod io;
mod progress;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Fuses WebAssembly components into one core module, by declarative rules.
#[derive(Parser)]
#[command(name = "meld", version, after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fuse components, or core modules, into one.
    Fuse(commands::fuse::Arguments),
    /// Check, test, list and document rule packs.
    #[command(subcommand)]
    Rules(commands::rules::Command),
    /// Say what is in a component and what rules decide, or where the parts of a fused module came from.
    Inspect(commands::inspect::Arguments),
    /// Fuse components, run both sides with the same calls, and compare.
    #[cfg(feature = "verify")]
    Verify(commands::verify::Arguments),
}

fn main() -> ExitCode {
    // A panic that becomes an error is told as that error.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !meld::component::guard::is_guarded() {
            tell(panic);
        }
    }));
    let outcome = match Arguments::parse().command {
        Command::Fuse(arguments) => commands::fuse::run(arguments),
        Command::Rules(command) => commands::rules::run(command),
        Command::Inspect(arguments) => commands::inspect::run(arguments),
        #[cfg(feature = "verify")]
        Command::Verify(arguments) => commands::verify::run(arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
