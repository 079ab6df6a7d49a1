//! Which immediates of an instruction are indices, for every operator that wasmparser knows.
//!
//! Operators are never listed here. Each immediate is classified by the name of its field in
//! wasmparser's own table, so an operator of a new proposal is handled when its fields are
//! known ones, and a field with an unknown name does not compile.

use wasmparser::{
    BlockType, BrTable, Catch, FrameKind, FrameStack, Handle, HeapType, Ieee32, Ieee64, MemArg,
    Operator, Ordering, RefType, ResumeTable, TryTable, V128, ValType, VisitOperator,
    VisitSimdOperator,
};

/// What an index immediate refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Slot {
    /// A type.
    Type,
    /// A function.
    Func,
    /// A function whose reference is taken (`ref.func`), which must then be declared.
    FuncRef,
    /// A table.
    Table,
    /// A memory.
    Memory,
    /// A global.
    Global,
    /// A global that is only read (`global.get`), so that a constant may replace it.
    GlobalRead,
    /// An exception or control tag.
    Tag,
    /// A data segment.
    Data,
    /// An element segment.
    Elem,
}

impl Slot {
    /// All slots, in the order of their numbers.
    pub const ALL: [Slot; 10] = [
        Slot::Type,
        Slot::Func,
        Slot::FuncRef,
        Slot::Table,
        Slot::Memory,
        Slot::Global,
        Slot::GlobalRead,
        Slot::Tag,
        Slot::Data,
        Slot::Elem,
    ];
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Slot::Type => "type",
            Slot::Func | Slot::FuncRef => "function",
            Slot::Table => "table",
            Slot::Memory => "memory",
            Slot::Global | Slot::GlobalRead => "global",
            Slot::Tag => "tag",
            Slot::Data => "data segment",
            Slot::Elem => "element segment",
        })
    }
}

/// Receives the index immediates of instructions.
pub trait Immediates {
    /// An index immediate. The answer says whether the instruction has to be rewritten.
    fn index(&mut self, slot: Slot, index: u32) -> bool;

    /// The whole instruction, after an index of it was answered with `true`.
    fn rewrite(&mut self, operator: Operator<'_>);

    /// The indices in a heap type.
    fn heap_type(&mut self, ty: HeapType) -> bool {
        match ty {
            HeapType::Concrete(index) | HeapType::Exact(index) => match index.as_module_index() {
                Some(index) => self.index(Slot::Type, index),
                None => false,
            },
            HeapType::Abstract { .. } => false,
        }
    }

    /// The indices in a value type.
    fn val_type(&mut self, ty: ValType) -> bool {
        match ty {
            ValType::Ref(ty) => self.heap_type(ty.heap_type()),
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => false,
        }
    }

    /// The indices in a block type.
    fn block_type(&mut self, ty: BlockType) -> bool {
        match ty {
            BlockType::Empty => false,
            BlockType::Type(ty) => self.val_type(ty),
            BlockType::FuncType(index) => self.index(Slot::Type, index),
        }
    }
}

/// Feeds the operators that a reader visits to some [`Immediates`].
pub struct Visitor<'i, I>(pub &'i mut I);

