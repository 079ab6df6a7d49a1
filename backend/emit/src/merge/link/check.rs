//! Whether what an import was followed to can stand there.

use super::{Item, Linker, const_type, defined_type};
use crate::merge::matching::matches;
use crate::merge::module;
use crate::merge::types::ToIds;
use crate::merge::{Instance, Kind, MergeError, Origin, Source};
use wasm_encoder::EntityType;
use wasmparser::{ExternalKind, FuncType};

impl Linker<'_, '_> {
    pub(super) fn check_kind(&self, import: (u32, u32), found: Kind) -> Result<(), MergeError> {
        let wanted = module::kind_of(self.import(import).ty);
        if wanted == found {
            return Ok(());
        }
        Err(MergeError::Kind { user: self.user(import), wanted, found })
    }

    /// Checks what merging relies on. Limits and subtyping of references are the concern of the
    /// validation that comes before merging. The answer says whether bodies see the item as they
    /// see the import: limits they do not see.
    pub(super) fn check(&self, import: (u32, u32), item: Item) -> Result<bool, MergeError> {
        let mut declared = self.declared(import)?;
        let actual = match item {
            // Hosts were compared when they were shared, except through a re-export.
            Item::Host(index) => self.hosts[index as usize].ty,
            Item::Const(index) => match self.consts.get_index(index as usize) {
                Some((value, ())) => const_type(*value),
                None => return Ok(true),
            },
            Item::Defined(instance, index) => {
                let i = instance as usize;
                let kind = module::kind_of(self.import(import).ty);
                ToIds(&self.type_ids[i])
                    .entity(defined_type(&self.modules[i], kind, index))
                    .map_err(|message| MergeError::malformed(self.names[i], message))?
            }
        };
        // What meld adds is made for the memories that it is given, whatever their pages, and whether
        // threads share them; what packs add was held to that before.
        if let (EntityType::Memory(declared), EntityType::Memory(actual)) = (&mut declared, &actual)
            && self.merge.instances[import.0 as usize].origin.is_synthetic()
        {
            declared.page_size_log2 = actual.page_size_log2;
            declared.shared = actual.shared;
        }
        match matches(self.types, &actual, &declared) {
            Ok(()) => Ok(actual == declared
                || matches!(declared, EntityType::Memory(_) | EntityType::Table(_))),
            Err(_) if self.only_called(import, &actual, &declared) => Ok(false),
            Err(reason) => Err(self.mismatch(import, item, (&actual, &declared), reason)),
        }
    }

    /// Whether something that meld adds calls a function with the numbers that it takes, and can do
    /// nothing else with it, so that its type may be in a group or open to subtypes: canonical
    /// options name such functions. Only what is exported, or in a constant expression or a
    /// segment, can be referred to.
    fn only_called(
        &self,
        (instance, position): (u32, u32),
        actual: &EntityType,
        declared: &EntityType,
    ) -> bool {
        let (EntityType::Function(actual), EntityType::Function(declared)) = (actual, declared)
        else {
            return false;
        };
        let module = &self.modules[instance as usize];
        let is_import =
            |index: u32| module.imported[Kind::Func].get(index as usize) == Some(&position);
        let numbers = |ty: &FuncType| {
            ty.params().iter().chain(ty.results()).all(|ty| !ty.is_reference_type())
        };
        let func = |id: u32| self.types.func(id, self.modules).filter(|ty| numbers(ty));
        self.merge.instances[instance as usize].origin.is_synthetic()
            && module.elems.is_empty()
            && module.globals.is_empty()
            && module.tables.is_empty()
            && !module
                .exports
                .iter()
                .any(|export| export.kind == ExternalKind::Func && is_import(export.index))
            && func(*actual).is_some_and(|actual| func(*declared) == Some(actual))
    }

    fn mismatch(
        &self,
        import: (u32, u32),
        item: Item,
        (actual, declared): (&EntityType, &EntityType),
        reason: String,
    ) -> MergeError {
        let importer = &self.merge.instances[import.0 as usize];
        let source_item = match &importer.imports[import.1 as usize] {
            Source::Export { instance, name } | Source::Inline { instance, name } => {
                format!("`{name}` of {}", self.names[*instance])
            }
            Source::Host { module, name } => format!("`{module}` `{name}` of the host"),
            Source::Const(value) => format!("the constant {value}"),
            Source::Item { kind, instance, index } => {
                format!("{kind} {index} of {}", self.names[*instance])
            }
            Source::MemoryIndex { instance, index } => {
                format!("the index of memory {index} of {}", self.names[*instance])
            }
        };
        let text = |ty: &EntityType| match ty {
            EntityType::Function(id) | EntityType::FunctionExact(id) => {
                self.types.func_text(*id, self.modules)
            }
            _ => None,
        };
        let reason = match (text(declared), text(actual)) {
            (Some(declared), Some(actual)) => {
                format!("it is declared as {declared}, and its source is {actual}")
            }
            _ => reason,
        };
        let supplier = match item {
            Item::Defined(instance, _) => Some(&self.merge.instances[instance as usize]),
            Item::Host(_) | Item::Const(_) => None,
        };
        let of_pack = |i: &&Instance<'_>| i.origin == Origin::Pack;
        let pack_module = supplier.into_iter().chain([importer]).find(of_pack);
        let pack_module = pack_module.map(|instance| instance.name.clone());
        let (user, import) = (self.user(import), (import.0 as usize, import.1));
        MergeError::Type { user, source_item, reason, pack_module, import }
    }
}
