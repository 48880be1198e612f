/* SPDX-License-Identifier: BSD-3-Clause */
/* What kind of file this is: SEG-Y, SU, or something else that is named.
 *
 * An SU file has no mark of its own: it is one when its traces, each by its own header, agree on their length over the
 * whole file. Such agreement outweighs what a few bytes look like, since any trace number may begin with an archive's
 * signature and zeros pass as text. */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "src/segy/segy_layout.h"
#include "src/segy/segy_probe.h"

enum { SU_TRACES = 64 }; /* that are looked at, from the first to the last */

/* --- other files ---------------------------------------------------------------------------------------------- */

typedef struct signature {
  const char *bytes;
  size_t n;
  const char *what;
} signature;

#define SIGNATURE(text, what)                                                                                          \
  { text, sizeof text - 1, what }

static const signature signatures[] = {
    SIGNATURE("\x89HDF\r\n\x1a\n", "an HDF5 file"),
    SIGNATURE("CDF\x01", "a NetCDF file"),
    SIGNATURE("CDF\x02", "a NetCDF file"),
    SIGNATURE("\x1f\x8b", "a gzip archive"),
    SIGNATURE("BZh", "a bzip2 archive"),
    SIGNATURE("\xfd"
              "7zXZ",
              "an xz archive"),
    SIGNATURE("\x28\xb5\x2f\xfd", "a Zstandard archive"),
    SIGNATURE("PK\x03\x04", "a zip archive"),
    SIGNATURE("\x93NUMPY", "a NumPy array"),
    SIGNATURE("%PDF-", "a PDF document"),
    SIGNATURE("\x89PNG", "a PNG image"),
    SIGNATURE("\xff\xd8\xff", "a JPEG image"),
    SIGNATURE("\x7f"
              "ELF",
              "a program"),
    SIGNATURE("\x55\x3a", "a SEG-2 file"),
    SIGNATURE("\x3a\x55", "a SEG-2 file"),
    SIGNATURE("ZGY\0", "a ZGY file"),
};

/* `score` says how much the file looks like SU: traces that agree outweigh a signature, and a whole file of them the
 * guess that it is a text. */
static const char *foreign(const sp_segy_probe *probe, int score) {
  for (size_t i = 0; score == 0 && i < sizeof signatures / sizeof signatures[0]; i++) {
    const signature *s = &signatures[i];
    if (probe->n_head >= s->n && !memcmp(probe->head, s->bytes, s->n)) return s->what;
  }
  if (score == 2) return NULL;
  for (size_t i = 0; i < probe->n_head; i++) {
    const uint8_t c = probe->head[i];
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') return NULL;
  }
  /* the start of a SEG-Y file is text as well */
  return sp_segy_text_is_ebcdic(probe->head, probe->n_head) ? NULL : "a text file";
}

/* --- SEG-Y or SU ---------------------------------------------------------------------------------------------- */

static const uint8_t *binary(const sp_segy_probe *probe) {
  return probe->head + SP_SEGY_TEXT_BYTES;
}

static int format_code(const sp_segy_probe *probe, sp_byte_order order) {
  return sp_get_i16(binary(probe) + SP_BINARY_FORMAT, order);
}

/* Byte order by rev 2's constant; AUTO where it is not there. */
static sp_byte_order marked_order(const sp_segy_probe *probe) {
  const uint8_t *mark = binary(probe) + SP_BINARY_ORDER;
  if (!memcmp(mark, "\1\2\3\4", 4)) return SP_ORDER_BIG;
  if (!memcmp(mark, "\4\3\2\1", 4)) return SP_ORDER_LITTLE;
  return SP_ORDER_AUTO;
}

static bool is_pairwise_swapped(const sp_segy_probe *probe) {
  const uint8_t *mark = binary(probe) + SP_BINARY_ORDER;
  return !memcmp(mark, "\2\1\4\3", 4) || !memcmp(mark, "\3\4\1\2", 4);
}

/* Where nothing else tells: counts and intervals are small numbers, and big only when read in the wrong order. */
static sp_byte_order smaller_order(const uint8_t *a, const uint8_t *b) {
  const unsigned big = (unsigned)sp_get_u16(a, SP_ORDER_BIG) + sp_get_u16(b, SP_ORDER_BIG);
  const unsigned little = (unsigned)sp_get_u16(a, SP_ORDER_LITTLE) + sp_get_u16(b, SP_ORDER_LITTLE);
  return little < big ? SP_ORDER_LITTLE : SP_ORDER_BIG;
}

