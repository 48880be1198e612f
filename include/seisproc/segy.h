/* SPDX-License-Identifier: BSD-3-Clause */
/* SEG-Y and SU files: what kind a file is, how it is laid out, its samples, texts and trace headers.
 *
 * Read are SEG-Y revisions 0, 1, 2.0 and 2.1 and SU files, big- and little-endian. A file is identified by one process
 * (rank 0); the result is plain data without pointers, to be broadcast as bytes. Sources: SEG-Y rev 0 (Barry, Cavers
 * and Kneale 1975), rev 1 (2002), rev 2.0 (2017), rev 2.1 (2023).
 */
#ifndef SEISPROC_SEGY_H
#define SEISPROC_SEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"
#include "seisproc/trace_header.h"

enum {
  SP_SEGY_TEXT_BYTES = 3200,
  SP_SEGY_BINARY_BYTES = 400,
  SP_SEGY_FILE_HEADER_BYTES = SP_SEGY_TEXT_BYTES + SP_SEGY_BINARY_BYTES,
  SP_SEGY_MAX_COLUMNS = 160,
};

typedef enum sp_segy_kind { SP_KIND_AUTO, SP_KIND_SEGY, SP_KIND_SU } sp_segy_kind;
typedef enum sp_byte_order { SP_ORDER_AUTO, SP_ORDER_BIG, SP_ORDER_LITTLE } sp_byte_order;

/* Sample formats by SEG-Y's codes. */
typedef enum sp_segy_format {
  SP_FORMAT_IBM32 = 1,
  SP_FORMAT_INT32 = 2,
  SP_FORMAT_INT16 = 3,
  SP_FORMAT_FLOAT32 = 5,
  SP_FORMAT_FLOAT64 = 6,
  SP_FORMAT_INT8 = 8,
  SP_FORMAT_UINT32 = 10,
  SP_FORMAT_UINT16 = 11,
  SP_FORMAT_UINT8 = 16,
} sp_segy_format;

/* --- samples (segy_samples.c) ------------------------------------------------------------------------------ */

/* "4-byte IBM float", ...; NULL for a code that no revision defines. Also names those that are not read. */
const char *sp_segy_format_name(int code);

/* Bytes a sample of a format that can be read and written; 0 for any other code. */
size_t sp_segy_format_bytes(int code);

/* Decodes n samples to float. Returns whether encoding the result again gives the same bytes: false where a sample
 * has more digits than a float or, in IBM format, is not normalised or beyond a float's range (then infinite or
 * rounded). `raw` and `out` do not overlap and need no alignment. */
bool sp_segy_decode(int format, sp_byte_order order, const void *raw, size_t n, float *out);

/* What encoding could not keep, added up over calls. */
typedef struct sp_segy_losses {
  uint64_t clipped;    /* beyond the range of the format: its nearest end was written */
  uint64_t not_finite; /* NaN, or an infinity in a format without one: 0, or the nearest end */
  uint64_t zeroed;     /* integer formats: not 0, and 0 is the nearest integer */
} sp_segy_losses;

/* Encodes n samples, rounded to the nearest value of the format, halves to even. Adds to *losses. */
void sp_segy_encode(int format, sp_byte_order order, const float *samples, size_t n, void *out, sp_segy_losses *losses);

/* --- texts (segy_text.c) ----------------------------------------------------------------------------------- */

/* Whether n bytes of text are EBCDIC rather than ASCII, by which one's blanks and letters they hold. */
bool sp_segy_text_is_ebcdic(const void *text, size_t n);

/* EBCDIC (code page 037) to ISO 8859-1 and back, where they lie; each is the other's exact inverse. */
void sp_segy_text_to_ascii(void *text, size_t n);
void sp_segy_text_to_ebcdic(void *text, size_t n);

/* --- identity and layout (segy_identify.c, segy_layout.c) ---------------------------------------------------- */

/* A header word whose byte the user states: `--field iline=9:i4`. */
typedef struct sp_segy_word {
  char name[24];
  uint16_t byte; /* from 1; beyond 240 in the trace header extensions */
  sp_field_type type;
} sp_segy_word;

