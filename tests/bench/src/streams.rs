//! What moving bytes from guest to guest costs: by rings inside of one module, and by a host that has
//! rings. The guests are the same.

use crate::{Run, Runner};
use wasmtime::error::Context as _;
use wasmtime::{Caller, Engine, Linker, Module, Result, Store};

/// Writes chunks.
const PRODUCER: &str = include_str!("stream-producer.wat");
/// Has chunks written, and reads them: `run(chunks, bytes)`.
const CONSUMER: &str = include_str!("stream-consumer.wat");
/// As many plain copies, two a chunk.
const COPIES: &str = include_str!("stream-copies.wat");

/// A stream of the host's.
struct Ring {
    bytes: Vec<u8>,
    read: usize,
    written: usize,
}

impl Ring {
    /// Where a transfer of so many bytes is, in two parts.
    fn parts(&self, cursor: usize, count: usize) -> (usize, usize) {
        let at = cursor % self.bytes.len();
        (at, count.min(self.bytes.len() - at))
    }
}

/// The host of the guests that are not fused: its streams, by half of their handles.
#[derive(Default)]
pub struct Host {
    rings: Vec<Ring>,
}

type Arguments = (i32, i32, i32, i32);

/// The caller's memory, and the ring of a handle. Who calls is known to the caller's export only.
fn sides<'c>(
    caller: &'c mut Caller<'_, Host>,
    handle: i32,
) -> Option<(&'c mut [u8], &'c mut Ring)> {
    let memory = caller.get_export("memory")?.into_memory()?;
    let (memory, host) = memory.data_and_store_mut(caller);
    Some((memory, host.rings.get_mut(handle as usize / 2)?))
}

fn write(mut caller: Caller<'_, Host>, (handle, pointer, length, _): Arguments) -> i32 {
    let Some((memory, ring)) = sides(&mut caller, handle) else { return -2 };
    let room = ring.bytes.len() - (ring.written - ring.read);
    let count = (length as usize).min(room);
    let Some(from) = memory.get(pointer as usize..pointer as usize + count) else { return -6 };
    let (at, first) = ring.parts(ring.written, count);
    ring.bytes[at..at + first].copy_from_slice(&from[..first]);
    ring.bytes[..count - first].copy_from_slice(&from[first..]);
    ring.written += count;
    count as i32
}

fn read(mut caller: Caller<'_, Host>, (handle, pointer, length, _): Arguments) -> i32 {
    let Some((memory, ring)) = sides(&mut caller, handle) else { return -2 };
    let count = (length as usize).min(ring.written - ring.read);
    let Some(to) = memory.get_mut(pointer as usize..pointer as usize + count) else { return -6 };
    let (at, first) = ring.parts(ring.read, count);
    to[..first].copy_from_slice(&ring.bytes[at..at + first]);
    to[first..].copy_from_slice(&ring.bytes[..count - first]);
    ring.read += count;
    count as i32
}

/// The three that are compared.
pub struct Race {
    /// The guests, and a host that has the ring.
    pub hosted: Runner<Host>,
    /// The guests fused.
    pub fused: Runner,
    /// Two plain copies a chunk.
    pub copies: Runner,
}

impl Race {
    /// Builds all three, with rings of so many bytes.
    ///
    /// # Errors
    ///
    /// If meld or the engine refuses the guests.
    pub fn new(engine: &Engine, ring: u32) -> Result<Self> {
        let fused = meld::Fuser::new()
            .input("producer", PRODUCER.as_bytes().to_vec())
            .input("consumer", CONSUMER.as_bytes().to_vec())
            .set("streams.ring-bytes", ring.to_string())
            .fuse()
            .context("fusing the guests")?
            .bytes;
        Ok(Race {
            hosted: hosted(engine, ring as usize)?,
            fused: unasked(engine, &fused)?,
            copies: Runner::core(engine, &wat::parse_str(COPIES)?)?,
        })
    }
}

/// The fused guests, whose host has functions that are never called.
fn unasked(engine: &Engine, bytes: &[u8]) -> Result<Runner> {
    let mut store = Store::new(engine, ());
    let module = Module::new(engine, bytes)?;
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func(&mut store, "run")?;
    Ok(Runner { store, run: Run::Core(run) })
}

fn hosted(engine: &Engine, ring: usize) -> Result<Runner<Host>> {
    let mut store = Store::new(engine, Host::default());
    let mut linker = Linker::new(engine);
    let module = "pulseengine:async";
    linker.func_wrap(module, "stream_new", move |mut caller: Caller<'_, Host>| {
        let rings = &mut caller.data_mut().rings;
        rings.push(Ring { bytes: vec![0; ring], read: 0, written: 0 });
        let readable = 2 * (rings.len() as i64 - 1);
        readable | (readable + 1) << 32
    })?;
    linker.func_wrap(module, "stream_write", |caller: Caller<'_, Host>, a, b, c, d| {
        write(caller, (a, b, c, d))
    })?;
    linker.func_wrap(module, "stream_read", |caller: Caller<'_, Host>, a, b, c, d| {
        read(caller, (a, b, c, d))
    })?;
    let producer = Module::new(engine, wat::parse_str(PRODUCER)?)?;
    let producer = linker.instantiate(&mut store, &producer)?;
    linker.instance(&mut store, "producer", producer)?;
    let consumer = Module::new(engine, wat::parse_str(CONSUMER)?)?;
    let consumer = linker.instantiate(&mut store, &consumer)?;
    let run = consumer.get_typed_func(&mut store, "run")?;
    Ok(Runner { store, run: Run::Core(run) })
}
