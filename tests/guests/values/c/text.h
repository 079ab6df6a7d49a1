// Strings as code points, whichever encoding the bindings were generated for.
#pragma once

#include "guest.h"

// One code unit: a byte in the UTF-8 builds, two bytes in the UTF-16 builds.
typedef __typeof__(*((guest_string_t *)0)->ptr) unit_t;

// A string that grows; `units` is owned.
typedef struct {
  unit_t *units;
  size_t len, capacity;
} builder_t;

void builder_push(builder_t *builder, uint32_t code_point);
void builder_push_string(builder_t *builder, const guest_string_t *text);
// Takes what was built out of the builder.
guest_string_t builder_finish(builder_t *builder);

// The code point at `*at`, which moves behind it.
uint32_t text_next(const guest_string_t *text, size_t *at);
uint32_t text_length(const guest_string_t *text);
bool text_equal(const guest_string_t *a, const guest_string_t *b);
// An owned string of ASCII text.
guest_string_t text_from_ascii(const char *ascii);
guest_string_t text_from(const uint32_t *code_points, size_t len);

// `malloc` that traps where it fails; null for no bytes.
void *allocate(size_t count, size_t size);
