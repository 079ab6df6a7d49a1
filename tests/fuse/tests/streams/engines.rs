//! A fused core module under wasmtime and wasmi, with a host that has streams and futures of its own.

use std::collections::VecDeque;

/// A stream of the host: its readable end is the handle `2 * n`, its writable end `2 * n + 1`.
#[derive(Default)]
struct Stream {
    bytes: VecDeque<u8>,
    dropped: bool,
}

/// The host of `pulseengine:async`. Every handle that was made inside is none of its business.
#[derive(Default)]
pub struct Host {
    /// What was called, with all arguments.
    pub calls: Vec<(&'static str, Vec<i32>)>,
    /// For each memory of the module by index, the name it is exported by.
    memories: Vec<Option<String>>,
    streams: Vec<Stream>,
}

impl Host {
    /// The readable end of a stream of the host's, with these bytes in it.
    pub fn stream_with(&mut self, bytes: &[u8]) -> i32 {
        self.streams.push(Stream { bytes: bytes.iter().copied().collect(), dropped: false });
        2 * (self.streams.len() as i32 - 1)
    }

    fn called(&mut self, name: &'static str, args: &[i32]) {
        if name != "stream_new" && name != "future_new" {
            assert!(args[0] >= 0, "{name} gets a handle that was made inside: {:#x}", args[0]);
        }
        self.calls.push((name, args.to_vec()));
    }

    fn new_pair(&mut self) -> i64 {
        let readable = i64::from(self.stream_with(&[]));
        readable | (readable + 1) << 32
    }

    fn stream(&mut self, handle: i32) -> &mut Stream {
        &mut self.streams[handle as usize / 2]
    }

    fn take(&mut self, handle: i32, most: i32) -> (i32, Vec<u8>) {
        let stream = self.stream(handle);
        let count = stream.bytes.len().min(most as usize);
        let bytes: Vec<u8> = stream.bytes.drain(..count).collect();
        match (count, stream.dropped) {
            (0, true) => (0, bytes),
            (0, false) => (-5, bytes),
            _ => (count as i32, bytes),
        }
    }
}

/// For each memory of a module by index, the name it is exported by.
fn exported_memories(bytes: &[u8]) -> Vec<Option<String>> {
    let mut memories = vec![None; 100];
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        let wasmparser::Payload::ExportSection(section) = payload.expect("the module is valid")
        else {
            continue;
        };
        for export in section.into_iter().map(|export| export.expect("the module is valid")) {
            if export.kind == wasmparser::ExternalKind::Memory {
                memories[export.index as usize] = Some(export.name.to_string());
            }
        }
    }
    memories
}

/// A core module under some engine. All parameters are `i32`.
pub trait Module {
    fn call(&mut self, export: &str, args: &[i32]) -> Result<i64, String>;
    fn host(&mut self) -> &mut Host;
    fn read(&mut self, memory: &str, at: usize, bytes: usize) -> Vec<u8>;
    fn write(&mut self, memory: &str, at: usize, bytes: &[u8]);
}

