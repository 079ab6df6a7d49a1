//! The modules of `rules/streams` against a model in Rust: random sequences of operations, and all
//! sequences up to some length of a small bridge.

#[path = "../support/mod.rs"]
mod support;

mod exhaustive;
mod machine;
mod model;

use machine::{HOST, Machine, Modules, Setup};
use model::{Buffer, Model, Outcome};
use proptest::prelude::*;

const PAGE: usize = 1 << 16;

/// One operation, before it is known which handles there are.
#[derive(Clone, Debug)]
enum Step {
    Open,
    Transfer { write: bool, guest: usize, handle: Which, buffer: Buffer },
    Drop { writable: bool, handle: Which },
    Cancel { handle: Which },
}

/// A handle: one that was minted, ever, or its other end, or any number.
#[derive(Clone, Debug)]
enum Which {
    Minted(usize, bool),
    Any(i32),
}

fn handle() -> impl Strategy<Value = Which> {
    prop_oneof![
        12 => (0..64usize, any::<bool>()).prop_map(|(n, flip)| Which::Minted(n, flip)),
        1 => any::<i32>().prop_map(Which::Any),
        1 => (0..40i32).prop_map(|low| Which::Any(i32::MIN | low)),
        1 => (0..9i32).prop_map(Which::Any),
    ]
}

fn buffer(capacity: u32) -> impl Strategy<Value = Buffer> {
    let length = prop_oneof![8 => 0..=capacity + 2, 2 => 0..=9u32, 1 => 0..=3 * capacity];
    let end = PAGE as u32;
    let pointer = move |length: u32| {
        prop_oneof![
            8 => 0..1000u32,
            2 => Just(end.saturating_sub(length)),
            1 => Just(end.saturating_sub(length) + 1),
        ]
    };
    prop_oneof![
        20 => length.prop_flat_map(move |length| (pointer(length), Just(length), Just(0))),
        1 => (any::<u32>(), any::<u32>(), Just(0)),
        1 => (0..1000u32, 0..9u32, 1..3u32),
    ]
}

fn step(capacity: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Open),
        20 => (any::<bool>(), 0..2usize, handle(), buffer(capacity)).prop_map(
            |(write, guest, handle, buffer)| Step::Transfer { write, guest, handle, buffer }
        ),
        3 => (any::<bool>(), handle())
            .prop_map(|(writable, handle)| Step::Drop { writable, handle }),
        1 => handle().prop_map(|handle| Step::Cancel { handle }),
    ]
}

/// A machine and the model beside it.
struct Run {
    setup: Setup,
    machine: Machine,
    model: Model,
    /// Every handle of a readable end that was ever minted.
    minted: Vec<i32>,
    /// How many bytes were ever written, modulo the period: what the next byte is. The period has no
    /// divisor in common with a ring's size, so that no two places of a full ring look alike.
    written: u32,
    period: u32,
    /// Where cursors begin.
    cursor: u32,
}

impl Run {
    fn new(modules: &Modules, setup: Setup, cursor: u32) -> Self {
        Run {
            setup,
            machine: modules.machine(),
            model: Model::new(setup.slots as usize, setup.bytes as usize, PAGE as u64),
            minted: Vec::new(),
            written: 0,
            period: 251,
            cursor,
        }
    }

    fn handle(&self, which: &Which) -> i32 {
        match which {
            Which::Minted(number, flip) if !self.minted.is_empty() => {
                self.minted[number % self.minted.len()] ^ i32::from(*flip)
            }
            Which::Minted(number, _) => i32::MIN | *number as i32,
            Which::Any(handle) => *handle,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Open => self.open(),
            Step::Transfer { write, guest, handle, buffer } => {
                let handle = self.handle(handle);
                self.transfer(*write, *guest, handle, *buffer);
            }
            Step::Drop { writable, handle } => {
                let handle = self.handle(handle);
                let host = match writable {
                    true => self.model.drop_writable(handle),
                    false => self.model.drop_readable(handle),
                };
                self.machine.drop_end(*writable, handle);
                self.hosts_calls(host.then(|| vec![handle]));
            }
            Step::Cancel { handle } => {
                let handle = self.handle(handle);
                let result = self.machine.cancel(handle);
                assert_eq!(result, if handle < 0 { 0 } else { HOST });
                self.hosts_calls((handle >= 0).then(|| vec![handle]));
            }
        }
    }

