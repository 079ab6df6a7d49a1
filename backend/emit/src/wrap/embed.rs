//! Describes a core module's world in a `component-type` section.

use meld_component::guard::guard;
use meld_component::outline::outline;
use meld_component::program::{ComponentWorld, Program, StringEncoding, World};
use meld_component::types::ValueType;
use std::collections::HashSet;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::names::{ComponentName, ComponentNameKind};
use wasmparser::types::TypesRef;
use wit_component::DecodedWasm;
use wit_parser::{Resolve, TypeDefKind, TypeId, WorldId, WorldItem};

/// Why the world of a component cannot be written as a WIT world. The core module is usable
/// without the description, so this need not be fatal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// Some import or export has a form that WIT does not know.
    #[error("the world cannot be described in WIT: {reason} (`{}`)", at.join("` / `"))]
    Shape {
        /// What is in the way.
        reason: &'static str,
        /// Names from the root down to the item.
        at: Vec<String>,
    },
    /// A resource that the component shows in two places is one in WIT only where one of them is seen to
    /// use the other. Else, and where a component in between says less of a type than is known of it,
    /// WIT would tell the two apart, and with it whoever reads it.
    #[error("the root shows one resource as several types")]
    Several,
    /// The root imports an interface and exports one of the same name, and an export uses a resource of the
    /// imported one. In WIT the exported one would stand for it.
    #[error(
        "an export uses the imported resource `{0}`, and the root exports an interface of the same name, which \
         in WIT would stand for it"
    )]
    Overlaid(String),
    /// The WIT tools refuse the world.
    #[error("the world cannot be described in WIT: {0}")]
    Refused(String),
}

/// The world of a component in WIT. It is read apart from what is to carry it: that takes a while, and needs
/// nothing of it.
#[derive(Clone, Debug)]
pub struct WitWorld {
    resolve: Resolve,
    id: WorldId,
}

impl WitWorld {
    /// The world of a program; there is none if it is made of core modules.
    ///
    /// # Errors
    ///
    /// If WIT has no words for it.
    pub fn of(program: &Program) -> Result<Option<WitWorld>, EmbedError> {
        let World::Component(world) = &program.world else { return Ok(None) };
        describable(world)?;
        overlaid(program, world)?;
        let outline = outline(&world.bytes).map_err(|e| refused(&e))?;
        // The decoder states some of its expectations as assertions.
        let decoded = guard(|| wit_component::decode(&outline))
            .map_err(|panic| refused(&format!("the WIT decoder failed: {}", first_line(&panic))))?
            .map_err(|e| refused(&e))?;
        let DecodedWasm::Component(resolve, id) = decoded else {
            return Err(refused(&"the input is a WIT package, not a component"));
        };
        if shown(&resolve, id) > known(program) {
            return Err(EmbedError::Several);
        }
        Ok(Some(WitWorld { resolve, id }))
    }

    /// Adds a readable `component-type` section that describes the world to a core module whose imports
    /// and exports are named as [`super::core_module`] names them.
    ///
    /// # Errors
    ///
    /// If the WIT tools have no words for it. The module is then as it was.
    pub fn embed(&self, module: &mut Vec<u8>, encoding: StringEncoding) -> Result<(), EmbedError> {
        let encoding = match encoding {
            StringEncoding::Utf8 => wit_component::StringEncoding::UTF8,
            StringEncoding::Utf16 => wit_component::StringEncoding::UTF16,
            StringEncoding::Latin1Utf16 => wit_component::StringEncoding::CompactUTF16,
        };
        let mut section = Vec::new();
        wit_component::embed_component_metadata(&mut section, &self.resolve, self.id, encoding)
            .map_err(|e| refused(&e))?;
        readable(&section).map_err(|e| refused(&e))?;
        module.extend(section);
        Ok(())
    }
}

fn refused(error: &dyn std::fmt::Display) -> EmbedError {
    EmbedError::Refused(format!("{error:#}"))
}

/// Looks for imported resources that WIT would take for exported ones.
fn overlaid(program: &Program, world: &ComponentWorld) -> Result<(), EmbedError> {
    let exports = |name: &String| world.exports.iter().any(|(export, ..)| export == name);
    for (resource, path) in program.border.iter().flat_map(|border| &border.imported) {
        let [interface, _, ..] = &path[..] else { continue };
        if !exports(interface) {
            continue;
        }
        let mentions = program
            .types
            .holding(|ty| matches!(ty, ValueType::Own(r) | ValueType::Borrow(r) if r == resource));
        let used = program.root_exports.iter().any(|export| {
            let func = program.types.func(program.funcs[export.func.index()].ty);
            func.params.iter().chain(&func.result).any(|ty| mentions.contains(ty))
        });
        if used {
            return Err(EmbedError::Overlaid(path.join(".")));
        }
    }
    Ok(())
}

