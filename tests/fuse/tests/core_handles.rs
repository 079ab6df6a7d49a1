//! Core modules at whose border handles cross, or whose guests have several memories there: one
//! memory faces the host, and handles are of the host's table. Made a component again by
//! wit-component, they do what the input does; and an embedder without components can run them.

use meld::{Form, Fuser};
use meld_fuse_tests::folder;
use meld_verify::{Options, compare};
use wasmi::{Caller, Engine, Extern, Instance, Linker, Module, Store, Val};
use wit_component::ComponentEncoder;

fn core(text: &[u8]) -> Vec<u8> {
    let fused = Fuser::new().input("root", text.to_vec()).form(Form::Core).fuse();
    let fused = fused.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(fused.report.warnings, Vec::<String>::new());
    fused.bytes
}

fn composition(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("the composition is there")
}

/// Fuses to a core module, and compares what wit-component makes of that with the input.
fn the_same_as_a_component(text: &[u8]) {
    let module = core(text);
    let again = ComponentEncoder::default().module(&module).expect("it has its WIT");
    let again = again.validate(true).encode().expect("its names are those of its WIT");
    for seed in 0..4 {
        let options = Options { seed, ..Options::default() };
        let report = compare(text, &again, &options).expect("both run");
        assert!(report.same() && report.skipped.is_empty(), "{report}");
    }
}

#[test]
fn handles_as_wit_component_names_them() {
    for name in ["core", "at-start", "destructors", "forged", "two-tables"] {
        the_same_as_a_component(&composition(&format!("border/{name}.wat")));
    }
}

