/* SPDX-License-Identifier: BSD-3-Clause */
/* Which file this is, and whether it is still the same. */
#ifndef SEISPROC_FILE_IDENTITY_H
#define SEISPROC_FILE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_file_identity {
  uint64_t bytes;
  int64_t modified_ns; /* since 1970 */
  /* of this machine: another node, or a file system that was mounted anew, may give other numbers for the same file */
  uint64_t device, inode;
} sp_file_identity;

/* Errors: SP_ERR_INPUT, one line. */
sp_status sp_file_identify(const char *path, sp_file_identity *out);

/* Whether two paths lead to one file that is there. */
bool sp_is_one_file(const char *a, const char *b);

/* As sp_file_identify, of an open file; false with errno. */
bool sp_file_identify_open(int fd, sp_file_identity *out);

enum { SP_IDENTITY_TEXT = 128 };

/* Whether two identities differ, and in words how: "it had 1024 bytes, now 512". Device and inode are compared only
 * where same_machine says that both were taken on one. */
bool sp_file_identity_differs(const sp_file_identity *was, const sp_file_identity *is, bool same_machine,
                              char text[SP_IDENTITY_TEXT]);

/* Whether the file at `path` is still this one, on the same machine. Errors: SP_ERR_INPUT, naming what changed. */
sp_status sp_file_check_unchanged(const char *path, const sp_file_identity *was);

#ifdef __cplusplus
}
#endif

#endif
