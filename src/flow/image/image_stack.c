/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack of an image: one trace an image point, the sum over its classes in ascending order, made in double
 * precision from the complete output; hits likewise. Each worker makes a share of the points. It is a survey of its own
 * and does not depend on how many workers there are. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/flow/image/image_flow.h"

enum { PIECE_BYTES = 16 << 20 };
static const char stack_of[] = "stack_of"; /* attribute: the output's name */

/* --- its name ----------------------------------------------------------------------------------------------------- */

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Owned by the caller. */
static sp_status stack_path(const char *output, char **out) {
  const size_t n = strlen(output), end = n > 3 && !strcmp(output + n - 3, ".h5") ? n - 3 : n;
  SP_TRY(sp_alloc(n + sizeof "-stack", "a path", out));
  snprintf(*out, n + sizeof "-stack", "%.*s-stack%s", (int)end, output, output + end);
  return SP_SUCCESS;
}

/* Refuses a file that is not the stack of this output. */
static sp_status check_ours(const char *path, const char *output) {
  sp_survey *survey = NULL;
  char *of = NULL;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, false, &survey));
  sp_status status = sp_survey_find_text(survey, "/", stack_of, &of);
  if (status == SP_SUCCESS && (!of || strcmp(of, name_of(output)) != 0)) {
    status = SP_RAISE(SP_ERR_USAGE, "stack: %s is there and not the stack of %s: remove it or write to another output",
                      path, name_of(output));
  }
  sp_free(of);
  sp_survey_close(survey);
  return status;
}

sp_status sp_image_stack_check(const char *output) {
  char *path = NULL;
  SP_TRY(stack_path(output, &path));
  sp_status status = sp_part_check_replace(path);
  if (status == SP_SUCCESS && access(path, F_OK) == 0) status = check_ours(path, output);
  sp_free(path);
  return status;
}

static sp_status paths(const char *output, char **path, char **part) {
  *part = NULL;
  SP_TRY(stack_path(output, path));
  const sp_status status = sp_side_path(*path, SP_SIDE_PART, part);
  if (status != SP_SUCCESS) sp_free(*path);
  return status;
}

/* --- its samples -------------------------------------------------------------------------------------------------- */

/* The output and the stack, open for a share of the points. */
typedef struct stacking {
  const sp_image_shared *image;
  sp_survey *from, *to;
  sp_dataset *traces, *hits, *stack, *stack_hits, *crc;
  float *rows, *sums;       /* [piece][n_classes][n_tau], [piece][n_tau] */
  uint32_t *counts, *total; /* the same */
  uint32_t *crcs;           /* [piece] */
  sp_local piece;
} stacking;

static sp_status open_both(stacking *s, const char *part_path, const char *stack_part, MPI_Comm comm) {
  SP_ALIKE(sp_agree(comm, sp_survey_open(comm, part_path, false, &s->from)));
  SP_ALIKE(sp_agree(comm, sp_survey_open(comm, stack_part, true, &s->to)));
  sp_status status = sp_dataset_open(s->from, "/traces", &s->traces);
  if (status == SP_SUCCESS) status = sp_dataset_open(s->to, "/traces", &s->stack);
  if (status == SP_SUCCESS) status = sp_dataset_open(s->to, "/integrity/crc32c", &s->crc);
  if (status == SP_SUCCESS && s->image->hits) status = sp_dataset_open(s->from, "/hits", &s->hits);
  if (status == SP_SUCCESS && s->image->hits) status = sp_dataset_open(s->to, "/hits", &s->stack_hits);
  return sp_agree(comm, status);
}

static sp_status allocate(stacking *s) {
  const size_t n_tau = s->image->config.grid.n_tau, point = s->image->n_classes * n_tau;
  s->piece = PIECE_BYTES / (point * sizeof(float)) ? (sp_local)(PIECE_BYTES / (point * sizeof(float))) : 1;
  SP_TRY(sp_alloc(s->piece * point * sizeof(float), "classes to stack", &s->rows));
  SP_TRY(sp_alloc(s->piece * point * sizeof(uint32_t), "hits to stack", &s->counts));
  SP_TRY(sp_alloc(s->piece * n_tau * sizeof(float), "a stack", &s->sums));
  SP_TRY(sp_alloc(s->piece * n_tau * sizeof(uint32_t), "the hits of a stack", &s->total));
  return sp_alloc(s->piece * sizeof(uint32_t), "checksums of a stack", &s->crcs);
}

static void close_both(stacking *s) {
  sp_free(s->rows);
  sp_free(s->counts);
  sp_free(s->sums);
  sp_free(s->total);
  sp_free(s->crcs);
  sp_dataset_close(s->traces);
  sp_dataset_close(s->hits);
  sp_dataset_close(s->stack);
  sp_dataset_close(s->stack_hits);
  sp_dataset_close(s->crc);
  sp_survey_close(s->from);
  sp_survey_close(s->to);
}

