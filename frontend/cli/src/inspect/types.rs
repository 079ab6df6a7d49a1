//! Types as text, as WIT writes them but for labels, which linking leaves behind.

use meld_component::program::{Program, StringEncoding};
use meld_component::types::{FuncTypeId, TypeId, ValueType};
use std::fmt::Write as _;

/// Deeper than this, a type is cut short with `…`: it is for reading.
const DEPTH: usize = 6;

/// A function type.
pub fn signature(program: &Program, ty: FuncTypeId) -> String {
    let ty = program.types.func(ty);
    let mut text = String::from(if ty.async_ { "async func(" } else { "func(" });
    list(program, &ty.params, DEPTH, &mut text);
    text.push(')');
    if let Some(result) = ty.result {
        text.push_str(" -> ");
        value(program, result, DEPTH, &mut text);
    }
    text
}

fn list(program: &Program, types: &[TypeId], depth: usize, text: &mut String) {
    for (i, ty) in types.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        value(program, *ty, depth, text);
    }
}

fn one(program: &Program, name: &str, ty: TypeId, depth: usize, text: &mut String) {
    text.push_str(name);
    text.push('<');
    value(program, ty, depth, text);
    text.push('>');
}

fn value(program: &Program, ty: TypeId, depth: usize, text: &mut String) {
    let Some(depth) = depth.checked_sub(1) else {
        text.push('…');
        return;
    };
    let optional = |ty: &Option<TypeId>, text: &mut String| match ty {
        Some(ty) => value(program, *ty, depth, text),
        None => text.push('_'),
    };
    let resource = |id: meld_component::program::ResourceId| &program.resources[id.index()].name;
    match program.types.get(ty) {
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
        ValueType::List(t) => one(program, "list", *t, depth, text),
        ValueType::Option(t) => one(program, "option", *t, depth, text),
        ValueType::FixedList(t, n) => {
            text.push_str("list<");
            value(program, *t, depth, text);
            let _ = write!(text, ", {n}>");
        }
        ValueType::Record(ts) => {
            text.push_str("record {");
            list(program, ts, depth, text);
            text.push('}');
        }
        ValueType::Tuple(ts) => {
            text.push_str("tuple<");
            list(program, ts, depth, text);
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
            let _ = write!(text, "own<{}>", resource(*r));
        }
        ValueType::Borrow(r) => {
            let _ = write!(text, "borrow<{}>", resource(*r));
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

/// What of a function type lies in memory or in a table, each kind once.
#[derive(Default)]
pub struct Crossing {
    strings: bool,
    lists: bool,
    handles: bool,
    streams: bool,
    seen: std::collections::BTreeSet<TypeId>,
}

impl Crossing {
    /// Looks through a function type.
    pub fn of(program: &Program, ty: FuncTypeId) -> Self {
        let mut crossing = Crossing::default();
        let ty = program.types.func(ty);
        let mut todo: Vec<TypeId> = ty.params.iter().copied().chain(ty.result).collect();
        while let Some(ty) = todo.pop() {
            if !crossing.seen.insert(ty) {
                continue;
            }
            match program.types.get(ty) {
                ValueType::String => crossing.strings = true,
                ValueType::List(_) => crossing.lists = true,
                ValueType::Own(_) | ValueType::Borrow(_) => crossing.handles = true,
                ValueType::Stream(_) | ValueType::Future(_) => crossing.streams = true,
                _ => {}
            }
            todo.extend(program.types.get(ty).parts());
        }
        crossing
    }

    /// The kinds as text; strings with the encodings of both sides.
    pub fn text(&self, from: StringEncoding, to: Option<StringEncoding>) -> Vec<String> {
        let encoding = |e: StringEncoding| match e {
            StringEncoding::Utf8 => "utf8",
            StringEncoding::Utf16 => "utf16",
            StringEncoding::Latin1Utf16 => "latin1+utf16",
        };
        let mut kinds = Vec::new();
        if self.strings {
            kinds.push(match to {
                Some(to) if to != from => format!("strings {}→{}", encoding(from), encoding(to)),
                _ => format!("strings {}", encoding(from)),
            });
        }
        for (is, kind) in
            [(self.lists, "lists"), (self.handles, "handles"), (self.streams, "streams")]
        {
            if is {
                kinds.push(kind.to_string());
            }
        }
        kinds
    }
}
