/* An export under way. Private to src/segy: export.c runs it, export_prepare.c finds out what to write,
 * export_headers.c makes headers where none were kept, export_pass.c moves traces. */
#ifndef SEISPROC_SRC_SEGY_EXPORTER_H
#define SEISPROC_SRC_SEGY_EXPORTER_H

#include "seisproc/export.h"
#include "seisproc/lock.h"
#include "seisproc/survey_file.h"
#include "src/segy/team.h"

/* A header column that goes into made headers. */
typedef struct sp_export_column {
  sp_dataset *dataset;
  const sp_header_field *field;
  int scalar; /* what the file's scalar field of this one will say; for columns that hold scaled values */
} sp_export_column;

typedef struct sp_exporter {
  sp_team team;
  const sp_export_options *options;
  sp_survey *survey;
  sp_dataset *samples;
  sp_dataset *raw_headers;                  /* kept ones; NULL: headers are made from columns */
  sp_dataset *exact_traces, *exact_samples; /* NULL: there are none */
  sp_export_column columns[SP_SEGY_MAX_COLUMNS];
  int n_columns;
  sp_segy_kind kind;
  sp_byte_order order, sample_order;
  int format;
  bool cut_headers;     /* of the other kind: their first 180 bytes are kept, the rest means something else */
  bool set_shape;       /* number or interval of samples is not that of the kept headers */
  uint8_t *file_header; /* rank 0; owned */
  uint64_t file_header_bytes, trailer_bytes;
  uint64_t text_at; /* of the textual header in file_header: 0, or behind a storage unit label */
  uint64_t n_traces, trace_bytes;
  uint32_t header_bytes, kept_header_bytes, n_samples;
  double interval_us;
  int fd;
  char *part_path; /* owned */
  sp_lock *lock;   /* on the output; rank 0, owned */
  sp_segy_losses losses;
  sp_meter meter;
} sp_exporter;

/* Opens the survey and works out what to write. Collective. */
sp_status sp_export_prepare(sp_exporter *ex);
void sp_export_close(sp_exporter *ex);

/* File headers for a survey that has none; sets file_header. */
sp_status sp_export_make_file_header(sp_exporter *ex);

/* Opens the columns that made headers are filled from. Collective. */
sp_status sp_export_open_columns(sp_exporter *ex);

/* Makes the headers of traces first ... first + n - 1; `scratch` holds n doubles. Not collective. */
sp_status sp_export_make_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers, double *scratch);

/* Sets number and interval of samples in a trace header, as far as its fields can say them. */
void sp_export_set_shape(const sp_exporter *ex, uint8_t *header);

/* The same in the 400-byte binary header; also the sample format. */
void sp_export_set_binary(const sp_exporter *ex, uint8_t *binary);

/* Writes the traces of this rank's share. Not collective. */
sp_status sp_export_pass(sp_exporter *ex);

/* Writes n bytes at an offset of the output. */
sp_status sp_export_write(const sp_exporter *ex, uint64_t offset, size_t n, const void *bytes);

#endif
