//! The table of `docs/performance.md`: every row composed, fused and as a plain copy, in turn.
//!
//! `-- --check` fails where a row does not reach its ratio; `-- TEXT` measures rows whose name
//! holds the text.

use meld_bench::{Contest, Row, Runner, rows};
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::{Result, ensure};

/// How often each side gets its turn.
const ROUNDS: usize = 101;
/// How long a turn takes, about: short against the slices of a scheduler, so that what else runs
/// spoils few turns and no median.
const TURN: Duration = Duration::from_millis(1);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let check = arguments.iter().any(|argument| argument == "--check");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let engine = Engine::default();
    println!(
        "| a call with | composed, ns | fused, ns | composed/fused | to reach | one `memory.copy`, ns | fused/copy |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    let rows = rows();
    for row in &rows {
        let name = row.name();
        if filter.is_some_and(|text| !name.contains(text.as_str())) {
            continue;
        }
        let [composed, fused, copy] = measure(&engine, row)?;
        let ratio = composed / fused;
        let mut target = row.target.map_or(String::new(), |target| format!("{target}"));
        let mut reached = row.target.is_none_or(|target| ratio >= target);
        if let Some(most) = row.most {
            // Now, and not when its row was measured: what else the machine does changes.
            let one = measure(&engine, &rows[0])?[1];
            target = format!("{most} calls of `{}`; takes {:.1}", rows[0].name(), fused / one);
            reached &= fused <= most * one;
        }
        let (copy, distance) = match row.bytes {
            0 => Default::default(),
            _ => (format!("{copy:.1}"), format!("{:.1}", fused / copy)),
        };
        println!(
            "| `{name}` | {composed:.1} | {fused:.1} | {ratio:.1} | {target} | {copy} | {distance} |"
        );
        if !reached {
            missed.push(name);
        }
    }
    ensure!(!check || missed.is_empty(), "not reached: {}", missed.join("; "));
    Ok(())
}

/// Nanoseconds a call: medians of composed, fused and the plain copy.
fn measure(engine: &Engine, row: &Row) -> Result<[f64; 3]> {
    let Contest { composed, fused, copy } = Contest::new(engine, &row.case)?;
    let mut runners = [composed, fused, copy];
    let calls = |runner: &mut Runner| runner.calls_in(TURN, row.bytes);
    let mut turns = [0; 3];
    for (runner, turn) in runners.iter_mut().zip(&mut turns) {
        *turn = calls(runner)?;
    }
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((runner, &calls), times) in runners.iter_mut().zip(&turns).zip(&mut times) {
            times.push(runner.run(calls, row.bytes)?.as_secs_f64() * 1e9 / f64::from(calls));
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    }))
}
