//! Runs two components of one world, or linked core modules and one module, side by side and
//! compares all that can be observed.
//!
//! ```text
//! original ─┬─▶ world: exports, imports ──▶ generated arguments ─┬─▶ run original ─┬─▶ Report
//! fused    ─┘                               (values, from a seed) └─▶ run fused    ─┘
//!                                             host stubs answer both the same
//! ```
//!
//! Observable is: which functions there are and their types; for every call its result or its
//! trap; and, in order, every call of an imported function with its arguments. What a trap says
//! is kept for people but not compared: a fused module traps at the same places for the same
//! reasons in its own words.
//!
//! Everything is generated from [`Options::seed`], so a report can be had again. Fuel bounds
//! every call and a cap every memory, so that no guest hangs or starves the caller. A call that
//! runs into such a limit, or into a fault of the engine, on either side tells nothing: it is
//! inconclusive ([`Verdict`]), and counts neither as the same nor as different.
//!
//! This is the one library crate of meld that needs an engine; nothing that fuses depends on it.

pub mod core_run;

mod compare;
mod core_compare;
mod guard;
mod handles;
mod host;
mod report;
mod run;
mod text;
mod values;
mod world;

pub use compare::{Options, Sequence, VerifyError, Which, call, compare};
pub use core_compare::{CoreItem, CoreProgram, compare_core};
pub use report::{Call, Ended, HostCall, Outcome, Report, Skipped, Verdict, names};
pub use run::config;
pub use values::Rng;

#[cfg(test)]
mod tests;