/// Two guests, two memories, two encodings, and values in flat positions and spilled.
const MEMORIES: &str = r#"(component
  (import "log" (func $log (param "text" string)))
  (import "many" (func $many (param "n" (list u16)) (result (tuple string (list string)))))
  (component $guest
    (import "log" (func $log (param "text" string)))
    (import "many" (func $many (param "n" (list u16)) (result (tuple string (list string)))))
    (core module $libc
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 2048))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (loop $grow
          (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
            (then (drop (memory.grow (i32.const 1))) (br $grow))))
        (memory.copy (local.get $at) (local.get 0)
          (select (local.get 3) (local.get 1) (i32.lt_u (local.get 3) (local.get 1))))
        (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $log (canon lower (func $log) ENCODING (memory (core memory $libc "memory"))))
    (core func $many (canon lower (func $many) ENCODING (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "" "log" (func $log (param i32 i32)))
      (import "" "many" (func $many (param i32 i32 i32)))
      (global $calls (mut i32) (i32.const 0))
      (func (export "scalar") (param i32) (result i32) (i32.add (local.get 0) (global.get $calls)))
      (func (export "echo") (param i32 i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (call $log (local.get 0) (local.get 1))
        (call $many (i32.const 16) (i32.const 4) (i32.const 64))
        (i32.load (i32.const 68)) (drop)
        (i32.store (i32.const 32) (local.get 0))
        (i32.store (i32.const 36) (local.get 1))
        (i32.store (i32.const 40) (i32.load (i32.const 72)))
        (i32.store (i32.const 44) (i32.load (i32.const 76)))
        (i32.const 32))
      (func (export "eat") (param i32 i32) (call $log (local.get 0) (local.get 1)))
      (func (export "after") (param i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 100)))))
    (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "" (instance
      (export "log" (func $log)) (export "many" (func $many))))))
    (func (export "scalar") (param "n" u32) (result u32) (canon lift (core func $m "scalar")))
    (func (export "echo") (param "text" string) (result (tuple string (list string)))
      (canon lift (core func $m "echo") ENCODING (memory (core memory $libc "memory"))
        (realloc (core func $libc "realloc")) (post-return (core func $m "after"))))
    (func (export "eat") (param "text" string)
      (canon lift (core func $m "eat") ENCODING (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  SECOND
  (instance $one (instantiate $guest (with "log" (func $log)) (with "many" (func $many))))
  (instance $two (instantiate $second (with "log" (func $log)) (with "many" (func $many))))
  (export "t:t/one" (instance $one))
  (export "t:t/two" (instance $two)))"#;

#[test]
fn several_memories_and_encodings() {
    for (first, second) in [
        ("string-encoding=utf8", "string-encoding=utf16"),
        ("string-encoding=utf16", "string-encoding=latin1+utf16"),
        ("string-encoding=utf8", "string-encoding=utf8"),
    ] {
        let from = MEMORIES.find("  (component $guest").unwrap();
        let to = MEMORIES.find("  SECOND").unwrap();
        let other = MEMORIES[from..to].replace("$guest", "$second").replace("ENCODING", second);
        let text = MEMORIES.replace("SECOND", &other).replace("ENCODING", first);
        the_same_as_a_component(text.as_bytes());
    }
}

/// A host without components: its tables of files and things, and what it was told.
#[derive(Default)]
struct Host {
    /// Names of files, by handle; none when it is gone.
    files: Vec<Option<String>>,
    /// Representations, by handle.
    things: Vec<Option<i32>>,
    notes: Vec<String>,
}

fn text(caller: &Caller<'_, Host>, at: i32, length: i32) -> String {
    let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
    let bytes = &memory.data(caller)[at as usize..][..length as usize];
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(caller: &mut Caller<'_, Host>, text: &str, at: i32) {
    let realloc = caller.get_export("cabi_realloc").and_then(Extern::into_func).unwrap();
    let realloc = realloc.typed::<(i32, i32, i32, i32), i32>(&mut *caller).unwrap();
    let start = realloc.call(&mut *caller, (0, 0, 1, text.len() as i32)).unwrap();
    let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
    memory.write(&mut *caller, start as usize, text.as_bytes()).unwrap();
    let pair = [start.to_le_bytes(), (text.len() as i32).to_le_bytes()].concat();
    memory.write(caller, at as usize, &pair).unwrap();
}

fn linker(engine: &Engine) -> Linker<Host> {
    let mut linker = Linker::new(engine);
    let host = "t:t/host";
    let open = |mut caller: Caller<'_, Host>, at: i32, length: i32| {
        let name = text(&caller, at, length);
        caller.data_mut().files.push(Some(name));
        caller.data().files.len() as i32 - 1
    };
    linker.func_wrap(host, "[constructor]file", open).unwrap();
    let name = |mut caller: Caller<'_, Host>, file: i32, at: i32| {
        let name = caller.data().files[file as usize].clone().expect("the file is there");
        write(&mut caller, &name, at);
    };
    linker.func_wrap(host, "[method]file.name", name).unwrap();
    let note = |mut caller: Caller<'_, Host>, at: i32, length: i32| {
        let note = text(&caller, at, length);
        caller.data_mut().notes.push(note);
    };
    linker.func_wrap(host, "note", note).unwrap();
    let merge = |mut caller: Caller<'_, Host>, _: i32, _: i32, _: i32| {
        caller.data_mut().notes.push("merged".into());
    };
    linker.func_wrap(host, "merge", merge).unwrap();
    let compare = |caller: Caller<'_, Host>, a: i32, b: i32| {
        let of = |file: i32| caller.data().files[file as usize].as_deref().expect("it is there");
        of(a).cmp(of(b)) as i32
    };
    linker.func_wrap("t:t/more", "compare", compare).unwrap();
    let close = |mut caller: Caller<'_, Host>, file: i32| {
        caller.data_mut().files[file as usize].take().expect("it is closed once");
    };
    linker.func_wrap(host, "[resource-drop]file", close).unwrap();
    let things = "[export]t:t/things";
    let new = |mut caller: Caller<'_, Host>, rep: i32| {
        caller.data_mut().things.push(Some(rep));
        caller.data().things.len() as i32 - 1
    };
    linker.func_wrap(things, "[resource-new]thing", new).unwrap();
    let rep = |caller: Caller<'_, Host>, thing: i32| {
        caller.data().things[thing as usize].expect("the thing is there")
    };
    linker.func_wrap(things, "[resource-rep]thing", rep).unwrap();
    let drop = |mut caller: Caller<'_, Host>, thing: i32| {
        let rep = caller.data_mut().things[thing as usize].take().expect("it is dropped once");
        let destructor = caller.get_export("t:t/things#[dtor]thing").and_then(Extern::into_func);
        let destructor = destructor.unwrap().typed::<i32, ()>(&caller).unwrap();
        destructor.call(&mut caller, rep).unwrap();
    };
    linker.func_wrap(things, "[resource-drop]thing", drop).unwrap();
    linker
}

struct Running {
    store: Store<Host>,
    instance: Instance,
}

