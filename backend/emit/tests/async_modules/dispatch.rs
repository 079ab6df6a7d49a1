//! Callbacks: `rules/streams/dispatcher.wat` and `dispatch-table.wat`.

use crate::{Call, Log, Machine, Model, Outcome, agree, explore, picks};
use proptest::prelude::*;
use wasmtime::{Caller, Extern, Func, Ref, RefType, Table, TableType, Val};

/// How many generations of a slot there are.
const GENERATIONS: u32 = 1 << 21;

/// What a callback does when it is called, by its index in the guest's table; its context is a handle
/// that it may take back.
const CALLBACKS: [&str; 5] = ["log", "deregister", "register", "dispatch", "trap"];
/// An index in the guest's table at which nothing is.
const NOTHING: i32 = CALLBACKS.len() as i32;
/// The event that callbacks dispatch.
const NESTED: i32 = 9;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Registration {
    number: u64,
    event: i32,
    function: i32,
    context: i32,
    slot: usize,
}

/// A dispatcher in the plainest form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Dispatcher {
    /// The generation of each slot; odd while it is taken.
    slots: Vec<u32>,
    next: u64,
    registrations: Vec<Registration>,
    /// What was called in the last step: callback, event, payload, context.
    log: Log,
}

impl Dispatcher {
    fn new(most: usize, generation: u32, next: u64) -> Dispatcher {
        let (registrations, log) = (Vec::new(), Vec::new());
        Dispatcher { slots: vec![generation; most], next, registrations, log }
    }

    fn handle(&self, slot: usize) -> i32 {
        (self.slots[slot] << 10 | slot as u32) as i32
    }

    fn register(&mut self, event: i32, function: i32, context: i32) -> i32 {
        if !(0..NOTHING).contains(&function) {
            return -2;
        }
        let Some(slot) = self.slots.iter().position(|generation| generation % 2 == 0) else {
            return -3;
        };
        self.slots[slot] += 1;
        let number = self.next;
        self.next += 1;
        self.registrations.push(Registration { number, event, function, context, slot });
        self.handle(slot)
    }

    fn deregister(&mut self, handle: i32) -> i32 {
        let taken = |slot: &usize| self.slots[*slot] % 2 == 1 && self.handle(*slot) == handle;
        let Some(slot) = (0..self.slots.len()).find(taken) else { return -2 };
        self.slots[slot] = (self.slots[slot] + 1) % GENERATIONS;
        self.registrations.retain(|registration| registration.slot != slot);
        0
    }

    fn dispatch(&mut self, event: i32, payload: i32) -> Result<i32, String> {
        // Whoever was registered when it began and still is when the turn comes.
        let turns = self.registrations.iter().filter(|registration| registration.event == event);
        let turns: Vec<Registration> = turns.cloned().collect();
        let mut called = 0;
        for turn in turns {
            if !self.registrations.iter().any(|other| other.number == turn.number) {
                continue;
            }
            called += 1;
            self.log.push([turn.function, event, payload, turn.context]);
            match CALLBACKS[turn.function as usize] {
                "log" => {}
                "deregister" => drop(self.deregister(turn.context)),
                "register" => drop(self.register(event, 0, payload)),
                "dispatch" if event != NESTED => drop(self.dispatch(NESTED, payload)?),
                "dispatch" => {}
                _ => return Err("the callback traps".to_string()),
            }
        }
        Ok(called)
    }
}

impl Model for Dispatcher {
    fn choices(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let handles: Vec<i32> = (0..self.slots.len()).map(|slot| self.handle(slot)).collect();
        for event in [1, NESTED] {
            for function in -1..=NOTHING {
                for context in handles.iter().copied().take(2) {
                    calls.push(("register-index", vec![event, function, context]));
                }
            }
            calls.push(("dispatch", vec![event, 77]));
        }
        for handle in handles.into_iter().chain([0, -1]) {
            calls.push(("deregister", vec![handle]));
        }
        calls
    }

    fn step(&mut self, (name, args): &Call) -> Outcome {
        self.log.clear();
        match *name {
            "register-index" => Ok(self.register(args[0], args[1], args[2]).into()),
            "deregister" => Ok(self.deregister(args[0]).into()),
            "dispatch" => self.dispatch(args[0], args[1]).map(i64::from),
            other => panic!("{other}"),
        }
    }

