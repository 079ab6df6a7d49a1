//! Where an offset of an input lies, as a path for people.
//!
//! Names stand at the end of what they are in, behind nearly all that can be wrong there. So no path
//! is kept while an input is read: it is read from the bytes when there is something to say. They need
//! not be valid; where they cannot be read, the path is shorter.

mod space;

use super::{features, nesting};
use crate::names;
use space::{Names, Space};
use std::ops::Range;
use wasmparser::{
    CanonicalFunction, Chunk, ComponentAlias, ComponentOuterAliasKind, CoreType, Export,
    FromReader, Import, KnownCustom, Parser, Payload, RecGroup, Result, SectionLimited,
};

/// What was read when something turned out to be wrong.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// What is inside of so many components.
    Depth(usize),
    /// A function body of any core module.
    Body,
}

/// The path from the root to the innermost item at `offset`, each part by its name or its index. Empty
/// for the root itself.
pub(super) fn path(bytes: &[u8], offset: usize, reading: Reading) -> String {
    let mut segments = Vec::new();
    let mut level = Level::read(bytes, 0..bytes.len(), offset, reading);
    while let Some((space, index, range)) = level.nested.take() {
        // What ends at the offset is meant only if it was not left yet.
        let is_left = matches!(reading, Reading::Depth(depth) if segments.len() >= depth);
        if offset == range.end && is_left {
            break;
        }
        let inner = Level::read(bytes, range, offset, reading);
        let name = level.name(space, index).or(inner.names.own());
        segments.push(segment(space, index, name));
        level = inner;
    }
    segments.extend(level.item());
    let mut length: usize = segments.iter().map(String::len).sum();
    let mut left_out = 0;
    while length > names::MAX_PATH && left_out + 1 < segments.len() {
        length -= segments[left_out].len();
        left_out += 1;
    }
    let beginning = if left_out > 0 { "…: " } else { "" };
    format!("{beginning}{}", segments[left_out..].join(": "))
}

fn segment(space: Space, index: u32, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{} {}", space.label(), names::quoted(name)),
        None => format!("{} {index}", space.label()),
    }
}

/// What lies at the offset, in the component or core module that it lies in.
enum Item {
    /// Items of an index space: all of a recursion group, otherwise one.
    Indices(Space, Range<u32>),
    /// An import or an export, which has its name at hand.
    Named(String),
}

impl Item {
    fn export(name: &str) -> Option<Item> {
        Some(Item::Named(format!("export {}", names::quoted(name))))
    }
}

/// One component or core module, without what is nested in it.
struct Level<'a> {
    offset: usize,
    reading: Reading,
    /// How many items each index space has so far.
    counts: [u32; Space::COUNT],
    /// The next function that has a body.
    body: u32,
    names: Names<'a>,
    exports: Vec<(Space, u32, &'a str)>,
    item: Option<Item>,
    /// What is nested at the offset, or ends there.
    nested: Option<(Space, u32, Range<usize>)>,
}

