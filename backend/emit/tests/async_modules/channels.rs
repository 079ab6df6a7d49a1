//! Typed channels: `rules/streams/channels.wat` and `channel-transfer.wat`.

use crate::{Call, Machine, Model, Outcome, agree, explore, picks};
use proptest::prelude::*;
use std::collections::VecDeque;
use wasmtime::Memory;

const PAGE: u32 = 0x1_0000;
/// How many generations of a slot there are.
const GENERATIONS: u32 = 1 << 22;
/// Buffers in the guests' memories begin here.
const BUFFER: u32 = 64;

/// How channels are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    slots: usize,
    ring: u32,
    size: u32,
    align: u32,
    /// The guests are one, and its memory holds the rings.
    shared: bool,
    /// Where cursors and generations start.
    cursor: u32,
    generation: u32,
}

const SHAPE: Shape =
    Shape { slots: 2, ring: 16, size: 4, align: 4, shared: false, cursor: 0, generation: 0 };

impl Shape {
    fn stride(self) -> u32 {
        self.size.next_multiple_of(self.align)
    }

    /// The largest power of two that fits.
    fn capacity(self) -> u32 {
        let fit = self.ring / self.stride();
        if fit.is_power_of_two() { fit } else { fit.next_power_of_two() / 2 }
    }

    /// Where a guest that has the rings in its memory says that they are.
    fn places(self) -> [u32; 2] {
        [PAGE / 2, PAGE - self.ring]
    }
}

/// A channel as what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Channel {
    base: u32,
    read: u32,
    open: [bool; 2],
    borrowed: bool,
    elements: VecDeque<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Channels {
    shape: Shape,
    slots: Vec<(u32, Option<Channel>)>,
    /// Where the next channel's cursors start in a slot that was not used yet.
    fresh: Vec<bool>,
    /// The buffer that was read into last: guest, pointer, bytes.
    last: Option<(usize, u32, Vec<u8>)>,
    /// Counts of elements to try.
    counts: Vec<u32>,
}

/// What lies in the buffers of writers: other bytes everywhere.
fn pattern(at: u32) -> u8 {
    (at * 7 + at / 256 * 3 + 1) as u8
}

/// The start of a buffer to write from, by how much was written: so that data differ.
fn source(shape: Shape, count: u32, turn: u32) -> u32 {
    let end = BUFFER + turn % 5 * shape.stride() + count * shape.stride();
    (end - count * shape.stride()).next_multiple_of(shape.align)
}

impl Channels {
    fn new(shape: Shape) -> Channels {
        Channels {
            shape,
            slots: vec![(shape.generation, None); shape.slots],
            fresh: vec![true; shape.slots],
            last: None,
            counts: (0..=shape.capacity() + 1).collect(),
        }
    }

    fn handle(&self, slot: usize, end: usize) -> i32 {
        (1 << 31 | self.slots[slot].0 << 9 | (slot as u32) << 1 | end as u32) as i32
    }

    /// The channel of an end, or what is wrong with the handle.
    fn end(&mut self, handle: i32, end: usize) -> Result<&mut Channel, i64> {
        let slot = (0..self.slots.len()).find(|slot| self.handle(*slot, end) == handle);
        match slot.and_then(|slot| self.slots[slot].1.as_mut()) {
            None => Err(-2),
            Some(channel) if !channel.open[end] => Err(-1),
            Some(channel) => Ok(channel),
        }
    }

    fn open(&mut self, base: Option<u32>) -> i64 {
        let Some(slot) = self.slots.iter().position(|(_, channel)| channel.is_none()) else {
            return -3;
        };
        let base = base.unwrap_or(slot as u32 * self.shape.ring);
        let read = if self.fresh[slot] { self.shape.cursor } else { 0 };
        self.fresh[slot] = false;
        let elements = VecDeque::new();
        let open = [true; 2];
        self.slots[slot].1 = Some(Channel { base, read, open, borrowed: false, elements });
        let [readable, writable] = [0, 1].map(|end| self.handle(slot, end) as u32);
        (u64::from(writable) << 32 | u64::from(readable)) as i64
    }

