//! Guests with WASI: a command in C and a library, in C or Rust, each by its own preview 1 adapter.
//! Streams, descriptors and clocks are resources of the host, which both of them use, and the
//! library's reports are resources between the two: unfused and fused, the output is the same.

use meld::{Form, Fuser};
use meld_fuse_tests::wasi::{Ran, run};
use std::path::Path;
use wit_component::ComponentEncoder;

/// What the sources say.
const OUTPUT: &str = "\
argument 0: command
argument 1: one
argument 2: zwei
argument 3: trois 3
argument 4: €
the library sees 5 of them
NAME is a name
it is after 2020: 1
the library's clocks go on: 1
so do these: 1
the library reads 0 bytes of it
lines.txt: first line
lines.txt: second line
the library reads 23 bytes of it
text.txt: hé €
the library reads 8 bytes of it
/nowhere: no such directory
the library finds the same 3 names: 1
# Files
first line
second line
hé €
1 report lives
# Files
first line
second line
hé €
0 reports live
";

fn check(library: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/wasi");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let arguments = ["command", "one", "zwei", "trois 3", "€"];
    let run = |component: &[u8]| run(component, &arguments, &folder.join("files")).unwrap();
    let fuser =
        Fuser::new().input("command", read("command-c.wasm")).input("library", read(library));
    let expected = Ran { succeeded: true, output: OUTPUT.into(), errors: "done\n".into() };
    assert_eq!(run(&fuser.compose().unwrap()), expected, "composed");
    assert_eq!(run(&fuser.fuse().unwrap().bytes), expected, "fused");
    // The names of its imports and exports are those that make it a component again.
    let core = fuser.form(Form::Core).fuse().unwrap().bytes;
    let again = ComponentEncoder::default().validate(true).module(&core).unwrap().encode().unwrap();
    assert_eq!(run(&again), expected, "as a core module");
}

#[test]
fn a_command_and_a_library_in_c() {
    check("library-c.wasm");
}

#[test]
fn a_command_in_c_and_a_library_in_rust() {
    check("library-rust.wasm");
}
