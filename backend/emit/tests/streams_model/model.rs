//! What streams and futures inside do, in Rust: the contract of `docs/streams.md`, without rings,
//! cursors or slots' layout. Of handles it knows what their bits say.

use std::collections::{BTreeMap, VecDeque};

pub const CLOSED: i32 = -1;
pub const INVALID: i32 = -2;
pub const PENDING: i32 = -5;

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this, after it moved these bytes to the reader, or took these from the writer.
    Returns(i32, Vec<u8>),
    /// The buffer is not in memory.
    Traps,
    /// The host was asked.
    Host,
}

/// One stream or future, which was the last to use its slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pipe {
    pub readable: bool,
    pub writable: bool,
    /// The bytes that wait; of a future, its value.
    pub bytes: VecDeque<u8>,
    /// A future has its value.
    pub resolved: bool,
}

/// All streams, or all futures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    pub slots: usize,
    pub capacity: usize,
    /// Bytes in a guest's memory.
    pub memory: u64,
    /// By the handle of the readable end.
    pub pipes: BTreeMap<i32, Pipe>,
}

/// A buffer in a guest's memory: address, length, index of the memory.
pub type Buffer = (u32, u32, u32);

impl Model {
    pub fn new(slots: usize, capacity: usize, memory: u64) -> Self {
        Model { slots, capacity, memory, pipes: BTreeMap::new() }
    }

    fn slot(&self, handle: i32) -> i32 {
        (handle >> 1) & (self.slots as i32 - 1)
    }

    /// Whether there is a slot for another one.
    pub fn has_room(&self) -> bool {
        let open = self.pipes.values().filter(|pipe| pipe.readable || pipe.writable).count();
        self.capacity > 0 && open < self.slots
    }

    /// Another one was made; its slot's last user is forgotten.
    pub fn made(&mut self, readable: i32) {
        let slot = self.slot(readable);
        let last = self.pipes.keys().copied().find(|handle| self.slot(*handle) == slot);
        if let Some(last) = last {
            let gone = self.pipes.remove(&last).unwrap();
            assert!(!gone.readable && !gone.writable, "{readable:#x} takes the slot of {last:#x}");
            assert_ne!(last, readable, "a handle is minted twice");
        }
        let pipe = Pipe { readable: true, writable: true, bytes: VecDeque::new(), resolved: false };
        self.pipes.insert(readable, pipe);
    }

    fn traps(&self, (pointer, length, index): Buffer) -> bool {
        index != 0 || u64::from(pointer) + u64::from(length) > self.memory
    }

    fn readable(&mut self, handle: i32) -> Option<&mut Pipe> {
        self.pipes.get_mut(&handle).filter(|pipe| pipe.readable)
    }

    /// The pipe whose writable end it is, open or not.
    fn writable(&mut self, handle: i32) -> Option<&mut Pipe> {
        if handle & 1 == 0 { None } else { self.pipes.get_mut(&(handle & !1)) }
    }

    pub fn stream_read(&mut self, handle: i32, buffer: Buffer) -> Outcome {
        let traps = self.traps(buffer);
        let returns = |value| Outcome::Returns(value, Vec::new());
        if handle >= 0 {
            return Outcome::Host;
        }
        let Some(pipe) = self.readable(handle) else { return returns(INVALID) };
        if traps {
            return Outcome::Traps;
        }
        if pipe.bytes.is_empty() {
            return returns(if pipe.writable { PENDING } else { 0 });
        }
        if buffer.1 == 0 {
            return returns(PENDING);
        }
        let count = pipe.bytes.len().min(buffer.1 as usize);
        Outcome::Returns(count as i32, pipe.bytes.drain(..count).collect())
    }

    /// `bytes` is what is in the buffer, if there is one.
    pub fn stream_write(&mut self, handle: i32, buffer: Buffer, bytes: &[u8]) -> Outcome {
        let (traps, capacity) = (self.traps(buffer), self.capacity);
        let returns = |value| Outcome::Returns(value, Vec::new());
        if handle >= 0 {
            return Outcome::Host;
        }
        let Some(pipe) = self.writable(handle) else { return returns(INVALID) };
        if !(pipe.readable && pipe.writable) {
            return returns(CLOSED);
        }
        if traps {
            return Outcome::Traps;
        }
        let count = bytes.len().min(capacity - pipe.bytes.len());
        pipe.bytes.extend(&bytes[..count]);
        Outcome::Returns(count as i32, bytes[..count].to_vec())
    }

    pub fn future_read(&mut self, handle: i32, (pointer, _, index): Buffer) -> Outcome {
        let traps = self.traps((pointer, self.capacity as u32, index));
        let returns = |value| Outcome::Returns(value, Vec::new());
        if handle >= 0 {
            return Outcome::Host;
        }
        let Some(pipe) = self.readable(handle) else { return returns(INVALID) };
        match (traps, pipe.resolved, pipe.writable) {
            (true, ..) => Outcome::Traps,
            (_, true, _) => Outcome::Returns(1, pipe.bytes.iter().copied().collect()),
            (_, _, true) => returns(0),
            (_, _, false) => returns(CLOSED),
        }
    }

    pub fn future_write(&mut self, handle: i32, buffer: Buffer, bytes: &[u8]) -> Outcome {
        let traps = self.traps((buffer.0, self.capacity as u32, buffer.2));
        let returns = |value| Outcome::Returns(value, Vec::new());
        if handle >= 0 {
            return Outcome::Host;
        }
        let Some(pipe) = self.writable(handle) else { return returns(INVALID) };
        if !(pipe.readable && pipe.writable) || pipe.resolved {
            return returns(CLOSED);
        }
        if traps {
            return Outcome::Traps;
        }
        pipe.resolved = true;
        pipe.bytes.extend(bytes);
        Outcome::Returns(1, bytes.to_vec())
    }

    /// Whether the host is asked.
    pub fn drop_readable(&mut self, handle: i32) -> bool {
        if let Some(pipe) = self.readable(handle) {
            pipe.readable = false;
            pipe.bytes.clear();
        }
        handle >= 0
    }

    /// Whether the host is asked.
    pub fn drop_writable(&mut self, handle: i32) -> bool {
        if let Some(pipe) = self.writable(handle) {
            pipe.writable = false;
        }
        handle >= 0
    }
}
