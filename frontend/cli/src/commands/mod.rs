//! One module per subcommand.

pub mod fuse;
pub mod inspect;
pub mod rules;
