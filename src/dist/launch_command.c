/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line that starts a job's ranks, for the launchers that there are. */
#include "src/dist/launch_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/launch.h"
#include "seisproc/memory.h"

extern char **environ;

enum { NUMBER_SIZE = 16, HOST_SIZE = 320, NAME_SIZE = 128, MAX_OPTIONS = 16 };

const char *sp_mpirun_name(void) {
  const char *name = getenv("SEISPROC_MPIRUN");
  return name && *name ? name : "mpirun";
}

sp_mpirun sp_mpirun_kind(const char *version) {
  if (!strncmp(version, "slurm", 5)) return SP_MPIRUN_SLURM; /* "slurm 24.05.1", Debian's "slurm-wlm 22.05.8" */
  const bool open = strstr(version, "Open MPI") || strstr(version, "OpenRTE") || strstr(version, "PRRTE");
  return open ? SP_MPIRUN_OPEN_MPI : SP_MPIRUN_HYDRA;
}

void sp_launch_command_free(char **command) {
  for (char **word = command; word && *word; word++) sp_free(*word);
  sp_free(command);
}

static const char *const *launcher_options(sp_mpirun kind, bool allotted) {
  /* these are understood by Open MPI 4.1 and 5 alike; Hydra needs no leave to start more ranks than cores */
  static const char *const open[] = {"--bind-to", "none", "--map-by", ":OVERSUBSCRIBE", NULL};
  static const char *const open_allotted[] = {"--bind-to", "none", NULL};
  static const char *const hydra[] = {"-bind-to", "none", NULL};
  static const char *const slurm[] = {"--kill-on-bad-exit=1", "--overcommit", "--cpu-bind=none", NULL};
  static const char *const slurm_allotted[] = {"--kill-on-bad-exit=1", NULL};
  switch (kind) {
  case SP_MPIRUN_OPEN_MPI:
    return allotted ? open_allotted : open;
  case SP_MPIRUN_SLURM:
    return allotted ? slurm_allotted : slurm;
  case SP_MPIRUN_HYDRA:
    break;
  }
  return hydra;
}

/* A command line in the making. */
typedef struct words {
  char **list; /* ends in NULL */
  size_t n, room;
} words;

static sp_status add_word(words *w, const char *text) {
  if (w->n + 1 >= w->room) {
    const size_t room = 2 * w->room + MAX_OPTIONS;
    char **list = NULL;
    SP_TRY(sp_calloc(room, sizeof *list, "a command line", &list));
    if (w->n) memcpy(list, w->list, w->n * sizeof *list);
    sp_free(w->list);
    w->list = list;
    w->room = room;
  }
  SP_TRY(sp_strdup(text, &w->list[w->n]));
  w->n++;
  return SP_SUCCESS;
}

static sp_status add_words(words *w, const char *const *texts, size_t n) {
  for (size_t i = 0; i < n && texts[i]; i++) SP_TRY(add_word(w, texts[i]));
  return SP_SUCCESS;
}

/* The program with the layout and the arguments. Hosts need not be alike: each shares out its own cores. */
static sp_status add_program(words *w, const sp_layout *layout, const char *program, const char *const *arguments,
                             size_t n) {
  char threads[NUMBER_SIZE], io_ranks[NUMBER_SIZE];
  snprintf(threads, sizeof threads, "%d", layout->threads);
  snprintf(io_ranks, sizeof io_ranks, "%d", layout->io_ranks);
  const char *const start[] = {program, "run", NULL};
  const char *const with_threads[] = {"--threads", threads, NULL};
  const char *const with_io_ranks[] = {"--io-ranks", io_ranks, NULL};
  SP_TRY(add_words(w, start, MAX_OPTIONS));
  if (!layout->hosts) SP_TRY(add_words(w, with_threads, MAX_OPTIONS));
  SP_TRY(add_words(w, with_io_ranks, MAX_OPTIONS));
  return add_words(w, arguments, n);
}

/* What tells this program how to run, as its own environment has it: -x NAME for Open MPI. */
static sp_status add_environment(words *w) {
  static const char prefix[] = "SEISPROC_", *const always[] = {SP_OUTCOME_VARIABLE, "SEISPROC_STARTED_AT"};
  for (size_t i = 0; i < 2; i++) {
    SP_TRY(add_word(w, "-x"));
    SP_TRY(add_word(w, always[i]));
  }
  for (char **entry = environ; *entry; entry++) {
    char name[NAME_SIZE];
    if (strncmp(*entry, prefix, sizeof prefix - 1) != 0) continue;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
    if (!strcmp(name, always[0]) || !strcmp(name, always[1])) continue;
    SP_TRY(add_word(w, "-x"));
    SP_TRY(add_word(w, name));
  }
  return SP_SUCCESS;
}

/* Open MPI's list of hosts begins with its own, whatever the order; where each host is a part of the command line, the
 * ranks are in that order. It hands on no environment to other hosts but what it is told to. */
static sp_status add_open_hosts(words *w, const sp_layout *layout, const char *program, const char *const *arguments,
                                size_t n) {
  for (const char *at = layout->hosts; *at;) {
    char host[HOST_SIZE];
    const size_t length = strcspn(at, ",");
    snprintf(host, sizeof host, "%.*s", (int)length, at);
    const char *colon = strrchr(host, ':');
    const char *const part[] = {"-n", colon ? colon + 1 : "1", "--host", host, NULL};
    if (at != layout->hosts) SP_TRY(add_word(w, ":"));
    SP_TRY(add_words(w, part, MAX_OPTIONS));
    SP_TRY(add_environment(w));
    SP_TRY(add_program(w, layout, program, arguments, n));
    at += length + (at[length] == ',');
  }
  return SP_SUCCESS;
}

static sp_status write_command(words *w, sp_mpirun kind, const sp_layout *layout, const char *program,
                               const char *const *arguments, size_t n) {
  char ranks[NUMBER_SIZE];
  snprintf(ranks, sizeof ranks, "%d", layout->ranks);
  const char *const n_ranks[] = {"-n", ranks, NULL};
  const char *const hosts[] = {"-hosts", layout->hosts, NULL};
  const bool by_host = layout->hosts && kind == SP_MPIRUN_OPEN_MPI;
  SP_TRY(add_word(w, sp_mpirun_name()));
  if (!by_host) SP_TRY(add_words(w, n_ranks, MAX_OPTIONS));
  if (layout->hosts && !by_host) SP_TRY(add_words(w, hosts, MAX_OPTIONS));
  SP_TRY(add_words(w, launcher_options(kind, layout->allotted), MAX_OPTIONS));
  if (by_host) return add_open_hosts(w, layout, program, arguments, n);
  return add_program(w, layout, program, arguments, n);
}

sp_status sp_launch_command(sp_mpirun kind, const sp_layout *layout, const char *program, const char *const *arguments,
                            size_t n, char ***out) {
  if (layout->hosts && kind == SP_MPIRUN_SLURM) {
    return SP_RAISE(SP_ERR_USAGE, "hosts: srun takes those of Slurm's allocation; leave --hosts and --hostfile out");
  }
  words w = {0};
  const sp_status status = write_command(&w, kind, layout, program, arguments, n);
  if (status == SP_SUCCESS) {
    *out = w.list;
  } else {
    sp_launch_command_free(w.list);
  }
  return status;
}
