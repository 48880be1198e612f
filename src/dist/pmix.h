/* SPDX-License-Identifier: BSD-3-Clause */
/* What the process manager tells through PMIx. Private to src/dist.
 *
 * The PMIx library that MPI itself has loaded is used, never a second one, which would not know this process and could
 * clash with the first. Where MPI has loaded none (it has one inside, or another interface), where seisproc was built
 * without PMIx's headers, and where the manager does not say, the answers are "not known". To be called between the
 * start and the end of MPI.
 */
#ifndef SEISPROC_SRC_DIST_PMIX_H
#define SEISPROC_SRC_DIST_PMIX_H

#include <stdbool.h>
#include <stddef.h>

/* The job as the manager names it, such as "1234.0" under srun, which is step 0 of job 1234; false where not known.
 * Cuts what is longer than `size`. */
bool sp_pmix_job_id(char *text, size_t size);

/* From now on the death of a rank is said in the log as soon as the manager reports it; not all do. */
void sp_pmix_report_deaths(void);

#endif
