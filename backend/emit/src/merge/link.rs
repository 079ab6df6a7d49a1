//! What each index of each module means: imports followed to what they are, and every item of
//! the fused module given one id of its kind.

mod check;

use super::module::{self, Module};
use super::scan::MOST_ITEMS;
use super::types::{ToIds, Types};
use super::{Kind, Merge, MergeError, PerKind, Source, StartMode};
use indexmap::IndexMap;
use rayon::prelude::*;
use wasm_encoder::{EntityType, ValType};
use wasmparser::TypeRef;

/// All instances, linked. An *item id* counts the items of one kind: those of the host, then
/// constants, then those that instances define, in instantiation order.
pub struct Linked<'a> {
    /// The instances' names, for messages and for the name section.
    pub names: Vec<&'a str>,
    /// By instance: each import is of the very type that its module declares, so that bodies see
    /// the same types here and there.
    pub exact: Vec<bool>,
    /// Instances that meld made, by instance.
    pub synthetic: Vec<bool>,
    pub modules: Vec<Module<'a>>,
    pub types: Types,
    /// For each instance the type ids of its module's types.
    pub type_ids: Vec<Vec<u32>>,
    pub hosts: PerKind<Vec<HostImport<'a>>>,
    pub consts: Vec<Constant>,
    /// All items by id.
    pub items: PerKind<Vec<Item>>,
    /// For each instance and each function that it imports: calls should become bodies.
    pub inline: Vec<Vec<bool>>,
    /// For each instance the item ids of its module's index spaces.
    pub local: Vec<PerKind<Vec<u32>>>,
    /// Segment ids count the segments of all instances; these are each instance's first.
    pub data_base: Vec<u32>,
    pub elem_base: Vec<u32>,
    /// Instance and position of each segment, by id.
    pub data: Vec<(u32, u32)>,
    pub elems: Vec<(u32, u32)>,
}

/// An import of the fused module.
pub struct HostImport<'a> {
    pub module: &'a str,
    pub name: &'a str,
    /// Its type, with type ids.
    pub ty: EntityType,
    /// Who imports it first: instance, and position in its module's imports.
    pub importer: (u32, u32),
}

/// An integer that is known before anything is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Const {
    I32(i32),
    I64(i64),
}

/// What stands for an imported global that is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    Value(Const),
    /// The index in the fused module of a memory, by instance and index there.
    MemoryIndex(u32, u32),
}

/// What an item id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Index into [`Linked::hosts`] of the kind.
    Host(u32),
    /// Index into [`Linked::consts`].
    Const(u32),
    /// Instance, and position among what its module defines of the kind.
    Defined(u32, u32),
}

/// A slot in the table of imports: not seen, being followed, or followed.
#[derive(Clone, Copy)]
enum Followed {
    No,
    Now,
    Yes(Item),
}

