/* SPDX-License-Identifier: BSD-3-Clause */
/* Being asked to stop: SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 mean "end early, losing nothing".
 *
 * The handler sets one flag for the process, which the rank's loop looks at. It is, with the log sink, the only state
 * at file scope: a signal handler can reach nothing else.
 */
#ifndef SEISPROC_STOP_H
#define SEISPROC_STOP_H

/* Installs the handlers. */
void sp_stop_install(void);

/* The signal that asked this process to stop; 0: none did. */
int sp_stop_signal(void);

#endif
