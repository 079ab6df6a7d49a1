;; Streams or futures whose ends are both inside: a table of slots in a memory of meld's own, and
;; behind it `bytes` bytes for each slot, each time `page` bytes on where they are fewer. A slot is 32
;; bytes:
;;
;;    0  the handle of its readable end, minted last; with bit 0 set, that of the writable end
;;    4  the handle that it will mint next, 0 before the first
;;    8  what is open: 1 the readable end, 2 the writable end; 4 a future has its value
;;   12  where its bytes are
;;   16  how many bytes were ever read, modulo 2^32
;;   20  how many bytes were ever written, modulo 2^32
;;   24  the next free slot and 1, or 0
;;
;; A handle is, from bit 0: the end, the slot, how often the slot was used before, the kind (bit 30:
;; 0 stream, 1 future), and bit 31, which no handle of the host has. So a handle from before the slot's
;; last reuse is told from those of now.
(module
  (import "" "memory" (memory $memory 0))
  (import "" "kind" (global $kind i32))
  (import "" "slots" (global $slots i32))
  (import "" "bytes" (global $bytes i32))
  (import "" "page" (global $page i32))

  (export "memory" (memory $memory))
  (export "bytes" (global $bytes))
  ;; The bytes of a stream's ring; of futures, which have none, 1, a power of two like any ring's.
  (global $ring (export "ring") i32
    (i32.sub
      (global.get $bytes)
      (i32.mul (global.get $kind) (i32.sub (global.get $bytes) (i32.const 1)))))
  ;; `handle << 4`, masked, is where the slot is.
  (global $mask (export "mask") i32 (i32.sub (i32.mul (global.get $slots) (i32.const 32)) (i32.const 32)))

  ;; The slot to be used next and 1, or 0: a list by way of the slots.
  (global $free (export "free") (mut i32) (i32.const 0))
  ;; How many slots were ever used.
  (global $used (export "used") (mut i32) (i32.const 0))

  ;; The two handles of a new stream or future, the readable end in the low half; 0 if there is no slot.
  (func $meld:bridge-open (export "open") (result i64)
    (local $number i32) (local $slot i32) (local $handle i32)
    (if (global.get $free)
      (then
        (local.set $number (i32.sub (global.get $free) (i32.const 1)))
        (local.set $slot (i32.shl (local.get $number) (i32.const 5)))
        (global.set $free (i32.load offset=24 (local.get $slot))))
      (else
        (if (i32.or
              (i32.ge_u (global.get $used) (global.get $slots))
              (i32.eqz (global.get $bytes)))
          (then (return (i64.const 0))))
        (local.set $number (global.get $used))
        (local.set $slot (i32.shl (local.get $number) (i32.const 5)))
        (global.set $used (i32.add (local.get $number) (i32.const 1)))
        (i32.store offset=12 (local.get $slot)
          (i32.add
            (i32.and
              (i32.add
                (i32.shl (global.get $slots) (i32.const 5))
                (i32.sub (global.get $page) (i32.const 1)))
              (i32.sub (i32.const 0) (global.get $page)))
            (i32.mul
              (local.get $number)
              (select
                (global.get $bytes)
                (global.get $page)
                (i32.gt_u (global.get $bytes) (global.get $page))))))))
    (local.set $handle (i32.load offset=4 (local.get $slot)))
    (if (i32.eqz (local.get $handle))
      (then
        (local.set $handle
          (i32.or
            (i32.or (i32.const 0x80000000) (i32.shl (global.get $kind) (i32.const 30)))
            (i32.shl (local.get $number) (i32.const 1))))))
    (i32.store (local.get $slot) (local.get $handle))
    (i32.store offset=4 (local.get $slot)
      (i32.or
        (i32.and (local.get $handle) (i32.const 0xc0000000))
        (i32.and
          (i32.add (local.get $handle) (i32.shl (global.get $slots) (i32.const 1)))
          (i32.const 0x3fffffff))))
    (i32.store offset=8 (local.get $slot) (i32.const 3))
    (i64.store offset=16 (local.get $slot) (i64.const 0))
    (i64.or
      (i64.extend_i32_u (local.get $handle))
      (i64.shl
        (i64.extend_i32_u (i32.or (local.get $handle) (i32.const 1)))
        (i64.const 32))))

  ;; Drops an end: 1 the readable one, 2 the writable one. What is not the handle of such an end, or
  ;; of one that was dropped already, is left alone.
  (func $meld:bridge-close (export "close") (param $handle i32) (param $end i32)
    (local $slot i32) (local $open i32)
    (local.set $slot
      (i32.and (i32.shl (local.get $handle) (i32.const 4)) (global.get $mask)))
    (local.set $open (i32.load offset=8 (local.get $slot)))
    (if (i32.ne
          (i32.or (i32.load (local.get $slot)) (i32.shr_u (local.get $end) (i32.const 1)))
          (local.get $handle))
      (then (return)))
    (if (i32.eqz (i32.and (local.get $open) (local.get $end)))
      (then (return)))
    (local.set $open (i32.xor (local.get $open) (local.get $end)))
    (i32.store offset=8 (local.get $slot) (local.get $open))
    (if (i32.eqz (i32.and (local.get $open) (i32.const 3)))
      (then
        (i32.store offset=24 (local.get $slot) (global.get $free))
        (global.set $free
          (i32.add (i32.shr_u (local.get $slot) (i32.const 5)) (i32.const 1)))))))
