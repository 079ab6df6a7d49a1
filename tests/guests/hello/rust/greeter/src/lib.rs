//! Greets.

wit_bindgen::generate!({ path: "../../wit", world: "greeter" });
export!(Greeter);

struct Greeter;

impl Guest for Greeter {
    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}