static sp_byte_order segy_order(const sp_segy_probe *probe) {
  const sp_byte_order marked = marked_order(probe);
  if (marked != SP_ORDER_AUTO) return marked;
  if (sp_segy_format_name(format_code(probe, SP_ORDER_BIG))) return SP_ORDER_BIG;
  if (sp_segy_format_name(format_code(probe, SP_ORDER_LITTLE))) return SP_ORDER_LITTLE;
  return SP_ORDER_AUTO;
}

static bool starts_with_text(const sp_segy_probe *probe) {
  uint8_t text[SP_SEGY_TEXT_BYTES];
  memcpy(text, probe->head, sizeof text);
  if (sp_segy_text_is_ebcdic(text, sizeof text)) sp_segy_text_to_ascii(text, sizeof text);
  size_t fit = 0;
  for (size_t i = 0; i < sizeof text; i++) fit += text[i] == 0 || (text[i] >= 0x20 && text[i] < 0x7f);
  return fit >= sizeof text * 3 / 4;
}

/* How far a file looks like SU in one byte order: 0 not at all, 1 its traces agree, 2 the size fits as well. */
static int su_score(const sp_segy_probe *probe, sp_byte_order order) {
  const uint32_t ns = sp_get_u16(probe->head + 114, order);
  const uint64_t trace_bytes = SP_TRACE_HEADER_BYTES + 4 * (uint64_t)ns, n = probe->bytes / trace_bytes;
  if (!ns || !n || probe->base) return 0;
  const uint64_t looks = n < SU_TRACES ? n : SU_TRACES;
  for (uint64_t i = 1; i < looks; i++) {
    uint8_t at[2];
    const uint64_t trace = i < 8 || n == looks ? i : i * (n - 1) / (looks - 1);
    if (sp_segy_read_at(probe->fd, probe->path, trace * trace_bytes + 114, sizeof at, at)) return 0;
    if (sp_get_u16(at, order) != ns) return 0;
  }
  return probe->bytes % trace_bytes == 0 ? 2 : n > 2;
}

static sp_byte_order su_order(const sp_segy_probe *probe, int *score) {
  const int big = su_score(probe, SP_ORDER_BIG), little = su_score(probe, SP_ORDER_LITTLE);
  *score = big > little ? big : little;
  if (big != little) return big > little ? SP_ORDER_BIG : SP_ORDER_LITTLE;
  return smaller_order(probe->head + 114, probe->head + 116);
}

static sp_segy_kind find_kind(const sp_segy_probe *probe) {
  int score;
  su_order(probe, &score);
  if (score == 2) return SP_KIND_SU;
  const bool has_headers = probe->bytes >= probe->base + SP_SEGY_FILE_HEADER_BYTES;
  const bool has_code = has_headers && segy_order(probe) != SP_ORDER_AUTO;
  if (has_code && (starts_with_text(probe) || score == 0)) return SP_KIND_SEGY;
  if (score) return SP_KIND_SU;
  return has_headers && starts_with_text(probe) ? SP_KIND_SEGY : SP_KIND_AUTO;
}

/* A storage unit label (rev 1, table 1): a number of 4 characters, "SY1.0", "RECORD", ... in 128 bytes of ASCII. */
static bool has_label(const sp_segy_probe *probe) {
  const uint8_t *h = probe->head;
  return probe->bytes >= SP_STORAGE_LABEL_BYTES + SP_SEGY_FILE_HEADER_BYTES && !memcmp(h + 4, "SY", 2) &&
         isdigit(h[6]) && h[7] == '.' && isdigit(h[8]) && !memcmp(h + 9, "RECORD", 6);
}

static sp_status refuse_unknown(const sp_segy_probe *probe) {
  if (probe->bytes < SP_SEGY_FILE_HEADER_BYTES) {
    return SP_RAISE(SP_ERR_INPUT, "%s: neither SEG-Y nor SU: %llu bytes, and the headers of a SEG-Y file alone are %d",
                    probe->path, (unsigned long long)probe->bytes, SP_SEGY_FILE_HEADER_BYTES);
  }
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: neither SEG-Y (sample format code %d in bytes 3225-3226, allowed is 1 to 16) nor SU (its traces "
                  "do not agree on the number of samples in bytes 115-116)",
                  probe->path, format_code(probe, SP_ORDER_BIG));
}

