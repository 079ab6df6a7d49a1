//! Layout and flattening of component-level types (Canonical ABI, "Despecialization" to
//! "Flattening").
//!
//! [`Layouts`] computes everything once for a whole [`Types`] table, each type from its
//! components, so that shared types cost nothing and deep ones need no stack. A flattening is
//! kept only up to [`MAX_FLAT_PARAMS`] core values: what is longer is never passed flat.

use crate::types::{FuncType, TypeId, Types, ValueType};

/// The most core values that parameters are passed in; more are spilled to memory.
pub const MAX_FLAT_PARAMS: usize = 16;
/// The most core values that a result is passed in; more are spilled to memory.
pub const MAX_FLAT_RESULTS: usize = 1;
/// The most bytes that a list or a string may have when it is passed.
pub const MAX_LIST_BYTES: u32 = (1 << 28) - 1;

/// Sizes of types are below this, in bytes.
const SIZE_LIMIT: u64 = 1 << 28;

/// How wide the addresses of a memory are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PtrWidth {
    /// 32 bits.
    W32,
    /// 64 bits (memory64).
    W64,
}

impl PtrWidth {
    /// Bytes of an address.
    pub fn bytes(self) -> u32 {
        match self {
            PtrWidth::W32 => 4,
            PtrWidth::W64 => 8,
        }
    }

    /// The core type of an address.
    pub fn flat(self) -> FlatType {
        match self {
            PtrWidth::W32 => FlatType::I32,
            PtrWidth::W64 => FlatType::I64,
        }
    }
}

/// A core value type that component-level values are flattened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The type of a slot that holds either of two types in different cases of a variant.
    pub fn join(self, other: FlatType) -> FlatType {
        match (self, other) {
            (a, b) if a == b => a,
            (FlatType::I32, FlatType::F32) | (FlatType::F32, FlatType::I32) => FlatType::I32,
            _ => FlatType::I64,
        }
    }
}

/// Size and alignment in bytes. The alignment is 1, 2, 4 or 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Bytes, a multiple of the alignment.
    pub size: u32,
    /// Alignment in bytes.
    pub align: u32,
}

/// Where a variant keeps what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariantLayout {
    /// Bytes of the discriminant, which stands first: 1, 2 or 4.
    pub discriminant: u32,
    /// Offset of every case's payload.
    pub payload: u32,
}

/// Whether a signature is that of a `canon lift` or of a `canon lower`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The core function that is lifted: the callee's.
    Lift,
    /// The core function that lowering gives: the caller's.
    Lower,
}

/// A component function's core signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Core parameters, with the out-pointer of a lowered function last.
    pub params: Vec<FlatType>,
    /// Core results, none or one.
    pub results: Vec<FlatType>,
    /// The first parameter points to the parameters as a tuple in memory.
    pub params_spilled: bool,
    /// The result is in memory: a lifted function returns a pointer to it, a lowered one is
    /// given a pointer to where it shall be.
    pub results_spilled: bool,
}

/// A type that has no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// A value of the type does not fit the Canonical ABI's limit on sizes.
    #[error(
        "{0} takes {SIZE_LIMIT} bytes or more in memory, which the Canonical ABI does not allow; \
         use a `list` instead of lists of fixed length"
    )]
    TooLarge(String),
    /// The type has no values, or no contents.
    #[error("{0} is empty, which the Canonical ABI does not allow; give it at least one member")]
    Empty(String),
    /// Flags beyond what a core value holds.
    #[error("`flags` has {0} labels, and the Canonical ABI allows 1 to 32; split it")]
    Labels(u32),
}

/// What is known of one type at one pointer width.
#[derive(Clone, Debug)]
struct Entry {
    layout: Layout,
    /// None if longer than [`MAX_FLAT_PARAMS`].
    flat: Option<Vec<FlatType>>,
}

/// Layouts and flattenings of all types of a table.
///
/// Types that have none (they would be too large, or are empty) are errors only when asked for.
#[derive(Clone, Debug)]
pub struct Layouts<'a> {
    types: &'a Types,
    /// By type, for [`PtrWidth::W32`] and [`PtrWidth::W64`].
    entries: Vec<[Result<Entry, AbiError>; 2]>,
}

