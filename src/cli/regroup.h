/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc regroup` does: an order of traces from header columns, and every dataset with a row a trace brought
 * into it. */
#ifndef SEISPROC_CLI_REGROUP_H
#define SEISPROC_CLI_REGROUP_H

#include "seisproc/ranks.h"
#include "seisproc/survey_file.h"
#include "src/index/trace_order.h"

typedef struct sp_regroup_options {
  const char *input, *output;
  const char *gather[SP_MAX_GATHER_KEYS], *sort[SP_MAX_ORDER_KEYS - SP_MAX_GATHER_KEYS];
  int n_gather, n_sort;
  bool restart, quiet;
} sp_regroup_options;

/* The order of all traces, and what the new index says of its keys. */
typedef struct sp_regroup_order {
  sp_order order; /* rank 0: all; others: only source, which all have in full */
  char name[SP_NAME_LENGTH + 1];
  int64_t scalar; /* of a single gather key that counts steps; 0: none */
} sp_regroup_order;

/* Reads the keys and makes the order, on rank 0. Memory: 8 bytes a key and trace, and what sp_order_build takes.
 * Errors: SP_ERR_USAGE for columns that are not there, SP_ERR_INPUT for those that are 0 everywhere, or no numbers. */
sp_status sp_regroup_make_order(sp_survey *survey, const sp_regroup_options *options, sp_regroup_order *out);

/* Makes order.source, where it is NULL, that of traces that stay where they are. */
sp_status sp_regroup_fill_order(uint64_t n_traces, sp_regroup_order *order);

/* Gives all ranks order.source, with one entry a trace. Collective. */
sp_status sp_regroup_share_order(const sp_ranks *ranks, uint64_t n_traces, sp_regroup_order *order);

void sp_regroup_clear_order(sp_regroup_order *order);

enum { SP_REGROUP_MAX_PLANES = 400 };

/* A dataset that is moved, and how it is cut into units. */
typedef struct sp_plane {
  char path[2 * SP_NAME_LENGTH];
  uint64_t rows, row_bytes;
  uint64_t unit_rows, first_unit, n_units;
  const uint32_t *source; /* [rows], borrowed: which row of the input goes where */
} sp_plane;

typedef struct sp_plane_list {
  sp_plane plane[SP_REGROUP_MAX_PLANES];
  size_t n;
  uint64_t n_units, largest_rows, largest_unit, bytes;
  uint32_t *exact_source; /* owned; NULL: the survey keeps no exact samples */
  uint64_t *exact_traces; /* [n_exact]: where they go; owned */
  uint64_t n_exact;
} sp_plane_list;

/* All datasets of the input with a row a trace, and the samples that are kept exactly. The same on all ranks. */
sp_status sp_regroup_list_planes(sp_survey *survey, const uint32_t *source, sp_plane_list *out);
void sp_regroup_clear_planes(sp_plane_list *list);

/* Brings unit after unit from one survey to the other. */
typedef struct sp_mover sp_mover;

/* Opens all datasets. Collective over the surveys; `planes` is borrowed. */
sp_status sp_mover_create(const sp_plane_list *planes, sp_survey *from, sp_survey *to, sp_mover **out);

/* Not collective. */
sp_status sp_mover_move(sp_mover *mover, uint64_t unit);

/* Takes NULL. Collective over the surveys. */
void sp_mover_destroy(sp_mover *mover);

#endif
