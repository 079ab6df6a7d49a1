//! Small compositions, run unfused and fused side by side.
//!
//! `compositions/<class>/<case>.wat` is one root component each; the class names a kind of fault
//! that such a tool can have. A case opens with what it is about and with what its exports
//! without parameters do, in the manner of WAVE:
//!
//! ```text
//! ;; A bool of 2 is true.
//! ;; expect run => true
//! ;; expect bad => trap
//! ```
//!
//! The expectations are held against the case as it stands, unfused; whether fusing changes
//! anything is then a comparison ([`meld_verify::compare`]). [`generate`] makes many more, which
//! [`batch`] runs.

pub mod batch;
pub mod generate;
pub mod hostile;
pub mod sources;
pub mod wasi;

use meld_verify::{Ended, Options, compare};
use std::fmt;
use std::path::{Path, PathBuf};

/// A composition and where it is from.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder's name.
    pub class: String,
    /// The file's name without its extension.
    pub name: String,
    /// Component text.
    pub text: String,
}

/// What fusing a case brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing tells the two apart.
    Same,
    /// The fuser refused the case: why.
    Refused(String),
    /// The fused component behaves differently: how.
    Different(String),
    /// What came out is not a valid component: why.
    Invalid(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Same => f.write_str("same"),
            Verdict::Refused(reason) => write!(f, "refused     {reason}"),
            Verdict::Different(how) => write!(f, "DIFFERENT   {how}"),
            Verdict::Invalid(reason) => write!(f, "INVALID     {reason}"),
        }
    }
}

/// The folder of the compositions.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compositions")
}

/// All cases, sorted by class and name.
///
/// # Errors
///
/// If a file cannot be read.
pub fn cases() -> std::io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for class in std::fs::read_dir(folder())? {
        cases.extend(read_cases(&class?.path())?);
    }
    cases.sort_by(|a, b| (&a.class, &a.name).cmp(&(&b.class, &b.name)));
    Ok(cases)
}

/// The cases of one class, by its folder, in no order.
///
/// # Errors
///
/// If a file cannot be read.
pub fn read_cases(class: &Path) -> std::io::Result<Vec<Case>> {
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into();
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file?.path();
        let text = std::fs::read_to_string(&file)?;
        Ok(Case { class: name(class), name: name(&file), text })
    };
    std::fs::read_dir(class)?.map(read).collect()
}

/// Fuses a component, or says why not.
pub type Fuse<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, String>;

impl Case {
    /// What the exports of the case do: name and result, `trap` for a trap.
    pub fn expectations(&self) -> Vec<(&str, &str)> {
        let lines = self.text.lines().filter_map(|line| line.trim().strip_prefix(";; expect "));
        lines.filter_map(|line| line.split_once(" => ")).collect()
    }

    /// Holds the expectations against a component, each on a fresh instance; returns what does
    /// not hold.
    pub fn check(&self, component: &[u8]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (function, expected) in self.expectations() {
            let outcome = meld_verify::call(component, function, &Options::default());
            let found = match outcome.map(|outcome| outcome.ended) {
                Ok(Ended::Returned(value)) => value,
                Ok(Ended::Trapped(_)) if expected == "trap" => continue,
                Ok(Ended::Trapped(reason)) => format!("trap ({reason})"),
                Ok(Ended::GivenUp(reason)) => format!("no end ({reason})"),
                Err(error) => error.to_string(),
            };
            if found != expected {
                wrong.push(format!("{function}: expected {expected}, found {found}"));
            }
        }
        wrong
    }

    /// Fuses the case and compares.
    pub fn verdict(&self, fuse: Fuse<'_>) -> Verdict {
        let binary = match wat::parse_str(&self.text) {
            Ok(binary) => binary,
            Err(error) => return Verdict::Invalid(format!("the case itself: {error}")),
        };
        let fused = match fuse(&binary) {
            Ok(fused) => fused,
            Err(reason) => return Verdict::Refused(reason),
        };
        match compare(&binary, &fused, &Options::default()) {
            Ok(report) if report.same() => Verdict::Same,
            Ok(report) => Verdict::Different(report.to_string()),
            Err(error) => Verdict::Invalid(error.to_string()),
        }
    }
}