// Indices are joined with `|`, never `||`: every one of them must be seen.
macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            #[inline]
            fn $visit(&mut self $($(, $arg: $argty)*)?) {
                let rewrite = false $($(| visit!(@$op $arg self.0, &$arg))*)?;
                if rewrite {
                    self.0.rewrite(Operator::$op $({ $($arg),* })?);
                }
            }
        )*
    };

    // What an operator does with its index matters for two of them.
    (@RefFunc function_index $i:expr, $a:expr) => { $i.index(Slot::FuncRef, *$a) };
    (@GlobalGet global_index $i:expr, $a:expr) => { $i.index(Slot::GlobalRead, *$a) };

    (@$op:ident function_index $i:expr, $a:expr) => { $i.index(Slot::Func, *$a) };
    (@$op:ident global_index $i:expr, $a:expr) => { $i.index(Slot::Global, *$a) };
    (@$op:ident tag_index $i:expr, $a:expr) => { $i.index(Slot::Tag, *$a) };
    (@$op:ident table $i:expr, $a:expr) => { $i.index(Slot::Table, *$a) };
    (@$op:ident table_index $i:expr, $a:expr) => { $i.index(Slot::Table, *$a) };
    (@$op:ident dst_table $i:expr, $a:expr) => { $i.index(Slot::Table, *$a) };
    (@$op:ident src_table $i:expr, $a:expr) => { $i.index(Slot::Table, *$a) };
    (@$op:ident mem $i:expr, $a:expr) => { $i.index(Slot::Memory, *$a) };
    (@$op:ident dst_mem $i:expr, $a:expr) => { $i.index(Slot::Memory, *$a) };
    (@$op:ident src_mem $i:expr, $a:expr) => { $i.index(Slot::Memory, *$a) };
    (@$op:ident memarg $i:expr, $a:expr) => {{ let m: &MemArg = $a; $i.index(Slot::Memory, m.memory) }};
    (@$op:ident data_index $i:expr, $a:expr) => { $i.index(Slot::Data, *$a) };
    (@$op:ident array_data_index $i:expr, $a:expr) => { $i.index(Slot::Data, *$a) };
    (@$op:ident elem_index $i:expr, $a:expr) => { $i.index(Slot::Elem, *$a) };
    (@$op:ident array_elem_index $i:expr, $a:expr) => { $i.index(Slot::Elem, *$a) };
    (@$op:ident type_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident struct_type_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident array_type_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident array_type_index_dst $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident array_type_index_src $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident cont_type_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident argument_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident result_index $i:expr, $a:expr) => { $i.index(Slot::Type, *$a) };
    (@$op:ident blockty $i:expr, $a:expr) => { $i.block_type(*$a) };
    (@$op:ident hty $i:expr, $a:expr) => { $i.heap_type(*$a) };
    (@$op:ident from_ref_type $i:expr, $a:expr) => {{ let t: &RefType = $a; $i.heap_type(t.heap_type()) }};
    (@$op:ident to_ref_type $i:expr, $a:expr) => {{ let t: &RefType = $a; $i.heap_type(t.heap_type()) }};
    (@$op:ident ty $i:expr, $a:expr) => { $i.val_type(*$a) };
    (@$op:ident tys $i:expr, $a:expr) => {{
        let tys: &Vec<ValType> = $a;
        tys.iter().fold(false, |rewrite, ty| rewrite | $i.val_type(*ty))
    }};
    (@$op:ident try_table $i:expr, $a:expr) => {{
        let table: &TryTable = $a;
        table.catches.iter().fold($i.block_type(table.ty), |rewrite, catch| {
            rewrite | match catch {
                Catch::One { tag, .. } | Catch::OneRef { tag, .. } => $i.index(Slot::Tag, *tag),
                Catch::All { .. } | Catch::AllRef { .. } => false,
            }
        })
    }};
    (@$op:ident resume_table $i:expr, $a:expr) => {{
        let table: &ResumeTable = $a;
        table.handlers.iter().fold(false, |rewrite, handle| {
            rewrite | match handle {
                Handle::OnLabel { tag, .. } | Handle::OnSwitch { tag } => $i.index(Slot::Tag, *tag),
            }
        })
    }};

    // Immediates that no merging changes.
    (@$op:ident relative_depth $i:expr, $a:expr) => {{ let _: &u32 = $a; false }};
    (@$op:ident targets $i:expr, $a:expr) => {{ let _: &BrTable<'_> = $a; false }};
    (@$op:ident local_index $i:expr, $a:expr) => {{ let _: &u32 = $a; false }};
    (@$op:ident field_index $i:expr, $a:expr) => {{ let _: &u32 = $a; false }};
    (@$op:ident array_size $i:expr, $a:expr) => {{ let _: &u32 = $a; false }};
    (@$op:ident ordering $i:expr, $a:expr) => {{ let _: &Ordering = $a; false }};
    (@$op:ident lane $i:expr, $a:expr) => {{ let _: &u8 = $a; false }};
    (@$op:ident lanes $i:expr, $a:expr) => {{ let _: &[u8; 16] = $a; false }};
    (@$op:ident value $i:expr, $a:expr) => {{ let _: &dyn Literal = $a; false }};
}

/// Types of the immediates called `value`: literals, never indices.
trait Literal {}
impl Literal for i32 {}
impl Literal for i64 {}
impl Literal for Ieee32 {}
impl Literal for Ieee64 {}
impl Literal for V128 {}

impl<'a, I: Immediates> VisitOperator<'a> for Visitor<'_, I> {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

/// For instructions that are read one at a time, out of a body that has been read as a whole. Of those
/// with indices, only a legacy `catch` asks where it stands.
impl<I> FrameStack for Visitor<'_, I> {
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::LegacyTry)
    }
}

impl<'a, I: Immediates> VisitSimdOperator<'a> for Visitor<'_, I> {
    wasmparser::for_each_visit_simd_operator!(visit);
}
