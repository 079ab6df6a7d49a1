//! The three steps of a guest build that need the wasm-tools libraries.
//!
//! ```text
//! guest-tools bindings WIT WORLD utf8|utf16 OUT   C bindings of a world
//! guest-tools component CORE OUT                  component of a core module that carries its world
//! guest-tools command|reactor CORE OUT            the same for one that imports preview 1 of WASI
//! guest-tools check COMPONENT                     validates, prints imports and exports, refuses WASI
//! ```

use anyhow::{Context, Result, bail};
use std::path::Path;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_bindgen_core::Files;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bindings", wit, world, encoding, out] => bindings(wit, world, encoding, Path::new(out)),
        ["component", core, out] => component(core, out, None),
        ["command", core, out] => component(core, out, Some(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)),
        ["reactor", core, out] => component(core, out, Some(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)),
        ["check", path] => check(path),
        _ => {
            bail!("usage: bindings WIT WORLD ENCODING OUT | component|command|reactor CORE OUT | check COMPONENT")
        }
    }
}

/// Writes `guest.h`, `guest.c` and the object file that carries the world.
///
/// Interfaces keep only their last name and the world is called `guest`, whether they are imported
/// or exported, so that a provider and a consumer can share sources.
fn bindings(wit: &str, world: &str, encoding: &str, out: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut rename = Vec::new();
    for (_, interface) in &resolve.interfaces {
        let Some(name) = &interface.name else { continue };
        let package = &resolve.packages[interface.package.context("interface without package")?];
        rename.push((package.name.interface_id(name), name.clone()));
    }
    // The generator refuses names that it has no use for.
    let item = &resolve.worlds[world];
    let imports: Vec<_> = item.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let exports: Vec<_> = item.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    rename.retain(|(name, _)| imports.contains(name) || exports.contains(name));
    // An interface that is both imported and exported needs two names.
    let unprefixed: Vec<_> = rename
        .iter()
        .filter(|(name, _)| !imports.contains(name))
        .map(|(_, name)| format!("{}_", name.replace('-', "_")))
        .collect();

    let options = wit_bindgen_c::Opts {
        no_sig_flattening: true,
        string_encoding: match encoding {
            "utf8" => StringEncoding::UTF8,
            "utf16" => StringEncoding::UTF16,
            other => bail!("unknown string encoding `{other}`"),
        },
        rename,
        rename_world: Some("guest".into()),
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    std::fs::create_dir_all(out)?;
    for (name, contents) in files.iter() {
        // The object file is not text.
        match String::from_utf8(contents.to_vec()) {
            Ok(mut text) if !name.ends_with(".o") => {
                for name in &unprefixed {
                    text = text.replace(&format!("exports_{name}"), name);
                    let name = name.to_uppercase();
                    text = text.replace(&format!("EXPORTS_{name}"), &name);
                }
                std::fs::write(out.join(name), text)?;
            }
            _ => std::fs::write(out.join(name), contents)?,
        }
    }
    Ok(())
}

/// The adapter turns preview 1 of WASI into preview 2.
fn component(core: &str, out: &str, adapter: Option<&[u8]>) -> Result<()> {
    let module = std::fs::read(core).with_context(|| format!("reading {core}"))?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    if let Some(adapter) = adapter {
        encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
    }
    let bytes = encoder.encode()?;
    std::fs::write(out, bytes)?;
    Ok(())
}

fn check(path: &str) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {path}"))?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(&bytes)?;
    let (mut depth, mut imports, mut exports) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_string());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_string());
                }
            }
            _ => {}
        }
    }
    println!(
        "{path}: {} bytes, imports [{}], exports [{}]",
        bytes.len(),
        imports.join(", "),
        exports.join(", ")
    );
    match imports.iter().find(|name| name.starts_with("wasi")) {
        Some(name) => bail!("{path} imports `{name}` from its host"),
        None => Ok(()),
    }
}
