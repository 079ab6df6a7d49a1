//! A host of the core module that `meld fuse --core` makes of `tests/guests/hello/app.wasm`, whose world is
//!
//! ```wit
//! import greet: func(name: string) -> string;
//! export run: func() -> string;
//! ```

use wasmi::{Caller, Engine, Error, Extern, Linker, Memory, Module, Store, TypedFunc};

/// What `run` returns.
pub fn run(wasm: &[u8]) -> Result<String, Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("$root", "greet", greet)?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let memory = instance.get_memory(&store, "memory").ok_or(Error::new("no memory"))?;
    // The guests' start functions; without any, there is no such export.
    if let Ok(start) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
        start.call(&mut store, ())?;
    }
    // A string is too much for a core result: its address and length are in memory.
    let result = instance.get_typed_func::<(), u32>(&store, "run")?.call(&mut store, ())?;
    let mut pair = [0; 8];
    memory.read(&store, result as usize, &mut pair)?;
    let number =
        |at: usize| u32::from_le_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
    let mut text = vec![0; number(4) as usize];
    memory.read(&store, number(0) as usize, &mut text)?;
    // Only now: what was returned is given back.
    let post = instance.get_typed_func::<u32, ()>(&store, "cabi_post_run")?;
    post.call(&mut store, result)?;
    String::from_utf8(text).map_err(|error| Error::new(error.to_string()))
}

/// The host's `greet`: address and length of the name, and where those of the result are to be stored.
fn greet(mut caller: Caller<'_, ()>, name: u32, bytes: u32, result: u32) -> Result<(), Error> {
    let memory: Memory = export(&caller, "memory", Extern::into_memory)?;
    let mut text = vec![0; bytes as usize];
    memory.read(&caller, name as usize, &mut text)?;
    let greeting = format!("Good morning, {}!", String::from_utf8_lossy(&text));
    // What the host hands over lies where the guest has room for it.
    let realloc = export(&caller, "cabi_realloc", Extern::into_func)?;
    let realloc: TypedFunc<(u32, u32, u32, u32), u32> = realloc.typed(&caller)?;
    let length = greeting.len() as u32;
    let place = realloc.call(&mut caller, (0, 0, 1, length))?;
    memory.write(&mut caller, place as usize, greeting.as_bytes())?;
    let pair = [place.to_le_bytes(), length.to_le_bytes()].concat();
    memory.write(&mut caller, result as usize, &pair)?;
    Ok(())
}

fn export<T>(
    caller: &Caller<'_, ()>,
    name: &str,
    kind: impl Fn(Extern) -> Option<T>,
) -> Result<T, Error> {
    let item = caller.get_export(name).and_then(kind);
    item.ok_or_else(|| Error::new(format!("no export `{name}`")))
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() {
    let path = std::env::args().nth(1).expect("the path of a core module");
    let wasm = std::fs::read(path).expect("the file can be read");
    match run(&wasm) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("{error}"),
    }
}
