//! Feeds meld with broken and random inputs until it is told to stop.

use clap::Parser;
use meld_fuzz::{Corpus, Guided, Subject, Target, Verdict, run, subject};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Feeds meld with broken and random inputs; what must not come of one is reported, and the
/// input kept.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to feed; all by turns if it is not said.
    #[arg(long)]
    target: Option<Target>,
    /// Which inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first input.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many inputs of each target.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// Inputs that take longer are reported.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Write what the targets of cargo-fuzz begin with to this folder, and stop.
    #[arg(long)]
    seeds: Option<PathBuf>,
    /// Where inputs are kept that went wrong.
    #[arg(long, default_value = "fuzz-found")]
    keep: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let corpus = Corpus::read()?;
    if let Some(folder) = &arguments.seeds {
        return seeds(&corpus, folder);
    }
    // Panics are verdicts here; their backtraces come with the input that is kept.
    std::panic::set_hook(Box::new(|_| {}));
    let targets = arguments.target.map_or(Target::ALL.to_vec(), |target| vec![target]);
    let mut wrong = 0;
    for target in targets {
        let range = arguments.from..arguments.from + arguments.count;
        let progress = Progress::of(target, arguments.count);
        let found: Vec<(u64, String, usize)> = range
            .into_par_iter()
            .map(|number| {
                progress.next();
                let Some(subject) = subject(&corpus, target, arguments.seed, number) else {
                    return Ok((number, String::new(), 0));
                };
                let start = Instant::now();
                let verdict = run(&corpus, &subject);
                let took = start.elapsed();
                let why = match verdict {
                    Verdict::Fused(_) if took < Duration::from_secs(arguments.seconds) => {
                        return Ok((number, String::new(), 1));
                    }
                    Verdict::Wrong(why) => why,
                    _ if took >= Duration::from_secs(arguments.seconds) => format!("{took:?}"),
                    _ => return Ok((number, String::new(), 0)),
                };
                keep(&arguments.keep, target, arguments.seed, number, &subject)?;
                Ok((number, why, 0))
            })
            .collect::<anyhow::Result<_>>()?;
        let fused: usize = found.iter().map(|(.., fused)| fused).sum();
        let bad = found.iter().filter(|(_, why, _)| !why.is_empty());
        for (number, why, _) in bad.clone() {
            println!("{target:?} --seed {} --from {number}: {why}", arguments.seed);
        }
        wrong += bad.count();
        println!("{target:?}: {} tried, {fused} fused", arguments.count);
    }
    anyhow::ensure!(wrong == 0, "{wrong} went wrong; see {}", arguments.keep.display());
    Ok(())
}

/// Says now and then how far a target is.
struct Progress {
    target: Target,
    count: u64,
    begun: AtomicU64,
    said: Mutex<Instant>,
}

impl Progress {
    /// Between two lines.
    const PAUSE: Duration = Duration::from_secs(10);

    fn of(target: Target, count: u64) -> Self {
        Progress { target, count, begun: AtomicU64::new(0), said: Mutex::new(Instant::now()) }
    }

    /// One more input is begun.
    fn next(&self) {
        let before = self.begun.fetch_add(1, Ordering::Relaxed);
        // Whoever finds somebody at it has nothing to say.
        if let Ok(mut said) = self.said.try_lock()
            && said.elapsed() >= Self::PAUSE
        {
            *said = Instant::now();
            eprintln!("{:?}: {before} of {} tried", self.target, self.count);
        }
    }
}

/// Writes a folder for each target of cargo-fuzz.
fn seeds(corpus: &Corpus, folder: &Path) -> anyhow::Result<()> {
    for (kind, name) in Guided::ALL {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, bytes) in kind.seeds(corpus).iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), bytes)?;
        }
    }
    Ok(())
}

fn keep(
    folder: &Path,
    target: Target,
    seed: u64,
    number: u64,
    subject: &Subject,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let stem = format!("{target:?}-{seed}-{number}").to_lowercase();
    match subject {
        Subject::Wasm(inputs) => {
            for (name, bytes) in inputs {
                std::fs::write(folder.join(format!("{stem}-{name}.wasm")), bytes)?;
            }
        }
        Subject::Pack(_, text) => std::fs::write(folder.join(format!("{stem}.meld")), text)?,
    }
    Ok(())
}
