//! Guests with WASI: a command in C and a library, in C or Rust, each by its own preview 1 adapter.
//! Streams, descriptors and clocks are resources of the host, which both of them use, and the
//! library's reports are resources between the two: unfused and fused, the output is the same.

use meld::Fuser;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{DirPerms, FilePerms, WasiCtx, WasiCtxView, WasiView};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/wasi")
}

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
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    succeeded: bool,
    output: String,
    errors: String,
}

fn run(component: &[u8]) -> wasmtime::Result<Ran> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(&meld_verify::config()).unwrap());
    let component = Component::new(engine, component)?;
    let mut linker = Linker::<Host>::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let [output, errors] = [(); 2].map(|()| MemoryOutputPipe::new(1 << 16));
    let mut ctx = WasiCtx::builder();
    ctx.args(&["command", "one", "zwei", "trois 3", "€"]).env("NAME", "a name");
    ctx.stdout(output.clone()).stderr(errors.clone());
    ctx.preopened_dir(folder().join("files"), "/files", DirPerms::READ, FilePerms::READ)?;
    let host = Host { ctx: ctx.build(), table: ResourceTable::new() };
    let mut store = Store::new(engine, host);
    store.set_fuel(u64::MAX)?;
    let command = Command::instantiate(&mut store, &component, &linker)?;
    let succeeded = command.wasi_cli_run().call_run(&mut store)?.is_ok();
    let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
    Ok(Ran { succeeded, output: text(&output), errors: text(&errors) })
}

/// What the sources say.
const OUTPUT: &str = "\
argument 0: command
argument 1: one
argument 2: zwei
argument 3: trois 3
argument 4: €
the library sees 5 of them
NAME is a name
it is after 2020: 1
the library's clocks go on: 1
so do these: 1
the library reads 0 bytes of it
lines.txt: first line
lines.txt: second line
the library reads 23 bytes of it
text.txt: hé €
the library reads 8 bytes of it
/nowhere: no such directory
the library finds the same 3 names: 1
# Files
first line
second line
hé €
1 report lives
# Files
first line
second line
hé €
0 reports live
";

fn check(library: &str) {
    let read = |name: &str| std::fs::read(folder().join(name)).unwrap();
    let fuser =
        Fuser::new().input("command", read("command-c.wasm")).input("library", read(library));
    let expected = Ran { succeeded: true, output: OUTPUT.into(), errors: "done\n".into() };
    assert_eq!(run(&fuser.compose().unwrap()).unwrap(), expected, "composed");
    assert_eq!(run(&fuser.fuse().unwrap().bytes).unwrap(), expected, "fused");
}

#[test]
fn a_command_and_a_library_in_c() {
    check("library-c.wasm");
}

#[test]
fn a_command_in_c_and_a_library_in_rust() {
    check("library-rust.wasm");
}
