//! `meld verify` and `meld inspect`, as users run them, and the JSON that commands print.

#![cfg(feature = "verify")]

mod common;

use common::{APP, GREETER, check, meld, meld_with, root, stderr, stdout};
use serde_json::Value;

/// Writes a file into a folder of its own.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("the file can be written");
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn inspects_before_and_after() {
    let before = json(&stdout(&meld(&["inspect", APP, "--json"])));
    assert_eq!(before["kind"], "program");
    // For size, adapters stay functions of their own.
    let fused = meld(&["fuse", APP, GREETER, "-O", "size"]);
    let text = meld(&["fuse", APP, GREETER, "-O", "size", "--wat"]);
    let names = ["greeter/main!memory", "app/main!memory", "meld:adapter"];
    for form in [&fused.stdout, &text.stdout] {
        let after = stdout(&meld_with(&["inspect", "-"], form));
        assert!(names.iter().all(|name| after.contains(name)), "{after}");
        let after = json(&stdout(&meld_with(&["inspect", "-", "--json"], form)));
        assert_eq!(after["kind"], "fused");
        assert_eq!(after["memories"][0]["owner"], "greeter/main");
        assert_eq!(after["memories"][0]["initial_pages"], 17);
    }
}

/// The world of a component, fused or not, and the face of a core module.
#[test]
fn inspect_tells_imports_and_exports() {
    let app = json(&stdout(&meld(&["inspect", APP, "--json"])));
    let greet = serde_json::json!({ "name": "greet", "signature": "func(string) -> string" });
    assert_eq!((&app["imports"][0], &app["core"]), (&greet, &serde_json::json!([])));
    let alone = meld(&["fuse", APP]);
    let fused = json(&stdout(&meld_with(&["inspect", "-", "--json"], &alone.stdout)));
    assert_eq!(fused["world"]["imports"], serde_json::json!([greet]));
    let run = serde_json::json!([{ "name": "run", "signature": "func() -> string" }]);
    assert_eq!(fused["world"]["exports"], run);
    let text = stdout(&meld_with(&["inspect", "-"], &alone.stdout));
    for title in ["imports of the component\n", "imports of the core module\n"] {
        assert!(text.contains(title), "{text}");
    }
    let core = meld(&["fuse", APP, "--core"]);
    let core = json(&stdout(&meld_with(&["inspect", "-", "--json"], &core.stdout)));
    assert_eq!(core["world"], Value::Null);

    let module = br#"(module (import "env" "g" (global (mut i64)))
        (import "env" "t" (table 1 2 funcref)) (memory (export "m") 1) (tag (export "e") (param i32))
        (func (export "f") (param i32 i64) (result i32 f32) unreachable))"#;
    let plain = json(&stdout(&meld_with(&["inspect", "-", "--json"], module)));
    let types = |side: &str| -> Vec<Value> {
        let items = plain["core"][0][side].as_array().cloned().unwrap_or_default();
        items.into_iter().map(|item| item["type"].clone()).collect()
    };
    assert_eq!(types("imports"), ["global mut i64", "table of 1..2 funcref"]);
    assert_eq!(types("exports"), ["memory of 1 page", "tag(i32)", "func(i32, i64) -> (i32, f32)"]);
}

