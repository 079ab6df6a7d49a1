;; A guest's `realloc`, from which no exception escapes: it traps.
(module
  (import "" "realloc"
    (func $realloc
      (param memory.addr memory.addr memory.addr memory.addr) (result memory.addr)))
  (import "traps" "uncaught-exception" (func $uncaught-exception))

  (func $meld:caught-realloc (export "realloc")
    (param $old memory.addr) (param $old-size memory.addr) (param $align memory.addr)
    (param $size memory.addr) (result memory.addr)
    (block $caught
      (return
        (try_table (result memory.addr) (catch_all $caught)
          (call $realloc
            (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))))
    (call $uncaught-exception)
    unreachable)
)
