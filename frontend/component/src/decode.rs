//! Bytes to [`Component`]: validation and one pass over the sections.
//!
//! Everything is validated first-hand by wasmparser, function bodies in parallel. Nothing below
//! looks into a body, and no bytes are copied: a core module is a range of its input.

mod bodies;
mod convert;
mod module;
mod nesting;
mod place;

use crate::component::{Alias, Body, BodyId, Component, Definition};
use crate::guard::guard;
use crate::program::{CoreModule, ModuleId};
pub use bodies::{BodyQueue, validate_bodies_of};
use bytes::Bytes;
use module::ModuleBuilder;
pub use nesting::MAX_NESTED_TYPES;
pub(crate) use nesting::too_many as too_many_nested_types;
use place::Reading;
use std::cell::Cell;
use std::sync::Arc;
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, ComponentName, ComponentNameSectionReader, Encoding, KnownCustom, NameMap,
    Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// How deep components may be nested in components.
pub const MAX_NESTING: usize = 100;

/// Why an input could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{input}: {path}{}{message}{}",
    if path.is_empty() { "" } else { ": " },
    offset.map(|o| format!(" (at offset {o:#x})")).unwrap_or_default()
)]
pub struct DecodeError {
    /// The input's name.
    pub input: String,
    /// The item in the input: the components and the core module that it is in and what it is in there, as in
    /// `component "app": core module 1: function "run"`. Empty for the input as a whole.
    pub path: String,
    /// Offset of the offending byte in the input.
    pub offset: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// It is well-formed, but uses what meld does not support.
    pub refused: bool,
}

impl DecodeError {
    /// Of what is not valid in an input.
    fn new(
        input: &str,
        bytes: &[u8],
        at: Option<(usize, Reading)>,
        message: impl Into<String>,
    ) -> Self {
        DecodeError {
            input: input.to_string(),
            path: at.map(|(at, reading)| place::path(bytes, at, reading)).unwrap_or_default(),
            offset: at.map(|(at, _)| at),
            message: message.into(),
            refused: false,
        }
    }
}

/// A plain core module given as an input.
pub struct CoreInput {
    /// The input's name.
    pub name: String,
    /// The whole binary.
    pub bytes: Bytes,
    /// What it imports and exports.
    pub module: CoreModule,
    /// The validator's types of the module; those of several inputs that one [`Reader`] read
    /// are comparable.
    pub types: Types,
}

/// The WebAssembly proposals that inputs may use: those that meld knows, each by its name, so that
/// what a later wasmparser can read is refused until every part of meld can.
///
/// Left out are what is withdrawn (legacy exceptions), what is not finished (stack switching,
/// shared-everything threads, memory control, custom descriptors, component values, the GC option
/// of the Canonical ABI), another encoding of the same (compact imports), and nested names.
pub fn features() -> WasmFeatures {
    // Core modules.
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIMD
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::THREADS
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::FLOATS
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::MEMORY64
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::GC
        | WasmFeatures::GC_TYPES
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
        // Components.
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::CM_ASYNC
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_THREADING
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_FIXED_LENGTH_LISTS
        | WasmFeatures::CM_IMPLEMENTS
        | WasmFeatures::CM_MAP
        | WasmFeatures::CM64
}

/// When function bodies are validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// While the input is read.
    Now,
    /// By whoever writes them; see [`validate_bodies_of`].
    Later,
}

/// Reads a component.
///
/// # Errors
///
/// If it is malformed, invalid, or not a component.
pub fn component(name: &str, bytes: Bytes) -> Result<Component, DecodeError> {
    component_with(name, bytes, Bodies::Now)
}

/// Reads a component; its function bodies are validated now or later.
pub(crate) fn component_with(
    name: &str,
    bytes: Bytes,
    bodies: Bodies,
) -> Result<Component, DecodeError> {
    let mut validator = Validator::new_with_features(features());
    let mut pass = Pass::run(&mut validator, name, &bytes, bodies)?;
    if pass.encoding != Some(Encoding::Component) {
        return Err(pass.error(None, "not a component but a core module"));
    }
    let Some(types) = pass.types.take() else {
        return Err(pass.error(None, "the component does not end"));
    };
    let Pass { modules, bodies, .. } = pass;
    let types = Arc::new(types);
    Ok(Component { name: name.to_string(), bytes: bytes.clone(), types, modules, bodies })
}