static sp_status find_format(const sp_segy_probe *probe, sp_segy_layout *layout) {
  if (is_pairwise_swapped(probe)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: SEG-Y with bytes swapped in pairs, which is not read", probe->path);
  }
  sp_byte_order order = probe->hints->order ? probe->hints->order : segy_order(probe);
  if (order == SP_ORDER_AUTO) {
    order = smaller_order(binary(probe) + SP_BINARY_SAMPLES, binary(probe) + SP_BINARY_INTERVAL);
  }
  const int declared = format_code(probe, order), code = probe->hints->format ? probe->hints->format : declared;
  if (!sp_segy_format_name(code)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: sample format code %d in bytes 3225-3226 is none of SEG-Y's; --format sets it",
                    probe->path, code);
  }
  if (!sp_segy_format_bytes(code)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: sample format %d (%s) is not read; allowed are 1, 2, 3, 5, 6, 8, 10, 11, 16",
                    probe->path, code, sp_segy_format_name(code));
  }
  layout->order = order;
  layout->format = code;
  return SP_SUCCESS;
}

static sp_status identify(const sp_segy_probe *probe, sp_segy_layout *layout) {
  const sp_segy_hints *hints = probe->hints;
  int score = 0;
  if (hints->kind == SP_KIND_AUTO) su_order(probe, &score);
  const char *other = hints->kind == SP_KIND_AUTO ? foreign(probe, score) : NULL;
  if (other) return SP_RAISE(SP_ERR_INPUT, "%s: %s; allowed are SEG-Y and SU files", probe->path, other);
  layout->kind = hints->kind ? hints->kind : find_kind(probe);
  if (layout->kind == SP_KIND_AUTO) return refuse_unknown(probe);
  if (layout->kind == SP_KIND_SEGY) {
    if (probe->bytes < probe->base + SP_SEGY_FILE_HEADER_BYTES) {
      return SP_RAISE(SP_ERR_INPUT, "%s: %llu bytes, and the headers of a SEG-Y file alone are %d", probe->path,
                      (unsigned long long)probe->bytes, SP_SEGY_FILE_HEADER_BYTES);
    }
    SP_TRY(find_format(probe, layout));
  } else if (hints->format && hints->format != SP_FORMAT_FLOAT32) {
    return SP_RAISE(SP_ERR_USAGE, "%s: --format: found %d, allowed in an SU file is 5; --as=segy reads it as SEG-Y",
                    probe->path, hints->format);
  } else {
    layout->order = hints->order ? hints->order : su_order(probe, &score);
    layout->format = SP_FORMAT_FLOAT32;
  }
  return sp_segy_find_layout(probe, layout);
}

sp_status sp_segy_identify(const char *path, const sp_segy_hints *hints, sp_segy_layout *out) {
  static const sp_segy_hints no_hints;
  sp_segy_probe *probe;
  sp_segy_layout *layout = NULL;
  SP_TRY(sp_calloc(1, sizeof *probe, "a file's head", &probe));
  probe->path = path;
  probe->hints = hints ? hints : &no_hints;
  sp_status status = sp_segy_open(path, &probe->fd, &probe->bytes);
  if (status != SP_SUCCESS) goto free_probe;
  SP_TRY_GOTO(close_file, sp_segy_read_head(probe));
  if (probe->hints->kind != SP_KIND_SU && has_label(probe)) {
    probe->base = SP_STORAGE_LABEL_BYTES;
    SP_TRY_GOTO(close_file, sp_segy_read_head(probe));
  }
  SP_TRY_GOTO(close_file, sp_calloc(1, sizeof *layout, "a layout", &layout));
  layout->file_bytes = probe->bytes;
  layout->label_bytes = probe->base;
  SP_TRY_GOTO(close_file, identify(probe, layout));
  *out = *layout;
close_file:
  sp_free(layout);
  close(probe->fd);
free_probe:
  sp_free(probe);
  return status;
}
