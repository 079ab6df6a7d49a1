//! Random value types and their layout by the Canonical ABI.
//!
//! The layout is worked out here a second time, apart from meld's own, so that one mistake
//! cannot be on both sides of a test.

use meld_verify::Rng;

/// A value type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<Ty>),
    Fixed(Box<Ty>, u32),
    Record(Vec<Ty>),
    Tuple(Vec<Ty>),
    Variant(Vec<Option<Ty>>),
    Enum(u32),
    Option(Box<Ty>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
    Flags(u32),
}

/// A core value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    I32,
    I64,
    F32,
    F64,
}

impl Core {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Core::I32 => "i32",
            Core::I64 => "i64",
            Core::F32 => "f32",
            Core::F64 => "f64",
        }
    }
}

/// How wide addresses are in a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    W32,
    W64,
}

impl Width {
    pub(crate) fn bytes(self) -> u32 {
        match self {
            Width::W32 => 4,
            Width::W64 => 8,
        }
    }

    pub(crate) fn core(self) -> Core {
        match self {
            Width::W32 => Core::I32,
            Width::W64 => Core::I64,
        }
    }
}

/// What a type looks like to code that walks it.
pub(crate) enum Shape<'a> {
    Scalar,
    String,
    List(&'a Ty),
    Fields(Vec<&'a Ty>),
    Cases(Vec<Option<&'a Ty>>),
}

const SCALARS: &[Ty] = &[
    Ty::Bool,
    Ty::S8,
    Ty::U8,
    Ty::S16,
    Ty::U16,
    Ty::S32,
    Ty::U32,
    Ty::S64,
    Ty::U64,
    Ty::F32,
    Ty::F64,
    Ty::Char,
];

impl Ty {
    /// A type of at most this depth.
    pub(crate) fn random(rng: &mut Rng, depth: usize) -> Ty {
        if depth == 0 || rng.below(3) == 0 {
            return match rng.below(4) {
                0 => Ty::String,
                1 => Ty::Flags(rng.pick(&[1, 3, 8, 9, 16, 17, 31, 32])),
                _ => SCALARS[rng.below(SCALARS.len())].clone(),
            };
        }
        let inner = |rng: &mut Rng| Ty::random(rng, depth - 1);
        match rng.below(10) {
            0..=2 => Ty::List(Box::new(inner(rng))),
            3 => Ty::Fixed(Box::new(inner(rng)), rng.pick(&[1, 2, 3, 3, 7])),
            4 => Ty::Record((0..=rng.below(4)).map(|_| inner(rng)).collect()),
            5 => Ty::Tuple((0..=rng.below(3)).map(|_| inner(rng)).collect()),
            6 => Ty::Variant(
                (0..=rng.below(4)).map(|_| (rng.below(4) > 0).then(|| inner(rng))).collect(),
            ),
            7 => Ty::Enum(rng.pick(&[1, 2, 5, 256, 257])),
            8 => Ty::Option(Box::new(inner(rng))),
            _ => {
                let side = |rng: &mut Rng| (rng.below(3) > 0).then(|| Box::new(inner(rng)));
                Ty::Result(side(rng), side(rng))
            }
        }
    }

    pub(crate) fn shape(&self) -> Shape<'_> {
        match self {
            Ty::String => Shape::String,
            Ty::List(item) => Shape::List(item),
            Ty::Fixed(item, length) => Shape::Fields(vec![item; *length as usize]),
            Ty::Record(fields) | Ty::Tuple(fields) => Shape::Fields(fields.iter().collect()),
            Ty::Variant(cases) => Shape::Cases(cases.iter().map(Option::as_ref).collect()),
            Ty::Enum(count) => Shape::Cases(vec![None; *count as usize]),
            Ty::Option(some) => Shape::Cases(vec![None, Some(some)]),
            Ty::Result(ok, err) => Shape::Cases(vec![ok.as_deref(), err.as_deref()]),
            _ => Shape::Scalar,
        }
    }

    /// The types directly inside.
    pub(crate) fn children(&self) -> Vec<&Ty> {
        match self.shape() {
            Shape::Scalar | Shape::String => Vec::new(),
            Shape::List(item) => vec![item],
            Shape::Fields(fields) => fields,
            Shape::Cases(cases) => cases.into_iter().flatten().collect(),
        }
    }

    /// Values refer to memory.
    pub(crate) fn has_pointers(&self) -> bool {
        matches!(self, Ty::String | Ty::List(_))
            || self.children().iter().any(|ty| ty.has_pointers())
    }

    pub(crate) fn align(&self, width: Width) -> u32 {
        match self.shape() {
            Shape::Scalar => self.size(width),
            Shape::String | Shape::List(_) => width.bytes(),
            Shape::Fields(fields) => fields.iter().map(|ty| ty.align(width)).max().unwrap_or(1),
            Shape::Cases(cases) => {
                let inside = cases.iter().flatten().map(|ty| ty.align(width));
                inside.max().unwrap_or(1).max(discriminant(cases.len()))
            }
        }
    }

    pub(crate) fn size(&self, width: Width) -> u32 {
        match self {
            Ty::Bool | Ty::S8 | Ty::U8 => return 1,
            Ty::S16 | Ty::U16 => return 2,
            Ty::S32 | Ty::U32 | Ty::F32 | Ty::Char => return 4,
            Ty::S64 | Ty::U64 | Ty::F64 => return 8,
            Ty::Flags(count) => return [1, 2, 4, 4][(*count as usize - 1) / 8],
            _ => {}
        }
        match self.shape() {
            Shape::Scalar | Shape::String | Shape::List(_) => 2 * width.bytes(),
            Shape::Fields(_) => {
                let end =
                    self.offsets(width).last().map_or(0, |(offset, ty)| offset + ty.size(width));
                end.next_multiple_of(self.align(width))
            }
            Shape::Cases(cases) => {
                let largest = cases.iter().flatten().map(|ty| ty.size(width)).max().unwrap_or(0);
                (self.payload_offset(width) + largest).next_multiple_of(self.align(width))
            }
        }
    }

    /// Where each field of an aggregate stands.
    pub(crate) fn offsets(&self, width: Width) -> Vec<(u32, &Ty)> {
        let mut at = 0_u32;
        let Shape::Fields(fields) = self.shape() else { return Vec::new() };
        let place = |ty: &'_ Ty| {
            let offset = at.next_multiple_of(ty.align(width));
            at = offset + ty.size(width);
            offset
        };
        let offsets: Vec<u32> = fields.iter().copied().map(place).collect();
        offsets.into_iter().zip(fields).collect()
    }

    /// Where the payload of a variant stands.
    pub(crate) fn payload_offset(&self, width: Width) -> u32 {
        let Shape::Cases(cases) = self.shape() else { return 0 };
        let align = cases.iter().flatten().map(|ty| ty.align(width)).max().unwrap_or(1);
        discriminant(cases.len()).next_multiple_of(align)
    }

    /// The core types of a flattened value.
    pub(crate) fn flat(&self, width: Width) -> Vec<Core> {
        match self.shape() {
            Shape::Scalar => vec![match self {
                Ty::S64 | Ty::U64 => Core::I64,
                Ty::F32 => Core::F32,
                Ty::F64 => Core::F64,
                _ => Core::I32,
            }],
            Shape::String | Shape::List(_) => vec![width.core(); 2],
            Shape::Fields(fields) => fields.iter().flat_map(|ty| ty.flat(width)).collect(),
            Shape::Cases(cases) => {
                let mut joined = vec![Core::I32];
                for case in cases.into_iter().flatten() {
                    for (i, core) in case.flat(width).into_iter().enumerate() {
                        match joined.get_mut(i + 1) {
                            Some(slot) => *slot = join(*slot, core),
                            None => joined.push(core),
                        }
                    }
                }
                joined
            }
        }
    }
}

fn join(a: Core, b: Core) -> Core {
    match (a, b) {
        _ if a == b => a,
        (Core::I32, Core::F32) | (Core::F32, Core::I32) => Core::I32,
        _ => Core::I64,
    }
}

/// The size of a discriminant that tells this many cases apart.
pub(crate) fn discriminant(cases: usize) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// How strings are encoded in a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
    Compact,
}

impl Encoding {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        rng.pick(&[Encoding::Utf8, Encoding::Utf16, Encoding::Compact])
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf8",
            Encoding::Utf16 => "utf16",
            Encoding::Compact => "latin1+utf16",
        }
    }
}
