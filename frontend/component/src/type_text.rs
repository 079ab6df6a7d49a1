//! Types as text, as WIT writes them but for labels, which linking leaves behind.

use crate::program::ResourceId;
use crate::types::{FuncTypeId, TypeId, Types, ValueType};
use std::fmt::Write as _;

/// Deeper than this, a type is cut short with `…`: it is for reading.
const DEPTH: usize = 6;

/// Writes types.
#[derive(Clone, Copy)]
pub struct TypeText<'a> {
    types: &'a Types,
    resource: &'a dyn Fn(ResourceId) -> String,
}

impl<'a> TypeText<'a> {
    /// A writer of these types, that calls resources so.
    pub fn new(types: &'a Types, resource: &'a dyn Fn(ResourceId) -> String) -> Self {
        TypeText { types, resource }
    }

    /// A function type.
    pub fn signature(&self, ty: FuncTypeId) -> String {
        let ty = self.types.func(ty);
        let mut text = String::from(if ty.async_ { "async func(" } else { "func(" });
        self.list(&ty.params, DEPTH, &mut text);
        text.push(')');
        if let Some(result) = ty.result {
            text.push_str(" -> ");
            self.value(result, DEPTH, &mut text);
        }
        text
    }

    /// A value type.
    pub fn ty(&self, ty: TypeId) -> String {
        let mut text = String::new();
        self.value(ty, DEPTH, &mut text);
        text
    }

    fn list(&self, types: &[TypeId], depth: usize, text: &mut String) {
        for (i, ty) in types.iter().enumerate() {
            if i > 0 {
                text.push_str(", ");
            }
            self.value(*ty, depth, text);
        }
    }

    fn one(&self, name: &str, ty: TypeId, depth: usize, text: &mut String) {
        text.push_str(name);
        text.push('<');
        self.value(ty, depth, text);
        text.push('>');
    }

    fn value(&self, ty: TypeId, depth: usize, text: &mut String) {
        let Some(depth) = depth.checked_sub(1) else {
            text.push('…');
            return;
        };
        let optional = |ty: &Option<TypeId>, text: &mut String| match ty {
            Some(ty) => self.value(*ty, depth, text),
            None => text.push('_'),
        };
        match self.types.get(ty) {
            ValueType::Bool => text.push_str("bool"),
            ValueType::S8 => text.push_str("s8"),
            ValueType::U8 => text.push_str("u8"),
            ValueType::S16 => text.push_str("s16"),
            ValueType::U16 => text.push_str("u16"),
            ValueType::S32 => text.push_str("s32"),
            ValueType::U32 => text.push_str("u32"),
            ValueType::S64 => text.push_str("s64"),
            ValueType::U64 => text.push_str("u64"),
            ValueType::F32 => text.push_str("f32"),
            ValueType::F64 => text.push_str("f64"),
            ValueType::Char => text.push_str("char"),
            ValueType::String => text.push_str("string"),
            ValueType::ErrorContext => text.push_str("error-context"),
            ValueType::List(t) => self.one("list", *t, depth, text),
            ValueType::Option(t) => self.one("option", *t, depth, text),
            ValueType::FixedList(t, n) => {
                text.push_str("list<");
                self.value(*t, depth, text);
                let _ = write!(text, ", {n}>");
            }
            ValueType::Record(ts) => {
                text.push_str("record {");
                self.list(ts, depth, text);
                text.push('}');
            }
            ValueType::Tuple(ts) => {
                text.push_str("tuple<");
                self.list(ts, depth, text);
                text.push('>');
            }
            ValueType::Variant(cases) => {
                text.push_str("variant {");
                for (i, case) in cases.iter().enumerate() {
                    if i > 0 {
                        text.push_str(", ");
                    }
                    optional(case, text);
                }
                text.push('}');
            }
            ValueType::Enum(n) => {
                let _ = write!(text, "enum {{{n}}}");
            }
            ValueType::Flags(n) => {
                let _ = write!(text, "flags {{{n}}}");
            }
            ValueType::Result(ok, error) => {
                text.push_str("result<");
                optional(ok, text);
                text.push_str(", ");
                optional(error, text);
                text.push('>');
            }
            ValueType::Own(r) => {
                let _ = write!(text, "own<{}>", (self.resource)(*r));
            }
            ValueType::Borrow(r) => {
                let _ = write!(text, "borrow<{}>", (self.resource)(*r));
            }
            ValueType::Stream(t) => {
                text.push_str("stream<");
                optional(t, text);
                text.push('>');
            }
            ValueType::Future(t) => {
                text.push_str("future<");
                optional(t, text);
                text.push('>');
            }
        }
    }
}
