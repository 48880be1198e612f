/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc doctor: what a job will find on this machine, what is wrong with it, and what to do. */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/status.h"
#include "seisproc/version.h"
#include "src/cli/command.h"
#include "src/cli/doctor.h"
#include "src/cli/option.h"

enum { KEY_JSON = 'j', SCHEMA = 1 };

typedef struct arguments {
  const char *path;
  bool json;
} arguments;

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "Print JSON", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case KEY_JSON:
    args->json = true;
    return 0;
  case ARGP_KEY_ARG:
    if (args->path) argp_error(state, "one folder, found another: %s", value);
    args->path = value;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const char *const state_names[] = {"ok", "none", "warning", "problem"};

static void print_text(const sp_diagnosis *diagnosis) {
  for (size_t i = 0; i < diagnosis->n; i++) {
    const sp_finding *f = &diagnosis->findings[i];
    printf("%-8s %-12s %s\n", state_names[f->state], f->name, f->found);
    if (f->wrong[0]) printf("%21s wrong: %s\n", "", f->wrong);
    if (f->remedy[0]) printf("%21s do:    %s\n", "", f->remedy);
  }
}

static void print_json(const sp_diagnosis *diagnosis, const char *path) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_int(&json, "schema", SCHEMA);
  sp_json_text(&json, "version", sp_version());
  sp_json_text(&json, "host", host);
  sp_json_text(&json, "path", path);
  sp_json_open(&json, "findings", '[');
  for (size_t i = 0; i < diagnosis->n; i++) {
    const sp_finding *f = &diagnosis->findings[i];
    sp_json_open(&json, NULL, '{');
    sp_json_text(&json, "name", f->name);
    sp_json_text(&json, "state", state_names[f->state]);
    sp_json_text(&json, "found", f->found);
    sp_json_text(&json, "wrong", f->wrong[0] ? f->wrong : NULL);
    sp_json_text(&json, "do", f->remedy[0] ? f->remedy : NULL);
    sp_json_close(&json, '}');
  }
  sp_json_close(&json, ']');
  sp_json_close(&json, '}');
}

const struct argp sp_argp_doctor = {
    options,
    parse_option,
    "[FOLDER]",
    "Looks at what a job needs, on this machine and for files in FOLDER (the current one), and says for each thing "
    "what is there and, where something is wrong, what it leads to and what to do: MPI and what it reads files with, "
    "its launcher, PMIx, HDF5, the file system and its striping, interfaces, Slurm, GPUs, cores, memory, limits."
    "\vOn a cluster run it on a compute node, within a job. Writes a small file into FOLDER and removes it. Exits "
    "with "
    "1 where there is a problem, that is, where jobs will fail.",
    NULL,
    NULL,
    NULL};

int sp_cli_doctor(int argc, char **argv) {
  arguments args = {0};
  if (sp_option_parse(&sp_argp_doctor, argc, argv, 0, &args)) return SP_EXIT_INPUT;
  const char *path = args.path ? args.path : ".";
  struct stat about;
  if (stat(path, &about) || !S_ISDIR(about.st_mode)) {
    char quoted[SP_QUOTE_SIZE];
    fprintf(stderr, "seisproc: error: '%s' is no folder\n", sp_quote(path, quoted));
    return SP_EXIT_INPUT;
  }
  sp_diagnosis *diagnosis = NULL; /* too large for the small stack that it is to tell of */
  const sp_status status = sp_calloc(1, sizeof *diagnosis, "a diagnosis", &diagnosis);
  if (status != SP_SUCCESS) return sp_status_exit_code(status);
  sp_diagnose_mpi(diagnosis, path);
  sp_diagnose_file_system(diagnosis, path);
  sp_diagnose_node(diagnosis);
  if (args.json) {
    print_json(diagnosis, path);
  } else {
    print_text(diagnosis);
  }
  bool fails = false;
  for (size_t i = 0; i < diagnosis->n; i++) fails = fails || diagnosis->findings[i].state == SP_FINDING_PROBLEM;
  sp_free(diagnosis);
  return fails ? SP_EXIT_INPUT : SP_EXIT_COMPLETE;
}
