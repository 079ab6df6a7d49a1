//! The command as users run it: outputs, exit codes, standard input and output.

mod common;

use common::{APP, GREETER, check, meld, meld_with, root, stderr, stdout};
use std::process::{Command, Stdio};

#[test]
fn exit_codes_are_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    };
    let out = file("out.wasm", "");
    check(&["fuse", APP, GREETER, "-o", &out], 0, "");
    check(&["fuse", APP, GREETER, GREETER, "-o", &out], 1, "greeter");
    check(&["fuse", "-o", &out], 2, "INPUT");
    check(
        &["fuse", APP, GREETER, "-o", &out, "--disable", "meld.calls.adpat"],
        2,
        "meld.calls.adapt",
    );
    check(&["fuse", APP, GREETER, "-o", &out, "--assume", "luck"], 2, "`no-forged-handles`");
    check(&["fuse", APP, GREETER, "-o", &out, "--disable", "foo"], 2, "`meld rules list`");
    check(&["fuse", "app=", "-o", &out], 2, "`app=` is not `NAME=PATH`");
    check(&["inspect", ""], 2, "the empty text");
    check(&["fuse", APP, GREETER, "-o", &out, "--set", "a.b"], 2, "CONST=VALUE");
    check(&["fuse", APP, GREETER, "-o", &out, "--set", "calls.speed=9"], 2, "calls.speed");
    check(&["rules", "check", "--set", "calls.speed=9"], 2, "calls.speed");
    check(&["rules", "check", "--set", "gate.waiting=65"], 2, "1 error in");
    let narrow = "pack narrow\n\nuse meld.vocabulary\nuse meld.hosts\n\nconst at: Int = 1\n\
                  module clock(at: Int in 1..=4) from \"\"\"(module (import \"\" \"at\" (global i32)) \
                  (func (export \"now\") (result i32) (global.get 0)))\"\"\"\n\
                  rule now {\n  match host-call(host(\"a\", \"now\", ?h), ?o)\n  rewrite clock(at).now\n  \
                  because \"x\"\n  test { host-call(host(\"a\", \"now\", #h), #o) => clock(1).now }\n}\n";
    let narrow = file("narrow.meld", narrow);
    for value in ["5", "99999999999"] {
        let set = format!("narrow.at={value}");
        let says = format!("`--set {set}`: the number for `at` is {value}, which is not in 1..=4");
        check(&["fuse", APP, GREETER, "-o", &out, "--rules", &narrow, "--set", &set], 2, &says);
    }
    let hint = "write `--explain=greet`";
    check(&["fuse", APP, GREETER, "--explain", "greet"], 3, hint);
    let pack = file("good.meld", "pack good\n");
    for command in ["fuse", "inspect"] {
        check(&[command, &pack], 3, "good.meld: this is a rule pack");
    }
    check(&["fuse", APP, "--explain-format", "json"], 2, "--explain");
    check(&["fuse", "no-such-file.wasm", "-o", &out], 3, "no-such-file.wasm");
    check(&["fuse", APP, "--rules", "no-such.meld"], 3, "no-such.meld");
    check(&["rules", "check", "no-such.meld"], 3, "no-such.meld");
    check(&["fuse", &file("empty.wasm", ""), "-o", &out], 3, "empty.wasm: the file is empty");
    check(&["fuse", &file("cut.wasm", "\0as"), "-o", &out], 3, "cut.wasm: neither");
    check(&["fuse", &file("open.wat", "(module"), "-o", &out], 3, "open.wat:1:");
    let greeter = std::fs::read(root().join(GREETER)).expect("the guest is there");
    let half = folder.path().join("half.wasm");
    std::fs::write(&half, &greeter[..5000]).expect("the file can be written");
    check(&["fuse", APP, &half.to_string_lossy(), "-o", &out], 3, "half: ");
    check(&["fuse", &file("text.txt", "hello"), "-o", &out], 3, "text");
    check(&["fuse", APP, GREETER, "-o", "/no/such/folder/out.wasm"], 3, "/no/such/folder");
    let bad = file("bad.meld", "pack bad\n\nrule r {\n}\n");
    check(&["fuse", APP, GREETER, "-o", &out, "--rules", &bad], 4, "bad.meld");
    check(&["rules", "check", &bad], 4, "bad.meld");
    let failing = "pack failing\n\nuse meld.vocabulary\n\nterm question() -> Func\n\
                   rule r {\n  match question()\n  rewrite always(func([], []), ?o, ?f)\n}\n";
    check(&["rules", "check", &file("unbound.meld", failing)], 4, "E00");
    let wrong = "pack wrong\n\nuse meld.vocabulary\nuse meld.hosts\n\nterm question(o: Options) -> HostSide\n\
                 rule ask {\n  match   host-side(?o)\n  rewrite question(?o)\n  because \"it asks\"\n\
                 test { host-side(#o) => host-flat() }\n}\n";
    check(&["rules", "test", &file("wrong.meld", wrong)], 5, "");
}