impl<'a> Level<'a> {
    fn read(bytes: &'a [u8], range: Range<usize>, offset: usize, reading: Reading) -> Self {
        let mut level = Level {
            offset,
            reading,
            counts: [0; Space::COUNT],
            body: 0,
            names: Names::None,
            exports: Vec::new(),
            item: None,
            nested: None,
        };
        let mut parser = Parser::new(range.start as u64);
        parser.set_features(features());
        let mut rest = bytes.get(range).unwrap_or_default();
        while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
            rest = &rest[consumed..];
            let (space, nested) = match payload {
                Payload::End(_) => break,
                Payload::ModuleSection { unchecked_range, .. } => {
                    (Space::CoreModule, unchecked_range)
                }
                Payload::ComponentSection { unchecked_range, .. } => {
                    (Space::Component, unchecked_range)
                }
                payload => {
                    level.payload(bytes, payload);
                    continue;
                }
            };
            let size = nested.len();
            let nested = nested.start..nested.end.min(bytes.len());
            let index = level.add(space);
            if nested.start <= offset && offset <= nested.end {
                level.nested = Some((space, index, nested));
            }
            let Some(behind) = rest.get(size..) else { break };
            rest = behind;
        }
        level
    }

    fn payload(&mut self, bytes: &[u8], payload: Payload<'a>) {
        use Payload as P;
        match payload {
            // Core modules.
            P::TypeSection(s) => self.section(s, |level, group| level.group(Space::Type, group)),
            P::ImportSection(s) => {
                self.items(s.range(), s.into_imports_with_offsets(), Self::import);
                self.body = self.counts[Space::Func as usize];
            }
            P::FunctionSection(s) => self.uniform(s, Space::Func),
            P::TableSection(s) => self.uniform(s, Space::Table),
            P::MemorySection(s) => self.uniform(s, Space::Memory),
            P::TagSection(s) => self.uniform(s, Space::Tag),
            P::GlobalSection(s) => self.uniform(s, Space::Global),
            P::ElementSection(s) => self.uniform(s, Space::Element),
            P::DataSection(s) => self.uniform(s, Space::Data),
            P::ExportSection(s) => self.listed(s, Space::Export, Self::export),
            P::StartSection { func, range } => self.start(func, &range),
            P::CodeSectionEntry(body) => {
                let range = body.range();
                let ends = matches!(self.reading, Reading::Body) && range.end == self.offset;
                if range.contains(&self.offset) || ends {
                    self.item = Some(Item::Indices(Space::Func, self.body..self.body + 1));
                }
                self.body += 1;
            }
            // Components.
            P::InstanceSection(s) => self.uniform(s, Space::CoreInstance),
            P::ComponentInstanceSection(s) => self.uniform(s, Space::Instance),
            P::CoreTypeSection(s) => self.section(s, |level, ty| match ty {
                Some(CoreType::Rec(group)) => level.group(Space::CoreType, Some(group)),
                _ => level.one(Space::CoreType),
            }),
            P::ComponentTypeSection(s) => {
                let (range, first) = (s.range(), self.counts[Space::Type as usize]);
                if range.start == self.offset {
                    // Too many types within types: to look for the one would be to read them.
                    let end = first.saturating_add(s.count());
                    self.item = Some(Item::Indices(Space::Type, first..end));
                } else if range.contains(&self.offset)
                    && nesting::is_bounded(bytes.get(range).unwrap_or_default())
                {
                    self.uniform(s, Space::Type);
                } else {
                    self.count(Space::Type, s.count());
                }
            }
            P::ComponentAliasSection(s) => {
                self.listed(s, Space::Alias, |level, alias| level.one(alias_space(&alias)));
            }
            P::ComponentCanonicalSection(s) => self.listed(s, Space::Canonical, |level, canon| {
                level.one(match canon {
                    CanonicalFunction::Lift { .. } => Space::Func,
                    _ => Space::CoreFunc,
                })
            }),
            P::ComponentStartSection { start, range } => self.start(start.func_index, &range),
            P::ComponentImportSection(s) => self.listed(s, Space::Import, |level, import| {
                level.add(import.ty.kind().into());
                Some(Item::Named(format!("import {}", names::quoted(import.name.name))))
            }),
            P::ComponentExportSection(s) => self.listed(s, Space::Export, |level, export| {
                let (name, space) = (export.name.name, export.kind.into());
                level.exports.push((space, export.index, name));
                level.add(space);
                Item::export(name)
            }),
            P::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => self.names = Names::Core(names),
                KnownCustom::ComponentName(names) => self.names = Names::Component(names),
                _ => {}
            },
            _ => {}
        }
    }

    fn import(&mut self, import: Option<Import<'a>>) -> Option<Item> {
        let position = self.one(Space::Import);
        let Some(import) = import else { return position };
        self.add(import.ty.into());
        let [module, name] = [import.module, import.name].map(names::quoted);
        Some(Item::Named(format!("import {module} {name}")))
    }

    fn export(&mut self, export: Export<'a>) -> Option<Item> {
        self.exports.push((export.kind.into(), export.index, export.name));
        Item::export(export.name)
    }

    fn start(&mut self, func: u32, range: &Range<usize>) {
        if range.contains(&self.offset) {
            self.item = Some(Item::Indices(Space::Func, func..func.saturating_add(1)));
        }
    }

    /// A section each of whose items adds one index to a space.
    fn uniform<T: FromReader<'a>>(&mut self, section: SectionLimited<'a, T>, space: Space) {
        self.section(section, |level, _| level.one(space));
    }

    /// A section of items that say themselves what they are; one that cannot be read has its position.
    fn listed<T: FromReader<'a>>(
        &mut self,
        section: SectionLimited<'a, T>,
        list: Space,
        item: impl Fn(&mut Self, T) -> Option<Item>,
    ) {
        self.section(section, |level, read| {
            let position = level.one(list);
            read.map_or(position, |read| item(level, read))
        });
    }

    fn section<T: FromReader<'a>>(
        &mut self,
        section: SectionLimited<'a, T>,
        item: impl Fn(&mut Self, Option<T>) -> Option<Item>,
    ) {
        self.items(section.range(), section.into_iter_with_offsets(), item);
    }

    /// The items of a section; `item` counts one, which may be unreadable, and says what it is.
    fn items<T>(
        &mut self,
        range: Range<usize>,
        items: impl Iterator<Item = Result<(usize, T)>>,
        item: impl Fn(&mut Self, Option<T>) -> Option<Item>,
    ) {
        for read in items {
            // What cannot be read is at fault itself, and nothing behind it can be read.
            let (is_before, read) = match read {
                Ok((at, read)) => (at <= self.offset && range.contains(&self.offset), Some(read)),
                Err(error) => (error.offset() == self.offset, None),
            };
            let item = item(self, read);
            if is_before {
                self.item = item;
            }
        }
    }

    fn group(&mut self, space: Space, group: Option<RecGroup>) -> Option<Item> {
        let Some(group) = group else { return self.one(space) };
        let first = self.counts[space as usize];
        self.count(space, group.types().len() as u32);
        Some(Item::Indices(space, first..self.counts[space as usize]))
    }

    fn one(&mut self, space: Space) -> Option<Item> {
        let index = self.add(space);
        Some(Item::Indices(space, index..self.counts[space as usize]))
    }

    /// Counts an item, and returns its index.
    fn add(&mut self, space: Space) -> u32 {
        let index = self.counts[space as usize];
        self.count(space, 1);
        index
    }

    fn count(&mut self, space: Space, more: u32) {
        let count = &mut self.counts[space as usize];
        *count = count.saturating_add(more);
    }

    /// The name of an item in the name section, or else that of its first export.
    fn name(&self, space: Space, index: u32) -> Option<&'a str> {
        let exports = self.exports.iter();
        let exported = exports.filter(|(of, at, _)| (*of, *at) == (space, index));
        let mut names =
            self.names.of(space, index).into_iter().chain(exported.map(|(.., name)| *name));
        names.find(|name| !name.is_empty())
    }

    fn item(&self) -> Option<String> {
        match self.item.as_ref()? {
            Item::Indices(space, indices) if indices.len() > 1 => {
                let (first, last) = (indices.start, indices.end - 1);
                Some(format!("{}s {first} to {last}", space.label()))
            }
            Item::Indices(space, Range { start, .. }) => {
                Some(segment(*space, *start, self.name(*space, *start)))
            }
            Item::Named(text) => Some(text.clone()),
        }
    }
}

