;; How one guest reads and writes channels: from its memory into the memory of the elements, and back.
;; A buffer is checked whole, as the Canonical ABI checks those of streams, before anything else.
(module
  (import "channels" "states" (memory $states 1))
  (import "channels" "end" (func $end (param i32 i32) (result i32)))
  (import "channels" "elements" (memory $elements elements.addr 0))
  (import "channels" "size" (global $size i32))
  (import "channels" "align" (global $align i32))
  (import "" "memory" (memory $memory memory.addr 0))
  (import "" "memory.page-bits" (global $page-bits i64))
  (import "traps" "unaligned-pointer" (func $unaligned-pointer))
  (import "traps" "list-out-of-bounds" (func $list-out-of-bounds))

  ;; Bytes from one element to the next, in a guest's buffer as in a ring.
  (func $stride (result i32)
    (i32.and
      (i32.add (global.get $size) (i32.sub (global.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (global.get $align))))

  ;; Traps unless a buffer is aligned and in memory. An empty one may be anywhere.
  (func $check (param $ptr memory.addr) (param $count i32)
    (local $have i64) (local $bytes i64)
    (if (i32.eqz (local.get $count)) (then (return)))
    (if (i32.and
          (i32.wrap_memory.addr (local.get $ptr))
          (i32.sub (global.get $align) (i32.const 1)))
      (then (call $unaligned-pointer) (unreachable)))
    (local.set $have
      (i64.shl (i64.extend_memory.addr_u (memory.size $memory)) (global.get $page-bits)))
    (local.set $bytes
      (i64.mul (i64.extend_i32_u (local.get $count)) (i64.extend_i32_u (call $stride))))
    (if (i32.or
          (i64.gt_u (local.get $bytes) (local.get $have))
          (i64.gt_u
            (i64.extend_memory.addr_u (local.get $ptr))
            (i64.sub (local.get $have) (local.get $bytes))))
      (then (call $list-out-of-bounds) (unreachable))))

  ;; Where the element with this number lies.
  (func $place (param $state i32) (param $number i32) (result elements.addr)
    (elements.addr.add
      (elements.addr.wrap_i64 (i64.load $states offset=16 (local.get $state)))
      (elements.addr.mul
        (elements.addr.extend_i32_u
          (i32.and
            (local.get $number)
            (i32.sub (i32.load $states offset=24 (local.get $state)) (i32.const 1))))
        (elements.addr.extend_i32_u (call $stride)))))

  ;; Of this many elements from this number on, how many stand before the ring's end.
  (func $before-end (param $state i32) (param $number i32) (param $count i32) (result i32)
    (local $capacity i32) (local $run i32)
    (local.set $capacity (i32.load $states offset=24 (local.get $state)))
    (local.set $run
      (i32.sub
        (local.get $capacity)
        (i32.and (local.get $number) (i32.sub (local.get $capacity) (i32.const 1)))))
    (select
      (local.get $count)
      (local.get $run)
      (i32.lt_u (local.get $count) (local.get $run))))

  (func $less (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.lt_u (local.get $a) (local.get $b))))

  ;; Writes up to `count` elements: how many fitted, -1 if an end has been dropped, -2 if this is not
  ;; the writable end of a channel.
  (func $meld:channel-write (export "write")
    (param $handle i32) (param $ptr memory.addr) (param $count i32) (result i32)
    (local $state i32) (local $written i32) (local $bytes i32) (local $first i32)
    (call $check (local.get $ptr) (local.get $count))
    (local.set $state (call $end (local.get $handle) (i32.const 1)))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (local.get $state))))
    (if (i32.eqz (i32.and (i32.load $states offset=12 (local.get $state)) (i32.const 1)))
      (then (return (i32.const -1))))
    (local.set $written (i32.load $states offset=4 (local.get $state)))
    (local.set $count
      (call $less
        (local.get $count)
        (i32.sub
          (i32.load $states offset=24 (local.get $state))
          (i32.sub (local.get $written) (i32.load $states (local.get $state))))))
    ;; Also a copy of nothing traps where the pointer is not in memory.
    (if (i32.eqz (local.get $count)) (then (return (i32.const 0))))
    (local.set $first
      (call $before-end (local.get $state) (local.get $written) (local.get $count)))
    (local.set $bytes (i32.mul (local.get $first) (call $stride)))
    (memory.copy $elements $memory
      (call $place (local.get $state) (local.get $written))
      (local.get $ptr)
      (elements.memory.addr.extend_i32_u (local.get $bytes)))
    (if (i32.lt_u (local.get $first) (local.get $count))
      (then
        (memory.copy $elements $memory
          (call $place (local.get $state) (i32.const 0))
          (memory.addr.add (local.get $ptr) (memory.addr.extend_i32_u (local.get $bytes)))
          (elements.memory.addr.extend_i32_u
            (i32.mul (i32.sub (local.get $count) (local.get $first)) (call $stride))))))
    (i32.store $states offset=4 (local.get $state)
      (i32.add (local.get $written) (local.get $count)))
    (local.get $count))

  ;; Reads up to `count` elements: how many there were; 0 if the writer is gone and all has been read;
  ;; -5 if there are none yet or none was asked for; -1 if the end has been dropped, -2 if this is not
  ;; the readable end of a channel, -6 while an element is borrowed.
  (func $meld:channel-read (export "read")
    (param $handle i32) (param $ptr memory.addr) (param $count i32) (result i32)
    (local $state i32) (local $read i32) (local $there i32) (local $bytes i32) (local $first i32)
    (call $check (local.get $ptr) (local.get $count))
    (local.set $state (call $end (local.get $handle) (i32.const 0)))
    (if (i32.lt_s (local.get $state) (i32.const 0)) (then (return (local.get $state))))
    (if (i32.and (i32.load $states offset=12 (local.get $state)) (i32.const 4))
      (then (return (i32.const -6))))
    (local.set $read (i32.load $states (local.get $state)))
    (local.set $there (i32.sub (i32.load $states offset=4 (local.get $state)) (local.get $read)))
    (if (i32.eqz (local.get $there))
      (then
        (return
          (select
            (i32.const -5)
            (i32.const 0)
            (i32.and (i32.load $states offset=12 (local.get $state)) (i32.const 2))))))
    (if (i32.eqz (local.get $count)) (then (return (i32.const -5))))
    (local.set $count (call $less (local.get $count) (local.get $there)))
    (local.set $first (call $before-end (local.get $state) (local.get $read) (local.get $count)))
    (local.set $bytes (i32.mul (local.get $first) (call $stride)))
    (memory.copy $memory $elements
      (local.get $ptr)
      (call $place (local.get $state) (local.get $read))
      (elements.memory.addr.extend_i32_u (local.get $bytes)))
    (if (i32.lt_u (local.get $first) (local.get $count))
      (then
        (memory.copy $memory $elements
          (memory.addr.add (local.get $ptr) (memory.addr.extend_i32_u (local.get $bytes)))
          (call $place (local.get $state) (i32.const 0))
          (elements.memory.addr.extend_i32_u
            (i32.mul (i32.sub (local.get $count) (local.get $first)) (call $stride))))))
    (i32.store $states (local.get $state) (i32.add (local.get $read) (local.get $count)))
    (local.get $count))
)
