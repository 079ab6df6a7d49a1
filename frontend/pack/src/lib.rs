//! Parses and checks `.meld` rule packs.
//!
//! ```text
//! text ──parse──▶ pairs ──tree──▶ ast ──check──▶ RuleSet
//!                                         │
//!                                         └──▶ Diagnostics: all of them, each with a code and source lines
//! ```
//!
//! [`Loader`] is the way in. A [`RuleSet`](ruleset::RuleSet) that it returns has no mistake that
//! can be found without running the rules: whoever reads it checks nothing again.

mod addresses;
mod ast;
mod check;
mod diagnostic;
mod display;
mod doc;
mod load;
mod module;
mod parse;
pub mod ruleset;
mod tree;

pub use diagnostic::{Code, Diagnostic, Diagnostics, Label, error_reference, near};
pub use display::{forbid_text, given_text, guard_text, pattern_text, refusal_text, rule_text};
pub use doc::reference;
pub use load::{LoadError, Loader, Made, Prepared, PreparedModule};
