;; Runs of characters that convert alike and have one byte on one side, in words of eight bytes.
;;
;; Each takes where its source goes on, how many units of it are left, and where its result goes on,
;; and returns the same. It stops before the first block that it does not know or in which it cannot
;; write just what it knows, and where few units are left: those are for the transcoders. Where the
;; result goes on there is room for all that the units left can become; nothing may stay written
;; behind the end of what they do become.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  ;; ASCII to the same.
  (func $meld:ascii-words (export "ascii")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $word i64)
    (loop $next
      (if (i32.ge_u (local.get $left) (i32.const 8))
        (then
          (local.set $word (i64.load $from align=1 (local.get $ptr)))
          (if (i64.eqz (i64.and (local.get $word) (i64.const 0x8080808080808080)))
            (then
              (i64.store $to align=1 (local.get $to) (local.get $word))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
              (local.set $left (i32.sub (local.get $left) (i32.const 8)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
              (br $next))))))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; UTF-8 to Latin-1: words of ASCII, of characters of two bytes, and of both. Bytes that lead are
  ;; taken out, and those behind them become the characters: four at least, so that two stores that
  ;; may overlap write just these.
  (func $meld:utf8-to-latin1-words (export "utf8-to-latin1")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $word i64) (local $high i64) (local $leads i64) (local $below i64) (local $run i32)
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
        (local.set $word (i64.load $from align=1 (local.get $ptr)))
        (local.set $high (i64.and (local.get $word) (i64.const 0x8080808080808080)))
        (if (i64.eqz (local.get $high))
          (then
            (i64.store $to align=1 (local.get $to) (local.get $word))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 8)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
            (br $next)))
        ;; What is not ASCII leads, in its lowest bits 2 or 3, or, just behind that, continues.
        (local.set $leads
          (i64.and (local.get $high) (i64.shl (local.get $word) (i64.const 1))))
        (br_if $done
          (i64.ne
            (i64.xor (local.get $high) (local.get $leads))
            (i64.shl (local.get $leads) (i64.const 8))))
        (local.set $leads (i64.shr_u (local.get $leads) (i64.const 7)))
        (br_if $done
          (i64.ne
            (i64.and
              (local.get $word)
              (i64.mul (local.get $leads) (i64.const 0x3e)))
            (i64.shl (local.get $leads) (i64.const 1))))
        ;; The last bit of a byte that leads is the second of the character.
        (local.set $word
          (i64.or
            (local.get $word)
            (i64.shl (i64.and (local.get $word) (local.get $leads)) (i64.const 14))))
        ;; What the last byte leads is for the next word.
        (local.set $run
          (i32.sub
            (i32.const 8)
            (i32.wrap_i64 (i64.shr_u (local.get $leads) (i64.const 56)))))
        (local.set $ptr
          (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $run))))
        (local.set $left (i32.sub (local.get $left) (local.get $run)))
        (local.set $leads (i64.and (local.get $leads) (i64.const 0x00ffffffffffffff)))
        (local.set $run
          (i32.sub (local.get $run) (i32.wrap_i64 (i64.popcnt (local.get $leads)))))
        (loop $take
          (if (i64.ne (local.get $leads) (i64.const 0))
            (then
              ;; The highest first, so that the others stay where they are.
              (local.set $below
                (i64.sub
                  (i64.shl
                    (i64.const 1)
                    (i64.sub (i64.const 63) (i64.clz (local.get $leads))))
                  (i64.const 1)))
              (local.set $leads (i64.and (local.get $leads) (local.get $below)))
              (local.set $word
                (i64.or
                  (i64.and (local.get $word) (local.get $below))
                  (i64.and
                    (i64.shr_u (local.get $word) (i64.const 8))
                    (i64.xor (local.get $below) (i64.const -1)))))
              (br $take))))
        (i32.store $to align=1 (local.get $to) (i32.wrap_i64 (local.get $word)))
        (local.set $to (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $run))))
        (i64.store32 $to align=1
          (to.addr.sub (local.get $to) (to.addr.const 4))
          (i64.shr_u
            (local.get $word)
            (i64.extend_i32_u
              (i32.shl (i32.sub (local.get $run) (i32.const 4)) (i32.const 3)))))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; Latin-1 to UTF-16, to the end.
  (func $meld:latin1-to-utf16-words (export "latin1-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (local $word i64) (local $half i64)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (local.set $word (i64.load $from align=1 (local.get $ptr)))
            (local.set $half (i64.and (local.get $word) (i64.const 0xffffffff)))
            (local.set $half
              (i64.and
                (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 16)))
                (i64.const 0x0000ffff0000ffff)))
            (i64.store $to align=2 (local.get $to)
              (i64.and
                (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 8)))
                (i64.const 0x00ff00ff00ff00ff)))
            (local.set $half (i64.shr_u (local.get $word) (i64.const 32)))
            (local.set $half
              (i64.and
                (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 16)))
                (i64.const 0x0000ffff0000ffff)))
            (i64.store $to offset=8 align=2 (local.get $to)
              (i64.and
                (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 8)))
                (i64.const 0x00ff00ff00ff00ff)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 8)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
            (br $next)))
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store16 $to (local.get $to) (i32.load8_u $from (local.get $ptr)))
        (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
        (br $next))))

  ;; UTF-16 to one byte a unit: units without a bit of the mask, which has all above the low byte.
  (func $meld:narrow-words (export "narrow")
    (param $ptr from.addr) (param $left i32) (param $to to.addr) (param $mask i32)
    (result from.addr i32 to.addr)
    (local $word i64) (local $lanes i64)
    (local.set $lanes
      (i64.mul (i64.extend_i32_u (local.get $mask)) (i64.const 0x0001000100010001)))
    (loop $next
      (if (i32.ge_u (local.get $left) (i32.const 4))
        (then
          (local.set $word (i64.load $from align=2 (local.get $ptr)))
          (if (i64.eqz (i64.and (local.get $word) (local.get $lanes)))
            (then
              (local.set $word
                (i64.and
                  (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 8)))
                  (i64.const 0x0000ffff0000ffff)))
              (i64.store32 $to align=1 (local.get $to)
                (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 16))))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
              (local.set $left (i32.sub (local.get $left) (i32.const 4)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
              (br $next))))))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; Latin-1 to UTF-16 in place, from the end.
  (func $meld:inflate-words (export "inflate") (param $at to.addr) (param $units i32)
    (block $done
      (loop $back
        (br_if $done (i32.eqz (local.get $units)))
        (local.set $units (i32.sub (local.get $units) (i32.const 1)))
        (i32.store16 $to
          (to.addr.add
            (local.get $at)
            (to.addr.extend_i32_u (i32.shl (local.get $units) (i32.const 1))))
          (i32.load8_u $to
            (to.addr.add (local.get $at) (to.addr.extend_i32_u (local.get $units)))))
        (br $back))))

  ;; UTF-16 to Latin-1 in place: 1 if all of it is Latin-1, and 0 with nothing done if not.
  (func $meld:deflate-words (export "deflate")
    (param $at to.addr) (param $units i32) (result i32)
    (local $read to.addr) (local $left i32) (local $word i64)
    (local.set $read (local.get $at))
    (local.set $left (local.get $units))
    (block $seen
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 4))
          (then
            (if (i64.ne
                  (i64.and
                    (i64.load $to align=2 (local.get $read))
                    (i64.const 0xff00ff00ff00ff00))
                  (i64.const 0))
              (then (return (i32.const 0))))
            (local.set $read (to.addr.add (local.get $read) (to.addr.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 4)))
            (br $next)))
        (br_if $seen (i32.eqz (local.get $left)))
        (if (i32.load8_u $to offset=1 (local.get $read)) (then (return (i32.const 0))))
        (local.set $read (to.addr.add (local.get $read) (to.addr.const 2)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (local.set $read (local.get $at))
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $units) (i32.const 4))
          (then
            (local.set $word (i64.load $to align=2 (local.get $read)))
            (local.set $word
              (i64.and
                (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 8)))
                (i64.const 0x0000ffff0000ffff)))
            (i64.store32 $to align=1 (local.get $at)
              (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 16))))
            (local.set $read (to.addr.add (local.get $read) (to.addr.const 8)))
            (local.set $units (i32.sub (local.get $units) (i32.const 4)))
            (local.set $at (to.addr.add (local.get $at) (to.addr.const 4)))
            (br $next)))
        (br_if $done (i32.eqz (local.get $units)))
        (i32.store8 $to (local.get $at) (i32.load8_u $to (local.get $read)))
        (local.set $read (to.addr.add (local.get $read) (to.addr.const 2)))
        (local.set $units (i32.sub (local.get $units) (i32.const 1)))
        (local.set $at (to.addr.add (local.get $at) (to.addr.const 1)))
        (br $next)))
    (i32.const 1))
)
