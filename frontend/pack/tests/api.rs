//! The loader, its settings, the forms of a report, and what a checked pack looks like.

use meld_pack::ruleset::{Expectation, Guard, ModuleImport, Pattern, RuleSet, SortRef, VarId};
use meld_pack::{Code, Diagnostics, Loader, guard_text, pattern_text};
use std::path::Path;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rules/good");

fn good(settings: &[(&str, &str)]) -> Result<RuleSet, Diagnostics> {
    let mut loader = Loader::new();
    loader.add_path(Path::new(RULES)).unwrap();
    for (name, value) in settings {
        loader.set(name, value);
    }
    loader.finish()
}

/// Checks what a setting gives: the value in force, or a code and the message.
#[track_caller]
fn check_setting(name: &str, value: &str, expect: Result<i64, (Code, &str)>) {
    match (good(&[(name, value)]), expect) {
        (Ok(set), Ok(value)) => {
            let slots = set.consts.iter().find(|c| c.name == name).unwrap();
            assert_eq!(slots.value, value);
        }
        (Err(report), Err((code, message))) => {
            let report: Vec<_> = report.iter().collect();
            assert_eq!(report.len(), 1);
            assert_eq!((report[0].code, report[0].message.as_str()), (code, message));
        }
        (got, expect) => panic!("{:?} instead of {expect:?}", got.map(|_| ())),
    }
}

#[test]
fn settings() {
    check_setting("resources.slots", "16", Ok(16));
    check_setting("resources.spare", "-7", Ok(-7));
    let wrong = |message| Err((Code::SettingValue, message));
    check_setting(
        "resources.slots",
        "2048",
        wrong("`--set resources.slots=2048`: the value is not in 1..=1024"),
    );
    check_setting(
        "resources.slots",
        "12",
        wrong("`--set resources.slots=12`: the value is not a power of two"),
    );
    check_setting(
        "resources.slots",
        "many",
        wrong("`--set resources.slots=many`: the value is not a number of 64 bits"),
    );
    check_setting(
        "resources.slot",
        "8",
        Err((Code::UnknownSetting, "`--set resources.slot`: no such constant")),
    );
}

#[test]
fn unknown_setting_names_the_constants() {
    let report = good(&[("x", "1")]).unwrap_err().render(false);
    assert!(report.contains("the constants are resources.slots, resources.spare"), "{report}");
}

/// A setting reaches the rules: the table is offered with its value.
#[test]
fn settings_reach_patterns() {
    let mut loader = Loader::new();
    let vocabulary = "pack v.vocabulary\nsort Func\nterm f() -> Func\nterm g(n: Int) -> Func";
    let rules = "pack a.b\nuse v.vocabulary\nconst n: Int = 1\nrule r { match f() rewrite g(n) \
                 because \"\" test { f() => g(n) } }";
    loader.builtin("rules/v.meld", vocabulary, &[]);
    loader.builtin("rules/b.meld", rules, &[]);
    loader.set("b.n", "5");
    let set = loader.finish().unwrap();
    let rule = &set.rules[0];
    assert_eq!(rule.replacement, Pattern::Term(set.term("g").unwrap(), vec![Pattern::Int(5)]));
    assert_eq!(rule.tests[0].expect, Expectation::Becomes(rule.replacement.clone()));
    assert_eq!(set.rule_name(meld_pack::ruleset::RuleId(0)), "a.b.r");
    assert_eq!((rule.span.line, rule.span.pack.0), (4, 1));
}

#[test]
fn checked_rule() {
    let set = good(&[]).unwrap();
    let rule = set.rules.iter().find(|rule| rule.name == "read").unwrap();
    let [(t, SortRef::One(ty)), (side, SortRef::One(component))] = rule.vars.as_slice() else {
        panic!("{:?}", rule.vars)
    };
    assert_eq!((t.as_str(), set.sorts[ty.index()].name.as_str()), ("t", "Type"));
    assert_eq!((side.as_str(), set.sorts[component.index()].name.as_str()), ("side", "Component"));
    let read = set.term("stream.read").unwrap();
    assert_eq!(
        rule.pattern,
        Pattern::Term(read, vec![Pattern::Var(VarId(0)), Pattern::Var(VarId(1))])
    );
    assert!(matches!(&rule.guards[..], [Guard::Fact { negated: false, .. }]));
    assert_eq!(guard_text(&set, &rule.vars, &rule.guards[0]), "paired(?t)");
    assert_eq!(
        pattern_text(&set, &rule.vars, &rule.replacement),
        "ring(bridge(), memory(?side), host.streams(?side)).read"
    );
    assert_eq!(rule.tests[0].given_equal.len(), 1);
    assert_eq!(rule.tests[1].expect, Expectation::Nothing);
    assert_eq!(rule.tests[1].name.as_deref(), Some("the host holds the other end"));

    let ring = &set.terms[set.term("ring").unwrap().index()];
    assert_eq!(
        ring.module.as_ref().unwrap().imports,
        [
            ModuleImport::FromInstance(0, "rings".to_owned()),
            ModuleImport::Param(1),
            ModuleImport::FromInstance(2, "read".to_owned()),
        ]
    );
}

