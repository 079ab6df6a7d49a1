//! Adapters: core modules that bring values from one component instance to another.
//!
//! [`generate`] walks the types of a signature and the passes that rules chose for them side by
//! side, and emits what each pass says. How each value crosses is the rules' choice; how the code is
//! laid out is decided here by two numbers: `OUTLINE`, from how many steps on a translation is a
//! function of its own, and `UNROLL`, up to how many elements a list of fixed length is no loop.
//!
//! ```text
//! check may-leave ─▶ lift out of caller, lower into callee ─▶ call ─▶ and back ─▶ post-return
//! ```
//!
//! Values are either flat (core locals, [`flat`]) on both sides or in memory ([`memory`]) on both
//! sides: the two sides of a call spill at the same number of core values, and what lists hold is
//! always in memory. Memories of both pointer widths and of all page sizes mix freely; sizes are
//! computed per side.
//!
//! Code is linear in the shared structure of types: what translates a large aggregate in memory
//! is a local function of the module, called wherever that type crosses. Where it is the element of a
//! list, that function is the whole loop, so that no element costs a call.
//!
//! * [`from_plan`] reads a decided term into an [`AdapterSpec`].
//! * [`wrappers`] are the small relatives: `always`, `catch-all`, `check-leave`, `enter` and others.
//!
//! Where the Canonical ABI and wasmtime differ, the ABI is followed: lists of more than
//! 2^28 - 1 bytes trap, which wasmtime lets pass.

mod analyse;
mod body;
mod call;
mod flat;
pub mod from_plan;
mod list;
mod memory;
mod module;
mod select;
mod variant;
pub mod wrappers;

#[cfg(test)]
mod tests;

use crate::memory::MemoryShape;
use meld_component::abi::{AbiError, PtrWidth};
use meld_component::type_text::TypeText;
use meld_component::types::{FuncType, TypeId, Types};

pub use call::generate;

/// The name that every generated module exports its function as.
pub const EXPORT: &str = "call";

/// What an adapter has to do.
#[derive(Clone, Debug)]
pub struct AdapterSpec<'a> {
    /// The table of the types below.
    pub types: &'a Types,
    /// The component function's type.
    pub func: &'a FuncType,
    /// The calling side, which lowers the function.
    pub caller: SideSpec,
    /// The called side, which lifts it.
    pub callee: SideSpec,
    /// The callee has a post-return function.
    pub post_return: bool,
    /// All passes; a pass stands after those that it contains.
    pub passes: Vec<Pass>,
    /// One pass a parameter.
    pub params: Vec<PassId>,
    /// One pass if there is a result.
    pub results: Vec<PassId>,
}

/// What an adapter may use of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideSpec {
    /// The side has a memory, of this shape.
    pub memory: Option<MemoryShape>,
    /// The side has a function to allocate with, which checks its result.
    pub allocate: bool,
    /// The side's `may-leave` flag is kept.
    pub leave_flag: bool,
}

/// Index into [`AdapterSpec::passes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassId(pub u32);

/// How one value crosses; the terms of sort `Pass` in `rules/vocabulary.meld`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The core value as it is: numbers of 32 and 64 bits, and payloads that are not there.
    Keep,
    /// Wrapped to the type's width and extended again.
    Normalise,
    /// Traps unless it is a Unicode scalar value.
    CheckChar,
    /// Drops the bits that no label of `flags` names.
    Mask,
    /// Traps unless it is the number of a case of an `enum`.
    CheckCase,
    /// Field by field.
    Fields(Vec<PassId>),
    /// The selected case only; one pass a case.
    Cases(Vec<PassId>),
    /// The same by masks in place of branches.
    SelectCases(Vec<PassId>),
    /// Element by element of a list of fixed length.
    Repeat(PassId),
    /// One `memory.copy` of a list's elements.
    Copy,
    /// The same, by the copier of this number.
    CopyBy(u32),
    /// A loop over a list's elements.
    Each(PassId),
    /// A string, by the transcoder of this number.
    Text(u32),
    /// A handle, by the converter of this number.
    Convert(u32),
    /// As another pass says, and the function of this number is called when the callee has returned.
    Scoped(PassId, u32),
}

/// One of the two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side that calls.
    Caller,
    /// The side that is called.
    Callee,
}

/// What an import of a generated module has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The core function that is called in the end.
    Callee,
    /// The callee's post-return function.
    PostReturn,
    /// A function to allocate in the memory of a side, with the type of `realloc`.
    Allocate(Side),
    /// A transcoder: `(pointer, length) -> (pointer, length)`.
    Transcoder(u32),
    /// A copier: `(source, destination, bytes)`, bytes in the narrower of the two pointer types.
    Copier(u32),
    /// What makes a handle of one side one of the other: `(i32) -> (i32)`.
    Converter(u32),
    /// What is called when the callee has returned: `()`.
    End(u32),
    /// The function for a reason to trap, by its export of `traps.wat`.
    Trap(&'static str),
    /// The memory of a side.
    Memory(Side),
    /// The `may-leave` flag of a side: a mutable `i32` global.
    Flag(Side),
    /// The flag that says whether the fused module may be entered: a mutable `i32` global.
    MayEnter,
    /// The slot of this number of a context: a mutable `i64` global.
    Slot(u32),
}

/// A generated core module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The module. It exports its function as [`EXPORT`].
    pub bytes: Vec<u8>,
    /// What each of its imports has to be, in order.
    pub imports: Vec<Role>,
}

