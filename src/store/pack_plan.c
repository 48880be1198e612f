/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of a packing: which datasets there are, how each is packed, in which chunks. */
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/store/pack_parts.h"

/* A chunk of traces is about a gather, but neither so large that threads have nothing to share out nor so small that
 * the file consists of places. In a job it is a part of a gather where that is large: rows at the seams of tasks, up to
 * a chunk of each, cannot be packed as they come. Other datasets have chunks of COLUMN_BYTES; what is smaller than
 * SMALL_BYTES is left to HDF5. */
enum { MOST_BYTES = 20 << 20, LEAST_BYTES = 1 << 20, MOST_IN_JOB = 2 << 20, LEAST_IN_JOB = 256 << 10 };
enum { COLUMN_BYTES = 1 << 20, SMALL_BYTES = 64 << 10 };

static bool is_samples(const char *path) {
  return !strcmp(path, "/traces") || !strcmp(path, "/noise");
}

static bool is_of_integrity(const char *path) {
  return !strncmp(path, "/integrity/", 11);
}

/* What zfp changes makes checksums of samples, and samples that are kept exactly, those of another file. */
static bool is_left_out(const sp_pack_plan *plan, const char *path) {
  const bool old = is_of_integrity(path) && !plan->options->in_job;
  return plan->codec == SP_CODEC_ZFP && (old || !strncmp(path, SP_EXACT_GROUP "/", 12));
}

static uint64_t ceil_divide(uint64_t n, uint64_t by) {
  return (n + by - 1) / by;
}

/* Traces of a chunk: those of a mean gather, of several where it is small, or a part of it where it is large. */
static uint64_t traces_a_chunk(const sp_survey_info *info, bool in_job) {
  const uint64_t row = info->n_samples * sizeof(float), gathers = info->n_gathers ? info->n_gathers : 1;
  const uint64_t mean = ceil_divide(info->n_traces, gathers), bytes = mean * row;
  const uint64_t most = in_job ? MOST_IN_JOB : MOST_BYTES, least = in_job ? LEAST_IN_JOB : LEAST_BYTES;
  if (bytes > most) return ceil_divide(mean, ceil_divide(bytes, most));
  return bytes < least && mean ? mean * ceil_divide(least, bytes) : mean;
}

/* As pack_batch.c has it: two batches of a chunk a thread, as it is, packed and unpacked again; and a packer each. */
size_t sp_pack_memory(const sp_survey_info *info, bool in_job, int n_threads) {
  const size_t chunk = traces_a_chunk(info, in_job) * info->n_samples * sizeof(float);
  return (size_t)n_threads * (2 * 3 + 1) * chunk;
}

sp_status sp_pack_reader_memory(sp_survey *survey, int n_threads, size_t *bytes) {
  sp_dataset *traces;
  SP_TRY(sp_dataset_open(survey, "/traces", &traces));
  const sp_packed *packed = sp_dataset_packed(traces);
  *bytes = packed ? sp_packed_memory(packed, n_threads) : 0;
  sp_dataset_close(traces);
  return SP_SUCCESS;
}

/* 0: the codec's usual one. Beside computing that is level 1 of Zstandard, too: of byte planes of samples it makes as
 * little as level 3, or within a hundredth of it, in a half to a third of the time. */
static int level_of(const sp_job_settings *s) {
  if (s->pack == SP_JOB_PACK_ZFP) return 0;
  if (s->pack_level != SP_PARAM_AUTO) return s->pack_level;
  return s->pack == SP_JOB_PACK_ZSTD ? 1 : 0;
}

sp_pack_options sp_pack_options_of(const sp_job *job) {
  static const char *const names[] = {NULL, "lz4", "zstd", "zfp"};
  const sp_job_settings *s = &job->settings;
  return (sp_pack_options){.output = job->output,
                           .codec = names[s->pack],
                           .level = level_of(s),
                           .error_bound = s->pack_error_bound,
                           .in_job = true};
}

static bool is_large(uint64_t rows, uint64_t row_bytes) {
  return rows * row_bytes >= SMALL_BYTES;
}

sp_status sp_pack_form_of_results(const sp_pack_options *options, const sp_survey_info *info, sp_chunk_form *out,
                                  bool *packs) {
  sp_pack_how how = {.level = options->level, .samples = true};
  *packs = false;
  if (!options->codec || !sp_codec_parse(options->codec, &how.codec) || how.codec == SP_CODEC_ZFP) return SP_SUCCESS;
  if (!is_large(info->n_traces, info->n_samples * sizeof(float))) return SP_SUCCESS;
  *packs = true;
  return sp_chunk_form_make(&how, traces_a_chunk(info, options->in_job), info->n_samples, sizeof(float), out);
}

