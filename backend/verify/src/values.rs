//! Generates component values of any plain type, from a seed.
//!
//! Edge values come up far more often than a uniform choice would bring them up: faults in
//! adapters sit at sign bits, at the ends of ranges, at empty and at long lists, and where the
//! encoded lengths of characters change.

use wasmtime::ValType;
use wasmtime::component::{Type, Val};

/// A small generator of pseudo-random numbers (SplitMix64): the same on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator for the `n`th use of something named.
    pub fn new(seed: u64, name: &str, n: u64) -> Self {
        let named = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = Rng(seed ^ named.rotate_left(17) ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.bits();
        rng
    }

    /// The next number; all 64 bits are equally random.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// One of some values, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// How many values one set of arguments may hold, fixed lists and aggregates apart.
const BUDGET: usize = 4096;

/// The most values that a type may need at least; a fixed list can ask for any number.
const MOST: usize = 1 << 16;

/// Generates values; one is made for each call.
pub(crate) struct Generator {
    rng: Rng,
    budget: usize,
}

/// Makes the handles that a type asks for; says why it cannot.
pub(crate) type Handles<'a> = &'a mut dyn FnMut(&Type, &mut Rng) -> Result<Val, String>;

impl Generator {
    pub(crate) fn new(rng: Rng) -> Self {
        Generator { rng, budget: BUDGET }
    }

    /// A value of a type for which [`unsupported`] has nothing to say, handles excepted.
    pub(crate) fn value(&mut self, ty: &Type, handles: Handles<'_>) -> Result<Val, String> {
        self.budget = self.budget.saturating_sub(1);
        Ok(match ty {
            Type::Bool => Val::Bool(self.rng.below(2) == 1),
            Type::S8 => Val::S8(self.int(8) as i8),
            Type::U8 => Val::U8(self.int(8) as u8),
            Type::S16 => Val::S16(self.int(16) as i16),
            Type::U16 => Val::U16(self.int(16) as u16),
            Type::S32 => Val::S32(self.int(32) as i32),
            Type::U32 => Val::U32(self.int(32) as u32),
            Type::S64 => Val::S64(self.int(64) as i64),
            Type::U64 => Val::U64(self.int(64)),
            Type::Float32 => Val::Float32(self.float32()),
            Type::Float64 => Val::Float64(self.float64()),
            Type::Char => Val::Char(self.char()),
            Type::String => Val::String(self.string()),
            Type::List(list) => {
                let (ty, length) = (list.ty(), self.length());
                // Where handles run out, the list ends.
                Val::List((0..length).map_while(|_| self.value(&ty, handles).ok()).collect())
            }
            Type::FixedLengthList(list) => {
                let ty = list.ty();
                let items = (0..list.len()).map(|_| self.value(&ty, handles));
                Val::FixedLengthList(items.collect::<Result<_, _>>()?)
            }
            Type::Map(map) => {
                let (key, value) = (map.key(), map.value());
                let mut entries = Vec::new();
                for _ in 0..self.length() {
                    entries.push((self.value(&key, handles)?, self.value(&value, handles)?));
                }
                Val::Map(entries)
            }
            Type::Record(record) => {
                let mut fields = Vec::new();
                for field in record.fields() {
                    fields.push((field.name.to_string(), self.value(&field.ty, handles)?));
                }
                Val::Record(fields)
            }
            Type::Tuple(tuple) => {
                let items = tuple.types().map(|ty| self.value(&ty, handles));
                Val::Tuple(items.collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let at = self.rng.below(variant.cases().len());
                let case = variant.cases().nth(at).ok_or("a variant without cases")?;
                Val::Variant(case.name.to_string(), self.payload(case.ty.as_ref(), handles)?)
            }
            Type::Enum(names) => {
                let at = self.rng.below(names.names().len());
                Val::Enum(names.names().nth(at).ok_or("an enum without cases")?.to_string())
            }
            Type::Option(option) => Val::Option(match self.rng.below(3) {
                0 => None,
                // Where there is no handle, there is nothing.
                _ => self.value(&option.ty(), handles).ok().map(Box::new),
            }),
            Type::Result(result) => Val::Result(match self.rng.below(2) {
                0 => Ok(self.payload(result.ok().as_ref(), handles)?),
                _ => Err(self.payload(result.err().as_ref(), handles)?),
            }),
            Type::Flags(flags) => {
                let bits = self.rng.pick(&[0, u64::MAX, self.rng.clone().bits()]);
                let names = flags.names().enumerate();
                let set = names.filter(|(i, _)| bits >> (i % 64) & 1 == 1);
                Val::Flags(set.map(|(_, name)| name.to_string()).collect())
            }
            Type::Own(_) | Type::Borrow(_) => handles(ty, &mut self.rng)?,
            Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
                return Err(unsupported(ty).unwrap_or_default());
            }
        })
    }

    /// A core value; none for a reference that cannot be null.
    pub(crate) fn core(&mut self, ty: &ValType) -> Option<wasmtime::Val> {
        use wasmtime::Val;
        Some(match ty {
            ValType::I32 => Val::I32(self.int(32) as i32),
            ValType::I64 => Val::I64(self.int(64) as i64),
            ValType::F32 => Val::F32(self.float32().to_bits()),
            ValType::F64 => Val::F64(self.float64().to_bits()),
            ValType::V128 => {
                Val::V128((u128::from(self.int(64)) << 64 | u128::from(self.int(64))).into())
            }
            ValType::Ref(ty) if ty.is_nullable() => Val::null_ref(ty.heap_type()),
            ValType::Ref(_) => return None,
        })
    }

    fn payload(
        &mut self,
        ty: Option<&Type>,
        handles: Handles<'_>,
    ) -> Result<Option<Box<Val>>, String> {
        ty.map(|ty| self.value(ty, handles).map(Box::new)).transpose()
    }

    /// The low `bits` bits matter.
    fn int(&mut self, bits: u32) -> u64 {
        let max = u64::MAX >> (64 - bits);
        let half = 1 << (bits - 1);
        match self.rng.below(4) {
            0 => self.rng.pick(&[0, 1, 2, max, max - 1, half, half - 1, half + 1]),
            1 => self.rng.bits() & 0xff,
            2 => 1 << self.rng.below(bits as usize),
            _ => self.rng.bits(),
        }
    }

    fn float32(&mut self) -> f32 {
        match self.rng.below(3) {
            0 => self.rng.pick(&[
                0.0,
                -0.0,
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::MIN_POSITIVE,
                f32::MAX,
                f32::from_bits(1),
            ]),
            1 => self.rng.below(2000) as f32 / 8.0 - 100.0,
            _ => f32::from_bits(self.rng.bits() as u32),
        }
    }

    fn float64(&mut self) -> f64 {
        match self.rng.below(3) {
            0 => self.rng.pick(&[
                0.0,
                -0.0,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MIN_POSITIVE,
                f64::MAX,
                f64::from_bits(1),
            ]),
            1 => self.rng.below(2000) as f64 / 8.0 - 100.0,
            _ => f64::from_bits(self.rng.bits()),
        }
    }

    fn char(&mut self) -> char {
        // The ends of the ranges in which UTF-8, UTF-16 and Latin-1 change how they encode.
        const EDGES: &[char] = &[
            '\0',
            '\u{7f}',
            '\u{80}',
            '\u{ff}',
            '\u{100}',
            '\u{7ff}',
            '\u{800}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{feff}',
            '\u{ffff}',
            '\u{10000}',
            '\u{10ffff}',
        ];
        let (low, high) = match self.rng.below(6) {
            0 => return self.rng.pick(EDGES),
            1 => (0x80, 0x100),
            2 => (0x100, 0x800),
            3 => (0x800, 0xd800),
            4 => (0x1_0000, 0x11_0000),
            _ => (0x20, 0x7f),
        };
        char::from_u32((low + self.rng.below(high - low)) as u32).unwrap_or('?')
    }

    fn string(&mut self) -> String {
        let length = self.length();
        let widest = self.rng.below(5);
        let mut string = String::new();
        for i in 0..length {
            // Wide characters late in a string make transcoders change their plan half way.
            let wide = match widest {
                0 => false,
                1 => i + 1 == length,
                2 => i > length / 2,
                _ => true,
            };
            let c = match (wide, widest) {
                (false, _) => (b'a' + self.rng.below(26) as u8) as char,
                (true, 3) => (0x80 + self.rng.below(0x80)) as u8 as char,
                (true, _) => self.char(),
            };
            string.push(c);
        }
        self.budget = self.budget.saturating_sub(length / 8);
        string
    }

    fn length(&mut self) -> usize {
        let length = match self.rng.below(8) {
            0 => 0,
            1 => 1,
            2 => 16 + self.rng.below(64),
            3 => 200 + self.rng.below(400),
            _ => 2 + self.rng.below(8),
        };
        length.min(self.budget)
    }
}

/// Why values of a type cannot be generated; none if they can.
pub(crate) fn unsupported(ty: &Type) -> Option<String> {
    size(ty).err().or_else(|| {
        (size(ty).unwrap_or_default() > MOST).then(|| "a fixed list is too long".to_string())
    })
}

/// How many values a value of the type holds at least, or why there is none.
fn size(ty: &Type) -> Result<usize, String> {
    fn inside(mut types: impl Iterator<Item = Type>) -> Result<usize, String> {
        types.try_fold(1_usize, |sum, ty| Ok(sum.saturating_add(size(&ty)?)))
    }
    match ty {
        Type::List(list) => size(&list.ty()).map(|_| 1),
        Type::Map(map) => size(&map.key()).and(size(&map.value())).map(|_| 1),
        Type::FixedLengthList(list) => {
            Ok(size(&list.ty())?.saturating_mul(list.len() as usize).saturating_add(1))
        }
        Type::Record(record) => inside(record.fields().map(|field| field.ty)),
        Type::Tuple(tuple) => inside(tuple.types()),
        Type::Variant(variant) => inside(variant.cases().filter_map(|case| case.ty)),
        Type::Option(option) => inside(std::iter::once(option.ty())),
        Type::Result(result) => inside(result.ok().into_iter().chain(result.err())),
        Type::Future(_) => Err("has a future in its type".to_string()),
        Type::Stream(_) => Err("has a stream in its type".to_string()),
        Type::ErrorContext => Err("has an error-context in its type".to_string()),
        _ => Ok(1),
    }
}
