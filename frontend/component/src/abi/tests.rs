use super::*;
use crate::program::{CanonicalOptions, ComponentId, ResourceId, StringEncoding};
use crate::types::FuncType;
use FlatType::{F32, F64, I32, I64};
use PtrWidth::{W32, W64};
use ValueType as V;

/// Interns types bottom-up.
struct Build(Types);

impl Build {
    fn ty(&mut self, ty: ValueType) -> TypeId {
        self.0.intern(ty)
    }
    fn tuple(&mut self, types: Vec<ValueType>) -> TypeId {
        let types = types.into_iter().map(|ty| self.ty(ty)).collect();
        self.ty(V::Tuple(types))
    }
    fn variant(&mut self, cases: Vec<Option<ValueType>>) -> TypeId {
        let cases = cases.into_iter().map(|case| case.map(|ty| self.ty(ty))).collect();
        self.ty(V::Variant(cases))
    }
}

type Expect<'a> = (&'a str, TypeId, (u32, u32), (u32, u32), Option<Vec<FlatType>>);

fn check(types: &Types, rows: &[Expect<'_>]) {
    let layouts = Layouts::new(types);
    for (name, ty, w32, w64, flat) in rows {
        assert_eq!(layouts.size_align(*ty, W32), Ok(*w32), "{name} at 32 bits");
        assert_eq!(layouts.size_align(*ty, W64), Ok(*w64), "{name} at 64 bits");
        assert_eq!(layouts.flatten(*ty, W32).map(<[_]>::to_vec), *flat, "{name} flattened");
    }
}

#[test]
fn sizes_alignments_and_flat_types() {
    let b = &mut Build(Types::default());
    let string = b.ty(V::String);
    let u8_ = b.ty(V::U8);
    let u16_ = b.ty(V::U16);
    let u64_ = b.ty(V::U64);
    let f32_ = b.ty(V::F32);
    let unit = b.ty(V::Tuple(vec![]));
    let wide = b.tuple(vec![V::U8; 1]);
    let wide = b.ty(V::Tuple(vec![wide; 17]));
    let rows = [
        ("bool", b.ty(V::Bool), (1, 1), (1, 1), Some(vec![I32])),
        ("s16", b.ty(V::S16), (2, 2), (2, 2), Some(vec![I32])),
        ("char", b.ty(V::Char), (4, 4), (4, 4), Some(vec![I32])),
        ("u64", u64_, (8, 8), (8, 8), Some(vec![I64])),
        ("f32", f32_, (4, 4), (4, 4), Some(vec![F32])),
        ("f64", b.ty(V::F64), (8, 8), (8, 8), Some(vec![F64])),
        ("string", string, (8, 4), (16, 8), Some(vec![I32, I32])),
        ("list<u64>", b.ty(V::List(u64_)), (8, 4), (16, 8), Some(vec![I32, I32])),
        ("own", b.ty(V::Own(ResourceId(0))), (4, 4), (4, 4), Some(vec![I32])),
        ("stream", b.ty(V::Stream(None)), (4, 4), (4, 4), Some(vec![I32])),
        ("unit", unit, (0, 1), (0, 1), Some(vec![])),
        (
            "list<unit, 4000000000>",
            b.ty(V::FixedList(unit, 4_000_000_000)),
            (0, 1),
            (0, 1),
            Some(vec![]),
        ),
        ("list<u16, 3>", b.ty(V::FixedList(u16_, 3)), (6, 2), (6, 2), Some(vec![I32; 3])),
        ("list<u8, 17>", b.ty(V::FixedList(u8_, 17)), (17, 1), (17, 1), None),
        // 0 u8, 2 u16, 4 u8, 8 u64
        (
            "tuple<u8, u16, u8, u64>",
            b.tuple(vec![V::U8, V::U16, V::U8, V::U64]),
            (16, 8),
            (16, 8),
            Some(vec![I32, I32, I32, I64]),
        ),
        // 0 u8, 4 or 8 string, 12 or 24 u8
        (
            "tuple<u8, string, u8>",
            b.tuple(vec![V::U8, V::String, V::U8]),
            (16, 4),
            (32, 8),
            Some(vec![I32, I32, I32, I32]),
        ),
        ("17 bytes", wide, (17, 1), (17, 1), None),
        ("option<u8>", b.ty(V::Option(u8_)), (2, 1), (2, 1), Some(vec![I32, I32])),
        ("option<u64>", b.ty(V::Option(u64_)), (16, 8), (16, 8), Some(vec![I32, I64])),
        ("option<string>", b.ty(V::Option(string)), (12, 4), (24, 8), Some(vec![I32, I32, I32])),
        ("result", b.ty(V::Result(None, None)), (1, 1), (1, 1), Some(vec![I32])),
        (
            "result<f32, u64>",
            b.ty(V::Result(Some(f32_), Some(u64_))),
            (16, 8),
            (16, 8),
            Some(vec![I32, I64]),
        ),
        (
            "result<f32, u8>",
            b.ty(V::Result(Some(f32_), Some(u8_))),
            (8, 4),
            (8, 4),
            Some(vec![I32, I32]),
        ),
        (
            "variant { f64, f32, string }",
            b.variant(vec![Some(V::F64), Some(V::F32), Some(V::String)]),
            (16, 8),
            (24, 8),
            Some(vec![I32, I64, I32]),
        ),
        ("enum of 256", b.ty(V::Enum(256)), (1, 1), (1, 1), Some(vec![I32])),
        ("enum of 257", b.ty(V::Enum(257)), (2, 2), (2, 2), Some(vec![I32])),
        ("enum of 65537", b.ty(V::Enum(65537)), (4, 4), (4, 4), Some(vec![I32])),
        ("flags of 8", b.ty(V::Flags(8)), (1, 1), (1, 1), Some(vec![I32])),
        ("flags of 9", b.ty(V::Flags(9)), (2, 2), (2, 2), Some(vec![I32])),
        ("flags of 17", b.ty(V::Flags(17)), (4, 4), (4, 4), Some(vec![I32])),
    ];
    // 257 cases with a one-byte payload: a discriminant of two bytes, then the payload.
    let many = b.variant([vec![Some(V::U8)], vec![None; 256]].concat());
    check(&b.0, &rows);
    let layouts = Layouts::new(&b.0);
    let many = layouts.variant(many, W32).unwrap();
    assert_eq!((many.discriminant, many.payload, many.size, many.align), (2, 2, 4, 2));
}

#[test]
fn flat_types_are_as_wide_as_pointers() {
    let b = &mut Build(Types::default());
    let string = b.ty(V::String);
    let f32_ = b.ty(V::F32);
    let either = b.ty(V::Result(Some(string), Some(f32_)));
    let layouts = Layouts::new(&b.0);
    assert_eq!(layouts.flatten(string, W64), Some(&[I64, I64][..]));
    assert_eq!(layouts.flatten(either, W64), Some(&[I32, I64, I64][..]));
    assert_eq!(layouts.flatten(either, W32), Some(&[I32, I32, I32][..]));
}

#[test]
fn offsets_of_fields() {
    let b = &mut Build(Types::default());
    let ty = b.tuple(vec![V::U8, V::U16, V::U8, V::U64, V::U8]);
    let layouts = Layouts::new(&b.0);
    let record = layouts.record(ty, W32).unwrap();
    assert_eq!(record, RecordLayout { offsets: vec![0, 2, 4, 8, 16], size: 24, align: 8 });
    assert_eq!(layouts.variant(ty, W32), Err(AbiError::Shape { expected: "a variant" }));
}

#[test]
fn sizes_that_overflow_are_errors() {
    let b = &mut Build(Types::default());
    let mut ty = b.ty(V::U64);
    for _ in 0..100 {
        ty = b.ty(V::Tuple(vec![ty; 4]));
    }
    let list = b.ty(V::List(ty));
    let u8_ = b.ty(V::U8);
    let most = b.ty(V::FixedList(u8_, (1 << 28) - 1));
    let more = b.ty(V::FixedList(u8_, 1 << 28));
    let layouts = Layouts::new(&b.0);
    assert!(matches!(layouts.size_align(ty, W32), Err(AbiError::TooLarge { .. })));
    assert_eq!(layouts.flatten(ty, W32), None);
    assert_eq!(layouts.size_align(list, W32), Ok((8, 4)));
    assert_eq!(layouts.size_align(most, W32), Ok(((1 << 28) - 1, 1)));
    assert_eq!(layouts.size_align(more, W32), Err(AbiError::TooLarge { size: 1 << 28 }));
}

#[test]
fn properties() {
    let b = &mut Build(Types::default());
    let u8_ = b.ty(V::U8);
    let plain = b.tuple(vec![V::U8, V::F64]);
    let own = b.ty(V::Own(ResourceId(0)));
    // Type, any bits, contains pointers, contains handles.
    let rows = [
        (u8_, true, false, false),
        (plain, true, false, false),
        (b.ty(V::FixedList(plain, 3)), true, false, false),
        (b.ty(V::Bool), false, false, false),
        (b.ty(V::Char), false, false, false),
        (b.ty(V::Flags(8)), true, false, false),
        (b.ty(V::Flags(7)), false, false, false),
        (b.ty(V::Enum(256)), false, false, false),
        (b.ty(V::List(u8_)), false, true, false),
        (b.ty(V::Option(own)), false, false, true),
        (b.ty(V::List(own)), false, true, true),
        (b.ty(V::Result(None, Some(own))), false, false, true),
        (b.ty(V::Stream(Some(own))), false, false, true),
    ];
    let layouts = Layouts::new(&b.0);
    for (ty, any_bits, pointers, handles) in rows {
        let name = b.0.get(ty);
        assert_eq!(layouts.is_any_bits(ty), any_bits, "{name:?}");
        assert_eq!(layouts.contains_pointers(ty), pointers, "{name:?}");
        assert_eq!(layouts.contains_handles(ty), handles, "{name:?}");
    }
}

#[test]
fn signatures() {
    use Direction::{Lift, Lower};
    use Passing::{Flat, Memory};
    let b = &mut Build(Types::default());
    let u32_ = b.ty(V::U32);
    let string = b.ty(V::String);
    let options = |memory64, async_| CanonicalOptions {
        component: ComponentId(0),
        encoding: StringEncoding::Utf8,
        memory: None,
        realloc: None,
        async_,
        memory64,
    };
    // Parameters, result, direction, memory64, core parameters, core results, how they pass.
    let rows = [
        (vec![u32_; 2], Some(u32_), Lift, false, vec![I32; 2], vec![I32], Flat, Flat),
        (vec![], None, Lower, false, vec![], vec![], Flat, Flat),
        (vec![string], Some(string), Lift, false, vec![I32; 2], vec![I32], Flat, Memory),
        (vec![string], Some(string), Lower, false, vec![I32; 3], vec![], Flat, Memory),
        (vec![string], Some(string), Lower, true, vec![I64; 3], vec![], Flat, Memory),
        (vec![u32_; 16], None, Lower, false, vec![I32; 16], vec![], Flat, Flat),
        (vec![u32_; 17], None, Lower, false, vec![I32], vec![], Memory, Flat),
        (vec![u32_; 17], Some(string), Lower, true, vec![I64; 2], vec![], Memory, Memory),
        (vec![u32_; 17], Some(string), Lift, true, vec![I64], vec![I64], Memory, Memory),
    ];
    let layouts = Layouts::new(&b.0);
    for (params, result, direction, memory64, core_params, core_results, in_, out) in rows {
        let func = FuncType { async_: false, params, result };
        let got = core_signature(&layouts, &func, direction, &options(memory64, false)).unwrap();
        let core = |flat: Vec<FlatType>| flat.into_iter().map(Into::into).collect::<Vec<_>>();
        assert_eq!(got.ty.params, core(core_params), "{func:?} {direction:?}");
        assert_eq!(got.ty.results, core(core_results), "{func:?} {direction:?}");
        assert_eq!((got.params, got.results), (in_, out), "{func:?} {direction:?}");
    }
    let func = FuncType { async_: true, params: vec![], result: None };
    let got = core_signature(&layouts, &func, Lift, &options(false, true));
    assert_eq!(got, Err(AbiError::Async));
}
