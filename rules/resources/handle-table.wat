;; The handles of one component instance, of all its resource types ("Table State" and "Resource
;; State" in the Canonical ABI).
;;
;; Handle `h` has 16 bytes at `16 * h`:
;;
;;   0  its resource type, by number from 1 on; 0 if nobody has the handle
;;   4  the representation
;;   8  while it is lent, the handle that was lent before it, or -1; else 0
;;      of a free one: the one that was freed before it, or 0
;;  12  1 if it owns, 0 if it borrows
(module
  (import "traps" "unknown-handle" (func $unknown-handle))
  (import "traps" "wrong-resource-type" (func $wrong-resource-type))
  (import "traps" "borrows-left" (func $borrows-left))
  (import "traps" "too-many-handles" (func $too-many-handles))

  (memory (export "entries") 1)
  ;; Handles below this are, or were, somebody's; 0 never is.
  (global $length (export "length") (mut i32) (i32.const 1))
  ;; The last one that was freed, or 0.
  (global $free (mut i32) (i32.const 0))
  ;; The last one that was lent, or -1. An instance has one call under way at a time, when that
  ;; returns, nothing is lent.
  (global $lent (mut i32) (i32.const -1))
  ;; Handles that borrow. An instance runs one task at a time, so they are that task's.
  (global $borrows (export "borrows") (mut i32) (i32.const 0))

  (func $meld:insert-handle (export "insert")
    (param $type i32) (param $rep i32) (param $owns i32) (result i32)
    (local $handle i32) (local $entry i32)
    (local.set $handle (global.get $free))
    (if (local.get $handle)
      (then
        (local.set $entry (i32.shl (local.get $handle) (i32.const 4)))
        (global.set $free (i32.load offset=8 (local.get $entry))))
      (else
        (local.set $handle (global.get $length))
        ;; A page holds 2^12 entries. All 2^28 fill the memory, so that this is the limit, too.
        (if (i32.ge_u (i32.shr_u (local.get $handle) (i32.const 12)) (memory.size))
          (then
            (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
              (then (call $too-many-handles) (unreachable)))))
        (local.set $entry (i32.shl (local.get $handle) (i32.const 4)))
        (global.set $length (i32.add (local.get $handle) (i32.const 1)))))
    (i32.store (local.get $entry) (local.get $type))
    (i32.store offset=4 (local.get $entry) (local.get $rep))
    (i32.store offset=8 (local.get $entry) (i32.const 0))
    (i32.store offset=12 (local.get $entry) (local.get $owns))
    (local.get $handle))

  ;; Frees a handle that somebody has.
  (func $meld:remove-handle (export "remove") (param $handle i32)
    (local $entry i32)
    (local.set $entry (i32.shl (local.get $handle) (i32.const 4)))
    (i32.store (local.get $entry) (i32.const 0))
    (i32.store offset=8 (local.get $entry) (global.get $free))
    (global.set $free (local.get $handle)))

  ;; Marks a handle that owns as lent.
  (func $meld:mark-lent (export "mark") (param $handle i32)
    (local $entry i32)
    (local.set $entry (i32.shl (local.get $handle) (i32.const 4)))
    (if (i32.load offset=8 (local.get $entry)) (then (return)))
    (i32.store offset=8 (local.get $entry) (global.get $lent))
    (global.set $lent (local.get $handle)))

  ;; Nothing is lent any more.
  (func $meld:release-handles (export "release")
    (local $entry i32)
    (loop $next
      (if (i32.ne (global.get $lent) (i32.const -1))
        (then
          (local.set $entry (i32.shl (global.get $lent) (i32.const 4)))
          (global.set $lent (i32.load offset=8 (local.get $entry)))
          (i32.store offset=8 (local.get $entry) (i32.const 0))
          (br $next)))))

  ;; Traps if handles that borrow are left.
  (func $meld:finish-task (export "finish")
    (if (global.get $borrows) (then (call $borrows-left) (unreachable))))

  ;; Traps because of a handle that is not of the resource type asked for.
  (func $meld:refuse-handle (export "refuse") (param $handle i32)
    (if (i32.lt_u (local.get $handle) (global.get $length))
      (then
        (if (i32.load (i32.shl (local.get $handle) (i32.const 4)))
          (then (call $wrong-resource-type) (unreachable)))))
    (call $unknown-handle)
    (unreachable))
)
