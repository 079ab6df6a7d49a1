;; Writes of one instance, whose memory is `memory`: streams of the bridge here, all others by the
;; host. The bytes of a stream are a ring; `written - read` of them, modulo 2^32, are in it.
(module
  (import "bridge" "memory" (memory $bridge 0))
  (import "bridge" "ring" (global $ring i32))
  (import "bridge" "mask" (global $mask i32))
  (import "" "memory" (memory $memory memory.addr 0))
  (import "" "memory.page-bits" (global $page-bits i64))
  (import "" "copy" (func $copy (param memory.addr i32 i32)))
  (import "" "host" (func $host (param i32 i32 i32 i32) (result i32)))
  (import "traps" "buffer-out-of-bounds" (func $buffer-out-of-bounds))

  (func $meld:stream-write (export "write")
    (param $handle i32) (param $pointer i32) (param $length i32) (param $memory i32) (result i32)
    (local $slot i32) (local $cursor i32) (local $room i32) (local $left i32)
    (local $at i32) (local $part i32) (local $address memory.addr)
    (if (i32.ge_s (local.get $handle) (i32.const 0))
      (then
        (return
          (call $host
            (local.get $handle) (local.get $pointer) (local.get $length) (local.get $memory)))))
    (local.set $slot
      (i32.and (i32.shl (local.get $handle) (i32.const 4)) (global.get $mask)))
    (if (i32.ne
          (i32.or (i32.load $bridge (local.get $slot)) (i32.const 1))
          (local.get $handle))
      (then (return (i32.const -2))))
    (if (i32.ne (i32.load $bridge offset=8 (local.get $slot)) (i32.const 3))
      (then (return (i32.const -1))))
    ;; The buffer has to be in the one memory of the instance, all of it.
    (if (i32.or
          (local.get $memory)
          (i64.gt_u
            (i64.add
              (i64.extend_i32_u (local.get $pointer))
              (i64.extend_i32_u (local.get $length)))
            (i64.shl (i64.extend_memory.addr_u (memory.size $memory)) (global.get $page-bits))))
      (then (call $buffer-out-of-bounds) (unreachable)))
    (local.set $cursor (i32.load $bridge offset=20 (local.get $slot)))
    ;; What the ring has room for.
    (local.set $room
      (i32.sub
        (i32.add (i32.load $bridge offset=16 (local.get $slot)) (global.get $ring))
        (local.get $cursor)))
    (if (i32.gt_u (local.get $length) (local.get $room))
      (then (local.set $length (local.get $room))))
    (local.set $at (i32.and (local.get $cursor) (i32.sub (global.get $ring) (i32.const 1))))
    (local.set $left (local.get $length))
    ;; The buffer may lie across 4 GiB.
    (local.set $address (memory.addr.extend_i32_u (local.get $pointer)))
    ;; Up to the ring's end, and from its start.
    (loop $parts
      (local.set $part (i32.sub (global.get $ring) (local.get $at)))
      (if (i32.gt_u (local.get $part) (local.get $left))
        (then (local.set $part (local.get $left))))
      (call $copy
        (local.get $address)
        (i32.add (i32.load $bridge offset=12 (local.get $slot)) (local.get $at))
        (local.get $part))
      (local.set $address
        (memory.addr.add (local.get $address) (memory.addr.extend_i32_u (local.get $part))))
      (local.set $at (i32.const 0))
      (br_if $parts (local.tee $left (i32.sub (local.get $left) (local.get $part)))))
    (i32.store $bridge offset=20
      (local.get $slot)
      (i32.add (local.get $cursor) (local.get $length)))
    (local.get $length)))
