//! One thing wrong at a time, in decisions by the standard rules.

use super::check;
use crate::common::{ASSUMING, rules, rules_and, siblings};
use crate::decide::{Options, solve};
use crate::plan::{Node, NodeId, Plan, Port};
use crate::proof::{ProofId, Reason};
use crate::saturate::Cause;
use crate::trace::Trace;
use crate::why_not::Standing;
use meld_component::program::{InstanceId, Program};
use meld_pack::ruleset::{RuleId, RuleSet};
use std::collections::BTreeSet;

/// The import that calls the other component, and its name.
const CALL: Port = Port::Import(InstanceId(2), 0);
const CALL_NAME: &str = r#"adder/main: import "math" "add""#;

fn scalar() -> Program {
    siblings("(param \"a\" u32)", "(param i32)", "")
}

fn string() -> Program {
    siblings("(param \"a\" string)", "(param i32 i32)", "")
}

fn rule(rules: &RuleSet, name: &str) -> RuleId {
    let ids = (0..rules.rules.len()).map(|index| RuleId(index as u32));
    ids.into_iter().find(|id| rules.rule_name(*id) == name).unwrap()
}

/// The event by which a rule stands in the proofs.
fn event(trace: &Trace<'_>, name: &str) -> usize {
    let cause = Cause::Rule(rule(trace.saturation.rules, name));
    trace.saturation.events.iter().position(|event| event.cause == cause).unwrap()
}

/// The proof about the call.
fn proof(trace: &Trace<'_>) -> ProofId {
    trace.ports[&CALL].proof
}

/// What the call is of, however it is called.
fn callee(plan: &Plan) -> NodeId {
    match plan.node(plan.ports[&CALL]) {
        Node::Term(name, arguments) if ["inline", "separate"].contains(&&**name) => arguments[0],
        node => panic!("{node:?}"),
    }
}

