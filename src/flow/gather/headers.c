/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace headers go to the output before any sample does: a share for each rank, in blocks of whole gathers, sorted as
 * the job says. What is one block is rank 0's: to open both files together takes the ranks longer than to copy it. */
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/stop.h"
#include "seisproc/trace_sort.h"
#include "src/flow/gather/gather_flow.h"

enum { MAX_DATASETS = 256, BLOCK_TRACES = 1 << 16 };

typedef struct copier {
  const sp_ranks *ranks;
  sp_activity *activity; /* borrowed */
  const sp_job *job;
  sp_survey *input, *output;
  sp_gather_index *index;
  sp_dataset *from[MAX_DATASETS], *to[MAX_DATASETS];
  int n_datasets;
  sp_header_column *key[SP_MAX_SORT_KEYS];
  sp_dataset *sort_map;
  sp_global first_gather, end_gather; /* this rank's share */
  sp_local block_traces;              /* of the largest block */
  void *rows, *spare_row;
  unsigned char *visited;
  double *keys[SP_MAX_SORT_KEYS];
  sp_local *order, *scratch;
  uint64_t *map;
} copier;

/* A block that starts at `gather`: at least one gather, at most BLOCK_TRACES traces otherwise. Empty past the end. */
static sp_range block_from(const copier *c, sp_global gather) {
  if (gather >= c->end_gather) return (sp_range){0};
  const sp_global *first_trace = c->index->first_trace;
  sp_global end = gather + 1;
  while (end < c->end_gather && first_trace[end + 1] - first_trace[gather] <= BLOCK_TRACES) end++;
  return sp_gather_index_range(c->index, gather, (sp_local)(end - gather));
}

static sp_status add_dataset(const char *path, void *context) {
  copier *c = context;
  if (c->n_datasets == MAX_DATASETS) {
    return SP_RAISE(SP_ERR_INPUT, "%s: more than %d header columns", c->job->input, MAX_DATASETS);
  }
  const int i = c->n_datasets++;
  SP_TRY(sp_dataset_open(c->input, path, &c->from[i]));
  return sp_dataset_open(c->output, path, &c->to[i]);
}

static sp_status open_both(copier *c, const char *part_path) {
  const MPI_Comm together = c->ranks->size > 1 ? c->ranks->comm : MPI_COMM_NULL;
  SP_TRY(sp_survey_open_input(together, c->job, NULL, &c->input));
  SP_TRY(sp_survey_open(together, part_path, true, &c->output));
  SP_TRY(sp_survey_each_trace_dataset(c->output, add_dataset, c));
  SP_TRY(sp_survey_read_index(c->input, false, &c->index));
  if (c->job->n_sort == 0) return SP_SUCCESS;
  for (size_t k = 0; k < c->job->n_sort; k++) {
    SP_TRY(sp_header_column_open(c->input, c->job->sort[k], &c->key[k]));
  }
  return sp_dataset_open(c->output, "/sort_map", &c->sort_map);
}

static sp_status make_buffers(copier *c) {
  const sp_share share = sp_ranks_share(c->ranks, c->index->n_gathers);
  c->first_gather = share.first;
  c->end_gather = share.first + share.count;
  c->block_traces = BLOCK_TRACES > c->index->max_traces ? BLOCK_TRACES : c->index->max_traces;
  size_t row_bytes = sizeof(uint64_t);
  for (int i = 0; i < c->n_datasets; i++) {
    const size_t bytes = sp_dataset_row_length(c->from[i]) * sp_type_size(sp_dataset_type(c->from[i]));
    if (bytes > row_bytes) row_bytes = bytes;
  }
  const size_t n = c->block_traces;
  SP_TRY(sp_calloc(n, row_bytes, "trace headers", &c->rows));
  SP_TRY(sp_calloc(1, row_bytes, "a trace header", &c->spare_row));
  if (c->job->n_sort == 0) return SP_SUCCESS;
  SP_TRY(sp_calloc(n, 1, "sorting", &c->visited));
  SP_TRY(sp_calloc(n, sizeof(sp_local), "sorting", &c->order));
  SP_TRY(sp_calloc(n, sizeof(sp_local), "sorting", &c->scratch));
  SP_TRY(sp_calloc(n, sizeof(uint64_t), "the sort map", &c->map));
  for (size_t k = 0; k < c->job->n_sort; k++) {
    SP_TRY(sp_calloc(n, sizeof(double), "sort keys", &c->keys[k]));
  }
  return SP_SUCCESS;
}

