/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `doctor` where no daemon answers: what nfqdnctl can see by itself. */
#ifndef NFQDN_CONTROL_NFQDNCTL_DOCTOR_H
#define NFQDN_CONTROL_NFQDNCTL_DOCTOR_H

#include <jansson.h>

/* A result as the daemon's `doctor` (doctor.h), whose first finding is that it did not answer at `path`: `error` is what
 * nfqdnctl_client_ask() said, negative. NULL when memory is out. */
json_t *nfqdnctl_doctor(const char *path, int error);

#endif
