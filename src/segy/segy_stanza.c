/* SPDX-License-Identifier: BSD-3-Clause */
/* Stanzas in extended textual headers: where the texts end, and rev 2.1's layout of trace headers.
 *
 * A layout stanza is XML of one level: <entry name="offset" byte="37" type="int4"/>, those of a trace header extension
 * inside <extension name="SEG00001">. Only that much of XML is read.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/segy/header_value.h"
#include "src/segy/segy_stanza.h"

enum { MAX_TEXTS = 10000 };

static uint64_t text_at(const sp_segy_probe *probe, uint64_t i) {
  return probe->base + SP_SEGY_FILE_HEADER_BYTES + i * SP_SEGY_TEXT_BYTES;
}

/* Whether a text begins with "((name", in any letter case, blanks anywhere. */
static bool begins_with(const char *text, size_t n, const char *name) {
  const char *want = "((";
  for (size_t i = 0; i < n; i++) {
    if (isspace((unsigned char)text[i])) continue;
    if (tolower((unsigned char)text[i]) != *want) return false;
    if (!*++want) {
      if (!name || !*name) return true;
      want = name;
      name = NULL;
    }
  }
  return false;
}

static bool is_stanza(const char *text, size_t n, const char *name) {
  char ascii[128];
  const size_t m = n < sizeof ascii ? n : sizeof ascii;
  if (begins_with(text, m, name)) return true;
  memcpy(ascii, text, m);
  sp_segy_text_to_ascii(ascii, m);
  return begins_with(ascii, m, name);
}

sp_status sp_stanza_count_texts(const sp_segy_probe *probe, uint64_t *out) {
  for (uint64_t i = 0; i < MAX_TEXTS && text_at(probe, i + 1) <= probe->bytes; i++) {
    char start[128];
    SP_TRY(sp_segy_read_at(probe->fd, probe->path, text_at(probe, i), sizeof start, start));
    if (!is_stanza(start, sizeof start, "seg:endtext))")) continue;
    *out = i + 1;
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s: the number of extended textual headers is -1, and none says ((SEG: EndText))",
                  probe->path);
}

/* Whether all bytes are printable, in EBCDIC or ASCII, or ends of lines. */
static bool is_text(const char *text, size_t n) {
  char ascii[128];
  memcpy(ascii, text, n);
  if (sp_segy_text_is_ebcdic(ascii, n)) sp_segy_text_to_ascii(ascii, n);
  for (size_t i = 0; i < n; i++) {
    const unsigned char c = (unsigned char)ascii[i];
    if ((c < ' ' && !isspace(c)) || (c >= 0x7f && c < 0xa0 && c != 0x85)) return false;
  }
  return true;
}

bool sp_stanza_is_text(const sp_segy_probe *probe, uint64_t i) {
  char start[128];
  if (text_at(probe, i + 1) > probe->bytes) return false;
  return !sp_segy_read_at(probe->fd, probe->path, text_at(probe, i), sizeof start, start) &&
         is_text(start, sizeof start);
}

sp_status sp_stanza_count_all(const sp_segy_probe *probe, uint64_t *out) {
  uint64_t n = 0;
  for (; n < MAX_TEXTS && text_at(probe, n + 1) <= probe->bytes; n++) {
    char start[128];
    SP_TRY(sp_segy_read_at(probe->fd, probe->path, text_at(probe, n), sizeof start, start));
    if (!is_stanza(start, sizeof start, "") && !is_text(start, sizeof start)) break;
  }
  *out = n;
  return SP_SUCCESS;
}

/* --- the layout's XML ----------------------------------------------------------------------------------------- */

typedef struct tag {
  const char *start, *end; /* between the angle brackets */
} tag;

static bool next_tag(const char **at, tag *out) {
  const char *open = strchr(*at, '<');
  const char *close = open ? strchr(open, '>') : NULL;
  if (!close) return false;
  out->start = open + 1;
  out->end = close;
  *at = close + 1;
  return true;
}

static bool tag_is(const tag *t, const char *name) {
  const size_t n = strlen(name);
  if ((size_t)(t->end - t->start) < n || strncmp(t->start, name, n)) return false;
  const char after = t->start[n];
  return after == '>' || after == '/' || isspace((unsigned char)after);
}

