//! Values and types as text: values in the manner of WAVE, types in the manner of WIT.
//!
//! Two values have one text exactly when they cannot be told apart: every NaN is `nan`, while
//! `0.0` and `-0.0` differ.

use std::fmt::Write;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ResourceAny, Type, Val};

/// The longest text that is kept whole, in bytes.
const LONGEST: usize = 1 << 16;

/// Writes handles.
pub(crate) type Handles<'a> = &'a mut dyn FnMut(ResourceAny) -> String;

/// Values separated by commas, in parentheses.
pub(crate) fn arguments(values: &[Val], handles: Handles<'_>) -> String {
    let mut text = String::new();
    sequence(&mut text, "(", values, ")", handles);
    bounded(text)
}

/// One value.
pub(crate) fn value(of: &Val, handles: Handles<'_>) -> String {
    let mut text = String::new();
    write(&mut text, of, handles);
    bounded(text)
}

/// Long texts keep their beginning, their length and a hash, which is what a comparison needs.
fn bounded(mut text: String) -> String {
    if text.len() > LONGEST {
        let length = text.len();
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let end = (0..=1024).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
        let _ = write!(text, "... ({length} bytes, hash {hash:016x})");
    }
    text
}

fn write(to: &mut String, value: &Val, handles: Handles<'_>) {
    match value {
        Val::Bool(v) => push(to, v),
        Val::S8(v) => push(to, v),
        Val::U8(v) => push(to, v),
        Val::S16(v) => push(to, v),
        Val::U16(v) => push(to, v),
        Val::S32(v) => push(to, v),
        Val::U32(v) => push(to, v),
        Val::S64(v) => push(to, v),
        Val::U64(v) => push(to, v),
        Val::Float32(v) if v.is_nan() => to.push_str("nan"),
        Val::Float64(v) if v.is_nan() => to.push_str("nan"),
        Val::Float32(v) => push(to, format_args!("{v:?}")),
        Val::Float64(v) => push(to, format_args!("{v:?}")),
        Val::Char(v) => push(to, format_args!("{v:?}")),
        Val::String(v) => push(to, format_args!("{v:?}")),
        Val::List(items) => sequence(to, "[", items, "]", handles),
        Val::FixedLengthList(items) => sequence(to, "[", items, "]", handles),
        Val::Tuple(items) => sequence(to, "(", items, ")", handles),
        Val::Map(entries) => {
            to.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                comma(to, i);
                write(to, key, handles);
                to.push_str(": ");
                write(to, value, handles);
            }
            to.push('}');
        }
        Val::Record(fields) => {
            to.push('{');
            for (i, (name, value)) in fields.iter().enumerate() {
                comma(to, i);
                push(to, format_args!("{name}: "));
                write(to, value, handles);
            }
            to.push('}');
        }
        Val::Variant(name, payload) => case(to, name, payload.as_deref(), handles),
        Val::Enum(name) => to.push_str(name),
        Val::Option(None) => to.push_str("none"),
        Val::Option(payload) => case(to, "some", payload.as_deref(), handles),
        Val::Result(Ok(payload)) => case(to, "ok", payload.as_deref(), handles),
        Val::Result(Err(payload)) => case(to, "err", payload.as_deref(), handles),
        Val::Flags(names) => push(to, format_args!("{{{}}}", names.join(", "))),
        Val::Resource(handle) => to.push_str(&handles(*handle)),
        Val::Future(_) => to.push_str("future"),
        Val::Stream(_) => to.push_str("stream"),
        Val::ErrorContext(_) => to.push_str("error-context"),
    }
}

fn push(to: &mut String, value: impl std::fmt::Display) {
    let _ = write!(to, "{value}");
}

fn comma(to: &mut String, i: usize) {
    if i > 0 {
        to.push_str(", ");
    }
}

fn sequence(to: &mut String, open: &str, items: &[Val], close: &str, handles: Handles<'_>) {
    to.push_str(open);
    for (i, item) in items.iter().enumerate() {
        comma(to, i);
        write(to, item, handles);
    }
    to.push_str(close);
}

fn case(to: &mut String, name: &str, payload: Option<&Val>, handles: Handles<'_>) {
    to.push_str(name);
    if let Some(payload) = payload {
        sequence(to, "(", std::slice::from_ref(payload), ")", handles);
    }
}

/// A function type, with the labels that a caller can see. Resources are only `own` and
/// `borrow`: which resource is meant has no name that two components would share.
pub(crate) fn func_type(ty: &ComponentFunc) -> String {
    let params = ty.params().map(|(name, ty)| format!("{name}: {}", type_text(&ty)));
    let params = params.collect::<Vec<_>>().join(", ");
    let results = ty.results().map(|ty| format!(" -> {}", type_text(&ty))).collect::<String>();
    format!("{}func({params}){results}", if ty.async_() { "async " } else { "" })
}

fn type_text(ty: &Type) -> String {
    let list = |types: &mut dyn Iterator<Item = Type>| {
        types.map(|ty| type_text(&ty)).collect::<Vec<_>>().join(", ")
    };
    let payload = |name: &str, ty: Option<Type>| match ty {
        Some(ty) => format!("{name}({})", type_text(&ty)),
        None => name.to_string(),
    };
    let of = |name: &str, ty: Option<Type>| match ty {
        Some(ty) => format!("{name}<{}>", type_text(&ty)),
        None => name.to_string(),
    };
    match ty {
        Type::Bool => "bool".to_string(),
        Type::S8 => "s8".to_string(),
        Type::U8 => "u8".to_string(),
        Type::S16 => "s16".to_string(),
        Type::U16 => "u16".to_string(),
        Type::S32 => "s32".to_string(),
        Type::U32 => "u32".to_string(),
        Type::S64 => "s64".to_string(),
        Type::U64 => "u64".to_string(),
        Type::Float32 => "f32".to_string(),
        Type::Float64 => "f64".to_string(),
        Type::Char => "char".to_string(),
        Type::String => "string".to_string(),
        Type::List(list) => of("list", Some(list.ty())),
        Type::FixedLengthList(list) => format!("list<{}, {}>", type_text(&list.ty()), list.len()),
        Type::Map(map) => format!("map<{}, {}>", type_text(&map.key()), type_text(&map.value())),
        Type::Record(record) => {
            let fields = record.fields().map(|f| format!("{}: {}", f.name, type_text(&f.ty)));
            format!("record {{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Tuple(tuple) => format!("tuple<{}>", list(&mut tuple.types())),
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| payload(case.name, case.ty));
            format!("variant {{{}}}", cases.collect::<Vec<_>>().join(", "))
        }
        Type::Enum(names) => {
            format!("enum {{{}}}", names.names().collect::<Vec<_>>().join(", "))
        }
        Type::Option(option) => of("option", Some(option.ty())),
        Type::Result(result) => {
            let side = |ty: Option<Type>| ty.map_or("_".to_string(), |ty| type_text(&ty));
            format!("result<{}, {}>", side(result.ok()), side(result.err()))
        }
        Type::Flags(flags) => {
            format!("flags {{{}}}", flags.names().collect::<Vec<_>>().join(", "))
        }
        Type::Own(_) => "own".to_string(),
        Type::Borrow(_) => "borrow".to_string(),
        Type::Future(future) => of("future", future.ty()),
        Type::Stream(stream) => of("stream", stream.ty()),
        Type::ErrorContext => "error-context".to_string(),
    }
}
