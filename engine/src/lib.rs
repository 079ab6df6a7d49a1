//! Decides what every import becomes.
//!
//! ```text
//! Program + RuleSet ──seed──▶ e-graph ──saturate──▶ ──extract──▶ Plan (and a trace)
//! ```
//!
//! * [`decide()`] runs it all; [`plan::Plan`] is what the backend emits.
//! * [`check_emitted`] holds rules against what the backend emits.
//! * [`trace::Trace`] keeps the proof of every decision, and prints it.
//! * [`testing`] runs the tests that stand in rules, one rule at a time.
//!
//! Architecture invariants: no term contains the body of a function; the engine never reads a
//! clock; no rule is ever stopped silently; every union of two terms is either an equation of
//! the frontend, an instance of a rule, or congruence, and `replay` re-checks all of them
//! without the e-graph, from the program and the rules as they were declared to the plan.

mod compile;
mod decide;
mod display;
mod error;
mod explain;
mod extract;
mod failure;
mod forbid;
mod graph;
mod guard;
mod name;
mod proof;
mod reach;
mod replay;
mod saturate;
mod seed;
mod story;
mod term;
mod vocabulary;
mod why_not;

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

pub mod plan;
pub mod testing;
pub mod trace;

pub use decide::{Decision, Options, Weight, decide};
pub use error::EngineError;
pub use name::resources;
pub use vocabulary::{TermShape, check_emitted};
