;; State of one component instance ("Component Instances" in the Canonical ABI).
(module
  ;; 0 while the instance's `realloc` or post-return runs, else 1.
  (global $may-leave (export "may-leave") (mut i32) (i32.const 1))
)