/// Waits for no one: a pipe without a writer, and a folder, are refused where files are due.
#[cfg(unix)]
/// A report on packs has a title for each mistake; what else is wrong gets one, whatever its first word.
#[test]
fn failures_have_one_title() {
    let missing = stderr(&meld(&["inspect", "errors.wasm"]));
    assert!(missing.starts_with("error: errors.wasm: "), "{missing}");
    let bad = "tests/rules/bad/all-syntax-errors.meld";
    for arguments in [&["rules", "check", bad][..], &["fuse", APP, "-o", "-", "--rules", bad]] {
        let mistakes = stderr(&meld(arguments));
        assert!(mistakes.starts_with("error["), "{mistakes}");
    }
}

#[test]
fn packs_and_modules_are_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe.meld");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    check(&["rules", "check", &pipe.to_string_lossy()], 3, "not a file");
    for name in ["pipe.meld", "."] {
        let pack = folder.path().join("pack.txt");
        let text = format!("pack p\nuse meld.vocabulary\nmodule m() from \"{name}\"\n");
        std::fs::write(&pack, text).expect("the file can be written");
        check(&["rules", "check", &pack.to_string_lossy()], 4, "E0050");
    }
}

/// A reader who goes away ends the command, and is no failure of it.
#[test]
fn closed_outputs_do_not_panic() {
    let spawn = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meld"));
        command.args(arguments).current_dir(root()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("meld starts")
    };
    let mut child = spawn(&["rules", "doc"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("meld ends").code(), Some(0));
    let mut child = spawn(&["fuse", "no-such-file.wasm"]);
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("meld ends").code(), Some(3));
    let mut child = spawn(&["fuse", APP, GREETER, "--explain", "-o", "-"]);
    drop(child.stderr.take());
    let output = child.wait_with_output().expect("meld ends");
    assert!(output.status.success() && output.stdout.starts_with(b"\0asm"));
}

#[test]
fn mistakes_in_packs_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bad.meld");
    std::fs::write(&path, "pack bad\n\nrule r {\n}\n").expect("the file can be written");
    let bad = meld(&["rules", "check", &path.to_string_lossy(), "--format", "json"]);
    assert_eq!(bad.status.code(), Some(4));
    let mistakes: serde_json::Value = serde_json::from_slice(&bad.stdout).expect("it is JSON");
    assert_eq!(mistakes["version"], 1);
    assert_eq!(mistakes["mistakes"][0]["code"], "E0001");
    let right = stdout(&meld(&["rules", "check", "--format", "json"]));
    assert_eq!(right, "{\"mistakes\":[],\"version\":1}\n");
}

#[test]
fn policy_and_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policy.meld");
    let text = "pack policy\n\nuse meld.vocabulary\n\nforbid adapters {\n  \
                match   adapter(_, _, _, _, _, _, _, _)\n  because \"they cost\"\n}\n";
    std::fs::write(&policy, text).expect("the file can be written");
    let policy = policy.to_string_lossy().into_owned();
    let checked = meld(&["rules", "check", &policy]);
    assert_eq!(stdout(&checked), "1 pack, 0 rules, 1 forbid: right\n");
    let reference = stdout(&meld(&["rules", "doc", &policy]));
    assert!(reference.contains("## policy\n") && !reference.contains("## meld."), "{reference}");
    check(&["fuse", APP, GREETER, "--rules", &policy], 1, "forbidden by policy.adapters");
    let explained = meld(&[
        "fuse",
        APP,
        GREETER,
        "--rules",
        &policy,
        "--disable",
        "adapters",
        "--explain=export",
    ]);
    let text = stdout(&explained);
    assert!(text.contains("forbid policy.adapters"), "{text}{}", stderr(&explained));
    assert!(text.contains("would refuse adapter("), "{text}");
    let several =
        "several rules are called `side-flat`: meld.calls.side-flat, meld.hosts.side-flat";
    check(&["fuse", APP, GREETER, "--disable", "side-flat"], 2, several);
}

