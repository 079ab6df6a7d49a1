;; One function for each reason to trap. Their names show in backtraces, so that a trap tells why.
(module
  ;; A pointer to list elements, spilled parameters or results is not aligned.
  (func $meld:trap:unaligned-pointer (export "unaligned-pointer") unreachable)
  ;; Spilled parameters or results are not in memory.
  (func $meld:trap:pointer-out-of-bounds (export "pointer-out-of-bounds") unreachable)
  ;; A list has more bytes than the Canonical ABI allows.
  (func $meld:trap:list-too-long (export "list-too-long") unreachable)
  ;; A list is not in memory.
  (func $meld:trap:list-out-of-bounds (export "list-out-of-bounds") unreachable)
  ;; A `char` is a surrogate or above 0x10ffff.
  (func $meld:trap:invalid-char (export "invalid-char") unreachable)
  ;; A discriminant has no case.
  (func $meld:trap:invalid-discriminant (export "invalid-discriminant") unreachable)
  ;; An instance calls out of its `realloc` or post-return.
  (func $meld:trap:cannot-leave (export "cannot-leave") unreachable)
  ;; An instance is entered from itself, an ancestor or a descendant.
  (func $meld:trap:cannot-enter (export "cannot-enter") unreachable)
  ;; An exception escapes from the instance that was called.
  (func $meld:trap:uncaught-exception (export "uncaught-exception") unreachable)
  ;; A string is not valid UTF-8.
  (func $meld:trap:invalid-utf8 (export "invalid-utf8") unreachable)
  ;; A string holds an unpaired surrogate.
  (func $meld:trap:invalid-utf16 (export "invalid-utf16") unreachable)
  ;; A string has more bytes than the Canonical ABI allows.
  (func $meld:trap:string-too-long (export "string-too-long") unreachable)
  ;; A string is not in memory.
  (func $meld:trap:string-out-of-bounds (export "string-out-of-bounds") unreachable)
  ;; A string of two-byte units, or that may have such, is not aligned.
  (func $meld:trap:unaligned-string (export "unaligned-string") unreachable)
  ;; A guest's `realloc` returned what is not aligned as it was asked to be.
  (func $meld:trap:realloc-unaligned (export "realloc-unaligned") unreachable)
  ;; A guest's `realloc` returned what is not in its memory.
  (func $meld:trap:realloc-out-of-bounds (export "realloc-out-of-bounds") unreachable)
  ;; A backpressure counter leaves its range.
  (func $meld:trap:backpressure-out-of-range (export "backpressure-out-of-range") unreachable)
  ;; No handle has this index.
  (func $meld:trap:unknown-handle (export "unknown-handle") unreachable)
  ;; The handle is of another resource type.
  (func $meld:trap:wrong-resource-type (export "wrong-resource-type") unreachable)
  ;; A handle that borrows is given away as if it owned.
  (func $meld:trap:not-an-owner (export "not-an-owner") unreachable)
  ;; A handle is dropped or given away while it is lent.
  (func $meld:trap:handle-is-lent (export "handle-is-lent") unreachable)
  ;; A function returns while its instance has handles that borrow.
  (func $meld:trap:borrows-left (export "borrows-left") unreachable)
  ;; An instance has more handles than the Canonical ABI allows, or than memory holds.
  (func $meld:trap:too-many-handles (export "too-many-handles") unreachable)
  ;; What crosses to or from the host does not fit into the memory by which it does.
  (func $meld:trap:border-full (export "border-full") unreachable)
  ;; The buffer of a read or write of a stream or future is not in the one memory of its instance.
  (func $meld:trap:buffer-out-of-bounds (export "buffer-out-of-bounds") unreachable)
)
