/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon without a kernel: packets of a capture, under the capture's clock, through the code that judges them in
 * nfqdnd. */
#ifndef NFQDN_CONTROL_REPLAY_RUN_H
#define NFQDN_CONTROL_REPLAY_RUN_H

#include "control/capture.h"
#include "control/replay_cmdline.h"
#include "policy/policy.h"

struct replay_run;

/* `policy` and `options` must outlive it. NULL when memory is out. */
struct replay_run *replay_run_new(const struct policy *policy, const struct replay_cmdline *options, FILE *out);
void replay_run_free(struct replay_run *run); /* NULL is allowed */
/* Judges one packet and tells what became of it. */
void replay_run_packet(struct replay_run *run, const struct capture_packet *packet);
/* Tells the summary; `complete`: the capture was read to its end. Returns how many connections were denied. */
uint64_t replay_run_end(struct replay_run *run, bool complete);

#endif
