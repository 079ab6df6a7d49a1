// Exports `inner`, and imports nothing.

#include "guest.h"

#include <stdlib.h>
#include <string.h>

uint32_t inner_depth(void) { return 1; }
uint32_t inner_add(uint32_t a, uint32_t b) { return a + b; }

uint64_t inner_total(guest_list_u32_t *values) {
  uint64_t total = 0;
  for (size_t i = 0; i < values->len; i++) total += values->ptr[i];
  guest_list_u32_free(values);
  return total;
}

// The text and an exclamation mark.
void inner_shout(guest_string_t *text, guest_string_t *ret) {
  ret->len = text->len + 1;
  ret->ptr = malloc(ret->len * sizeof *ret->ptr);
  if (!ret->ptr) abort();
  memcpy(ret->ptr, text->ptr, text->len * sizeof *ret->ptr);
  ret->ptr[text->len] = '!';
  guest_string_free(text);
}

// Weights grow by one.
void inner_note(inner_list_item_t *items, inner_list_item_t *ret) {
  for (size_t i = 0; i < items->len; i++) {
    inner_item_t *item = &items->ptr[i];
    size_t len = item->notes.len;
    guest_string_t *notes = malloc((len + 1) * sizeof *notes);
    if (!notes) abort();
    memcpy(notes, item->notes.ptr, len * sizeof *notes);
    guest_string_dup(&notes[len], u"leaf");
    if (len > 0) free(item->notes.ptr);
    item->notes.ptr = notes;
    item->notes.len = len + 1;
    item->weight++;
  }
  *ret = *items;
}
