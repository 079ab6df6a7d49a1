//! `meld inspect`.
