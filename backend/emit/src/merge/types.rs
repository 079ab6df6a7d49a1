//! Types of all instances, deduplicated.
//!
//! Two types are the same when their recursion groups are, so groups are interned: a group's key
//! is its encoding with references to earlier types as ids of this table and references into the
//! group itself as positions in it. Ids are handed out in order of first appearance, so a group
//! only refers to ids before its own.

use super::module::Module;
use super::{MergeError, immediates::Slot};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{Encode, EntityType, TypeSection};
use wasmparser::{CompositeInnerType, FuncType, RecGroup, ValType};

/// Marks a reference into the group itself in a key. No id is that high: ids fit [`Slot`]s.
const WITHIN: u32 = 1 << 31;

/// The table of all types.
pub struct Types {
    ids: HashMap<Vec<u8>, u32>,
    /// The type of functions without parameters and results, whether or not a module has it.
    pub void: u32,
    /// Distinct recursion groups, in the order of their types' ids.
    pub groups: Vec<Group>,
    /// For each type id the position of its group in `groups`.
    pub group_of: Vec<u32>,
    supertypes: Vec<Option<u32>>,
}

/// A distinct recursion group.
pub struct Group {
    /// An instance that declares it, and the position in its module's groups; none for
    /// [`Types::void`].
    pub declared: Option<(u32, u32)>,
    /// Ids of types outside of the group that it refers to.
    pub needs: Vec<u32>,
}

/// An index that points nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dangling {
    pub slot: Slot,
    pub index: u32,
}

impl std::fmt::Display for Dangling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} does not exist", self.slot, self.index)
    }
}

impl std::error::Error for Dangling {}

/// What re-encoding can meet in a malformed module, as text.
pub fn reencode_message(error: reencode::Error<Dangling>) -> String {
    match error {
        reencode::Error::ParseError(error) => error.to_string(),
        other => other.to_string(),
    }
}

impl Default for Types {
    fn default() -> Self {
        let mut types = Types {
            ids: HashMap::new(),
            void: 0,
            groups: Vec::new(),
            group_of: Vec::new(),
            supertypes: Vec::new(),
        };
        let mut section = TypeSection::new();
        section.ty().function([], []);
        types.void = types.insert(&section, vec![None], Vec::new(), None);
        types
    }
}

impl Types {
    /// Interns the types of an instance's module. The result maps its type indices to ids.
    pub fn intern_module(
        &mut self,
        instance: u32,
        name: &str,
        module: &Module<'_>,
    ) -> Result<Vec<u32>, MergeError> {
        let mut ids = Vec::with_capacity(module.type_count());
        for (position, group) in module.rec_groups.iter().enumerate() {
            let first = self
                .intern(group, &ids, (instance, position as u32))
                .map_err(|error| MergeError::malformed(name, reencode_message(error)))?;
            ids.extend(first..first + group.types().len() as u32);
        }
        Ok(ids)
    }

    fn intern(
        &mut self,
        group: &RecGroup,
        outer: &[u32],
        declared: (u32, u32),
    ) -> Result<u32, reencode::Error<Dangling>> {
        let len = group.types().len() as u32;
        let mut key = KeyEncoder { outer, len, needs: Vec::new() };
        let mut section = TypeSection::new();
        let mut supers = Vec::with_capacity(len as usize);
        let mut types = Vec::with_capacity(len as usize);
        for ty in group.types() {
            let encoded = key.sub_type(ty.clone())?;
            supers.push(encoded.supertype_idx);
            types.push(encoded);
        }
        // A group of one needs no brackets: `(rec (type t))` and `(type t)` are the same.
        match <[_; 1]>::try_from(types) {
            Ok([ty]) => section.ty().subtype(&ty),
            Err(types) => section.ty().rec(types),
        }
        Ok(self.insert(&section, supers, key.needs, Some(declared)))
    }

    /// Gives a group ids, unless it has them. `section` holds the group alone; `supers` has an
    /// entry for each of its types.
    fn insert(
        &mut self,
        section: &TypeSection,
        supers: Vec<Option<u32>>,
        needs: Vec<u32>,
        declared: Option<(u32, u32)>,
    ) -> u32 {
        let mut key = Vec::new();
        section.encode(&mut key);
        let first = self.group_of.len() as u32;
        match self.ids.entry(key) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(new) => new.insert(first),
        };
        let position = self.groups.len() as u32;
        self.groups.push(Group { declared, needs });
        self.group_of.extend(std::iter::repeat_n(position, supers.len()));
        self.supertypes.extend(
            supers
                .into_iter()
                .map(|id| id.map(|id| if id & WITHIN == 0 { id } else { first + (id & !WITHIN) })),
        );
        first
    }

    /// Types in the table.
    pub fn len(&self) -> usize {
        self.group_of.len()
    }

    /// A function type; none for other types. Types that it refers to are by the indices of the
    /// module that declares it, which `modules`, those that were interned, hold.
    pub fn func<'m>(&self, id: u32, modules: &'m [Module<'_>]) -> Option<Cow<'m, FuncType>> {
        let group = *self.group_of.get(id as usize)?;
        let Some((instance, position)) = self.groups.get(group as usize)?.declared else {
            return Some(Cow::Owned(FuncType::new([], [])));
        };
        let first = self.group_of.partition_point(|of| *of < group);
        let group = modules.get(instance as usize)?.rec_groups.get(position as usize)?;
        match &group.types().nth(id as usize - first)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(Cow::Borrowed(ty)),
            _ => None,
        }
    }

    /// A function type for people; none for other types.
    pub fn func_text(&self, id: u32, modules: &[Module<'_>]) -> Option<String> {
        let ty = self.func(id, modules)?;
        let list = |types: &[ValType]| {
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            format!("({})", types.join(", "))
        };
        Some(format!("{} -> {}", list(ty.params()), list(ty.results())))
    }

    /// `sub` is `sup`, or was declared a subtype of it.
    pub fn is_subtype(&self, sub: u32, sup: u32) -> bool {
        // A supertype's id is lower than its subtype's, or in the same group and checked by
        // validation; the bound keeps a malformed group from looping.
        let mut at = Some(sub);
        for _ in 0..=self.len() {
            match at {
                Some(id) if id == sup => return true,
                Some(id) => at = self.supertypes.get(id as usize).copied().flatten(),
                None => return false,
            }
        }
        false
    }
}

/// Encodes the key of one group.
struct KeyEncoder<'t> {
    /// Ids of the module's types before the group.
    outer: &'t [u32],
    len: u32,
    needs: Vec<u32>,
}

impl Reencode for KeyEncoder<'_> {
    type Error = Dangling;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        let before = self.outer.len() as u32;
        match self.outer.get(index as usize) {
            Some(&id) => {
                self.needs.push(id);
                Ok(id)
            }
            None if index - before < self.len => Ok(WITHIN | (index - before)),
            None => Err(reencode::Error::UserError(Dangling { slot: Slot::Type, index })),
        }
    }
}

/// Rewrites the types that a module's items have into ids of the table.
pub struct ToIds<'t>(pub &'t [u32]);

impl ToIds<'_> {
    /// The type of an import or of a definition.
    pub fn entity(&mut self, ty: wasmparser::TypeRef) -> Result<EntityType, String> {
        self.entity_type(ty).map_err(reencode_message)
    }
}

impl Reencode for ToIds<'_> {
    type Error = Dangling;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Dangling>> {
        let id = self.0.get(index as usize).copied();
        id.ok_or(reencode::Error::UserError(Dangling { slot: Slot::Type, index }))
    }
}
