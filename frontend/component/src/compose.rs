//! Plugs root components together, so that one remains.
//!
//! An import of one input is supplied by another input that exports the same name, or the same
//! interface at a compatible version (`1.x`, `0.2.x`). Every input is instantiated once, and
//! shared by all that import from it. The one input that no other imports from is the root: its
//! exports are those of the result. Imports that no input supplies remain imports.
//!
//! Where several inputs export what one imports, the order of the inputs decides: the next one
//! after the importer supplies it. So middleware, which imports and exports one interface, stands
//! between its consumer and its provider. Whoever is passed over has to supply another import, or
//! the inputs are ambiguous.
//!
//! The encoding is done by wac-graph, of [outlines](outline()): it neither reads nor copies what does not matter to
//! it, which is nearly all of a large input. The inputs then take the places of their outlines.

mod resources;

use crate::component::Component;
use crate::guard::guard;
use crate::names;
use crate::outline::outline;
use crate::read::Input;
use bytes::Bytes;
use rayon::prelude::*;
use std::borrow::Cow;
use wac_graph::types::{ItemKind, Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};
use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::{BinaryReaderError, Chunk, Parser, Payload};

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
    /// Several inputs could supply one import, and their order leaves one of them over.
    #[error(
        "`{consumer}` imports `{name}`, which {} export; leave one of them out, or give the inputs in another order: an import is supplied by the next input after its importer that exports it{}",
        names::all(.providers), namesakes(.providers)
    )]
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
    /// What no input supplies passes a resource that some input supplies.
    #[error(
        "`{consumer}` imports `{name}`, which no input exports, with the resource `{resource}`, which \
         `{owner}` implements: the host could not supply it, as it does not know the resource; give \
         an input that exports `{name}`, or leave `{owner}` out"
    )]
    InnerResource {
        /// The importing input.
        consumer: String,
        /// The import.
        name: String,
        /// The resource, by the import that the consumer has it from.
        resource: String,
        /// The input that implements it.
        owner: String,
    },
    /// Inputs that import from each other.
    #[error("{}: these import from each other in a circle", names::list(.inputs))]
    Cycle {
        /// The inputs in the circle, each importing from the next.
        inputs: Vec<String>,
    },
    /// There is more than one root.
    #[error("{}no other input imports from {}, and one alone can be the root{}:{}", incompatible(.versions), names::list(.inputs), namesakes(.inputs), details(.faces))]
    SeveralRoots {
        /// The inputs that nobody imports from.
        inputs: Vec<String>,
        /// Imports for which there is an export of the same interface, but in another version, a
        /// sentence each. These are why the inputs do not fit.
        versions: Vec<String>,
        /// What each of them offers and needs, then what no input supplies, a line each.
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

fn incompatible(versions: &[String]) -> String {
    versions.iter().map(|versions| format!("{versions}; ")).collect()
}

/// The way out where names do not tell inputs apart.
fn namesakes(inputs: &[String]) -> &'static str {
    let same = |(i, name): (usize, &String)| inputs[..i].contains(name);
    match inputs.iter().enumerate().any(same) {
        true => "; to tell inputs of one name apart, write `NAME=PATH`",
        false => "",
    }
}

/// Composes components. A single one is returned as it is.
pub fn compose(inputs: &[Input]) -> Result<Input, ComposeError> {
    Ok(composed(inputs)?.0)
}

/// Composes components, and says where they are in what comes out: its bytes are theirs, too. A single one is
/// returned as it is, and made of nothing.
pub(crate) fn composed(inputs: &[Input]) -> Result<(Input, Vec<Input>), ComposeError> {
    if let [input] = inputs {
        return Ok((input.clone(), Vec::new()));
    }
    let mut graph = CompositionGraph::new();
    let parts = register(&mut graph, inputs)?;
    let plugs = plugs(&parts)?;
    let root = root(&parts, &plugs)?;
    let bytes = match guard(|| encode(&mut graph, &parts, &plugs, root)) {
        Ok(result) => result?,
        Err(message) => return Err(ComposeError::Encode { message }),
    };
    let outlines = parts.iter().map(|part| graph[part.package].bytes());
    let places: Vec<_> = outlines.zip(inputs).collect();
    let (bytes, starts) = put_in_place(&bytes, &places)
        .map_err(|error| ComposeError::Encode { message: chain(&error) })?;
    let bytes = Bytes::from(bytes);
    let part = |(input, start): (&Input, usize)| Input {
        name: input.name.clone(),
        bytes: bytes.slice(start..start + input.bytes.len()),
    };
    let made_of = inputs.iter().zip(starts).map(part).collect();
    Ok((Input { name: parts[root].name.clone(), bytes }, made_of))
}

