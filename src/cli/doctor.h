/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc doctor` finds: for each thing looked at what is there and, where something is wrong, what it leads to
 * and what to do. */
#ifndef SEISPROC_CLI_DOCTOR_H
#define SEISPROC_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum sp_finding_state {
  SP_FINDING_OK,
  SP_FINDING_NONE,    /* it is not there, and need not be */
  SP_FINDING_WARNING, /* jobs run, but slower or less safely than they could */
  SP_FINDING_PROBLEM  /* jobs will fail */
} sp_finding_state;

enum { SP_MAX_FINDINGS = 32, SP_FINDING_TEXT = 512 };

typedef struct sp_finding {
  const char *name; /* "mpi", "file system", ...: constant */
  sp_finding_state state;
  char found[SP_FINDING_TEXT];
  char wrong[SP_FINDING_TEXT];  /* "" where nothing is */
  char remedy[SP_FINDING_TEXT]; /* "" where nothing is */
} sp_finding;

typedef struct sp_diagnosis {
  sp_finding findings[SP_MAX_FINDINGS];
  size_t n;
} sp_diagnosis;

/* Adds a finding that is OK so far and belongs to the diagnosis; what is past the last place overwrites that. */
sp_finding *sp_diagnosis_add(sp_diagnosis *diagnosis, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what is wrong; of several things the worst counts, of equal ones the first. */
void sp_finding_mark(sp_finding *finding, sp_finding_state state, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Makes a file of so many bytes in a folder, and removes it: 0, or the system's error. */
int sp_try_to_write(const char *path, size_t bytes);

/* Runs `child` in a process of its own for at most `seconds`, and takes what it prints on standard output and error.
 * False where it does not end with 0 in time; text is then what there is. */
bool sp_capture(int (*child)(void *context), void *context, int seconds, char *text, size_t size);

/* The same for a program of the PATH. */
bool sp_capture_program(const char *const *arguments, int seconds, char *text, size_t size);

/* Each adds what it looked at. `path` is a folder that can be looked at. */
void sp_diagnose_mpi(sp_diagnosis *diagnosis, const char *path);         /* doctor_mpi.c */
void sp_diagnose_file_system(sp_diagnosis *diagnosis, const char *path); /* doctor_files.c */
void sp_diagnose_node(sp_diagnosis *diagnosis);                          /* doctor_node.c */

#endif