/// The two engines have nearly the same interface.
macro_rules! engine {
    ($name:ident in $lib:ident, $instantiate:ident) => {
        pub struct $name {
            store: $lib::Store<Host>,
            instance: $lib::Instance,
        }

        impl $name {
            pub fn load(bytes: &[u8]) -> Box<dyn Module> {
                type Caller<'a> = $lib::Caller<'a, Host>;
                /// The memory of that index, which the module has to export.
                fn memory(caller: &mut Caller<'_>, index: i32) -> Option<$lib::Memory> {
                    let name = caller.data().memories.get(index as usize)?.clone()?;
                    caller.get_export(&name)?.into_memory()
                }
                fn new(caller: &mut Caller<'_>, name: &'static str) -> i64 {
                    caller.data_mut().called(name, &[]);
                    caller.data_mut().new_pair()
                }
                fn read(caller: &mut Caller<'_>, [h, at, most, index]: [i32; 4]) -> i32 {
                    let Some(memory) = memory(caller, index) else { return -6 };
                    let (result, bytes) = caller.data_mut().take(h, most);
                    memory.write(caller, at as usize, &bytes).expect("it is in bounds");
                    result
                }
                fn write(caller: &mut Caller<'_>, [h, at, count, index]: [i32; 4]) -> i32 {
                    let Some(memory) = memory(caller, index) else { return -6 };
                    let mut bytes = vec![0; count as usize];
                    memory.read(&mut *caller, at as usize, &mut bytes).expect("it is in bounds");
                    caller.data_mut().stream(h).bytes.extend(&bytes);
                    count
                }

                let engine = $lib::Engine::default();
                let module = $lib::Module::new(&engine, bytes).expect("the module is valid");
                let host = Host { memories: exported_memories(bytes), ..Host::default() };
                let mut store = $lib::Store::new(&engine, host);
                let mut linker = $lib::Linker::new(&engine);
                let m = "pulseengine:async";
                for name in ["stream_new", "future_new"] {
                    let f = move |mut caller: Caller<'_>| new(&mut caller, name);
                    linker.func_wrap(m, name, f).expect("the name is free");
                }
                let f = |mut caller: Caller<'_>, a: i32, b: i32, c: i32, d: i32| {
                    caller.data_mut().called("stream_read", &[a, b, c, d]);
                    read(&mut caller, [a, b, c, d])
                };
                linker.func_wrap(m, "stream_read", f).expect("the name is free");
                let f = |mut caller: Caller<'_>, a: i32, b: i32, c: i32, d: i32| {
                    caller.data_mut().called("stream_write", &[a, b, c, d]);
                    write(&mut caller, [a, b, c, d])
                };
                linker.func_wrap(m, "stream_write", f).expect("the name is free");
                // A future of the host's has four bytes.
                let f = |mut caller: Caller<'_>, a: i32, b: i32, c: i32| {
                    caller.data_mut().called("future_read", &[a, b, c]);
                    i32::from(read(&mut caller, [a, b, 4, c]) == 4)
                };
                linker.func_wrap(m, "future_read", f).expect("the name is free");
                let f = |mut caller: Caller<'_>, a: i32, b: i32, c: i32| {
                    caller.data_mut().called("future_write", &[a, b, c]);
                    i32::from(write(&mut caller, [a, b, 4, c]) == 4)
                };
                linker.func_wrap(m, "future_write", f).expect("the name is free");
                for name in [
                    "stream_cancel_read",
                    "stream_cancel_write",
                    "future_cancel_read",
                    "future_cancel_write",
                ] {
                    let f = move |mut caller: Caller<'_>, handle: i32| {
                        caller.data_mut().called(name, &[handle]);
                        1
                    };
                    linker.func_wrap(m, name, f).expect("the name is free");
                }
                for name in [
                    "stream_drop_readable",
                    "stream_drop_writable",
                    "future_drop_readable",
                    "future_drop_writable",
                ] {
                    let f = move |mut caller: Caller<'_>, handle: i32| {
                        caller.data_mut().called(name, &[handle]);
                        caller.data_mut().stream(handle).dropped |= name.ends_with("writable");
                    };
                    linker.func_wrap(m, name, f).expect("the name is free");
                }
                let instance = linker.$instantiate(&mut store, &module).expect("it can start");
                Box::new($name { store, instance })
            }

            fn memory(&mut self, name: &str) -> $lib::Memory {
                self.instance.get_memory(&mut self.store, name).expect("it is exported")
            }
        }

        impl Module for $name {
            fn call(&mut self, export: &str, args: &[i32]) -> Result<i64, String> {
                let func = self.instance.get_func(&mut self.store, export).expect("it is there");
                let args: Vec<_> = args.iter().map(|arg| $lib::Val::I32(*arg)).collect();
                let mut results = vec![$lib::Val::I32(0); func.ty(&self.store).results().len()];
                let called = func.call(&mut self.store, &args, &mut results);
                called.map_err(|e| format!("{e:?}"))?;
                Ok(match results.first() {
                    Some($lib::Val::I32(value)) => (*value).into(),
                    Some($lib::Val::I64(value)) => *value,
                    _ => 0,
                })
            }

            fn host(&mut self) -> &mut Host {
                self.store.data_mut()
            }

            fn read(&mut self, memory: &str, at: usize, bytes: usize) -> Vec<u8> {
                let mut found = vec![0; bytes];
                let memory = self.memory(memory);
                memory.read(&self.store, at, &mut found).expect("it is in bounds");
                found
            }

            fn write(&mut self, memory: &str, at: usize, bytes: &[u8]) {
                let memory = self.memory(memory);
                memory.write(&mut self.store, at, bytes).expect("it is in bounds");
            }
        }
    };
}

engine!(Wasmtime in wasmtime, instantiate);
engine!(Wasmi in wasmi, instantiate_and_start);
