// Exports the test, and imports `outer`.

#include "guest.h"

#include <stdlib.h>
#include <string.h>

static bool equal(const guest_string_t *text, const char *expected) {
  return text->len == strlen(expected) && !memcmp(text->ptr, expected, text->len);
}

// Removes what `wrap` puts into a text and says how often that was there.
static uint32_t unwrap(guest_string_t *text) {
  size_t kept = 0;
  for (size_t i = 0; i < text->len; i++) {
    if (text->ptr[i] != '~') text->ptr[kept++] = text->ptr[i];
  }
  uint32_t removed = text->len - kept;
  text->len = kept;
  return removed;
}

static bool shout(uint32_t wraps) {
  static const char *texts[][2] = {
      {"", "<[]!>"},
      {"loud", "<[loud]!>"},
      {"d\xc3\xa9j\xc3\xa0", "<[d\xc3\xa9j\xc3\xa0]!>"},
      {"\xe2\x82\xac\xf0\x9f\x98\x80", "<[\xe2\x82\xac\xf0\x9f\x98\x80]!>"},
  };
  bool right = true;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    guest_string_t text, shouted;
    guest_string_set(&text, texts[i][0]);
    outer_shout(&text, &shouted);
    size_t len = shouted.len;
    right &= unwrap(&shouted) == wraps && equal(&shouted, texts[i][1]);
    shouted.len = len;
    guest_string_free(&shouted);
  }
  return right;
}

static bool note(uint32_t wraps) {
  bool right = true;
  for (size_t count = 0; count < 40; count++) {
    outer_list_item_t items = {NULL, count}, noted;
    if (count > 0) items.ptr = calloc(count, sizeof *items.ptr);
    for (size_t i = 0; i < count; i++) {
      outer_item_t *item = &items.ptr[i];
      guest_string_dup(&item->name, i % 2 ? "\xc3\xa9t\xc3\xa9" : "");
      item->weight = i;
      item->notes.len = i % 3;
      if (i % 3) item->notes.ptr = calloc(i % 3, sizeof *item->notes.ptr);
      for (size_t n = 0; n < i % 3; n++) guest_string_dup(&item->notes.ptr[n], "mine");
    }
    outer_note(&items, &noted);
    right &= noted.len == count;
    for (size_t i = 0; right && i < count; i++) {
      // Ours, then those of middle, of every wrap, and of leaf.
      outer_item_t *item = &noted.ptr[i];
      guest_string_t *notes = item->notes.ptr;
      right &= equal(&item->name, i % 2 ? "\xc3\xa9t\xc3\xa9" : "");
      right &= item->weight == 10 * i + 1;
      right &= item->notes.len == i % 3 + 2 + wraps;
      for (size_t n = 0; right && n < item->notes.len; n++) {
        size_t after = n - i % 3;
        const char *expected = n < i % 3            ? "mine"
                               : after == 0         ? "middle"
                               : after == wraps + 1 ? "leaf"
                                                    : "wrap";
        right &= equal(&notes[n], expected);
      }
    }
    outer_list_item_free(&noted);
    outer_list_item_free(&items);
  }
  return right;
}

void exports_guest_run(guest_string_t *ret) {
  uint32_t wraps = outer_depth() - 2;
  uint32_t values[] = {1, 20, 300, 4000, UINT32_MAX / 2};
  guest_list_u32_t list = {values, 5}, empty = {NULL, 0};

  const char *verdict = "ok";
  if (outer_add(3, 4) != 70) verdict = "add";
  if (outer_total(&list) != 2 * (4321 + (uint64_t)(UINT32_MAX / 2))) verdict = "total";
  if (outer_total(&empty) != 0) verdict = "total of nothing";
  if (!shout(wraps)) verdict = "shout";
  if (!note(wraps)) verdict = "note";
  guest_string_dup(ret, verdict);
}

void exports_guest_trace(guest_string_t *text, guest_string_t *ret) {
  outer_shout(text, ret);
  guest_string_free(text);
}
