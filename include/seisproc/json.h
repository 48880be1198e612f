/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing JSON (RFC 8259) to a stream, a member a line.
 *
 *   sp_json json = sp_json_begin(stdout);
 *   sp_json_open(&json, NULL, '{');
 *   sp_json_text(&json, "name", "read");
 *   sp_json_close(&json, '}');
 *
 * `key` is NULL in arrays and at the top. Whether the stream took it all is for ferror to say.
 */
#ifndef SEISPROC_JSON_H
#define SEISPROC_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct sp_json {
  FILE *stream; /* borrowed */
  int depth;
  bool empty; /* nothing yet in the innermost object or array */
} sp_json;

sp_json sp_json_begin(FILE *stream);

/* Opens an object or array, '{' or '[', and closes it with the matching bracket. */
void sp_json_open(sp_json *json, const char *key, char bracket);
void sp_json_close(sp_json *json, char bracket);

/* Bytes of `text` that are not UTF-8 become U+FFFD; NULL becomes null. */
void sp_json_text(sp_json *json, const char *key, const char *text);
void sp_json_int(sp_json *json, const char *key, int64_t value);
void sp_json_count(sp_json *json, const char *key, uint64_t value);
void sp_json_bool(sp_json *json, const char *key, bool value);

/* In the fewest digits that read back to the same value; null where it is not finite, since JSON has no such number. */
void sp_json_real(sp_json *json, const char *key, double value);

#endif