    fn drop_end(&mut self, handle: i32, end: usize) -> i64 {
        let channel = match self.end(handle, end) {
            Ok(channel) => channel,
            Err(error) => return error,
        };
        channel.open[end] = false;
        if end == 0 {
            channel.borrowed = false;
        }
        if channel.open == [false; 2] {
            let slot = (handle >> 1 & 0xff) as usize;
            self.slots[slot] = ((self.slots[slot].0 + 1) % GENERATIONS, None);
        }
        0
    }

    fn check(&self, ptr: u32, count: u32) -> Result<(), String> {
        if count > 0 && !ptr.is_multiple_of(self.shape.align) {
            return Err("unaligned-pointer".into());
        }
        let bytes = u64::from(count) * u64::from(self.shape.stride());
        if count > 0 && u64::from(ptr) + bytes > PAGE.into() {
            return Err("list-out-of-bounds".into());
        }
        Ok(())
    }

    fn write(&mut self, handle: i32, ptr: u32, count: u32) -> i64 {
        let (capacity, stride) = (self.shape.capacity(), self.shape.stride());
        let channel = match self.end(handle, 1) {
            Ok(channel) => channel,
            Err(error) => return error,
        };
        if !channel.open[0] {
            return -1;
        }
        let count = count.min(capacity - channel.elements.len() as u32);
        for element in 0..count {
            let at = ptr + element * stride;
            channel.elements.push_back((at..at + stride).map(pattern).collect());
        }
        count.into()
    }

    fn read(&mut self, handle: i32, (guest, ptr): (usize, u32), count: u32) -> i64 {
        let channel = match self.end(handle, 0) {
            Ok(channel) => channel,
            Err(error) => return error,
        };
        match (channel.borrowed, channel.elements.is_empty(), channel.open[1], count) {
            (true, ..) => return -6,
            (_, true, true, _) | (_, false, _, 0) => return -5,
            (_, true, false, _) => return 0,
            _ => {}
        }
        let count = count.min(channel.elements.len() as u32);
        let bytes: Vec<u8> = channel.elements.drain(..count as usize).flatten().collect();
        channel.read = channel.read.wrapping_add(count);
        self.last = Some((guest, ptr, bytes));
        count.into()
    }

    fn borrow(&mut self, handle: i32) -> i64 {
        let (capacity, stride) = (self.shape.capacity(), self.shape.stride());
        let channel = match self.end(handle, 0) {
            Ok(channel) => channel,
            Err(error) => return error,
        };
        match (channel.borrowed, channel.elements.is_empty(), channel.open[1]) {
            (true, ..) => -6,
            (_, true, true) => -5,
            (_, true, false) => -1,
            _ => {
                channel.borrowed = true;
                (channel.base + channel.read % capacity * stride).into()
            }
        }
    }

    fn release(&mut self, handle: i32) -> i64 {
        let channel = match self.end(handle, 0) {
            Ok(channel) => channel,
            Err(error) => return error,
        };
        if !channel.borrowed {
            return -6;
        }
        channel.borrowed = false;
        channel.elements.pop_front();
        channel.read = channel.read.wrapping_add(1);
        0
    }
}

/// The names of what guests call, for each of the two.
const WRITES: [&str; 2] = ["a.write", "b.write"];
const READS: [&str; 2] = ["a.read", "b.read"];

