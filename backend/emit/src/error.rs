//! Why nothing was written.

use crate::adapter;
use crate::memory::MemoryShape;
use crate::merge::{Kind, MergeError};
use crate::wrap::WrapError;
use meld_component::decode::DecodeError;

/// Why a decided program could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// A term of the plan is not one that the backend emits where it stands.
    #[error(
        "the plan has `{term}` where {wanted} is expected; a rule pack made a term that cannot be emitted there"
    )]
    Term {
        /// The term.
        term: String,
        /// What can stand there.
        wanted: &'static str,
    },
    /// A port of a live instance has no answer in the plan.
    #[error("internal error: the plan has no answer for {0}")]
    Unanswered(String),
    /// A pack's module imports a memory of another type than it is given.
    #[error(
        "the module `{module}` is for a memory of {declared}, but is given one of {found}; let it \
         follow the memory's type (`NAME.addr`, see docs/packs.md), or guard the rule"
    )]
    Memory {
        /// The module.
        module: String,
        /// What it declares.
        declared: MemoryShape,
        /// What it is given.
        found: MemoryShape,
    },
    /// A rule gives a module the first memory or table of a guest that has none.
    #[error(
        "a rule uses the first {kind} of {guest}, which has none; guard the rule with `{guard}`"
    )]
    NoFirst {
        /// The guest.
        guest: String,
        /// Memory or table.
        kind: Kind,
        /// What holds of guests that have one.
        guard: &'static str,
    },
    /// A memory of meld's own would not fit 32 bits.
    #[error(
        "the memory `{name}` would have {count} times {bytes} bytes and {more} more, beyond 4 GiB; \
         set smaller constants (`--set`)"
    )]
    MemorySize {
        /// Which memory.
        name: String,
        /// How many parts it has.
        count: u64,
        /// Bytes of a part.
        bytes: u64,
        /// Bytes besides.
        more: u64,
    },
    /// A rule names another function of the host than the one that a component's root imports.
    #[error(
        "a rule answers the import of `{own_module}` `{own_name}` by the host's `{module}` `{name}`, and no \
         core module that the component's root imports is known by that; answer by `{own_module}` \
         `{own_name}`, or ask for a core module (--core)"
    )]
    Renamed {
        /// First level name that the rule gives.
        module: String,
        /// Second level name that the rule gives.
        name: String,
        /// First level name of the import.
        own_module: String,
        /// Second level name of the import.
        own_name: String,
    },
    /// An adapter could not be generated.
    #[error("the adapter for {function} cannot be generated: {error}")]
    Adapter {
        /// What is adapted.
        function: String,
        /// Why not.
        error: adapter::Error,
    },
    /// A guest leaves a function to the host as another type than that of the rule pack which answers in
    /// the host's place.
    #[error(
        "{user}: {reason}; a rule answers it in the host's place by {answer}: declare the type that this has"
    )]
    Answer {
        /// The guest's import.
        user: String,
        /// What the rule put there.
        answer: String,
        /// Both types.
        reason: String,
    },
    /// Instances could not be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The module could not be given the input's face.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// An input is not valid, which was left to be found out by writing it.
    #[error(transparent)]
    Input(#[from] DecodeError),
    /// The output could not be written where it was to go.
    #[error("the output cannot be written: {0}")]
    Write(std::io::Error),
    /// A name or a type of the output would be larger than engines accept, or a list longer.
    #[error(
        "the output would exceed what engines accept: {0}; give what the root imports and exports shorter names \
         and smaller types, or fewer of them"
    )]
    TooLarge(String),
    /// The output is not valid WebAssembly.
    #[error("internal error: the output is not valid: {0}; please report this with the input")]
    Invalid(String),
}

impl EmitError {
    /// What a validator says of the output. Sizes that are not counted before are told from faults of
    /// meld by its words, because it says them by nothing else.
    pub(crate) fn invalid(message: String) -> EmitError {
        let of_limits = [
            "effective type size exceeds the limit of",
            "type nesting is too deep",
            "count exceeds limit of",
            "instantiation arguments size is out of bounds",
            "string size out of bounds",
        ];
        match of_limits.iter().any(|words| message.contains(words)) {
            true => EmitError::TooLarge(message),
            false => EmitError::Invalid(message),
        }
    }
}
