;; A copy from one memory to the other, as `copier.wat` beside the adapters, without vectors.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  (func $meld:copy-words (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (local $left i32)
    (if (from.to.addr.gt_u (local.get $bytes) (from.to.addr.const 128))
      (then
        (memory.copy $to $from (local.get $target) (local.get $source) (local.get $bytes))
        (return)))
    (local.set $left (i32.wrap_from.to.addr (local.get $bytes)))
    (loop $words
      (if (i32.ge_u (local.get $left) (i32.const 8))
        (then
          (i64.store $to align=1 (local.get $target) (i64.load $from align=1 (local.get $source)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 8)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 8)))
          (local.set $left (i32.sub (local.get $left) (i32.const 8)))
          (br $words))))
    (loop $bytes
      (if (local.get $left)
        (then
          (i32.store8 $to (local.get $target) (i32.load8_u $from (local.get $source)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 1)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 1)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $bytes))))))
