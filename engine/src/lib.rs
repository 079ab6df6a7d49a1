//! Decides what every import becomes.
//!
//! ```text
//! Program + RuleSet ──seed──▶ e-graph ──saturate──▶ ──extract──▶ Plan (and a trace)
//! ```

pub mod plan;