/// A pack that only forbids takes part as long as one of its forbids does; and who is forbidden something is
/// told what that rests on.
#[test]
fn a_pack_that_is_turned_off_states_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    };
    let guest = file(
        "guest.wat",
        r#"(module (import "env" "log" (func $log (result i32))) (export "run" (func $log)))"#,
    );
    let pack = |name: &str, given: &str| {
        let text = format!(
            "pack my.{name}\nuse meld.vocabulary\ngiven {given}\nforbid {name} {{\n  \
             match host-import(?module, _, _)\n  where answers(?other), ?other == \"sys\", ?other != ?module\n  \
             because \"only {name} answers\"\n  \
             test {{ given answers(\"sys\"); host-import(\"a\", \"f\", #i) => refused }}\n}}\n"
        );
        file(&format!("{name}.meld"), &text)
    };
    let env = pack("env", "answers(\"env\")");
    let fuse = ["fuse", &guest, "-o", "-", "--rules", &env];
    check(&fuse, 1, "as my.env states");
    check(&[&fuse[..], &["--disable", "my.env.env"]].concat(), 0, "");
    let other = pack("other", "answers(\"sys\")");
    let fuse = ["fuse", &guest, "-o", "-", "--rules", &other];
    let why = "forbidden by my.other.other (";
    check(&fuse, 1, why);
    check(&fuse, 1, "\n  given answers(\"sys\"), \"sys\" == \"sys\", \"sys\" != \"env\"");
    check(&[&fuse[..], &["--disable", "other.other"]].concat(), 0, "");
}

/// Which type a pack's module has to have follows from where its rule puts it.
#[test]
fn modules_of_packs_have_the_type_of_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    };
    let app = file(
        "app.wat",
        r#"(component (import "tick" (func $tick (param "n" u32) (result u64)))
            (core func $tick (canon lower (func $tick)))
            (core module $m (import "" "tick" (func $tick (param i32) (result i64)))
                (func (export "f") (result i64) (call $tick (i32.const 1))))
            (core instance $i (instantiate $m (with "" (instance (export "tick" (func $tick))))))
            (func (export "f") (result u64) (canon lift (core func $i "f"))))"#,
    );
    let pack = file(
        "wrong.meld",
        "pack wrong\nuse meld.vocabulary\nuse meld.hosts\n\
         module clock() from \"\"\"(module (func (export \"tick\") (result i64) (i64.const 0)))\"\"\"\n\
         rule fixed {\n  match host-call(host(_, \"tick\", ?h), ?o)\n  rewrite clock().tick\n  because \"x\"\n  \
         test { host-call(host(\"\", \"tick\", #h), #o) => clock().tick }\n}\n",
    );
    let types = "it is declared as (i32) -> (i64), and its source is () -> (i64)";
    check(&["fuse", &app, "--rules", &pack, "-o", "-"], 4, types);
    check(&["fuse", &app, "--rules", &pack, "-o", "-"], 4, "the pack's module `wrong.clock`");
}

/// Types stand in messages as WIT writes them.
#[test]
fn a_pass_of_another_type_is_told_by_its_type() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("wrong.meld");
    let text = "pack wrong\nuse meld.vocabulary\nuse meld.values\nrule all {\n  \
                match one-of(?t, ?c, ?from, ?to)\n  rewrite select-cases(?t, ?c, ?from, ?to)\n  \
                because \"x\"\n  test { one-of(option(u8()), #c, #a, #b) => select-cases(option(u8()), #c, #a, #b) }\n}\n";
    std::fs::write(&pack, text).expect("the file can be written");
    let guests = "tests/fuse/compositions/aggregates/option-of-list.wat";
    let fuse = ["fuse", guests, "-o", "-", "--rules", &pack.to_string_lossy()];
    let says = "the pass `select-cases` does not go with the type `option<list<string>>`; correct";
    check(&fuse, 1, says);
}