/// Of several core modules, each; of the fused one, which memories its host can get at, and what is of meld.
/// A core module that the root imports is an import like others, and calls of its functions are calls of the host.
#[test]
fn inspect_tells_of_core_modules_that_the_root_imports() {
    let (_folder, path) = file(
        "host.wat",
        r#"(component
             (import "sys" (core module $sys (export "log" (func (param i32) (result i64)))))
             (core instance $sys (instantiate $sys))
             (core module $m
               (import "s" "log" (func $log (param i32) (result i64)))
               (func (export "run") (drop (call $log (i32.const 1)))))
             (core instance $m (instantiate $m (with "s" (instance $sys))))
             (func (export "run") (canon lift (core func $m "run"))))"#,
    );
    let before = json(&stdout(&meld(&["inspect", &path, "--json"])));
    assert_eq!(before["imported_modules"], serde_json::json!(["sys"]));
    let edge = &before["edges"][0];
    let told = ["to", "function", "signature"].map(|key| edge[key].as_str().unwrap());
    assert_eq!(told, ["host", "sys#log", "func(i32) -> i64"]);
    let fused = meld(&["fuse", &path]);
    let after = json(&stdout(&meld_with(&["inspect", "-", "--json"], &fused.stdout)));
    assert_eq!(after["world"]["imported_modules"], serde_json::json!(["sys"]));
    let text = stdout(&meld_with(&["inspect", "-"], &fused.stdout));
    assert!(text.contains("core modules that the component imports\n  module\n  sys\n"), "{text}");
}

#[test]
fn inspect_tells_of_all_core_modules() {
    let (_folder, one) = file(
        "one.wat",
        r#"(module (import "two" "g" (func $g)) (memory (export "memory") 1)
            (func (export "f") (call $g) (i32.store (i32.const 0) (i32.const 1))))"#,
    );
    let (_other, two) = file(
        "two.wat",
        r#"(module (import "env" "h" (func $h (param i32))) (memory 2)
            (func (export "g") (call $h (i32.load (i32.const 0)))))"#,
    );
    let found = json(&stdout(&meld(&["inspect", &one, &two, "--json"])));
    let faces: Vec<_> = found["core"].as_array().into_iter().flatten().collect();
    let tell = |face: &Value| {
        (
            face["name"].clone(),
            face["imports"][0]["name"].clone(),
            face["exports"].as_array().map(Vec::len),
        )
    };
    let expected = [("one".into(), "g".into(), Some(2)), ("two".into(), "h".into(), Some(1))];
    assert_eq!(faces.into_iter().map(tell).collect::<Vec<_>>(), expected);
    let text = stdout(&meld(&["inspect", &one, &two]));
    for title in ["imports of one\n", "exports of one\n", "imports of two\n"] {
        assert!(text.contains(title), "{text}");
    }

    let fused = meld(&["fuse", &one, &two]).stdout;
    let found = json(&stdout(&meld_with(&["inspect", "-", "--json"], &fused)));
    let memories: Vec<_> = found["memories"].as_array().into_iter().flatten().collect();
    let names = |memory: &Value| (memory["owner"].clone(), memory["exported_as"].clone());
    let expected =
        [("two".into(), Value::Array(Vec::new())), ("one".into(), serde_json::json!(["memory"]))];
    assert_eq!(memories.into_iter().map(names).collect::<Vec<_>>(), expected);
    let text = stdout(&meld_with(&["inspect", "-"], &fused));
    assert!(text.contains("  1       1 page   memory       one!memory\n"), "{text}");

    // What a standard pack brings is not a guest's, whatever its functions are called.
    let values =
        ["tests/guests/values/consumer-c-utf8.wasm", "tests/guests/values/provider-rust.wasm"];
    let fused = meld(&["fuse", values[0], values[1], "-O", "size"]).stdout;
    let found = json(&stdout(&meld_with(&["inspect", "-", "--json"], &fused)));
    let origins = found["origins"].as_array().into_iter().flatten();
    let guests: Vec<_> = origins.filter(|origin| origin["by_meld"] == false).collect();
    let names: Vec<_> = guests.iter().map(|origin| origin["name"].clone()).collect();
    assert_eq!(names, ["provider-rust/main", "consumer-c-utf8/main"]);
}

