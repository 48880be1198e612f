/* SPDX-License-Identifier: BSD-3-Clause */
/* From the tree of a job file to the checked struct. */
#ifndef SEISPROC_JOB_JOB_CHECK_H
#define SEISPROC_JOB_JOB_CHECK_H

#include "seisproc/job.h"
#include "src/job/yaml_tree.h"

/* Fills `job`, which is all zero, from the tree. Every mistake is counted; where there is one, `job` is good for
 * sp_job_destroy only. Errors: SP_ERR_MEMORY. */
sp_status sp_job_check(sp_mistakes *mistakes, const sp_yaml_node *tree, sp_job *job);

/* Fills job->chain from the value of `chain`, in the same way. */
sp_status sp_job_check_chain(sp_mistakes *mistakes, const sp_yaml_node *chain, sp_job *job);

/* Reads `node` as a value of `param` into the struct at `values`; `prefix` goes before the key in a mistake. */
void sp_job_check_value(sp_mistakes *mistakes, const char *prefix, const sp_yaml_node *node, const sp_param *param,
                        void *values);

#endif