/// Reads plain core modules whose types have to be compared with each other.
pub struct Reader {
    validator: Validator,
    bodies: Bodies,
}

impl Reader {
    /// A reader that has function bodies validated now or later.
    pub fn new(bodies: Bodies) -> Self {
        Reader { validator: Validator::new_with_features(features()), bodies }
    }

    /// Reads a core module.
    ///
    /// # Errors
    ///
    /// If it is malformed, invalid, or not a core module.
    pub fn core(&mut self, name: &str, bytes: Bytes) -> Result<CoreInput, DecodeError> {
        self.validator.reset();
        let mut pass = Pass::run(&mut self.validator, name, &bytes, self.bodies)?;
        if pass.encoding != Some(Encoding::Module) {
            return Err(pass.error(None, "not a core module but a component"));
        }
        let (Some(mut module), Some(types)) = (pass.modules.pop(), pass.types.take()) else {
            return Err(pass.error(None, "the module does not end"));
        };
        module.name.get_or_insert_with(|| name.to_string());
        Ok(CoreInput { name: name.to_string(), bytes: bytes.clone(), module, types })
    }
}

/// What is being read, innermost last.
enum Frame {
    Component(BodyId),
    Module(ModuleBuilder, ModuleId),
}

struct Pass<'a> {
    name: &'a str,
    bytes: &'a [u8],
    encoding: Option<Encoding>,
    modules: Vec<CoreModule>,
    bodies: Vec<Body>,
    stack: Vec<Frame>,
    types: Option<Types>,
}

