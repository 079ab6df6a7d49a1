//! Links plain core modules with each other: an import's first level name is the name of the
//! input that supplies it. What names no input is left to the host.

mod check;
mod order;

use crate::decode::CoreInput;
use crate::names;
use crate::program::{
    ComponentId, ComponentInstance, CoreInstance, CoreItem, InstanceId, ModuleId, Program, World,
};
use crate::read::Input;
use crate::reexport::reexports;
use crate::types::Types;
use check::Entities;
use indexmap::IndexMap;
use std::collections::HashMap;

/// Why core modules could not be linked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreLinkError {
    /// Imports name inputs, so names have to be distinct.
    #[error("two inputs are called `{name}`; give one another name, as in `NAME=path`")]
    SameName {
        /// The name.
        name: String,
    },
    /// The named input lacks an export.
    #[error(
        "`{importer}` imports `{module}` `{name}`, but the input `{module}` has no export of that name; {exports}; if the host supplies it, give the input another name, as in `NAME=path`"
    )]
    MissingExport {
        /// The importing input.
        importer: String,
        /// The input that is imported from.
        module: String,
        /// The name of the import.
        name: String,
        /// The exports that there are, most similar names first.
        exports: String,
    },
    /// The export's type does not fit the import's.
    #[error(
        "`{importer}` imports `{module}` `{name}` as {expected}, but the input `{module}` exports it as {found}"
    )]
    TypeMismatch {
        /// The importing input.
        importer: String,
        /// The input that is imported from.
        module: String,
        /// The name of the import.
        name: String,
        /// The import's type.
        expected: String,
        /// The export's type.
        found: String,
    },
    /// Only functions may be imported in a circle.
    #[error("{}: these import from each other in a circle, and not only functions", names::list(.inputs))]
    Cycle {
        /// The inputs in the circle.
        inputs: Vec<String>,
    },
    /// Re-exported imports that lead back to themselves.
    #[error(
        "the import `{module}` `{name}` of `{importer}` leads back to itself: nothing defines it"
    )]
    Undefined {
        /// An importing input.
        importer: String,
        /// The input that is imported from.
        module: String,
        /// The name of the import.
        name: String,
    },
    /// The result cannot have two exports of one name.
    #[error(
        "`{first}` and `{second}` both export `{name}`, and no input imports from either; remove one of the exports, or add a module that imports from both and exports, under names of its own, what the result is to export"
    )]
    SameExport {
        /// The name.
        name: String,
        /// An exporting input.
        first: String,
        /// Another exporting input.
        second: String,
    },
}

/// Links core modules. Their types must come from one [`crate::decode::Reader`].
///
/// The result exports what those inputs export that no other input imports from; if there is no
/// such input, what the first exports. Providers are instantiated before their consumers, as far
/// as they do not import from each other in a circle.
pub fn link(inputs: Vec<CoreInput>) -> Result<Program, CoreLinkError> {
    let mut by_name = HashMap::new();
    for (i, input) in inputs.iter().enumerate() {
        if by_name.insert(&*input.name, i).is_some() {
            return Err(CoreLinkError::SameName { name: input.name.clone() });
        }
    }
    let entities: Vec<_> = inputs.iter().map(Entities::new).collect();
    let mut links = Vec::new();
    for (importer, input) in inputs.iter().enumerate() {
        let mut found = Vec::with_capacity(input.module.imports.len());
        for (position, import) in input.module.imports.iter().enumerate() {
            let Some(provider) = by_name.get(&*import.module).copied() else {
                found.push(None);
                continue;
            };
            let export = entities[provider]
                .position(&import.name)
                .ok_or_else(|| missing(&inputs[importer], &inputs[provider], &import.name))?;
            let types = (&inputs[importer].types, &inputs[provider].types);
            let expected = entities[importer].imports[position];
            let offered = entities[provider].exports[export];
            if !check::fits(types, expected, offered) {
                return Err(CoreLinkError::TypeMismatch {
                    importer: input.name.clone(),
                    module: import.module.clone(),
                    name: import.name.clone(),
                    expected: check::describe(types.0, expected),
                    found: check::describe(types.1, offered),
                });
            }
            found.push(Some((provider, export)));
        }
        links.push(found);
    }
    let sources = definitions(&inputs, &links)?;
    let order = order::instances(&inputs, &links)?;
    program(inputs, &links, &sources, &order)
}

/// For each input and import the input and export position that supplies it.
type Links = [Vec<Option<(usize, usize)>>];

