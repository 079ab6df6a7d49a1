//! What may stand for an import, as far as merging relies on it.

use super::types::Types;
use wasm_encoder::{EntityType, RefType, ValType};

/// `actual` can stand where `declared` was declared.
pub fn matches(types: &Types, actual: &EntityType, declared: &EntityType) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what} differ"));
    match (actual, declared) {
        (EntityType::Function(a) | EntityType::FunctionExact(a), EntityType::Function(d)) => {
            if types.is_subtype(*a, *d) {
                Ok(())
            } else {
                differ("function types")
            }
        }
        (EntityType::Function(a) | EntityType::FunctionExact(a), EntityType::FunctionExact(d)) => {
            if a == d {
                Ok(())
            } else {
                differ("function types")
            }
        }
        (EntityType::Table(a), EntityType::Table(d)) => {
            if a.element_type != d.element_type {
                differ("element types")
            } else if (a.table64, a.shared) != (d.table64, d.shared) {
                differ("index types or sharing")
            } else {
                Ok(())
            }
        }
        (EntityType::Memory(a), EntityType::Memory(d)) => {
            let page = |size: Option<u32>| size.unwrap_or(16);
            if (a.memory64, a.shared) != (d.memory64, d.shared) {
                differ("index types or sharing")
            } else if page(a.page_size_log2) != page(d.page_size_log2) {
                differ("page sizes")
            } else {
                Ok(())
            }
        }
        (EntityType::Global(a), EntityType::Global(d)) => {
            if (a.mutable, a.shared) != (d.mutable, d.shared) {
                differ("mutability or sharing")
            } else {
                match (a.val_type, d.val_type) {
                    (ours, theirs) if ours == theirs => Ok(()),
                    (ValType::Ref(ours), ValType::Ref(theirs))
                        if !a.mutable && may_match(ours, theirs) =>
                    {
                        Ok(())
                    }
                    _ => differ("value types"),
                }
            }
        }
        (EntityType::Tag(a), EntityType::Tag(d)) => {
            if a == d {
                Ok(())
            } else {
                differ("tag types")
            }
        }
        _ => differ("kinds"),
    }
}

/// Only nullability is looked at here; see [`super::link`].
fn may_match(actual: RefType, declared: RefType) -> bool {
    declared.nullable || !actual.nullable
}