static void sum_classes(stacking *s, sp_local n) {
  const size_t n_tau = s->image->config.grid.n_tau, n_classes = s->image->n_classes;
  for (size_t p = 0; p < n; p++) {
    for (size_t i = 0; i < n_tau; i++) {
      double sum = 0;
      uint32_t count = 0;
      for (size_t k = 0; k < n_classes; k++) {
        sum += (double)s->rows[(p * n_classes + k) * n_tau + i];
        if (s->hits) count += s->counts[(p * n_classes + k) * n_tau + i];
      }
      s->sums[p * n_tau + i] = (float)sum;
      s->total[p * n_tau + i] = count;
    }
    s->crcs[p] = sp_crc32c(0, s->sums + p * n_tau, n_tau * sizeof(float));
  }
}

static sp_status stack_share(stacking *s, sp_share share) {
  const uint32_t n_classes = s->image->n_classes;
  SP_EACH_PIECE (points, share.first, share.first + share.count, s->piece) {
    const uint64_t p = points.first;
    const sp_local n = (sp_local)points.count;
    SP_TRY(sp_dataset_read_independent(s->traces, p * n_classes, n * n_classes, s->rows));
    if (s->hits) SP_TRY(sp_dataset_read_independent(s->hits, p * n_classes, n * n_classes, s->counts));
    sum_classes(s, n);
    SP_TRY(sp_dataset_write_independent(s->stack, p, n, s->sums));
    if (s->hits) SP_TRY(sp_dataset_write_independent(s->stack_hits, p, n, s->total));
    SP_TRY(sp_dataset_write_independent(s->crc, p, n, s->crcs));
  }
  return SP_SUCCESS;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

/* An image of one class with the traces of all. */
static sp_image_shared one_class(const sp_image_shared *image) {
  sp_image_shared s = *image;
  s.n_classes = 1;
  s.classes[0] = (struct sp_image_class){0};
  for (uint32_t k = 0; k < image->n_classes; k++) s.classes[0].n_traces += image->classes[k].n_traces;
  return s;
}

/* What was done is what was done to the output, and the sum. */
static sp_status create(const sp_image_shared *image, const char *output, const char *part_path,
                        const char *stack_part) {
  static const char form[] = "%s\n\nseisproc " SP_VERSION ": the sum over the traces of each gather";
  sp_survey *from = NULL;
  sp_output_spec spec;
  char *history = NULL;
  char *job = NULL;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, part_path, false, &from));
  const sp_survey_info *info = sp_survey_get_info(from);
  const size_t size = strlen(info->history) + sizeof form;
  sp_status status = sp_alloc(size, "the history", &history);
  if (status == SP_SUCCESS) status = sp_survey_get_text(from, "/", "job", &job);
  if (status == SP_SUCCESS) {
    const sp_attribute_spec attributes[] = {{"/", stack_of, SP_ATTR_TEXT, .text = name_of(output)},
                                            {"/", "job", SP_ATTR_TEXT, .text = job},
                                            {"/", "input_uuid", SP_ATTR_TEXT, .text = info->uuid}};
    snprintf(history, size, form, info->history);
    sp_image_spec(image, &spec);
    spec.info.history = history;
    sp_uuid_derive(history, spec.info.uuid);
    snprintf(spec.info.created_by, sizeof spec.info.created_by, "seisproc " SP_VERSION);
    status = sp_survey_create(stack_part, &spec.info, spec.datasets, spec.n_datasets, attributes, 3);
  }
  sp_free(history);
  sp_free(job);
  sp_survey_close(from);
  return status;
}

sp_status sp_image_stack_make(const sp_flow_plan *plan, const char *part_path, const sp_ranks *ranks,
                              sp_activity *activity) {
  const sp_image_shared *image = sp_image_shared_of(plan);
  const sp_image_shared one = one_class(image);
  stacking s = {.image = image};
  char *path = NULL, *part = NULL;
  const MPI_Comm comm = ranks->comm;
  sp_activity_set(activity, "stacks the image");
  SP_AGREE(comm, paths(plan->job->output, &path, &part));
  sp_status status = SP_SUCCESS;
  if (ranks->rank == 0) status = create(&one, plan->job->output, part_path, part);
  SP_AGREE_GOTO(out, comm, status);
  SP_ALIKE_GOTO(out, open_both(&s, part_path, part, comm));
  SP_AGREE_GOTO(out, comm, allocate(&s));
  SP_ALIKE_GOTO(out, sp_image_write_columns(s.to, &one, ranks, activity));
  status = sp_agree(comm, stack_share(&s, sp_ranks_share(ranks, sp_image_points(image))));
  if (status == SP_SUCCESS) status = sp_agree(comm, sp_survey_sync(s.to));
out:
  close_both(&s);
  sp_free(path);
  sp_free(part);
  return status;
}

sp_status sp_image_stack_publish(const char *output) {
  char *path = NULL, *part = NULL;
  SP_TRY(paths(output, &path, &part));
  const sp_status status = sp_part_publish(part, path);
  sp_free(path);
  sp_free(part);
  return status;
}

void sp_image_stack_forget(const char *output) {
  char *path = NULL, *part = NULL;
  if (paths(output, &path, &part) != SP_SUCCESS) return;
  sp_part_discard(part);
  sp_free(path);
  sp_free(part);
}
