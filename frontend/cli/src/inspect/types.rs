//! Types of functions as text, and what of them crosses.

use meld_component::program::{Program, ResourceId, StringEncoding};
use meld_component::type_text::TypeText;
use meld_component::types::{FuncTypeId, TypeId, ValueType};

/// A function type.
pub fn signature(program: &Program, ty: FuncTypeId) -> String {
    let resource = |id: ResourceId| program.resources[id.index()].name.clone();
    TypeText::new(&program.types, &resource).signature(ty)
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
