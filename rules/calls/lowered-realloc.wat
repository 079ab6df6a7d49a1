;; A guest's `realloc` as the host calls it, with the instance's `may-leave` flag down while it
;; runs. The host checks what it returns.
(module
  (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "state" "may-leave" (global $may-leave (mut i32)))

  (func $meld:lowered-realloc (export "realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $result i32)
    (global.set $may-leave (i32.const 0))
    (local.set $result
      (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))
    (global.set $may-leave (i32.const 1))
    (local.get $result))
)
