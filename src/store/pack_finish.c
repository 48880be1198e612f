/* SPDX-License-Identifier: BSD-3-Clause */
/* The metadata of a packed survey: the source's, and how it is packed. */
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/store/pack_parts.h"

enum { MAX_PATH = SP_PACK_PATH + 32 };

typedef struct finishing {
  const sp_pack_plan *plan;
  const sp_pack_record *records;
  sp_survey *source; /* opened by this process alone */
  sp_placed_file *file;
  hid_t id;
} finishing;

/* --- datasets ---------------------------------------------------------------------------------------------------- */

static sp_status write_checksums(finishing *f, const sp_pack_item *item) {
  char path[MAX_PATH];
  uint32_t *crc;
  SP_TRY(sp_alloc(item->n_chunks * sizeof *crc, "checksums of chunks", &crc));
  for (uint64_t c = 0; c < item->n_chunks; c++) crc[c] = f->records[item->first_chunk + c].crc;
  snprintf(path, sizeof path, "/packing/crc32c%s", item->path);
  const sp_dataset_spec spec = {.path = path, .type = SP_UINT32, .rows = item->n_chunks};
  sp_status status = sp_h5_create_dataset(f->id, &spec);
  hid_t dataset = H5I_INVALID_HID;
  if (status == SP_SUCCESS) status = SP_H5_ID(dataset, H5Dopen2(f->id, path, H5P_DEFAULT));
  if (status == SP_SUCCESS) {
    status = SP_H5(H5Dwrite(dataset, sp_h5_memory_type(SP_UINT32), H5S_ALL, H5S_ALL, H5P_DEFAULT, crc));
  }
  if (dataset >= 0) H5Dclose(dataset);
  sp_free(crc);
  return status;
}

static sp_status add_chunks(finishing *f, const sp_pack_item *item) {
  sp_placed_chunk *chunks;
  SP_TRY(sp_calloc(item->n_chunks, sizeof *chunks, "places of chunks", &chunks));
  for (uint64_t c = 0; c < item->n_chunks; c++) {
    const sp_pack_record *r = &f->records[item->first_chunk + c];
    chunks[c] = (sp_placed_chunk){r->offset, r->bytes, r->skipped};
  }
  sp_status status = item->block ? sp_placed_file_add_block(f->file, &item->spec, chunks[0].offset)
                                 : sp_placed_file_add_chunks(f->file, &item->spec, &item->form, chunks, item->n_chunks);
  sp_free(chunks);
  if (status == SP_SUCCESS && !item->block) status = write_checksums(f, item);
  return status;
}

static sp_status copy_small(finishing *f, const sp_pack_item *item) {
  sp_dataset *from;
  SP_TRY(sp_dataset_open(f->source, item->path, &from));
  sp_status status = sp_h5_create_dataset(f->id, &item->spec);
  if (status == SP_SUCCESS) status = sp_h5_copy_rows(from, f->id);
  sp_dataset_close(from);
  return status;
}

/* --- how it is packed -------------------------------------------------------------------------------------------- */

/* How it was packed before, and what sp_h5_add_scales writes. */
static bool is_left_out(const char *name) {
  static const char *const names[] = {"codec",      "level",     "packed_bytes",     "error_bound",
                                      "tolerance",  "max_error", "max_error_of_rms", "lossless_chunks",
                                      "coordinates"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!strcmp(name, names[i])) return true;
  }
  return false;
}

static sp_status describe_loss(const finishing *f, const sp_pack_item *item) {
  double error = 0, part = 0;
  int64_t lossless = 0;
  for (uint64_t c = 0; c < item->n_chunks; c++) {
    const sp_pack_record *r = &f->records[item->first_chunk + c];
    if (r->error > error) error = r->error;
    if (r->part > part) part = r->part;
    lossless += r->lossless;
  }
  SP_TRY(sp_h5_write_real(f->id, item->path, "error_bound", item->bounds->part));
  SP_TRY(sp_h5_write_real(f->id, item->path, "tolerance", item->bounds->tolerance));
  SP_TRY(sp_h5_write_real(f->id, item->path, "max_error", error));
  SP_TRY(sp_h5_write_real(f->id, item->path, "max_error_of_rms", part));
  return sp_h5_write_int(f->id, item->path, "lossless_chunks", lossless);
}

