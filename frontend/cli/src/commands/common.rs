//! Arguments that several subcommands share.

use crate::exit::Failure;
use crate::io;
use clap::{Args, ValueEnum};
use meld::pack::ruleset::RuleSet;
use meld::packs::PackOptions;
use meld::{Decided, Form, FuseError, Fuser, Weight};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// What is fused, and how it is decided.
#[derive(Args)]
pub struct FuserArguments {
    /// Components that fit together, or core modules. `-` is standard input, `NAME=PATH` gives an
    /// input a name of its own.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// What decisions weigh.
    #[arg(short = 'O', value_enum, default_value = "speed", value_name = "WEIGHT")]
    weight: WeightArgument,
    /// Whether the output may use SIMD128. Engines without it refuse such an output.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    simd: SimdArgument,
    #[command(flatten)]
    packs: PackArguments,
    /// Grant an assumption that rules may rest on.
    #[arg(long, value_name = "NAME")]
    assume: Vec<String>,
    /// Let the representation of a resource be its handle, where nobody borrows it and the host never
    /// sees it; needs `--assume no-forged-handles`: guests use handles only as long as they are theirs,
    /// and do not mind if two that live at one time are equal, or one is 0 or 4294967295.
    #[arg(long, value_name = "INTERFACE.RESOURCE")]
    opaque_rep: Vec<String>,
    /// Take a rule, an option or a forbid out.
    #[arg(long, value_name = "RULE")]
    disable: Vec<String>,
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

/// What is to be said of the decisions.
#[derive(Args)]
pub struct ExplainArguments {
    /// Say why each import became what it is; with a text, only where all its words occur in the
    /// port's name or in what it was or became; a text with a parenthesis is a part of a printed term.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    explain: Option<String>,
    /// Say where a rule matched and which guard refused, or what a forbid found.
    #[arg(long, value_name = "RULE")]
    why_not: Option<String>,
    /// The form of `--explain`.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT", requires = "explain")]
    explain_format: ExplainFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum WeightArgument {
    /// Fewer instructions on the way of a call.
    Speed,
    /// Fewer bytes.
    Size,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum SimdArgument {
    /// Where it is faster.
    On,
    /// Never.
    Off,
    /// On: browsers, servers and most embedded engines have it.
    Auto,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum ExplainFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl FuserArguments {
    /// The packs in force.
    pub fn rules(&self) -> Result<RuleSet, Failure> {
        Ok(meld::packs::load_untested(&self.packs.options()?).map_err(FuseError::from)?)
    }

    /// The fuser that the arguments ask for, and the size of its inputs in bytes. Where all is to be
    /// explained, an input that is not there may be meant for a text.
    pub fn fuser(&self, form: Form, explains_all: bool) -> Result<(Fuser, usize), Failure> {
        if self.inputs.iter().filter(|i| *i == "-").count() > 1 {
            return Err(Failure::arguments("standard input can be only one of the inputs"));
        }
        let mut fuser = Fuser::new()
            .packs(self.packs.options()?)
            .form(form)
            .simd(self.simd != SimdArgument::Off);
        let mut size = 0;
        for argument in &self.inputs {
            let (name, path) = io::input_name(argument)?;
            let bytes = io::read(path).map_err(|failure| {
                if explains_all && !Path::new(path).exists() {
                    return failure.hint(&format!(
                        "if this is a text that ports are to be explained for, write \
                         `--explain={path}`"
                    ));
                }
                failure
            })?;
            size += bytes.len();
            fuser = fuser.input(name, meld::binary(io::origin(path), bytes)?);
        }
        for name in &self.assume {
            fuser = fuser.assume(name);
        }
        for resource in &self.opaque_rep {
            fuser = fuser.opaque_rep(resource);
        }
        for rule in &self.disable {
            fuser = fuser.disable(rule);
        }
        fuser = fuser.weight(match self.weight {
            WeightArgument::Speed => Weight::Speed,
            WeightArgument::Size => Weight::Size,
        });
        Ok((fuser, size))
    }
}

/// A value as JSON for programs, with the version of its form.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Versioned<'v, T> {
        version: u32,
        #[serde(flatten)]
        value: &'v T,
    }
    let json = serde_json::to_string_pretty(&Versioned { version: 1, value })
        .map_err(|e| Failure::file(format!("what was found cannot be written as JSON: {e}")))?;
    Ok(json + "\n")
}

/// Prints what is likely wrong in packs.
pub fn warn_of(rules: &RuleSet) {
    if !rules.warnings.is_empty() {
        io::complain(&rules.warnings.render(std::io::stderr().is_terminal()));
    }
}

impl PackArguments {
    /// The same for the library.
    pub fn options(&self) -> Result<PackOptions, Failure> {
        let mut constants = Vec::new();
        for set in &self.set {
            let Some((name, value)) = set.split_once('=') else {
                return Err(Failure::arguments(format!(
                    "`--set {set}` is not `CONST=VALUE`, for example `--set streams.slots=64`"
                )));
            };
            constants.push((name.to_string(), value.to_string()));
        }
        Ok(PackOptions {
            paths: self.rules.clone(),
            no_default_rules: self.no_default_rules,
            constants,
        })
    }
}

impl ExplainArguments {
    /// Whether every port is to be explained.
    pub fn all(&self) -> bool {
        self.explain.as_deref() == Some("")
    }

    /// Something is to be printed.
    pub fn is_asked(&self) -> bool {
        self.explain.is_some() || self.why_not.is_some()
    }

    /// What `--why-not` prints, which what is written does not change.
    pub fn why_not(&self, decided: &Decided<'_>) -> Result<Option<String>, Failure> {
        let Some(rule) = &self.why_not else { return Ok(None) };
        if self.explain_format == ExplainFormat::Json {
            return Err(Failure::arguments("`--why-not` has no JSON form; ask for it alone"));
        }
        Ok(Some(decided.trace.why_not(rule, self.filter()).map_err(FuseError::from)?))
    }

    /// What is to be printed, with what `--why-not` prints at the end; none if nothing was asked.
    pub fn text(&self, decided: &Decided<'_>, why_not: Option<String>) -> Option<String> {
        let filter = self.filter();
        let explained = self.explain.as_ref().map(|_| match self.explain_format {
            ExplainFormat::Text => decided.trace.explain_text(filter),
            ExplainFormat::Json => format!("{:#}\n", decided.trace.explain_json(filter)),
        });
        match (explained, why_not) {
            (None, None) => None,
            (explained, why_not) => {
                Some(explained.unwrap_or_default() + &why_not.unwrap_or_default())
            }
        }
    }

    fn filter(&self) -> Option<&str> {
        self.explain.as_deref().filter(|filter| !filter.is_empty())
    }
}
