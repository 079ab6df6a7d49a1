//! A host with WASI, for commands.

use std::path::Path;
use wasmtime::Store;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

struct Host {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it returned.
    pub succeeded: bool,
    /// What it wrote to its standard output.
    pub output: String,
    /// What it wrote to its standard error.
    pub errors: String,
}

/// Runs a command with these arguments, a variable `NAME` and a directory as `/files` to read from.
///
/// # Errors
///
/// If it is none, or traps.
pub fn run(component: &[u8], arguments: &[&str], files: &Path) -> wasmtime::Result<Ran> {
    let engine = crate::batch::engine();
    let component = Component::new(engine, component)?;
    let mut linker = Linker::<Host>::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let [output, errors] = [(); 2].map(|()| MemoryOutputPipe::new(1 << 16));
    let mut ctx = WasiCtx::builder();
    ctx.args(arguments).env("NAME", "a name");
    ctx.stdout(output.clone()).stderr(errors.clone());
    ctx.preopened_dir(files, "/files", FsPerms::ReadOnly)?;
    let host = Host { ctx: ctx.build(), table: ResourceTable::new() };
    let mut store = Store::new(engine, host);
    store.set_fuel(u64::MAX)?;
    let command = Command::instantiate(&mut store, &component, &linker)?;
    let succeeded = command.wasi_cli_run().call_run(&mut store)?.is_ok();
    let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
    Ok(Ran { succeeded, output: text(&output), errors: text(&errors) })
}