/* What the user knows better than the file; zeroed: nothing. */
typedef struct sp_segy_hints {
  sp_segy_kind kind;
  sp_byte_order order;        /* of the headers, and of the samples unless sample_order says otherwise */
  sp_byte_order sample_order; /* of the samples */
  int format;                 /* sample format code */
  int measurement;            /* unit of lengths: 1 metres, 2 feet */
  uint32_t n_samples;         /* a trace */
  double sample_interval_us;  /* of the samples */
  bool allow_truncated;       /* take the whole traces of a file that ends inside one */
  const sp_segy_word *words;
  size_t n_words;
} sp_segy_hints;

/* One header word: where a trace's raw header holds it and what column it becomes. */
typedef struct sp_segy_column {
  char name[24];
  char unit[12];     /* "" where there is none */
  uint16_t at;       /* offset in the raw header, from 0 */
  uint16_t wide_at;  /* of the field in extension 1 that overrides this one when it is not 0; 0: none */
  uint8_t type;      /* sp_field_type at `at` */
  uint8_t wide_type; /* the same at `wide_at` */
  bool real;         /* the column is float64, in its unit, scaled; else int32 as the header has it */
  int16_t scalar;    /* position of the column that scales this one; -1: none */
} sp_segy_column;

typedef struct sp_segy_layout {
  sp_segy_kind kind;
  sp_byte_order order;        /* of headers */
  sp_byte_order sample_order; /* the same but in files that were converted by halves */
  int format;
  int revision_major, revision_minor;
  uint64_t file_bytes;
  uint64_t label_bytes;   /* of a storage unit label before the textual header: 0 or 128 */
  uint64_t first_trace;   /* byte offset of the first trace header */
  uint64_t n_traces;      /* whole ones */
  uint64_t trailer_bytes; /* after the last trace: rev 2's trailer stanzas */
  uint64_t dropped_bytes; /* of a last, partial trace that was left out */
  uint64_t trace_bytes;   /* headers and samples */
  uint32_t header_bytes;  /* 240 x (1 + extensions) */
  uint32_t n_samples;
  double sample_interval_us;
  bool text_is_ebcdic;
  char length_unit[8]; /* "m", "ft"; "m or ft" where the file does not say */
  int counit;          /* of the first trace: 2 to 4 where coordinates are angles */
  size_t n_columns;
  sp_segy_column columns[SP_SEGY_MAX_COLUMNS];
  char notes[2048]; /* what in the headers contradicts the file and what is used instead, a line each */
} sp_segy_layout;

/* Identifies the file at `path` and works out its layout. Logs nothing but errors: what in the headers contradicts the
 * file is in out->notes. Not collective: one process calls it. Errors, one line each: SP_ERR_INPUT
 * for what is no SEG-Y or SU file (says what it is), is truncated, has traces of varying length or a sample format that
 * is not read (names it); SP_ERR_IO. */
sp_status sp_segy_identify(const char *path, const sp_segy_hints *hints, sp_segy_layout *out);

/* Looks whether a trace whose own number of samples is not the layout's is followed by the next one where that number
 * says, and not where the layout says: then lengths vary, and the line says so (SP_ERR_INPUT). */
sp_status sp_segy_check_length(const sp_segy_layout *layout, int fd, const char *path, uint64_t trace,
                               const void *header);

/* Reads exactly n bytes at an offset. Errors: SP_ERR_IO, also where the file ends before. */
sp_status sp_segy_read_at(int fd, const char *path, uint64_t offset, size_t n, void *out);

/* Logs the notes of a layout as warnings. */
void sp_segy_log_notes(const char *path, const sp_segy_layout *layout);

/* --- trace headers (segy_columns.c) ------------------------------------------------------------------------- */

/* Position of the column of this name or alias; -1 where there is none. */
int sp_segy_column_find(const sp_segy_layout *layout, const char *name);

/* Unit of coordinates with this counit where they are angles: "arc s", "degree", "DMS"; NULL where they are lengths. */
const char *sp_segy_angle_unit(int counit);

/* Whether an SU header has this field: bytes 1-180, SU's own words, and the scalar of times, which SU does not assign
 * and which headers that come from SEG-Y bring along. */
bool sp_header_field_is_in_su(const sp_header_field *field);

/* The value of one column in one raw header. */
double sp_segy_column_value(const sp_segy_layout *layout, size_t column, const void *header);

/* Values of a column in n raw headers that lie `stride` bytes apart: int32_t or, where the column is real, double. */
void sp_segy_column_read(const sp_segy_layout *layout, size_t column, const void *headers, size_t stride, size_t n,
                         void *out);

#endif
