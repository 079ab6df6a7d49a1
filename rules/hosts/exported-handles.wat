;; The host's handles of a guest's resource: its table keeps the representation.
(module
  (import "" "new" (func $new (param i32) (result i32)))
  (import "" "rep" (func $rep (param i32) (result i32)))
  (import "" "drop" (func $drop (param i32)))
  (import "taking" "taking" (global $taking (mut i32)))

  (export "give" (func $new))
  (export "drop" (func $drop))

  ;; The host's table has no other way to give a handle back than to drop it.
  (func $meld:take-from-host (export "take") (param $handle i32) (result i32)
    (local $kept i32)
    (local.set $kept (call $rep (local.get $handle)))
    (global.set $taking (i32.const 1))
    (call $drop (local.get $handle))
    (global.set $taking (i32.const 0))
    (local.get $kept))

  ;; What the host lends of a component's own resource comes as the representation.
  (func $meld:rep-from-host (param $rep i32) (result i32) (local.get $rep))
  (export "rep" (func $meld:rep-from-host))
  (export "lend" (func $meld:rep-from-host))
  (export "borrow" (func $meld:rep-from-host))
  (func $meld:nothing-lent (export "release") (export "finish"))
)
