use crate::compose::ComposeError;
use crate::read::Error;
use crate::testing::read_all;

/// What a component exports that stands in the place of an interface with a resource `r` and a function.
fn shape(instance: &str, resource: &str, function: &str, ty: [&str; 2]) -> String {
    let [param, result] = ty;
    let ty = |r: &str| format!("(param \"x\" {param}) (result {result})").replace("$r", r);
    format!(
        r#"(component $shape-{instance}
          (import "r" (type $r (sub resource)))
          (import "f" (func $f {}))
          (export $u "r" (type $r))
          (export "{function}" (func $f) (func {})))
        (func $f-{instance} {} (canon lift (core func $m "f")))
        (instance $i-{instance} (instantiate $shape-{instance} (with "r" (type {resource}))
          (with "f" (func $f-{instance}))))
        (export "t:p/{instance}" (instance $i-{instance}))"#,
        ty("$r"),
        ty("$u"),
        ty(resource)
    )
}

const MODULE: &str = r#"(core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $m))"#;

fn leaf(resource: &str) -> String {
    shape("leaf", resource, "make", ["u32", "(own $r)"])
}

fn other(resource: &str) -> String {
    shape("other", resource, "eat", ["(own $r)", "u32"])
}

/// Implements interfaces, each over a resource of its own.
fn provider(interfaces: &[fn(&str) -> String]) -> String {
    let mut text = format!("(component {MODULE}");
    for (i, interface) in interfaces.iter().enumerate() {
        text += &format!("(type $t{i} (resource (rep i32))) {}", interface(&format!("$t{i}")));
    }
    text + ")"
}

/// Has the resource of one interface in another, or in a function of no interface.
fn consumer(import: &str) -> String {
    format!(
        r#"(component
          (import "t:p/leaf" (instance $leaf
            (export "r" (type $r (sub resource)))
            (export "make" (func (param "x" u32) (result (own $r))))))
          (alias export $leaf "r" (type $r))
          {MODULE} {import}
          (func (export "run") (param "x" u32) (result u32) (canon lift (core func $m "f"))))"#
    )
}

const OTHER: &str = r#"(import "t:p/other" (instance
    (export "r" (type $r2 (eq $r)))
    (export "eat" (func (param "x" (own $r2)) (result u32)))))"#;

/// What is said of inputs that do not fit by their resources.
fn refusal(inputs: &[(&str, String)]) -> String {
    match read_all(inputs) {
        Err(Error::Compose(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn resources_have_to_be_the_same_ones() {
    let app = || ("app", consumer(OTHER));
    let mismatch = |provider: &str, reason: &str| {
        format!(
            "`{provider}` exports `t:p/other`, but not as `app` imports it: the resource `r` has to be `t:p/leaf.r`, which {reason}"
        )
    };
    let inputs = [app(), ("leaf", provider(&[leaf])), ("other", provider(&[other]))];
    let says = mismatch("other", "`leaf` implements, and is another one, of `other`");
    assert_eq!(refusal(&inputs), says);
    let inputs = [app(), ("both", provider(&[leaf, other]))];
    let says = mismatch("both", "`both` implements, and is another one, of `both`");
    assert_eq!(refusal(&inputs), says);
    let inputs = [app(), ("other", provider(&[other]))];
    let says = mismatch("other", "the host implements, and is another one, of `other`");
    assert_eq!(refusal(&inputs), says);

    // Who has the resource from the same import has the same one.
    let over = consumer(&other("$r")).replace("\"run\"", "\"unused\"");
    read_all(&[app(), ("over", over.clone())]).expect("both have it from the host");
    read_all(&[app(), ("over", over), ("leaf", provider(&[leaf]))])
        .expect("both have that of leaf");
}

#[test]
fn the_host_cannot_have_resources_of_inputs() {
    let leaf = ("leaf", provider(&[leaf]));
    let function = r#"(import "sink" (func (param "x" (list (option (own $r))))))"#;
    for (import, name) in [(OTHER, "t:p/other"), (function, "sink")] {
        let says = refusal(&[("app", consumer(import)), leaf.clone()]);
        let start = format!(
            "`app` imports `{name}`, which no input exports, with the resource `t:p/leaf.r`, which `leaf` implements"
        );
        assert!(says.starts_with(&start), "{says}");
        // With nobody to implement it, it is the host's.
        assert!(read_all(&[("app", consumer(import))]).is_ok());
    }
}

#[test]
fn an_interface_without_the_resource_does_not_fit() {
    let text = r#"(type $p' (record (field "a" u32))) (export $p "p" (type $p'))
        (func $f (param "x" u32) (result RESULT) (canon lift (core func $m "f")))
        (instance $i EXPORT (export "make" (func $f))) (export "t:p/leaf" (instance $i))"#;
    let rows = [
        ("", "u32", "instance is missing expected resource export `r`"),
        (r#"(export "r" (type $p))"#, "$p", "expected resource, found record"),
    ];
    for (export, result, says) in rows {
        let text = text.replace("EXPORT", export).replace("RESULT", result);
        let inputs = [("app", consumer("")), ("leaf", format!("(component {MODULE} {text})"))];
        let error = match read_all(&inputs) {
            Err(Error::Compose(error @ ComposeError::TypeMismatch { .. })) => error.to_string(),
            other => panic!("{other:?}"),
        };
        let start = "`leaf` exports `t:p/leaf`, but not as `app` imports it: ";
        assert!(error.starts_with(start) && error.contains(says), "{error}");
    }
}
