/* SPDX-License-Identifier: BSD-3-Clause */
/* How a job's samples are moved: what it asks for, what is there, and what came of it before. Private to seisproc. */
#ifndef SEISPROC_SRC_RUN_TRANSFER_H
#define SEISPROC_SRC_RUN_TRANSFER_H

#include "seisproc/json.h"
#include "src/flow/flow.h"

/* Parts of the time that a group of readers may wait for each other before it leaves, where the job leaves it to us. */
#define SP_MOST_WAITING 0.03

/* What is chosen; plain data, the same on all ranks. */
typedef struct sp_transfer_choice {
  bool reads_together, writes_together;
  bool adapts;                        /* reading together ends where it costs too much */
  bool of_all;                        /* workers of all nodes read together, not those of each node */
  char read_why[192], write_why[192]; /* one line each */
  char hints[512];                    /* what MPI-IO is told, key=value, ...; "": nothing that matters */
  sp_stripe stripe;                   /* of a new output on Lustre; bytes 0: it lies elsewhere */
} sp_transfer_choice;

typedef struct sp_transfer_request {
  const sp_job *job;
  const sp_flow_plan *plan;
  const sp_survey *input; /* opened alone */
  int n_workers, n_io, n_nodes;
  const char *history_path; /* of the output; NULL: it has none */
} sp_transfer_request;

/* Not collective. Errors: SP_ERR_USAGE, one line, for what the job asks for and cannot have. Warns of a transfer that
 * an earlier run was left waiting in. */
sp_status sp_transfer_choose(const sp_transfer_request *request, sp_transfer_choice *out);

/* Adds the members "hints" and "stripe", null where there are none; stripe.count -1: all storage targets. */
void sp_transfer_json(sp_json *json, const sp_transfer_choice *choice);

/* How a new output of that name lies on Lustre; bytes 0: as its folder's files do. */
sp_stripe sp_transfer_stripe(const sp_job *job, const char *output);

/* The hints with which the output is opened by n_io ranks. */
sp_io_hints sp_transfer_write_hints(const sp_job *job, const sp_flow_shape *shape, int n_io);

#endif