/// Before fusion what rules go by and what they choose, after it what they chose; and long types make no
/// wide tables.
#[test]
fn inspect_tells_of_resources() {
    let top = "tests/guests/resources/top.wasm";
    let text = stdout(&meld(&["inspect", top]));
    assert!(text.contains("  checked-table (root), of-host (host)\n"), "{text}");
    let calls = text.split("\n\n").find(|table| table.starts_with("calls between"));
    let widest = calls.and_then(|table| table.lines().map(|line| line.chars().count()).max());
    assert!(widest.is_some_and(|widest| widest < 260), "{text}");
    let before = json(&stdout(&meld(&["inspect", top, "--json"])));
    let lent: Vec<&Value> =
        before["resources"].as_array().into_iter().flatten().map(|r| &r["lent"]).collect();
    assert_eq!(lent, [true, true]);

    let maker = "tests/fuse/compositions/resources/never-borrowed.wat";
    let tables = |options: &[&str]| {
        let fused = meld(&[&["fuse", maker], options].concat());
        let text = stdout(&meld_with(&["inspect", "-"], &fused.stdout));
        let json = json(&stdout(&meld_with(&["inspect", "-", "--json"], &fused.stdout)));
        let tables = json["handle_tables"].as_array().cloned().unwrap_or_default();
        assert_eq!(text.contains("checked tables of handles"), !tables.is_empty(), "{text}");
        tables.into_iter().map(|table| table["instance"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(tables(&[]), ["maker", "user"]);
    let direct = ["--opaque-rep", "maker.thing", "--assume", "no-forged-handles"];
    assert!(tables(&direct).is_empty());

    // The same options as for fusing decide the same.
    let inspect = |options: &[&str]| {
        let text = stdout(&meld(&[&["inspect", maker], options].concat()));
        let json = json(&stdout(&meld(&[&["inspect", maker, "--json"], options].concat())));
        let chosen = json["resources"][0]["representations"].as_array().cloned();
        let chosen = chosen.unwrap_or_default().into_iter();
        let chosen: Vec<[String; 2]> = chosen
            .map(|chosen| {
                ["instance", "option"].map(|key| chosen[key].as_str().unwrap().to_string())
            })
            .collect();
        (text, chosen, json["refused"].clone())
    };
    let both = |option: &str| ["maker", "user"].map(|who| [who.to_string(), option.to_string()]);
    let (text, chosen, refused) = inspect(&[]);
    assert!(text.contains("  checked-table (maker, user)\n"), "{text}");
    assert_eq!((&chosen[..], refused), (&both("meld.resources.checked-table")[..], Value::Null));
    let (text, chosen, _) = inspect(&direct);
    assert!(text.contains("  representation (maker, user)\n"), "{text}");
    assert_eq!(chosen, both("meld.resources.representation"));
    // Without the assumption it is not to be had, and that is said.
    let (text, ..) = inspect(&direct[..2]);
    assert!(
        text.contains("warning: `--opaque-rep maker.thing` has no effect: `--why-not"),
        "{text}"
    );
    assert_eq!(inspect(&direct[..2]).1, both("meld.resources.checked-table"));
    let (text, chosen, refused) = inspect(&["--disable", "checked-table"]);
    assert!(text.contains("This is not fused:\n"), "{text}");
    assert!(chosen.is_empty() && refused.as_str().is_some_and(|r| r.contains("checked-table")));
    check(&["inspect", maker, "--opaque-rep", "maker.thin"], 2, "`maker.thing`");
}

/// The handles that the book teaches to write are chosen where it says so, and do what others do.
#[test]
fn handles_of_ones_own_work_as_written() {
    let page = std::fs::read_to_string(root().join("docs/packs.md")).expect("the page is there");
    let block = page.split("```meld\n").find(|block| block.starts_with("pack my.handles\n"));
    let pack = block.and_then(|block| block.split("```").next()).expect("the page shows the pack");
    let (_folder, pack) = file("my-handles.meld", pack);
    let command = page.split("```sh\n").find(|block| block.contains("--rules my-handles.meld"));
    let command = command.and_then(|block| block.split("\n```").next()).expect("and how to use it");
    let command = command.replace("\\\n", "").replace("my-handles.meld", &pack);
    let inspect: Vec<&str> = command.split_whitespace().skip(1).collect();
    let found = json(&stdout(&meld(&[&inspect[..], &["--json"]].concat())));
    let chosen: Vec<&Value> =
        found["resources"][0]["representations"].as_array().into_iter().flatten().collect();
    assert!(chosen.len() == 2, "{found}");
    assert!(
        chosen.iter().all(|one| one["option"] == "my.handles.next-to-representation"),
        "{found}"
    );
    let verified = meld(&[&["verify"], &inspect[1..]].concat());
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
}

/// What is most likely a mistake of the composition, with the reason; of several inputs, composed.
#[test]
fn inspect_tells_of_calls_that_always_trap() {
    let path = "tests/fuse/compositions/reentrance/self-call.wat";
    let text = stdout(&meld(&["inspect", path]));
    assert!(text.contains("calls that always trap\n") && text.contains("cannot-enter"), "{text}");
    let found = json(&stdout(&meld(&["inspect", path, "--core", "--json"])));
    let expected = serde_json::json!([
        { "from": "self/n", "import_module": "", "import_name": "f", "reason": "cannot-enter" }
    ]);
    assert_eq!(found["always_trapping"], expected);
    let both = stdout(&meld(&["inspect", APP, GREETER]));
    assert!(both.contains("  greeter  ") && !both.contains("always trap"), "{both}");
}

/// Some programs are refused only when they are written.
#[test]
fn inspect_tells_what_fuse_refuses() {
    let path = "tests/fuse/compositions/refused/table-starts-with-a-global.wat";
    let found = json(&stdout(&meld(&["inspect", path, "--json"])));
    let reason = found["refused"].as_str().expect("it is refused");
    assert!(reason.starts_with("root/B: table `t` starts"), "{reason}");
    check(&["fuse", path, "-o", "-"], 1, reason);
}

/// A toolchain's component calls the host through a table that a module of its own fills: the
/// import there is called `0`, which says nothing.
#[test]
fn inspect_names_functions_of_the_host() {
    let app = json(&stdout(&meld(&["inspect", APP, "--json"])));
    let edge = &app["edges"][0];
    let import = (&edge["import_module"], &edge["import_name"]);
    assert_eq!((import, &edge["to"]), ((&"actual".into(), &"0".into()), &"host".into()));
    assert_eq!(edge["function"], "greet");
    let values = meld(&["inspect", "tests/guests/values/consumer-rust.wasm"]);
    assert!(
        stdout(&values).contains("  host  meld:values/values#echo-u8  "),
        "{}",
        stdout(&values)
    );
}

const LOOP: &str = r#"(component
    (core module $m (func (export "f") (loop (br 0))))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))"#;

#[test]
fn verify_tells_what_it_cannot_tell() {
    let (_folder, endless) = file("loop.wat", LOOP);
    check(
        &["verify", &endless, "--fuel", "1000"],
        6,
        "those out of fuel get further with `--fuel`\n",
    );
    let output = stdout(&meld(&["verify", &endless, "--fuel", "1000"]));
    assert!(output.contains("2 calls, 0 different, 1 inconclusive"), "{output}");
    check(&["verify", APP, GREETER], 0, "");
    let (command, library) =
        ("tests/guests/wasi/command-c.wasm", "tests/guests/wasi/library-rust.wasm");
    let output = meld(&["verify", command, library]);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    for says in ["no function could be called", "answers are generated: write the output"] {
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
    let stopped = "before which the host's answers were generated: (instantiate)\n";
    assert!(stdout(&output).contains(stopped), "{}", stdout(&output));
    let (_folder, importer) = file(
        "importer.wat",
        r#"(component (import "m" (core module $m (export "f" (func (result i32)))))
            (core instance $i (instantiate $m))
            (core module $n (import "m" "f" (func $f (result i32)))
                (func (export "f") (result i32) (i32.add (call $f) (i32.const 1))))
            (core instance $n (instantiate $n (with "m" (instance $i))))
            (func (export "f") (result u32) (canon lift (core func $n "f"))))"#,
    );
    check(&["verify", &importer], 6, "on an engine that supplies the imports");
}

/// A debug build of the engine asserts that the `realloc` that it calls itself has a 32-bit type.
#[test]
fn verify_tells_of_faults_of_the_engine() {
    let (_folder, wide) = file(
        "wide.wat",
        r#"(component
            (core module $m (memory (export "memory") i64 1)
                (func (export "realloc") (param i64 i64 i64 i64) (result i64) (i64.const 1024))
                (func (export "f") (param i64 i64) (result i32) (i32.wrap_i64 (local.get 1))))
            (core instance $i (instantiate $m))
            (alias core export $i "memory" (core memory $memory))
            (alias core export $i "realloc" (core func $realloc))
            (func (export "f") (param "a" string) (result u32)
                (canon lift (core func $i "f") (memory $memory) (realloc $realloc))))"#,
    );
    let output = meld(&["verify", &wide]);
    let errors = stderr(&output);
    // Without the assertion the engine does what it should.
    if output.status.code() == Some(0) {
        return;
    }
    assert_eq!(output.status.code(), Some(6), "{errors}");
    assert!(stdout(&output).contains("inconclusive, once: f("), "{}", stdout(&output));
    assert!(
        errors.contains("the engine itself failed in calls of f, which is no fault"),
        "{errors}"
    );
    assert!(!errors.contains("--fuel") && !errors.contains("panicked"), "{errors}");
}

