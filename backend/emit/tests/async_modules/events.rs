//! Waitable sets and their events: `rules/streams/events.wat`.

use crate::{Call, Machine, Model, Outcome, agree, explore, picks};
use proptest::prelude::*;
use std::collections::BTreeMap;
use wasmtime::{Config, Engine};

const CANCELLED: i32 = 6;

/// Sets, waitables and events in the plainest form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Events {
    /// The generation of each set that there can be; odd while it is there.
    sets: Vec<u32>,
    most: usize,
    /// The set of each waitable, and whether it was cancelled.
    waitables: BTreeMap<i32, (i32, bool)>,
    /// Waitable and code, oldest first.
    events: Vec<(i32, i32)>,
    /// What choices name.
    named: Vec<i32>,
    codes: Vec<i32>,
}

/// The end of the generations of sets.
const GENERATIONS: u32 = 1 << 21;

impl Events {
    fn new(sets: usize, most: usize, generation: u32) -> Events {
        // The last ones could be streams of the bridge, and what is no handle of anything.
        let named = [7, 0, 0x8000_0201_u32 as i32, -1];
        Events {
            sets: vec![generation; sets],
            most,
            waitables: BTreeMap::new(),
            events: Vec::new(),
            named: named[..named.len().min(most + 1)].to_vec(),
            codes: vec![2, 3, CANCELLED],
        }
    }

    fn handle(&self, place: usize) -> i32 {
        (self.sets[place] << 10 | place as u32) as i32
    }

    fn set(&self, set: i32) -> Option<usize> {
        (0..self.sets.len()).find(|&place| self.sets[place] % 2 == 1 && self.handle(place) == set)
    }
}

impl Model for Events {
    fn choices(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = vec![("waitable-set.new", Vec::new())];
        // Also sets that are not there any more.
        let sets = (0..self.sets.len()).map(|place| self.handle(place)).chain([-1]);
        let sets: Vec<i32> = sets.chain([(self.sets[0].wrapping_sub(1) << 10) as i32]).collect();
        for &set in &sets {
            calls.push(("waitable-set.drop", vec![set]));
            calls.push(("waitable-set.poll", vec![set]));
        }
        for &waitable in &self.named {
            calls.extend(sets.iter().map(|set| ("waitable.join", vec![waitable, *set])));
            calls.extend(self.codes.iter().map(|code| ("notify", vec![waitable, *code])));
            calls.push(("leave", vec![waitable]));
            calls.push(("cancel", vec![waitable]));
        }
        calls
    }

    fn step(&mut self, (name, args): &Call) -> Outcome {
        let first = args.first().copied().unwrap_or(0);
        let second = args.get(1).copied().unwrap_or(0);
        Ok(match *name {
            "waitable-set.new" => match self.sets.iter().position(|generation| generation % 2 == 0)
            {
                None => -3,
                Some(place) => {
                    self.sets[place] += 1;
                    self.handle(place).into()
                }
            },
            "waitable-set.drop" => match self.set(first) {
                None => -2,
                Some(_) if self.waitables.values().any(|(set, _)| *set == first) => -6,
                Some(place) => {
                    self.sets[place] = (self.sets[place] + 1) % GENERATIONS;
                    0
                }
            },
            "waitable.join" if self.set(second).is_none() => -2,
            "waitable.join" => {
                let full = self.waitables.len() == self.most;
                match self.waitables.get_mut(&first) {
                    Some((set, _)) => {
                        *set = second;
                        0
                    }
                    None if full => -3,
                    None => {
                        self.waitables.insert(first, (second, false));
                        0
                    }
                }
            }
            "leave" => match self.waitables.remove(&first) {
                None => -2,
                Some(_) => {
                    self.events.retain(|(waitable, _)| *waitable != first);
                    0
                }
            },
            "notify" if !(1..=5).contains(&second) => -6,
            "notify" => match self.waitables.get(&first) {
                None => -2,
                Some((_, true)) => -4,
                Some(_) if self.events.contains(&(first, second)) => 0,
                Some(_) => {
                    self.events.push((first, second));
                    1
                }
            },
            "cancel" => match self.waitables.get_mut(&first) {
                None => -2,
                Some((_, true)) => 0,
                Some((_, cancelled)) => {
                    *cancelled = true;
                    self.events.retain(|(waitable, _)| *waitable != first);
                    self.events.push((first, CANCELLED));
                    1
                }
            },
            "waitable-set.poll" if self.set(first).is_none() => -2,
            "waitable-set.poll" => {
                let of_set = |(waitable, _): &(i32, i32)| self.waitables[waitable].0 == first;
                match self.events.iter().position(of_set) {
                    None => 0,
                    Some(oldest) => {
                        let (waitable, code) = self.events.remove(oldest);
                        i64::from(waitable) << 32 | i64::from(code)
                    }
                }
            }
            other => panic!("{other}"),
        })
    }
}

/// An aggregator whose sets were used before.
fn events(sets: usize, most: usize, generation: u32) -> Machine {
    events_in(Machine::new(), sets, most, generation)
}

fn events_in(mut machine: Machine, sets: usize, most: usize, generation: u32) -> Machine {
    machine.constant("sets", sets as i64);
    machine.constant("waitables", most as i64);
    let used = [0..4 * sets, 4096..4096 + 16 * most, 20480..20480 + 40 * most];
    machine.instantiate("events", "", &used);
    let memory = machine.kept.memories[0].0.data_mut(&mut machine.store);
    for place in 0..sets {
        memory[4 * place..][..4].copy_from_slice(&generation.to_le_bytes());
    }
    machine
}

