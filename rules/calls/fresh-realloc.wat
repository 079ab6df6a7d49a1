;; A guest's `realloc` as a call of its own: it finds the instance's context empty, and leaves it
;; as it was.
(module
  (import "" "realloc"
    (func $realloc
      (param memory.addr memory.addr memory.addr memory.addr) (result memory.addr)))
  (import "context" "first" (global $first (mut i64)))
  (import "context" "second" (global $second (mut i64)))

  (func $meld:fresh-realloc (export "realloc")
    (param $old memory.addr) (param $old-size memory.addr) (param $align memory.addr)
    (param $size memory.addr) (result memory.addr)
    (local $kept-first i64) (local $kept-second i64) (local $result memory.addr)
    (local.set $kept-first (global.get $first))
    (local.set $kept-second (global.get $second))
    (global.set $first (i64.const 0))
    (global.set $second (i64.const 0))
    (local.set $result
      (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))
    (global.set $first (local.get $kept-first))
    (global.set $second (local.get $kept-second))
    (local.get $result))
)
