//! The body of one function in the making: code, locals, and the steps that all values need.

use super::Error;
use super::module::SideIndices;
use meld_component::abi::{FlatType, PtrWidth};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// Engines refuse functions that are larger.
pub(super) const MAX_FUNCTION_BYTES: usize = 7_600_000;

/// A function body. Locals are handed out and taken back, so that their number follows from what
/// is live at a time, not from the size of types.
pub(super) struct Body {
    code: Vec<u8>,
    params: usize,
    locals: Vec<ValType>,
    free: [Vec<u32>; 4],
}

/// A number of bytes that is known now, or held by a local of the pointer type of a side.
#[derive(Clone, Copy)]
pub(super) enum Bytes {
    Const(u32),
    Local(u32),
}

impl Body {
    pub fn new(params: usize) -> Body {
        Body { code: Vec::new(), params, locals: Vec::new(), free: Default::default() }
    }

    /// Where instructions are added.
    pub fn ins(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// A local whose value is whatever its last user left.
    pub fn local(&mut self, ty: FlatType) -> u32 {
        self.free[ty as usize].pop().unwrap_or_else(|| {
            self.locals.push(val_type(ty));
            (self.params + self.locals.len() - 1) as u32
        })
    }

    /// Takes a local back.
    pub fn release(&mut self, local: u32, ty: FlatType) {
        self.free[ty as usize].push(local);
    }

    /// Fails as soon as the code is too large for any engine.
    pub fn check_size(&self) -> Result<(), Error> {
        if self.code.len() > MAX_FUNCTION_BYTES { Err(Error::TooLarge) } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<Function, Error> {
        self.ins().end();
        self.check_size()?;
        let mut function = Function::new_with_locals_types(self.locals);
        function.raw(self.code);
        Ok(function)
    }

    /// Traps if the `i32` on the stack is not zero.
    pub fn trap_if(&mut self, trap: u32) {
        self.ins().if_(BlockType::Empty).call(trap).unreachable().end();
    }

    /// Pushes a number of a side's pointer type.
    pub fn ptr_const(&mut self, width: PtrWidth, value: u32) {
        match width {
            PtrWidth::W32 => self.ins().i32_const(value as i32),
            PtrWidth::W64 => self.ins().i64_const(value.into()),
        };
    }

    pub fn ptr_add(&mut self, width: PtrWidth) {
        match width {
            PtrWidth::W32 => self.ins().i32_add(),
            PtrWidth::W64 => self.ins().i64_add(),
        };
    }

    pub fn ptr_ne(&mut self, width: PtrWidth) {
        match width {
            PtrWidth::W32 => self.ins().i32_ne(),
            PtrWidth::W64 => self.ins().i64_ne(),
        };
    }

    pub fn ptr_mul_const(&mut self, width: PtrWidth, factor: u32) {
        if factor == 1 {
            return;
        }
        self.ptr_const(width, factor);
        match width {
            PtrWidth::W32 => self.ins().i32_mul(),
            PtrWidth::W64 => self.ins().i64_mul(),
        };
    }

    /// Converts a length on the stack between pointer types; it is known to fit.
    pub fn convert(&mut self, from: PtrWidth, to: PtrWidth) {
        match (from, to) {
            (PtrWidth::W32, PtrWidth::W64) => self.ins().i64_extend_i32_u(),
            (PtrWidth::W64, PtrWidth::W32) => self.ins().i32_wrap_i64(),
            _ => return,
        };
    }

    /// Traps unless a pointer is a multiple of the alignment.
    pub fn check_align(&mut self, side: SideIndices, ptr: u32, align: u32, trap: u32) {
        if align == 1 {
            return;
        }
        self.ins().local_get(ptr);
        self.convert(side.width, PtrWidth::W32);
        self.ins().i32_const(align as i32 - 1).i32_and();
        self.trap_if(trap);
    }

    /// Traps unless this many bytes, fewer than 2^32, from a pointer on are in memory as it is
    /// now.
    pub fn check_bounds(
        &mut self,
        side: SideIndices,
        ptr: u32,
        bytes: Bytes,
        trap: u32,
    ) -> Result<(), Error> {
        match side.width {
            PtrWidth::W32 => {
                self.ins().local_get(ptr).i64_extend_i32_u();
                self.bytes_as_i64(side, bytes);
                self.ins().i64_add();
                self.memory_bytes(side)?;
                self.ins().i64_gt_u();
            }
            // The sum could wrap.
            PtrWidth::W64 => {
                let size = self.local(FlatType::I64);
                self.memory_bytes(side)?;
                self.ins().local_tee(size);
                self.bytes_as_i64(side, bytes);
                self.ins().i64_lt_u().local_get(ptr).local_get(size);
                self.bytes_as_i64(side, bytes);
                self.ins().i64_sub().i64_gt_u().i32_or();
                self.release(size, FlatType::I64);
            }
        }
        self.trap_if(trap);
        Ok(())
    }

    fn bytes_as_i64(&mut self, side: SideIndices, bytes: Bytes) {
        match bytes {
            Bytes::Const(bytes) => {
                self.ins().i64_const(bytes.into());
            }
            Bytes::Local(local) => {
                self.ins().local_get(local);
                self.convert(side.width, PtrWidth::W64);
            }
        }
    }

    /// Pushes the size of a memory in bytes, as an `i64`.
    fn memory_bytes(&mut self, side: SideIndices) -> Result<(), Error> {
        self.ins().memory_size(side.memory()?);
        self.convert(side.width, PtrWidth::W64);
        if side.page_bits > 0 {
            self.ins().i64_const(side.page_bits.into()).i64_shl();
        }
        Ok(())
    }

    /// Allocates by this function, of a realloc's type for this width, and returns the local of the
    /// result.
    pub fn allocate(&mut self, width: PtrWidth, function: u32, align: u32, bytes: Bytes) -> u32 {
        for value in [0, 0, align] {
            self.ptr_const(width, value);
        }
        match bytes {
            Bytes::Const(bytes) => self.ptr_const(width, bytes),
            Bytes::Local(local) => {
                self.ins().local_get(local);
            }
        }
        let ptr = self.local(width.flat());
        self.ins().call(function).local_set(ptr);
        ptr
    }

    /// Converts the value on the stack between the type of a slot and the type that a case
    /// holds in it, either way.
    pub fn coerce(&mut self, have: FlatType, want: FlatType) {
        use FlatType::*;
        match (have, want) {
            (I32, F32) => self.ins().f32_reinterpret_i32(),
            (F32, I32) => self.ins().i32_reinterpret_f32(),
            (I64, I32) => self.ins().i32_wrap_i64(),
            (I32, I64) => self.ins().i64_extend_i32_u(),
            (I64, F32) => self.ins().i32_wrap_i64().f32_reinterpret_i32(),
            (F32, I64) => self.ins().i32_reinterpret_f32().i64_extend_i32_u(),
            (I64, F64) => self.ins().f64_reinterpret_i64(),
            (F64, I64) => self.ins().i64_reinterpret_f64(),
            // Slots hold no such pair: `join` gives `i32` or `i64` where types differ.
            _ => return,
        };
    }

    /// Pushes zero.
    pub fn zero(&mut self, ty: FlatType) {
        match ty {
            FlatType::I32 => self.ins().i32_const(0),
            FlatType::I64 => self.ins().i64_const(0),
            FlatType::F32 => self.ins().f32_const(0.0f32.into()),
            FlatType::F64 => self.ins().f64_const(0.0f64.into()),
        };
    }

    /// Loads a zero-extended `i32` of 1, 2 or 4 bytes.
    pub fn load(&mut self, bytes: u32, arg: MemArg) {
        match bytes {
            1 => self.ins().i32_load8_u(arg),
            2 => self.ins().i32_load16_u(arg),
            _ => self.ins().i32_load(arg),
        };
    }

    /// Stores the low 1, 2 or 4 bytes of an `i32`.
    pub fn store(&mut self, bytes: u32, arg: MemArg) {
        match bytes {
            1 => self.ins().i32_store8(arg),
            2 => self.ins().i32_store16(arg),
            _ => self.ins().i32_store(arg),
        };
    }

    /// Traps unless the `i32` local is a Unicode scalar value.
    pub fn check_char(&mut self, local: u32, trap: u32) {
        // Flipping these bits moves the surrogates to the bottom, where subtracting their
        // number wraps them above everything else.
        self.ins().local_get(local).i32_const(0xd800).i32_xor().i32_const(0x800).i32_sub();
        self.ins().i32_const(0x11_0000 - 0x800).i32_ge_u();
        self.trap_if(trap);
    }
}

/// The core type as the encoder names it.
pub(super) fn val_type(ty: FlatType) -> ValType {
    match ty {
        FlatType::I32 => ValType::I32,
        FlatType::I64 => ValType::I64,
        FlatType::F32 => ValType::F32,
        FlatType::F64 => ValType::F64,
    }
}
