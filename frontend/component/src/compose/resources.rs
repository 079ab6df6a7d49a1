//! Resources of inputs that are plugged together: names say which interface supplies which import, and
//! the resources in it have to be the same ones on both sides.

use super::{ComposeError, Part, Plug};
use crate::component::{BodyId, Component, Definition};
use std::collections::BTreeSet;
use wac_graph::types::are_semver_compatible;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentValType, ResourceId,
};
use wasmparser::types::TypesRef;

/// How deep instances and types are looked into.
const MAX_DEPTH: usize = 200;

/// Where a resource comes from.
enum Origin {
    /// The host, by the names of an import.
    Host(Vec<String>),
    /// An input that defines it.
    Input(usize, ResourceId),
}

/// Looks for an import whose resources are not those of who supplies it.
pub(super) fn misfit(
    parts: &[Part],
    plugs: &[Plug],
    components: &[Component],
) -> Option<ComposeError> {
    let all = All { parts, plugs, components };
    (0..parts.len()).find_map(|consumer| {
        let names = all.imports(consumer);
        names.into_iter().find_map(|name| match all.plug(consumer, name) {
            Some(plug) => all.other_resource(plug),
            None => all.inner_resource(consumer, name),
        })
    })
}

struct All<'a> {
    parts: &'a [Part],
    plugs: &'a [Plug],
    components: &'a [Component],
}