#[test]
fn verify_links_core_modules() {
    let (_folder, library) = file(
        "library.wat",
        r#"(module (memory (export "memory") 1)
            (func (export "put") (param i32) (i32.store (i32.const 8) (local.get 0))))"#,
    );
    let (_other, app) = file(
        "app.wat",
        r#"(module (import "library" "put" (func $put (param i32)))
            (import "env" "get" (func $get (result i32)))
            (func (export "f") (param i32)
                (call $put (i32.add (call $get) (local.get 0)))))"#,
    );
    let output = meld(&["verify", &app, &library]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(
        text.ends_with("17 calls, 0 different, 0 inconclusive; 0 functions skipped\n"),
        "{text}"
    );
}

/// Each part of the example stands in the value: an object's entries by key, a list's in order.
fn contains(value: &Value, example: &Value) -> bool {
    match (value, example) {
        (Value::Object(value), Value::Object(example)) => {
            example.iter().all(|(key, part)| value.get(key).is_some_and(|v| contains(v, part)))
        }
        (Value::Array(value), Value::Array(example)) => {
            let mut rest = value.iter();
            example.iter().all(|part| rest.any(|v| contains(v, part)))
        }
        _ => value == example,
    }
}

/// What `docs/cli.md` shows of JSON is part of what the commands beside it print.
#[test]
fn the_json_in_the_book_is_true() {
    let page = std::fs::read_to_string(root().join("docs/cli.md")).expect("the page is there");
    let mut shown = 0;
    for block in page.split("```sh\nmeld ").skip(1) {
        let (command, rest) = block.split_once('\n').expect("a command ends its line");
        let example = rest.split("```json\n").nth(1).and_then(|r| r.split("```").next());
        let example = json(example.expect("JSON stands below the command"));
        let mut input = Vec::new();
        for command in command.split(" | meld ") {
            let arguments: Vec<&str> = command.split(' ').collect();
            let output = meld_with(&arguments, &input);
            assert!(output.status.success(), "{command}: {}", stderr(&output));
            input = output.stdout;
        }
        let printed = json(&String::from_utf8(input).expect("JSON is text"));
        assert!(contains(&printed, &example), "{command} prints {printed:#}, not {example:#}");
        shown += 1;
    }
    assert_eq!(shown, 4);
}