/// A fresh one for two sets and three waitables.
fn fresh() -> impl FnMut(&'static str, &[i32]) -> i64 {
    let mut machine = events(2, 3, 0);
    move |name, args| machine.step(&(name, args.to_vec())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn model_and_events_agree(
        sets in 1..4usize,
        most in 1..4usize,
        generation in prop_oneof![Just(0), Just(GENERATIONS - 2)],
        picks in picks(),
    ) {
        let mut model = Events::new(sets, most, generation);
        model.codes = (-1..8).collect();
        agree(&mut events(sets, most, generation), model, &picks)?;
    }
}

#[test]
fn all_short_sequences_of_events() {
    for (sets, most) in [(1, 2), (2, 1)] {
        let name = format!("events, {sets} sets and {most} waitables");
        explore(&name, &mut events(sets, most, 0), Events::new(sets, most, 0), 8);
    }
}

#[test]
fn events_carry_code_and_waitable() {
    let mut call = fresh();
    let set = call("waitable-set.new", &[]) as i32;
    let waitable = 0x8000_0001_u32 as i32;
    assert_eq!(call("waitable-set.poll", &[set]), 0, "0 is no event");
    assert_eq!(call("waitable.join", &[waitable, set]), 0);
    for code in 1..=5 {
        assert_eq!(call("notify", &[waitable, code]), 1);
    }
    assert_eq!(call("notify", &[waitable, 3]), 0, "it waits already");
    for code in 1..=5 {
        let event = call("waitable-set.poll", &[set]);
        assert_eq!((event as i32, (event >> 32) as i32), (code, waitable));
    }
    assert_eq!(call("waitable-set.poll", &[set]), 0);
    for code in [0, 6, 7, -1] {
        assert_eq!(call("notify", &[waitable, code]), -6);
    }
}

#[test]
fn only_registered_waitables_are_reported() {
    let mut call = fresh();
    let [one, other] = [call("waitable-set.new", &[]) as i32, call("waitable-set.new", &[]) as i32];
    assert_eq!(call("waitable-set.new", &[]), -3);
    assert_eq!(call("notify", &[1, 2]), -2);
    for waitable in [1, 2, 3] {
        assert_eq!(call("waitable.join", &[waitable, one]), 0);
        assert_eq!(call("notify", &[waitable, 2]), 1);
    }
    assert_eq!(call("waitable.join", &[4, one]), -3, "all places are taken");
    // What leaves is not reported, what moves is reported by its new set.
    assert_eq!(call("leave", &[1]), 0);
    assert_eq!(call("waitable.join", &[2, other]), 0);
    assert_eq!(call("waitable-set.poll", &[one]), 3 << 32 | 2);
    assert_eq!(call("waitable-set.poll", &[one]), 0);
    assert_eq!(call("waitable-set.poll", &[other]), 2 << 32 | 2);
    assert_eq!(call("waitable-set.drop", &[other]), -6, "a waitable is in it");
    assert_eq!(call("leave", &[2]), 0);
    assert_eq!(call("waitable-set.drop", &[other]), 0);
    for function in ["waitable-set.poll", "waitable-set.drop"] {
        assert_eq!(call(function, &[other]), -2);
    }
    // What joins again is as new.
    assert_eq!(call("waitable.join", &[1, one]), 0);
    assert_eq!(call("waitable-set.poll", &[one]), 0);
}

#[test]
fn cancelled_is_delivered_exactly_once() {
    let mut call = fresh();
    let set = call("waitable-set.new", &[]) as i32;
    call("waitable.join", &[9, set]);
    call("notify", &[9, 2]);
    call("notify", &[9, 3]);
    assert_eq!(call("cancel", &[9]), 1);
    assert_eq!(call("cancel", &[9]), 0);
    assert_eq!(call("notify", &[9, 2]), -4);
    assert_eq!(call("waitable-set.poll", &[set]), 9 << 32 | 6);
    for _ in 0..2 {
        assert_eq!(call("waitable-set.poll", &[set]), 0);
        assert_eq!(call("cancel", &[9]), 0);
        assert_eq!(call("notify", &[9, 3]), -4);
    }
    assert_eq!(call("leave", &[9]), 0);
    assert_eq!(call("cancel", &[9]), -2);
}

/// As instructions, of which each takes one unit of fuel.
#[test]
fn poll_looks_at_each_event_once() {
    let mut machine = Machine::under(Engine::new(Config::new().consume_fuel(true)).unwrap());
    machine.store.set_fuel(u64::MAX).unwrap();
    let mut machine = events_in(machine, 2, 1024, 0);
    let mut call = |name, args: &[i32]| {
        let before = machine.store.get_fuel().unwrap();
        let result = machine.step(&(name, args.to_vec())).unwrap();
        (result, before - machine.store.get_fuel().unwrap())
    };
    let [all, none] = [(); 2].map(|()| call("waitable-set.new", &[]).0 as i32);
    for waitable in 0..1024 {
        call("waitable.join", &[waitable, all]);
        for code in 1..=5 {
            call("notify", &[waitable, code]);
        }
    }
    let (event, fuel) = call("waitable-set.poll", &[none]);
    assert_eq!(event, 0);
    assert!(fuel < 5 * 1024 * 50, "{fuel}");
}
