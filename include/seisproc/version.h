/* SPDX-License-Identifier: BSD-3-Clause */
/* Which version of the library this is. */
#ifndef SEISPROC_VERSION_H
#define SEISPROC_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* "0.2.0": of the library that runs, which need not be the one that a program was compiled with. Never NULL. */
const char *sp_version(void);

#ifdef __cplusplus
}
#endif

#endif
