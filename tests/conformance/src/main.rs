//! Prints the score of every file of the reference tests: `meld-conformance [FOLDER..]`.

use meld_conformance::{Treatment, score};
use meld_suite::{FOLDERS, scripts};
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let suite = match meld_suite::find() {
        Ok(suite) => suite,
        Err(reason) => {
            eprintln!("{reason}");
            return Ok(ExitCode::from(3));
        }
    };
    let mut treatment = Treatment::Fused;
    let mut verbose = false;
    let mut folders = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--unfused" => treatment = Treatment::Unfused,
            "--verbose" => verbose = true,
            _ => folders.push(argument),
        }
    }
    if folders.is_empty() {
        folders = FOLDERS.map(str::to_string).to_vec();
    }
    let (mut passed, mut all) = (0, 0);
    for folder in &folders {
        let (mut folder_passed, mut folder_all) = (0, 0);
        for path in scripts(&suite, folder)? {
            let score = score(&suite, &path, treatment)?;
            println!("{:>4} of {:>4}  {}", score.passed(), score.verdicts.len(), score.file);
            folder_passed += score.passed();
            folder_all += score.verdicts.len();
            if verbose {
                for (line, reason) in &score.refused {
                    println!("              line {line}: {reason}");
                }
                for verdict in &score.verdicts {
                    if let Some(failure) = &verdict.failure
                        && !failure.starts_with("refused")
                    {
                        println!("              line {}: {failure}", verdict.line);
                    }
                }
            }
        }
        println!("{folder_passed:>4} of {folder_all:>4}  {folder}/\n");
        passed += folder_passed;
        all += folder_all;
    }
    println!("{passed:>4} of {all:>4}");
    Ok(ExitCode::SUCCESS)
}