fn missing(importer: &CoreInput, provider: &CoreInput, name: &str) -> CoreLinkError {
    let exports = provider.module.exports.iter().map(|export| &*export.name).collect();
    CoreLinkError::MissingExport {
        importer: importer.name.clone(),
        module: provider.name.clone(),
        name: name.to_string(),
        exports: match names::nearest(name, exports) {
            list if list.is_empty() => "it exports nothing".to_string(),
            list => format!("it exports {list}"),
        },
    }
}

/// Where a linked import is defined, or which import of which input is the host's: `links`
/// followed through all re-exports.
fn definitions(inputs: &[CoreInput], links: &Links) -> Result<Vec<Vec<Source>>, CoreLinkError> {
    let reexports: Vec<_> = inputs.iter().map(|input| reexports(&input.module)).collect();
    let most = inputs.iter().map(|input| input.module.exports.len()).sum();
    let follow = |importer: usize, position: usize| {
        let (mut importer, mut position) = (importer, position);
        // A way that does not end comes by some export twice.
        for _ in 0..=most {
            let Some((provider, export)) = links[importer][position] else {
                return Some(Source::Host { importer, position });
            };
            match reexports[provider][export] {
                Some(import) => (importer, position) = (provider, import as usize),
                None => return Some(Source::Export { provider, export }),
            }
        }
        None
    };
    let sources = inputs.iter().enumerate().map(|(importer, input)| {
        let imports = input.module.imports.iter().enumerate();
        let sources = imports.map(|(position, import)| {
            follow(importer, position).ok_or_else(|| CoreLinkError::Undefined {
                importer: input.name.clone(),
                module: import.module.clone(),
                name: import.name.clone(),
            })
        });
        sources.collect()
    });
    sources.collect()
}

/// What an import is, with inputs and their imports and exports by position.
#[derive(Clone, Copy)]
enum Source {
    Export { provider: usize, export: usize },
    Host { importer: usize, position: usize },
}

fn program(
    inputs: Vec<CoreInput>,
    links: &Links,
    sources: &[Vec<Source>],
    order: &[usize],
) -> Result<Program, CoreLinkError> {
    let mut instance_of = vec![InstanceId(0); inputs.len()];
    for (instance, input) in order.iter().enumerate() {
        instance_of[*input] = InstanceId(instance as u32);
    }
    let item = |source: &Source| match *source {
        Source::Export { provider, export } => {
            CoreItem::Export { instance: instance_of[provider], export: export as u32 }
        }
        Source::Host { importer, position } => {
            let import = &inputs[importer].module.imports[position];
            CoreItem::Host {
                module: import.module.clone(),
                name: import.name.clone(),
                importer: (instance_of[importer], position as u32),
            }
        }
    };
    let instances = order.iter().map(|&i| CoreInstance {
        name: inputs[i].name.clone(),
        module: ModuleId(i as u32),
        component: ComponentId(0),
        imports: sources[i].iter().map(item).collect(),
    });
    let instances = instances.collect();

    let mut consumed = vec![false; inputs.len()];
    for (importer, links) in links.iter().enumerate() {
        for (provider, _) in links.iter().flatten() {
            consumed[*provider] |= *provider != importer;
        }
    }
    if consumed.iter().all(|consumed| *consumed) {
        consumed[0] = false;
    }
    let mut exports = IndexMap::new();
    for (i, input) in inputs.iter().enumerate().filter(|(i, _)| !consumed[*i]) {
        let reexports = reexports(&input.module);
        for (position, export) in input.module.exports.iter().enumerate() {
            let item = match reexports[position] {
                Some(import) => item(&sources[i][import as usize]),
                None => item(&Source::Export { provider: i, export: position }),
            };
            if let Some((first, _)) = exports.insert(export.name.clone(), (i, item)) {
                return Err(CoreLinkError::SameExport {
                    name: export.name.clone(),
                    first: inputs[first].name.clone(),
                    second: input.name.clone(),
                });
            }
        }
    }
    let exports = exports.into_iter().map(|(name, (_, item))| (name, item)).collect();

    let modules = inputs.iter().zip(0..).map(|(input, i)| {
        let mut module = input.module.clone();
        module.input = i;
        module
    });
    Ok(Program {
        modules: modules.collect(),
        inputs: inputs
            .into_iter()
            .map(|input| Input { name: input.name, bytes: input.bytes })
            .collect(),
        composed: Vec::new(),
        unvalidated: false,
        types: Types::default(),
        instances,
        components: vec![ComponentInstance { path: "root".to_string(), parent: None }],
        funcs: Vec::new(),
        options: Vec::new(),
        resources: Vec::new(),
        host_funcs: Vec::new(),
        host_modules: Vec::new(),
        host_instances: Vec::new(),
        host_exports: Default::default(),
        root_exports: Vec::new(),
        world: World::Core { exports },
        border: None,
    })
}

#[cfg(test)]
mod tests;
