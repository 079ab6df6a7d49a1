//! Parses and checks `.meld` rule packs.
//!
//! ```text
//! text ──parse──▶ ast ──check──▶ RuleSet
//!                         │
//!                         └──▶ Diagnostics: all of them, each with a code and source lines
//! ```

pub mod ruleset;