/// What `rule_text` writes can be read, and is written the same again.
#[test]
fn rules_as_text_can_be_read_again() {
    let set = good(&[]).unwrap();
    let write = |set: &RuleSet| -> Vec<String> {
        let rules = set.rules.iter().map(|rule| meld_pack::rule_text(set, rule));
        let forbids = set.forbids.iter().map(|forbid| meld_pack::forbid_text(set, forbid));
        let refusals = set.refusals.iter().map(|refusal| meld_pack::refusal_text(set, refusal));
        rules.chain(forbids).chain(refusals).collect()
    };
    let first = write(&set);
    let uses: Vec<_> = set.packs.iter().map(|pack| format!("use {}", pack.name)).collect();
    let text = format!("pack again\n{}\n{}", uses.join("\n"), first.join("\n"));
    let mut loader = Loader::new();
    loader.add_path(Path::new(RULES)).unwrap();
    loader.builtin("again.meld", &text, &[]);
    // Tests are left out; that they are missed is the only mistake.
    let report = loader.finish().unwrap_err();
    assert_eq!(report.iter().count(), set.rules.len(), "{report}");
    assert!(report.iter().all(|diagnostic| diagnostic.code == Code::Untested), "{report}");
}

#[test]
fn report_as_json() {
    let mut loader = Loader::new();
    loader.builtin("x.meld", "pack a\n// é\n  sort Int", &[]);
    let json: serde_json::Value =
        serde_json::from_str(&loader.finish().unwrap_err().to_json()).unwrap();
    let expect = serde_json::json!({ "version": 1, "mistakes": [{
        "code": "E0022",
        "message": "the sort `Int` is built in",
        "labels": [{
            "path": "x.meld", "start": 20, "end": 23, "line": 3, "column": 8,
            "text": "declared again", "primary": true,
        }],
        "help": [],
    }] });
    assert_eq!(json, expect);
}

#[test]
fn colours_are_for_terminals() {
    let mut loader = Loader::new();
    loader.builtin("x.meld", "pack", &[]);
    let report = loader.finish().unwrap_err();
    assert!(report.render(true).contains('\u{1b}'));
    assert!(!report.render(false).contains('\u{1b}'));
}

#[test]
fn missing_packs_are_named() {
    for (path, message) in
        [("no/such/pack.meld", "no/such/pack.meld"), ("src", "no .meld file in this folder")]
    {
        let error = Loader::new().add_path(Path::new(path)).unwrap_err().to_string();
        assert!(error.starts_with("cannot read rule packs from"), "{error}");
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn no_packs_are_no_mistake() {
    let set = Loader::new().finish().unwrap();
    assert_eq!(set.sorts.len(), 2);
}

/// Packs that do not see each other may have terms and constants of one name, and options for theirs.
#[test]
fn names_belong_to_their_pack() {
    let pack = |name: &str, size: i64| {
        format!(
            "pack {name}.ring\nuse test.vocabulary\nconst slots: Int = {size} in 1..=64\n\
             term ring(size: Int) -> Func\nrule ask {{\n  match host(\"{name}\", ?n)\n  \
             rewrite ring(slots)\n  because \"it is its own\"\n  \
             test {{ host(\"{name}\", \"n\") => ring({size}) }}\n}}\n"
        )
    };
    let load = |packs: &[&str], settings: &[(&str, &str)]| {
        let mut loader = Loader::new();
        loader.add_path(&Path::new(RULES).join("vocabulary.meld")).unwrap();
        for (position, text) in packs.iter().enumerate() {
            loader.builtin(&format!("{position}.meld"), text, &[]);
        }
        settings.iter().for_each(|(name, value)| loader.set(name, value));
        loader.finish()
    };
    let (a, b) = (pack("a", 4), pack("b", 8));
    let both = [a.as_str(), b.as_str()];
    let sizes = |set: &RuleSet| -> Vec<_> {
        let rules = set.rules.iter();
        let made = rules.map(|rule| match &rule.replacement {
            Pattern::Term(term, args) => (set.term_name(*term).into_owned(), args.clone()),
            other => panic!("{other:?}"),
        });
        made.collect()
    };
    let expect = |a: i64, b: i64| {
        [("a.ring.ring", a), ("b.ring.ring", b)]
            .map(|(name, size)| (name.to_owned(), vec![Pattern::Int(size)]))
    };
    assert_eq!(sizes(&load(&both, &[]).unwrap()), expect(4, 8));
    assert_eq!(sizes(&load(&both, &[("b.ring.slots", "9")]).unwrap()), expect(4, 9));
    let alone = load(&both[..1], &[("ring.slots", "9")]).unwrap();
    assert_eq!(sizes(&alone)[0].0, "ring");
    let which = load(&both, &[("ring.slots", "9")]).unwrap_err().to_string();
    assert!(which.contains("`a.ring.slots` or `b.ring.slots`"), "{which}");
    for (name, value) in [("slots", "9"), ("g.slots", "9"), ("c.ring.slots", "9")] {
        let unknown = load(&both, &[(name, value)]).unwrap_err().to_string();
        assert!(unknown.contains("no such constant"), "{unknown}");
    }
}
