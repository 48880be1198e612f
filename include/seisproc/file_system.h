/* SPDX-License-Identifier: BSD-3-Clause */
/* Which parallel file system holds a file. */
#ifndef SEISPROC_FILE_SYSTEM_H
#define SEISPROC_FILE_SYSTEM_H

#define SP_LUSTRE "Lustre"

/* The name of the parallel file system that the folder of `path` lies on; NULL where it is none that is known.
 * SEISPROC_FILE_SYSTEM=NAME pretends one, for tests. */
const char *sp_parallel_file_system(const char *path);

#endif
