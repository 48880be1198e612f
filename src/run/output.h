/* The output file before the first sample and after the last. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_OUTPUT_H
#define SEISPROC_SRC_RUN_OUTPUT_H

#include "seisproc/survey_file.h"
#include "src/run/run_context.h"

/* Creates the output at `part_path` from the job's input, without headers and samples. Rank 0 alone, which has
 * `source` open alone. The file's bytes are decided by the input and the job, not by when or by how many ranks. */
sp_status sp_output_create(const sp_job *job, const sp_survey *source, const char *part_path);

/* Copies trace headers from the input to the output, in the job's order of traces, with the map of that order. All
 * ranks take a share. Collective over the world. Errors: SP_STOPPED when a signal asked any of them to stop; a file
 * that cannot be read or written ends the job. */
sp_status sp_output_copy_headers(const sp_run_context *run);

/* Writes what became of each gather, then gives the file its own name. Rank 0 alone, when nobody else has it open. */
sp_status sp_output_publish(const sp_job *job, const char *part_path, const sp_gather_result *results,
                            sp_global n_gathers);

#endif