/// What is said once something is changed.
fn rejection(program: &Program, change: impl FnOnce(&mut Plan, &mut Trace<'_>)) -> String {
    let rules = rules();
    let (mut plan, mut trace) = solve(program, &rules, &Options::default()).unwrap();
    check(program, &plan, &trace).unwrap();
    change(&mut plan, &mut trace);
    check(program, &plan, &trace).unwrap_err().to_string()
}

#[track_caller]
fn says(text: &str, expect: &[&str]) {
    for part in expect {
        assert!(text.contains(part), "expected `{part}` in: {text}");
    }
}

#[test]
fn a_proof_with_another_variable_is_rejected() {
    let text = rejection(&scalar(), |_, trace| {
        let direct = event(trace, "meld.calls.direct");
        let slots = &mut trace.saturation.events[direct].slots;
        slots[0] = slots[1];
    });
    says(&text, &[CALL_NAME, "at step 3", "meld.calls.direct: its pattern gives another term"]);
    let text = rejection(&scalar(), |_, trace| {
        let meet = event(trace, "meld.calls.meet");
        trace.saturation.events[meet].slots[0] = None;
    });
    says(&text, &[CALL_NAME, "at step 1", "a variable is unbound"]);
}

/// What was proved is asked of the program, not of the facts that saturation worked with.
#[test]
fn a_proof_with_another_fact_is_rejected() {
    let (program, rules) = (scalar(), rules());
    let (plan, trace) = solve(&program, &rules, &Options::default()).unwrap();
    let mut throwing = program.clone();
    let callee = throwing.instances[0].module;
    throwing.modules[callee.index()].has_tags = true;
    let text = check(&throwing, &plan, &trace).unwrap_err().to_string();
    says(&text, &[CALL_NAME, "at step 3", "meld.calls.direct: its guard 3 does not hold"]);
}

#[test]
fn a_proof_with_a_step_that_no_rule_makes_is_rejected() {
    let text = rejection(&scalar(), |_, trace| {
        let direct = event(trace, "meld.calls.direct");
        let cause = Cause::Rule(rule(trace.saturation.rules, "meld.calls.never-enter"));
        trace.saturation.events[direct].cause = cause;
    });
    says(&text, &[CALL_NAME, "at step 3", "meld.calls.never-enter"]);
    let text = rejection(&scalar(), |_, trace| {
        let direct = event(trace, "meld.calls.direct");
        trace.saturation.events[direct].cause = Cause::Given;
    });
    says(&text, &[CALL_NAME, "at step 3", "the program does not state the equation"]);
    let text = rejection(&scalar(), |_, trace| {
        let direct = event(trace, "meld.calls.direct");
        trace.saturation.events[direct].right = trace.saturation.events[direct].left;
    });
    says(&text, &[CALL_NAME, "at step 3", "the event is about other terms"]);
    let text = rejection(&scalar(), |_, trace| {
        let direct = rule(trace.saturation.rules, "meld.calls.direct");
        trace.standings[direct.index()] = Standing::Off("of the test".into());
    });
    says(&text, &[CALL_NAME, "at step 3", "meld.calls.direct: it is not allowed to run"]);
}

#[test]
fn a_proof_from_another_start_is_rejected() {
    let text = rejection(&scalar(), |_, trace| {
        let other = trace.ports[&Port::Export(0)].proof;
        trace.ports.get_mut(&CALL).unwrap().proof = other;
    });
    says(&text, &[CALL_NAME, "its proof does not start with what the program says"]);
    let text = rejection(&scalar(), |_, trace| {
        trace.ports.remove(&CALL);
    });
    says(&text, &[CALL_NAME, "it has no proof"]);
}

#[test]
fn a_proof_to_another_end_is_rejected() {
    let text = rejection(&scalar(), |plan, _| {
        let other = plan.ports[&Port::Export(0)];
        plan.ports.insert(CALL, other);
    });
    says(&text, &[CALL_NAME, "its proof ends at another term than the plan has"]);
    let text = rejection(&scalar(), |plan, _| {
        let node = callee(plan).0 as usize;
        let Node::Export(of, _) = plan.nodes[node] else { panic!("{:?}", plan.nodes[node]) };
        plan.nodes[node] = Node::Export(of, "realloc".into());
    });
    says(&text, &[CALL_NAME, "its proof ends at another term than the plan has"]);
    let text = rejection(&string(), |plan, _| {
        let transcoder =
            plan.modules.iter_mut().find(|module| module.name.ends_with("utf8-to-utf8-simd"));
        transcoder.unwrap().imports.swap(0, 1);
    });
    says(&text, &[CALL_NAME, "its proof ends at another term than the plan has"]);
    // Two instances of what is to be one.
    let text = rejection(&string(), |plan, _| {
        let adapter = callee(plan).0 as usize;
        let copy = NodeId(plan.nodes.len() as u32);
        let Node::Term(_, arguments) = &mut plan.nodes[adapter] else { panic!() };
        let traps = std::mem::replace(arguments.last_mut().unwrap(), copy);
        plan.nodes.push(plan.node(traps).clone());
    });
    says(&text, &[CALL_NAME, "the plan has one term twice"]);
}

#[test]
fn a_proof_with_a_gap_is_rejected() {
    let text = rejection(&scalar(), |_, trace| {
        let id = proof(trace) as usize;
        let proof = &mut trace.proofs.all[id];
        proof.steps[1].from = proof.from;
    });
    says(&text, &[CALL_NAME, "at step 2", "it does not start where the last one ended"]);
    let text = rejection(&scalar(), |_, trace| {
        let id = proof(trace) as usize;
        trace.proofs.all[id].steps.pop();
    });
    says(&text, &[CALL_NAME, "its proof does not end at its last term"]);
    let congruence = |change: fn(ProofId, &mut Vec<Option<ProofId>>)| {
        rejection(&string(), |_, trace| {
            let id = proof(trace);
            let steps = &mut trace.proofs.all[id as usize].steps;
            let arguments = steps.iter_mut().find_map(|step| match &mut step.reason {
                Reason::Congruence(arguments) => Some(arguments),
                Reason::Event { .. } => None,
            });
            change(id, arguments.unwrap());
        })
    };
    let unproved = [CALL_NAME, "at step", "an argument changed without proof"];
    says(&congruence(|_, arguments| arguments.fill(None)), &unproved);
    says(&congruence(|id, arguments| arguments.fill(Some(id))), &unproved);
    says(&congruence(|_, arguments| arguments.fill(Some(ProofId::MAX))), &unproved);
    says(&congruence(|_, arguments| arguments.clear()), &[CALL_NAME, "the operators differ"]);
}

#[test]
fn a_plan_that_leaves_something_out_is_rejected() {
    let text = rejection(&scalar(), |plan, _| {
        plan.ports.remove(&CALL);
    });
    says(&text, &[CALL_NAME, "the plan has no term for it"]);
    let text = rejection(&scalar(), |plan, _| {
        plan.instances.remove(&InstanceId(2));
    });
    says(&text, &[CALL_NAME, "it is not of a live instance"]);
    let text = rejection(&scalar(), |plan, _| {
        plan.instances.remove(&InstanceId(0));
    });
    says(&text, &["the plan does not check: the instance math/main has to be live"]);
}

#[test]
fn a_proof_on_an_assumption_that_is_not_told_is_rejected() {
    let rules = rules_and(ASSUMING);
    let program = siblings("(param \"a\" bool)", "(param i32)", "");
    let options = Options { assume: BTreeSet::from(["trusted".into()]), ..Options::default() };
    let (mut plan, trace) = solve(&program, &rules, &options).unwrap();
    check(&program, &plan, &trace).unwrap();
    plan.assumptions.clear();
    let text = check(&program, &plan, &trace).unwrap_err().to_string();
    says(&text, &["the plan does not check: it does not tell that it rests on `trusted`"]);
}
