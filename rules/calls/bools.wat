;; A copy of bytes from one memory to the other in which every byte that is not 0 becomes 1: `bool`s.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  (func $meld:copy-bools (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (loop $next
      (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 16))
        (then
          (v128.store $to align=1 (local.get $target)
            (v128.and
              (i8x16.ne (v128.load $from align=1 (local.get $source)) (v128.const i64x2 0 0))
              (v128.const i64x2 0x0101010101010101 0x0101010101010101)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 16)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 16)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 16)))
          (br $next))))
    (loop $next
      (if (from.to.addr.ne (local.get $bytes) (from.to.addr.const 0))
        (then
          (i32.store8 $to (local.get $target)
            (i32.ne (i32.load8_u $from (local.get $source)) (i32.const 0)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 1)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 1)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 1)))
          (br $next))))))
