//! One input module, read once: its sections as lists, its bodies as ranges.

use super::{Kind, MergeError, PerKind};
use std::collections::HashMap;
use wasmparser::{
    BinaryReader, Chunk, CompositeInnerType, Data, Element, Encoding, Export, ExternalKind,
    FuncType, FunctionBody, Global, Import, IndirectNameMap, KnownCustom, MemoryType, Name,
    NameMap, Parser, Payload, ProducersField, RecGroup, Table, TagType, TypeRef,
};

/// A module's sections. Lists hold what the module defines, imports stand apart.
#[derive(Default)]
pub struct Module<'a> {
    pub bytes: &'a [u8],
    pub rec_groups: Vec<RecGroup>,
    /// Index of the first type of each of them.
    first_types: Vec<u32>,
    pub imports: Vec<Import<'a>>,
    /// For each kind the positions in `imports` of the imports of that kind.
    pub imported: PerKind<Vec<u32>>,
    /// Type indices of the functions.
    pub funcs: Vec<u32>,
    pub tables: Vec<Table<'a>>,
    pub memories: Vec<MemoryType>,
    pub tags: Vec<TagType>,
    pub globals: Vec<Global<'a>>,
    pub exports: Vec<Export<'a>>,
    /// Positions in `exports`.
    pub export_of: HashMap<&'a str, u32>,
    pub start: Option<u32>,
    pub elems: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub has_data_count: bool,
    /// Where the bodies are in `bytes`; see [`Module::body`].
    pub bodies: Vec<(u32, u32)>,
    pub names: Names<'a>,
    pub producers: Vec<ProducersField<'a>>,
    pub target_features: Vec<&'a str>,
    /// Names of custom sections that do not survive merging.
    pub dropped: Vec<&'a str>,
}

/// What the name section says. Sections of it that cannot be read are as if absent.
#[derive(Default)]
pub struct Names<'a> {
    pub items: PerKind<Vec<(u32, &'a str)>>,
    pub locals: Option<IndirectNameMap<'a>>,
}

impl<'a> Module<'a> {
    /// Reads a module. The bytes need not be valid, but must be well-formed outside of bodies.
    pub fn read(instance: &str, bytes: &'a [u8]) -> Result<Self, MergeError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(MergeError::malformed(instance, "it is larger than 4 GiB"));
        }
        let malformed = |error: String| MergeError::malformed(instance, error);
        let mut module = Module { bytes, ..Module::default() };
        // Each takes about half the time.
        let (sections, bodies) = rayon::join(|| module.read_sections(), || bodies(bytes));
        sections.map_err(malformed)?;
        module.bodies = bodies.map_err(|error| malformed(error.to_string()))?;
        if module.funcs.len() != module.bodies.len() {
            let message = format!(
                "{} functions are declared but {} have a body",
                module.funcs.len(),
                module.bodies.len()
            );
            return Err(MergeError::malformed(instance, message));
        }
        Ok(module)
    }

    fn read_sections(&mut self) -> Result<(), String> {
        self.read_payloads().map_err(|error| error.to_string())?.map_or(Ok(()), Err)
    }

    /// Reads everything but the code section. Inner: what stands in the bytes although no core module
    /// has it.
    fn read_payloads(&mut self) -> Result<Option<String>, wasmparser::Error> {
        let mut parser = Parser::new(0);
        let mut rest = self.bytes;
        loop {
            let Some(payload) = next(&mut parser, &mut rest)? else {
                return Ok(Some("it is cut off".into()));
            };
            match payload {
                Payload::Version { encoding: Encoding::Module, .. } => {}
                Payload::TypeSection(section) => {
                    self.rec_groups = collect(section)?;
                    let lengths = self.rec_groups.iter().map(|group| group.types().len() as u32);
                    let first = lengths.scan(0, |next, length| {
                        let first = *next;
                        *next += length;
                        Some(first)
                    });
                    self.first_types = first.collect();
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let position = self.imports.len() as u32;
                        self.imported[kind_of(import.ty)].push(position);
                        self.imports.push(import);
                    }
                }
                Payload::FunctionSection(section) => self.funcs = collect(section)?,
                Payload::TableSection(section) => self.tables = collect(section)?,
                Payload::MemorySection(section) => self.memories = collect(section)?,
                Payload::TagSection(section) => self.tags = collect(section)?,
                Payload::GlobalSection(section) => self.globals = collect(section)?,
                Payload::ExportSection(section) => {
                    self.exports = collect(section)?;
                    for (position, export) in self.exports.iter().enumerate() {
                        self.export_of.entry(export.name).or_insert(position as u32);
                    }
                }
                Payload::StartSection { func, .. } => self.start = Some(func),
                Payload::ElementSection(section) => self.elems = collect(section)?,
                Payload::DataSection(section) => self.data = collect(section)?,
                Payload::CodeSectionStart { size, .. } => {
                    parser.skip_section();
                    rest = rest.get(size as usize..).unwrap_or_default();
                }
                Payload::CustomSection(section) => self.read_custom(&section),
                Payload::DataCountSection { .. } => self.has_data_count = true,
                Payload::End(_) => return Ok(None),
                Payload::Version { .. } => return Ok(Some("it is a component".into())),
                _ => return Ok(Some("it has a section that no core module has".into())),
            }
        }
    }

    fn read_custom(&mut self, section: &wasmparser::CustomSectionReader<'a>) {
        match (section.name(), section.as_known()) {
            (_, KnownCustom::Name(subsections)) => {
                for name in subsections.into_iter().map_while(Result::ok) {
                    self.names.read(name);
                }
            }
            (_, KnownCustom::Producers(fields)) => {
                self.producers.extend(fields.into_iter().map_while(Result::ok));
            }
            ("target_features", _) => {
                self.target_features.extend(target_features(section.data_reader()));
            }
            (name, _) => self.dropped.push(name),
        }
    }

    /// The body of a function, by its position among those that the module defines.
    pub fn body(&self, position: usize) -> FunctionBody<'a> {
        let (start, end) = (self.bodies[position].0 as usize, self.bodies[position].1 as usize);
        FunctionBody::new(BinaryReader::new(&self.bytes[start..end], start))
    }

    /// The size of a body in bytes.
    pub fn body_size(&self, position: usize) -> usize {
        (self.bodies[position].1 - self.bodies[position].0) as usize
    }

    /// How many items of a kind the module has, imported ones included.
    pub fn count(&self, kind: Kind) -> usize {
        self.imported[kind].len() + self.defined(kind)
    }

    /// How many items of a kind the module defines.
    pub fn defined(&self, kind: Kind) -> usize {
        match kind {
            Kind::Func => self.funcs.len(),
            Kind::Table => self.tables.len(),
            Kind::Memory => self.memories.len(),
            Kind::Global => self.globals.len(),
            Kind::Tag => self.tags.len(),
        }
    }

    /// The type of an index, if it is a function type.
    pub fn func_type(&self, index: u32) -> Option<&FuncType> {
        let group = self.first_types.partition_point(|first| *first <= index).checked_sub(1)?;
        let position = (index - self.first_types[group]) as usize;
        match &self.rec_groups[group].types().nth(position)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// How many types the module has.
    pub fn type_count(&self) -> usize {
        self.rec_groups.iter().map(|group| group.types().len()).sum()
    }
}

