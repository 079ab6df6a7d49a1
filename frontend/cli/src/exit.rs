//! Exit codes, and how a failure is told.

use crate::io::is_broken_pipe;
use meld::FuseError;
use meld::component::Error as ReadError;
use meld::engine::EngineError;
use std::process::ExitCode;

/// The table that `--help` prints.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  the input cannot be fused correctly (refused, with the reason), or verify found a difference
  2  wrong arguments, or the name of a rule or assumption that does not exist
  3  an input or output cannot be read, parsed or written
  4  a rule pack is not right
  5  a test of a rule failed
  6  verify found no difference, but could not compare everything";

/// A failure: its text, and the exit code it ends in.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The input cannot be fused correctly.
    pub fn refused(message: impl Into<String>) -> Self {
        Failure { code: 1, message: message.into() }
    }

    /// The arguments contradict each other or name what does not exist.
    pub fn arguments(message: impl Into<String>) -> Self {
        Failure { code: 2, message: message.into() }
    }

    /// A file cannot be read, parsed or written.
    pub fn file(message: impl Into<String>) -> Self {
        Failure { code: 3, message: message.into() }
    }

    /// A pack is not right.
    pub fn pack(message: impl Into<String>) -> Self {
        Failure { code: 4, message: message.into() }
    }

    /// Nothing was found wrong, but not everything could be compared.
    #[cfg(feature = "verify")]
    pub fn inconclusive(message: impl Into<String>) -> Self {
        Failure { code: 6, message: message.into() }
    }

    /// A test of a rule failed.
    pub const TEST: u8 = 5;

    /// Prints the failure; it ends the process.
    pub fn report(self) -> ExitCode {
        if self.message.starts_with("error") {
            eprintln!("{}", self.message.trim_end());
        } else {
            eprintln!("error: {}", self.message.trim_end());
        }
        ExitCode::from(self.code)
    }
}

impl From<FuseError> for Failure {
    fn from(error: FuseError) -> Self {
        let code = match &error {
            FuseError::Pack(_) => 4,
            FuseError::NotWasm { .. } => 3,
            FuseError::Read(ReadError::Decode(_)) => 3,
            FuseError::Decide(EngineError::Unknown { .. } | EngineError::Ambiguous { .. }) => 2,
            FuseError::Decide(
                EngineError::Vocabulary(_)
                | EngineError::Exhausted { .. }
                | EngineError::Collapsed { .. },
            ) => 4,
            FuseError::Read(_) | FuseError::Decide(_) | FuseError::Emit(_) => 1,
        };
        Failure { code, message: error.to_string() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if is_broken_pipe(&error) {
            // Whoever read the output has seen enough.
            std::process::exit(0);
        }
        Failure::file(error.to_string())
    }
}
