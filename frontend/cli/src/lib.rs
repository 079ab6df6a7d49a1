//! The meld library: [`Fuser`] reads components, decides by rules, and writes one module.
//!
//! ```text
//! inputs ──meld-component──▶ Program ─┐
//! packs  ──meld-pack───────▶ RuleSet ─┴─meld-engine──▶ Plan ──meld-emit──▶ bytes
//! ```
//!
//! ```
//! # fn main() -> Result<(), meld::FuseError> {
//! let component = br#"(component
//!     (core module $m (func (export "answer") (result i32) i32.const 42))
//!     (core instance $i (instantiate $m))
//!     (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#;
//! let fused = meld::Fuser::new().input("answer", component.to_vec()).fuse()?;
//! assert_eq!(&fused.bytes[..4], b"\0asm");
//! # Ok(())
//! # }
//! ```

mod fuser;
pub mod inspect;
mod memories;
pub mod packs;

pub use fuser::{Decided, FuseError, Fuser, binary};
pub use meld_component as component;
pub use meld_emit as emit;
pub use meld_emit::Emitted;
pub use meld_engine as engine;
pub use meld_engine::Weight;
pub use meld_engine::plan::Form;
pub use meld_pack as pack;
