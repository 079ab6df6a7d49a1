;; Runs of characters that convert alike between UTF-8 and UTF-16, in words of eight bytes.
;;
;; Each takes where its source goes on, how many units of it are left, and where its result goes on,
;; and returns the same. It stops before the first block that it does not know or in which it cannot
;; write just what it knows, and where few units are left: those are for `characters.wat`. Where the
;; result goes on there is room for all that the units left can become; nothing may stay written
;; behind the end of what they do become.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  ;; UTF-8 to UTF-16: ASCII.
  (func $meld:utf8-to-utf16-words (export "utf8-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $word i64) (local $half i64)
    (loop $next
      (if (i32.ge_u (local.get $left) (i32.const 8))
        (then
          (local.set $word (i64.load $from align=1 (local.get $ptr)))
          (if (i64.eqz (i64.and (local.get $word) (i64.const 0x8080808080808080)))
            (then
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
              (br $next))))))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; UTF-16 to UTF-8: ASCII.
  (func $meld:utf16-to-utf8-words (export "utf16-to-utf8")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $word i64)
    (loop $next
      (if (i32.ge_u (local.get $left) (i32.const 4))
        (then
          (local.set $word (i64.load $from align=2 (local.get $ptr)))
          (if (i64.eqz (i64.and (local.get $word) (i64.const 0xff80ff80ff80ff80)))
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

  ;; UTF-16 to the same: units that are no surrogates.
  (func $meld:utf16-to-utf16-words (export "utf16-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $word i64) (local $lanes i64) (local $run i32)
    (loop $next
      (if (i32.ge_u (local.get $left) (i32.const 4))
        (then
          (local.set $word (i64.load $from align=2 (local.get $ptr)))
          (i64.store $to align=2 (local.get $to) (local.get $word))
          ;; A lane is zero where a unit is a surrogate. The lowest bit that stays is of the first.
          (local.set $lanes
            (i64.and
              (i64.xor (local.get $word) (i64.const 0xd800d800d800d800))
              (i64.const 0xf800f800f800f800)))
          (local.set $lanes
            (i64.and
              (i64.and
                (i64.sub (local.get $lanes) (i64.const 0x0001000100010001))
                (i64.xor (local.get $lanes) (i64.const -1)))
              (i64.const 0x8000800080008000)))
          (if (i64.eqz (local.get $lanes))
            (then
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
              (local.set $left (i32.sub (local.get $left) (i32.const 4)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
              (br $next)))
          (local.set $run (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $lanes)) (i64.const 4))))
          (local.set $ptr
            (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
          (local.set $left (i32.sub (local.get $left) (local.get $run)))
          (local.set $to (to.addr.add (local.get $to) (to.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1))))))))
    (local.get $ptr)
    (local.get $left)
    (local.get $to)))
