;; A guest's `realloc` as the host calls it. It may be called while an exported function runs, for
;; what a host function returns; but if it traps, nothing can be entered any more.
(module
  (import "" "realloc"
    (func $realloc
      (param memory.addr memory.addr memory.addr memory.addr) (result memory.addr)))
  (import "" "may-enter" (global $may-enter (mut i32)))

  (func $meld:entered-realloc (export "realloc")
    (param $old memory.addr) (param $old-size memory.addr) (param $align memory.addr)
    (param $size memory.addr) (result memory.addr)
    (local $before i32)
    (local.set $before (global.get $may-enter))
    (global.set $may-enter (i32.const 0))
    (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size))
    (global.set $may-enter (local.get $before)))
)