static sp_status describe_packing(const finishing *f, const sp_pack_item *item) {
  uint64_t bytes = 0;
  for (uint64_t c = 0; c < item->n_chunks; c++) bytes += f->records[item->first_chunk + c].bytes;
  SP_TRY(sp_h5_write_text(f->id, item->path, "codec", sp_codec_name(f->plan->codec)));
  if (!item->bounds) SP_TRY(sp_h5_write_int(f->id, item->path, "level", item->form.level));
  SP_TRY(sp_h5_write_int(f->id, item->path, "packed_bytes", (int64_t)bytes));
  return item->bounds ? describe_loss(f, item) : SP_SUCCESS;
}

static sp_status add_item(finishing *f, const sp_pack_item *item) {
  const bool samples = !strcmp(item->path, "/traces") || !strcmp(item->path, "/noise");
  SP_TRY(item->placed ? add_chunks(f, item) : copy_small(f, item));
  SP_TRY(sp_h5_copy_attributes_but(f->source, item->path, f->id, is_left_out));
  return samples && item->placed && !item->block ? describe_packing(f, item) : SP_SUCCESS;
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

/* Losslessly packed, a survey is the same one. What zfp changed is another, made from it. */
static sp_status write_origin(const finishing *f) {
  const sp_survey_info *info = sp_survey_get_info(f->source);
  const double part = f->plan->options->error_bound;
  char name[160], uuid[SP_UUID_LENGTH + 1], *history = NULL;
  if (f->plan->codec != SP_CODEC_ZFP || f->plan->options->in_job) {
    return H5Aexists(f->id, "uuid") > 0 ? SP_SUCCESS : sp_h5_write_text(f->id, "/", "uuid", info->uuid);
  }
  snprintf(name, sizeof name, "%s zfp %.17g", info->uuid, part);
  sp_uuid_derive(name, uuid);
  const size_t size = strlen(info->history) + 256;
  SP_TRY(sp_alloc(size, "the history", &history));
  snprintf(history, size, "%s%sinput %s: seisproc " SP_VERSION " pack: zfp, errors up to %g of a gather's RMS",
           info->history, info->history[0] ? "\n\n" : "", info->uuid, part);
  sp_status status = sp_h5_write_text(f->id, "/", "history", history);
  if (status == SP_SUCCESS) status = sp_h5_write_text(f->id, "/", "uuid", uuid);
  if (status == SP_SUCCESS) status = sp_h5_write_text(f->id, "/", "input_uuid", info->uuid);
  sp_free(history);
  return status;
}

static bool is_of_origin(const char *name) {
  return !strcmp(name, "history") || !strcmp(name, "uuid") || !strcmp(name, "input_uuid");
}

static sp_status copy_group(const finishing *f, const char *group) {
  const sp_survey *survey = f->source;
  if (!sp_survey_has(survey, group) || H5Lexists(f->id, group, H5P_DEFAULT) <= 0) return SP_SUCCESS;
  return sp_h5_copy_attributes(survey, group, f->id);
}

static sp_status fill(finishing *f) {
  static const char *const groups[] = {"/gathers", "/headers", "/segy", "/integrity", "/qc"};
  const bool lossy = f->plan->codec == SP_CODEC_ZFP && !f->plan->options->in_job;
  for (size_t i = 0; i < f->plan->n_items; i++) SP_TRY(add_item(f, &f->plan->items[i]));
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) SP_TRY(copy_group(f, groups[i]));
  SP_TRY(sp_h5_copy_attributes_but(f->source, "/", f->id, lossy ? is_of_origin : NULL));
  SP_TRY(write_origin(f));
  if (!sp_survey_has(f->source, "/time")) return SP_SUCCESS; /* of a file that names no dimensions */
  return sp_h5_add_scales(f->id, f->source, sp_survey_get_info(f->source));
}

sp_status sp_pack_finish(const sp_pack_plan *plan, const sp_pack_record *records, const char *part) {
  finishing f = {.plan = plan, .records = records};
  SP_TRY(sp_survey_open_independent(plan->options->input, false, &f.source));
  sp_status status = sp_placed_file_begin(part, sp_pack_end(records, plan->n_chunks), &f.file);
  if (status == SP_SUCCESS) {
    f.id = sp_placed_file_id(f.file);
    status = fill(&f);
  }
  sp_survey_close(f.source);
  if (status != SP_SUCCESS) {
    sp_placed_file_drop(f.file);
    return status;
  }
  SP_TRY(sp_placed_file_finish(f.file));
  return sp_sync_file(part);
}
