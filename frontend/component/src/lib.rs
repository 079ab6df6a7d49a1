//! Reads WebAssembly components and core modules, and says what they are.
//!
//! ```text
//! bytes ──decode──▶ Component ──link──▶ Program
//! ```
//!
//! * [`decode`] reads one component's index spaces, resolving nothing.
//! * [`compose`] plugs several root components together, so that one remains.
//! * [`mod@outline`] leaves out of a component what its types do not need.
//! * [`mod@link`] instantiates the root component symbolically. The result is a
//!   [`program::Program`]: every core module instance with what each of its imports *is*,
//!   and every lift, lower, built-in, resource type and root import and export, by identity.
//! * [`core_modules`] links plain core modules with each other instead.
//! * [`abi`] gives the sizes, alignments and flat core types of component-level types.
//! * [`facts`] proves what rules may rely on.
//! * [`needs`] says which canonical options a function needs.
//! * [`guard`] turns panics of other libraries into errors.
//!
//! [`read()`] does all of it; [`read_deferred()`] leaves validating function bodies for later.
//!
//! Nothing in this crate decides what an import becomes: that lives in rule packs. Which input
//! supplies which other, before there is a program, is decided here ([`compose`] by interface and
//! order of inputs, [`core_modules`] by name).

pub mod abi;
pub mod component;
pub mod compose;
pub mod core_modules;
pub mod decode;
pub mod facts;
pub mod guard;
pub mod link;
mod names;
pub mod needs;
pub mod outline;
pub mod program;
mod read;
mod reexport;
#[cfg(test)]
mod testing;
pub mod type_text;
pub mod types;

pub use link::{LinkError, link};
pub use read::{Error, Input, read, read_deferred};
