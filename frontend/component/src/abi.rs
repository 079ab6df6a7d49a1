//! Layout and flattening of component-level types (Canonical ABI, "Alignment", "Element Size"
//! and "Flattening").
//!
//! [`Layouts`] computes both once for every type of a program, parts before wholes, so nothing
//! here recurses and no shape of types makes it slow.

mod signature;

pub use signature::{CoreSignature, Direction, Passing, core_signature};

use crate::types::{TypeId, Types, ValueType};

/// Most flat parameters of a function before they are passed in memory.
pub const MAX_FLAT_PARAMS: usize = 16;
/// Most flat results of a function before they are passed in memory.
pub const MAX_FLAT_RESULTS: usize = 1;
/// An element must be smaller than this, in bytes.
pub const MAX_ELEMENT_SIZE: u64 = 1 << 28;

/// How wide addresses, lengths and pointers in a memory are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PtrWidth {
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl PtrWidth {
    /// The width of a memory's addresses.
    pub fn of(memory64: bool) -> Self {
        if memory64 { PtrWidth::W64 } else { PtrWidth::W32 }
    }

    /// Size of a pointer in bytes.
    pub fn bytes(self) -> u32 {
        match self {
            PtrWidth::W32 => 4,
            PtrWidth::W64 => 8,
        }
    }

    /// The core type of a pointer.
    pub fn flat(self) -> FlatType {
        match self {
            PtrWidth::W32 => FlatType::I32,
            PtrWidth::W64 => FlatType::I64,
        }
    }
}

/// A core type that flattening makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlatType {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

impl FlatType {
    /// The type of a slot that two cases of a variant share.
    pub fn join(self, other: FlatType) -> FlatType {
        use FlatType::{F32, I32, I64};
        match (self, other) {
            (a, b) if a == b => a,
            (I32, F32) | (F32, I32) => I32,
            _ => I64,
        }
    }
}

impl From<FlatType> for wasmparser::ValType {
    fn from(ty: FlatType) -> Self {
        match ty {
            FlatType::I32 => wasmparser::ValType::I32,
            FlatType::I64 => wasmparser::ValType::I64,
            FlatType::F32 => wasmparser::ValType::F32,
            FlatType::F64 => wasmparser::ValType::F64,
        }
    }
}

/// Why a type has no layout or signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// See [`MAX_ELEMENT_SIZE`].
    #[error("a value of the type takes {size} bytes in memory, and the most is {}", MAX_ELEMENT_SIZE - 1)]
    TooLarge {
        /// Its size; the largest number if it does not fit.
        size: u64,
    },
    /// The type is not of the asked-for shape, for example not a variant.
    #[error("the type is not {expected}")]
    Shape {
        /// What it should be.
        expected: &'static str,
    },
    /// Asked for the synchronous signature of an `async` lift or lower.
    #[error("`async` options have no synchronous signature")]
    Async,
}

/// Size and alignment in bytes; the size is a multiple of the alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SizeAlign {
    size: u64,
    align: u32,
}

/// Where the fields of a record lie, and its own size and alignment, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLayout {
    /// Offset of each field.
    pub offsets: Vec<u32>,
    /// Size, a multiple of the alignment.
    pub size: u32,
    /// Alignment.
    pub align: u32,
}

/// How a variant (also an enum, option or result) lies in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantLayout {
    /// Bytes of the discriminant, at offset 0: 1, 2 or 4.
    pub discriminant: u32,
    /// Offset of every payload.
    pub payload: u32,
    /// Payload type of each case.
    pub cases: Vec<Option<TypeId>>,
    /// Size, a multiple of the alignment.
    pub size: u32,
    /// Alignment.
    pub align: u32,
}

/// What is known of a type at one pointer width.
#[derive(Clone, Debug)]
struct TypeLayout {
    memory: SizeAlign,
    /// The flat types, if there are at most [`MAX_FLAT_PARAMS`].
    flat: Option<Box<[FlatType]>>,
}

