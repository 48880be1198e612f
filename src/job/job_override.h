/* SPDX-License-Identifier: BSD-3-Clause */
/* Overrides and keys written in full: "chain.1.dwt.k" reaches into the tree of a job file. */
#ifndef SEISPROC_JOB_JOB_OVERRIDE_H
#define SEISPROC_JOB_JOB_OVERRIDE_H

#include "src/job/yaml_tree.h"

/* Moves every entry of the job, a map, whose key holds a dot to the place that the key names; of chain.0, chain.1, ...
 * each makes a new step, which keys that follow may go into. Mistakes are counted. Errors: SP_ERR_MEMORY. */
sp_status sp_job_expand_keys(sp_mistakes *mistakes, sp_yaml_node *job);

/* Applies "key=value" to the job, a map; the value wins over what is there. Mistakes are counted. Errors:
 * SP_ERR_MEMORY. */
sp_status sp_job_override(sp_mistakes *mistakes, sp_yaml_node *job, const char *override);

#endif
