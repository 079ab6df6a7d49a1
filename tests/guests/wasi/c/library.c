// Reports, with files, clocks, arguments and output of its own.

#include "guest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasi/api.h>

struct reports_report_t { char *text; size_t len; };

static uint32_t live;
uint32_t reports_live(void) { return live; }

static void append(reports_report_t *report, const char *text, size_t len) {
  report->text = realloc(report->text, report->len + len + 1);
  if (!report->text) abort();
  memcpy(report->text + report->len, text, len);
  report->len += len;
  report->text[report->len] = 0;
}

reports_own_report_t reports_constructor_report(guest_string_t *title) {
  reports_report_t *report = calloc(1, sizeof *report);
  if (!report) abort();
  live++;
  append(report, "# ", 2);
  append(report, (char *)title->ptr, title->len);
  append(report, "\n", 1);
  guest_string_free(title);
  return reports_report_new(report);
}

void reports_report_destructor(reports_report_t *report) {
  live--;
  free(report->text);
  free(report);
}

void reports_method_report_add(reports_borrow_report_t self, guest_string_t *line) {
  append(self, (char *)line->ptr, line->len);
  append(self, "\n", 1);
  guest_string_free(line);
}

static char *terminated(guest_string_t *text) {
  char *copy = strndup((char *)text->ptr, text->len);
  guest_string_free(text);
  return copy;
}

void reports_method_report_add_file(reports_borrow_report_t self, guest_string_t *path,
                                    reports_result_u32_string_t *ret) {
  char *name = terminated(path);
  FILE *file = fopen(name, "r");
  free(name);
  ret->is_err = !file;
  if (!file) {
    guest_string_dup(&ret->val.err, "no such file");
    return;
  }
  char bytes[256];
  ret->val.ok = 0;
  for (size_t read; (read = fread(bytes, 1, sizeof bytes, file));) {
    append(self, bytes, read);
    ret->val.ok += read;
  }
  fclose(file);
}

void reports_method_report_print(reports_borrow_report_t self) {
  fwrite(self->text, 1, self->len, stdout);
  fflush(stdout);
}

void reports_static_report_finish(reports_own_report_t whole, guest_string_t *ret) {
  reports_report_t *report = reports_report_rep(whole);
  guest_string_dup_n(ret, report->text, report->len);
  reports_report_drop_own(whole);
}

static int by_name(const void *one, const void *other) {
  const guest_string_t *left = one, *right = other;
  size_t len = left->len < right->len ? left->len : right->len;
  int order = memcmp(left->ptr, right->ptr, len);
  return order ? order : (left->len > right->len) - (left->len < right->len);
}

void reports_names(guest_string_t *path, reports_result_list_string_string_t *ret) {
  char *name = terminated(path);
  DIR *directory = opendir(name);
  free(name);
  ret->is_err = !directory;
  if (!directory) {
    guest_string_dup(&ret->val.err, "no such directory");
    return;
  }
  guest_list_string_t *names = &ret->val.ok;
  *names = (guest_list_string_t){NULL, 0};
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    names->ptr = realloc(names->ptr, (names->len + 1) * sizeof *names->ptr);
    if (!names->ptr) abort();
    guest_string_dup(&names->ptr[names->len++], entry->d_name);
  }
  closedir(directory);
  qsort(names->ptr, names->len, sizeof *names->ptr, by_name);
}

bool reports_later(uint64_t than) {
  struct timespec real, one, other;
  clock_gettime(CLOCK_REALTIME, &real);
  clock_gettime(CLOCK_MONOTONIC, &one);
  clock_gettime(CLOCK_MONOTONIC, &other);
  uint64_t now = real.tv_sec * UINT64_C(1000000000) + real.tv_nsec;
  bool goes_on = other.tv_sec > one.tv_sec ||
                 (other.tv_sec == one.tv_sec && other.tv_nsec >= one.tv_nsec);
  return now >= than && goes_on;
}

void reports_arguments(guest_list_string_t *ret) {
  __wasi_size_t count, size;
  if (__wasi_args_sizes_get(&count, &size)) abort();
  uint8_t **at = malloc((count + 1) * sizeof *at);
  uint8_t *bytes = malloc(size + 1);
  if (!at || !bytes || __wasi_args_get(at, bytes)) abort();
  ret->len = count;
  ret->ptr = malloc((count + 1) * sizeof *ret->ptr);
  for (size_t i = 0; i < count; i++) guest_string_dup(&ret->ptr[i], (char *)at[i]);
  free(at);
  free(bytes);
}