/// Layouts and flattenings of all types of a [`Types`], at both pointer widths.
pub struct Layouts<'a> {
    types: &'a Types,
    widths: [Vec<TypeLayout>; 2],
    any_bits: Vec<bool>,
    pointers: Vec<bool>,
    handles: Vec<bool>,
}

impl<'a> Layouts<'a> {
    /// Computes the layouts of all types that are interned so far.
    pub fn new(types: &'a Types) -> Self {
        let mut layouts = Layouts {
            types,
            widths: [Vec::new(), Vec::new()],
            any_bits: Vec::new(),
            pointers: Vec::new(),
            handles: Vec::new(),
        };
        for (_, ty) in types.iter() {
            for ptr in [PtrWidth::W32, PtrWidth::W64] {
                let layout = layouts.compute(ty, ptr);
                layouts.widths[ptr as usize].push(layout);
            }
            let any_bits = layouts.compute_any_bits(ty);
            layouts.any_bits.push(any_bits);
            let pointers = matches!(ty, ValueType::String | ValueType::List(_))
                || layouts.any_part(ty, &layouts.pointers);
            layouts.pointers.push(pointers);
            let handles = matches!(
                ty,
                ValueType::Own(_)
                    | ValueType::Borrow(_)
                    | ValueType::Stream(_)
                    | ValueType::Future(_)
                    | ValueType::ErrorContext
            ) || layouts.any_part(ty, &layouts.handles);
            layouts.handles.push(handles);
        }
        layouts
    }

