//! Runs `meld fuse` as a process, several times on each input, as a component and as a core module,
//! and prints the best and the median of the time passed, input bytes a second, and medians of processor time
//! and peak memory. Whatever else a machine does only adds to the time, so the best says most.
//!
//! ```text
//! cargo build --release -p meld --no-default-features
//! cargo run -p meld-bench --bin process -- --meld target/release/meld --check app.wasm
//! ```

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

/// Measures `meld fuse` as a whole.
#[derive(Parser)]
struct Arguments {
    /// The program; a release build, for figures that mean something.
    #[arg(long, value_name = "PATH")]
    meld: PathBuf,
    /// How often each input is fused.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Fail where an input of more than 10 MB is fused at less than 150 MB/s, or takes more memory than three
    /// times its size.
    #[arg(long)]
    check: bool,
    /// Inputs, fused one by one.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
}

/// Bytes a second that large inputs have to be fused at.
const LEAST_SPEED: f64 = 150e6;

/// How many times its size an input may take of memory.
const MOST_MEMORY: f64 = 3.0;

/// Bytes from which on an input is held to that.
const LARGE: f64 = 10e6;

/// What one run took.
struct Run {
    passed: Duration,
    /// Of all threads, in the program and in the system.
    processor: Duration,
    /// Peak of resident memory in bytes.
    memory: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    println!("| input | size | best | speed | median | processor | peak memory |");
    println!("|---|---|---|---|---|---|---|");
    let mut missed = false;
    for input in &arguments.inputs {
        for form in [None, Some("--core")] {
            match row(&arguments, input, form) {
                Ok((row, reached)) => {
                    println!("{row}");
                    missed |= !reached;
                }
                Err(error) => {
                    eprintln!("{}: {error}", input.display());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    if arguments.check && missed {
        eprintln!("a large input is fused at less than 150 MB/s, or in more than 3 times its size");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A row of the table, and whether it is as it has to be.
fn row(arguments: &Arguments, input: &Path, form: Option<&str>) -> Result<(String, bool), String> {
    let size = std::fs::metadata(input).map_err(|e| e.to_string())?.len() as f64;
    let runs: Vec<Run> =
        (0..arguments.runs).map(|_| run(&arguments.meld, input, form)).collect::<Result<_, _>>()?;
    let passed = |run: &Run| run.passed.as_secs_f64();
    let best = runs.iter().map(passed).fold(f64::INFINITY, f64::min);
    let processor = median(&runs, |run| run.processor.as_secs_f64());
    let memory = median(&runs, |run| run.memory as f64);
    let row = format!(
        "| {} {} | {:.1} MB | {best:.3} s | {:.0} MB/s | {:.3} s | {processor:.2} s | {:.0} MB, {:.1} times |",
        input.display(),
        form.unwrap_or_default(),
        size / 1e6,
        size / 1e6 / best,
        median(&runs, passed),
        memory / 1e6,
        memory / size,
    );
    let reached = size / best >= LEAST_SPEED && memory <= MOST_MEMORY * size;
    Ok((row, reached || size < LARGE))
}

/// Fuses once. The output goes to a file, as it would for anyone.
fn run(meld: &Path, input: &Path, form: Option<&str>) -> Result<Run, String> {
    let output = std::env::temp_dir().join(format!("meld-bench-{}.wasm", std::process::id()));
    let start = Instant::now();
    let child = Command::new(meld)
        .arg("fuse")
        .arg(input)
        .args(form)
        .arg("-o")
        .arg(&output)
        .spawn()
        .map_err(|e| format!("{}: {e}", meld.display()))?;
    let used = child.wait4().map_err(|e| e.to_string())?;
    let passed = start.elapsed();
    if !used.status.success() {
        return Err(format!("`meld fuse` ended with {}", used.status));
    }
    std::fs::remove_file(&output).map_err(|e| e.to_string())?;
    let processor = used.rusage.utime + used.rusage.stime;
    Ok(Run { passed, processor, memory: used.rusage.maxrss })
}

fn median(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