impl<'a> Pass<'a> {
    fn run(
        validator: &mut Validator,
        name: &'a str,
        bytes: &'a [u8],
        bodies: Bodies,
    ) -> Result<Pass<'a>, DecodeError> {
        let at = Cell::new(None);
        guard(|| Self::validate(validator, name, bytes, bodies, &at)).unwrap_or_else(|panic| {
            let message = format!("the validator cannot cope with it: {panic}");
            Err(DecodeError::new(name, bytes, at.get(), message))
        })
    }

    fn validate(
        validator: &mut Validator,
        name: &'a str,
        bytes: &'a [u8],
        bodies: Bodies,
        at: &Cell<Option<(usize, Reading)>>,
    ) -> Result<Pass<'a>, DecodeError> {
        let mut pass = Pass {
            name,
            bytes,
            encoding: None,
            modules: Vec::new(),
            bodies: Vec::new(),
            stack: Vec::new(),
            types: None,
        };
        let mut queue = BodyQueue::default();
        if !Parser::is_core_wasm(bytes) && !Parser::is_component(bytes) {
            return Err(pass.error(Some(0), "neither a WebAssembly component nor a core module"));
        }
        if let Some(offset) = too_many_nested_types(bytes) {
            let text = format!("more than {MAX_NESTED_TYPES} types stand inside of other types");
            return Err(pass.refusal(offset, text));
        }
        let mut parser = Parser::new(0);
        parser.set_features(features());
        for payload in parser.parse_all(bytes) {
            let payload = payload.map_err(|e| pass.invalid(e))?;
            if let Some((_, range)) = payload.as_section() {
                at.set(Some((range.start, pass.reading())));
            }
            pass.before(&payload, bytes.len())?;
            let valid = validator.payload(&payload).map_err(|e| pass.invalid(e))?;
            let types = match valid {
                ValidPayload::Func(func, body) => {
                    if let Some(Frame::Module(builder, _)) = pass.stack.last_mut() {
                        builder.body(body.range());
                    }
                    if bodies == Bodies::Now {
                        queue.push(func, body).map_err(|e| pass.invalid_body(e))?;
                    }
                    continue;
                }
                ValidPayload::End(types) => Some(types),
                ValidPayload::Ok | ValidPayload::Parser(_) => None,
            };
            pass.payload(payload, types)?;
        }
        queue.finish().map_err(|e| pass.invalid_body(e))?;
        Ok(pass)
    }

    /// Refuses what is valid, or invalid with a message that says too little.
    fn before(&self, payload: &Payload<'a>, size: usize) -> Result<(), DecodeError> {
        match payload {
            // The parser takes the end of the input for the end of what is nested.
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. }
                if unchecked_range.end > size =>
            {
                let text = format!(
                    "the input ends at byte {size}, within a section that goes on to byte {}",
                    unchecked_range.end
                );
                Err(self.error(Some(unchecked_range.start), text))
            }
            Payload::ComponentStartSection { range, .. } => Err(self.refusal(
                range.start,
                "component start functions are not supported; export the function and call it",
            )),
            Payload::ComponentSection { unchecked_range, .. }
                if self.stack.len() >= MAX_NESTING =>
            {
                let text = format!("components are nested more than {MAX_NESTING} deep");
                Err(self.refusal(unchecked_range.start, text))
            }
            _ => Ok(()),
        }
    }

    fn payload(&mut self, payload: Payload<'a>, types: Option<Types>) -> Result<(), DecodeError> {
        match payload {
            Payload::Version { encoding, range, .. } => {
                self.encoding.get_or_insert(encoding);
                match encoding {
                    Encoding::Module => self.start_module(range.start),
                    Encoding::Component => self.start_component(),
                }
                Ok(())
            }
            Payload::End(offset) => {
                match (self.stack.pop(), types) {
                    (Some(Frame::Module(builder, id)), Some(types)) => {
                        let module = builder.finish(&types, offset);
                        self.modules[id.index()] = module
                            .map_err(|(offset, message)| self.error(Some(offset), message))?;
                        self.types = Some(types);
                    }
                    (Some(Frame::Component(id)), Some(types)) => {
                        self.name_modules(id);
                        self.types = Some(types);
                    }
                    _ => return Err(self.error(Some(offset), "unexpected end of a section")),
                }
                Ok(())
            }
            payload => match self.stack.last_mut() {
                Some(Frame::Module(builder, _)) => builder.payload(payload),
                Some(Frame::Component(id)) => {
                    component_payload(&mut self.bodies[id.0 as usize], payload)
                }
                None => Ok(()),
            }
            .map_err(|e| self.invalid(e)),
        }
    }

    fn start_module(&mut self, start: usize) {
        let id = ModuleId(self.modules.len() as u32);
        if let Some(Frame::Component(body)) = self.stack.last() {
            self.bodies[body.0 as usize].definitions.push(Definition::CoreModule(id));
        }
        self.modules.push(CoreModule {
            name: None,
            input: 0,
            range: start..start,
            imports: Vec::new(),
            exports: Vec::new(),
            has_start: false,
            may_trap: false,
            has_tags: false,
            memories: Vec::new(),
            tables: Vec::new(),
            bodies: Vec::new(),
        });
        self.stack.push(Frame::Module(ModuleBuilder::new(start), id));
    }

    fn start_component(&mut self) {
        let id = BodyId(self.bodies.len() as u32);
        if let Some(Frame::Component(body)) = self.stack.last() {
            self.bodies[body.0 as usize].definitions.push(Definition::Component(id));
        }
        self.bodies.push(Body::default());
        self.stack.push(Frame::Component(id));
    }

    /// Gives the modules that a component defines the names from its name section: they say more
    /// than a module's own name does (every C program is called `main.wasm`).
    fn name_modules(&mut self, id: BodyId) {
        let body = &self.bodies[id.0 as usize];
        let mut index = 0;
        for definition in &body.definitions {
            match definition {
                Definition::CoreModule(module) => {
                    if let Some(name) = body.names.core_modules.get(&index) {
                        self.modules[module.index()].name = Some(name.clone());
                    }
                    index += 1;
                }
                _ => index += u32::from(adds_core_module(definition)),
            }
        }
    }

    fn invalid(&self, error: BinaryReaderError) -> DecodeError {
        self.error(Some(error.offset()), error.message())
    }

    /// Bodies wait to be validated, so that another core module may have been begun.
    fn invalid_body(&self, error: BinaryReaderError) -> DecodeError {
        let at = Some((error.offset(), Reading::Body));
        DecodeError::new(self.name, self.bytes, at, error.message())
    }

    fn error(&self, offset: Option<usize>, message: impl Into<String>) -> DecodeError {
        let at = offset.map(|offset| (offset, self.reading()));
        DecodeError::new(self.name, self.bytes, at, message)
    }

    fn reading(&self) -> Reading {
        Reading::Depth(self.stack.len().saturating_sub(1))
    }

    /// Of what is well-formed, and not supported.
    fn refusal(&self, offset: usize, message: impl Into<String>) -> DecodeError {
        DecodeError { refused: true, ..self.error(Some(offset), message) }
    }
}

