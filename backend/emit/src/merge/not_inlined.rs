//! Calls that were asked to become bodies and did not.

/// An import of a function whose body was to stand in place of calls, and which is called, by all of its
/// importer or in some of its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotInlined {
    /// Who imports it, by position in [`Merge::instances`](super::Merge::instances).
    pub instance: usize,
    /// Position among the imports of its module.
    pub import: usize,
    /// Why it is called.
    pub reason: Reason,
}

/// Why a function is called whose body was to stand in place of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The function is the host's.
    Host,
    /// A body in another place would do something else.
    Body,
    /// The body is large, with those that would stand in it.
    Large,
    /// It would stand in itself, or at the end of a long row of such.
    Nested,
    /// The caller handles what is thrown, but not by what it calls last.
    Caller,
    /// The caller would grow too much.
    Growth,
    /// All callers together would.
    Budget,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use super::inline::{MOST_BYTES, MOST_GROWTH, MOST_LOCALS, MOST_NESTED, SHARE};
        match self {
            Reason::Host => f.write_str("it is a function of the host"),
            Reason::Body => f.write_str("it has tail calls or handles exceptions"),
            Reason::Large => write!(
                f,
                "its body could take more than {MOST_BYTES} bytes or {MOST_LOCALS} locals"
            ),
            Reason::Nested => write!(
                f,
                "it would stand in itself, or behind more than {MOST_NESTED} others in each other"
            ),
            Reason::Caller => f.write_str("a caller has tail calls and handles exceptions"),
            Reason::Growth => {
                write!(f, "a caller could grow by more than {MOST_GROWTH} bytes, or beyond limits")
            }
            Reason::Budget => write!(
                f,
                "all callers could grow by more than 1/{SHARE} of the inputs and {MOST_GROWTH} bytes"
            ),
        }
    }
}
