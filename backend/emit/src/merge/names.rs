//! The name section, and custom sections that can be merged.

use super::Kind;
use super::link::{Item, Linked};
use super::module::{self, Module};
use super::reencode::Numbers;
use indexmap::{IndexMap, IndexSet};
use std::collections::BTreeSet;
use wasm_encoder::{
    CustomSection, Encode, IndirectNameMap, NameMap, NameSection, ProducersField, ProducersSection,
};

/// The name of the start function that merging generates.
const START_NAME: &str = "meld:start";

/// Names every item by where it comes from: `instance!name`, `module!name` for host imports.
pub fn name_section(
    linked: &Linked<'_>,
    numbers: &Numbers,
    module_name: Option<&str>,
    start: Option<u32>,
) -> NameSection {
    let mut section = NameSection::new();
    if let Some(name) = module_name {
        section.module(name);
    }
    let mut maps = Kind::ALL.map(|kind| (kind, NameMap::new(), false));
    let mut text = String::new();
    for (kind, map, any) in &mut maps {
        let mut of_instance: Option<(u32, Vec<Option<&str>>)> = None;
        for (index, id) in numbers.order[*kind].iter().enumerate() {
            text.clear();
            match linked.items[*kind][*id as usize] {
                Item::Host(host) => {
                    let host = &linked.hosts[*kind][host as usize];
                    text.extend([host.module, "!", host.name]);
                }
                Item::Const(_) => continue,
                Item::Defined(instance, position) => {
                    let module = &linked.modules[instance as usize];
                    if of_instance.as_ref().is_none_or(|(of, _)| *of != instance) {
                        of_instance = Some((instance, known_names(module, *kind)));
                    }
                    let original = module.imported[*kind].len() + position as usize;
                    let known = of_instance.as_ref().and_then(|(_, names)| names[original]);
                    let own = linked.names[instance as usize];
                    match known {
                        Some(name)
                            if linked.synthetic[instance as usize] && name.starts_with("meld:") =>
                        {
                            map.append(
                                index as u32,
                                if own.starts_with(name) { own } else { name },
                            );
                            *any = true;
                            continue;
                        }
                        _ => text.push_str(own),
                    }
                    match (known, *kind) {
                        (Some(name), _) => text.extend(["!", name]),
                        (None, Kind::Func) => text.push_str(&format!("!func[{original}]")),
                        (None, Kind::Memory) => text.push_str(&format!("!memory[{original}]")),
                        (None, _) => continue,
                    }
                }
            }
            map.append(index as u32, &text);
            *any = true;
        }
        if let (Kind::Func, Some(start)) = (*kind, start) {
            map.append(start, START_NAME);
            *any = true;
        }
    }
    let [funcs, tables, memories, globals, tags] = maps.map(|(_, map, any)| any.then_some(map));
    // Subsections stand in the order of their numbers.
    if let Some(map) = funcs {
        section.functions(&map);
    }
    if let Some(map) = local_names(linked, numbers) {
        section.locals(&map);
    }
    if let Some(map) = tables {
        section.tables(&map);
    }
    if let Some(map) = memories {
        section.memories(&map);
    }
    if let Some(map) = globals {
        section.globals(&map);
    }
    if let Some(map) = tags {
        section.tags(&map);
    }
    section
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

/// The `producers` section of all modules, and meld's own entry: each field with each tool once. Versions of one tool
/// are joined, because a tool may stand in a field only once (tool conventions, "Producers
/// Section").
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
