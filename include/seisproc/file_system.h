/* SPDX-License-Identifier: BSD-3-Clause */
/* Which file system holds a folder or a file, and of what kind it is. */
#ifndef SEISPROC_FILE_SYSTEM_H
#define SEISPROC_FILE_SYSTEM_H

#define SP_LUSTRE "Lustre"

typedef enum sp_storage_kind {
  SP_STORAGE_LOCAL,    /* a disk of this machine */
  SP_STORAGE_PARALLEL, /* many servers, many clients at once */
  SP_STORAGE_MEMORY,   /* memory of this machine */
  SP_STORAGE_NETWORK,  /* one server */
  SP_STORAGE_LAYERED   /* a container's own layer */
} sp_storage_kind;

typedef struct sp_file_system {
  unsigned long magic; /* as statfs(2) tells */
  const char *name;
  sp_storage_kind kind;
} sp_file_system;

/* The file system of a folder that is there; NULL where it is none that is known, or cannot be told. The result lives
 * for ever. SEISPROC_FILE_SYSTEM=NAME pretends one, for tests. */
const sp_file_system *sp_file_system_of(const char *folder);

/* That of the folder of `path`, which need not be there itself. */
const sp_file_system *sp_file_system_holding(const char *path);

/* The name of the parallel file system that the folder of `path` lies on; NULL where it is none that is known. */
const char *sp_parallel_file_system(const char *path);

#endif