impl<'a> Layouts<'a> {
    /// Lays out every type of the table; time and memory are linear in it.
    pub fn new(types: &'a Types) -> Layouts<'a> {
        let mut layouts = Layouts { types, entries: Vec::new() };
        for (_, ty) in types.iter() {
            let entry = [layouts.entry(ty, PtrWidth::W32), layouts.entry(ty, PtrWidth::W64)];
            layouts.entries.push(entry);
        }
        layouts
    }

    /// The table that is laid out.
    pub fn types(&self) -> &'a Types {
        self.types
    }

    /// Size and alignment of a type ("Element Size", "Alignment").
    pub fn layout(&self, ty: TypeId, width: PtrWidth) -> Result<Layout, AbiError> {
        Ok(self.get(ty, width)?.layout)
    }

    /// Size and alignment in bytes of a type.
    pub fn size_align(&self, ty: TypeId, width: PtrWidth) -> Result<(u32, u32), AbiError> {
        let Layout { size, align } = self.layout(ty, width)?;
        Ok((size, align))
    }

    /// The core types of a type ("Flattening"), or none if they are more than
    /// [`MAX_FLAT_PARAMS`].
    pub fn flatten(&self, ty: TypeId, width: PtrWidth) -> Result<Option<&[FlatType]>, AbiError> {
        Ok(self.get(ty, width)?.flat.as_deref())
    }

    /// The layout of a tuple of these types, and the offset of each of them.
    pub fn tuple(
        &self,
        fields: &[TypeId],
        width: PtrWidth,
    ) -> Result<(Layout, Vec<u32>), AbiError> {
        let mut offsets = Vec::with_capacity(fields.len());
        let layout = self.record_layout(fields, width, Some(&mut offsets))?;
        Ok((layout, offsets))
    }

    /// Where a variant, option or result with these payloads keeps what.
    pub fn variant(
        &self,
        cases: &[Option<TypeId>],
        width: PtrWidth,
    ) -> Result<VariantLayout, AbiError> {
        let discriminant = discriminant_bytes(cases.len() as u64);
        let (_, align) = self.largest_case(cases, width)?;
        Ok(VariantLayout { discriminant, payload: align_to(discriminant.into(), align) as u32 })
    }

    /// The core signature of a function that is lifted or lowered without the `async` option.
    pub fn core_signature(
        &self,
        func: &FuncType,
        direction: Direction,
        width: PtrWidth,
    ) -> Result<Signature, AbiError> {
        let flat_params = self.concat(func.params.iter().copied(), width, MAX_FLAT_PARAMS)?;
        let flat_results = self.concat(func.result, width, MAX_FLAT_RESULTS)?;
        let params_spilled = flat_params.is_none();
        let results_spilled = flat_results.is_none();
        if params_spilled {
            self.record_layout(&func.params, width, None)?;
        }
        let mut params = flat_params.unwrap_or_else(|| vec![width.flat()]);
        let results = match (flat_results, direction) {
            (Some(flat), _) => flat,
            (None, Direction::Lift) => vec![width.flat()],
            (None, Direction::Lower) => {
                params.push(width.flat());
                Vec::new()
            }
        };
        Ok(Signature { params, results, params_spilled, results_spilled })
    }

    fn get(&self, ty: TypeId, width: PtrWidth) -> Result<&Entry, AbiError> {
        self.entries[ty.0 as usize][width as usize].as_ref().map_err(Clone::clone)
    }

