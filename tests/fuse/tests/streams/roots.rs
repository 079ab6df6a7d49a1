//! Roots that import core modules, how they are fused and run, and what lies in them.

use crate::engines::{Module, Wasmi, Wasmtime};
use crate::intrinsics::Intrinsics;
use meld::{Form, Fuser};
use wasmtime::component::{Component, Linker};

/// The name of the imported module, and with it of its package.
pub const NAME: &str = "unlocked-dep=<pulseengine:async>";

/// The same for a core module that no pack answers.
pub const OTHER: &str = "unlocked-dep=<test:counter>";

/// Makes a stream and writes `hello` to it.
pub const MAKER: &str = r#"
  (import "pulseengine:async" "stream_new" (func $new (result i64)))
  (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory 1)
  (data (i32.const 8) "hello")
  (func (export "make") (result i32)
    (local $pair i64)
    (local.set $pair (call $new))
    (if (i32.ne
          (call $write (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32)))
            (i32.const 8) (i32.const 5) (i32.const 0))
          (i32.const 5))
      (then unreachable))
    (i32.wrap_i64 (local.get $pair)))"#;

/// Reads what is in the stream, and returns how much and the last byte.
pub const READER: &str = r#"
  (import "" "make" (func $make (result i32)))
  (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory 1)
  (func (export "run") (result i32)
    (local $count i32)
    (local.set $count (call $read (call $make) (i32.const 16) (i32.const 50) (i32.const 0)))
    (i32.add
      (i32.mul (local.get $count) (i32.const 1000))
      (i32.load8_u offset=15 (local.get $count))))"#;

/// The type of a core module that exports all that both use.
pub const ASYNC: &str = r#"(core module $async
  (export "stream_new" (func (result i64)))
  (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))
  (export "stream_write" (func (param i32 i32 i32 i32) (result i32))))"#;

pub const RESULT: i64 = 5 * 1000 + b'o' as i64;

pub fn fuser(inputs: &[String]) -> Fuser {
    inputs
        .iter()
        .zip(["a", "b", "c"])
        .fold(Fuser::new(), |fuser, (text, name)| fuser.input(name, text.clone().into_bytes()))
}

pub fn core_form(fuser: &Fuser, check: impl Fn(&mut dyn Module<Intrinsics>)) {
    let bytes = fuser.clone().form(Form::Core).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    check(&mut *Wasmtime::load(&bytes));
    check(&mut *Wasmi::load(&bytes));
}

/// Runs a fused component whose host supplies a core module, this one.
pub fn component_form(fuser: &Fuser, host: &str) -> wasmtime::Result<u32> {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let engine = wasmtime::Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let module = wasmtime::Module::new(&engine, host)?;
    linker.root().module(NAME, &module)?;
    linker.root().module(OTHER, &module)?;
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &Component::new(&engine, bytes)?)?;
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
    Ok(run.call(&mut store, ())?.0)
}

/// A host all of whose functions trap.
pub const UNREACHABLE: &str = r#"(module
  (func (export "stream_new") (result i64) unreachable)
  (func (export "stream_read") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "stream_write") (param i32 i32 i32 i32) (result i32) unreachable))"#;

pub fn refused(root: &str, words: &[&str]) {
    let error = fuser(&[root.to_string()]).fuse().unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
}
