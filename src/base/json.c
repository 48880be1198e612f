/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/quote.h"

/* Writes `text` between quotes. */
static void put_string(FILE *stream, const char *text) {
  fputc('"', stream);
  for (const unsigned char *at = (const unsigned char *)text; *at;) {
    const size_t length = sp_utf8_length((const char *)at);
    if (length == 0) {
      fputs("\\ufffd", stream);
      at++;
    } else if (*at == '"' || *at == '\\') {
      fprintf(stream, "\\%c", *at++);
    } else if (*at < 0x20) {
      fprintf(stream, "\\u%04x", *at++);
    } else {
      fwrite(at, 1, length, stream);
      at += length;
    }
  }
  fputc('"', stream);
}

/* Separates from what came before, and writes the key. */
static void begin_member(sp_json *json, const char *key) {
  if (json->depth > 0) fprintf(json->stream, "%s\n%*s", json->empty ? "" : ",", 2 * json->depth, "");
  json->empty = false;
  if (!key) return;
  put_string(json->stream, key);
  fputs(": ", json->stream);
}

sp_json sp_json_begin(FILE *stream) {
  return (sp_json){.stream = stream, .empty = true};
}

void sp_json_open(sp_json *json, const char *key, char bracket) {
  begin_member(json, key);
  fputc(bracket, json->stream);
  json->depth++;
  json->empty = true;
}

void sp_json_close(sp_json *json, char bracket) {
  json->depth--;
  if (!json->empty) fprintf(json->stream, "\n%*s", 2 * json->depth, "");
  fputc(bracket, json->stream);
  if (json->depth == 0) fputc('\n', json->stream);
  json->empty = false;
}

void sp_json_text(sp_json *json, const char *key, const char *text) {
  begin_member(json, key);
  if (text) {
    put_string(json->stream, text);
  } else {
    fputs("null", json->stream);
  }
}

void sp_json_int(sp_json *json, const char *key, int64_t value) {
  begin_member(json, key);
  fprintf(json->stream, "%" PRId64, value);
}

void sp_json_count(sp_json *json, const char *key, uint64_t value) {
  begin_member(json, key);
  fprintf(json->stream, "%" PRIu64, value);
}

void sp_json_bool(sp_json *json, const char *key, bool value) {
  begin_member(json, key);
  fputs(value ? "true" : "false", json->stream);
}

void sp_json_real(sp_json *json, const char *key, double value) {
  begin_member(json, key);
  if (!isfinite(value)) {
    fputs("null", json->stream);
    return;
  }
  char text[32];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  fputs(text, json->stream);
}