static sp_status make_form(const sp_pack_plan *plan, sp_pack_item *item) {
  const sp_dataset_spec *s = &item->spec;
  const uint64_t length = s->row_length ? s->row_length : 1, row = length * sp_type_size(s->type);
  const bool samples = is_samples(item->path);
  uint64_t rows =
      samples ? traces_a_chunk(sp_survey_get_info(plan->survey), plan->options->in_job) : COLUMN_BYTES / row;
  if (rows > s->rows) rows = s->rows;
  /* checksums of what zfp changes are written again once it is packed */
  item->block = plan->codec == SP_CODEC_NONE || (plan->codec == SP_CODEC_ZFP && is_of_integrity(item->path));
  sp_pack_how how = {
      .codec = item->block ? SP_CODEC_NONE : plan->codec, .level = plan->options->level, .samples = samples};
  if (plan->codec == SP_CODEC_ZFP) {
    const sp_pack_bounds *b = item->bounds;
    if (b) how.tolerance = b->tolerance;
    if (b) how.zfp_dims = b->zfp_dims;
  }
  SP_TRY(sp_chunk_form_make(&how, rows ? rows : 1, length, (uint32_t)sp_type_size(s->type), &item->form));
  item->n_chunks = ceil_divide(s->rows, item->form.rows);
  return SP_SUCCESS;
}

static sp_status room_for_one(sp_pack_plan *plan) {
  if (plan->n_items < plan->n_room) return SP_SUCCESS;
  const size_t room = 2 * plan->n_room + 32;
  sp_pack_item *items;
  SP_TRY(sp_calloc(room, sizeof *items, "datasets", &items));
  if (plan->n_items) memcpy(items, plan->items, plan->n_items * sizeof *items);
  for (size_t i = 0; i < plan->n_items; i++) items[i].spec.path = items[i].path;
  sp_free(plan->items);
  plan->items = items;
  plan->n_room = room;
  return SP_SUCCESS;
}

static sp_status add_dataset(const sp_survey *survey, const char *path, void *context) {
  sp_pack_plan *plan = context;
  sp_dataset *d;
  if (is_left_out(plan, path)) return SP_SUCCESS;
  if (strlen(path) >= SP_PACK_PATH) return SP_RAISE(SP_ERR_INPUT, "%s: the name of %s is too long", survey->path, path);
  SP_TRY(room_for_one(plan));
  SP_TRY(sp_dataset_open(plan->survey, path, &d));
  sp_pack_item *item = &plan->items[plan->n_items++];
  if (sp_dataset_samples(d) != SP_SAMPLES_FLOAT32) {
    sp_dataset_close(d);
    return SP_RAISE(SP_ERR_USAGE, "%s: %s has samples of 16 bits with a factor a trace, which are not packed",
                    survey->path, path);
  }
  const uint64_t length = sp_dataset_row_length(d);
  strcpy(item->path, path);
  /* one dimension stays one; a row of one element is one as well, but for samples */
  item->spec = (sp_dataset_spec){.path = item->path,
                                 .type = sp_dataset_type(d),
                                 .rows = sp_dataset_rows(d),
                                 .row_length = length > 1 || is_samples(path) ? length : 0};
  item->placed = is_large(sp_dataset_rows(d), length * sp_type_size(item->spec.type));
  sp_dataset_close(d);
  return SP_SUCCESS;
}

/* Everything that docs/format.md names. */
static sp_status find_datasets(sp_pack_plan *plan) {
  static const char *const single[] = {"/traces", "/noise", "/hits", "/sort_map"};
  static const char *const groups[] = {"/gathers",   "/headers",   "/segy",    SP_EXACT_GROUP,
                                       "/integrity", "/qc/gather", "/qc/trace"};
  char step[32];
  for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
    if (sp_survey_has(plan->survey, single[i])) SP_TRY(add_dataset(plan->survey, single[i], plan));
  }
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    SP_TRY(sp_h5_each_dataset(plan->survey, groups[i], add_dataset, plan));
  }
  for (int k = 0; snprintf(step, sizeof step, "/qc/step/%d", k), sp_survey_has(plan->survey, step); k++) {
    SP_TRY(sp_h5_each_dataset(plan->survey, step, add_dataset, plan));
  }
  return SP_SUCCESS;
}

static sp_status find_bounds(sp_pack_plan *plan) {
  const double part = plan->options->error_bound;
  if (plan->codec != SP_CODEC_ZFP) return SP_SUCCESS;
  SP_TRY(sp_survey_read_index(plan->survey, false, &plan->index));
  for (size_t i = 0; i < plan->n_items; i++) {
    sp_pack_item *item = &plan->items[i];
    if (!item->placed || !is_samples(item->path)) continue;
    SP_TRY(sp_pack_bounds_make(plan->survey, item->path, plan->index, part, plan->options->activity, &item->bounds));
  }
  return SP_SUCCESS;
}

