// A command that prints, and reads its arguments, its clocks and a directory, by itself and by a
// library, which does so by itself.

#include "guest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static guest_string_t text(const char *from) {
  guest_string_t text;
  guest_string_set(&text, from);
  return text;
}

static uint64_t now(clockid_t clock) {
  struct timespec at;
  if (clock_gettime(clock, &at)) abort();
  return at.tv_sec * UINT64_C(1000000000) + at.tv_nsec;
}

static int by_name(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

// The names in a directory, sorted; how many.
static size_t list(const char *path, char **names, size_t room) {
  DIR *directory = opendir(path);
  if (!directory) return 0;
  size_t count = 0;
  for (struct dirent *entry; count < room && (entry = readdir(directory));) {
    if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(names, count, sizeof *names, by_name);
  return count;
}

int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  guest_list_string_t arguments;
  reports_arguments(&arguments);
  printf("the library sees %zu of them\n", arguments.len);
  guest_list_string_free(&arguments);
  const char *name = getenv("NAME");
  printf("NAME is %s\n", name ? name : "not set");

  uint64_t before = now(CLOCK_REALTIME), start = now(CLOCK_MONOTONIC);
  printf("it is after 2020: %d\n", before > UINT64_C(1577836800000000000));
  printf("the library's clocks go on: %d\n", reports_later(before));
  printf("so do these: %d\n", now(CLOCK_REALTIME) >= before && now(CLOCK_MONOTONIC) >= start);

  guest_string_t title = text("Files");
  reports_own_report_t report = reports_constructor_report(&title);
  reports_borrow_report_t borrowed = reports_borrow_report(report);
  char *names[16];
  size_t count = list("/files", names, 16);
  for (size_t i = 0; i < count; i++) {
    char path[256];
    snprintf(path, sizeof path, "/files/%s", names[i]);
    FILE *file = fopen(path, "r");
    if (!file) return 2;
    char line[256];
    while (fgets(line, sizeof line, file)) {
      line[strcspn(line, "\n")] = 0;
      printf("%s: %s\n", names[i], line);
    }
    fclose(file);
    guest_string_t given = text(path);
    reports_result_u32_string_t read;
    reports_method_report_add_file(borrowed, &given, &read);
    if (read.is_err) {
      printf("the library reads nothing: %.*s\n", (int)read.val.err.len, (char *)read.val.err.ptr);
    } else {
      printf("the library reads %u bytes of it\n", (unsigned)read.val.ok);
    }
    reports_result_u32_string_free(&read);
  }
  guest_string_t nowhere = text("/nowhere"), files = text("/files");
  reports_result_list_string_string_t found;
  reports_names(&nowhere, &found);
  if (found.is_err) {
    printf("/nowhere: %.*s\n", (int)found.val.err.len, (char *)found.val.err.ptr);
  }
  reports_result_list_string_string_free(&found);
  reports_names(&files, &found);
  if (!found.is_err) {
    const guest_list_string_t *names_found = &found.val.ok;
    bool same = names_found->len == count;
    for (size_t i = 0; same && i < count; i++) {
      const guest_string_t *name_found = &names_found->ptr[i];
      same = name_found->len == strlen(names[i]) &&
             !memcmp(name_found->ptr, names[i], name_found->len);
    }
    printf("the library finds the same %zu names: %d\n", names_found->len, same);
  }
  reports_result_list_string_string_free(&found);
  fflush(stdout);
  // Two components write to one stream in turn.
  reports_method_report_print(borrowed);
  guest_string_t whole;
  printf("%u report lives\n", (unsigned)reports_live());
  reports_static_report_finish(report, &whole);
  printf("%.*s", (int)whole.len, (char *)whole.ptr);
  printf("%u reports live\n", (unsigned)reports_live());
  fprintf(stderr, "done\n");
  guest_string_free(&whole);
  return 0;
}

// Of libc: gets the arguments and calls `main`.
int __main_void(void);

__attribute__((export_name("_start"))) void start(void) {
  int status = __main_void();
  fflush(stdout);
  if (status) exit(status);
}
