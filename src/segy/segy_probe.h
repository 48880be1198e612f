/* SPDX-License-Identifier: BSD-3-Clause */
/* A file being identified: its first bytes, and how to read more of it. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_PROBE_H
#define SEISPROC_SRC_SEGY_SEGY_PROBE_H

#include "seisproc/segy.h"
#include "src/segy/segy_bytes.h"

/* Positions in the 400-byte binary header, from 0. */
enum {
  SP_BINARY_ENSEMBLE_TRACES = 12,
  SP_BINARY_INTERVAL = 16,
  SP_BINARY_SAMPLES = 20,
  SP_BINARY_FORMAT = 24,
  SP_BINARY_SORTING = 28,
  SP_BINARY_MEASUREMENT = 54,
  SP_BINARY_WIDE_SAMPLES = 68,  /* rev 2 */
  SP_BINARY_WIDE_INTERVAL = 72, /* rev 2 */
  SP_BINARY_ORDER = 96,         /* rev 2: 16909060, the bytes 1 2 3 4 in big-endian order */
  SP_BINARY_REVISION = 300,
  SP_BINARY_FIXED = 302,       /* rev 1: 1 where all traces have one length */
  SP_BINARY_TEXTS = 304,       /* rev 1: extended textual headers */
  SP_BINARY_EXTENSIONS = 306,  /* rev 2: trace header extensions; 4 bytes in 2.0, 2 in 2.1 */
  SP_BINARY_TRACES = 312,      /* rev 2 */
  SP_BINARY_FIRST_TRACE = 320, /* rev 2 */
  SP_BINARY_TRAILERS = 328,    /* rev 2 */
};

enum { SP_PROBE_HEAD = 8192, SP_STORAGE_LABEL_BYTES = 128 };

typedef struct sp_segy_probe {
  const char *path;
  const sp_segy_hints *hints;
  int fd;
  uint64_t bytes; /* of the file */
  uint64_t base;  /* where SEG-Y's textual header begins: 0, or behind a storage unit label */
  size_t n_head;
  uint8_t head[SP_PROBE_HEAD]; /* the first bytes from `base` on, n_head of them; zeros after */
} sp_segy_probe;

/* Opens a regular file that is not empty. Errors: SP_ERR_INPUT, one line. */
sp_status sp_segy_open(const char *path, int *fd, uint64_t *bytes);

/* Reads the head of the file from probe->base on. */
sp_status sp_segy_read_head(sp_segy_probe *probe);

/* Adds a line to what contradicts the file. */
void sp_segy_note(sp_segy_layout *layout, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
