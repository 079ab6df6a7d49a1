//! The cases as they stand do what they say, and the harness finds what is different.

use meld_fuse_tests::{Case, Verdict, cases, generate};
use meld_verify::{Ended, Options};

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

#[test]
fn generated_compositions_are_valid() {
    let (mut returned, mut trapped) = (0, 0);
    for number in 0..100 {
        let text = generate::composition(1, number);
        assert_eq!(text, generate::composition(1, number));
        let ended = meld_verify::call(text.as_bytes(), "run", &Options::default());
        match ended.unwrap_or_else(|e| panic!("{number}: {e}\n{text}")).ended {
            Ended::Returned(_) => returned += 1,
            Ended::Trapped(reason) => {
                println!("{number}: {reason}");
                trapped += 1;
            }
            Ended::GivenUp(reason) => panic!("{number} has no end: {reason}"),
        }
        for log in ["seen", "callee-log", "caller-log"] {
            let ended = meld_verify::call(text.as_bytes(), log, &Options::default());
            let expected = if log == "seen" { "0" } else { "[]" };
            assert!(matches!(ended.unwrap().ended, Ended::Returned(value) if value == expected));
        }
    }
    // Both kinds must come up, or nothing is tested.
    assert!(returned > 50 && trapped > 5, "{returned} returned, {trapped} trapped");
}

#[test]
fn differences_are_found() {
    let case = |number: u64| Case {
        class: "generated".to_string(),
        name: number.to_string(),
        text: generate::composition(1, number),
    };
    let different = (1..10).filter(|&number| {
        let other = wat::parse_str(generate::composition(1, number)).unwrap();
        matches!(case(number - 1).verdict(&|_| Ok(other.clone())), Verdict::Different(_))
    });
    // Two that trap at once are alike.
    assert!(different.count() > 5);
    assert!(matches!(case(0).verdict(&|_| Ok(Vec::new())), Verdict::Invalid(_)));
    assert!(matches!(case(0).verdict(&|_| Err(String::new())), Verdict::Refused(_)));
}