    fn entry(&self, ty: &ValueType, width: PtrWidth) -> Result<Entry, AbiError> {
        use FlatType::*;
        use ValueType::*;
        let scalar = |bytes, flat| Entry {
            layout: Layout { size: bytes, align: bytes },
            flat: Some(vec![flat]),
        };
        Ok(match ty {
            Bool | S8 | U8 => scalar(1, I32),
            S16 | U16 => scalar(2, I32),
            S32 | U32 | Char => scalar(4, I32),
            S64 | U64 => scalar(8, I64),
            ValueType::F32 => scalar(4, FlatType::F32),
            ValueType::F64 => scalar(8, FlatType::F64),
            ErrorContext | Own(_) | Borrow(_) | Stream(_) | Future(_) => scalar(4, I32),
            String | List(_) => Entry {
                layout: Layout { size: 2 * width.bytes(), align: width.bytes() },
                flat: Some(vec![width.flat(); 2]),
            },
            Flags(labels) => match labels {
                1..=8 => scalar(1, I32),
                9..=16 => scalar(2, I32),
                17..=32 => scalar(4, I32),
                _ => return Err(AbiError::Labels(*labels)),
            },
            Enum(0) => return Err(AbiError::Empty("an `enum`".into())),
            Enum(cases) => scalar(discriminant_bytes((*cases).into()), I32),
            FixedList(_, 0) => return Err(AbiError::Empty("a list of fixed length".into())),
            FixedList(element, length) => {
                let element = self.get(*element, width)?;
                let flat = element.flat.as_ref().and_then(|flat| {
                    let fits = flat.len() as u64 * u64::from(*length) <= MAX_FLAT_PARAMS as u64;
                    fits.then(|| flat.repeat(*length as usize))
                });
                let size = u64::from(element.layout.size) * u64::from(*length);
                let layout = checked("a list of fixed length", size, element.layout.align)?;
                Entry { layout, flat }
            }
            Record(fields) | Tuple(fields) => Entry {
                layout: self.record_layout(fields, width, None)?,
                flat: self.concat(fields.iter().copied(), width, MAX_FLAT_PARAMS)?,
            },
            Variant(cases) => self.variant_entry(cases, width)?,
            Option(payload) => self.variant_entry(&[None, Some(*payload)], width)?,
            Result(ok, error) => self.variant_entry(&[*ok, *error], width)?,
        })
    }

    fn variant_entry(&self, cases: &[Option<TypeId>], width: PtrWidth) -> Result<Entry, AbiError> {
        if cases.is_empty() {
            return Err(AbiError::Empty("a `variant`".into()));
        }
        let (size, max_align) = self.largest_case(cases, width)?;
        let VariantLayout { discriminant, payload } = self.variant(cases, width)?;
        let align = discriminant.max(max_align);
        let layout = checked("a variant", u64::from(payload) + u64::from(size), align)?;
        Ok(Entry { layout, flat: self.join_cases(cases, width)? })
    }

    /// The largest size and the largest alignment of the payloads; alignment 1 if there is none.
    fn largest_case(
        &self,
        cases: &[Option<TypeId>],
        width: PtrWidth,
    ) -> Result<(u32, u32), AbiError> {
        let mut largest = (0, 1);
        for &ty in cases.iter().flatten() {
            let Layout { size, align } = self.layout(ty, width)?;
            largest = (largest.0.max(size), largest.1.max(align));
        }
        Ok(largest)
    }

    fn join_cases(
        &self,
        cases: &[Option<TypeId>],
        width: PtrWidth,
    ) -> Result<Option<Vec<FlatType>>, AbiError> {
        let mut joined = vec![FlatType::I32];
        for &ty in cases.iter().flatten() {
            let Some(flat) = self.flatten(ty, width)? else { return Ok(None) };
            for (i, &ty) in flat.iter().enumerate() {
                match joined.get_mut(i + 1) {
                    Some(slot) => *slot = slot.join(ty),
                    None => joined.push(ty),
                }
            }
        }
        Ok((joined.len() <= MAX_FLAT_PARAMS).then_some(joined))
    }

    /// The flattenings one after the other, or none if longer than `most`.
    fn concat(
        &self,
        types: impl IntoIterator<Item = TypeId>,
        width: PtrWidth,
        most: usize,
    ) -> Result<Option<Vec<FlatType>>, AbiError> {
        let mut flat = Vec::new();
        for ty in types {
            match self.flatten(ty, width)? {
                Some(more) if flat.len() + more.len() <= most => flat.extend_from_slice(more),
                _ => return Ok(None),
            }
        }
        Ok(Some(flat))
    }

    fn record_layout(
        &self,
        fields: &[TypeId],
        width: PtrWidth,
        mut offsets: Option<&mut Vec<u32>>,
    ) -> Result<Layout, AbiError> {
        if fields.is_empty() {
            return Err(AbiError::Empty("a record or tuple".into()));
        }
        let (mut end, mut max_align) = (0u64, 1);
        for &ty in fields {
            let Layout { size, align } = self.layout(ty, width)?;
            let offset = align_to(end, align);
            end = offset + u64::from(size);
            max_align = max_align.max(align);
            if end >= SIZE_LIMIT {
                return Err(AbiError::TooLarge("a record or tuple".into()));
            }
            if let Some(offsets) = &mut offsets {
                offsets.push(offset as u32);
            }
        }
        checked("a record or tuple", end, max_align)
    }
}

