;; Channels of one element type: who holds their ends, and how far each end has come. Elements lie in
;; rings in another memory; `channel-transfer.wat` brings them there and back. `docs/async-modules.md` has
;; the layout.
(module
  (import "" "elements" (memory $elements elements.addr 0))
  (import "" "elements.page-bits" (global $page-bits i64))
  (import "" "slots" (global $slots i32))
  (import "" "ring" (global $ring i32))
  (import "" "size" (global $size i32))
  (import "" "align" (global $align i32))
  (import "traps" "unaligned-pointer" (func $unaligned-pointer))
  (import "traps" "list-out-of-bounds" (func $list-out-of-bounds))

  (export "elements" (memory $elements))
  (export "size" (global $size))
  (export "align" (global $align))

  ;; 32 bytes a slot:
  ;;    0  u32  elements read so far, wrapping
  ;;    4  u32  elements written so far, wrapping
  ;;    8  u32  generation, 22 bits: how often the slot was used before
  ;;   12  u32  bit 0: the readable end is there, 1: the writable one, 2: an element is borrowed
  ;;   16  i64  where the ring begins
  ;;   24  u32  capacity in elements, a power of two
  (memory $states (export "states") 1)

  ;; Bytes from one element to the next.
  (func $stride (result i32)
    (i32.and
      (i32.add (global.get $size) (i32.sub (global.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (global.get $align))))

  ;; The largest power of two of elements that fit into a ring. One does: rings have 1024 bytes or more.
  (func $meld:channel-capacity (export "capacity") (result i32)
    (i32.shl
      (i32.const 1)
      (i32.sub (i32.const 31) (i32.clz (i32.div_u (global.get $ring) (call $stride))))))

  ;; The state behind a handle: bit 31, 22 bits of generation, 8 of slot, and 1 for the writable end.
  ;; -2 if the channel is gone or never was.
  (func $state (param $handle i32) (result i32)
    (local $state i32)
    (local.set $state
      (i32.shl
        (i32.and (i32.shr_u (local.get $handle) (i32.const 1)) (i32.const 255))
        (i32.const 5)))
    (if (i32.or
          (i32.ge_s (local.get $handle) (i32.const 0))
          (i32.or
            (i32.eqz (i32.load $states offset=12 (local.get $state)))
            (i32.ne
              (i32.load $states offset=8 (local.get $state))
              (i32.and (i32.shr_u (local.get $handle) (i32.const 9)) (i32.const 0x3fffff)))))
      (then (return (i32.const -2))))
    (local.get $state))

  ;; The state behind a handle of this end (0 readable, 1 writable); -2 if it is of the other end or
  ;; of no channel, -1 if the end has been dropped.
  (func $end (export "end") (param $handle i32) (param $end i32) (result i32)
    (local $state i32)
    (if (i32.ne (i32.and (local.get $handle) (i32.const 1)) (local.get $end))
      (then (return (i32.const -2))))
    (local.set $state (call $state (local.get $handle)))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (i32.const -2))))
    (if (i32.eqz
          (i32.and
            (i32.shr_u (i32.load $states offset=12 (local.get $state)) (local.get $end))
            (i32.const 1)))
      (then (return (i32.const -1))))
    (local.get $state))

  ;; The first free slot, or -1.
  (func $free (result i32)
    (local $slot i32)
    (loop $next
      (if (i32.ge_u (local.get $slot) (global.get $slots)) (then (return (i32.const -1))))
      (if (i32.eqz (i32.load $states offset=12 (i32.shl (local.get $slot) (i32.const 5))))
        (then (return (local.get $slot))))
      (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
      (br $next))
    (unreachable))

  ;; Whether a ring that begins here is wholly in memory.
  (func $in-memory (param $base i64) (result i32)
    (local $have i64)
    (local.set $have
      (i64.shl (i64.extend_elements.addr_u (memory.size $elements)) (global.get $page-bits)))
    (i32.and
      (i64.le_u (i64.extend_i32_u (global.get $ring)) (local.get $have))
      (i64.le_u
        (local.get $base)
        (i64.sub (local.get $have) (i64.extend_i32_u (global.get $ring))))))

  ;; Opens a channel in a free slot. The handles: readable in the low half, writable in the high one.
  (func $open (param $slot i32) (param $base i64) (result i64)
    (local $state i32) (local $handle i32)
    (local.set $state (i32.shl (local.get $slot) (i32.const 5)))
    (i32.store $states offset=12 (local.get $state) (i32.const 3))
    (i64.store $states offset=16 (local.get $state) (local.get $base))
    (i32.store $states offset=24 (local.get $state) (call $meld:channel-capacity))
    (local.set $handle
      (i32.or
        (i32.const 0x80000000)
        (i32.or
          (i32.shl (i32.load $states offset=8 (local.get $state)) (i32.const 9))
          (i32.shl (local.get $slot) (i32.const 1)))))
    (i64.or
      (i64.extend_i32_u (local.get $handle))
      (i64.shl
        (i64.extend_i32_u (i32.or (local.get $handle) (i32.const 1)))
        (i64.const 32))))

  ;; A channel whose ring is the slot's part of the memory; -3 if no slot is free or its part is not
  ;; there.
  (func $meld:channel-new (export "new") (result i64)
    (local $slot i32) (local $base i64)
    (local.set $slot (call $free))
    (local.set $base
      (i64.mul (i64.extend_i32_u (local.get $slot)) (i64.extend_i32_u (global.get $ring))))
    (if (i32.or
          (i32.lt_s (local.get $slot) (i32.const 0))
          (i32.eqz (call $in-memory (local.get $base))))
      (then (return (i64.const -3))))
    (call $open (local.get $slot) (local.get $base)))

  ;; A channel whose ring is where the guest says; -3 if no slot is free.
  (func $meld:channel-new-at (export "new-at") (param $base elements.addr) (result i64)
    (local $slot i32)
    (if (i32.and
          (i32.wrap_elements.addr (local.get $base))
          (i32.sub (global.get $align) (i32.const 1)))
      (then (call $unaligned-pointer) (unreachable)))
    (if (i32.eqz (call $in-memory (i64.extend_elements.addr_u (local.get $base))))
      (then (call $list-out-of-bounds) (unreachable)))
    (local.set $slot (call $free))
    (if (i32.lt_s (local.get $slot) (i32.const 0)) (then (return (i64.const -3))))
    (call $open (local.get $slot) (i64.extend_elements.addr_u (local.get $base))))

  ;; Drops an end. With the second one the slot is free, and handles of it mean nothing any more.
  (func $drop (param $handle i32) (param $end i32) (result i32)
    (local $state i32) (local $left i32)
    (local.set $state (call $end (local.get $handle) (local.get $end)))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (local.get $state))))
    (local.set $left
      (i32.and
        (i32.load $states offset=12 (local.get $state))
        ;; A reader that goes gives back what it borrowed.
        (select (i32.const 5) (i32.const 2) (local.get $end))))
    (if (i32.eqz (i32.and (local.get $left) (i32.const 3)))
      (then
        (i64.store $states (local.get $state) (i64.const 0))
        (i32.store $states offset=8 (local.get $state)
          (i32.and
            (i32.add (i32.load $states offset=8 (local.get $state)) (i32.const 1))
            (i32.const 0x3fffff)))))
    (i32.store $states offset=12 (local.get $state) (local.get $left))
    (i32.const 0))
  (func $meld:channel-drop-readable (export "drop-readable") (param $handle i32) (result i32)
    (call $drop (local.get $handle) (i32.const 0)))
  (func $meld:channel-drop-writable (export "drop-writable") (param $handle i32) (result i32)
    (call $drop (local.get $handle) (i32.const 1)))

  ;; How many elements are in the ring, the borrowed one included. Either end may ask.
  (func $meld:channel-available (export "available") (param $handle i32) (result i32)
    (local $state i32)
    (local.set $state
      (call $end (local.get $handle) (i32.and (local.get $handle) (i32.const 1))))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (local.get $state))))
    (i32.sub (i32.load $states offset=4 (local.get $state)) (i32.load $states (local.get $state))))

  ;; How many elements fit in besides those.
  (func $meld:channel-space (export "space") (param $handle i32) (result i32)
    (local $available i32)
    (local.set $available (call $meld:channel-available (local.get $handle)))
    (if (i32.lt_s (local.get $available) (i32.const 0)) (then (return (local.get $available))))
    (i32.sub (call $meld:channel-capacity) (local.get $available)))

  ;; Where the oldest element lies; it stays there until it is released. -5 if there is none yet, -1 if
  ;; there will be none, -6 if it is borrowed already.
  (func $meld:channel-borrow (export "borrow") (param $handle i32) (result i64)
    (local $state i32) (local $flags i32) (local $read i32)
    (local.set $state (call $end (local.get $handle) (i32.const 0)))
    (if (i32.lt_s (local.get $state) (i32.const 0))
      (then (return (i64.extend_i32_s (local.get $state)))))
    (local.set $flags (i32.load $states offset=12 (local.get $state)))
    (if (i32.and (local.get $flags) (i32.const 4)) (then (return (i64.const -6))))
    (local.set $read (i32.load $states (local.get $state)))
    (if (i32.eq (local.get $read) (i32.load $states offset=4 (local.get $state)))
      (then
        (return
          (select (i64.const -5) (i64.const -1) (i32.and (local.get $flags) (i32.const 2))))))
    (i32.store $states offset=12 (local.get $state) (i32.or (local.get $flags) (i32.const 4)))
    (i64.add
      (i64.load $states offset=16 (local.get $state))
      (i64.mul
        (i64.extend_i32_u
          (i32.and
            (local.get $read)
            (i32.sub (i32.load $states offset=24 (local.get $state)) (i32.const 1))))
        (i64.extend_i32_u (call $stride)))))

  ;; Gives the borrowed element back: its place is free for the writer. -6 if none is borrowed.
  (func $meld:channel-release (export "release") (param $handle i32) (result i32)
    (local $state i32) (local $flags i32)
    (local.set $state (call $end (local.get $handle) (i32.const 0)))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (local.get $state))))
    (local.set $flags (i32.load $states offset=12 (local.get $state)))
    (if (i32.eqz (i32.and (local.get $flags) (i32.const 4))) (then (return (i32.const -6))))
    (i32.store $states offset=12 (local.get $state) (i32.and (local.get $flags) (i32.const 3)))
    (i32.store $states (local.get $state) (i32.add (i32.load $states (local.get $state)) (i32.const 1)))
    (i32.const 0))
)
