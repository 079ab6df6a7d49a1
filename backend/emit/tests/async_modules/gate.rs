//! The gate: `rules/streams/gate.wat`.

use crate::{Call, Machine, Model, Outcome, agree, explore, picks};
use proptest::prelude::*;
use std::collections::VecDeque;
use wasmtime::{Extern, Val};

/// A gate with a line in the plainest form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Gate {
    most: usize,
    enabled: bool,
    inside: u32,
    /// The number of the ticket that is given out next.
    next: u32,
    /// Tickets in line, with none where nobody waits any more.
    line: VecDeque<Option<i32>>,
    /// The ticket that was taken out of the line last.
    gone: Option<i32>,
}

fn ticket(number: u32) -> i32 {
    (0x4000_0000 | (number & 0x3fff_ffff)) as i32
}

impl Gate {
    fn new(most: usize, number: u32, inside: u32) -> Gate {
        Gate { most, enabled: false, inside, next: number, line: VecDeque::new(), gone: None }
    }

    fn take_out(&mut self, place: usize) {
        self.gone = self.line[place].take();
        while let Some(None) = self.line.front() {
            self.line.pop_front();
        }
    }
}

impl Model for Gate {
    fn choices(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = ["enter", "leave", "enable", "disable", "is-enabled", "pending"]
            .map(|name| (name, Vec::new()))
            .into();
        let held = self.line.iter().flatten().chain(&self.gone).copied();
        for ticket in held.chain([0, -1, ticket(self.next)]) {
            calls.push(("resume", vec![ticket]));
            calls.push(("cancel", vec![ticket]));
        }
        calls
    }

    fn step(&mut self, (name, args): &Call) -> Outcome {
        let place = |ticket: i32| self.line.iter().position(|held| *held == Some(ticket));
        Ok(match *name {
            "enable" => {
                self.enabled = true;
                0
            }
            "disable" => {
                self.enabled = false;
                0
            }
            "is-enabled" => self.enabled.into(),
            "pending" => (self.inside as i32).into(),
            "enter" if self.inside == u32::MAX => -3,
            "enter" if !self.enabled && self.line.is_empty() => {
                self.inside += 1;
                0
            }
            "enter" if self.line.iter().flatten().count() == self.most => -3,
            "enter" if self.line.len() == 64 => -3,
            "enter" => {
                let ticket = ticket(self.next);
                self.next = self.next.wrapping_add(1);
                self.line.push_back(Some(ticket));
                ticket.into()
            }
            "resume" => match place(args[0]) {
                None => -2,
                Some(0) if !self.enabled && self.inside < u32::MAX => {
                    self.take_out(0);
                    self.inside += 1;
                    0
                }
                Some(_) => -5,
            },
            "cancel" => match place(args[0]) {
                None => -2,
                Some(place) => {
                    self.take_out(place);
                    1
                }
            },
            "leave" if self.inside == 0 => -6,
            "leave" => {
                self.inside -= 1;
                0
            }
            other => panic!("{other}"),
        })
    }
}

/// A gate whose counters stand at these numbers.
fn gate(most: i64, number: u32, inside: u32) -> Machine {
    let mut machine = Machine::new();
    machine.constant("waiting", most);
    let instance = machine.instantiate("gate", "", &[]);
    for (name, value) in [("first", number), ("next", number), ("inside", inside)] {
        let Some(Extern::Global(global)) = instance.get_export(&mut machine.store, name) else {
            panic!("no global `{name}`")
        };
        global.set(&mut machine.store, Val::I32(value as i32)).unwrap();
    }
    machine
}

/// A fresh gate for eight that wait.
fn fresh() -> impl FnMut(&'static str, &[i32]) -> i64 {
    let mut machine = gate(8, 0, 0);
    move |name, args| machine.step(&(name, args.to_vec())).unwrap()
}

/// Numbers at which counters start: small, and where 30 and 32 bits end.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..3u32, 0x3fff_fff0..0x4000_0000u32, 0xffff_fff0..=u32::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn model_and_gate_agree(
        most in prop_oneof![Just(1), Just(2), Just(8), Just(64)],
        number in number(),
        inside in prop_oneof![Just(0), Just(u32::MAX - 1)],
        picks in picks(),
    ) {
        let mut machine = gate(most, number, inside);
        agree(&mut machine, Gate::new(most as usize, number, inside), &picks)?;
    }
}

#[test]
fn all_short_sequences_of_gates() {
    explore("gate, 2 waiting", &mut gate(2, 0, 0), Gate::new(2, 0, 0), 14);
    let (number, inside) = (u32::MAX - 1, u32::MAX - 2);
    let model = Gate::new(2, number, inside);
    explore("gate near 2^32", &mut gate(2, number, inside), model, 14);
}

#[test]
fn no_new_call_enters_while_enabled() {
    let mut gate = fresh();
    assert_eq!(gate("enter", &[]), 0);
    gate("enable", &[]);
    assert_eq!(gate("is-enabled", &[]), 1);
    for _ in 0..8 {
        let ticket = gate("enter", &[]);
        assert!(ticket > 0);
        assert_eq!(gate("resume", &[ticket as i32]), -5);
    }
    assert_eq!(gate("enter", &[]), -3, "the line is full");
}

