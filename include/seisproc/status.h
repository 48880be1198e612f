/* SPDX-License-Identifier: BSD-3-Clause */
/* Status codes, and the macros that raise and forward them.
 *
 * A function that can fail returns sp_status and sets its outputs on success only. Whoever detects an
 * error first logs one line that says what, where and what is allowed (SP_RAISE); whoever forwards it
 * stays silent (SP_TRY, SP_TRY_GOTO). Codes are ordered by how bad they are, so that the worst status of
 * a set of ranks is their maximum (sp_agree in comm.h).
 */
#ifndef SEISPROC_STATUS_H
#define SEISPROC_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sp_status {
  SP_SUCCESS = 0,
  SP_STOPPED,      /* ended early on request; the same command resumes */
  SP_ERR_GATHER,   /* one gather cannot be processed; reaches that gather only */
  SP_ERR_USAGE,    /* a wrong command line or job file; nothing was touched */
  SP_ERR_INPUT,    /* an input file that cannot be used as it is */
  SP_ERR_IO,       /* a read, write or sync that failed; the same command may resume */
  SP_ERR_MEMORY,   /* an allocation failed */
  SP_ERR_DEVICE,   /* a GPU call failed */
  SP_ERR_MPI,      /* an MPI call failed */
  SP_ERR_INTERNAL, /* a bug in seisproc */
} sp_status;

/* Process exit codes, part of the command-line interface. */
enum {
  SP_EXIT_COMPLETE = 0,  /* everything was done */
  SP_EXIT_INPUT = 1,     /* usage, input, a check that failed, or a bug: the same command ends the same way */
  SP_EXIT_PARTIAL = 2,   /* complete, but some gathers could not be processed */
  SP_EXIT_RESUMABLE = 75 /* stopped early (EX_TEMPFAIL); the same command goes on */
};

/* Short lower-case name of a status ("input", "memory", ...); never NULL. */
const char *sp_status_name(sp_status status);

/* Exit code that goes with a status: SP_EXIT_RESUMABLE for what may be gone when the same command is given again. */
int sp_status_exit_code(sp_status status);

/* The exit code of a command that only looks at files, where others would end with `exit_code`: nothing was begun that
 * could be gone on with, so SP_EXIT_RESUMABLE becomes SP_EXIT_INPUT. */
int sp_status_look_code(int exit_code);

/* Log one error line and return `status`: return SP_RAISE(SP_ERR_INPUT, "%s: no traces", path); */
#define SP_RAISE(status, ...) (sp_raise((status), __FILE__, __LINE__, __VA_ARGS__), (status))

sp_status sp_raise(sp_status status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Forward a failure silently. */
#define SP_TRY(call)                                                                                                   \
  do {                                                                                                                 \
    const sp_status sp_try_ = (call);                                                                                  \
    if (sp_try_ != SP_SUCCESS) return sp_try_;                                                                         \
  } while (0)

/* The same through a clean-up ladder; needs `sp_status status` in scope. */
#define SP_TRY_GOTO(label, call)                                                                                       \
  do {                                                                                                                 \
    status = (call);                                                                                                   \
    if (status != SP_SUCCESS) goto label;                                                                              \
  } while (0)

#ifdef __cplusplus
}
#endif

#endif
