// Has the world greeted.

#include "guest.h"

void exports_guest_run(guest_string_t *ret) {
  guest_string_t name;
  guest_string_set(&name, "world");
  guest_greet(&name, ret);
}
