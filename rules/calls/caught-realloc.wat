;; A guest's `realloc`, from which no exception escapes: it traps.
(module
  (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "traps" "uncaught-exception" (func $uncaught-exception))

  (func $meld:caught-realloc (export "realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (block $caught
      (return
        (try_table (result i32) (catch_all $caught)
          (call $realloc
            (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))))
    (call $uncaught-exception)
    unreachable)
)
