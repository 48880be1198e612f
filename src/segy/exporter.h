/* SPDX-License-Identifier: BSD-3-Clause */
/* An export under way. Private to src/segy: export.c runs it. Below it, each file using those before it:
 * export_output.c has the file or stream that is written, export_columns.c finds where header columns go,
 * export_headers.c brings trace headers up to what columns say, export_file_headers.c makes or completes textual and
 * binary headers, export_prepare.c finds out what to write, export_pass.c moves traces. */
#ifndef SEISPROC_SRC_SEGY_EXPORTER_H
#define SEISPROC_SRC_SEGY_EXPORTER_H

#include "seisproc/export.h"
#include "seisproc/lock.h"
#include "seisproc/meter.h"
#include "seisproc/ranks.h"
#include "seisproc/survey_file.h"

/* A header column and where it goes: the entry of ex->layout of the same number. */
typedef struct sp_export_column {
  sp_dataset *dataset;
  bool carried;       /* the output's headers have a word for it */
  bool must_be_free;  /* that word was chosen by --map: it must hold nothing else */
  bool is_scalar;     /* scales other columns, so it is written before them */
  bool is_taken;      /* its word was chosen by --map for another, so it is not carried: it must be 0 throughout */
  bool has_values;    /* some value is not 0; looked at only where it is not carried */
  uint64_t n_rounded; /* values that the field holds rounded */
  double most_lost;   /* by that, of a value, in the column's unit */
} sp_export_column;

typedef struct sp_exporter {
  sp_ranks ranks;
  const sp_export_options *options;
  sp_survey *survey;
  sp_dataset *samples;
  sp_dataset *raw_headers;                  /* kept ones; NULL: headers are made from columns */
  sp_dataset *exact_traces, *exact_samples; /* NULL: there are none */
  sp_segy_layout *layout;                   /* columns of the output's trace headers; owned */
  sp_export_column columns[SP_SEGY_MAX_COLUMNS];
  size_t n_columns;
  sp_segy_kind kind;
  sp_byte_order order, sample_order;
  int format;
  double scale;          /* samples are multiplied by it */
  bool weighted;         /* samples are integers times 2^-N, with N in bytes 169-170 of their trace's header */
  bool cut_headers;      /* of the other kind: their first 180 bytes are kept, the rest means something else */
  bool set_format;       /* another one than that of the kept headers is asked for */
  bool set_shape;        /* number or interval of samples is not that of the kept headers */
  bool is_subset;        /* there are fewer traces than in the file that the kept headers are of */
  uint32_t kept_samples; /* a trace, in that file */
  uint8_t *file_header;  /* rank 0; owned */
  uint64_t file_header_bytes, trailer_bytes;
  uint64_t text_at; /* of the textual header in file_header: 0, or behind a storage unit label */
  uint64_t n_traces, trace_bytes;
  uint32_t header_bytes, kept_header_bytes, n_samples;
  double interval_us;
  int fd;
  bool stream;     /* fd takes bytes one after the other: a pipe, a device, standard output */
  char *part_path; /* owned; NULL until the file is there */
  sp_lock *lock;   /* owned; rank 0 */
  sp_segy_losses losses;
  sp_meter meter;
} sp_exporter;

/* --- export_output.c --- */

/* Opens the output and writes the file headers: a new file of its full size, or a stream. Collective. */
sp_status sp_export_open_output(sp_exporter *ex);

/* Writes n bytes at an offset of the output; to a stream, at its end. */
sp_status sp_export_write(sp_exporter *ex, uint64_t offset, size_t n, const void *bytes);

/* Writes the trailer of a stream, syncs a file. */
sp_status sp_export_end_output(sp_exporter *ex);

/* --- export_columns.c --- */

/* Opens the survey's columns and finds their words in trace headers of ex->kind. Collective. */
sp_status sp_export_open_columns(sp_exporter *ex);

/* --- export_headers.c --- */

/* Reads or makes the headers of traces first ... first + n - 1 and writes into them what the columns say. `headers` has
 * room for 2n kept ones, `scratch` for 2n doubles. Not collective. Errors: SP_ERR_INPUT for a value that its field
 * cannot hold. */
sp_status sp_export_get_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers, double *scratch);

/* Tells what header fields could not hold whole, and what no field was there for. Collective. */
sp_status sp_export_log_columns(sp_exporter *ex);

/* --- export_file_headers.c --- */

/* Makes file headers for a survey that has none, or brings kept ones up to the samples, the gathers and what was done.
 * Collective; sets ex->file_header on rank 0. */
sp_status sp_export_set_file_headers(sp_exporter *ex);

/* --- export_prepare.c, export_pass.c --- */

/* Opens the survey and works out what to write. Collective. */
sp_status sp_export_prepare(sp_exporter *ex);
void sp_export_close(sp_exporter *ex);

/* Writes the traces of this rank's share. Not collective. */
sp_status sp_export_pass(sp_exporter *ex);

/* The traces that this rank writes: all of them to a stream, by rank 0. */
sp_share sp_export_share(const sp_exporter *ex);

#endif
