//! The name section, and custom sections that can be merged.

use super::bulk::{section, sized};
use super::link::{Item, Linked};
use super::module::{self, Module};
use super::reencode::Numbers;
use super::{Kind, MergeError};
use indexmap::{IndexMap, IndexSet};
use std::collections::BTreeSet;
use wasm_encoder::{
    CustomSection, Encode, IndirectNameMap, NameMap, NameSection, ProducersField, ProducersSection,
    SectionId,
};

/// The name of the start function that merging generates.
const START_NAME: &str = "meld:start";

/// What the sizes of the name section and of its functions are guessed to be, in bytes.
const ABOUT: usize = 128 << 10;

/// The number of the subsection of function names (core specification, "Name Section").
const FUNCTIONS: u8 = 1;

/// Appends the name section, which names every item by where it comes from: `instance!name`,
/// `module!name` for host imports. Names of functions are written as they are made: there are
/// many.
pub fn name_section(
    linked: &Linked<'_>,
    numbers: &Numbers,
    module_name: Option<&str>,
    start: Option<u32>,
    out: &mut Vec<u8>,
) -> Result<(), MergeError> {
    let mut module = NameSection::new();
    if let Some(name) = module_name {
        module.module(name);
    }
    // Subsections stand in the order of their numbers.
    let mut others = NameSection::new();
    if let Some(map) = local_names(linked, numbers) {
        others.locals(&map);
    }
    let of_kind = |kind: Kind| {
        let (mut map, mut any) = (NameMap::new(), false);
        each_name(linked, numbers, kind, |index, name| {
            map.append(index, name);
            any = true;
        });
        any.then_some(map)
    };
    if let Some(map) = of_kind(Kind::Table) {
        others.tables(&map);
    }
    if let Some(map) = of_kind(Kind::Memory) {
        others.memories(&map);
    }
    if let Some(map) = of_kind(Kind::Global) {
        others.globals(&map);
    }
    if let Some(map) = of_kind(Kind::Tag) {
        others.tags(&map);
    }
    section(SectionId::Custom, ABOUT, out, |out| {
        "name".encode(out);
        out.extend_from_slice(&module.as_custom().data);
        // Every function has a name.
        let count = numbers.order[Kind::Func].len() + usize::from(start.is_some());
        if count > 0 {
            out.push(FUNCTIONS);
            sized(ABOUT, out, |out| {
                count.encode(out);
                each_name(linked, numbers, Kind::Func, |index, name| {
                    index.encode(out);
                    name.encode(out);
                });
                if let Some(start) = start {
                    start.encode(out);
                    START_NAME.encode(out);
                }
                Ok(())
            })?;
        }
        out.extend_from_slice(&others.as_custom().data);
        Ok(())
    })
}

/// Calls `each` with the indices and names of a kind, in order of indices.
fn each_name(linked: &Linked<'_>, numbers: &Numbers, kind: Kind, mut each: impl FnMut(u32, &str)) {
    let mut text = String::new();
    let mut of_instance: Option<(u32, Vec<Option<&str>>)> = None;
    for (index, id) in (0..).zip(&numbers.order[kind]) {
        text.clear();
        match linked.items[kind][*id as usize] {
            Item::Host(host) => {
                let host = &linked.hosts[kind][host as usize];
                text.extend([host.module, "!", host.name]);
            }
            Item::Const(_) => continue,
            Item::Defined(instance, position) => {
                let module = &linked.modules[instance as usize];
                if of_instance.as_ref().is_none_or(|(of, _)| *of != instance) {
                    of_instance = Some((instance, known_names(module, kind)));
                }
                let original = module.imported[kind].len() + position as usize;
                let known = of_instance.as_ref().and_then(|(_, names)| names[original]);
                let own = linked.names[instance as usize];
                match (known, kind) {
                    (Some(name), _)
                        if linked.synthetic[instance as usize] && name.starts_with("meld:") =>
                    {
                        text.push_str(if own.starts_with(name) { own } else { name });
                    }
                    (Some(name), _) => text.extend([own, "!", name]),
                    (None, Kind::Func) => text.push_str(&format!("{own}!func[{original}]")),
                    // Whose a memory is, whoever embeds the module has to know.
                    (None, Kind::Memory) => text.push_str(&format!("{own}!memory[{original}]")),
                    (None, _) => continue,
                }
            }
        }
        each(index, &text);
    }
}

