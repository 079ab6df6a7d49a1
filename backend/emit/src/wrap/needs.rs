//! Which canonical options a component function needs when it is lowered or lifted
//! (Canonical ABI, "Flattening" and "canonopt Validation").

use std::collections::HashMap;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentDefinedTypeId, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;

const MAX_FLAT_PARAMS: u32 = 16;
const MAX_FLAT_RESULTS: u32 = 1;

/// The options without which a lift or a lower would be invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Values cross through linear memory.
    pub memory: bool,
    /// Something must be allocated in the memory.
    pub realloc: bool,
    /// Some value is a string or a list of strings, so the encoding matters.
    pub strings: bool,
}

/// What values of a type are made of; both directions of a call ask the same.
#[derive(Clone, Copy, Default)]
struct Shape {
    /// Number of core values when flat. Counting stops at [`Shape::MANY`].
    flat: u32,
    pointers: bool,
    strings: bool,
}

impl Shape {
    const MANY: u32 = 1000;

    fn handle() -> Shape {
        Shape { flat: 1, ..Shape::default() }
    }

    fn beside(self, other: Shape) -> Shape {
        Shape { flat: (self.flat + other.flat).min(Self::MANY), ..self.union(other) }
    }

    fn union(self, other: Shape) -> Shape {
        Shape {
            flat: self.flat.max(other.flat),
            pointers: self.pointers || other.pointers,
            strings: self.strings || other.strings,
        }
    }
}

/// Answers what functions need; types are looked at once each.
pub(super) struct NeedsOf<'a> {
    types: TypesRef<'a>,
    known: HashMap<ComponentDefinedTypeId, Shape>,
}

impl<'a> NeedsOf<'a> {
    pub fn new(types: TypesRef<'a>) -> Self {
        NeedsOf { types, known: HashMap::new() }
    }

    /// What lowering the function needs of the module that imports it.
    pub fn lower(&mut self, id: ComponentFuncTypeId) -> Needs {
        let (params, results) = self.shapes(id);
        let spilled = params.flat > MAX_FLAT_PARAMS || results.flat > MAX_FLAT_RESULTS;
        Needs {
            memory: spilled || params.pointers || results.pointers,
            realloc: results.pointers,
            strings: params.strings || results.strings,
        }
    }

    /// What lifting a core function to this type needs of the module that exports it.
    pub fn lift(&mut self, id: ComponentFuncTypeId) -> Needs {
        let (params, results) = self.shapes(id);
        let allocated = params.flat > MAX_FLAT_PARAMS || params.pointers;
        Needs {
            memory: allocated || results.flat > MAX_FLAT_RESULTS || results.pointers,
            realloc: allocated,
            strings: params.strings || results.strings,
        }
    }

    fn shapes(&mut self, id: ComponentFuncTypeId) -> (Shape, Shape) {
        let types = self.types;
        let ty = &types[id];
        let params = self.product(ty.params.iter().map(|(_, ty)| *ty));
        let results = self.product(ty.result);
        (params, results)
    }

    fn product(&mut self, types: impl IntoIterator<Item = ComponentValType>) -> Shape {
        types.into_iter().fold(Shape::default(), |all, ty| all.beside(self.value(ty)))
    }

    /// A discriminant beside the widest case.
    fn sum(&mut self, cases: impl IntoIterator<Item = Option<ComponentValType>>) -> Shape {
        let payload =
            cases.into_iter().flatten().fold(Shape::default(), |all, ty| all.union(self.value(ty)));
        Shape::handle().beside(payload)
    }

    fn value(&mut self, ty: ComponentValType) -> Shape {
        let id = match ty {
            ComponentValType::Primitive(ty) => return primitive(ty),
            ComponentValType::Type(id) => id,
        };
        if let Some(&shape) = self.known.get(&id) {
            return shape;
        }
        let shape = self.defined(id);
        self.known.insert(id, shape);
        shape
    }

    fn defined(&mut self, id: ComponentDefinedTypeId) -> Shape {
        use ComponentDefinedType as Ty;
        let types = self.types;
        match &types[id] {
            Ty::Primitive(ty) => primitive(*ty),
            Ty::Record(record) => self.product(record.fields.values().copied()),
            Ty::Tuple(tuple) => self.product(tuple.types.iter().copied()),
            Ty::Variant(variant) => self.sum(variant.cases.values().map(|case| case.ty)),
            Ty::Option { ty, .. } => self.sum([Some(*ty)]),
            Ty::Result { ok, err, .. } => self.sum([*ok, *err]),
            Ty::List { element, .. } => {
                let strings = self.value(*element).strings;
                Shape { flat: 2, pointers: true, strings }
            }
            Ty::Map { key, value, .. } => {
                let strings = self.value(*key).strings || self.value(*value).strings;
                Shape { flat: 2, pointers: true, strings }
            }
            Ty::FixedLengthList { element, length, .. } => {
                let element = self.value(*element);
                let flat = element.flat.saturating_mul(*length).min(Shape::MANY);
                Shape { flat, ..element }
            }
            Ty::Flags(_) | Ty::Enum(_) | Ty::Own(_) | Ty::Borrow(_) => Shape::handle(),
            // Only the handle crosses here; elements cross in the built-ins of the stream.
            Ty::Future { .. } | Ty::Stream { .. } => Shape::handle(),
        }
    }
}

fn primitive(ty: wasmparser::PrimitiveValType) -> Shape {
    match ty {
        wasmparser::PrimitiveValType::String => Shape { flat: 2, pointers: true, strings: true },
        _ => Shape::handle(),
    }
}
