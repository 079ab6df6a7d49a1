;; A guest's `realloc`, with the instance's `may-leave` flag down while it runs.
(module
  (import "" "realloc"
    (func $realloc
      (param memory.addr memory.addr memory.addr memory.addr) (result memory.addr)))
  (import "state" "may-leave" (global $may-leave (mut i32)))

  (func $meld:realloc-without-leave (export "realloc")
    (param $old memory.addr) (param $old-size memory.addr) (param $align memory.addr)
    (param $size memory.addr) (result memory.addr)
    (local $result memory.addr)
    (global.set $may-leave (i32.const 0))
    (local.set $result
      (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))
    (global.set $may-leave (i32.const 1))
    (local.get $result))
)
