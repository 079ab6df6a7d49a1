;; The host's handles of its own resources, which are what guests' tables keep.
(module
  (import "" "drop" (func $drop (param i32)))
  (import "lends" "push" (func $push (param i32 i32) (result i32)))
  (import "lends" "handle" (func $handle (param i32) (result i32)))
  (import "lends" "pop" (func $pop (param i32) (result i32)))

  ;; The last one of this resource type that the host has lent, or -1.
  (global $last (mut i32) (i32.const -1))

  (func $meld:host-handle (param $handle i32) (result i32) (local.get $handle))
  (export "give" (func $meld:host-handle))
  (export "take" (func $meld:host-handle))
  (export "rep" (func $meld:host-handle))
  (export "borrow" (func $meld:host-handle))
  (export "drop" (func $drop))

  ;; A handle that the host lends has to be dropped before the exported function returns.
  (func $meld:lend-host-handle (export "lend") (param $handle i32) (result i32)
    (global.set $last (call $push (local.get $handle) (global.get $last)))
    (local.get $handle))

  (func $meld:release-host-handles (export "release")
    (block $done
      (loop $next
        (br_if $done (i32.eq (global.get $last) (i32.const -1)))
        (call $drop (call $handle (global.get $last)))
        (global.set $last (call $pop (global.get $last)))
        (br $next))))

  (func (export "finish"))
)