impl Model for Channels {
    fn choices(&self) -> Vec<Call> {
        let shape = self.shape;
        let mut calls: Vec<Call> = vec![("capacity", Vec::new())];
        match shape.shared {
            false => calls.push(("new", Vec::new())),
            true => {
                let used = |place| {
                    let mut open = self.slots.iter().filter_map(|(_, channel)| channel.as_ref());
                    open.any(|channel| channel.base == place)
                };
                // Two rings in one place would be the guest's own fault.
                let free = shape.places().into_iter().filter(|place| !used(*place));
                let mut wrong = vec![PAGE - shape.ring + shape.align, !(shape.align - 1)];
                if shape.align > 1 {
                    wrong.push(1);
                }
                let places = free.chain(wrong);
                calls.extend(places.map(|place| ("new-at", vec![place as i32])));
            }
        }
        let mut handles: Vec<i32> = (0..self.slots.len())
            .flat_map(|slot| [self.handle(slot, 0), self.handle(slot, 1)])
            .collect();
        handles.extend([5, 1 << 31 | (self.slots.len() as i32) << 1]);
        // One of the generation before.
        handles.push(handles[0] ^ 1 << 9);
        let guests = if shape.shared { 1 } else { 2 };
        for (number, &handle) in handles.iter().enumerate() {
            let names = ["drop-readable", "drop-writable", "available", "space"];
            calls.extend(names.map(|name| (name, vec![handle])));
            calls.extend(["borrow", "release"].map(|name| (name, vec![handle])));
            for guest in 0..guests {
                for &count in &self.counts {
                    let from = source(shape, count, number as u32 + count) as i32;
                    let into = (PAGE / 4) as i32;
                    calls.push((WRITES[guest], vec![handle, from, count as i32]));
                    calls.push((READS[guest], vec![handle, into, count as i32]));
                }
            }
        }
        // What is read into the end of a memory is written from there by nobody.
        let (end, wild) = ((PAGE - shape.stride()) as i32, -4);
        let reader = READS[guests - 1];
        if !shape.shared {
            calls.push((WRITES[0], vec![handles[1], end, 1]));
            calls.push((reader, vec![handles[0], end, 1]));
        }
        for (ptr, count) in [(end, 2), (wild, 1), (wild, 0), (1, 0), (0, -1)] {
            calls.push((WRITES[0], vec![handles[1], ptr, count]));
            calls.push((reader, vec![handles[0], ptr, count]));
        }
        if shape.align > 1 {
            calls.push((WRITES[0], vec![handles[1], 1, 1]));
            calls.push((reader, vec![handles[0], 1, 1]));
        }
        calls
    }

    fn step(&mut self, (name, args): &Call) -> Outcome {
        self.last = None;
        let arg = |n: usize| args.get(n).copied().unwrap_or(0);
        let (handle, ptr, count) = (arg(0), arg(1) as u32, arg(2) as u32);
        Ok(match *name {
            "capacity" => self.shape.capacity().into(),
            "new" => self.open(None),
            "new-at" => {
                let base = handle as u32;
                if !base.is_multiple_of(self.shape.align) {
                    return Err("unaligned-pointer".into());
                }
                if u64::from(base) + u64::from(self.shape.ring) > PAGE.into() {
                    return Err("list-out-of-bounds".into());
                }
                self.open(Some(base))
            }
            "drop-readable" => self.drop_end(handle, 0),
            "drop-writable" => self.drop_end(handle, 1),
            "available" | "space" => match self.end(handle, handle as usize & 1) {
                Err(error) => error,
                Ok(channel) => {
                    let available = channel.elements.len() as i64;
                    let capacity = i64::from(self.shape.capacity());
                    if *name == "space" { capacity - available } else { available }
                }
            },
            "borrow" => self.borrow(handle),
            "release" => self.release(handle),
            "a.write" | "b.write" => {
                self.check(ptr, count)?;
                self.write(handle, ptr, count)
            }
            "a.read" | "b.read" => {
                self.check(ptr, count)?;
                let guest = usize::from(name.starts_with('b'));
                self.read(handle, (guest, ptr), count)
            }
            other => panic!("{other}"),
        })
    }

