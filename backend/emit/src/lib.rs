//! Writes a decided program as one core module or component.

pub mod merge;