fn alias_space(alias: &ComponentAlias<'_>) -> Space {
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => (*kind).into(),
        ComponentAlias::CoreInstanceExport { kind, .. } => Space::from(*kind).of_component(),
        ComponentAlias::Outer { kind, .. } => match kind {
            ComponentOuterAliasKind::CoreModule => Space::CoreModule,
            ComponentOuterAliasKind::CoreType => Space::CoreType,
            ComponentOuterAliasKind::Type => Space::Type,
            ComponentOuterAliasKind::Component => Space::Component,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three offsets have exactly these paths; of an input that ends anywhere, all offsets can be asked for, and
    /// among the answers are items of every kind.
    #[test]
    fn items_of_every_kind_have_paths_in_whole_and_in_cut_inputs() {
        let bytes = wat::parse_str(
            r#"(component
              (import "i" (instance $i (export "f" (func))))
              (core module $m
                (rec (type $a (struct)) (type $b (struct)))
                (import "a" "f" (func)) (table 1 funcref) (memory 1) (global i32 (i32.const 0)) (tag)
                (func $f (export "f")) (start $f) (elem (i32.const 0) $f) (data (i32.const 0) "x"))
              (component $c (type (instance (export "f" (func)))) (core module (func)))
              (core func $f (canon lower (func $i "f")))
              (core instance $m (instantiate $m (with "a" (instance (export "f" (func $f))))))
              (func (export "run") (canon lift (core func $m "f"))))"#,
        )
        .expect("the text is valid");
        for (offset, expect) in [
            (86, "core module \"m\": global 0"),
            (175, "component \"c\": type 0"),
            (282, "export \"run\""),
        ] {
            assert_eq!(path(&bytes, offset, Reading::Depth(0)), expect, "{offset}");
        }
        let mut paths = std::collections::BTreeSet::new();
        for size in (0..=bytes.len()).rev().step_by(5) {
            for offset in 0..=size + 1 {
                for reading in [Reading::Body, Reading::Depth(0), Reading::Depth(1)] {
                    paths.insert(path(&bytes[..size], offset, reading));
                }
            }
        }
        for expect in [
            "",
            "import \"i\"",
            "core module \"m\"",
            "core module \"m\": types 0 to 1",
            "core module \"m\": import \"a\" \"f\"",
            "core module \"m\": table 0",
            "core module \"m\": memory 0",
            "core module \"m\": global 0",
            "core module \"m\": tag 0",
            "core module \"m\": function \"f\"",
            "core module \"m\": export \"f\"",
            "core module \"m\": element segment 0",
            "core module \"m\": data segment 0",
            // The names are cut off.
            "core module 0: function \"f\"",
            "core module 0: function 1",
            "component \"c\": type 0",
            "component \"c\": core module 0: function 0",
            "function \"run\"",
            "core function \"f\"",
            "core instance \"m\"",
            "export \"run\"",
        ] {
            assert!(paths.contains(expect), "{expect} is not of {paths:#?}");
        }
    }
}
