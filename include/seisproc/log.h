/* SPDX-License-Identifier: BSD-3-Clause */
/* Logging: one line an event, lower case, key then value.
 *
 * Levels are chosen by volume: error and warn when something is wrong, info a few lines a run (from rank 0),
 * debug once a slab, trace once a message. The sink is the only mutable state at file scope in seisproc.
 * All functions may be called from any thread.
 */
#ifndef SEISPROC_LOG_H
#define SEISPROC_LOG_H

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sp_log_level { SP_LOG_ERROR, SP_LOG_WARN, SP_LOG_INFO, SP_LOG_DEBUG, SP_LOG_TRACE } sp_log_level;

/* Lines above `level` are dropped. Default SP_LOG_INFO, or what SEISPROC_LOG names (error ... trace). */
void sp_log_set_level(sp_log_level level);
sp_log_level sp_log_get_level(void);

/* Lines as JSON objects: {"time": "2026-01-31T12:00:00.000Z", "level": "info", "rank": 0, "text": "..."}; rank is left
 * out where there is none. */
void sp_log_set_json(bool json);
bool sp_log_is_json(void);

/* Rank that prefixes lines ("seisproc[3]: ..."); -1, the default, prints no rank. Ranks other than 0 drop
 * info lines. */
void sp_log_set_rank(int rank);

/* Where lines go; default stderr. Borrows `stream`. */
void sp_log_set_stream(FILE *stream);

/* How many warnings and errors this process has logged. */
unsigned long sp_log_count(sp_log_level level);

/* Text of the first error that this process has logged, "" where there was none. Borrowed. */
const char *sp_log_first_error(void);

void sp_log(sp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define sp_warn(...)  sp_log(SP_LOG_WARN, __VA_ARGS__)
#define sp_info(...)  sp_log(SP_LOG_INFO, __VA_ARGS__)
#define sp_debug(...) sp_log(SP_LOG_DEBUG, __VA_ARGS__)
#define sp_trace(...) sp_log(SP_LOG_TRACE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