/// Two packs of users, whose modules and constants have the same names.
#[test]
fn packs_may_have_modules_and_constants_of_one_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    };
    let pack = |name: &str| {
        let text = r#"pack my.NAME.ring
            use meld.vocabulary
            given answers("my:NAME")
            const slots: Int = 1 in 1..=9
            module ring(slots: Int) from """
              (module (import "" "slots" (global $s i32)) (func (export "size") (result i32) global.get $s))
            """
            rule size { match host-func("my:NAME", "size", ?i) rewrite ring(slots).size because "it is ours"
              test { host-func("my:NAME", "size", #i) => ring(1).size } }"#;
        file(&format!("{name}.meld"), &text.replace("NAME", name))
    };
    let (a, b) = (pack("a"), pack("b"));
    let guest = r#"(module
        (import "my:a" "size" (func $a (result i32))) (import "my:b" "size" (func $b (result i32)))
        (func (export "sizes") (result i32) (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))"#;
    let (guest, out) = (file("guest.wat", guest), file("out.wasm", ""));
    let fuse = |settings: &[&str]| {
        let mut arguments = vec!["fuse", &guest, "-o", &out, "--rules", &a, "--rules", &b];
        settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
        arguments.push("--explain");
        meld(&arguments)
    };
    let explained = stdout(&fuse(&["my.a.ring.slots=3", "b.ring.slots=4"]));
    for answer in ["my.a.ring.ring(3).size", "my.b.ring.ring(4).size"] {
        assert!(explained.contains(answer), "{explained}");
    }
    let text = wasmprinter::print_file(&out).expect("it is a module");
    let (three, four) = (text.find("i32.const 3"), text.find("i32.const 4"));
    assert!(three.is_some() && four.is_some() && three < four, "{text}");
    let ambiguous = fuse(&["ring.slots=3"]);
    assert_eq!(ambiguous.status.code(), Some(2), "{}", stderr(&ambiguous));
    assert!(stderr(&ambiguous).contains("`my.a.ring.slots` or `my.b.ring.slots`"));
}

#[test]
fn packs_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("warned.meld");
    let text = "pack warned.vocabulary\n\nuse meld.vocabulary\n\nterm ask(c: Component) -> PostReturn\n\
                rule all {\n  match   ask(?c)\n  rewrite no-post-return()\n  because \"one for all\"\n  \
                test { ask(#c) => no-post-return() }\n}\n\
                rule some {\n  match   ask(?c)\n  where   may-throw(?c)\n  rewrite no-post-return()\n  \
                because \"not all\"\n  test { given may-throw(#c); ask(#c) => no-post-return() }\n  \
                test { ask(#c) =/=> }\n}\n";
    std::fs::write(&pack, text).expect("the file can be written");
    let pack = pack.to_string_lossy().into_owned();
    check(&["rules", "check", &pack], 0, "warning[W0001]");
    check(&["fuse", APP, GREETER, "--rules", &pack, "--explain"], 0, "warning[W0001]");
}

/// What nothing calls, but what writes where the host or a user of the module sees it.
#[test]
fn segments_of_modules_that_nothing_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let fuse = |modules: &[(&str, &str)]| {
        let mut arguments = vec!["fuse".to_string(), "--wat".to_string()];
        for (name, text) in modules {
            let path = folder.path().join(name).with_extension("wat");
            std::fs::write(&path, text).expect("the file can be written");
            arguments.push(path.to_string_lossy().into_owned());
        }
        let output = meld(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let writer =
        |of| format!(r#"(module (import "{of}" "m" (memory 1)) (data (i32.const 8) "seen"))"#);
    let main = ("main", r#"(module (func (export "f")))"#);
    let text = fuse(&[("writer", &writer("env")), main]);
    assert!(text.contains(r#"(import "env" "m" (memory"#), "{text}");
    assert!(text.contains(r#"(data (;0;) (i32.const 8) "seen")"#), "{text}");
    let memory = ("memory", r#"(module (memory (export "m") 1))"#);
    let face = ("face", r#"(module (import "memory" "m" (memory 1)) (export "m" (memory 0)))"#);
    let text = fuse(&[memory, face, ("writer", &writer("memory"))]);
    assert!(text.contains(r#"(data (;0;) (i32.const 8) "seen")"#), "{text}");
}

#[test]
fn standard_input_and_output() {
    let app = std::fs::read(root().join(APP)).expect("the guest is there");
    let output = meld_with(&["fuse", "-", GREETER], &app);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.starts_with(b"\0asm"));
    assert_eq!(stderr(&output), "", "nothing is said to who is no terminal");

    let text = meld(&["fuse", APP, GREETER, "--wat"]);
    assert!(stdout(&text).starts_with("(component"), "{}", stderr(&text));
    let core = meld(&["fuse", APP, GREETER, "--core", "--wat"]);
    assert!(stdout(&core).starts_with("(module"), "{}", stderr(&core));
    assert!(stdout(&core).contains("component-type"), "the world is embedded");
}

#[test]
fn same_input_same_bytes_and_trace() {
    let run = || meld(&["fuse", APP, GREETER, "--explain", "-o", "-"]);
    let (first, second) = (run(), run());
    assert!(first.status.success(), "{}", stderr(&first));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(first.stderr, second.stderr);
    assert!(stderr(&first).contains("meld.calls.adapt"));
}

#[test]
fn explains_one_port_and_as_json() {
    let one = stdout(&meld(&["fuse", APP, GREETER, "--explain=export"]));
    assert!(one.contains("export \"run\"") && !one.contains("import \""), "{one}");
    let json = |explain: &str| {
        let output = meld(&["fuse", APP, GREETER, explain, "--explain-format", "json"]);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("it is JSON")
    };
    let (all, greet) = (json("--explain"), json("--explain=greet"));
    let count = |value: &serde_json::Value| value["ports"].as_array().map_or(0, Vec::len);
    assert_eq!(all["summary"]["ports"], count(&all));
    assert!(count(&greet) > 0 && count(&greet) < count(&all), "{}", greet["summary"]);
    // Positions are those of what is printed.
    let length = |list: &str| greet[list].as_array().map_or(0, Vec::len) as u64;
    for port in greet["ports"].as_array().into_iter().flatten() {
        assert!(port["proof"].as_u64().is_some_and(|proof| proof < length("proofs")), "{port}");
        assert!(port["to"].as_u64().is_some_and(|term| term < length("terms")), "{port}");
    }
    // The shim's function leads to the adapter, and so does what fills the shim's table.
    let greet = stdout(&meld(&["fuse", APP, GREETER, "--explain=greet"]));
    assert!(greet.contains("import \"$root\" \"greet\""), "{greet}");
    assert!(greet.contains("lower(lift(body(#greeter/main.greet, "), "{greet}");
    let all = stdout(&meld(&["fuse", APP, GREETER, "--explain"]));
    let summary = all.lines().next().unwrap_or_default();
    assert!(summary.contains(" ports: ") && summary.contains("2 inline adapter"), "{summary}");
    assert!(all.contains("calls that cost most:\n"), "{all}");
    // What is printed of a term finds the port again.
    let start = |length: usize| {
        let line =
            greet.lines().find(|line| line.contains("  lower(lift(")).expect("it is printed");
        format!("--explain={}", &line.trim_start()[..length])
    };
    for length in [6, "lower(lift(body(#greeter/main.greet, ".len()] {
        let found = stdout(&meld(&["fuse", APP, GREETER, &start(length)]));
        assert!(found.contains("import \"$root\" \"greet\""), "{length}: {found}");
        assert!(!found.contains("export \"run\""), "{length}: {found}");
    }
    let none = stdout(&meld(&["fuse", APP, GREETER, "--explain=lower(lift(#"]));
    assert_eq!(none, "no port has a term in which `lower(lift(#` stands as it is printed\n");
    let none = stdout(&meld(&["fuse", APP, GREETER, "--explain=nothing"]));
    assert_eq!(none, "no port has to do with all words of `nothing`\n");
    let why = meld(&["fuse", APP, GREETER, "--why-not", "meld.calls.direct"]);
    assert!(stdout(&why).contains("post-return"), "{}", stdout(&why));
}

/// Every test of every standard rule, each rule alone.
#[test]
fn the_standard_rules_pass_their_tests() {
    let output = meld(&["rules", "test"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert!(stdout(&output).ends_with(" passed, 0 failed\n"), "{}", stdout(&output));
    let one = stdout(&meld(&["rules", "test", "--rule", "direct"]));
    assert_eq!(one, "6 passed, 0 failed\n");
}

/// `docs/rules.md` is what the packs say; `BLESS=1` writes it.
#[test]
fn the_rule_reference_is_true() {
    let path = root().join("docs/rules.md");
    let reference = stdout(&meld(&["rules", "doc"]));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &reference).expect("the reference can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference, "docs/rules.md is old: run this test with BLESS=1");
}

/// The packs that the book shows are right.
#[test]
fn the_packs_of_the_book_are_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pack.meld");
    for (page, packs) in [("docs/packs.md", 5), ("docs/async-modules.md", 1)] {
        let text = std::fs::read_to_string(root().join(page)).expect("the page is there");
        let blocks: Vec<&str> = text.split("```meld\n").skip(1).collect();
        assert_eq!(blocks.len(), packs, "{page} shows packs");
        for block in blocks {
            let text = block.split("```").next().unwrap_or_default();
            std::fs::write(&path, text).expect("the pack can be written");
            let output = meld(&["rules", "test", &path.to_string_lossy()]);
            assert!(output.status.success(), "{text}\n{}{}", stdout(&output), stderr(&output));
            let warned = stderr(&meld(&["rules", "check", &path.to_string_lossy()]));
            assert_eq!(warned, "", "{text}");
        }
    }
}

/// The first pack of the guide and its commands, on the files beside them.
#[test]
fn the_first_pack_of_the_guide_works_as_written() {
    let guide = std::fs::read_to_string(root().join("docs/packs.md")).expect("the guide is there");
    let block = |fence: &str| {
        let text = guide.split(fence).nth(1).and_then(|rest| rest.split("```").next());
        text.expect("the block is there").to_string()
    };
    let clock = "tests/guests/clock/clock.meld";
    let pack = std::fs::read_to_string(root().join(clock)).expect("the pack is there");
    assert!(block("```meld\n") == pack, "{clock} is not what the guide shows");
    let mut last = String::new();
    for command in block("```sh\n").lines() {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let output = meld(&arguments);
        assert!(output.status.success(), "{command}: {}", stderr(&output));
        last = stdout(&output);
    }
    assert!(last.contains("= fixed-clock(1700000000).now"), "{last}");
    #[cfg(feature = "verify")]
    check(
        &["verify", "tests/guests/clock/app.wat", "--calls", "1", "--rules", clock],
        1,
        "what was fused behaves differently",
    );
}

/// What `docs/explain.md` shows is what the commands in it print.
#[test]
fn the_explanations_in_the_book_are_true() {
    let page = std::fs::read_to_string(root().join("docs/explain.md")).expect("the page is there");
    let mut shown = 0;
    for block in page.split("```sh\nmeld ").skip(1) {
        let (command, rest) = block.split_once('\n').expect("a command ends its line");
        // Every second part stands in quotes.
        let words = command.split('"').enumerate().flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        let arguments: Vec<&str> = words.collect();
        let output = rest.split("```text\n").nth(1).and_then(|r| r.split("```").next());
        assert_eq!(Some(stdout(&meld(&arguments)).trim_end()), output.map(str::trim_end));
        shown += 1;
    }
    assert_eq!(shown, 3);
}

/// What a guest declares wrongly is not a pack's fault, whichever pack answers.
#[test]
fn a_function_of_another_type_than_a_packs_is_the_guests_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let guest = |import: &str| {
        let path = folder.path().join("guest.wat");
        std::fs::write(&path, format!(r#"(module {import} (export "f" (func 0)))"#)).unwrap();
        path.to_string_lossy().into_owned()
    };
    let out = folder.path().join("out.wasm").to_string_lossy().into_owned();
    let gate = guest(r#"(import "meld:gate" "enter" (func (result i64)))"#);
    let says = "guest: import `meld:gate` `enter`: it is declared as () -> (i64), and its source is \
                () -> (i32); a rule answers it in the host's place";
    check(&["fuse", &gate, "-o", &out], 1, says);
    let read = guest(
        r#"(import "pulseengine:async" "stream_read" (func (param i32) (result i64))) (memory 1)"#,
    );
    check(&["fuse", &read, "-o", &out], 1, "guest: import `pulseengine:async` `stream_read`: ");
    let misspelt = guest(r#"(import "meld:channels" "reed" (func)) (memory 1)"#);
    check(&["fuse", &misspelt, "-o", &out], 1, "did you mean \"read\"?");
    let misspelt = guest(r#"(import "meld:gate" "entr" (func (result i32)))"#);
    check(
        &["fuse", &misspelt, "-o", &out],
        1,
        "the pack meld.gate answers no \"entr\" there, but \"cancel\", \"disable\", \"enable\", \
         \"enter\", \"is-enabled\", \"leave\", \"pending\", \"resume\"; did you mean \"enter\"?",
    );
}

/// What is well-formed and cannot be fused is refused, and is not a file that cannot be read.
#[test]
fn refusals_have_an_exit_code_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |text: &str, says: &str| {
        let path = folder.path().join("guest.wat");
        std::fs::write(&path, text).expect("the file can be written");
        let path = path.to_string_lossy().into_owned();
        check(&["fuse", &path], 1, says);
        check(&["inspect", &path], 1, says);
    };
    let instance = r#"(core module $m (func (export "f"))) (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))"#;
    refused(
        &format!("(component (component $inner {instance} (start $f)))"),
        "guest: component \"inner\": function \"f\": component start functions are not supported",
    );
    let resource =
        "(component (type $file (resource (rep i64))) (core func (canon resource.new $file)))";
    refused(resource, "guest: the resource `root.file` has representations of type i64");
}

/// A resource that was named and keeps its table is told of.
#[test]
fn an_opaque_representation_without_effect_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.wasm").to_string_lossy().into_owned();
    let input = "tests/fuse/compositions/resources/never-borrowed.wat";
    let opaque = ["fuse", input, "-o", &out, "--opaque-rep", "maker.thing"];
    let says =
        "`--opaque-rep maker.thing` has no effect: `--why-not meld.resources.representation`";
    check(&opaque, 0, says);
    let granted = meld(&[&opaque[..], &["--assume", "no-forged-handles"]].concat());
    assert!(granted.status.success() && stderr(&granted).is_empty(), "{}", stderr(&granted));
    // A version has dots, too: the last one stands before the resource.
    let chain =
        ["top", "middle", "leaf-c"].map(|name| format!("tests/guests/resources/{name}.wasm"));
    let [top, middle, leaf] = &chain;
    let versioned = "meld:resources/decimals@0.1.0.float";
    let fuse = ["fuse", top, middle, leaf, "-o", &out, "--opaque-rep"];
    check(
        &[&fuse[..], &[versioned]].concat(),
        0,
        &format!("`--opaque-rep {versioned}` has no effect"),
    );
    check(&[&fuse[..], &["meld:resources/decimals@0.1.float"]].concat(), 2, versioned);
}

/// Two guests that export the same names are refused, and the way out that the refusal names is one.
#[test]
fn a_module_says_what_guests_of_the_same_exports_export() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    };
    let guest = r#"(module (memory (export "memory") 1) (func (export "run")))"#;
    let (a, b) = (file("a.wat", guest), file("b.wat", guest));
    check(&["fuse", &a, &b], 1, "add a module that imports from both and exports");
    let face = r#"(module
      (import "a" "run" (func $a))
      (import "b" "run" (func $b))
      (import "b" "memory" (memory 1))
      (export "run-a" (func $a))
      (export "run-b" (func $b))
      (export "memory" (memory 0)))"#;
    let fused = meld(&["fuse", &a, &b, &file("face.wat", face), "--wat"]);
    let text = stdout(&fused);
    for export in
        ["\"run-a\" (func $a!run)", "\"run-b\" (func $b!run)", "\"memory\" (memory $b!memory)"]
    {
        assert!(text.contains(&format!("(export {export})")), "{text}{}", stderr(&fused));
    }
}
