//! Errors of the engine.

use std::fmt;

/// Why no plan was made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The packs and the frontend or the backend do not speak the same vocabulary.
    #[error("the rule packs and meld disagree about the vocabulary:\n{}", Lines(.0))]
    Vocabulary(Vec<String>),

    /// `--assume`, `--disable` or `--why-not` names something that no pack declares.
    #[error("no pack declares the {kind} `{name}`{hint}")]
    Unknown {
        /// `rule` or `assumption`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The nearest name there is, or where to find them, as a sentence.
        hint: String,
    },

    /// `--opaque-rep` names a resource that there is not.
    #[error("there is no resource `{name}`{hint}")]
    NoResource {
        /// What was asked for.
        name: String,
        /// The nearest name there is, or where to find them, as a sentence.
        hint: String,
    },

    /// `--disable` or `--why-not` names several rules.
    #[error("several rules are called `{name}`: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Full names of all rules that it may mean, in order of declaration.
        candidates: Vec<String>,
    },

    /// Rules go on and on.
    #[error(
        "rules do not come to an end: after {rounds} rounds at most and {terms} terms (the limit is {limit}), these still fire: {}",
        .rules.join(", ")
    )]
    Exhausted {
        /// Distinct terms so far.
        terms: usize,
        /// How many are allowed.
        limit: usize,
        /// How many rounds are allowed.
        rounds: usize,
        /// The rules that fired in the last round.
        rules: Vec<String>,
    },

    /// Rules made two things equal that are not.
    #[error(
        "{left} and {right} are two things, but rules made them equal: {}",
        .rules.join(", ")
    )]
    Collapsed {
        /// One leaf.
        left: String,
        /// The other.
        right: String,
        /// The rules on the way from one to the other.
        rules: Vec<String>,
    },

    /// Some ports have no implementable term.
    #[error("{0}")]
    Unimplemented(String),

    /// The plan contains what a `forbid` refuses.
    #[error("{}", .0.join("\n\n"))]
    Forbidden(Vec<String>),

    /// A bug of the engine.
    #[error("internal error of the engine: {0}")]
    Internal(String),
}

/// One item a line.
struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.iter().enumerate() {
            write!(f, "{}  {line}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