    fn open(&mut self) {
        let room = self.model.has_room();
        let pair = self.machine.open();
        self.hosts_calls((!room).then(Vec::new));
        if !room {
            assert_eq!(pair, i64::from(HOST));
            return;
        }
        let (readable, writable) = (pair as i32, (pair >> 32) as i32);
        assert_eq!(readable as u32 >> 30, 2 | u32::from(self.setup.futures), "{readable:#x}");
        assert_eq!((readable & 1, writable), (0, readable | 1));
        assert!(!self.minted.contains(&readable), "a handle is minted twice");
        self.minted.push(readable);
        self.model.made(readable);
        if !self.setup.futures {
            let slot = (readable >> 1) as usize & (self.setup.slots as usize - 1);
            self.machine.start_at(slot, self.cursor);
        }
    }

    fn transfer(&mut self, write: bool, guest: usize, handle: i32, buffer: Buffer) {
        let (pointer, length, index) = buffer;
        let futures = self.setup.futures;
        let length = if futures { self.setup.bytes } else { length };
        let at = pointer as usize;
        let within = at.checked_add(length as usize).is_some_and(|end| end <= PAGE);
        let memory = self.machine.guests[guest].memory;
        let data = memory.data_mut(&mut self.machine.store);
        let mut bytes = Vec::new();
        if write && within {
            for place in &mut data[at..at + length as usize] {
                *place = self.written as u8 + 1;
                self.written = (self.written + 1) % self.period;
            }
            bytes.extend_from_slice(&data[at..at + length as usize]);
        }
        let mut expected_memory = data.to_vec();
        let expected = match (futures, write) {
            (false, false) => self.model.stream_read(handle, buffer),
            (false, true) => self.model.stream_write(handle, buffer, &bytes),
            (true, false) => self.model.future_read(handle, buffer),
            (true, true) => self.model.future_write(handle, buffer, &bytes),
        };
        let told = if index == 0 { 3 + guest as i32 } else { -1 };
        let mut args = vec![handle, pointer as i32];
        args.extend((!futures).then_some(length as i32));
        args.push(index as i32);
        let result = self.machine.transfer(guest, write, &args);
        let mut asked = None;
        match expected {
            Outcome::Returns(value, moved) => {
                assert_eq!(result, Some(value));
                if !write && !moved.is_empty() {
                    expected_memory[at..at + moved.len()].copy_from_slice(&moved);
                }
            }
            Outcome::Traps => assert_eq!(result, None),
            Outcome::Host => {
                assert_eq!(result, Some(HOST));
                *args.last_mut().unwrap() = told;
                asked = Some(args);
            }
        }
        assert!(memory.data(&self.machine.store) == expected_memory, "the guest's memory");
        self.hosts_calls(asked);
    }

    fn hosts_calls(&mut self, expected: Option<Vec<i32>>) {
        let calls = std::mem::take(&mut self.machine.store.data_mut().0);
        assert_eq!(calls, Vec::from_iter(expected));
    }
}

/// Where cursors begin: at 0, or so that they pass 2^32.
fn cursor() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), (0..5000u32).prop_map(|before| u32::MAX - before)]
}

fn random_sequences(setup: Setup, cases: u32) {
    let modules = Modules::new(setup);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let steps = proptest::collection::vec(step(setup.bytes), 1..80);
    proptest!(config, |(steps in steps, cursor in cursor())| {
        let mut run = Run::new(&modules, setup, cursor);
        for step in &steps {
            run.step(step);
        }
    });
}

const SMALL: Setup =
    Setup { futures: false, slots: 2, bytes: 4, page: 32, wide: false, words: false };

