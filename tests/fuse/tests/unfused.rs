//! The cases as they stand do what they say, and the harness finds what is different.

use meld_fuse_tests::batch::{Subject, compare};
use meld_fuse_tests::generate::{self, Batch, Plan};
use meld_fuse_tests::{Verdict, cases};

#[test]
fn cases_do_what_they_say() {
    let mut wrong = Vec::new();
    for case in cases().unwrap() {
        let label = format!("{}/{}", case.class, case.name);
        // What is refused need not run without a host that hands out handles.
        if case.expectations().is_empty() && case.class != "refused" {
            wrong.push(format!("{label}: expects nothing"));
        }
        match wat::parse_str(&case.text) {
            Ok(binary) => wrong.extend(case.check(&binary).iter().map(|w| format!("{label}: {w}"))),
            Err(error) => wrong.push(format!("{label}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cases_are_the_same_as_themselves() {
    for case in cases().unwrap() {
        let verdict = case.verdict(&|bytes| Ok(bytes.to_vec()));
        assert_eq!(verdict, Verdict::Same, "{}/{}", case.class, case.name);
    }
}

const PLAN: Plan = Plan { functions: 8, rows: 6, memory64: false };

#[test]
fn batches_come_again_and_are_the_same_as_themselves() {
    for memory64 in [false, true] {
        let plan = Plan { memory64, ..PLAN };
        for number in 0..2 {
            let batch = generate::batch(1, number, plan);
            assert_eq!(batch.text, generate::batch(1, number, plan).text);
            let subject = Subject::new(batch.text.as_bytes()).unwrap();
            // Whatever traps does so without a reason that meld gives.
            let compared = compare(&batch, &subject, &subject);
            assert!(compared.returned > 20, "{compared:?}");
        }
    }
}

#[test]
fn differences_are_found() {
    let (one, other) = (generate::batch(1, 0, PLAN), generate::batch(1, 1, PLAN));
    let subject = |batch: &Batch| Subject::new(batch.text.as_bytes()).unwrap();
    let compared = compare(&one, &subject(&one), &subject(&other));
    assert!(compared.wrong.len() > 20 && compared.returned == 0, "{compared:?}");

    let case = cases().unwrap().swap_remove(0);
    let text = r#"(component (core module $m (func (export "other"))) (core instance $m (instantiate $m))
        (func (export "other") (canon lift (core func $m "other"))))"#;
    let other = wat::parse_str(text).unwrap();
    assert!(matches!(case.verdict(&|_| Ok(other.clone())), Verdict::Different(_)));
    assert!(matches!(case.verdict(&|_| Ok(Vec::new())), Verdict::Invalid(_)));
    assert!(matches!(case.verdict(&|_| Err(String::new())), Verdict::Refused(_)));
}
