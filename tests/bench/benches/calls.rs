//! Criterion's statistics of each row of the table.

use criterion::{Criterion, Throughput};
use meld_bench::{Contest, rows};
use wasmtime::Engine;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let engine = Engine::default();
    for row in rows() {
        let mut contest = Contest::new(&engine, &row.case).expect("the cases fuse");
        let mut group = criterion.benchmark_group(row.name());
        if row.bytes > 0 {
            group.throughput(Throughput::Bytes(u64::from(row.bytes)));
        }
        for (name, runner) in [("composed", &mut contest.composed), ("fused", &mut contest.fused)] {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|calls| {
                    let calls = u32::try_from(calls).unwrap_or(u32::MAX).max(1);
                    runner.run(calls, row.bytes).expect("the cases do not trap")
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