/// Why inputs whose names fit, and of which `components` are the decoded ones, do not make a component:
/// where that is because of a resource.
pub(crate) fn misfit(inputs: &[Input], components: &[Component]) -> Option<ComposeError> {
    let parts = register(&mut CompositionGraph::new(), inputs).ok()?;
    let plugs = plugs(&parts).ok()?;
    resources::misfit(&parts, &plugs, components)
}

fn register(graph: &mut CompositionGraph, inputs: &[Input]) -> Result<Vec<Part>, ComposeError> {
    let mut parts = Vec::with_capacity(inputs.len());
    for (i, input) in inputs.iter().enumerate() {
        let part = guard(|| Part::register(graph, i, input));
        parts.push(
            part.and_then(|part| part).map_err(|message| ComposeError::Unreadable {
                input: input.name.clone(),
                message,
            })?,
        );
    }
    Ok(parts)
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
        if !Parser::is_component(&input.bytes) {
            return Err("it is not a component".to_string());
        }
        let mut bytes = outline(&input.bytes).map_err(|e| e.to_string())?;
        if crate::decode::too_many_nested_types(&bytes).is_some() {
            return Err("too many types stand inside of other types".to_string());
        }
        let name = format!("input{i}");
        // Two inputs may have one outline, and are two.
        CustomSection { name: "input".into(), data: name.as_bytes().into() }.append_to(&mut bytes);
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

    /// Whether the input imports what an import of this name takes.
    fn needs(&self, import: &str) -> bool {
        let same = |name: &str| name == import || are_semver_compatible(name, import);
        self.imports.iter().any(|(name, _)| same(name))
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

/// One input's import, and who supplies it.
struct Plug {
    consumer: usize,
    import: String,
    provider: usize,
    export: String,
    /// All inputs that export it, but for the consumer.
    candidates: Vec<usize>,
}

fn plugs(parts: &[Part]) -> Result<Vec<Plug>, ComposeError> {
    let mut plugs = Vec::new();
    for (consumer, part) in parts.iter().enumerate() {
        for (import, _) in &part.imports {
            let exports = |i: usize| parts[i].supplies(import);
            let candidates: Vec<usize> =
                (0..parts.len()).filter(|&i| i != consumer && exports(i).is_some()).collect();
            let (before, after): (Vec<usize>, Vec<usize>) =
                candidates.iter().partition(|&&i| i < consumer);
            // Of two middlewares the first calls the second, never back.
            let middleware = exports(consumer).is_some();
            let before: Vec<usize> =
                before.into_iter().filter(|&i| !(middleware && parts[i].needs(import))).collect();
            let provider = match (&after[..], &before[..]) {
                ([next, ..], _) => *next,
                ([], [only]) => *only,
                ([], []) => continue,
                ([], _) => return Err(ambiguous(parts, consumer, import, &candidates)),
            };
            let Some(export) = exports(provider).map(str::to_string) else { continue };
            plugs.push(Plug { consumer, import: import.clone(), provider, export, candidates });
        }
    }
    Ok(plugs)
}

fn ambiguous(parts: &[Part], consumer: usize, import: &str, candidates: &[usize]) -> ComposeError {
    ComposeError::Ambiguous {
        consumer: parts[consumer].name.clone(),
        name: import.to_string(),
        providers: candidates.iter().map(|i| parts[*i].name.clone()).collect(),
    }
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
    if let [root] = roots[..] {
        return Ok(root);
    }
    let passed_over = |plug: &&Plug| plug.candidates.iter().any(|i| roots.contains(i));
    if let Some(plug) = plugs.iter().find(passed_over) {
        return Err(ambiguous(parts, plug.consumer, &plug.import, &plug.candidates));
    }
    let faces = roots.iter().map(|i| parts[*i].face());
    Err(ComposeError::SeveralRoots {
        inputs: roots.iter().map(|i| parts[*i].name.clone()).collect(),
        versions: other_versions(parts, plugs),
        faces: faces.chain(missing(parts, plugs)).collect(),
    })
}

/// What no input supplies in a compatible version, but one does in another.
fn other_versions(parts: &[Part], plugs: &[Plug]) -> Vec<String> {
    let mut found = Vec::new();
    for (consumer, import) in unsupplied(parts, plugs) {
        let Some((interface, wanted)) = import.split_once('@') else { continue };
        for (provider, part) in parts.iter().enumerate().filter(|(i, _)| *i != consumer) {
            for (export, _) in &part.exports {
                if let Some((of, offered)) = export.split_once('@')
                    && of == interface
                {
                    found.push(format!(
                        "the versions of `{interface}` are incompatible: `{}` imports {wanted}, and `{}` exports {offered}",
                        parts[consumer].name, parts[provider].name
                    ));
                }
            }
        }
    }
    found
}

/// Imports that no input supplies: who imports it, and its name.
fn unsupplied<'p>(parts: &'p [Part], plugs: &[Plug]) -> Vec<(usize, &'p str)> {
    let supplied = |consumer: usize, import: &str| {
        plugs.iter().any(|plug| plug.consumer == consumer && plug.import == import)
    };
    let imports = parts.iter().enumerate().flat_map(|(consumer, part)| {
        part.imports.iter().map(move |(import, _)| (consumer, import.as_str()))
    });
    imports.filter(|(consumer, import)| !supplied(*consumer, import)).collect()
}

/// Imports that no input supplies, and the export that is most like each.
fn missing(parts: &[Part], plugs: &[Plug]) -> Vec<String> {
    let mut lines = Vec::new();
    for (consumer, import) in unsupplied(parts, plugs) {
        let others = parts.iter().enumerate().filter(|(i, _)| *i != consumer);
        let exports = others
            .flat_map(|(_, other)| other.exports.iter().map(|(name, _)| (&**name, &other.name)));
        let near = names::most_like(import, exports);
        let near =
            near.map_or(String::new(), |(name, input)| format!("; `{input}` exports `{name}`"));
        let importer = &parts[consumer].name;
        lines.push(format!("no input exports `{import}`, which `{importer}` imports{near}"));
    }
    lines
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

/// A composition of outlines, with the inputs in their places, and where each of them begins.
fn put_in_place(
    composed: &[u8],
    places: &[(&[u8], &Input)],
) -> Result<(Vec<u8>, Vec<usize>), BinaryReaderError> {
    let mut parts: Vec<Cow<'_, [u8]>> = Vec::new();
    let mut starts = vec![0; places.len()];
    let mut size = 0;
    let (mut parser, mut rest) = (Parser::new(0), composed);
    while let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? {
        rest = &rest[consumed..];
        let Some((id, range)) = payload.as_section() else {
            match payload {
                Payload::Version { range, .. } => {
                    size += range.len();
                    parts.push(composed[range].into());
                }
                _ => break,
            }
            continue;
        };
        let mut data = &composed[range.clone()];
        let mut place = None;
        if let Payload::ComponentSection { .. } | Payload::ModuleSection { .. } = payload {
            rest = &rest[range.len()..];
            place = places.iter().position(|(outline, _)| *outline == data);
            data = place.map_or(data, |place| &places[place].1.bytes);
        }
        let mut head = vec![id];
        data.len().encode(&mut head);
        size += head.len();
        if let Some(place) = place {
            starts[place] = size;
        }
        size += data.len();
        parts.extend([head.into(), data.into()]);
    }
    Ok((joined(&parts), starts))
}

/// All parts, one behind the other. Large ones are copied in parallel: most of the time goes into making the pages
/// that they are copied to.
fn joined(parts: &[Cow<'_, [u8]>]) -> Vec<u8> {
    const TASK: usize = 1 << 20;
    let mut bytes = vec![0; parts.iter().map(|part| part.len()).sum()];
    let mut rest = &mut bytes[..];
    let mut copies = Vec::new();
    for chunk in parts.iter().flat_map(|part| part.chunks(TASK)) {
        let (to, behind) = rest.split_at_mut(chunk.len());
        copies.push((to, chunk));
        rest = behind;
    }
    copies.into_par_iter().for_each(|(to, chunk)| to.copy_from_slice(chunk));
    bytes
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
