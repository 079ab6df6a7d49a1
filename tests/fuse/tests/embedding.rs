//! The host of `docs/embedding.md` runs what the command beside it makes.

#[path = "../examples/embed.rs"]
mod embed;

use meld::{Form, Fuser};
use meld_fuse_tests::sources::Sources;

#[test]
fn the_host_of_the_book_runs() {
    let page = Sources::read().unwrap().text("docs/embedding.md").unwrap();
    let host = Sources::read().unwrap().text("tests/fuse/examples/embed.rs").unwrap();
    let (_, functions) = host.split_once("/// What `run` returns.").unwrap();
    let (functions, _) = functions.split_once("fn export<T>").unwrap();
    let shown = page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let shown = shown.expect("the page shows the host");
    assert!(shown.contains(functions.trim()), "the page shows another host than {functions}");

    let command = page.split("```sh\n").nth(1).and_then(|rest| rest.lines().next());
    let app = "tests/guests/hello/app.wasm";
    assert_eq!(command, Some(&*format!("meld fuse {app} --core -o app-core.wasm")));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bytes = std::fs::read(root.join(app)).unwrap();
    let fused = Fuser::new().input("app", bytes).form(Form::Core).fuse().unwrap();
    let text = embed::run(&fused.bytes).unwrap();
    let says = page.split("```text\n").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!(Some(text.as_str()), says);
}
