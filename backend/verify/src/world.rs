//! The outer face of a component: every function it imports or exports, at any depth.

use crate::text;
use std::collections::BTreeMap;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ResourceType};

/// Names from the root down through instances.
pub(crate) type Path = Vec<String>;

/// A path for people, and for seeds: an instance and its function are joined by `#`.
pub(crate) fn path_text(path: &[String]) -> String {
    path.join("#")
}

/// Names of imports and exports, with what they are.
pub(crate) struct World {
    /// Exported functions in the component's order.
    pub(crate) exports: Vec<(Path, ComponentFunc)>,
    /// Imported functions.
    pub(crate) imports: Vec<(Path, ComponentFunc)>,
    /// A number for each name of an imported resource; names of one resource share a number.
    pub(crate) resources: BTreeMap<Path, u32>,
}

impl World {
    pub(crate) fn of(engine: &Engine, component: &Component) -> World {
        let ty = component.component_type();
        let mut exports = Walk::default();
        for (name, item) in ty.exports(engine) {
            exports.item(engine, &[], name, &item.ty);
        }
        let mut imports = Walk::default();
        for (name, item) in ty.imports(engine) {
            imports.item(engine, &[], name, &item.ty);
        }
        World { exports: exports.funcs, imports: imports.funcs, resources: imports.names }
    }

    /// What tells the worlds apart: a function that only one has or that has two types. A fused
    /// component may import less than the original, never more.
    pub(crate) fn differences(&self, fused: &World) -> Vec<String> {
        let types = |funcs: &[(Path, ComponentFunc)]| {
            let typed = |(path, ty): &(Path, ComponentFunc)| (path_text(path), text::func_type(ty));
            funcs.iter().map(typed).collect::<BTreeMap<_, _>>()
        };
        let mut found = Vec::new();
        let (ours, theirs) = (types(&self.exports), types(&fused.exports));
        for (name, ty) in &ours {
            match theirs.get(name) {
                None => found.push(format!("export `{name}` is missing")),
                Some(other) if other != ty => {
                    found.push(format!("export `{name}` is {other}, was {ty}"));
                }
                Some(_) => {}
            }
        }
        for name in theirs.keys().filter(|name| !ours.contains_key(*name)) {
            found.push(format!("export `{name}` is new"));
        }
        let (ours, theirs) = (types(&self.imports), types(&fused.imports));
        for (name, ty) in &theirs {
            match ours.get(name) {
                None => found.push(format!("import `{name}` is new")),
                Some(other) if other != ty => {
                    found.push(format!("import `{name}` is {ty}, was {other}"));
                }
                Some(_) => {}
            }
        }
        found
    }
}

#[derive(Default)]
struct Walk {
    funcs: Vec<(Path, ComponentFunc)>,
    names: BTreeMap<Path, u32>,
    resources: Vec<ResourceType>,
}

impl Walk {
    fn item(&mut self, engine: &Engine, within: &[String], name: &str, item: &ComponentItem) {
        let mut path = within.to_vec();
        path.push(name.to_string());
        match item {
            ComponentItem::ComponentFunc(ty) => self.funcs.push((path, ty.clone())),
            ComponentItem::ComponentInstance(ty) => self.instance(engine, &path, ty),
            ComponentItem::Resource(ty) => {
                let known = self.resources.iter().position(|resource| resource == ty);
                let number = known.unwrap_or_else(|| {
                    self.resources.push(*ty);
                    self.resources.len() - 1
                });
                self.names.insert(path, number as u32);
            }
            ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::Type(_) => {}
        }
    }

    fn instance(&mut self, engine: &Engine, path: &[String], ty: &ComponentInstance) {
        for (name, item) in ty.exports(engine) {
            self.item(engine, path, name, &item.ty);
        }
    }
}
