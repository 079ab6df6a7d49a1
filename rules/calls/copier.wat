;; A copy from one memory to the other. `memory.copy` costs engines a call into their runtime; up to
;; 256 bytes vectors are faster.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  (func $meld:copy (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (local $left i32) (local $last i32) (local $a v128) (local $b v128)
    (if (from.to.addr.gt_u (local.get $bytes) (from.to.addr.const 256))
      (then
        (memory.copy $to $from (local.get $target) (local.get $source) (local.get $bytes))
        (return)))
    (local.set $left (i32.wrap_from.to.addr (local.get $bytes)))
    (if (i32.ge_u (local.get $left) (i32.const 16))
      (then
        (loop $next
          (if (i32.gt_u (local.get $left) (i32.const 32))
            (then
              (local.set $a (v128.load $from align=1 (local.get $source)))
              (local.set $b (v128.load $from offset=16 align=1 (local.get $source)))
              (v128.store $to align=1 (local.get $target) (local.get $a))
              (v128.store $to offset=16 align=1 (local.get $target) (local.get $b))
              (local.set $source (from.addr.add (local.get $source) (from.addr.const 32)))
              (local.set $target (to.addr.add (local.get $target) (to.addr.const 32)))
              (local.set $left (i32.sub (local.get $left) (i32.const 32)))
              (br $next))))
        ;; 1 to 32 bytes are left, and the 16 before their end are of the list.
        (local.set $last (i32.sub (local.get $left) (i32.const 16)))
        (local.set $b
          (v128.load $from align=1
            (from.addr.add (local.get $source) (from.addr.extend_i32_s (local.get $last)))))
        (if (i32.gt_s (local.get $last) (i32.const 0))
          (then
            (v128.store $to align=1
              (local.get $target)
              (v128.load $from align=1 (local.get $source)))))
        (v128.store $to align=1
          (to.addr.add (local.get $target) (to.addr.extend_i32_s (local.get $last)))
          (local.get $b))
        (return)))
    (if (i32.ge_u (local.get $left) (i32.const 8))
      (then
        (local.set $last (i32.sub (local.get $left) (i32.const 8)))
        (i64.store $to align=1 (local.get $target) (i64.load $from align=1 (local.get $source)))
        (i64.store $to align=1
          (to.addr.add (local.get $target) (to.addr.extend_i32_u (local.get $last)))
          (i64.load $from align=1
            (from.addr.add (local.get $source) (from.addr.extend_i32_u (local.get $last)))))
        (return)))
    (loop $next
      (if (local.get $left)
        (then
          (i32.store8 $to (local.get $target) (i32.load8_u $from (local.get $source)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 1)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 1)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $next))))))
