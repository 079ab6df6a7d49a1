;; Handles that the host has lent, of all its resource types: 8 bytes each, the handle and the number of
;; the one of its type that was lent before it.
(module
  (import "traps" "too-many-handles" (func $too-many-handles))

  (memory 1)
  ;; How many there are room for so far, and how many of those have not been given back.
  (global $length (mut i32) (i32.const 0))
  (global $open (mut i32) (i32.const 0))

  (func $meld:push-lend (export "push") (param $handle i32) (param $before i32) (result i32)
    (local $entry i32)
    (local.set $entry (i32.shl (global.get $length) (i32.const 3)))
    ;; A page holds 2^13.
    (if (i32.ge_u (i32.shr_u (global.get $length) (i32.const 13)) (memory.size))
      (then
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
          (then (call $too-many-handles) (unreachable)))))
    (i32.store (local.get $entry) (local.get $handle))
    (i32.store offset=4 (local.get $entry) (local.get $before))
    (global.set $length (i32.add (global.get $length) (i32.const 1)))
    (global.set $open (i32.add (global.get $open) (i32.const 1)))
    (i32.sub (global.get $length) (i32.const 1)))

  (func $meld:lent-handle (export "handle") (param $number i32) (result i32)
    (i32.load (i32.shl (local.get $number) (i32.const 3))))

  ;; The one before; its place is used again when all have been given back.
  (func $meld:pop-lend (export "pop") (param $number i32) (result i32)
    (global.set $open (i32.sub (global.get $open) (i32.const 1)))
    (if (i32.eqz (global.get $open)) (then (global.set $length (i32.const 0))))
    (i32.load offset=4 (i32.shl (local.get $number) (i32.const 3))))
)