static void destroy(copier *c) {
  for (int i = 0; i < c->n_datasets; i++) {
    sp_dataset_close(c->to[i]);
    sp_dataset_close(c->from[i]);
  }
  for (size_t k = 0; k < SP_MAX_SORT_KEYS; k++) {
    sp_header_column_close(c->key[k]);
    sp_free(c->keys[k]);
  }
  sp_dataset_close(c->sort_map);
  sp_survey_close(c->output);
  sp_survey_close(c->input);
  sp_gather_index_destroy(c->index);
  sp_free(c->rows);
  sp_free(c->spare_row);
  sp_free(c->visited);
  sp_free(c->order);
  sp_free(c->scratch);
  sp_free(c->map);
}

/* Works out the order of each gather of a block, and writes it as the map: the input's number of each output trace. */
static sp_status sort_block(copier *c, const sp_range *block) {
  for (size_t k = 0; k < c->job->n_sort; k++) {
    SP_TRY(sp_header_column_read(c->key[k], block->first_trace, block->n_traces, c->keys[k]));
  }
  for (sp_local g = 0; g < block->n_gathers; g++) {
    const sp_global *first_trace = c->index->first_trace + block->first_gather + g;
    const sp_local first = (sp_local)(first_trace[0] - block->first_trace);
    const sp_local n = (sp_local)(first_trace[1] - first_trace[0]);
    const double *keys[SP_MAX_SORT_KEYS];
    for (size_t k = 0; k < c->job->n_sort; k++) keys[k] = c->keys[k] + first;
    sp_trace_sort(keys, c->job->n_sort, n, c->order + first, c->scratch);
    for (sp_local i = 0; i < n; i++) {
      c->map[first + i] = first_trace[0] + c->order[first + i];
      c->order[first + i] += first;
    }
  }
  return sp_dataset_write_independent(c->sort_map, block->first_trace, block->n_traces, c->map);
}

static sp_status copy_block(copier *c, const sp_range *block) {
  if (c->job->n_sort) SP_TRY(sort_block(c, block));
  for (int i = 0; i < c->n_datasets; i++) {
    const size_t row_bytes = sp_dataset_row_length(c->from[i]) * sp_type_size(sp_dataset_type(c->from[i]));
    SP_TRY(sp_dataset_read_independent(c->from[i], block->first_trace, block->n_traces, c->rows));
    if (c->job->n_sort && block->n_traces) {
      sp_trace_permute(c->rows, row_bytes, c->order, block->n_traces, c->spare_row, c->visited);
    }
    SP_TRY(sp_dataset_write_independent(c->to[i], block->first_trace, block->n_traces, c->rows));
  }
  return SP_SUCCESS;
}

/* All ranks take as many turns as the one with the most blocks, and agree after each, so that none goes on for long
 * where one fails or is asked to stop. The transfers are not collective: one that fails could not be left by the
 * others. */
static sp_status copy_blocks(copier *c) {
  int turns = 0;
  for (sp_global g = c->first_gather; g < c->end_gather; turns++) g += block_from(c, g).n_gathers;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &turns, 1, MPI_INT, MPI_MAX, c->ranks->comm));
  sp_global g = c->first_gather;
  for (int turn = 0; turn < turns; turn++) {
    const sp_range block = block_from(c, g);
    sp_status status = copy_block(c, &block);
    if (status == SP_SUCCESS && sp_stop_signal()) status = SP_STOPPED;
    SP_AGREE(c->ranks->comm, status);
    sp_activity_step(c->activity);
    g += block.n_gathers;
  }
  return SP_SUCCESS;
}

/* Collective over `ranks`. */
static sp_status copy_headers(const sp_ranks *ranks, const sp_job *job, const char *part_path, sp_activity *activity) {
  copier c = {.ranks = ranks, .activity = activity, .job = job};
  sp_status status = open_both(&c, part_path);
  SP_AGREE_GOTO(out, c.ranks->comm, status);
  status = make_buffers(&c);
  SP_AGREE_GOTO(out, c.ranks->comm, status);
  status = copy_blocks(&c);
  if (status == SP_ERR_IO) return status; /* HDF5 lets nobody close a file that it could not write */
out:
  destroy(&c);
  return status;
}

sp_status sp_gather_write_headers(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                                  sp_activity *activity) {
  const bool together = plan->shape.n_traces > BLOCK_TRACES;
  if (together) return copy_headers(&roles->world, plan->job, part_path, activity); /* alike */
  const sp_ranks self = sp_ranks_of(MPI_COMM_SELF);
  sp_status status = SP_SUCCESS;
  if (roles->world.rank == 0) status = copy_headers(&self, plan->job, part_path, activity);
  return sp_agree(roles->world.comm, status);
}
