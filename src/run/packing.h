/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing the output of a job. Where its flow and codec allow, the chunks of samples are packed by the workers and
 * placed in OUT.packed while it computes (chunk_file.h); what is then left, or all, is packed once the output is
 * complete, from OUT.plain, and OUT.packed becomes OUT. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_PACKING_H
#define SEISPROC_SRC_RUN_PACKING_H

#include "src/run/run_context.h"

bool sp_packing_is_asked(const sp_job *job);

/* Whether the output can be packed as the job asks. Errors: SP_ERR_USAGE. */
sp_status sp_packing_check(const sp_job *job);

/* "zstd", ... */
const char *sp_packing_codec(const sp_job *job);

/* Hands the chunks that were placed to the packing that comes next; the output, in run->part_path, is complete.
 * places may be NULL. One process. Errors: SP_ERR_IO, SP_ERR_INPUT. */
sp_status sp_packing_adopt(const sp_run_context *run, sp_chunk_places *places);

/* Packs run->plain_path to the output, goes on where an earlier run was cut off, and removes the former. Collective
 * over the world. Errors: those of sp_pack, SP_STOPPED where a signal or the job's time asks for it. */
sp_status sp_packing_run(sp_run_context *run);

/* What came of it, as a member of the report. */
void sp_packing_report(sp_json *json, const sp_run_context *run);

#endif