    fn log(&self) -> &[[i32; 4]] {
        &self.log
    }
}

/// A dispatcher and a guest whose table holds the callbacks, and nothing behind them.
fn dispatcher(most: usize, generation: u32, next: u64) -> Machine {
    let mut machine = Machine::new();
    machine.constant("callbacks", most as i64);
    let used = [0..4 * most, 4096..4096 + 24 * most];
    let instance = machine.instantiate("dispatcher", "", &used);
    machine.linker.instance(&mut machine.store, "dispatcher", instance).unwrap();
    let Some(Extern::Global(global)) = instance.get_export(&mut machine.store, "next") else {
        panic!("no global `next`")
    };
    global.set(&mut machine.store, Val::I64(next as i64)).unwrap();
    let memory = machine.kept.memories[0].0.data_mut(&mut machine.store);
    for slot in 0..most {
        memory[4 * slot..][..4].copy_from_slice(&generation.to_le_bytes());
    }
    let ty = TableType::new(RefType::FUNCREF, NOTHING as u32 + 1, None);
    let table = Table::new(&mut machine.store, ty, Ref::Func(None)).unwrap();
    machine.linker.define(&mut machine.store, "", "table", table).unwrap();
    machine.instantiate("dispatch-table", "", &[]);
    for (index, does) in CALLBACKS.into_iter().enumerate() {
        let callback = callback(&mut machine, index as i32, does);
        table.set(&mut machine.store, index as u64, Ref::Func(Some(callback))).unwrap();
    }
    machine
}

fn callback(machine: &mut Machine, index: i32, does: &'static str) -> Func {
    let [register, deregister, dispatch] =
        ["register-index", "deregister", "dispatch"].map(|name| machine.exports[name]);
    let call = move |mut caller: Caller<'_, Log>, event: i32, payload: i32, context: i32| {
        caller.data_mut().push([index, event, payload, context]);
        let (func, args) = match does {
            "log" => return Ok(()),
            "deregister" => (deregister, vec![context]),
            "register" => (register, vec![event, 0, payload]),
            "dispatch" if event != NESTED => (dispatch, vec![NESTED, payload]),
            "dispatch" => return Ok(()),
            _ => return Err(wasmtime::Error::msg("the callback traps")),
        };
        let args: Vec<Val> = args.into_iter().map(Val::I32).collect();
        func.call(&mut caller, &args, &mut [Val::I32(0)])
    };
    Func::wrap(&mut machine.store, call)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn model_and_dispatcher_agree(
        most in 1..8usize,
        generation in prop_oneof![Just(0), Just(GENERATIONS - 2)],
        next in prop_oneof![Just(1), Just((1 << 32) - 2)],
        picks in picks(),
    ) {
        let mut machine = dispatcher(most, generation, next);
        agree(&mut machine, Dispatcher::new(most, generation, next), &picks)?;
    }
}

#[test]
fn all_short_sequences_of_callbacks() {
    for (most, depth) in [(1, 7), (2, 5)] {
        let name = format!("dispatcher, {most} callbacks");
        explore(&name, &mut dispatcher(most, 0, 1), Dispatcher::new(most, 0, 1), depth);
    }
}

fn call(machine: &mut Machine, name: &'static str, args: &[i32]) -> i64 {
    machine.step(&(name, args.to_vec())).unwrap()
}

/// Registers one that only logs.
fn register(machine: &mut Machine, event: i32, context: i32) -> i32 {
    call(machine, "register-index", &[event, 0, context]) as i32
}

