/* SPDX-License-Identifier: BSD-3-Clause */
/* Chunks that the ranks of a job packed and placed as they computed enter the journal of the packing, which then goes
 * on with what is left: rows at the seams of tasks, headers, figures. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/store/pack_parts.h"

_Static_assert((int)SP_PACKED_BEGIN == (int)SP_PLACED_BEGIN, "chunks lie where HDF5 is told that they do");

static const sp_pack_item *find_item(const sp_pack_plan *plan, const char *path) {
  for (size_t i = 0; i < plan->n_items; i++) {
    if (plan->items[i].placed && !strcmp(plan->items[i].path, path)) return &plan->items[i];
  }
  return NULL;
}

static sp_status list(const sp_pack_plan *plan, const char *const *paths, const sp_chunk *chunks, size_t n,
                      sp_pack_record *out) {
  for (size_t i = 0; i < n; i++) {
    const sp_chunk *c = &chunks[i];
    const sp_pack_item *item = find_item(plan, paths[c->plane]);
    if (!item || c->number >= item->n_chunks) {
      return SP_RAISE(SP_ERR_INTERNAL, "%s: chunk %llu is of no such dataset", paths[c->plane],
                      (unsigned long long)c->number);
    }
    out[i] = (sp_pack_record){.chunk = item->first_chunk + c->number,
                              .offset = c->at,
                              .bytes = c->bytes,
                              .skipped = c->skipped,
                              .crc = c->crc,
                              .adopted = true};
  }
  return SP_SUCCESS;
}

static sp_status adopt(const sp_pack_options *options, sp_survey *survey, const char *const *paths,
                       const sp_chunk *chunks, size_t n) {
  sp_pack_plan plan;
  char name[SP_UUID_LENGTH + 1], *path = NULL;
  sp_pack_record *records = NULL;
  SP_TRY(sp_pack_plan_make(survey, options, &plan));
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(n + 1, sizeof *records, "records of chunks", &records));
  SP_TRY_GOTO(out, list(&plan, paths, chunks, n, records));
  SP_TRY_GOTO(out, sp_side_path(options->output, SP_SIDE_CHUNKS, &path));
  sp_pack_plan_name(&plan, name);
  status = sp_pack_journal_create(path, name, records, n);
out:
  sp_free(path);
  sp_free(records);
  sp_pack_plan_free(&plan);
  return status;
}

sp_status sp_pack_adopt(const sp_pack_options *options, const char *input, const char *const *paths,
                        const sp_chunk *chunks, size_t n) {
  sp_survey *survey;
  SP_TRY(sp_survey_open_independent(input, false, &survey));
  const sp_status status = adopt(options, survey, paths, chunks, n);
  sp_survey_close(survey);
  return status;
}
