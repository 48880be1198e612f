/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of samples as they are read back, for a survey whose samples were changed by its packing. */
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "seisproc/share.h"
#include "src/store/pack_parts.h"

enum { PIECE_BYTES = 8 << 20, MAX_COLUMNS = 2, SHARED_AT_ONCE = 1 << 24 };

/* One number a row and column, each found by one rank and 0 on the others. */
typedef struct sums {
  const char *path;
  uint64_t rows;
  uint32_t *crc; /* [rows][n_columns]; NULL: the survey has no such dataset */
} sums;

typedef struct checker {
  sp_survey *survey;
  sp_gather_index *index;
  int n_columns; /* /traces, and /noise where there is one */
  sp_dataset *column[MAX_COLUMNS];
  uint64_t row_bytes, piece;
  char *rows;
  sums gathers, traces;
} checker;

static sp_status make_sums(const checker *c, sums *s, const char *path, uint64_t rows) {
  *s = (sums){.path = path, .rows = rows};
  if (!sp_survey_has(c->survey, path)) return SP_SUCCESS;
  return sp_calloc((rows + 1) * (size_t)c->n_columns, sizeof *s->crc, "checksums", &s->crc);
}

static sp_status open_all(checker *c, const char *part) {
  SP_TRY(sp_survey_open_independent(part, false, &c->survey));
  const sp_survey_info *info = sp_survey_get_info(c->survey);
  SP_TRY(sp_survey_read_index(c->survey, false, &c->index));
  SP_TRY(sp_dataset_open(c->survey, "/traces", &c->column[c->n_columns++]));
  if (sp_survey_has(c->survey, "/noise")) SP_TRY(sp_dataset_open(c->survey, "/noise", &c->column[c->n_columns++]));
  c->row_bytes = info->n_samples * sizeof(float);
  c->piece = PIECE_BYTES / c->row_bytes ? PIECE_BYTES / c->row_bytes : 1;
  SP_TRY(sp_alloc(c->piece * c->row_bytes, "traces", &c->rows));
  SP_TRY(make_sums(c, &c->gathers, "/integrity/crc32c", info->n_gathers));
  return make_sums(c, &c->traces, "/integrity/trace_crc32c", info->n_traces);
}

static void close_survey(checker *c) {
  for (int k = 0; k < c->n_columns; k++) sp_dataset_close(c->column[k]);
  sp_gather_index_destroy(c->index);
  sp_survey_close(c->survey);
}

static sp_status check_gather(checker *c, uint64_t gather, int k) {
  const sp_global *ends = c->index->first_trace + gather;
  uint32_t crc = 0;
  SP_EACH_PIECE (p, ends[0], ends[1], c->piece) {
    SP_TRY(sp_dataset_read_independent(c->column[k], p.first, (sp_local)p.count, c->rows));
    crc = sp_crc32c(crc, c->rows, p.count * c->row_bytes);
    for (uint64_t t = 0; c->traces.crc && t < p.count; t++) {
      const uint64_t at = (p.first + t) * (uint64_t)c->n_columns + (uint64_t)k;
      c->traces.crc[at] = sp_crc32c(0, c->rows + t * c->row_bytes, c->row_bytes);
    }
  }
  c->gathers.crc[gather * (uint64_t)c->n_columns + (uint64_t)k] = crc;
  return SP_SUCCESS;
}

static sp_status check_share(checker *c, sp_share share, sp_activity *activity) {
  for (uint64_t g = share.first; g < share.first + share.count; g++) {
    for (int k = 0; k < c->n_columns; k++) SP_TRY(check_gather(c, g, k));
    if (activity) sp_activity_step(activity);
  }
  return SP_SUCCESS;
}

static sp_status join(MPI_Comm comm, const checker *c, const sums *s) {
  const uint64_t n = s->crc ? s->rows * (uint64_t)c->n_columns : 0;
  if (comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  for (uint64_t at = 0; at < n; at += SHARED_AT_ONCE) {
    const uint64_t left = n - at < SHARED_AT_ONCE ? n - at : SHARED_AT_ONCE;
    SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, s->crc + at, sp_mpi_count(left), MPI_UINT32_T, MPI_SUM, comm));
  }
  return SP_SUCCESS;
}

/* Opens the file again, which nobody has open now. */
static sp_status write_all(const checker *c, const char *part) {
  sp_survey *survey;
  const sums *const both[] = {&c->gathers, &c->traces};
  SP_TRY(sp_survey_open_independent(part, true, &survey));
  sp_status status = SP_SUCCESS;
  for (int i = 0; i < 2 && status == SP_SUCCESS; i++) {
    if (both[i]->crc) status = sp_dataset_write_whole(survey, both[i]->path, both[i]->rows, both[i]->crc);
  }
  if (status == SP_SUCCESS) status = sp_survey_sync(survey);
  sp_survey_close(survey);
  return status;
}

static sp_status read_all(MPI_Comm comm, const sp_ranks *ranks, checker *c, sp_activity *activity) {
  SP_ALIKE(sp_ranks_agree(ranks, check_share(c, sp_ranks_share(ranks, c->gathers.rows), activity)));
  SP_ALIKE(join(comm, c, &c->gathers));
  return join(comm, c, &c->traces);
}

sp_status sp_pack_write_checksums(MPI_Comm comm, const char *part, sp_activity *activity) {
  checker c = {0};
  const sp_ranks ranks = sp_ranks_of(comm);
  sp_status status = sp_ranks_agree(&ranks, open_all(&c, part));
  const bool has_any = c.gathers.crc != NULL;
  if (status == SP_SUCCESS && has_any) status = read_all(comm, &ranks, &c, activity);
  close_survey(&c);
  status = sp_ranks_agree(&ranks, status);
  if (status == SP_SUCCESS && has_any) status = SP_ON_RANK_0(&ranks, write_all(&c, part));
  sp_free(c.traces.crc);
  sp_free(c.gathers.crc);
  sp_free(c.rows);
  return status;
}