impl<'a> Linked<'a> {
    /// Reads all modules and follows all imports.
    pub fn new(merge: &'a Merge<'_>) -> Result<(Self, Vec<(Kind, u32)>), MergeError> {
        let modules = merge
            .instances
            .par_iter()
            .map(|instance| Module::read(&instance.name, &instance.bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = merge.instances.iter().map(|i| i.name.as_str()).collect();
        let mut types = Types::default();
        let mut type_ids = Vec::with_capacity(modules.len());
        for (instance, module) in modules.iter().enumerate() {
            type_ids.push(types.intern_module(instance as u32, names[instance], module)?);
        }

        for module in &modules {
            for (what, count) in [
                ("types in a module", module.type_count()),
                ("functions in a module", module.count(Kind::Func)),
                ("globals in a module", module.count(Kind::Global)),
                ("tables in a module", module.count(Kind::Table)),
                ("memories in a module", module.count(Kind::Memory)),
                ("tags in a module", module.count(Kind::Tag)),
                ("data segments in a module", module.data.len()),
                ("element segments in a module", module.elems.len()),
            ] {
                if count > MOST_ITEMS {
                    return Err(MergeError::TooMany { what, count, limit: MOST_ITEMS });
                }
            }
        }

        let mut linker = Linker {
            merge,
            names: &names,
            modules: &modules,
            types: &types,
            type_ids: &type_ids,
            hosts: IndexMap::new(),
            consts: IndexMap::new(),
            followed: modules.iter().map(|m| vec![Followed::No; m.imports.len()]).collect(),
            exact: vec![true; modules.len()],
        };
        linker.follow_all()?;
        let exports = linker.follow_exports()?;
        let Linker { hosts: by_name, consts, followed, exact, .. } = linker;

        // Give ids, and say what each host import's position among its kind is.
        let mut hosts: PerKind<Vec<HostImport<'a>>> = PerKind::default();
        let host_kinds: Vec<(Kind, u32)> = by_name
            .into_iter()
            .map(|((module, name), host)| {
                let list = &mut hosts[host.kind];
                list.push(HostImport { module, name, ty: host.ty, importer: host.importer });
                (host.kind, list.len() as u32 - 1)
            })
            .collect();
        let mut items: PerKind<Vec<Item>> = PerKind::default();
        let mut bases: Vec<PerKind<u32>> = vec![PerKind::default(); modules.len()];
        for kind in Kind::ALL {
            let list = &mut items[kind];
            list.extend((0..hosts[kind].len() as u32).map(Item::Host));
            if kind == Kind::Global {
                list.extend((0..consts.len() as u32).map(Item::Const));
            }
            for (instance, module) in modules.iter().enumerate() {
                bases[instance][kind] = list.len() as u32;
                let defined = 0..module.defined(kind) as u32;
                list.extend(defined.map(|index| Item::Defined(instance as u32, index)));
            }
        }
        let id = |kind: Kind, item: Item| match item {
            Item::Host(host) => host_kinds[host as usize].1,
            Item::Const(index) => hosts[kind].len() as u32 + index,
            Item::Defined(instance, index) => bases[instance as usize][kind] + index,
        };
        let mut local: Vec<PerKind<Vec<u32>>> = Vec::with_capacity(modules.len());
        for (instance, module) in modules.iter().enumerate() {
            let mut ids: PerKind<Vec<u32>> = PerKind::default();
            for kind in Kind::ALL {
                for &position in &module.imported[kind] {
                    if let Followed::Yes(item) = followed[instance][position as usize] {
                        ids[kind].push(id(kind, item));
                    }
                }
                let base = bases[instance][kind];
                ids[kind].extend(base..base + module.defined(kind) as u32);
            }
            local.push(ids);
        }
        let exports = exports.into_iter().map(|(kind, item)| (kind, id(kind, item))).collect();
        let inline = modules
            .iter()
            .zip(&merge.instances)
            .map(|(module, instance)| {
                let source = |position: &u32| &instance.imports[*position as usize];
                let functions = module.imported[Kind::Func].iter().map(source);
                functions.map(|source| matches!(source, Source::Inline { .. })).collect()
            })
            .collect();

        let (data_base, data) = number(&modules, |module| module.data.len());
        let (elem_base, elems) = number(&modules, |module| module.elems.len());
        let consts = consts.into_keys().collect();
        let linked = Linked {
            names,
            exact,
            synthetic: merge.instances.iter().map(|i| i.origin.is_synthetic()).collect(),
            types,
            type_ids,
            hosts,
            consts,
            items,
            inline,
            local,
            data_base,
            elem_base,
            data,
            elems,
            modules,
        };
        Ok((linked, exports))
    }

    /// The type that an item was declared with, with type ids.
    pub fn entity_type(&self, kind: Kind, id: u32) -> Result<EntityType, MergeError> {
        match self.items[kind][id as usize] {
            Item::Host(host) => Ok(self.hosts[kind][host as usize].ty),
            Item::Const(index) => Ok(const_type(self.consts[index as usize])),
            Item::Defined(instance, index) => {
                let (i, module) = (instance as usize, &self.modules[instance as usize]);
                ToIds(&self.type_ids[i])
                    .entity(defined_type(module, kind, index))
                    .map_err(|message| MergeError::malformed(self.names[i], message))
            }
        }
    }

    /// The item id behind a module's index.
    pub fn id(&self, instance: u32, kind: Kind, index: u32) -> Result<u32, MergeError> {
        let ids = &self.local[instance as usize][kind];
        ids.get(index as usize).copied().ok_or_else(|| {
            let message = format!("{kind} {index} does not exist");
            MergeError::malformed(self.names[instance as usize], message)
        })
    }
}

fn number(
    modules: &[Module<'_>],
    len: impl Fn(&Module<'_>) -> usize,
) -> (Vec<u32>, Vec<(u32, u32)>) {
    let mut bases = Vec::with_capacity(modules.len());
    let mut all = Vec::new();
    for (instance, module) in modules.iter().enumerate() {
        bases.push(all.len() as u32);
        all.extend((0..len(module) as u32).map(|position| (instance as u32, position)));
    }
    (bases, all)
}

/// The type of something that a module defines. The index is within range.
fn defined_type(module: &Module<'_>, kind: Kind, index: u32) -> TypeRef {
    let index = index as usize;
    match kind {
        Kind::Func => TypeRef::Func(module.funcs[index]),
        Kind::Table => TypeRef::Table(module.tables[index].ty),
        Kind::Memory => TypeRef::Memory(module.memories[index]),
        Kind::Global => TypeRef::Global(module.globals[index].ty),
        Kind::Tag => TypeRef::Tag(module.tags[index]),
    }
}

fn const_type(value: Constant) -> EntityType {
    let val_type = match value {
        Constant::Value(Const::I32(_)) | Constant::MemoryIndex(..) => ValType::I32,
        Constant::Value(Const::I64(_)) => ValType::I64,
    };
    EntityType::Global(wasm_encoder::GlobalType { val_type, mutable: false, shared: false })
}

struct Host {
    kind: Kind,
    ty: EntityType,
    importer: (u32, u32),
}

/// Follows sources. Its host items are numbered over all kinds.
struct Linker<'a, 'l> {
    merge: &'a Merge<'a>,
    names: &'l [&'a str],
    modules: &'l [Module<'a>],
    types: &'l Types,
    type_ids: &'l [Vec<u32>],
    hosts: IndexMap<(&'a str, &'a str), Host>,
    consts: IndexMap<Constant, ()>,
    followed: Vec<Vec<Followed>>,
    exact: Vec<bool>,
}

/// Where following a source led.
enum Step {
    Import(u32, u32),
    Item(Item),
}

impl<'a> Linker<'a, '_> {
    fn follow_all(&mut self) -> Result<(), MergeError> {
        for (instance, module) in self.modules.iter().enumerate() {
            let sources = self.merge.instances[instance].imports.len();
            if sources != module.imports.len() {
                return Err(MergeError::Sources {
                    instance: self.names[instance].into(),
                    imports: module.imports.len(),
                    sources,
                });
            }
        }
        for (instance, module) in self.modules.iter().enumerate() {
            for position in 0..module.imports.len() as u32 {
                let import = (instance as u32, position);
                let item = self.follow(import)?;
                self.exact[instance] &= self.check(import, item)?;
            }
        }
        Ok(())
    }

    /// Root exports, and behind them what [`StartMode::Caught`] calls.
    fn follow_exports(&mut self) -> Result<Vec<(Kind, Item)>, MergeError> {
        let caught = match &self.merge.start {
            StartMode::Caught(start, source) => Some((start, source)),
            StartMode::Section | StartMode::Export(_) => None,
        };
        let mut exports = Vec::with_capacity(self.merge.exports.len() + 1);
        let roots = self.merge.exports.iter().map(|(export, source)| (export, source));
        for (export, source) in roots.chain(caught) {
            let user = format!("root export `{export}`");
            exports.push(match source {
                Source::Export { instance, name } | Source::Inline { instance, name } => {
                    let (kind, step) = self.export(&user, *instance, name)?;
                    match step {
                        Step::Item(item) => (kind, item),
                        Step::Import(instance, position) => {
                            (kind, self.follow((instance, position))?)
                        }
                    }
                }
                Source::Host { module, name } => {
                    match self.hosts.get_full(&(module.as_str(), name.as_str())) {
                        Some((index, _, host)) => (host.kind, Item::Host(index as u32)),
                        None => {
                            return Err(MergeError::HostUntyped {
                                export: export.clone(),
                                module: module.clone(),
                                name: name.clone(),
                            });
                        }
                    }
                }
                Source::Const(value) => {
                    let reason = "a constant has no type by itself".into();
                    return Err(MergeError::Const { user, value: *value, reason });
                }
                &Source::Item { kind, instance, index } => {
                    return Err(MergeError::NotExported { user, kind, instance, index });
                }
                &Source::MemoryIndex { instance, index } => {
                    let kind = Kind::Memory;
                    return Err(MergeError::NotExported { user, kind, instance, index });
                }
            });
        }
        Ok(exports)
    }

    /// Follows an import to what it is, through any number of re-exports.
    fn follow(&mut self, start: (u32, u32)) -> Result<Item, MergeError> {
        let mut path = Vec::new();
        let mut at = start;
        let item = loop {
            let (instance, position) = (at.0 as usize, at.1 as usize);
            match self.followed[instance][position] {
                Followed::Yes(item) => break item,
                Followed::Now => return Err(MergeError::Cycle { user: self.user(start) }),
                Followed::No => {}
            }
            self.followed[instance][position] = Followed::Now;
            path.push(at);
            let merge = self.merge;
            match &merge.instances[instance].imports[position] {
                Source::Export { instance, name } | Source::Inline { instance, name } => {
                    let (kind, step) = self.export(&self.user(at), *instance, name)?;
                    self.check_kind(at, kind)?;
                    match step {
                        Step::Item(item) => break item,
                        Step::Import(instance, position) => at = (instance, position),
                    }
                }
                Source::Host { module, name } => break self.host(at, module, name)?,
                Source::Const(value) => break self.constant(at, *value)?,
                Source::Item { kind, instance, index } => {
                    self.check_kind(at, *kind)?;
                    match self.own(&self.user(at), *kind, *instance, *index)? {
                        Step::Item(item) => break item,
                        Step::Import(instance, position) => at = (instance, position),
                    }
                }
                Source::MemoryIndex { instance, index } => {
                    self.own(&self.user(at), Kind::Memory, *instance, *index)?;
                    break self.add_const(Constant::MemoryIndex(*instance as u32, *index));
                }
            }
        };
        for (instance, position) in path {
            self.followed[instance as usize][position as usize] = Followed::Yes(item);
        }
        Ok(item)
    }

    fn export(&self, user: &str, instance: usize, name: &str) -> Result<(Kind, Step), MergeError> {
        let Some(module) = self.modules.get(instance) else {
            let count = self.modules.len();
            return Err(MergeError::NoInstance { user: user.into(), instance, count });
        };
        let Some(&position) = module.export_of.get(name) else {
            return Err(MergeError::NoExport {
                user: user.into(),
                export: name.into(),
                instance: self.names[instance].into(),
            });
        };
        let export = &module.exports[position as usize];
        let kind = module::export_kind(export.kind);
        let imported = &module.imported[kind];
        let step = match imported.get(export.index as usize) {
            Some(&position) => Step::Import(instance as u32, position),
            None => {
                let index = export.index - imported.len() as u32;
                if index as usize >= module.defined(kind) {
                    let message =
                        format!("export `{name}` is {kind} {}, which does not exist", export.index);
                    return Err(MergeError::malformed(self.names[instance], message));
                }
                Step::Item(Item::Defined(instance as u32, index))
            }
        };
        Ok((kind, step))
    }

    fn host(
        &mut self,
        importer: (u32, u32),
        module: &'a str,
        name: &'a str,
    ) -> Result<Item, MergeError> {
        let ty = self.declared(importer)?;
        let kind = module::kind_of(self.import(importer).ty);
        let entry = self.hosts.entry((module, name));
        let index = entry.index() as u32;
        let first = entry.or_insert(Host { kind, ty, importer });
        if first.ty != ty {
            return Err(MergeError::HostConflict {
                module: module.into(),
                name: name.into(),
                first: self.names[first.importer.0 as usize].into(),
                second: self.names[importer.0 as usize].into(),
            });
        }
        Ok(Item::Host(index))
    }

    fn constant(&mut self, import: (u32, u32), value: i64) -> Result<Item, MergeError> {
        let refuse = |reason: &str| {
            Err(MergeError::Const { user: self.user(import), value, reason: reason.into() })
        };
        let EntityType::Global(ty) = self.declared(import)? else {
            return refuse("it is not a global");
        };
        if ty.mutable {
            return refuse("it is mutable");
        }
        let constant = match ty.val_type {
            ValType::I64 => Const::I64(value),
            ValType::I32 => match (i32::try_from(value), u32::try_from(value)) {
                (Ok(value), _) => Const::I32(value),
                (_, Ok(value)) => Const::I32(value as i32),
                _ => return refuse("it does not fit 32 bits"),
            },
            _ => return refuse("it is neither i32 nor i64"),
        };
        Ok(self.add_const(Constant::Value(constant)))
    }

    fn add_const(&mut self, constant: Constant) -> Item {
        let entry = self.consts.entry(constant);
        let index = entry.index() as u32;
        entry.or_insert(());
        Item::Const(index)
    }

    /// An item in an instance's own index space.
    fn own(&self, user: &str, kind: Kind, instance: usize, index: u32) -> Result<Step, MergeError> {
        let Some(module) = self.modules.get(instance) else {
            let count = self.modules.len();
            return Err(MergeError::NoInstance { user: user.into(), instance, count });
        };
        let imported = &module.imported[kind];
        if let Some(&position) = imported.get(index as usize) {
            return Ok(Step::Import(instance as u32, position));
        }
        let defined = index - imported.len() as u32;
        if defined as usize >= module.defined(kind) {
            let message = format!("{kind} {index} does not exist");
            return Err(MergeError::malformed(self.names[instance], message));
        }
        Ok(Step::Item(Item::Defined(instance as u32, defined)))
    }

    fn import(&self, (instance, position): (u32, u32)) -> &wasmparser::Import<'a> {
        &self.modules[instance as usize].imports[position as usize]
    }

    /// The type that an import declares, with type ids.
    fn declared(&self, import: (u32, u32)) -> Result<EntityType, MergeError> {
        let instance = import.0 as usize;
        ToIds(&self.type_ids[instance])
            .entity(self.import(import).ty)
            .map_err(|message| MergeError::malformed(self.names[instance], message))
    }

    fn user(&self, import: (u32, u32)) -> String {
        let wasmparser::Import { module, name, .. } = self.import(import);
        format!("{}: import `{module}` `{name}`", self.names[import.0 as usize])
    }
}