#[test]
fn callbacks_are_called_in_order() {
    let mut machine = dispatcher(5, 0, 1);
    let first = register(&mut machine, 1, 10);
    register(&mut machine, 2, 11);
    register(&mut machine, 1, 12);
    assert_eq!(call(&mut machine, "dispatch", &[1, 77]), 2);
    assert_eq!(*machine.store.data(), [[0, 1, 77, 10], [0, 1, 77, 12]]);
    assert_eq!(call(&mut machine, "dispatch", &[3, 77]), 0);
    assert!(machine.store.data().is_empty());
    // A slot that is used again does not bring its registration forward.
    assert_eq!(call(&mut machine, "deregister", &[first]), 0);
    let again = register(&mut machine, 1, 13);
    assert_eq!((first & 1023, first == again), (again & 1023, false));
    assert_eq!(call(&mut machine, "deregister", &[first]), -2);
    assert_eq!(call(&mut machine, "dispatch", &[1, 78]), 2);
    assert_eq!(*machine.store.data(), [[0, 1, 78, 12], [0, 1, 78, 13]]);
}

#[test]
fn callbacks_go_through_call_indirect() {
    let mut machine = dispatcher(2, 0, 1);
    let wrong = Func::wrap(&mut machine.store, |_: i32| 1_i32);
    let name = machine.exports["register"];
    let args = [Val::I32(1), Val::FuncRef(Some(wrong)), Val::I32(0)];
    name.call(&mut machine.store, &args, &mut [Val::I32(0)]).unwrap();
    let trap = machine.step(&("dispatch", vec![1, 0])).unwrap_err();
    assert!(trap.contains("indirect call type mismatch"), "{trap}");
    let args = [Val::I32(1), Val::FuncRef(None), Val::I32(0)];
    let mut result = [Val::I32(0)];
    name.call(&mut machine.store, &args, &mut result).unwrap();
    assert_eq!(result[0].i32(), Some(-2), "nothing to call");
    for index in [NOTHING, NOTHING + 1, -1] {
        assert_eq!(call(&mut machine, "register-index", &[1, index, 0]), -2);
    }
}

#[test]
fn a_full_dispatcher_says_so() {
    let mut machine = dispatcher(3, 0, 1);
    let handles = [(); 3].map(|()| register(&mut machine, 1, 0));
    for _ in 0..2 {
        assert_eq!(register(&mut machine, 1, 0), -3);
    }
    assert_eq!(call(&mut machine, "dispatch", &[1, 0]), 3);
    assert_eq!(call(&mut machine, "deregister", &[handles[1]]), 0);
    assert!(register(&mut machine, 1, 0) > 0);
    // All slots that there can be.
    let mut machine = dispatcher(1024, 0, 1);
    for _ in 0..1024 {
        assert!(register(&mut machine, 1, 0) > 0);
    }
    assert_eq!(register(&mut machine, 1, 0), -3);
}

/// What a callback registers has its turn in the next dispatch; what it takes back has none any more.
#[test]
fn callbacks_may_change_what_is_registered() {
    let mut machine = dispatcher(6, 0, 1);
    let itself = |machine: &mut Machine| call(machine, "register-index", &[1, 1, 0]) as i32;
    // The first one takes the second back: its handle is known beforehand.
    let handle = itself(&mut machine);
    assert_eq!(call(&mut machine, "deregister", &[handle]), 0);
    let second = 1 << 10 | 1;
    call(&mut machine, "register-index", &[1, 1, second]);
    assert_eq!(register(&mut machine, 1, 20), second);
    call(&mut machine, "register-index", &[1, 2, 21]);
    register(&mut machine, 1, 22);
    assert_eq!(call(&mut machine, "dispatch", &[1, 77]), 3);
    let called: Vec<_> = machine.store.data().iter().map(|call| call[3]).collect();
    assert_eq!(called, [second, 21, 22]);
    assert_eq!(call(&mut machine, "dispatch", &[1, 78]), 4);
    let called: Vec<_> = machine.store.data().iter().map(|call| call[3]).collect();
    assert_eq!(called, [second, 21, 22, 77]);
}

#[test]
fn a_trap_in_a_callback_leaves_the_dispatcher_whole() {
    let mut machine = dispatcher(3, 0, 1);
    let trapping = call(&mut machine, "register-index", &[1, 4, 0]) as i32;
    register(&mut machine, 1, 30);
    for _ in 0..2 {
        let trap = machine.step(&("dispatch", vec![1, 0]));
        assert_eq!(trap, Err("the callback traps".to_string()));
    }
    assert_eq!(call(&mut machine, "deregister", &[trapping]), 0);
    assert_eq!(call(&mut machine, "dispatch", &[1, 0]), 1);
}