/* Value of an attribute, "" where the tag has none or it does not fit. */
static void attribute(const tag *t, const char *name, char *out, size_t size) {
  const size_t n = strlen(name);
  *out = '\0';
  for (const char *at = t->start; at + n < t->end; at++) {
    if (!isspace((unsigned char)*at) || strncmp(at + 1, name, n)) continue;
    const char *p = at + 1 + n;
    while (p < t->end && isspace((unsigned char)*p)) p++;
    if (p == t->end || *p++ != '=') continue;
    while (p < t->end && isspace((unsigned char)*p)) p++;
    if (p == t->end || (*p != '"' && *p != '\'')) return;
    const char *close = memchr(p + 1, *p, (size_t)(t->end - p - 1));
    if (close && (size_t)(close - p - 1) < size) snprintf(out, size, "%.*s", (int)(close - p - 1), p + 1);
    return;
  }
}

/* Types of rev 2.1, table 9. scale6 is a mantissa and an exponent: the table's two fields keep their bytes. */
static const struct {
  const char *name;
  sp_field_type type;
  bool scaled, skipped;
} entry_types[] = {
    {"int2", SP_FIELD_INT16, false, false},      {"int4", SP_FIELD_INT32, false, false},
    {"int8", SP_FIELD_INT64, false, false},      {"uint2", SP_FIELD_UINT16, false, false},
    {"uint4", SP_FIELD_UINT32, false, false},    {"uint8", SP_FIELD_UINT64, false, false},
    {"ibmfp", SP_FIELD_IBM32, false, false},     {"ieee32", SP_FIELD_FLOAT32, false, false},
    {"ieee64", SP_FIELD_FLOAT64, false, false},  {"linetrc", SP_FIELD_INT32, false, false},
    {"reeltrc", SP_FIELD_INT32, false, false},   {"linetrc8", SP_FIELD_UINT64, false, false},
    {"reeltrc8", SP_FIELD_UINT64, false, false}, {"coor4", SP_FIELD_INT32, true, false},
    {"elev4", SP_FIELD_INT32, true, false},      {"time2", SP_FIELD_INT16, true, false},
    {"spnum4", SP_FIELD_INT32, true, false},     {"scale6", SP_FIELD_INT32, false, true},
};

enum { N_TYPES = sizeof entry_types / sizeof entry_types[0] };

/* Adds one entry; false, with the reason, for one that cannot be. */
static bool add_entry(const tag *t, sp_header_block block, bool known_block, sp_stanza *stanza, char *why,
                      size_t why_size) {
  char name[64], byte_text[16], type[16];
  attribute(t, "name", name, sizeof name);
  attribute(t, "byte", byte_text, sizeof byte_text);
  attribute(t, "type", type, sizeof type);
  char quoted[SP_QUOTE_SIZE];
  sp_quote(name, quoted);
  size_t k = 0;
  while (k < N_TYPES && strcmp(type, entry_types[k].name)) k++;
  char *end;
  const long byte = strtol(byte_text, &end, 10);
  if (!*name || !*byte_text || *end || k == N_TYPES) {
    snprintf(why, why_size, "entry '%s' has no name, no byte or no type of the standard's", quoted);
    return false;
  }
  const long width = entry_types[k].skipped ? 6 : (long)sp_field_width(entry_types[k].type);
  if (byte < 1 || byte + width - 1 > SP_TRACE_HEADER_BYTES) {
    snprintf(why, why_size, "entry '%s' at byte %ld is outside the header", quoted, byte);
    return false;
  }
  const sp_header_field *field = known_block ? sp_header_field_find(block, name) : NULL;
  if (!field || entry_types[k].skipped || stanza->n_words == SP_SEGY_MAX_COLUMNS) return true;
  stanza->words[stanza->n_words++] = (sp_stanza_word){.block = block,
                                                      .field = field,
                                                      .byte = (uint16_t)byte,
                                                      .type = entry_types[k].type,
                                                      .scaled = entry_types[k].scaled};
  return true;
}