/// How many resource types a world has to who reads it: an interface that is imported and exported has its
/// own twice.
fn shown(resolve: &Resolve, world: WorldId) -> usize {
    let world = &resolve.worlds[world];
    let is_resource = |id: &TypeId| resolve.types[*id].kind == TypeDefKind::Resource;
    let items = world.imports.values().chain(world.exports.values());
    let count = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => {
            resolve.interfaces[*id].types.values().filter(|id| is_resource(id)).count()
        }
        WorldItem::Type { id, .. } => usize::from(is_resource(id)),
        WorldItem::Function(_) => 0,
    };
    items.map(count).sum()
}

/// How many resource types the root shows.
fn known(program: &Program) -> usize {
    let border = program.border.iter();
    let shown = border.flat_map(|border| border.imported.iter().chain(&border.exported));
    shown.map(|(id, _)| id).collect::<HashSet<_>>().len()
}

/// Reads the section as tools do that make a component of the module. They state some of their
/// expectations as assertions, too.
fn readable(section: &[u8]) -> Result<(), String> {
    let mut module = wasm_encoder::Module::HEADER.to_vec();
    module.extend_from_slice(section);
    guard(|| wit_component::ComponentEncoder::default().module(&module).map(drop))
        .map_err(|panic| format!("WIT tools fail to read it: {}", first_line(&panic)))?
        .map_err(|e| format!("WIT tools do not read it: {e:#}"))
}

/// An assertion goes on with values that say nothing to a user.
fn first_line(panic: &str) -> &str {
    panic.lines().next().unwrap_or_default()
}

/// Looks for all that the decoder is known not to expect.
fn describable(world: &ComponentWorld) -> Result<(), EmbedError> {
    let types: TypesRef<'_> = world.types.as_ref().as_ref();
    let mut seen = HashSet::new();
    for (name, ty) in &world.imports {
        describable_item(types, name, ty, false, &mut seen).map_err(|e| within(e, name))?;
    }
    for (name, ty, _) in &world.exports {
        if matches!(ty, ComponentEntityType::Type { .. }) {
            let reason = "a world cannot export a type outside an interface";
            return Err(EmbedError::Shape { reason, at: vec![name.clone()] });
        }
        describable_item(types, name, ty, false, &mut seen).map_err(|e| within(e, name))?;
    }
    Ok(())
}

fn within(mut error: EmbedError, name: &str) -> EmbedError {
    if let EmbedError::Shape { at, .. } = &mut error {
        at.insert(0, name.to_string());
    }
    error
}

fn describable_item(
    types: TypesRef<'_>,
    name: &str,
    ty: &ComponentEntityType,
    inside: bool,
    seen: &mut HashSet<ComponentAnyTypeId>,
) -> Result<(), EmbedError> {
    let shape = |reason| Err(EmbedError::Shape { reason, at: Vec::new() });
    let Ok(parsed) = ComponentName::new(name, 0) else {
        return shape("the name has a form that WIT does not have");
    };
    match ty {
        ComponentEntityType::Func(_) => match parsed.kind() {
            ComponentNameKind::Label(_)
            | ComponentNameKind::Constructor(_)
            | ComponentNameKind::Method(_)
            | ComponentNameKind::Static(_) => Ok(()),
            _ => shape("a function needs a plain name"),
        },
        ComponentEntityType::Type { referenced, created } => {
            if !matches!(parsed.kind(), ComponentNameKind::Label(_)) {
                return shape("a type needs a plain name");
            }
            if !seen.insert(*created) {
                return shape("one type appears under two names");
            }
            match referenced {
                ComponentAnyTypeId::Resource(_) | ComponentAnyTypeId::Defined(_) => Ok(()),
                _ => shape("only value and resource types can stand in a world"),
            }
        }
        ComponentEntityType::Instance(_) if inside => shape("an instance within an instance"),
        ComponentEntityType::Instance(id) => {
            match parsed.kind() {
                ComponentNameKind::Label(_) | ComponentNameKind::Interface(_) => {}
                _ => return shape("an instance needs a plain name or that of an interface"),
            }
            for (name, item) in &types[*id].exports {
                describable_item(types, name, &item.ty, true, seen).map_err(|e| within(e, name))?;
            }
            Ok(())
        }
        _ => shape("core modules, components and values cannot stand in a world"),
    }
}