/// Why there is no adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A type of the signature has no layout.
    #[error(transparent)]
    Abi(#[from] AbiError),
    /// A rule chose a pass that does not go with the type.
    #[error("the pass `{pass}` does not go with the type `{ty}`; correct the rule that chose it")]
    Mismatch {
        /// The type, as WIT writes it.
        ty: String,
        /// The pass's term.
        pass: &'static str,
    },
    /// A rule chose a pass of one type for another.
    #[error("the pass `{pass}` is of {of}, and stands for {ty}; correct the rule that chose it")]
    Another {
        /// The pass's term.
        pass: String,
        /// The type that it names.
        of: String,
        /// The type of the value.
        ty: String,
    },
    /// The number of passes is not that of the types.
    #[error("{found} passes stand for {expected} values; correct the rule that chose them")]
    Count {
        /// How many values there are.
        expected: usize,
        /// How many passes there are.
        found: usize,
    },
    /// Values cross in memory, and a side has none.
    #[error("values are passed in memory, and the {} names none; give it the option `memory`", option(.0))]
    NoMemory(Side),
    /// Values are allocated on a side that cannot.
    #[error("values are allocated in the {}, which names no `realloc`; give it that option", option(.0))]
    NoAllocate(Side),
    /// Passes contain each other too deep.
    #[error("types are nested more than {} deep; flatten them", analyse::MAX_DEPTH)]
    TooDeep,
    /// The code would be refused by every engine.
    #[error(
        "the adapter of this signature has a function of more than {} bytes; \
         split its types, or pass them in lists",
        body::MAX_FUNCTION_BYTES
    )]
    TooLarge,
    /// Code needs an import that the analysis did not find: a mistake in meld.
    #[error("an adapter needs {0:?}, which was not found beforehand; this is a mistake in meld")]
    Forgotten(Role),
    /// A decided term is not of the shape that the vocabulary gives it.
    #[error("`{term}` cannot be emitted: {why}")]
    Term {
        /// The term's name.
        term: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// A pass that does not go with a type.
    fn mismatch(types: &Types, ty: TypeId, pass: &'static str) -> Self {
        Error::Mismatch { ty: text_of(types, ty), pass }
    }
}

/// A type as WIT writes it.
fn text_of(types: &Types, ty: TypeId) -> String {
    TypeText::new(types, &|resource| format!("resource {}", resource.0)).ty(ty)
}

/// The option that names what a side lacks.
fn option(side: &Side) -> &'static str {
    match side {
        Side::Caller => "caller's `canon lower`",
        Side::Callee => "callee's `canon lift`",
    }
}

impl AdapterSpec<'_> {
    /// What it may use of a side.
    fn side(&self, side: Side) -> SideSpec {
        match side {
            Side::Caller => self.caller,
            Side::Callee => self.callee,
        }
    }
}

impl SideSpec {
    /// The width of addresses; 32 bits where there is no memory to tell.
    fn width(self) -> PtrWidth {
        self.shape().width
    }

    /// The shape of the memory, as if there were one.
    fn shape(self) -> MemoryShape {
        self.memory.unwrap_or(PtrWidth::W32.into())
    }
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }
}

impl Pass {
    /// The term that stands for the pass in rules.
    fn name(&self) -> &'static str {
        match self {
            Pass::Keep => "keep",
            Pass::Normalise => "normalise",
            Pass::CheckChar => "check-char",
            Pass::Mask => "mask",
            Pass::CheckCase => "check-case",
            Pass::Fields(_) => "fields",
            Pass::Cases(_) => "cases",
            Pass::SelectCases(_) => "select-cases",
            Pass::Repeat(_) => "repeat",
            Pass::Copy => "copy",
            Pass::CopyBy(_) => "copy-by",
            Pass::Each(_) => "each",
            Pass::Text(_) => "text",
            Pass::Convert(_) => "convert",
            Pass::Scoped(..) => "scoped",
        }
    }
}

/// The names of reasons to trap, as `rules/calls/traps.wat` exports them.
pub mod trap {
    /// A pointer of a list, of spilled parameters or results is not aligned.
    pub const UNALIGNED_POINTER: &str = "unaligned-pointer";
    /// Spilled parameters or results are not in memory.
    pub const POINTER_OUT_OF_BOUNDS: &str = "pointer-out-of-bounds";
    /// A list has more bytes than the Canonical ABI allows.
    pub const LIST_TOO_LONG: &str = "list-too-long";
    /// A list is not in memory.
    pub const LIST_OUT_OF_BOUNDS: &str = "list-out-of-bounds";
    /// A `char` is no Unicode scalar value.
    pub const INVALID_CHAR: &str = "invalid-char";
    /// A discriminant has no case.
    pub const INVALID_DISCRIMINANT: &str = "invalid-discriminant";
    /// An exception escapes from the callee.
    pub const UNCAUGHT_EXCEPTION: &str = "uncaught-exception";
    /// The caller calls out of its `realloc` or post-return.
    pub const CANNOT_LEAVE: &str = "cannot-leave";
    /// The host enters what is entered already, or has trapped.
    pub const CANNOT_ENTER: &str = "cannot-enter";

    /// All of them.
    pub const ALL: [&str; 9] = [
        UNALIGNED_POINTER,
        POINTER_OUT_OF_BOUNDS,
        LIST_TOO_LONG,
        LIST_OUT_OF_BOUNDS,
        INVALID_CHAR,
        INVALID_DISCRIMINANT,
        UNCAUGHT_EXCEPTION,
        CANNOT_LEAVE,
        CANNOT_ENTER,
    ];
}