fn adds_core_module(definition: &Definition) -> bool {
    use wasmparser::{ComponentExternalKind, ComponentOuterAliasKind, ComponentTypeRef};
    matches!(
        definition,
        Definition::Alias(Alias::InstanceExport { kind: ComponentExternalKind::Module, .. })
            | Definition::Alias(Alias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. })
            | Definition::Import { ty: ComponentTypeRef::Module(_), .. }
            | Definition::Export { kind: ComponentExternalKind::Module, .. }
    )
}

fn component_payload(body: &mut Body, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
    let definitions = &mut body.definitions;
    match payload {
        Payload::InstanceSection(section) => {
            for instance in section {
                definitions.push(Definition::CoreInstance(convert::core_instance(instance?)));
            }
        }
        Payload::CoreTypeSection(section) => {
            for ty in section {
                ty?;
                definitions.push(Definition::CoreType);
            }
        }
        Payload::ComponentInstanceSection(section) => {
            for instance in section {
                definitions.push(Definition::Instance(convert::instance(instance?)));
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section {
                definitions.push(Definition::Alias(convert::alias(alias?)));
            }
        }
        Payload::ComponentTypeSection(section) => {
            for ty in section {
                definitions.push(Definition::Type(convert::type_def(ty?)));
            }
        }
        Payload::ComponentCanonicalSection(section) => {
            for canon in section {
                definitions.push(Definition::Canon(canon?));
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section {
                let import = import?;
                let name = import.name.name.into();
                definitions.push(Definition::Import { name, ty: import.ty });
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section {
                let export = export?;
                let (name, kind, index) = (export.name.name.into(), export.kind, export.index);
                definitions.push(Definition::Export { name, kind, index });
            }
        }
        Payload::CustomSection(section) => {
            // A name section is for people: a broken one is no reason to refuse the component.
            if let KnownCustom::ComponentName(names) = section.as_known() {
                let _ = component_names(body, names);
            }
        }
        _ => {}
    }
    Ok(())
}

fn component_names(
    body: &mut Body,
    section: ComponentNameSectionReader<'_>,
) -> Result<(), BinaryReaderError> {
    fn add(
        to: &mut std::collections::BTreeMap<u32, String>,
        names: NameMap<'_>,
    ) -> Result<(), BinaryReaderError> {
        for naming in names {
            let naming = naming?;
            to.insert(naming.index, naming.name.to_string());
        }
        Ok(())
    }
    let names = &mut body.names;
    for name in section {
        match name? {
            ComponentName::Component { name, .. } => names.component = Some(name.to_string()),
            ComponentName::Components(map) => add(&mut names.components, map)?,
            ComponentName::Instances(map) => add(&mut names.instances, map)?,
            ComponentName::CoreModules(map) => add(&mut names.core_modules, map)?,
            ComponentName::CoreInstances(map) => add(&mut names.core_instances, map)?,
            ComponentName::Types(map) => add(&mut names.types, map)?,
            _ => {}
        }
    }
    Ok(())
}
