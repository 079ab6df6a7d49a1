//! Reads WebAssembly components and core modules, and says what they are.
//!
//! ```text
//! bytes ──decode──▶ Component ──link──▶ Program
//! ```
//!
//! * [`decode`] reads one component's index spaces, resolving nothing.
//! * [`compose`] plugs several root components together, so that one remains.
//! * [`link`] instantiates the root component symbolically. The result is a
//!   [`program::Program`]: every core module instance with what each of its imports *is*,
//!   and every lift, lower, built-in, resource type and root import and export, by identity.
//! * [`abi`] gives the sizes, alignments and flat core types of component-level types.
//!
//! * [`facts`] proves what rules may rely on.
//!
//! Nothing in this crate decides anything: policy lives in rule packs.

pub mod abi;
pub mod facts;
pub mod program;
pub mod types;