static bool parse_layout(const char *xml, sp_stanza *stanza, char *why, size_t why_size) {
  sp_header_block block = SP_BLOCK_STANDARD;
  bool known_block = true, inside = false;
  const char *at = xml;
  for (tag t; next_tag(&at, &t);) {
    if (tag_is(&t, "segy-layout")) {
      inside = true;
    } else if (tag_is(&t, "/segy-layout")) {
      return true;
    } else if (tag_is(&t, "extension")) {
      char name[16];
      attribute(&t, "name", name, sizeof name);
      known_block = !strcmp(name, "SEG00000") || !strcmp(name, "SEG00001");
      block = strcmp(name, "SEG00001") ? SP_BLOCK_STANDARD : SP_BLOCK_EXTENSION1;
    } else if (tag_is(&t, "/extension")) {
      known_block = true;
      block = SP_BLOCK_STANDARD;
    } else if (tag_is(&t, "entry")) {
      if (!inside) break;
      if (!add_entry(&t, block, known_block, stanza, why, why_size)) return false;
    }
  }
  snprintf(why, why_size, inside ? "it does not end" : "it is not a <segy-layout>");
  return false;
}

/* The texts from `first` up to the next stanza as one string, in ASCII. */
static sp_status gather_text(const sp_segy_probe *probe, uint64_t first, uint64_t n_texts, char **out) {
  char *text;
  uint64_t n = 1;
  for (; first + n < n_texts && text_at(probe, first + n + 1) <= probe->bytes; n++) {
    char start[128];
    SP_TRY(sp_segy_read_at(probe->fd, probe->path, text_at(probe, first + n), sizeof start, start));
    if (is_stanza(start, sizeof start, "")) break;
  }
  const size_t bytes = (size_t)n * SP_SEGY_TEXT_BYTES;
  SP_TRY(sp_calloc(bytes + 1, 1, "a layout stanza", &text));
  const sp_status status = sp_segy_read_at(probe->fd, probe->path, text_at(probe, first), bytes, text);
  if (status != SP_SUCCESS) {
    sp_free(text);
    return status;
  }
  if (sp_segy_text_is_ebcdic(text, bytes)) sp_segy_text_to_ascii(text, bytes);
  for (size_t i = 0; i < bytes; i++) {
    if (!text[i]) text[i] = ' ';
  }
  *out = text;
  return SP_SUCCESS;
}

sp_status sp_stanza_read(const sp_segy_probe *probe, uint64_t n_texts, sp_segy_layout *layout, sp_stanza *out) {
  out->found = false;
  out->n_words = 0;
  for (uint64_t i = 0; i < n_texts && i < MAX_TEXTS && text_at(probe, i + 1) <= probe->bytes; i++) {
    char start[128], why[160], *text;
    SP_TRY(sp_segy_read_at(probe->fd, probe->path, text_at(probe, i), sizeof start, start));
    if (!is_stanza(start, sizeof start, "seg:layout")) continue;
    SP_TRY(gather_text(probe, i, n_texts, &text));
    out->found = parse_layout(text, out, why, sizeof why);
    sp_free(text);
    if (out->found) return SP_SUCCESS;
    out->n_words = 0;
    sp_segy_note(layout, "the layout stanza cannot be used, %s: used the standard's bytes of trace header fields", why);
    return SP_SUCCESS;
  }
  return SP_SUCCESS;
}

double sp_stanza_value(const sp_stanza *stanza, sp_byte_order order, const char *name, const uint8_t *header) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  for (size_t i = 0; i < stanza->n_words; i++) {
    const sp_stanza_word *word = &stanza->words[i];
    if (word->field == field) return sp_header_value_get(header + word->byte - 1, word->type, order);
  }
  return sp_header_value_get(header + field->byte - 1, field->type, order);
}

uint16_t sp_segy_find_extension1(const uint8_t *header, uint32_t header_bytes) {
  for (uint32_t at = SP_TRACE_HEADER_BYTES; at < header_bytes; at += SP_TRACE_HEADER_BYTES) {
    char name[8];
    memcpy(name, header + at + 232, sizeof name);
    if (!memcmp(name, "SEG00001", 8)) return (uint16_t)at;
    sp_segy_text_to_ascii(name, sizeof name);
    if (!memcmp(name, "SEG00001", 8)) return (uint16_t)at;
  }
  return 0;
}