impl Running {
    fn call(&mut self, name: &str, args: &[i32]) -> Option<i32> {
        let func = self.instance.get_func(&self.store, name).expect("the export is there");
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, &args, &mut results).unwrap_or_else(|e| panic!("{name}: {e}"));
        results.first().and_then(Val::i32)
    }

    /// Puts text where the module's allocator says; its pointer and length.
    fn put(&mut self, text: &str) -> [i32; 2] {
        let length = text.len() as i32;
        let at = self.call("cabi_realloc", &[0, 0, 1, length]).unwrap();
        let memory = self.instance.get_memory(&self.store, "memory").unwrap();
        memory.write(&mut self.store, at as usize, text.as_bytes()).unwrap();
        [at, length]
    }

    /// The string whose pointer and length are in memory.
    fn get(&self, at: i32) -> String {
        let memory = self.instance.get_memory(&self.store, "memory").unwrap();
        let data = memory.data(&self.store);
        let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) as usize;
        let (start, length) = (word(at as usize), word(at as usize + 4));
        String::from_utf8(data[start..start + length].to_vec()).unwrap()
    }
}

#[test]
fn an_embedder_without_components() {
    let engine = Engine::default();
    let module = Module::new(&engine, core(&composition("border/core.wat"))).unwrap();
    let mut store = Store::new(&engine, Host::default());
    let instance = linker(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let mut running = Running { store, instance };
    let make = "t:t/things#[constructor]thing";
    let [at, length] = running.put("größer");
    let thing = running.call(make, &[at, length]).unwrap();
    running.call(&format!("cabi_post_{make}"), &[thing]);
    assert_eq!(running.store.data().files, [Some("größer".to_string())]);
    // A borrow of the module's own resource is its representation.
    let rep = running.store.data().things[thing as usize].unwrap();
    let name = "t:t/things#[method]thing.name";
    let at = running.call(name, &[rep]).unwrap();
    assert_eq!(running.get(at), "größer");
    running.call(&format!("cabi_post_{name}"), &[at]);
    // A borrow of the host's is a handle, which the module drops.
    running.store.data_mut().files.push(Some("größer".into()));
    assert_eq!(running.call("t:t/things#[method]thing.same", &[rep, 1]), Some(3));
    assert_eq!(running.store.data().files[1], None);
    // Ownership comes back: the host's entry goes without the destructor, the guest's drop runs it.
    let file = running.call("t:t/things#[static]thing.into", &[thing]).unwrap();
    assert_eq!(running.store.data().things, [None]);
    assert_eq!(running.store.data().notes, ["gone"]);
    let files = &running.store.data().files;
    assert_eq!(files, &[None, None, Some("größer".to_string())]);
    assert_eq!(file, 2);
    // The host drops.
    let [at, length] = running.put("x");
    let thing = running.call(make, &[at, length]).unwrap();
    running.call(&format!("cabi_post_{make}"), &[thing]);
    let rep = running.store.data_mut().things[thing as usize].take().unwrap();
    running.call("t:t/things#[dtor]thing", &[rep]);
    assert_eq!(running.store.data().notes, ["gone", "gone"]);
    assert_eq!(running.store.data().files[3], None);
    assert_eq!(running.call("made", &[]), Some(2));
}

/// A function of the host as a destructor: what it is given is a handle of the guest's table, or a trap.
#[test]
fn functions_of_the_host_that_destroy() {
    let text = r#"(component
      (import "t:t/host" (instance $host
        (export "file" (type $f (sub resource)))
        (export "close" (func (param "f" (own $f))))))
      (core func $close (canon lower (func $host "close")))
      (type $t (resource (rep i32) (dtor (core func $close))))
      (core func $new (canon resource.new $t))
      (core func $drop (canon resource.drop $t))
      (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "drop" (func $drop (param i32)))
        (func (export "run") (param i32) (call $drop (call $new (local.get 0)))))
      (core instance $m (instantiate $m (with "" (instance
        (export "new" (func $new)) (export "drop" (func $drop))))))
      (func (export "run") (param "rep" u32) (canon lift (core func $m "run"))))"#;
    the_same_as_a_component(text.as_bytes());
    let engine = Engine::default();
    let module = Module::new(&engine, core(text.as_bytes())).unwrap();
    let mut store = Store::new(&engine, Host::default());
    let mut linker = Linker::new(&engine);
    let note = |mut caller: Caller<'_, Host>, file: i32| {
        caller.data_mut().notes.push(format!("closed {file}"));
    };
    for name in ["close", "[resource-drop]file"] {
        linker.func_wrap("t:t/host", name, note).unwrap();
    }
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, ()>(&store, "run").unwrap();
    run.call(&mut store, 5).unwrap_err();
    assert_eq!(store.data().notes, Vec::<String>::new());
}