#[test]
fn streams_do_as_the_model_does() {
    for (slots, bytes) in [(1, 1), (2, 4), (2, 64), (4, 256), (8, 4096)] {
        random_sequences(Setup { slots, bytes, ..SMALL }, 60);
    }
    for words in [false, true] {
        random_sequences(Setup { bytes: 512, wide: true, words, ..SMALL }, 60);
    }
    random_sequences(Setup { bytes: 256, words: true, ..SMALL }, 60);
    random_sequences(Setup { slots: 1024, bytes: 16, page: 65536, ..SMALL }, 20);
}

#[test]
fn futures_do_as_the_model_does() {
    for (slots, bytes) in [(1, 1), (2, 8), (8, 300)] {
        random_sequences(Setup { futures: true, slots, bytes, ..SMALL }, 60);
    }
    random_sequences(Setup { futures: true, bytes: 12, wide: true, ..SMALL }, 60);
}

/// Where its bytes are a slot says at offset 12.
#[test]
fn each_ring_begins_on_a_multiple_of_the_page() {
    for (slots, bytes, page) in
        [(8, 4096, 64), (4, 64, 64), (4, 16, 64), (2, 1, 32), (4, 1024, 65536), (1, 65536, 65536)]
    {
        let setup = Setup { slots, bytes, page, ..SMALL };
        let mut machine = Modules::new(setup).machine();
        let mut end = 32 * slots;
        for slot in 0..slots as usize {
            machine.open();
            let at = machine.word(slot, 12);
            assert_eq!(at % page, 0, "{setup:?}");
            assert!(at >= end, "{setup:?}");
            end = at + bytes;
        }
        assert!(u64::from(end) <= setup.size(), "{setup:?}");
        assert_eq!(machine.open(), i64::from(HOST));
    }
}

/// After the last number of uses comes the first again; kind, slot and end stay what they are.
#[test]
fn generations_of_handles_wrap() {
    for (futures, top) in [(false, 0x8000_0000), (true, 0xc000_0000)] {
        let mut machine = Modules::new(Setup { futures, ..SMALL }).machine();
        let both = |machine: &mut Machine| {
            let pair = machine.open();
            (pair as u32, (pair >> 32) as u32)
        };
        assert_eq!(both(&mut machine), (top, top | 1));
        assert_eq!(both(&mut machine), (top | 2, top | 3));
        let last = top | 0x3fff_fffe;
        machine.bridge.data_mut(&mut machine.store)[32 + 4..][..4]
            .copy_from_slice(&last.to_le_bytes());
        for expected in [last, top | 2, top | 6] {
            let open = machine.word(1, 0) as i32;
            machine.drop_end(true, open | 1);
            machine.drop_end(false, open);
            assert_eq!(both(&mut machine), (expected, expected | 1));
        }
    }
}

/// A buffer of a 64-bit memory may lie across 4 GiB, also where the ring begins anew there.
#[test]
fn buffers_across_4_gib_stay_whole() {
    for words in [false, true] {
        let mut machine = Modules::new(Setup { wide: true, words, ..SMALL }).machine();
        let pair = machine.open();
        let (readable, writable) = (pair as i32, (pair >> 32) as i32);
        machine.start_at(0, 2);
        let pointer = u32::MAX - 1;
        let [from, to] = [0, 1].map(|guest: usize| machine.guests[guest].memory);
        for memory in [from, to] {
            memory.grow(&mut machine.store, 1 << 16).unwrap();
        }
        from.write(&mut machine.store, pointer as usize, b"wxyz").unwrap();
        let args = |handle: i32| [handle, pointer as i32, 4, 0];
        assert_eq!(machine.transfer(0, true, &args(writable)), Some(4));
        assert_eq!(machine.transfer(1, false, &args(readable)), Some(4));
        let mut found = [0; 4];
        to.read(&machine.store, pointer as usize, &mut found).unwrap();
        assert_eq!(&found, b"wxyz");
        to.read(&machine.store, 0, &mut found).unwrap();
        assert_eq!(found, [0; 4]);
    }
}
