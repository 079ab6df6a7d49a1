//! The `meld` command: reads arguments and hands over to one module per subcommand.

mod commands;
mod exit;
mod io;
mod progress;
mod unfinished;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::Builder;

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
    let command = Arguments::parse().command;
    work_on_one_thread_if_need_be();
    let outcome = match command {
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

/// The most threads that are started, whatever `RAYON_NUM_THREADS` says.
const MOST_THREADS: usize = 64;

/// Where the system does not allow as many threads as there would be, this one does all the work: rayon cannot be
/// asked, as it does not start again once it could not.
fn work_on_one_thread_if_need_be() {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok());
    let threads = asked.filter(|number| *number > 0);
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let threads = threads.min(MOST_THREADS);
    let gate = Mutex::new(());
    let can_start = std::thread::scope(|scope| {
        // All wait, so that all are there at a time.
        let _closed = gate.lock();
        (0..threads).all(|_| Builder::new().spawn_scoped(scope, || drop(gate.lock())).is_ok())
    });
    let pool = rayon::ThreadPoolBuilder::new();
    // If even that fails, whoever needs a thread says so.
    let _ = match can_start {
        true => pool.num_threads(threads).build_global(),
        false => pool.num_threads(1).use_current_thread().build_global(),
    };
}