impl<'a> All<'a> {
    fn types(&self, part: usize) -> TypesRef<'a> {
        self.components[part].types.as_ref().as_ref()
    }

    /// Names of what an input imports, in order.
    fn imports(&self, part: usize) -> Vec<&'a str> {
        let definitions = &self.components[part].bodies[BodyId::ROOT.0 as usize].definitions;
        let name = |definition: &'a Definition| match definition {
            Definition::Import { name, .. } => Some(&**name),
            _ => None,
        };
        definitions.iter().filter_map(name).collect()
    }

    fn import(&self, part: usize, name: &str) -> Option<ComponentEntityType> {
        self.types(part).component_item_for_import(name).map(|item| item.ty)
    }

    fn plug(&self, consumer: usize, import: &str) -> Option<&'a Plug> {
        self.plugs.iter().find(|plug| plug.consumer == consumer && plug.import == import)
    }

    /// A resource in a supplied import that is another one in the export which supplies it.
    fn other_resource(&self, plug: &Plug) -> Option<ComposeError> {
        let Plug { consumer, provider, .. } = *plug;
        let wanted = self.named(consumer, self.import(consumer, &plug.import)?);
        wanted.into_iter().find_map(|(path, resource)| {
            let offered = self.exported(provider, &plug.export, &path)?;
            let wanted = self.origin(consumer, resource)?;
            let offered = self.origin(provider, offered)?;
            if wanted.is(&offered) {
                return None;
            }
            let owner = |origin| match origin {
                Origin::Host(_) => "the host".to_string(),
                Origin::Input(part, _) => format!("`{}`", self.parts[part].name),
            };
            Some(ComposeError::TypeMismatch {
                consumer: self.parts[consumer].name.clone(),
                provider: self.parts[provider].name.clone(),
                name: plug.import.clone(),
                message: format!(
                    "the resource `{}` has to be `{}`, which {} implements, and is another one, of {}",
                    path.join("."),
                    self.definer(consumer, resource)?.join("."),
                    owner(wanted),
                    owner(offered)
                ),
            })
        })
    }

    /// A resource of some input in an import that no input supplies.
    fn inner_resource(&self, consumer: usize, name: &str) -> Option<ComposeError> {
        let mut mentioned = BTreeSet::new();
        self.mentioned(consumer, self.import(consumer, name)?, 0, &mut mentioned);
        mentioned.into_iter().find_map(|resource| {
            let Origin::Input(owner, _) = self.origin(consumer, resource)? else { return None };
            Some(ComposeError::InnerResource {
                consumer: self.parts[consumer].name.clone(),
                name: name.to_string(),
                resource: self.definer(consumer, resource)?.join("."),
                owner: self.parts[owner].name.clone(),
            })
        })
    }

    /// Where a resource that an input knows comes from; none if that is not to be told.
    fn origin(&self, mut part: usize, mut resource: ResourceId) -> Option<Origin> {
        // Inputs do not import from each other in a circle.
        for _ in 0..=self.parts.len() {
            let Some(path) = self.definer(part, resource) else {
                return Some(Origin::Input(part, resource));
            };
            let (import, rest) = path.split_first()?;
            let Some(plug) = self.plug(part, import) else { return Some(Origin::Host(path)) };
            resource = self.exported(plug.provider, &plug.export, rest)?;
            part = plug.provider;
        }
        None
    }

    /// The names of the import by which an input has a resource: the first that shows it.
    fn definer(&self, part: usize, resource: ResourceId) -> Option<Vec<String>> {
        self.imports(part).into_iter().find_map(|import| {
            let named = self.named(part, self.import(part, import)?);
            let (path, _) = named.into_iter().find(|(_, id)| *id == resource)?;
            Some([vec![import.to_string()], path].concat())
        })
    }

    /// The resource at a place in an export.
    fn exported(&self, part: usize, export: &str, path: &[String]) -> Option<ResourceId> {
        let export = self.types(part).component_item_for_export(export)?.ty;
        self.named(part, export).into_iter().find(|(at, _)| at == path).map(|(_, id)| id)
    }

    /// The resources that an item shows as types, each by the names that lead to it.
    fn named(&self, part: usize, ty: ComponentEntityType) -> Vec<(Vec<String>, ResourceId)> {
        let (mut found, mut todo) = (Vec::new(), vec![(Vec::new(), ty)]);
        while let Some((path, ty)) = todo.pop() {
            match ty {
                ComponentEntityType::Type {
                    referenced: ComponentAnyTypeId::Resource(id), ..
                } => found.push((path, id.resource())),
                ComponentEntityType::Instance(id) if path.len() < MAX_DEPTH => {
                    let types = self.types(part);
                    for (name, item) in &types[id].exports {
                        todo.push(([&path[..], std::slice::from_ref(name)].concat(), item.ty));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// All resources that occur in an item.
    fn mentioned(
        &self,
        part: usize,
        ty: ComponentEntityType,
        depth: usize,
        found: &mut BTreeSet<ResourceId>,
    ) {
        let types = self.types(part);
        let mut values = Vec::new();
        match ty {
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(id), .. } => {
                found.insert(id.resource());
            }
            ComponentEntityType::Instance(id) if depth < MAX_DEPTH => {
                for item in types[id].exports.values() {
                    self.mentioned(part, item.ty, depth + 1, found);
                }
            }
            ComponentEntityType::Func(id) => {
                let func = &types[id];
                values.extend(func.params.iter().map(|(_, ty)| *ty).chain(func.result));
            }
            _ => {}
        }
        let mut seen = BTreeSet::new();
        while let Some(ty) = values.pop() {
            use ComponentDefinedType as D;
            let ComponentValType::Type(id) = ty else { continue };
            if !seen.insert(id) {
                continue;
            }
            match &types[id] {
                D::Own(id) | D::Borrow(id) => drop(found.insert(id.resource())),
                D::Record(record) => values.extend(record.fields.values()),
                D::Variant(variant) => {
                    values.extend(variant.cases.values().filter_map(|case| case.ty));
                }
                D::List { element, .. } | D::FixedLengthList { element, .. } => {
                    values.push(*element);
                }
                D::Map { key, value, .. } => values.extend([*key, *value]),
                D::Tuple(tuple) => values.extend(&tuple.types),
                D::Option { ty, .. } => values.push(*ty),
                D::Result { ok, err, .. } => values.extend(ok.iter().chain(err)),
                D::Future { ty, .. } | D::Stream { ty, .. } => values.extend(ty),
                D::Primitive(_) | D::Flags(_) | D::Enum(_) => {}
            }
        }
    }
}

impl Origin {
    fn is(&self, other: &Origin) -> bool {
        match (self, other) {
            (Origin::Input(part, id), Origin::Input(other, other_id)) => {
                (part, id) == (other, other_id)
            }
            (Origin::Host(path), Origin::Host(other)) => {
                path.len() == other.len()
                    && path.iter().zip(other).all(|(a, b)| a == b || are_semver_compatible(a, b))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
