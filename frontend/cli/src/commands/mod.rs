//! One module per subcommand.

pub mod common;
pub mod fuse;
pub mod inspect;
pub mod rules;
#[cfg(feature = "verify")]
pub mod verify;