#[test]
fn pending_calls_go_on() {
    let mut gate = fresh();
    assert_eq!(gate("enter", &[]), 0);
    assert_eq!(gate("enter", &[]), 0);
    gate("enable", &[]);
    for pending in [2, 1] {
        assert!(gate("enter", &[]) > 0, "who waits is not inside");
        assert_eq!(gate("pending", &[]), pending);
        assert_eq!(gate("leave", &[]), 0);
    }
    assert_eq!(gate("pending", &[]), 0);
    assert_eq!(gate("leave", &[]), -6, "nobody is inside");
}

#[test]
fn waiting_ends_when_disabled() {
    let mut gate = fresh();
    gate("enable", &[]);
    let [first, second] = [gate("enter", &[]) as i32, gate("enter", &[]) as i32];
    gate("disable", &[]);
    assert_eq!(gate("is-enabled", &[]), 0);
    assert_eq!(gate("resume", &[second]), -5, "the first one is before it");
    assert_eq!(gate("resume", &[first]), 0);
    assert_eq!(gate("resume", &[second]), 0);
    assert_eq!(gate("enter", &[]), 0);
}

/// Of eight that may wait seven give up: then seven others may.
#[test]
fn who_gives_up_makes_room() {
    let mut gate = fresh();
    gate("enable", &[]);
    let first = gate("enter", &[]) as i32;
    let others = [(); 7].map(|()| gate("enter", &[]) as i32);
    assert_eq!(gate("enter", &[]), -3);
    for ticket in others {
        assert_eq!(gate("cancel", &[ticket]), 1);
    }
    let others = [(); 7].map(|()| gate("enter", &[]));
    assert!(others.iter().all(|ticket| *ticket > 0));
    assert_eq!(gate("enter", &[]), -3);
    // Numbers are told apart modulo 64: so many are in line at most, the first one included.
    let mut last = others[6] as i32;
    for _ in 0..64 - 15 {
        assert_eq!(gate("cancel", &[last]), 1);
        last = gate("enter", &[]) as i32;
        assert!(last > 0);
    }
    assert_eq!(gate("cancel", &[last]), 1);
    assert_eq!(gate("enter", &[]), -3);
    gate("disable", &[]);
    assert_eq!(gate("resume", &[first]), 0);
    assert!(gate("enter", &[]) > 0, "six are before it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    /// Callers come while the gate opens and closes as it likes: each enters once, in the order in
    /// which they came.
    #[test]
    fn no_message_is_lost_at_a_transition(
        number in number(),
        moves in proptest::collection::vec(0..4u8, 1..300),
    ) {
        let mut machine = gate(64, number, 0);
        let mut call = |name, args: Vec<i32>| machine.step(&(name, args)).unwrap();
        let (mut came, mut entered) = (0, Vec::new());
        let mut waiting: Vec<(u32, i32)> = Vec::new();
        let mut open = true;
        let all_ask = |waiting: &mut Vec<(u32, i32)>, entered: &mut Vec<u32>,
                       call: &mut dyn FnMut(&'static str, Vec<i32>) -> i64| {
            // Those who came last ask first: it must not help them.
            for i in (0..waiting.len()).rev() {
                if call("resume", vec![waiting[i].1]) == 0 {
                    entered.push(waiting.remove(i).0);
                }
            }
        };
        for step in moves {
            match step {
                0 => { call("enable", vec![]); open = false; }
                1 => { call("disable", vec![]); open = true; }
                2 if waiting.len() < 64 => {
                    match call("enter", vec![]) {
                        0 => { prop_assert!(open); entered.push(came); }
                        ticket => { prop_assert!(ticket > 0); waiting.push((came, ticket as i32)); }
                    }
                    came += 1;
                }
                _ => {
                    let before = entered.len();
                    all_ask(&mut waiting, &mut entered, &mut call);
                    prop_assert!(open || entered.len() == before);
                }
            }
        }
        call("disable", vec![]);
        while !waiting.is_empty() {
            all_ask(&mut waiting, &mut entered, &mut call);
        }
        prop_assert_eq!(entered, (0..came).collect::<Vec<u32>>());
    }
}

#[test]
fn who_gives_up_stands_in_nobodys_way() {
    let mut gate = fresh();
    gate("enable", &[]);
    let tickets = [(); 8].map(|()| gate("enter", &[]) as i32);
    for ticket in [tickets[1], tickets[0], tickets[3]] {
        assert_eq!(gate("cancel", &[ticket]), 1);
        assert_eq!(gate("cancel", &[ticket]), -2);
        assert_eq!(gate("resume", &[ticket]), -2);
    }
    gate("disable", &[]);
    for ticket in [tickets[2], tickets[4], tickets[5], tickets[6], tickets[7]] {
        assert_eq!(gate("resume", &[ticket]), 0);
        assert_eq!(gate("resume", &[ticket]), -2, "a ticket is good for one call");
    }
}
