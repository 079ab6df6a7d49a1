//! Exit codes, and how a failure is told.

use crate::io::{self, is_broken_pipe};
use meld::FuseError;
use meld::component::Error as ReadError;
use meld::emit::EmitError;
use meld::emit::merge::MergeError;
use meld::engine::EngineError;
use meld::packs::PackError;
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// The table that `--help` prints.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  the input cannot be fused correctly (refused, with the reason), or verify found a difference
  2  wrong arguments, or a rule, assumption, constant or resource that does not exist or
     cannot have the value
  3  an input, a pack or the output cannot be read, parsed as WebAssembly, or written
  4  a rule pack is not right
  5  a test of a rule failed
  6  verify found no difference, but could not compare everything";

/// A failure: its text, and the exit code it ends in.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    /// The text is a report on packs, each of whose mistakes has a title of its own.
    titled: bool,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), titled: false }
    }

    /// The input cannot be fused correctly.
    pub fn refused(message: impl Into<String>) -> Self {
        Failure::new(1, message)
    }

    /// The arguments contradict each other or name what does not exist.
    pub fn arguments(message: impl Into<String>) -> Self {
        Failure::new(2, message)
    }

    /// A file cannot be read, parsed or written.
    pub fn file(message: impl Into<String>) -> Self {
        Failure::new(3, message)
    }

    /// A pack is not right.
    const PACK: u8 = 4;

    /// Nothing was found wrong, but not everything could be compared.
    #[cfg(feature = "verify")]
    pub fn inconclusive(message: impl Into<String>) -> Self {
        Failure::new(6, message)
    }

    /// A test of a rule failed.
    pub const TEST: u8 = 5;

    /// The failure with a way out.
    pub fn hint(mut self, hint: &str) -> Self {
        self.message = format!("{}; {hint}", self.message.trim_end());
        self
    }

    /// The exit code, for a failure that was told already.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    /// Prints the failure; it ends the process.
    pub fn report(self) -> ExitCode {
        let title = if self.titled { "" } else { "error: " };
        io::complain(&format!("{title}{}\n", self.message.trim_end()));
        self.code()
    }
}

impl From<FuseError> for Failure {
    fn from(error: FuseError) -> Self {
        let message = error.to_string();
        let code = match error {
            FuseError::Pack(error) => return error.into(),
            FuseError::NotWasm { .. } => 3,
            FuseError::Read(ReadError::Decode(error)) => {
                if error.refused {
                    1
                } else {
                    3
                }
            }
            FuseError::Decide(
                EngineError::Unknown { .. }
                | EngineError::Ambiguous { .. }
                | EngineError::NoResource { .. },
            ) => 2,
            FuseError::Decide(
                EngineError::Vocabulary(_)
                | EngineError::Exhausted { .. }
                | EngineError::Collapsed { .. },
            ) => 4,
            FuseError::Emit(EmitError::Merge(MergeError::Type {
                pack_module: Some(_), ..
            })) => Failure::PACK,
            FuseError::Read(_) | FuseError::Decide(_) | FuseError::Emit(_) => 1,
        };
        Failure::new(code, message)
    }
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        let (message, titled) = match &error {
            PackError::Check(diagnostics) => {
                (diagnostics.render(std::io::stderr().is_terminal()), true)
            }
            PackError::Read(message) => (message.clone(), false),
        };
        Failure { code: pack_code(&error), message, titled }
    }
}

fn pack_code(error: &PackError) -> u8 {
    use meld::pack::Code::{SettingValue, UnknownSetting};
    match error {
        PackError::Read(_) => 3,
        PackError::Check(diagnostics) => {
            let setting = |code| matches!(code, SettingValue | UnknownSetting);
            if diagnostics.iter().all(|diagnostic| setting(diagnostic.code)) {
                2
            } else {
                Failure::PACK
            }
        }
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
