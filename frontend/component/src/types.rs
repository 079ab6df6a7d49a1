//! Component-level value types, interned.
//!
//! Types are structural and carry what the Canonical ABI can see, and no more: labels of
//! records and variants do not change a layout and are left out (the outer world, where labels
//! matter, is kept separately as [`crate::program::World`]). Two types are equal exactly when
//! their [`TypeId`]s are. Handles name their resource by [`ResourceId`], so equal-looking types
//! over different resources are different types.

use crate::program::ResourceId;
use indexmap::IndexSet;
use std::collections::BTreeSet;

/// An interned [`ValueType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// A value type of the component model, with its components interned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// `bool`
    Bool,
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`
    S32,
    /// `u32`
    U32,
    /// `s64`
    S64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`
    Char,
    /// `string`
    String,
    /// `error-context`
    ErrorContext,
    /// `list<T>`; `map<K, V>` is `list<tuple<K, V>>`.
    List(TypeId),
    /// `list<T, N>`, a list of fixed length.
    FixedList(TypeId, u32),
    /// `record`, fields in order.
    Record(Vec<TypeId>),
    /// `tuple`
    Tuple(Vec<TypeId>),
    /// `variant`, payloads of the cases in order.
    Variant(Vec<Option<TypeId>>),
    /// `enum` with this many cases.
    Enum(u32),
    /// `option<T>`
    Option(TypeId),
    /// `result<T, E>`
    Result(Option<TypeId>, Option<TypeId>),
    /// `flags` with this many labels (1 to 32).
    Flags(u32),
    /// `own<R>`
    Own(ResourceId),
    /// `borrow<R>`
    Borrow(ResourceId),
    /// `stream<T>`
    Stream(Option<TypeId>),
    /// `future<T>`
    Future(Option<TypeId>),
}

impl ValueType {
    /// The types that it is made of, in order.
    pub fn parts(&self) -> Vec<TypeId> {
        match self {
            ValueType::List(ty) | ValueType::FixedList(ty, _) | ValueType::Option(ty) => vec![*ty],
            ValueType::Record(types) | ValueType::Tuple(types) => types.clone(),
            ValueType::Variant(cases) => cases.iter().flatten().copied().collect(),
            ValueType::Result(ok, error) => ok.iter().chain(error).copied().collect(),
            ValueType::Stream(ty) | ValueType::Future(ty) => ty.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// The payloads of the cases of a variant, an option or a result.
    pub fn cases(&self) -> Vec<Option<TypeId>> {
        match self {
            ValueType::Variant(cases) => cases.clone(),
            ValueType::Option(payload) => vec![None, Some(*payload)],
            ValueType::Result(ok, error) => vec![*ok, *error],
            _ => Vec::new(),
        }
    }
}

/// The type of a component function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Declared `async`.
    pub async_: bool,
    /// Types of the parameters.
    pub params: Vec<TypeId>,
    /// Type of the result.
    pub result: Option<TypeId>,
}

/// An interned [`FuncType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FuncTypeId(pub u32);

/// All types of a program. Ids are handed out in order of first use, so they are deterministic.
#[derive(Clone, Debug, Default)]
pub struct Types {
    values: IndexSet<ValueType>,
    funcs: IndexSet<FuncType>,
}

impl Types {
    /// Interns a value type.
    pub fn intern(&mut self, ty: ValueType) -> TypeId {
        TypeId(self.values.insert_full(ty).0 as u32)
    }

    /// Interns a function type.
    pub fn intern_func(&mut self, ty: FuncType) -> FuncTypeId {
        FuncTypeId(self.funcs.insert_full(ty).0 as u32)
    }

    /// The type behind an id of this table.
    pub fn get(&self, id: TypeId) -> &ValueType {
        &self.values[id.0 as usize]
    }

    /// The function type behind an id of this table.
    pub fn func(&self, id: FuncTypeId) -> &FuncType {
        &self.funcs[id.0 as usize]
    }

    /// Every value type with its id; a type's components come before it.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &ValueType)> {
        self.values.iter().enumerate().map(|(i, t)| (TypeId(i as u32), t))
    }

    /// Value types that are such, or hold some.
    pub fn holding(&self, such: impl Fn(&ValueType) -> bool) -> BTreeSet<TypeId> {
        let mut found = BTreeSet::new();
        for (id, ty) in self.iter() {
            if such(ty) || ty.parts().iter().any(|part| found.contains(part)) {
                found.insert(id);
            }
        }
        found
    }

    /// Every function type with its id.
    pub fn iter_funcs(&self) -> impl Iterator<Item = (FuncTypeId, &FuncType)> {
        self.funcs.iter().enumerate().map(|(i, t)| (FuncTypeId(i as u32), t))
    }
}