static sp_status check_codec(const sp_pack_options *o, sp_codec *codec) {
  int least, most, usual;
  *codec = SP_CODEC_NONE;
  if (!o->codec) return SP_SUCCESS;
  if (!sp_codec_parse(o->codec, codec) || *codec == SP_CODEC_NONE) {
    return SP_RAISE(SP_ERR_USAGE, "codec '%s', allowed are lz4, zstd and zfp", o->codec);
  }
  sp_codec_levels(*codec, &least, &most, &usual);
  if (o->level && (o->level < least || o->level > most)) {
    if (most == 0) return SP_RAISE(SP_ERR_USAGE, "codec %s has no level, it has an error bound", o->codec);
    return SP_RAISE(SP_ERR_USAGE, "codec %s: level %d, allowed are %d to %d", o->codec, o->level, least, most);
  }
  if (*codec == SP_CODEC_ZFP && !(o->error_bound > 0 && o->error_bound < 1)) {
    return SP_RAISE(SP_ERR_USAGE, "error bound %g of a gather's RMS, allowed is more than 0 and less than 1",
                    o->error_bound);
  }
  return SP_SUCCESS;
}

sp_status sp_pack_check(const sp_pack_options *options) {
  sp_codec codec;
  SP_TRY(check_codec(options, &codec));
  const char *lacks = sp_codec_lacks(codec);
  if (!lacks) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "codec %s: this program was built without %s", sp_codec_name(codec), lacks);
}

static sp_status refuse_plain(const sp_pack_plan *plan) {
  sp_dataset *traces;
  if (plan->codec != SP_CODEC_NONE) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(plan->survey, "/traces", &traces));
  const bool packed = sp_dataset_packed(traces) != NULL;
  sp_dataset_close(traces);
  if (packed) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: is not packed", plan->options->input);
}

static sp_status make_plan(sp_pack_plan *plan) {
  SP_TRY(check_codec(plan->options, &plan->codec));
  SP_TRY(refuse_plain(plan));
  SP_TRY(sp_pack_check(plan->options));
  SP_TRY(find_datasets(plan));
  SP_TRY(find_bounds(plan));
  for (size_t i = 0; i < plan->n_items; i++) {
    sp_pack_item *item = &plan->items[i];
    if (!item->placed) continue;
    SP_TRY(make_form(plan, item));
    item->first_chunk = plan->n_chunks;
    plan->n_chunks += item->n_chunks;
  }
  return SP_SUCCESS;
}

sp_status sp_pack_plan_make(sp_survey *survey, const sp_pack_options *options, sp_pack_plan *out) {
  sp_pack_plan plan = {.survey = survey, .options = options};
  const sp_status status = make_plan(&plan);
  if (status == SP_SUCCESS) {
    *out = plan;
  } else {
    sp_pack_plan_free(&plan);
  }
  return status;
}

void sp_pack_plan_free(sp_pack_plan *plan) {
  for (size_t i = 0; i < plan->n_items; i++) sp_pack_bounds_free(plan->items[i].bounds);
  sp_free(plan->items);
  sp_gather_index_destroy(plan->index);
  *plan = (sp_pack_plan){0};
}

uint64_t sp_pack_place(const sp_pack_item *item, uint64_t chunk, uint64_t end) {
  return item->block && chunk == 0 ? ceil_divide(end, SP_PAGE) * SP_PAGE : end;
}

uint64_t sp_pack_end(const sp_pack_record *records, uint64_t n_chunks) {
  uint64_t end = SP_PLACED_BEGIN;
  for (uint64_t c = 0; c < n_chunks; c++) {
    if (records[c].offset + records[c].bytes > end) end = records[c].offset + records[c].bytes;
  }
  return end;
}

/* Goes up where the same options give other chunks: a packing is finished by the program that began it. */
enum { FORM_OF_CHUNKS = 2 };

void sp_pack_plan_name(const sp_pack_plan *plan, char name[SP_UUID_LENGTH + 1]) {
  char text[512];
  const sp_file_identity identity = sp_survey_identity(plan->survey);
  snprintf(text, sizeof text, "seisproc " SP_VERSION " pack %d: %s, %llu bytes of %lld, %s %d %.17g, %llu chunks",
           FORM_OF_CHUNKS, sp_survey_get_info(plan->survey)->uuid, (unsigned long long)identity.bytes,
           (long long)identity.modified_ns, sp_codec_name(plan->codec), plan->options->level,
           plan->codec == SP_CODEC_ZFP ? plan->options->error_bound : 0, (unsigned long long)plan->n_chunks);
  sp_uuid_derive(text, name);
}
