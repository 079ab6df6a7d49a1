#include "text.h"

#include <stdlib.h>
#include <string.h>

void *allocate(size_t count, size_t size) {
  if (count == 0) return NULL;
  void *memory = malloc(count * size);
  if (!memory) __builtin_trap();
  return memory;
}

static void push_unit(builder_t *builder, unit_t unit) {
  if (builder->len == builder->capacity) {
    builder->capacity = builder->capacity ? builder->capacity * 2 : 16;
    builder->units = realloc(builder->units, builder->capacity * sizeof(unit_t));
    if (!builder->units) __builtin_trap();
  }
  builder->units[builder->len++] = unit;
}

void builder_push(builder_t *builder, uint32_t c) {
  if (sizeof(unit_t) == 2) {
    if (c < 0x10000) {
      push_unit(builder, c);
    } else {
      push_unit(builder, 0xd800 + ((c - 0x10000) >> 10));
      push_unit(builder, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  } else if (c < 0x80) {
    push_unit(builder, c);
  } else if (c < 0x800) {
    push_unit(builder, 0xc0 | c >> 6);
    push_unit(builder, 0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    push_unit(builder, 0xe0 | c >> 12);
    push_unit(builder, 0x80 | (c >> 6 & 0x3f));
    push_unit(builder, 0x80 | (c & 0x3f));
  } else {
    push_unit(builder, 0xf0 | c >> 18);
    push_unit(builder, 0x80 | (c >> 12 & 0x3f));
    push_unit(builder, 0x80 | (c >> 6 & 0x3f));
    push_unit(builder, 0x80 | (c & 0x3f));
  }
}

void builder_push_string(builder_t *builder, const guest_string_t *text) {
  for (size_t i = 0; i < text->len; i++) push_unit(builder, text->ptr[i]);
}

guest_string_t builder_finish(builder_t *builder) {
  guest_string_t text = {builder->units, builder->len};
  *builder = (builder_t){0};
  return text;
}

uint32_t text_next(const guest_string_t *text, size_t *at) {
  const unit_t *units = text->ptr;
  uint32_t first = units[(*at)++];
  if (sizeof(unit_t) == 2) {
    if (first < 0xd800 || first > 0xdfff) return first;
    return 0x10000 + ((first - 0xd800) << 10) + (units[(*at)++] - 0xdc00);
  }
  if (first < 0x80) return first;
  int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  uint32_t c = first & (0x3f >> more);
  while (more--) c = c << 6 | (units[(*at)++] & 0x3f);
  return c;
}

uint32_t text_length(const guest_string_t *text) {
  uint32_t count = 0;
  for (size_t at = 0; at < text->len; count++) text_next(text, &at);
  return count;
}

bool text_equal(const guest_string_t *a, const guest_string_t *b) {
  return a->len == b->len && (a->len == 0 || !memcmp(a->ptr, b->ptr, a->len * sizeof(unit_t)));
}

guest_string_t text_from_ascii(const char *ascii) {
  builder_t builder = {0};
  while (*ascii) builder_push(&builder, *ascii++);
  return builder_finish(&builder);
}

guest_string_t text_from(const uint32_t *code_points, size_t len) {
  builder_t builder = {0};
  for (size_t i = 0; i < len; i++) builder_push(&builder, code_points[i]);
  return builder_finish(&builder);
}
