//! Writes a decided program.

pub mod adapter;