    /// The types that these are the layouts of.
    pub fn types(&self) -> &'a Types {
        self.types
    }

    /// Size and alignment of a type in memory, in bytes.
    pub fn size_align(&self, ty: TypeId, ptr: PtrWidth) -> Result<(u32, u32), AbiError> {
        let SizeAlign { size, align } = self.memory(ty, ptr);
        Ok((checked(size)?, align))
    }

    /// Where the fields of a record or tuple lie.
    pub fn record(&self, ty: TypeId, ptr: PtrWidth) -> Result<RecordLayout, AbiError> {
        match self.types.get(ty) {
            ValueType::Record(fields) | ValueType::Tuple(fields) => self.tuple(fields, ptr),
            _ => Err(AbiError::Shape { expected: "a record or tuple" }),
        }
    }

    /// Where values lie that are stored as the fields of one tuple, as spilled parameters are.
    pub fn tuple(&self, fields: &[TypeId], ptr: PtrWidth) -> Result<RecordLayout, AbiError> {
        let mut offsets = Vec::with_capacity(fields.len());
        let whole = self.fields(fields, ptr, |offset| offsets.push(offset));
        let size = checked(whole.size)?;
        // Each offset is at most the size.
        let offsets = offsets.into_iter().map(|offset| offset as u32).collect();
        Ok(RecordLayout { offsets, size, align: whole.align })
    }

    /// How a variant, enum, option or result lies in memory.
    pub fn variant(&self, ty: TypeId, ptr: PtrWidth) -> Result<VariantLayout, AbiError> {
        let cases = cases(self.types.get(ty)).ok_or(AbiError::Shape { expected: "a variant" })?;
        let discriminant = discriminant(cases.len());
        let memory = self.memory(ty, ptr);
        let payload = self.payload_offset(&cases, ptr);
        Ok(VariantLayout {
            discriminant,
            payload,
            size: checked(memory.size)?,
            align: memory.align,
            cases,
        })
    }

    /// The flat types of a type; none if there are more than [`MAX_FLAT_PARAMS`], so that it is
    /// never passed flat.
    pub fn flatten(&self, ty: TypeId, ptr: PtrWidth) -> Option<&[FlatType]> {
        self.widths[ptr as usize][ty.0 as usize].flat.as_deref()
    }

    /// The flat types of values in a row; none if there are more than `max`, or than
    /// [`MAX_FLAT_PARAMS`].
    pub fn flatten_all(
        &self,
        types: &[TypeId],
        ptr: PtrWidth,
        max: usize,
    ) -> Option<Vec<FlatType>> {
        let mut flat = Vec::new();
        for ty in types {
            flat.extend_from_slice(self.flatten(*ty, ptr)?);
            if flat.len() > max.min(MAX_FLAT_PARAMS) {
                return None;
            }
        }
        Some(flat)
    }

    /// Every bit pattern of the type's bytes is a valid value, and its layout is the same at
    /// both pointer widths: a list of it may be copied as bytes. Padding is copied along.
    pub fn is_any_bits(&self, ty: TypeId) -> bool {
        self.any_bits[ty.0 as usize]
    }

    /// Values contain pointers into a memory: strings or lists of variable length.
    pub fn contains_pointers(&self, ty: TypeId) -> bool {
        self.pointers[ty.0 as usize]
    }

    /// Values contain handles: resources, streams, futures or error contexts.
    pub fn contains_handles(&self, ty: TypeId) -> bool {
        self.handles[ty.0 as usize]
    }

    fn memory(&self, ty: TypeId, ptr: PtrWidth) -> SizeAlign {
        self.widths[ptr as usize][ty.0 as usize].memory
    }

    /// The layout of a type whose parts have theirs.
    fn compute(&self, ty: &ValueType, ptr: PtrWidth) -> TypeLayout {
        use FlatType::{F32, F64, I32, I64};
        let scalar = |bytes: u32, flat: FlatType| TypeLayout {
            memory: SizeAlign { size: bytes.into(), align: bytes },
            flat: Some([flat].into()),
        };
        match ty {
            ValueType::Bool | ValueType::S8 | ValueType::U8 => scalar(1, I32),
            ValueType::S16 | ValueType::U16 => scalar(2, I32),
            ValueType::S32 | ValueType::U32 | ValueType::Char => scalar(4, I32),
            ValueType::S64 | ValueType::U64 => scalar(8, I64),
            ValueType::F32 => scalar(4, F32),
            ValueType::F64 => scalar(8, F64),
            ValueType::ErrorContext
            | ValueType::Own(_)
            | ValueType::Borrow(_)
            | ValueType::Stream(_)
            | ValueType::Future(_) => scalar(4, I32),
            ValueType::String | ValueType::List(_) => TypeLayout {
                memory: SizeAlign { size: 2 * u64::from(ptr.bytes()), align: ptr.bytes() },
                flat: Some([ptr.flat(), ptr.flat()].into()),
            },
            ValueType::Flags(labels) => {
                let bytes = match labels {
                    0..=8 => 1,
                    9..=16 => 2,
                    _ => 4,
                };
                scalar(bytes, I32)
            }
            ValueType::FixedList(element, length) => {
                let SizeAlign { size, align } = self.memory(*element, ptr);
                let flat = self.flatten(*element, ptr).and_then(|flat| {
                    let length = *length as usize;
                    let fits = flat.len().saturating_mul(length) <= MAX_FLAT_PARAMS;
                    // An element without flat types may be repeated any number of times.
                    fits.then(
                        || if flat.is_empty() { [].into() } else { flat.repeat(length).into() },
                    )
                });
                let size = size.saturating_mul((*length).into());
                TypeLayout { memory: SizeAlign { size, align }, flat }
            }
            ValueType::Record(fields) | ValueType::Tuple(fields) => TypeLayout {
                memory: self.fields(fields, ptr, |_| {}),
                flat: self.flatten_all(fields, ptr, MAX_FLAT_PARAMS).map(Vec::into_boxed_slice),
            },
            ValueType::Variant(_)
            | ValueType::Enum(_)
            | ValueType::Option(_)
            | ValueType::Result(..) => {
                let cases = cases(ty).unwrap_or_default();
                let payload: u64 = self.payload_offset(&cases, ptr).into();
                let mut align = discriminant(cases.len());
                let mut size = 0;
                for case in cases.iter().flatten() {
                    let case = self.memory(*case, ptr);
                    align = align.max(case.align);
                    size = size.max(case.size);
                }
                let size = align_to(payload.saturating_add(size), align);
                let flat = self.flatten_variant(&cases, ptr);
                TypeLayout { memory: SizeAlign { size, align }, flat }
            }
        }
    }

    /// Lays fields out one after the other and reports each one's offset.
    fn fields(&self, fields: &[TypeId], ptr: PtrWidth, mut at: impl FnMut(u64)) -> SizeAlign {
        let mut whole = SizeAlign { size: 0, align: 1 };
        for field in fields {
            let field = self.memory(*field, ptr);
            let offset = align_to(whole.size, field.align);
            at(offset);
            whole.size = offset.saturating_add(field.size);
            whole.align = whole.align.max(field.align);
        }
        whole.size = align_to(whole.size, whole.align);
        whole
    }

    fn payload_offset(&self, cases: &[Option<TypeId>], ptr: PtrWidth) -> u32 {
        let aligns = cases.iter().flatten().map(|case| self.memory(*case, ptr).align);
        let discriminant = discriminant(cases.len());
        // A discriminant is no larger than an alignment can be, so this is at most 8.
        align_to(discriminant.into(), aligns.max().unwrap_or(1)) as u32
    }

    fn flatten_variant(&self, cases: &[Option<TypeId>], ptr: PtrWidth) -> Option<Box<[FlatType]>> {
        let mut joined = vec![FlatType::I32];
        for case in cases.iter().flatten() {
            for (i, ty) in self.flatten(*case, ptr)?.iter().enumerate() {
                match joined.get_mut(i + 1) {
                    Some(slot) => *slot = slot.join(*ty),
                    None => joined.push(*ty),
                }
            }
        }
        (joined.len() <= MAX_FLAT_PARAMS).then(|| joined.into())
    }

    fn compute_any_bits(&self, ty: &ValueType) -> bool {
        match ty {
            ValueType::S8
            | ValueType::U8
            | ValueType::S16
            | ValueType::U16
            | ValueType::S32
            | ValueType::U32
            | ValueType::S64
            | ValueType::U64
            | ValueType::F32
            | ValueType::F64 => true,
            // Exactly where no bit is spare.
            ValueType::Flags(labels) => matches!(labels, 8 | 16 | 32),
            ValueType::FixedList(element, _) => self.any_bits[element.0 as usize],
            ValueType::Record(fields) | ValueType::Tuple(fields) => {
                fields.iter().all(|field| self.any_bits[field.0 as usize])
            }
            _ => false,
        }
    }

    /// Whether something that is in a value's own bytes has a property. What lists point to
    /// counts, what streams carry does not.
    fn any_part(&self, ty: &ValueType, has: &[bool]) -> bool {
        let has = |ty: &TypeId| has[ty.0 as usize];
        match ty {
            ValueType::List(element) | ValueType::FixedList(element, _) => has(element),
            ValueType::Record(fields) | ValueType::Tuple(fields) => fields.iter().any(has),
            ValueType::Variant(cases) => cases.iter().flatten().any(has),
            ValueType::Option(ty) => has(ty),
            ValueType::Result(ok, err) => ok.iter().chain(err).any(has),
            _ => false,
        }
    }
}

/// Bytes of the discriminant of a variant with this many cases.
pub fn discriminant(cases: usize) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// The payloads of a variant, enum, option or result.
pub fn cases(ty: &ValueType) -> Option<Vec<Option<TypeId>>> {
    Some(match ty {
        ValueType::Variant(cases) => cases.clone(),
        ValueType::Enum(count) => vec![None; *count as usize],
        ValueType::Option(ty) => vec![None, Some(*ty)],
        ValueType::Result(ok, err) => vec![*ok, *err],
        _ => return None,
    })
}

/// The next multiple of a power of two.
fn align_to(offset: u64, align: u32) -> u64 {
    let mask = u64::from(align) - 1;
    offset.checked_add(mask).map_or(u64::MAX, |sum| sum & !mask)
}

fn checked(size: u64) -> Result<u32, AbiError> {
    if size >= MAX_ELEMENT_SIZE {
        return Err(AbiError::TooLarge { size });
    }
    Ok(size as u32)
}

#[cfg(test)]
mod tests;
