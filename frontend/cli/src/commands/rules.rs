//! `meld rules`.

use super::common::{PackArguments, warn_of};
use crate::exit::Failure;
use crate::io;
use clap::{Args, Subcommand, ValueEnum};
use meld::inspect::text::count;
use meld::pack::Diagnostics;
use meld::pack::ruleset::{PackId, RuleSet};
use meld::packs::{self, PackError, PackOptions};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Subcommands of `meld rules`.
#[derive(Subcommand)]
pub enum Command {
    /// Check packs together with the standard ones, and report every mistake.
    Check(CheckArguments),
    /// Run the tests of the rules, each rule alone.
    Test(TestArguments),
    /// List the rules in force, and what their packs state.
    List(PackPaths),
    /// Print the reference of packs, as Markdown; of all in force where none is named.
    Doc(PackPaths),
}

/// Packs on the command line.
#[derive(Args)]
pub struct PackPaths {
    /// Pack files, or folders of packs; without any, the standard packs.
    #[arg(value_name = "PACK")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    packs: PackArguments,
}

/// Arguments of `meld rules check`.
#[derive(Args)]
pub struct CheckArguments {
    #[command(flatten)]
    packs: PackPaths,
    /// The form of the report.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: JSON with all mistakes, on standard output.
    Json,
}

/// Arguments of `meld rules test`.
#[derive(Args)]
pub struct TestArguments {
    #[command(flatten)]
    packs: PackPaths,
    /// Only the rules with this name, or this `pack.name`.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
}

/// Runs the command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check(arguments) => return check(&arguments),
        Command::Test(arguments) => return test(&arguments),
        Command::List(paths) => {
            let rules = load(&paths)?;
            let of_mine = selected(&rules, &paths);
            let mut text = String::new();
            for rule in rules.rules.iter().filter(|r| of_mine.contains(&r.pack.index())) {
                let pack = &rules.packs[rule.pack.index()];
                let _ = writeln!(
                    text,
                    "{:<8} {:<40} {}:{}  {}",
                    if rule.is_option { "option" } else { "rule" },
                    format!("{}.{}", pack.name, rule.name),
                    pack.path.display(),
                    rule.span.line,
                    rule.because
                );
            }
            let forbids = rules.forbids.iter().map(|forbid| ("forbid", forbid));
            let refusals = rules.refusals.iter().map(|refusal| ("refuse", refusal));
            let all = forbids.chain(refusals);
            for (word, forbid) in all.filter(|(_, f)| of_mine.contains(&f.pack.index())) {
                let pack = &rules.packs[forbid.pack.index()];
                let _ = writeln!(
                    text,
                    "{:<8} {:<40} {}:{}  {}",
                    word,
                    format!("{}.{}", pack.name, forbid.name),
                    pack.path.display(),
                    forbid.span.line,
                    forbid.because
                );
            }
            for given in rules.given.iter().filter(|g| of_mine.contains(&g.span.pack.index())) {
                let pack = &rules.packs[given.span.pack.index()];
                let _ = writeln!(
                    text,
                    "{:<8} {:<40} {}:{}  {}",
                    "given",
                    pack.name,
                    pack.path.display(),
                    given.span.line,
                    meld::pack::given_text(&rules, given)
                );
            }
            io::print(&text)?;
        }
        Command::Doc(paths) => {
            let rules = load(&paths)?;
            let of_mine = selected(&rules, &paths);
            let wanted = |pack: PackId| of_mine.contains(&pack.index());
            io::print(&meld::pack::reference(&rules, wanted))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn options(paths: &PackPaths) -> Result<PackOptions, Failure> {
    let mut options = paths.packs.options()?;
    options.paths.extend(paths.paths.iter().cloned());
    Ok(options)
}

fn load(paths: &PackPaths) -> Result<RuleSet, Failure> {
    Ok(packs::load(&options(paths)?)?)
}

fn check(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let paths = &arguments.packs;
    let rules = match packs::load(&options(paths)?) {
        Err(PackError::Check(mistakes)) if arguments.format == Format::Json => {
            io::print(&format!("{}\n", mistakes.to_json()))?;
            return Ok(Failure::from(PackError::Check(mistakes)).code());
        }
        rules => rules?,
    };
    warn_of(&rules);
    let of_mine = selected(&rules, paths);
    let forbids = rules.forbids.iter().filter(|f| of_mine.contains(&f.pack.index())).count();
    let rules = rules.rules.iter().filter(|r| of_mine.contains(&r.pack.index())).count();
    io::print(&match arguments.format {
        Format::Text => {
            let packs = count(of_mine.len(), "pack");
            let (rules, forbids) = (count(rules, "rule"), count(forbids, "forbid"));
            format!("{packs}, {rules}, {forbids}: right\n")
        }
        Format::Json => format!("{}\n", Diagnostics::default().to_json()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The packs that the command line names; all of them where it names none.
fn selected(rules: &RuleSet, paths: &PackPaths) -> Vec<usize> {
    (0..rules.packs.len())
        .filter(|&i| {
            paths.paths.is_empty() || paths.paths.iter().any(|p| rules.packs[i].path.starts_with(p))
        })
        .collect()
}

fn test(arguments: &TestArguments) -> Result<ExitCode, Failure> {
    let rules = load(&arguments.packs)?;
    let files: Vec<String> = selected(&rules, &arguments.packs)
        .into_iter()
        .map(|i| rules.packs[i].path.display().to_string())
        .collect();
    let wanted = |name: &str| match &arguments.rule {
        Some(rule) => {
            name == rule || name.strip_suffix(rule.as_str()).is_some_and(|p| p.ends_with('.'))
        }
        None => true,
    };
    let (mut passed, mut failed, mut text) = (0, 0, String::new());
    for outcome in meld::engine::testing::run_tests(&rules, arguments.rule.as_deref()) {
        if !files.contains(&outcome.file) || !wanted(&outcome.rule) {
            continue;
        }
        match &outcome.result {
            Ok(()) => passed += 1,
            Err(message) => {
                failed += 1;
                let name = outcome.name.map(|n| format!(" \"{n}\"")).unwrap_or_default();
                let _ = writeln!(
                    text,
                    "{}:{}: the test{name} of {} failed\n{message}\n",
                    outcome.file, outcome.line, outcome.rule
                );
            }
        }
    }
    if passed + failed == 0 {
        return Err(Failure::arguments(match &arguments.rule {
            Some(rule) => format!("no rule `{rule}` in these packs has a test"),
            None => "these packs have no tests".to_string(),
        }));
    }
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    io::print(&text)?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(Failure::TEST) })
}
