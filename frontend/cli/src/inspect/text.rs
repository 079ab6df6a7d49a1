//! Inspections as tables for people.

use super::{
    CoreExport, CoreImport, Function, FusedInspection, Inspection, Memory, ProgramInspection,
    Representation, Resource,
};
use std::fmt::Write as _;

/// Renders an inspection.
pub fn render(inspection: &Inspection) -> String {
    match inspection {
        Inspection::Program(program) => render_program(program),
        Inspection::Fused(fused) => render_fused(fused),
    }
}

fn render_program(program: &ProgramInspection) -> String {
    let mut text = format!(
        "{}: {}, {}\n",
        bytes(program.bytes),
        count(program.components.len(), "component instance"),
        count(program.core_instances.len(), "core instance"),
    );
    table(
        &mut text,
        "core instances",
        &["instance", "size", "imports", "exports", "memory", "start"],
        program.core_instances.iter().map(|i| {
            vec![
                i.name.clone(),
                bytes(i.bytes),
                i.imports.to_string(),
                i.exports.to_string(),
                i.memories.iter().map(memory).collect::<Vec<_>>().join(", "),
                if i.start { "yes" } else { "" }.to_string(),
            ]
        }),
    );
    table(
        &mut text,
        "calls between instances and to the host",
        &["from", "import", "to", "function", "type", "crosses"],
        program.edges.iter().map(|e| {
            vec![
                e.from.clone(),
                format!("{:?} {:?}", e.import_module, e.import_name),
                e.to.clone(),
                e.function.clone(),
                short(&e.signature),
                e.crosses.join(", "),
            ]
        }),
    );
    functions(&mut text, "imports of the component", "import", &program.imports);
    imported_modules(&mut text, &program.imported_modules);
    table(
        &mut text,
        "exports of the component",
        &["export", "from", "type"],
        program.exports.iter().map(|e| vec![e.name.clone(), e.from.clone(), e.signature.clone()]),
    );
    table(
        &mut text,
        "resources",
        &[
            "resource",
            "implemented by",
            "destructor",
            "reaches the host",
            "lent",
            "held by",
            "representation",
        ],
        program.resources.iter().map(|r| {
            let yes = |is: bool| if is { "yes" } else { "no" }.to_string();
            vec![
                r.name.clone(),
                r.owner.clone(),
                yes(r.destructor),
                yes(r.reaches_host),
                yes(r.lent),
                r.holders.join(", "),
                representations(r),
            ]
        }),
    );
    table(
        &mut text,
        "calls that always trap",
        &["from", "import", "reason"],
        program.always_trapping.iter().map(|t| {
            let import = format!("{:?} {:?}", t.import_module, t.import_name);
            vec![t.from.clone(), import, t.reason.clone()]
        }),
    );
    for warning in &program.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    if let Some(reason) = &program.refused {
        let _ = writeln!(text, "\nThis is not fused:\n{}", reason.trim_end());
    }
    for face in &program.core {
        let of = match program.core.len() {
            1 => "the core module".to_string(),
            _ => face.name.clone(),
        };
        core_face(&mut text, &of, &face.imports, &face.exports);
    }
    text
}

fn render_fused(fused: &FusedInspection) -> String {
    let mut text = format!(
        "{}, made by meld; its core module is {}\n",
        bytes(fused.bytes),
        bytes(fused.module_bytes)
    );
    if let Some(world) = &fused.world {
        functions(&mut text, "imports of the component", "import", &world.imports);
        imported_modules(&mut text, &world.imported_modules);
        functions(&mut text, "exports of the component", "export", &world.exports);
    }
    table(
        &mut text,
        "where the core module's functions came from",
        &["origin", "functions", "code"],
        fused.origins.iter().map(|o| {
            let name = if o.by_meld { format!("{} (meld)", o.name) } else { o.name.clone() };
            vec![name, o.functions.to_string(), bytes(o.code_bytes)]
        }),
    );
    table(
        &mut text,
        "memories of the core module",
        &["memory", "size", "exported as", "name"],
        fused.memories.iter().enumerate().map(|(i, m)| {
            let name = m.name.as_ref().or(m.owner.as_ref()).cloned().unwrap_or_default();
            vec![i.to_string(), memory(&m.memory), m.exported_as.join(", "), name]
        }),
    );
    table(
        &mut text,
        "resources: checked tables of handles",
        &["instance", "memory"],
        fused.handle_tables.iter().map(|t| vec![t.instance.clone(), t.memory.to_string()]),
    );
    core_face(&mut text, "the core module", &fused.imports, &fused.exports);
    text
}

/// The options that were chosen for a resource, each with the instances that it was chosen for.
fn representations(resource: &Resource) -> String {
    let mut options: Vec<(&str, Vec<&str>)> = Vec::new();
    for Representation { instance, option, .. } in &resource.representations {
        let option = option.rsplit('.').next().unwrap_or(option);
        match options.iter_mut().find(|(known, _)| *known == option) {
            Some((_, instances)) => instances.push(instance),
            None => options.push((option, vec![instance])),
        }
    }
    let tell =
        |(option, instances): (&str, Vec<&str>)| format!("{option} ({})", instances.join(", "));
    options.into_iter().map(tell).collect::<Vec<_>>().join(", ")
}

/// A type in a column that others follow, without what is too much for it.
fn short(ty: &str) -> String {
    const MOST: usize = 60;
    match ty.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &ty[..end]),
        None => ty.to_string(),
    }
}

fn functions(text: &mut String, title: &str, head: &str, functions: &[Function]) {
    let rows = functions.iter().map(|f| vec![f.name.clone(), f.signature.clone()]);
    table(text, title, &[head, "type"], rows);
}

fn imported_modules(text: &mut String, names: &[String]) {
    let rows = names.iter().map(|name| vec![name.clone()]);
    table(text, "core modules that the component imports", &["module"], rows);
}

fn core_face(text: &mut String, of: &str, imports: &[CoreImport], exports: &[CoreExport]) {
    table(
        text,
        &format!("imports of {of}"),
        &["import", "type"],
        imports.iter().map(|i| vec![format!("{:?} {:?}", i.module, i.name), i.ty.clone()]),
    );
    table(
        text,
        &format!("exports of {of}"),
        &["export", "type"],
        exports.iter().map(|e| vec![e.name.clone(), e.ty.clone()]),
    );
}

/// Appends a table; nothing for no rows.
fn table(text: &mut String, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let width = |i: usize| {
        rows.iter().map(|r| r[i].chars().count()).chain([head[i].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let _ = writeln!(text, "\n{title}");
    let head: Vec<String> = head.iter().map(|h| h.to_string()).collect();
    for row in std::iter::once(&head).chain(&rows) {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A number of things: `1 rule`, `2 rules`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A size for people.
fn bytes(n: usize) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// A memory's size and shape for people.
pub fn memory(m: &Memory) -> String {
    let maximum = m.maximum_pages.map(|max| format!("..{max}")).unwrap_or_default();
    let page =
        if m.page_bytes == 65536 { String::new() } else { format!(" of {} B", m.page_bytes) };
    let width = if m.address_bits == 64 { ", 64-bit" } else { "" };
    let pages = if maximum.is_empty() && m.initial_pages == 1 { "page" } else { "pages" };
    format!("{}{maximum} {pages}{page}{width}", m.initial_pages)
}
