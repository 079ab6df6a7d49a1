;; A copy of whole words from one memory to the other that traps unless each is a Unicode scalar value.
;; Nobody sees what was written before a trap, so one look at the end is enough.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))
  (import "traps" "invalid-char" (func $invalid-char))

  (func $meld:copy-chars (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (local $chars v128) (local $wrong v128)
    (loop $next
      (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 16))
        (then
          (local.set $chars (v128.load $from align=4 (local.get $source)))
          (v128.store $to align=4 (local.get $target) (local.get $chars))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 16)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 16)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 16))))
        (else
          (if (from.to.addr.eqz (local.get $bytes))
            (then
              (if (v128.any_true (local.get $wrong)) (then (call $invalid-char)))
              (return)))
          (local.set $chars (v128.load32_zero $from align=4 (local.get $source)))
          (v128.store32_lane $to align=4 0 (local.get $target) (local.get $chars))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 4)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 4)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 4)))))
      (local.set $wrong
        (v128.or
          (local.get $wrong)
          (v128.or
            (i32x4.gt_u (local.get $chars) (v128.const i32x4 0x10ffff 0x10ffff 0x10ffff 0x10ffff))
            (i32x4.eq
              (v128.and
                (local.get $chars)
                (v128.const i32x4 0xfffff800 0xfffff800 0xfffff800 0xfffff800))
              (v128.const i32x4 0xd800 0xd800 0xd800 0xd800)))))
      (br $next))))
