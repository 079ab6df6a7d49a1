//! A host that has streams and futures of its own.

use crate::engines::{Host, Module, Returns};
use std::collections::VecDeque;

/// A stream of the host: its readable end is the handle `2 * n`, its writable end `2 * n + 1`.
#[derive(Default)]
struct Stream {
    bytes: VecDeque<u8>,
    dropped: bool,
}

/// The host of `pulseengine:async`. Every handle that was made inside is none of its business.
#[derive(Default)]
pub struct Intrinsics {
    /// What was called, with all arguments.
    pub calls: Vec<(&'static str, Vec<i32>)>,
    /// For each memory of the module by index, the name it is exported by.
    memories: Vec<Option<String>>,
    streams: Vec<Stream>,
}

impl Intrinsics {
    /// The readable end of a stream of the host's, with these bytes in it.
    pub fn stream_with(&mut self, bytes: &[u8]) -> i32 {
        self.streams.push(Stream { bytes: bytes.iter().copied().collect(), dropped: false });
        2 * (self.streams.len() as i32 - 1)
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

/// The memory of that index, which the module has to export.
fn memory(module: &mut dyn Module<Intrinsics>, index: i32) -> Option<String> {
    module.host().memories.get(index as usize)?.clone()
}

fn read(module: &mut dyn Module<Intrinsics>, [handle, at, most, index]: [i32; 4]) -> i32 {
    let Some(memory) = memory(module, index) else { return -6 };
    let (result, bytes) = module.host().take(handle, most);
    module.write(&memory, at as usize, &bytes);
    result
}

fn write(module: &mut dyn Module<Intrinsics>, [handle, at, count, index]: [i32; 4]) -> i32 {
    let Some(memory) = memory(module, index) else { return -6 };
    let bytes = module.read(&memory, at as usize, count as usize);
    module.host().stream(handle).bytes.extend(&bytes);
    count
}

const FROM: &str = "pulseengine:async";

impl Host for Intrinsics {
    const FUNCTIONS: &'static [(&'static str, &'static str, usize, Returns)] = &[
        (FROM, "stream_new", 0, Returns::I64),
        (FROM, "stream_read", 4, Returns::I32),
        (FROM, "stream_write", 4, Returns::I32),
        (FROM, "stream_cancel_read", 1, Returns::I32),
        (FROM, "stream_cancel_write", 1, Returns::I32),
        (FROM, "stream_drop_readable", 1, Returns::Nothing),
        (FROM, "stream_drop_writable", 1, Returns::Nothing),
        (FROM, "future_new", 0, Returns::I64),
        (FROM, "future_read", 3, Returns::I32),
        (FROM, "future_write", 3, Returns::I32),
        (FROM, "future_cancel_read", 1, Returns::I32),
        (FROM, "future_cancel_write", 1, Returns::I32),
        (FROM, "future_drop_readable", 1, Returns::Nothing),
        (FROM, "future_drop_writable", 1, Returns::Nothing),
    ];

    fn new(bytes: &[u8]) -> Self {
        Intrinsics { memories: exported_memories(bytes), ..Intrinsics::default() }
    }

    fn called(module: &mut dyn Module<Self>, name: &'static str, args: &[i32]) -> i64 {
        let host = module.host();
        if !args.is_empty() {
            assert!(args[0] >= 0, "{name} gets a handle that was made inside: {:#x}", args[0]);
        }
        host.calls.push((name, args.to_vec()));
        match (name, args) {
            ("stream_new" | "future_new", _) => host.new_pair(),
            ("stream_read", &[a, b, c, d]) => read(module, [a, b, c, d]).into(),
            ("stream_write", &[a, b, c, d]) => write(module, [a, b, c, d]).into(),
            // A future of the host's has four bytes.
            ("future_read", &[a, b, c]) => i64::from(read(module, [a, b, 4, c]) == 4),
            ("future_write", &[a, b, c]) => i64::from(write(module, [a, b, 4, c]) == 4),
            (_, &[handle]) if name.contains("drop") => {
                host.stream(handle).dropped |= name.ends_with("writable");
                0
            }
            _ => 1,
        }
    }
}
