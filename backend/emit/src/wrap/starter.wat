;; Runs the start functions of guests, when everything that they import works.
(module $meld:starter
  (import "" "start" (func $start))
  (start $start)
)
