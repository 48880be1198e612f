/* SPDX-License-Identifier: BSD-3-Clause */
/* Several nodes for `seisproc run` to start its ranks on: which, and how many ranks on each. Nothing here calls MPI. */
#ifndef SEISPROC_HOSTS_H
#define SEISPROC_HOSTS_H

#include <stddef.h>

#include "seisproc/launch.h"

enum { SP_HOST_TEXT = 256 };

typedef struct sp_host {
  char name[SP_HOST_TEXT];
  int slots; /* ranks that it may have; 0: not said */
  int workers, ranks;
} sp_host;

typedef struct sp_hosts {
  sp_host *list; /* [n], in the order of their ranks; each name once */
  size_t n;
} sp_hosts;

/* From "a:4,b:4" or "a,b". A host that is named again adds to its slots. The caller owns *out (sp_hosts_free). Errors:
 * SP_ERR_USAGE, one line. */
sp_status sp_hosts_parse(const char *text, sp_hosts *out);

/* From a file with a host a line: "a", "a:4" or "a slots=4", as the hostfiles of Open MPI and MPICH; # begins a
 * comment. */
sp_status sp_hosts_read(const char *path, sp_hosts *out);

void sp_hosts_free(sp_hosts *hosts);

/* Shares the workers out over the hosts, in turn, each host with its I/O ranks and the first with the coordinator.
 * `layout` is what one such host would have (sp_layout_work_out); it becomes that of all. settings->workers counts over
 * all hosts; where it is auto, a host with slots is filled, another has as many as `layout`. Hosts without a worker are
 * left out. layout->hosts is set to a text that the caller owns (sp_free). Errors: SP_ERR_USAGE, one line, where they
 * do not fit. */
sp_status sp_hosts_lay_out(sp_hosts *hosts, const sp_machine *machine, const sp_job_settings *settings,
                           sp_layout *layout);

#endif