/// What comes next in the rest of a module; none where that is cut off.
fn next<'a>(
    parser: &mut Parser,
    rest: &mut &'a [u8],
) -> Result<Option<Payload<'a>>, wasmparser::Error> {
    let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else { return Ok(None) };
    *rest = &rest[consumed..];
    Ok(Some(payload))
}

/// Where the bodies of a module are.
fn bodies(bytes: &[u8]) -> Result<Vec<(u32, u32)>, wasmparser::Error> {
    let mut bodies = Vec::new();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let Some(payload) = next(&mut parser, &mut rest)? else { return Ok(bodies) };
        match payload {
            Payload::CodeSectionStart { count, size, .. } => {
                // A count that is not true is found out later; a body has two bytes at least.
                bodies.reserve_exact(count.min(size) as usize);
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                bodies.push((range.start as u32, range.end as u32));
            }
            Payload::End(_) => return Ok(bodies),
            _ => {}
        }
    }
}

impl<'a> Names<'a> {
    fn read(&mut self, name: Name<'a>) {
        let mut set = |kind: Kind, map: NameMap<'a>| {
            self.items[kind] =
                map.into_iter().map_while(Result::ok).map(|n| (n.index, n.name)).collect();
        };
        match name {
            Name::Function(map) => set(Kind::Func, map),
            Name::Table(map) => set(Kind::Table, map),
            Name::Memory(map) => set(Kind::Memory, map),
            Name::Global(map) => set(Kind::Global, map),
            Name::Tag(map) => set(Kind::Tag, map),
            Name::Local(map) => self.locals = Some(map),
            Name::Module { .. }
            | Name::Label(_)
            | Name::Type(_)
            | Name::Element(_)
            | Name::Data(_)
            | Name::Field(_)
            | Name::Unknown { .. } => {}
        }
    }
}

/// The kind of an import.
pub fn kind_of(ty: TypeRef) -> Kind {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => Kind::Func,
        TypeRef::Table(_) => Kind::Table,
        TypeRef::Memory(_) => Kind::Memory,
        TypeRef::Global(_) => Kind::Global,
        TypeRef::Tag(_) => Kind::Tag,
    }
}

/// The kind of an export.
pub fn export_kind(kind: ExternalKind) -> Kind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Kind::Func,
        ExternalKind::Table => Kind::Table,
        ExternalKind::Memory => Kind::Memory,
        ExternalKind::Global => Kind::Global,
        ExternalKind::Tag => Kind::Tag,
    }
}

fn collect<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<Vec<T>, wasmparser::Error> {
    section.into_iter().collect()
}

/// Features that a `target_features` section says are used (tool conventions, "Target Features
/// Section"). A feature that must not be used (`-`) says nothing about the fused module.
fn target_features(mut reader: BinaryReader<'_>) -> Vec<&str> {
    let mut features = Vec::new();
    let count = reader.read_var_u32().unwrap_or(0);
    for _ in 0..count {
        let (Ok(prefix), Ok(name)) = (reader.read_u8(), reader.read_string()) else { break };
        if prefix != b'-' {
            features.push(name);
        }
    }
    features
}