    fn in_memory(&self) -> Vec<(usize, usize, Vec<u8>)> {
        let rings = if self.shape.shared { GUEST } else { RINGS };
        let borrowed = self.slots.iter().filter_map(|(_, channel)| channel.as_ref());
        let borrowed = borrowed.filter(|channel| channel.borrowed).map(|channel| {
            let at = channel.base + channel.read % self.shape.capacity() * self.shape.stride();
            (rings, at as usize, channel.elements[0].clone())
        });
        let read = self
            .last
            .iter()
            .map(|(guest, ptr, bytes)| (GUEST + guest, *ptr as usize, bytes.clone()));
        borrowed.chain(read).collect()
    }
}

/// Positions among the machine's memories.
const RINGS: usize = 0;
const GUEST: usize = 1;

fn fill(machine: &mut Machine, memory: Memory) {
    for (at, byte) in memory.data_mut(&mut machine.store).iter_mut().enumerate() {
        *byte = pattern(at as u32);
    }
}

/// Channels with two guests, or with one that holds the rings.
fn channels(shape: Shape) -> Machine {
    let mut machine = Machine::new();
    for (name, value) in [
        ("slots", shape.slots as i64),
        ("ring", shape.ring.into()),
        ("size", shape.size.into()),
        ("align", shape.align.into()),
    ] {
        machine.constant(name, value);
    }
    let ring = shape.ring as usize;
    let read_into = PAGE as usize / 4..PAGE as usize / 4 + 2 * ring;
    machine.memory("elements", 0..shape.slots * ring);
    if shape.shared {
        let memory = machine.memory("memory", read_into.clone());
        machine.kept.memories[GUEST]
            .1
            .extend(shape.places().map(|place| place as usize..place as usize + ring));
        fill(&mut machine, memory);
        machine.supply("elements", memory);
    }
    let states = 0..32 * shape.slots;
    let channels = machine.instantiate("channels", "", &[]);
    let states_memory = channels.get_memory(&mut machine.store, "states").unwrap();
    machine.linker.instance(&mut machine.store, "channels", channels).unwrap();
    for prefix in if shape.shared { &["a."][..] } else { &["a.", "b."] } {
        if !shape.shared {
            let memory = machine.memory("memory", read_into.clone());
            fill(&mut machine, memory);
        }
        machine.instantiate("channel-transfer", prefix, &[]);
    }
    // The state's memory comes last; it stands among those that have no part in use.
    machine.kept.memories.retain(|(_, used)| !used.is_empty());
    machine.kept.memories.push((states_memory, std::iter::once(states).collect()));
    for slot in 0..shape.slots {
        let state = &mut states_memory.data_mut(&mut machine.store)[32 * slot..];
        state[..4].copy_from_slice(&shape.cursor.to_le_bytes());
        state[4..8].copy_from_slice(&shape.cursor.to_le_bytes());
        state[8..12].copy_from_slice(&shape.generation.to_le_bytes());
    }
    machine
}

