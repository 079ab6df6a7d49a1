//! Plugs root components together, so that one remains.
//!
//! An import of one input is supplied by the other input that exports the same name, or the same
//! interface at a compatible version (`1.x`, `0.2.x`). Every input is instantiated once, and
//! shared by all that import from it. The one input that no other imports from is the root: its
//! exports are those of the result. Imports that no input supplies remain imports.
//!
//! The encoding is done by wac-graph. The order of the inputs means nothing, except for names.

use crate::guard::guard;
use crate::names;
use crate::read::Input;
use wac_graph::types::{ItemKind, Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};

/// Why components could not be composed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// wac-graph cannot read an input. Its version of the component model is not the same as
    /// that of the rest of meld.
    #[error(
        "`{input}` cannot be composed: {message}; compose it with another tool, and fuse the result"
    )]
    Unreadable {
        /// The input.
        input: String,
        /// What wac-graph says.
        message: String,
    },
    /// Several inputs supply one import.
    #[error("`{consumer}` imports `{name}`, which {} all export; leave one of them", names::list(.providers))]
    Ambiguous {
        /// The importing input.
        consumer: String,
        /// The import.
        name: String,
        /// The inputs that export it.
        providers: Vec<String>,
    },
    /// An export does not fit the import that it is to supply.
    #[error("`{provider}` exports `{name}`, but not as `{consumer}` imports it: {message}")]
    TypeMismatch {
        /// The importing input.
        consumer: String,
        /// The exporting input.
        provider: String,
        /// The import.
        name: String,
        /// What differs.
        message: String,
    },
    /// Inputs that import from each other.
    #[error("{}: these import from each other in a circle", names::list(.inputs))]
    Cycle {
        /// The inputs in the circle, each importing from the next.
        inputs: Vec<String>,
    },
    /// There is more than one root.
    #[error("no other input imports from {}, and one alone can be the root:{}", names::list(.inputs), details(.faces))]
    SeveralRoots {
        /// The inputs that nobody imports from.
        inputs: Vec<String>,
        /// What each of them offers and needs, a line each.
        faces: Vec<String>,
    },
    /// wac-graph cannot encode the composition.
    #[error("the inputs cannot be composed: {message}")]
    Encode {
        /// What wac-graph says.
        message: String,
    },
}

fn details(faces: &[String]) -> String {
    faces.iter().map(|face| format!("\n  {face}")).collect()
}

/// Composes components. A single one is returned as it is.
pub fn compose(inputs: &[Input]) -> Result<Input, ComposeError> {
    if let [input] = inputs {
        return Ok(input.clone());
    }
    let mut graph = CompositionGraph::new();
    let mut parts = Vec::with_capacity(inputs.len());
    for (i, input) in inputs.iter().enumerate() {
        let part = guard(|| Part::register(&mut graph, i, input));
        parts.push(
            part.and_then(|part| part).map_err(|message| ComposeError::Unreadable {
                input: input.name.clone(),
                message,
            })?,
        );
    }
    let plugs = plugs(&parts)?;
    let root = root(&parts, &plugs)?;
    let bytes = match guard(|| encode(&mut graph, &parts, &plugs, root)) {
        Ok(result) => result?,
        Err(message) => return Err(ComposeError::Encode { message }),
    };
    Ok(Input { name: parts[root].name.clone(), bytes: bytes.into() })
}

/// An input, as far as plugging needs it.
struct Part {
    name: String,
    package: PackageId,
    imports: Vec<(String, ItemKind)>,
    exports: Vec<(String, ItemKind)>,
}

impl Part {
    fn register(graph: &mut CompositionGraph, i: usize, input: &Input) -> Result<Part, String> {
        if !wasmparser::Parser::is_component(&input.bytes) {
            return Err("it is not a component".to_string());
        }
        if crate::decode::too_many_nested_types(&input.bytes).is_some() {
            return Err("too many types stand inside of other types".to_string());
        }
        let name = format!("input{i}");
        let bytes = input.bytes.to_vec();
        let package = Package::from_bytes(&name, None, bytes, graph.types_mut())
            .map_err(|e| format!("{e:#}"))?;
        let package = graph.register_package(package).map_err(|e| e.to_string())?;
        let world = &graph.types()[graph[package].ty()];
        let items = |items: &indexmap::IndexMap<String, ItemKind>| {
            items.iter().map(|(name, kind)| (name.clone(), *kind)).collect()
        };
        Ok(Part {
            name: input.name.clone(),
            package,
            imports: items(&world.imports),
            exports: items(&world.exports),
        })
    }

    /// The export that supplies an import of this name: the same name, else the highest
    /// compatible version.
    fn supplies(&self, import: &str) -> Option<&str> {
        let names = self.exports.iter().map(|(name, _)| &**name);
        if let Some(same) = names.clone().find(|name| *name == import) {
            return Some(same);
        }
        names.filter(|name| are_semver_compatible(name, import)).max_by_key(|name| version(name))
    }

