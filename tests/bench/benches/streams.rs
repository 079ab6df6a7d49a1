//! The table of streams in `docs/performance.md`: the same guests by a host that has the ring, fused,
//! and as plain copies, in turn. `-- --check` fails where a row does not reach its ratio.

use meld_bench::Runner;
use meld_bench::streams::Race;
use std::time::Duration;
use wasmtime::{Engine, Result, ensure};

/// How often each side gets its turn, and how long a turn takes, about.
const ROUNDS: usize = 101;
const TURN: Duration = Duration::from_millis(1);

struct Row {
    /// Bytes of a chunk.
    bytes: u32,
    /// Bytes of a ring.
    ring: u32,
    /// Bytes that go through before the first chunk: then chunks lie across the ring's end.
    ahead: u32,
    /// What hosted/fused has to reach.
    least: Option<f64>,
    /// What fused/copies may at most be.
    most: Option<f64>,
}

const ROWS: [Row; 4] = [
    Row { bytes: 64, ring: 4096, ahead: 0, least: Some(5.0), most: None },
    Row { bytes: 4096, ring: 4096, ahead: 0, least: None, most: Some(2.5) },
    Row { bytes: 4096, ring: 8192, ahead: 100, least: None, most: Some(2.5) },
    Row { bytes: 65536, ring: 65536, ahead: 0, least: None, most: None },
];

fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let engine = Engine::default();
    println!(
        "| chunks of | by the host, ns | fused, ns | host/fused | to reach | two `memory.copy`, ns | fused/copies | at most |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    for Row { bytes, ring, ahead, least, most } in ROWS {
        let Race { mut hosted, mut fused, mut copies } = Race::new(&engine, ring)?;
        let mut label = format!("{bytes} B");
        if ahead > 0 {
            ensure!(hosted.result(1, ahead)? == ahead, "the host does not move all bytes");
            ensure!(fused.result(1, ahead)? == ahead, "the fused guests do not move all bytes");
            label += ", every other one across the ring's end";
        }
        let expected = 3 * bytes;
        ensure!(hosted.result(3, bytes)? == expected, "the host does not move all bytes");
        ensure!(fused.result(3, bytes)? == expected, "the fused guests do not move all bytes");
        let turns = [
            hosted.calls_in(TURN, bytes)?,
            fused.calls_in(TURN, bytes)?,
            copies.calls_in(TURN, bytes)?,
        ];
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            times[0].push(one(&mut hosted, turns[0], bytes)?);
            times[1].push(one(&mut fused, turns[1], bytes)?);
            times[2].push(one(&mut copies, turns[2], bytes)?);
        }
        let [hosted, fused, copies] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        });
        let (ratio, distance) = (hosted / fused, fused / copies);
        let text = |bound: Option<f64>| bound.map_or(String::new(), |bound| bound.to_string());
        println!(
            "| {label} | {hosted:.1} | {fused:.1} | {ratio:.1} | {} | {copies:.1} | {distance:.2} | {} |",
            text(least),
            text(most)
        );
        if least.is_some_and(|least| ratio < least) || most.is_some_and(|most| distance > most) {
            missed.push(label);
        }
    }
    ensure!(!check || missed.is_empty(), "not reached: {}", missed.join("; "));
    Ok(())
}

/// Nanoseconds a chunk.
fn one<T>(runner: &mut Runner<T>, chunks: u32, bytes: u32) -> Result<f64> {
    Ok(runner.run(chunks, bytes)?.as_secs_f64() * 1e9 / f64::from(chunks))
}