fn shapes() -> impl Strategy<Value = Shape> {
    let element =
        prop_oneof![Just((1, 1)), Just((4, 4)), Just((8, 8)), Just((12, 4)), Just((9, 8))];
    let cursor = prop_oneof![Just(0), u32::MAX - 9..=u32::MAX];
    let generation = prop_oneof![Just(0), Just(GENERATIONS - 1)];
    (1..4usize, 4..8u32, element, any::<bool>(), cursor, generation).prop_map(
        |(slots, ring, (size, align), shared, cursor, generation)| {
            // A guest has no more than two places.
            let slots = if shared { slots.min(2) } else { slots };
            Shape { slots, ring: 1 << ring, size, align, shared, cursor, generation }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn model_and_channels_agree(shape in shapes(), picks in picks()) {
        let mut machine = channels(shape);
        agree(&mut machine, Channels::new(shape), &picks)?;
        // Nothing else of the guests' memories was written.
        let used: Vec<_> = machine.kept.memories[GUEST].1.clone();
        let memory = machine.kept.memories[GUEST].0.data(&machine.store);
        let end = (PAGE - shape.stride()) as usize;
        for (at, byte) in memory[..end].iter().enumerate() {
            if !used.iter().any(|range| range.contains(&at)) {
                prop_assert_eq!(*byte, pattern(at as u32), "at {}", at);
            }
        }
    }
}

#[test]
fn all_short_sequences_of_channels() {
    let near_the_end = Shape { cursor: u32::MAX - 1, generation: GENERATIONS - 1, ..SHAPE };
    for (name, shape, depth) in [
        ("channels, 1 slot, 2 elements", Shape { slots: 1, ring: 8, ..SHAPE }, 6),
        ("channels near 2^32", Shape { slots: 1, ring: 8, ..near_the_end }, 6),
        ("channels, 2 slots", Shape { ring: 4, ..SHAPE }, 6),
        ("channels in the guest's memory", Shape { slots: 1, ring: 8, shared: true, ..SHAPE }, 6),
    ] {
        let mut model = Channels::new(shape);
        model.counts = vec![0, 1, 3];
        explore(name, &mut channels(shape), model, depth);
    }
}

/// A channel that is open: its machine and ends.
fn channel(shape: Shape) -> (Machine, i32, i32) {
    let mut machine = channels(shape);
    let ends = match shape.shared {
        false => machine.step(&("new", vec![])),
        true => machine.step(&("new-at", vec![shape.places()[0] as i32])),
    };
    let ends = ends.unwrap();
    (machine, ends as i32, (ends >> 32) as i32)
}

fn call(machine: &mut Machine, name: &'static str, args: &[i32]) -> i64 {
    machine.step(&(name, args.to_vec())).unwrap()
}

/// Elements of 12 bytes: a buffer with room for less than one more gets whole ones only, and so does a
/// ring.
#[test]
fn no_partial_element() {
    let (mut machine, reader, writer) = channel(Shape { ring: 64, size: 12, align: 4, ..SHAPE });
    // 64 bytes are five elements and four bytes.
    let from = BUFFER as i32;
    assert_eq!(call(&mut machine, "a.write", &[writer, from, 3]), 3);
    assert_eq!(call(&mut machine, "a.write", &[writer, from, 3]), 1, "one has room");
    let into = PAGE as i32 / 4;
    assert_eq!(call(&mut machine, "b.read", &[reader, into, 3]), 3);
    let read = machine.kept.memories[GUEST + 1].0.data(&machine.store)[into as usize..].to_vec();
    let expected: Vec<u8> = (BUFFER..BUFFER + 36).map(pattern).collect();
    assert_eq!(read[..36], expected);
    assert_eq!(read[36], pattern(into as u32 + 36), "nothing behind the last one");
    // Where one more element does not fit wholly into memory, none is read.
    let end = (PAGE - 20) as i32;
    let trap = machine.step(&("b.read", vec![reader, end, 2]));
    assert_eq!(trap, Err("list-out-of-bounds".to_string()));
    assert_eq!(call(&mut machine, "available", &[reader]), 1);
}

#[test]
fn capacity_in_elements() {
    for (ring, size, align, capacity) in
        [(4096, 8, 8, 512), (64, 12, 4, 4), (64, 64, 16, 1), (64, 1, 1, 64), (64, 9, 8, 4)]
    {
        let (mut machine, _, writer) = channel(Shape { ring, size, align, ..SHAPE });
        assert_eq!(call(&mut machine, "capacity", &[]), capacity);
        let asked = capacity as i32 + 1;
        let from = BUFFER as i32;
        assert_eq!(call(&mut machine, "a.write", &[writer, from, asked]), capacity);
        assert_eq!(call(&mut machine, "a.write", &[writer, from, 1]), 0, "it is full");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn available_plus_space_is_capacity(shape in shapes(), picks in picks()) {
        let (mut machine, reader, writer) = channel(shape);
        let capacity = call(&mut machine, "capacity", &[]);
        for pick in picks {
            let count = i32::from(pick >> 2);
            let _ = match pick & 3 {
                0 | 1 => machine.step(&("a.write", vec![writer, BUFFER as i32, count % 20])),
                2 => machine.step(&("a.read", vec![reader, PAGE as i32 / 4, count % 20])),
                _ if count % 2 == 0 => machine.step(&("borrow", vec![reader])),
                _ => machine.step(&("release", vec![reader])),
            };
            for end in [reader, writer] {
                let available = call(&mut machine, "available", &[end]);
                let space = call(&mut machine, "space", &[end]);
                prop_assert!((0..=capacity).contains(&available));
                prop_assert_eq!(available + space, capacity);
            }
        }
    }
}

/// In the ring and in the guests' buffers.
#[test]
fn elements_are_aligned() {
    for (size, align) in [(12, 4), (9, 8), (8, 8), (24, 8), (16, 16)] {
        let shape = Shape { ring: 128, size, align, shared: true, slots: 1, ..SHAPE };
        let (mut machine, reader, writer) = channel(shape);
        for _ in 0..10 {
            assert_eq!(call(&mut machine, "a.write", &[writer, BUFFER as i32, 1]), 1);
            let at = call(&mut machine, "borrow", &[reader]);
            assert_eq!(at % i64::from(align), 0);
            assert_eq!(call(&mut machine, "release", &[reader]), 0);
        }
        for wrong in [1, align as i32 / 2] {
            for (name, handle) in [("a.write", writer), ("a.read", reader)] {
                let trap = machine.step(&(name, vec![handle, BUFFER as i32 + wrong, 1]));
                assert_eq!(trap, Err("unaligned-pointer".to_string()));
            }
            let trap = machine.step(&("new-at", vec![BUFFER as i32 + wrong]));
            assert_eq!(trap, Err("unaligned-pointer".to_string()));
        }
    }
}

#[test]
fn an_element_is_borrowed_in_place() {
    let shape = Shape { slots: 1, ring: 16, shared: true, ..SHAPE };
    let (mut machine, reader, writer) = channel(shape);
    let ring = shape.places()[0];
    assert_eq!(call(&mut machine, "borrow", &[reader]), -5, "nothing is there yet");
    assert_eq!(call(&mut machine, "a.write", &[writer, BUFFER as i32, 4]), 4);
    let at = call(&mut machine, "borrow", &[reader]);
    assert_eq!(at, i64::from(ring), "the oldest one, where it lies");
    // While it is borrowed, nothing is read, nothing else borrowed, and the writer has no room.
    assert_eq!(call(&mut machine, "borrow", &[reader]), -6);
    assert_eq!(call(&mut machine, "a.read", &[reader, PAGE as i32 / 4, 1]), -6);
    assert_eq!(call(&mut machine, "a.write", &[writer, BUFFER as i32 + 64, 1]), 0);
    let element = machine.kept.memories[GUEST].0.data(&machine.store)[at as usize..][..4].to_vec();
    assert_eq!(element, (BUFFER..BUFFER + 4).map(pattern).collect::<Vec<u8>>());
    assert_eq!(call(&mut machine, "release", &[writer]), -2, "this is the other end");
    assert_eq!(call(&mut machine, "release", &[reader]), 0);
    assert_eq!(call(&mut machine, "release", &[reader]), -6, "it was given back");
    assert_eq!(call(&mut machine, "a.write", &[writer, BUFFER as i32, 1]), 1);
    for place in [1, 2, 3, 0] {
        assert_eq!(call(&mut machine, "borrow", &[reader]), i64::from(ring + 4 * place));
        assert_eq!(call(&mut machine, "release", &[reader]), 0);
    }
    assert_eq!(call(&mut machine, "drop-writable", &[writer]), 0);
    assert_eq!(call(&mut machine, "borrow", &[reader]), -1, "no more will come");
}