    /// What the input offers and needs.
    fn face(&self) -> String {
        let side = |items: &[(String, ItemKind)]| {
            let items: Vec<&str> = items.iter().map(|(name, _)| &**name).collect();
            if items.is_empty() { "nothing".to_string() } else { names::list(&items) }
        };
        format!(
            "`{}` exports {}, and imports {}",
            self.name,
            side(&self.exports),
            side(&self.imports)
        )
    }
}

/// The version in an interface name, to compare compatible ones.
fn version(name: &str) -> Vec<u64> {
    let version = name.split_once('@').map_or("", |(_, version)| version);
    let numbers = version.split(['+', '-']).next().unwrap_or_default();
    numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// One input's import, supplied by another's export.
struct Plug {
    consumer: usize,
    import: String,
    provider: usize,
    export: String,
}

fn plugs(parts: &[Part]) -> Result<Vec<Plug>, ComposeError> {
    let mut plugs = Vec::new();
    for (consumer, part) in parts.iter().enumerate() {
        for (import, _) in &part.imports {
            let mut found = parts.iter().enumerate().filter_map(|(provider, other)| {
                let export = other.supplies(import).filter(|_| provider != consumer)?;
                Some((provider, export))
            });
            let Some((provider, export)) = found.next() else { continue };
            let mut providers = vec![parts[provider].name.clone()];
            providers.extend(found.map(|(provider, _)| parts[provider].name.clone()));
            if providers.len() > 1 {
                let (consumer, name) = (part.name.clone(), import.clone());
                return Err(ComposeError::Ambiguous { consumer, name, providers });
            }
            let (import, export) = (import.clone(), export.to_string());
            plugs.push(Plug { consumer, import, provider, export });
        }
    }
    Ok(plugs)
}

/// The one input that no other imports from.
fn root(parts: &[Part], plugs: &[Plug]) -> Result<usize, ComposeError> {
    let mut needs = vec![Vec::new(); parts.len()];
    for plug in plugs {
        needs[plug.consumer].push(plug.provider);
    }
    if let Some(cycle) = cycle(&needs) {
        let inputs = cycle.into_iter().map(|i| parts[i].name.clone()).collect();
        return Err(ComposeError::Cycle { inputs });
    }
    let roots = (0..parts.len()).filter(|i| plugs.iter().all(|plug| plug.provider != *i));
    let roots: Vec<usize> = roots.collect();
    match roots[..] {
        [root] => Ok(root),
        _ => Err(ComposeError::SeveralRoots {
            inputs: roots.iter().map(|i| parts[*i].name.clone()).collect(),
            faces: roots.iter().map(|i| parts[*i].face()).collect(),
        }),
    }
}

/// A circle in a graph, if there is one: from any node that is in none that ends, follow edges.
fn cycle(needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut done = vec![false; needs.len()];
    while let Some(next) =
        (0..needs.len()).find(|i| !done[*i] && needs[*i].iter().all(|need| done[*need]))
    {
        done[next] = true;
    }
    let mut at = done.iter().position(|done| !done)?;
    let mut way = Vec::new();
    loop {
        if let Some(start) = way.iter().position(|seen| *seen == at) {
            return Some(way.split_off(start));
        }
        way.push(at);
        at = needs[at].iter().copied().find(|need| !done[*need])?;
    }
}

fn encode(
    graph: &mut CompositionGraph,
    parts: &[Part],
    plugs: &[Plug],
    root: usize,
) -> Result<Vec<u8>, ComposeError> {
    let failed = |e: &dyn std::error::Error| ComposeError::Encode { message: chain(e) };
    let instances: Vec<_> = parts.iter().map(|part| graph.instantiate(part.package)).collect();
    for (instance, part) in instances.iter().zip(parts) {
        graph.set_node_name(*instance, part.name.clone());
    }
    for plug in plugs {
        let export = graph
            .alias_instance_export(instances[plug.provider], &plug.export)
            .map_err(|e| failed(&e))?;
        graph.set_instantiation_argument(instances[plug.consumer], &plug.import, export).map_err(
            |e| ComposeError::TypeMismatch {
                consumer: parts[plug.consumer].name.clone(),
                provider: parts[plug.provider].name.clone(),
                name: plug.import.clone(),
                message: chain(&e),
            },
        )?;
    }
    for (name, _) in &parts[root].exports {
        let export = graph.alias_instance_export(instances[root], name).map_err(|e| failed(&e))?;
        graph.export(export, name).map_err(|e| failed(&e))?;
    }
    // What comes out is validated when it is decoded.
    let options = EncodeOptions { validate: false, ..EncodeOptions::default() };
    graph.encode(options).map_err(|e| failed(&e))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
