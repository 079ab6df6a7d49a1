;; Reads and writes of the futures of one instance, whose memory is `memory`: futures of the bridge
;; here, all others by the host.
(module
  (import "bridge" "memory" (memory $bridge 0))
  (import "bridge" "bytes" (global $bytes i32))
  (import "bridge" "mask" (global $mask i32))
  (import "" "memory" (memory $memory memory.addr 0))
  (import "" "memory.page-bits" (global $page-bits i64))
  (import "" "host" (func $host (param i32 i32 i32) (result i32)))
  (import "traps" "buffer-out-of-bounds" (func $buffer-out-of-bounds))

  ;; Traps unless the value is in the one memory of the instance, all of it.
  (func $check (param $pointer i32) (param $memory i32)
    (if (i32.or
          (local.get $memory)
          (i64.gt_u
            (i64.add
              (i64.extend_i32_u (local.get $pointer))
              (i64.extend_i32_u (global.get $bytes)))
            (i64.shl (i64.extend_memory.addr_u (memory.size $memory)) (global.get $page-bits))))
      (then (call $buffer-out-of-bounds) (unreachable))))

  (func $slot (param $handle i32) (result i32)
    (i32.and (i32.shl (local.get $handle) (i32.const 4)) (global.get $mask)))

  (func $meld:future-read (export "read")
    (param $handle i32) (param $pointer i32) (param $memory i32) (result i32)
    (local $slot i32) (local $open i32)
    (if (i32.ge_s (local.get $handle) (i32.const 0))
      (then
        (return
          (call $host (local.get $handle) (local.get $pointer) (local.get $memory)))))
    (local.set $slot (call $slot (local.get $handle)))
    (local.set $open (i32.load $bridge offset=8 (local.get $slot)))
    (if (i32.ne (i32.load $bridge (local.get $slot)) (local.get $handle))
      (then (return (i32.const -2))))
    (if (i32.eqz (i32.and (local.get $open) (i32.const 1)))
      (then (return (i32.const -2))))
    (call $check (local.get $pointer) (local.get $memory))
    (if (i32.and (local.get $open) (i32.const 4))
      (then
        (memory.copy $memory $bridge
          (memory.addr.extend_i32_u (local.get $pointer))
          (i32.load $bridge offset=12 (local.get $slot))
          (global.get $bytes))
        (return (i32.const 1))))
    ;; No value, and maybe nobody who could still write one.
    (select (i32.const 0) (i32.const -1) (i32.and (local.get $open) (i32.const 2))))

  (func $meld:future-write (export "write")
    (param $handle i32) (param $pointer i32) (param $memory i32) (result i32)
    (local $slot i32)
    (if (i32.ge_s (local.get $handle) (i32.const 0))
      (then
        (return
          (call $host (local.get $handle) (local.get $pointer) (local.get $memory)))))
    (local.set $slot (call $slot (local.get $handle)))
    (if (i32.ne
          (i32.or (i32.load $bridge (local.get $slot)) (i32.const 1))
          (local.get $handle))
      (then (return (i32.const -2))))
    ;; An end was dropped, or there is a value already.
    (if (i32.ne (i32.load $bridge offset=8 (local.get $slot)) (i32.const 3))
      (then (return (i32.const -1))))
    (call $check (local.get $pointer) (local.get $memory))
    (memory.copy $bridge $memory
      (i32.load $bridge offset=12 (local.get $slot))
      (memory.addr.extend_i32_u (local.get $pointer))
      (global.get $bytes))
    (i32.store $bridge offset=8 (local.get $slot) (i32.const 7))
    (i32.const 1)))
