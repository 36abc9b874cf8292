/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Problems to the log. */
#ifndef NFQDN_POLICY_PROBLEM_LOG_H
#define NFQDN_POLICY_PROBLEM_LOG_H

#include "policy/problem.h"

/* Errors as errors; warnings, which --check is for, at the level debug. */
void problem_log(const struct problems *list);

#endif