/// Bytes of the discriminant of a variant with this many cases.
pub fn discriminant_bytes(cases: u64) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

fn align_to(offset: u64, align: u32) -> u64 {
    offset.next_multiple_of(align.into())
}

fn checked(what: &str, size: u64, align: u32) -> Result<Layout, AbiError> {
    let size = align_to(size, align);
    if size >= SIZE_LIMIT {
        return Err(AbiError::TooLarge(what.into()));
    }
    Ok(Layout { size: size as u32, align })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ResourceId;
    use FlatType::{F32 as f32_, F64 as f64_, I32 as i32_, I64 as i64_};
    use PtrWidth::{W32, W64};

    /// Interns a type whose components are given by a closure over the table.
    fn check(make: impl Fn(&mut Types) -> TypeId, expect: [(u32, u32, &[FlatType]); 2]) {
        let mut types = Types::default();
        let ty = make(&mut types);
        let layouts = Layouts::new(&types);
        for (width, (size, align, flat)) in [W32, W64].into_iter().zip(expect) {
            assert_eq!(layouts.size_align(ty, width), Ok((size, align)), "{width:?}");
            assert_eq!(layouts.flatten(ty, width), Ok(Some(flat)), "{width:?}");
        }
    }

    /// The same at both widths.
    fn same(ty: ValueType, size: u32, align: u32, flat: &[FlatType]) {
        check(|types| types.intern(ty.clone()), [(size, align, flat); 2]);
    }

    #[test]
    fn scalars() {
        use ValueType::*;
        for ty in [Bool, S8, U8] {
            same(ty, 1, 1, &[i32_]);
        }
        for ty in [S16, U16] {
            same(ty, 2, 2, &[i32_]);
        }
        for ty in [S32, U32, Char, ErrorContext, Own(ResourceId(0)), Stream(None), Future(None)] {
            same(ty, 4, 4, &[i32_]);
        }
        for ty in [S64, U64] {
            same(ty, 8, 8, &[i64_]);
        }
        same(F32, 4, 4, &[f32_]);
        same(F64, 8, 8, &[f64_]);
    }

    #[test]
    fn flags_and_enums() {
        use ValueType::*;
        for (labels, size) in [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4)] {
            same(Flags(labels), size, size, &[i32_]);
        }
        for (cases, size) in [(1, 1), (256, 1), (257, 2), (65536, 2), (65537, 4)] {
            same(Enum(cases), size, size, &[i32_]);
        }
    }

    #[test]
    fn pointers_follow_the_width() {
        let expect: [(u32, u32, &[FlatType]); 2] = [(8, 4, &[i32_, i32_]), (16, 8, &[i64_, i64_])];
        check(|t| t.intern(ValueType::String), expect);
        check(
            |t| {
                let u8_ = t.intern(ValueType::U8);
                t.intern(ValueType::List(u8_))
            },
            expect,
        );
    }

    #[test]
    fn records_are_padded() {
        check(
            |t| {
                let (a, b, c) = (ValueType::U8, ValueType::U64, ValueType::U16);
                let fields = vec![t.intern(a), t.intern(b), t.intern(c)];
                t.intern(ValueType::Record(fields))
            },
            [(24, 8, &[i32_, i64_, i32_]); 2],
        );
        let mut types = Types::default();
        let fields = [ValueType::U8, ValueType::String, ValueType::Bool].map(|ty| types.intern(ty));
        let layouts = Layouts::new(&types);
        let (layout, offsets) = layouts.tuple(&fields, W32).unwrap();
        assert_eq!((layout, offsets), (Layout { size: 16, align: 4 }, vec![0, 4, 12]));
        let (layout, offsets) = layouts.tuple(&fields, W64).unwrap();
        assert_eq!((layout, offsets), (Layout { size: 32, align: 8 }, vec![0, 8, 24]));
    }

    #[test]
    fn variants_join() {
        // Nothing, `u64` and `f32` in one slot.
        check(
            |t| {
                let (a, b) = (t.intern(ValueType::U64), t.intern(ValueType::F32));
                t.intern(ValueType::Variant(vec![None, Some(a), Some(b)]))
            },
            [(16, 8, &[i32_, i64_]); 2],
        );
        check(
            |t| {
                let (a, b) = (t.intern(ValueType::U32), t.intern(ValueType::F32));
                t.intern(ValueType::Result(Some(a), Some(b)))
            },
            [(8, 4, &[i32_, i32_]); 2],
        );
        check(
            |t| {
                let f = t.intern(ValueType::F32);
                t.intern(ValueType::Option(f))
            },
            [(8, 4, &[i32_, f32_]); 2],
        );
        check(
            |t| {
                let (a, b) = (t.intern(ValueType::String), t.intern(ValueType::F64));
                t.intern(ValueType::Result(Some(a), Some(b)))
            },
            [(16, 8, &[i32_, i64_, i32_]), (24, 8, &[i32_, i64_, i64_])],
        );
        let types = Types::default();
        let layouts = Layouts::new(&types);
        let wide = vec![None; 257];
        assert_eq!(layouts.variant(&wide, W32), Ok(VariantLayout { discriminant: 2, payload: 2 }));
    }

    #[test]
    fn fixed_lists_lie_in_place() {
        check(
            |t| {
                let element = t.intern(ValueType::U16);
                t.intern(ValueType::FixedList(element, 3))
            },
            [(6, 2, &[i32_, i32_, i32_]); 2],
        );
    }

    #[test]
    fn long_flattenings_stop_and_large_types_are_errors() {
        let mut types = Types::default();
        let byte = types.intern(ValueType::U8);
        let long = types.intern(ValueType::FixedList(byte, (1 << 28) - 1));
        let too_long = types.intern(ValueType::FixedList(byte, 1 << 28));
        let pair = types.intern(ValueType::Tuple(vec![long, long]));
        let list = types.intern(ValueType::List(pair));
        let empty = types.intern(ValueType::Record(vec![]));
        let flags = types.intern(ValueType::Flags(33));
        let layouts = Layouts::new(&types);
        assert_eq!(layouts.size_align(long, W32), Ok(((1 << 28) - 1, 1)));
        assert_eq!(layouts.flatten(long, W32), Ok(None));
        assert!(matches!(layouts.layout(too_long, W64), Err(AbiError::TooLarge(_))));
        assert!(matches!(layouts.layout(pair, W64), Err(AbiError::TooLarge(_))));
        assert_eq!(layouts.size_align(list, W32), Ok((8, 4)));
        assert!(matches!(layouts.layout(empty, W32), Err(AbiError::Empty(_))));
        assert_eq!(layouts.layout(flags, W32), Err(AbiError::Labels(33)));
    }

    #[test]
    fn deep_shared_types_cost_little() {
        let mut types = Types::default();
        let mut ty = types.intern(ValueType::U8);
        for _ in 0..100_000 {
            ty = types.intern(ValueType::List(ty));
            ty = types.intern(ValueType::Tuple(vec![ty, ty]));
        }
        let layouts = Layouts::new(&types);
        assert_eq!(layouts.size_align(ty, W32), Ok((16, 4)));
        // 17 nested options are one core value too many.
        let mut types = Types::default();
        let mut ty = types.intern(ValueType::U8);
        for _ in 0..16 {
            ty = types.intern(ValueType::Option(ty));
        }
        assert_eq!(Layouts::new(&types).flatten(ty, W32), Ok(None));
    }

    #[test]
    fn signatures() {
        let mut types = Types::default();
        let int = types.intern(ValueType::U32);
        let text = types.intern(ValueType::String);
        let layouts = Layouts::new(&types);
        let func = |params: Vec<TypeId>, result| FuncType { async_: false, params, result };
        let sig = |func: &FuncType, direction, width| {
            let s = layouts.core_signature(func, direction, width).unwrap();
            (s.params, s.results, s.params_spilled, s.results_spilled)
        };
        let most = func(vec![int; 16], Some(int));
        assert_eq!(sig(&most, Direction::Lower, W64), (vec![i32_; 16], vec![i32_], false, false));
        let more = func(vec![int; 17], Some(text));
        assert_eq!(sig(&more, Direction::Lower, W32), (vec![i32_, i32_], vec![], true, true));
        assert_eq!(sig(&more, Direction::Lift, W64), (vec![i64_], vec![i64_], true, true));
        let texts = func(vec![text; 8], Some(text));
        assert_eq!(sig(&texts, Direction::Lower, W32), (vec![i32_; 17], vec![], false, true));
    }
}