/// What messages call an item that a module defines: its name in backquotes, or its index in the module.
pub fn of(module: &Module<'_>, kind: Kind, position: usize) -> String {
    let index = module.imported[kind].len() + position;
    match known_names(module, kind)[index] {
        Some(name) => format!("`{name}`"),
        None => index.to_string(),
    }
}

/// For each index of a kind its name in the name section, or else its first export's.
fn known_names<'a>(module: &Module<'a>, kind: Kind) -> Vec<Option<&'a str>> {
    let mut names = vec![None; module.count(kind)];
    for export in &module.exports {
        if module::export_kind(export.kind) == kind
            && let Some(slot) = names.get_mut(export.index as usize)
        {
            slot.get_or_insert(export.name);
        }
    }
    for (index, name) in &module.names.items[kind] {
        if let Some(slot) = names.get_mut(*index as usize) {
            *slot = Some(*name);
        }
    }
    names
}

/// Names of locals. Merging keeps functions in order within an instance, as this map must be.
fn local_names(linked: &Linked<'_>, numbers: &Numbers) -> Option<IndirectNameMap> {
    let mut all = IndirectNameMap::new();
    let mut last = None;
    for (instance, module) in linked.modules.iter().enumerate() {
        let Some(locals) = &module.names.locals else { continue };
        for naming in locals.clone().into_iter().map_while(Result::ok) {
            let imported = module.imported[Kind::Func].len();
            let Some(&id) = linked.local[instance][Kind::Func].get(naming.index as usize) else {
                continue;
            };
            let index = numbers.items[Kind::Func][id as usize];
            let emitted = numbers.order[Kind::Func].get(index as usize) == Some(&id);
            if (naming.index as usize) < imported || !emitted || last.is_some_and(|l| l >= index) {
                continue;
            }
            let mut map = NameMap::new();
            for local in naming.names.into_iter().map_while(Result::ok) {
                map.append(local.index, local.name);
            }
            all.append(index, &map);
            last = Some(index);
        }
    }
    last.map(|_| all)
}

/// The `producers` section of all modules, and meld's own entry: each field with each tool once.
/// Versions of one tool are joined, because a tool may stand in a field only once (tool
/// conventions, "Producers Section").
pub fn producers(linked: &Linked<'_>) -> ProducersSection {
    let mut fields: IndexMap<&str, IndexMap<&str, IndexSet<&str>>> = IndexMap::new();
    for field in linked.modules.iter().flat_map(|module| &module.producers) {
        let tools = fields.entry(field.name).or_default();
        for value in field.values.clone().into_iter().map_while(Result::ok) {
            tools.entry(value.name).or_default().insert(value.version);
        }
    }
    fields
        .entry("processed-by")
        .or_default()
        .entry("meld")
        .or_default()
        .insert(env!("CARGO_PKG_VERSION"));
    let mut section = ProducersSection::new();
    for (name, tools) in fields {
        let mut field = ProducersField::new();
        for (tool, versions) in tools {
            let versions: Vec<&str> = versions.into_iter().filter(|v| !v.is_empty()).collect();
            field.value(tool, &versions.join(", "));
        }
        section.field(name, &field);
    }
    section
}

/// The `target_features` section: every feature that some module uses.
pub fn target_features(linked: &Linked<'_>) -> Option<CustomSection<'static>> {
    let used: BTreeSet<&str> =
        linked.modules.iter().flat_map(|module| module.target_features.iter().copied()).collect();
    if used.is_empty() {
        return None;
    }
    let mut data = Vec::new();
    used.len().encode(&mut data);
    for feature in used {
        data.push(b'+');
        feature.encode(&mut data);
    }
    Some(CustomSection { name: "target_features".into(), data: data.into() })
}

/// Custom sections that were left out, as instance and section name.
pub fn dropped(linked: &Linked<'_>) -> Vec<(usize, String)> {
    let modules = linked.modules.iter().enumerate();
    modules.flat_map(|(i, m)| m.dropped.iter().map(move |name| (i, (*name).to_owned()))).collect()
}
