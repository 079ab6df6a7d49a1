;; Handles that are the representation itself. Nothing is kept, so nothing is checked.
(module
  (import "" "destroy" (func $destroy (param i32)))

  (func $meld:same-handle (param $rep i32) (result i32) (local.get $rep))
  (export "give" (func $meld:same-handle))
  (export "take" (func $meld:same-handle))
  (export "rep" (func $meld:same-handle))
  (export "lend" (func $meld:same-handle))
  (export "borrow" (func $meld:same-handle))
  (export "drop" (func $destroy))
  (func $meld:nothing-to-do (export "release") (export "finish"))
)
